"""The macros that a model is used through: their names, and the statements that make and drop them.

`predict_<model>` for the default version, `predict_<model>@<tag>` for each version and alias, `predict_proba_…` for the
probabilities of a classifier, `model_version_<model>` for the version meant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

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


def macro_names(name: str, tag: str | int | None) -> list[str]:
    """The macros of the default of a model, of a version or of an alias."""
    of_version = [] if isinstance(tag, int) else [version_macro(name, tag)]
    return [predict_macro(name, tag), probabilities_macro(name, tag), *of_version]


def macro_statements(
    place: Place, name: str, tag: str | int | None, signature: Signature, key: str
) -> list[str]:
    """The statements that make the macros of a version: by name and typed, of a whole row, and over a table.

    Their bodies name nothing but the functions of the engine, so that they work when the file is renamed or attached
    under another name.
    """
    by_name = {column.name: quote(column.name) for column in signature.inputs}
    of_row = {column.name: f"{_ROW}.{quote(column.name)}" for column in signature.inputs}
    columns = output_columns(
        signature.target, prediction(signature, key, of_row), probabilities(signature, key, of_row)
    )
    over_table = with_columns(_ROW, columns, f"query_table(input_table) AS {_ROW}")
    comment = f"{signature.target.name} from {', '.join(signature.input_names)}"

    def scalar(macro: str, body: Callable[[Signature, str, dict[str, str]], str]) -> list[str]:
        function = qualified(place.database, place.schema, macro)
        return [
            f"CREATE OR REPLACE MACRO {function}({signature.parameter_list}) AS {body(signature, key, by_name)}, "
            f"({_ROW}) AS {body(signature, key, of_row)}",
            f"COMMENT ON MACRO {function} IS {literal(OURS + comment)}",
        ]

    macro = qualified(place.database, place.schema, predict_macro(name, tag))
    with_probabilities = probabilities_macro(name, tag)
    if signature.target.labels is not None:
        of_classes = scalar(with_probabilities, probabilities)
    else:
        of_classes = [
            f"DROP MACRO IF EXISTS {qualified(place.database, place.schema, with_probabilities)}"
        ]
    return [
        *scalar(predict_macro(name, tag), prediction),
        f"CREATE OR REPLACE MACRO {macro}(input_table) AS TABLE {over_table}",
        f"COMMENT ON MACRO TABLE {macro} IS {literal(OURS + comment)}",
        *of_classes,
    ]


def version_macro_statements(place: Place, name: str, tag: str | None, version: int) -> list[str]:
    """The statements that make the macro that answers the version which the default, or an alias, is."""
    macro = qualified(place.database, place.schema, version_macro(name, tag))
    return [
        f"CREATE OR REPLACE MACRO {macro}() AS {literal(f'{place.schema}.{name}@{version}')}",
        f"COMMENT ON MACRO {macro} IS {literal(f'{OURS}the version that {predict_macro(name, tag)} means')}",
    ]


def require_free(found: Iterable[Macro], place: Place, name: str, macros: Iterable[str]) -> None:
    """Raise ModelExistsError when one of the macros found, a user's, has a name that the model's macros would get."""
    wanted = {fold(macro) for macro in macros}
    for macro in found:
        if (
            fold(macro.schema) == fold(place.schema)
            and fold(macro.name) in wanted
            and not macro.is_ours
        ):
            raise ModelExistsError.macro(name, macro.name)


def drop_macros(con: Native, place: Place, macros: Sequence[str]) -> None:
    """Drop macros, of values and of tables, that may or may not be there."""
    for macro in macros:
        function = qualified(place.database, place.schema, macro)
        sessions.write(con, f"DROP MACRO IF EXISTS {function}")
        sessions.write(con, f"DROP MACRO TABLE IF EXISTS {function}")
