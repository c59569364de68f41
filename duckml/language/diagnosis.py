"""Errors of DuckDB about a query with calls of duckml, restated in terms of the model.

DuckDB reports a missing column, or that the arguments of a macro don't fit. The user needs to know
which feature of which model is meant, and what the model takes. Other errors are DuckDB's own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import duckdb

from duckml.errors import DuckmlError, FeatureError
from duckml.errors.wording import line_with_caret
from duckml.language.functions import SQL_FUNCTIONS
from duckml.language.prediction_sql import predict_macro, probabilities_macro
from duckml.language.resolved import Resolved
from duckml.language.syntax import Call
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
_TAKEN = "Duplicate struct entry name"
# The line of SQL that DuckDB shows below a message, and the caret below it.
_SHOWN = re.compile(r"\n\n(?P<prefix>LINE (?P<number>\d+): )(?P<line>.*)\n(?P<caret> *)\^+\s*$")
_WORD = re.compile(r"[\w\"]+")
_PREDICTING = frozenset({"predict", "predict_proba"})

Binds = Callable[[Call, frozenset[str]], bool]


def explain(
    error: duckdb.Error, sql: str, resolved: Mapping[Call, Resolved], binds: Binds
) -> DuckmlError | None:
    """Return the error in terms of a model, None if DuckDB's is the best.

    `binds` returns whether the query would bind if some features of a call were NULL, and all
    features of the other calls. That finds the column of a wrong type.
    """
    message = str(error)
    for pattern in _MISSING:
        if found := pattern.search(message):
            return _missing_column(found["name"], message, sql, resolved)
    if found := _AMBIGUOUS.search(message):
        return _ambiguous_column(found["name"], sql, resolved)
    if found := _ARGUMENTS.search(message):
        return _wrong_type(found["macro"], sql, resolved, binds)
    if _TAKEN in message:
        return _taken_output(message, resolved)
    return None


def error_in_user_text(error: duckdb.Error, text: str) -> duckdb.Error:
    """Return the error with a line of the user's text instead of the rewritten one.

    DuckDB shows a line of the text that it ran, in which a call is a macro with every feature. The
    text at the caret is searched for in the user's. No line is shown if it occurs there never, or
    more than once.
    """
    shown = _SHOWN.search(str(error))
    if shown is None:
        return error
    start = len(shown["caret"]) - len(shown["prefix"])
    # If blanks precede a statement, DuckDB's caret is some letters too far right.
    while start > 0 and _WORD.fullmatch(shown["line"][start - 1]):
        start -= 1
    tail = shown["line"][start:].removesuffix("...").rstrip()
    message = str(error)[: shown.start()].replace('"__duckml_input"', "the input")
    word = _WORD.match(tail)
    for probe in (tail, tail[:20], tail[:10], word[0] if word else ""):
        if probe and text.count(probe) == 1:
            byte = len(text[: text.index(probe)].encode())
            return type(error)(f"{message}\n\n{line_with_caret(text, byte)}")
    return type(error)(message)


def _missing_column(
    name: str, message: str, sql: str, resolved: Mapping[Call, Resolved]
) -> DuckmlError | None:
    """Return the error for a column that a call reads by name: a feature, or the target."""
    for call, model in resolved.items():
        feature = model.signature.find(name)
        is_target = _reads_target(call, model, name)
        if not is_target and (feature is None or not _reads_by_name(call, name)):
            continue
        candidates = _CANDIDATES.search(message)
        columns = _QUOTED.findall(candidates["list"]) if candidates else []
        where = line_with_caret(sql, call.span.start)
        if feature is None:
            return FeatureError.no_target(str(call.model), name, columns, where)
        return FeatureError.missing(str(call.model), name, columns, str(model.signature), where)
    return None


def _reads_by_name(call: Call, feature: str) -> bool:
    """Return whether a call takes a feature from the column of its name."""
    if call.function not in _PREDICTING and not SQL_FUNCTIONS[call.function].measures:
        return False
    if any(argument.name is None and argument.star is None for argument in call.arguments):
        return False
    given = {fold(argument.name) for argument in call.arguments if argument.name is not None}
    return fold(feature) not in given


def _reads_target(call: Call, model: Resolved, name: str) -> bool:
    """Return whether a call compares predictions with a column."""
    if not SQL_FUNCTIONS[call.function].measures:
        return False
    signature = model.signature
    columns = [signature.target.name]
    if signature.transform is not None and signature.transform.target is not None:
        columns = [*signature.transform.target.names]
    return fold(name) in {fold(column) for column in columns}


def _wrong_type(
    macro: str, sql: str, resolved: Mapping[Call, Resolved], binds: Binds
) -> DuckmlError | None:
    """Return the error for an argument whose type DuckDB doesn't cast to the parameter's."""
    for call, model in resolved.items():
        names = (
            predict_macro(model.name, model.tag),
            probabilities_macro(model.name, model.tag),
        )
        if macro not in names:
            continue
        where = line_with_caret(sql, call.span.start)
        every_feature = frozenset(model.signature.input_names)
        wrong = [
            column
            for column in model.signature.inputs
            if not binds(call, every_feature - {column.name})
        ]
        if wrong and binds(call, every_feature):
            expected = [(column.name, column.sql_type) for column in wrong]
            return FeatureError.types(str(call.model), expected, where)
        return FeatureError.some_type(str(call.model), str(model.signature), where)
    return None


def _ambiguous_column(name: str, sql: str, resolved: Mapping[Call, Resolved]) -> DuckmlError | None:
    """Return the error for a feature that is a column of two relations."""
    for call, model in resolved.items():
        by_name = call.function in _PREDICTING and not call.in_from
        if by_name and not call.arguments and model.signature.find(name) is not None:
            return FeatureError.ambiguous(
                str(call.model), name, line_with_caret(sql, call.span.start)
            )
    return None


def _taken_output(message: str, resolved: Mapping[Call, Resolved]) -> DuckmlError | None:
    """Return the error for rows that have a column with the name of the prediction."""
    for call, model in resolved.items():
        target = model.signature.target
        for column in (target.probabilities, target.prediction):
            if call.in_from and fold(column) in fold(message):
                return FeatureError.output_taken(str(call.model), column)
    return None
