"""Expressions that TRANSFORM refuses, because one row alone can't compute them again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from duckml.errors import StatementError
from duckml.language.functions import TRANSFORM_FUNCTIONS
from duckml.names import fold, listed, nearest
from duckml.training.transform.fitted_functions import FITTED_FUNCTIONS

_WITH_THE_ROWS = "its value would change with the rows that are predicted"
# By the class of a node in DuckDB's syntax tree.
_REFUSED_NODES = {
    "SUBQUERY": ("a subquery", "every prediction would depend on other tables"),
    "PARAMETER": ("a parameter", "it has no value when a prediction is made"),
}
# By the kind of a function in DuckDB's catalog.
_REFUSED_FUNCTIONS = {
    "macro": ("the macro {}", "it can be changed, and a version must not change with it"),
    "aggregate": ("the aggregate {}", _WITH_THE_ROWS),
    "volatile": (
        "{}()",
        "it returns another value at another time, or in another session",
    ),
}


def refused(found: str, why: str) -> StatementError:
    """Return the error for an expression that TRANSFORM can't compute again."""
    functions = ", ".join("ML." + name.upper() for name in sorted(FITTED_FUNCTIONS))
    return StatementError(
        f"TRANSFORM can't contain {found}: {why}. Compute it in the query after AS, or use one of "
        f"the ML functions, which are fitted in training: {functions}."
    )


def unknown_function(name: str) -> StatementError:
    """Return the error for an ML function that is not supported, with the nearest one."""
    known = sorted(TRANSFORM_FUNCTIONS)
    close = nearest(name, known)
    hint = f" Did you mean ML.{close.upper()}?" if close else ""
    functions = ", ".join("ML." + function.upper() for function in known)
    return StatementError(
        f"ML.{name.upper()} is not supported in TRANSFORM.{hint} Supported: {functions}."
    )


def unknown_column(name: str, columns: Sequence[str]) -> StatementError:
    """Return the error for a column that the training query doesn't return."""
    close = nearest(name, columns)
    hint = f' Did you mean "{close}"?' if close else ""
    return StatementError(
        f'TRANSFORM names the column "{name}", which the query doesn\'t return.{hint}\n'
        f"It returns {listed(columns)}."
    )


def check_node(
    node: Mapping[str, Any], columns: Collection[str], kinds: Mapping[str, Collection[str]]
) -> None:
    """Raise StatementError if one row alone can't give the value of a node.

    `node` is of DuckDB's syntax tree, `columns` are folded names, and `kinds` are the kinds of
    functions in DuckDB's catalog.
    """
    kind, name = node.get("class"), node.get("function_name", "")
    if kind == "STAR":
        raise StatementError(
            "In TRANSFORM a star must be an item of its own: * or * EXCLUDE (…). Name the columns."
        )
    if kind == "POSITIONAL_REFERENCE":
        raise StatementError("TRANSFORM does not support #1. Name the column.")
    if kind == "WINDOW":
        if node.get("schema", "").lower() == "ml":
            raise StatementError(
                f"In TRANSFORM ML.{name.upper()} must be an item of its own: ML.… OVER () AS name."
            )
        raise refused(f"the window function {name}", _WITH_THE_ROWS)
    if kind in _REFUSED_NODES:
        raise refused(*_REFUSED_NODES[kind])
    if kind == "FUNCTION":
        _check_function(name, node.get("schema", ""), columns, kinds.get(name, ()))


def _check_function(
    name: str, schema: str, columns: Collection[str], kinds: Collection[str]
) -> None:
    if schema.lower() == "ml":
        raise unknown_function(name)
    if fold(schema) in columns:
        raise StatementError(f"TRANSFORM requires {name}({schema}) instead of {schema}.{name}().")
    for kind, (found, why) in _REFUSED_FUNCTIONS.items():
        if kind in kinds:
            raise refused(found.format(name), why)
    if name in {"predict", "predict_proba", "model_version"}:
        raise refused(name.upper(), "the model would depend on another model; call it in the query")
