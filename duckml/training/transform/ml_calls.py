"""Calls of ML functions in a TRANSFORM, and the items that they make."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from duckml.errors import StatementError
from duckml.features.column_types import is_number, type_family
from duckml.features.input_expressions import Expression
from duckml.language.expression_text import argument_value, arguments_of
from duckml.training.transform.expressions import ExpressionReader, Node
from duckml.training.transform.fitted_functions import (
    FITTED_FUNCTIONS,
    Around,
    FittedFunction,
    bins,
    evaluated_once,
    most_frequent_imputer,
    split_points,
    whole_setting,
)
from duckml.training.transform.plan import TransformItem
from duckml.training.transform.refusals import unknown_function


@dataclass(frozen=True)
class _Expansion:
    """A function of a STRUCT that makes one column per combination of its fields.

    `least` is the smallest number of fields in a combination, `around` the SQL of a field, and
    `joint` the SQL between two fields.
    """

    least: int
    repeats: bool
    around: Around
    joint: str


EXPANSIONS = {
    "polynomial_expand": _Expansion(1, True, ("CAST(", " AS DOUBLE)"), " * "),
    "feature_cross": _Expansion(2, False, ("CAST(", " AS VARCHAR)"), " || '_' || "),
}


def called_ml_function(node: Node) -> str | None:
    """Return the name of the ML function that an item calls, or None."""
    is_call = node["class"] in {"WINDOW", "FUNCTION"}
    if not is_call or node.get("schema", "").lower() != "ml":
        return None
    name = str(node["function_name"])
    if node.get("partitions") or node.get("orders"):
        raise StatementError(f"ML.{name.upper()} is fitted on all training rows: use OVER ().")
    return name


def read_call(
    reader: ExpressionReader, function: str, node: Node, text: str
) -> Iterator[TransformItem]:
    """Return the items that a call of an ML function makes; raise StatementError for a bad call."""
    name = node["alias"]
    if not name:
        raise StatementError(f"TRANSFORM needs a name for {text}: {text} AS name.")
    arguments = [argument["expression"] for argument in node["arguments"]]
    if not arguments:
        raise StatementError(f"ML.{function.upper()} needs a column.")
    texts = arguments_of(text)
    if function in EXPANSIONS:
        yield from _expand(reader, function, name, arguments[0], texts)
    elif function == "bucketize":
        yield _bucketize(reader, name, texts)
    else:
        yield _fitted(reader, function, name, texts)


def _bucketize(reader: ExpressionReader, name: str, texts: Sequence[str]) -> TransformItem:
    settings = [reader.constant(value) for value in texts[1:]]
    expression = reader.read(texts[0])
    _require_number(reader, "bucketize", texts[0], expression)
    around = evaluated_once(bins(split_points(settings)))
    return TransformItem(name, expression.within("CAST(", " AS DOUBLE)").within(*around))


def _fitted(
    reader: ExpressionReader, function: str, name: str, texts: Sequence[str]
) -> TransformItem:
    settings = tuple(reader.constant(value) for value in texts[1:])
    expression = reader.read(texts[0])
    fitted = FITTED_FUNCTIONS.get(function)
    if function == "imputer" and settings and str(settings[0]).lower() == "most_frequent":
        fitted = _imputer_of(reader, expression)
    if fitted is None:
        raise unknown_function(function)
    # Constants are counted here, because fitting happens after the rows have been read.
    if len(settings) > fitted.settings:
        raise StatementError(
            f"ML.{function.upper()} takes a column and at most {fitted.settings} settings."
        )
    if fitted.takes == "DOUBLE":
        _require_number(reader, function, texts[0], expression)
    return TransformItem(name, expression, fitted, settings)


def _imputer_of(reader: ExpressionReader, expression: Expression) -> FittedFunction:
    is_numeric = is_number(reader.type_of(expression))
    return most_frequent_imputer("DOUBLE" if is_numeric else "VARCHAR")


def _require_number(
    reader: ExpressionReader, function: str, text: str, expression: Expression
) -> None:
    """Raise StatementError for an argument that can't be cast to a number."""
    found = reader.type_of(expression)
    if not (is_number(found) or type_family(found) in {"VARCHAR", "BOOLEAN", "UUID"}):
        raise StatementError(f"ML.{function.upper()} requires a number, and {text} is {found}.")


def _expand(
    reader: ExpressionReader, function: str, name: str, node: Node, texts: Sequence[str]
) -> Iterator[TransformItem]:
    is_struct = node["class"] == "FUNCTION" and node["function_name"] in {
        "struct",
        "struct_pack",
        "row",
    }
    if not is_struct:
        raise StatementError(f"ML.{function.upper()} requires STRUCT(column, …).")
    if len(texts) > 2:
        raise StatementError(f"ML.{function.upper()} takes STRUCT(column, …) and a degree.")
    degree = 2
    if len(texts) > 1:
        meaning = f"The degree of ML.{function.upper()}"
        degree = whole_setting(reader.constant(texts[1]), 1, meaning)
    fields = _fields(reader, node, texts[0])
    expansion = EXPANSIONS[function]
    choose = (
        itertools.combinations_with_replacement if expansion.repeats else itertools.combinations
    )
    for size in range(expansion.least, degree + 1):
        for chosen in choose(fields, size):
            names = "_".join([name, *(field for field, _ in chosen)])
            parts = [expression.within(*expansion.around) for _, expression in chosen]
            yield TransformItem(names, _joined(parts, expansion.joint))


def _fields(reader: ExpressionReader, node: Node, text: str) -> list[tuple[str, Expression]]:
    """Return the fields of a STRUCT by name; a column without a name has its own."""
    fields = []
    values = zip(arguments_of(text), node["arguments"], strict=True)
    for number, (value, argument) in enumerate(values, 1):
        expression = argument["expression"]
        of_column = expression.get("column_names", [f"f{number}"])[-1]
        field = argument["name"] or expression["alias"] or of_column
        fields.append((field, reader.read(argument_value(value))))
    return fields


def _joined(parts: Sequence[Expression], joint: str) -> Expression:
    pieces = list(parts[0].pieces)
    for part in parts[1:]:
        first, *others = part.pieces
        pieces[-1] += joint + first
        pieces += others
    return Expression(tuple(pieces))
