"""Why DuckDB refused a query with our calls in it, in the words of the model.

DuckDB says which column is missing or that a macro's arguments don't fit; what the analyst needs to know is which
feature of which model is meant, what the model takes and what to write instead. What isn't understood here is passed
on as DuckDB said it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import duckdb

from duckml.errors import DuckmlError, FeatureError
from duckml.errors.wording import line_with_caret
from duckml.language.functions import SQL_FUNCTIONS
from duckml.language.prediction_sql import predict_macro, probabilities_macro
from duckml.language.syntax import Call, Resolved
from duckml.names import fold

_MISSING = (
    re.compile(r'Referenced column "(?P<name>.+?)" (?:was )?not found'),
    re.compile(r'does not have a column named "(?P<name>.+?)"'),
    re.compile(r'Could not find key "(?P<name>.+?)" in struct'),
)
_CANDIDATES = re.compile(r"Candidate (?:bindings|Entries):\s*:?\s*(?P<list>.+)")
_QUOTED = re.compile(r'"((?:[^"]|"")*)"')
_AMBIGUOUS = re.compile(r'Ambiguous reference to column name "(?P<name>.+?)"')
_ARGUMENTS = re.compile(
    r"Macro \"?(?P<macro>.+?)\"?\(\) does not support the supplied arguments", re.DOTALL
)
# The line of SQL that DuckDB shows below a message, and the caret below it.
_SHOWN = re.compile(r"\n\n(?P<prefix>LINE (?P<number>\d+): )(?P<line>.*)\n(?P<caret> *)\^+\s*$")
_WORD = re.compile(r"[\w\"]+")
_TAKEN = "Duplicate struct entry name"

Binds = Callable[[Call, frozenset[str]], bool]


def explain(
    error: duckdb.Error, sql: str, resolved: Mapping[Call, Resolved], binds: Binds
) -> DuckmlError | None:
    """Our error for one of DuckDB's, or None when DuckDB's says it best.

    `binds` tells whether the query would bind if some features of a call were NULL, and all of the other calls': that
    finds the column of a wrong type.
    """
    message = str(error)
    for pattern in _MISSING:
        if found := pattern.search(message):
            return _missing(found["name"], message, sql, resolved)
    if found := _AMBIGUOUS.search(message):
        return _ambiguous(found["name"], sql, resolved)
    if found := _ARGUMENTS.search(message):
        return _wrong_type(found["macro"], sql, resolved, binds)
    if _TAKEN in message:
        for call, model in resolved.items():
            for column in (model.signature.target.probabilities, model.signature.target.prediction):
                if call.in_from and fold(column) in fold(message):
                    return FeatureError.output_taken(str(call.model), column)
    return None


def in_the_users_text(error: duckdb.Error, text: str) -> duckdb.Error:
    """The error with the line that DuckDB shows taken from the text that the user wrote, where that can be told.

    DuckDB shows what it was given, in which a call of ours is a macro with every feature in it. What stands behind its
    caret is looked for in the user's text; where it isn't there, or more than once, no line is shown.
    """
    shown = _SHOWN.search(str(error))
    if shown is None:
        return error
    start = len(shown["caret"]) - len(shown["prefix"])
    while start > 0 and _WORD.fullmatch(shown["line"][start - 1]):
        start -= 1  # with blanks before a statement DuckDB's caret is some letters late
    tail = shown["line"][start:].removesuffix("...").rstrip()
    said = str(error)[: shown.start()].replace('"__duckml_input"', "the input")
    word = _WORD.match(tail)
    for probe in (tail, tail[:20], tail[:10], word[0] if word else ""):
        if probe and text.count(probe) == 1:
            return type(error)(
                f"{said}\n\n{line_with_caret(text, len(text[: text.index(probe)].encode()))}"
            )
    return type(error)(said)


def _missing(
    name: str, message: str, sql: str, resolved: Mapping[Call, Resolved]
) -> DuckmlError | None:
    """The column that DuckDB misses is a feature that a call takes by name."""
    for call, model in resolved.items():
        feature = model.signature.find(name)
        measures = SQL_FUNCTIONS[call.function].measures
        if call.function not in {"predict", "predict_proba"} and not measures:
            continue
        by_name = not any(a.name is None and a.star is None for a in call.arguments)
        given = any(a.name is not None and fold(a.name) == fold(name) for a in call.arguments)
        transform = model.signature.transform
        of_target = [model.signature.target.name]
        if transform is not None and transform.target is not None:
            of_target = [*transform.target.names]
        target = measures and fold(name) in {fold(column) for column in of_target}
        if (feature is not None and by_name and not given) or target:
            candidates = _CANDIDATES.search(message)
            columns = _QUOTED.findall(candidates["list"]) if candidates else []
            where = line_with_caret(sql, call.span.start)
            if target and feature is None:
                return FeatureError.no_target(str(call.model), name, columns, where)
            return FeatureError.missing(str(call.model), name, columns, str(model.signature), where)
    return None


def _wrong_type(
    macro: str, sql: str, resolved: Mapping[Call, Resolved], binds: Binds
) -> DuckmlError | None:
    """An argument has a type that DuckDB doesn't take for the parameter."""
    for call, model in resolved.items():
        if macro not in {
            predict_macro(model.name, model.tag),
            probabilities_macro(model.name, model.tag),
        }:
            continue
        everything = frozenset(model.signature.input_names)
        wrong = [
            column
            for column in model.signature.inputs
            if not binds(call, everything - {column.name})
        ]
        if wrong and binds(call, everything):
            expected = [(column.name, column.sql_type) for column in wrong]
            return FeatureError.types(
                str(call.model), expected, line_with_caret(sql, call.span.start)
            )
        return FeatureError.some_type(
            str(call.model), str(model.signature), line_with_caret(sql, call.span.start)
        )
    return None


def _ambiguous(name: str, sql: str, resolved: Mapping[Call, Resolved]) -> DuckmlError | None:
    """A feature that a call takes by name is a column of two relations."""
    for call, model in resolved.items():
        by_name = call.function in {"predict", "predict_proba"} and not call.in_from
        if by_name and not call.arguments and model.signature.find(name) is not None:
            return FeatureError.ambiguous(
                str(call.model), name, line_with_caret(sql, call.span.start)
            )
    return None
