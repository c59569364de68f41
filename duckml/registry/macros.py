"""The macros of a model: their names, and the statements that create and drop them.

`predict_<model>` is of the default version, `predict_<model>@<tag>` of a version or an alias.
`predict_proba_…` returns the probabilities of a classifier, `model_version_…` the version meant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from duckml.database import sessions
from duckml.database.catalog import OURS, Macro
from duckml.database.search_path import Place
from duckml.database.sessions import Native
from duckml.errors import ModelExistsError
from duckml.features.signature import Signature
from duckml.language.prediction_sql import (
    output_columns,
    predict_macro,
    prediction,
    probabilities,
    probabilities_macro,
    version_macro,
    with_columns,
)
from duckml.names import fold, literal, qualified, quote

_ROW = '"__duckml_row"'  # the parameter of the macros that take a whole row or a table

# Signature, key and the SQL of each input to the body of a macro.
Body = Callable[[Signature, str, Mapping[str, str]], str]


def macro_names(name: str, tag: str | int | None) -> list[str]:
    """Return the names of the macros of a version, of an alias, or for None of the default."""
    of_version = [] if isinstance(tag, int) else [version_macro(name, tag)]
    return [predict_macro(name, tag), probabilities_macro(name, tag), *of_version]


def macro_statements(
    place: Place, name: str, tag: str | int | None, signature: Signature, key: str
) -> list[str]:
    """Return the statements that create the macros of a version.

    A scalar macro has an overload with a typed parameter per input and one for a whole row; the
    table macro takes the name of a table. The bodies mention only functions of the engine, so that
    they work when the file is renamed or attached under another name.
    """
    predict = qualified(place.database, place.schema, predict_macro(name, tag))
    proba = qualified(place.database, place.schema, probabilities_macro(name, tag))
    statements = [
        *_scalar_macro(predict, prediction, signature, key),
        *_table_macro(predict, signature, key),
    ]
    if signature.target.labels is None:
        # A version before this one may have been a classifier.
        return [*statements, f"DROP MACRO IF EXISTS {proba}"]
    return [*statements, *_scalar_macro(proba, probabilities, signature, key)]


def _scalar_macro(function: str, body: Body, signature: Signature, key: str) -> list[str]:
    by_name = {column.name: quote(column.name) for column in signature.inputs}
    by_name_body = body(signature, key, by_name)
    by_row_body = body(signature, key, _fields_of_row(signature))
    return [
        f"CREATE OR REPLACE MACRO {function}({signature.parameter_list}) AS {by_name_body}, "
        f"({_ROW}) AS {by_row_body}",
        f"COMMENT ON MACRO {function} IS {_comment(signature)}",
    ]


def _table_macro(function: str, signature: Signature, key: str) -> list[str]:
    fields = _fields_of_row(signature)
    columns = output_columns(
        signature.target,
        prediction(signature, key, fields),
        probabilities(signature, key, fields),
    )
    select = with_columns(_ROW, columns, f"query_table(input_table) AS {_ROW}")
    return [
        f"CREATE OR REPLACE MACRO {function}(input_table) AS TABLE {select}",
        f"COMMENT ON MACRO TABLE {function} IS {_comment(signature)}",
    ]


def _fields_of_row(signature: Signature) -> dict[str, str]:
    return {column.name: f"{_ROW}.{quote(column.name)}" for column in signature.inputs}


def _comment(signature: Signature) -> str:
    inputs = ", ".join(signature.input_names)
    return literal(f"{OURS}{signature.target.name} from {inputs}")


def version_macro_statements(place: Place, name: str, tag: str | None, version: int) -> list[str]:
    """Return the statements that create the macro whose result is the version meant."""
    macro = qualified(place.database, place.schema, version_macro(name, tag))
    result = literal(f"{place.schema}.{name}@{version}")
    comment = literal(f"{OURS}the version that {predict_macro(name, tag)} means")
    return [
        f"CREATE OR REPLACE MACRO {macro}() AS {result}",
        f"COMMENT ON MACRO {macro} IS {comment}",
    ]


def being_trained_statements(place: Place, name: str) -> list[str]:
    """Return the statements that create a macro for a model that is being trained."""
    macro = qualified(place.database, place.schema, predict_macro(name))
    return [
        f"CREATE MACRO {macro}() AS error('This model is being trained.')",
        f"COMMENT ON MACRO {macro} IS {literal(OURS + 'being trained')}",
    ]


def require_free(found: Iterable[Macro], place: Place, name: str, macros: Iterable[str]) -> None:
    """Raise ModelExistsError if a user's macro has a name that the model's macros would get.

    `found` are the macros of the database.
    """
    wanted = {fold(macro) for macro in macros}
    for macro in found:
        is_here = fold(macro.schema) == fold(place.schema)
        if is_here and fold(macro.name) in wanted and not macro.is_ours:
            raise ModelExistsError.macro(name, macro.name)


def drop_macros(session: Native, place: Place, macros: Sequence[str]) -> None:
    """Drop scalar and table macros that may or may not exist."""
    for macro in macros:
        function = qualified(place.database, place.schema, macro)
        sessions.write(session, f"DROP MACRO IF EXISTS {function}")
        sessions.write(session, f"DROP MACRO TABLE IF EXISTS {function}")
