"""From the text of a TRANSFORM to its plan, and the check of a stored one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from duckml.database.binding import Column
from duckml.database.sessions import Native
from duckml.errors import StatementError
from duckml.features.column_types import type_family
from duckml.features.input_expressions import Expression, Input, Transform
from duckml.language.expression_text import select_list
from duckml.names import fold, quote
from duckml.training.transform.expressions import ExpressionReader, Node
from duckml.training.transform.ml_calls import called_ml_function, read_call
from duckml.training.transform.plan import TransformItem, TransformPlan
from duckml.training.transform.refusals import unknown_column


def read_transform(con: Native, text: str, columns: Sequence[Column]) -> TransformPlan:
    """Return the plan of a TRANSFORM over the columns of a training query.

    Raises StatementError for an expression that can't be computed again from one row, an unknown
    column, or an item without a name.
    """
    inputs = tuple(Input(column.name, _parameter_type(column.sql_type)) for column in columns)
    reader = ExpressionReader(con, {column.name: column.sql_type for column in inputs})
    items = [item for part in select_list(text) for item in _read_item(reader, *part)]
    seen: set[str] = set()
    for item in items:
        if fold(item.name) in seen:
            raise StatementError(f'TRANSFORM makes the column "{item.name}" twice.')
        seen.add(fold(item.name))
    if not any(item.expression.names for item in items):
        raise StatementError("TRANSFORM reads no column of the query.")
    return TransformPlan(tuple(items), inputs, text)


def require_replayable(con: Native, transform: Transform) -> None:
    """Raise StatementError unless a user could have written every stored expression.

    The ML functions of a stored TRANSFORM are plain SQL.
    """
    expressions = list(transform.features.values())
    if transform.target is not None:
        expressions.append(transform.target)
    # A file from elsewhere may read columns that it doesn't declare. They have no type.
    types = {name: "" for expression in expressions for name in expression.names}
    types |= {column.name: column.sql_type for column in transform.inputs}
    reader = ExpressionReader(con, types)
    values = {name: quote(name) for name in reader.types}
    for expression in expressions:
        text = expression.render(values)
        # In brackets, so that neither a name nor a comment can follow the expression.
        reader.parse(f"({text})")
        reader.read(text)


def _parameter_type(sql_type: str) -> str:
    """Return the type of a column as a parameter of the model's function."""
    return "VARCHAR" if type_family(sql_type) == "ENUM" else sql_type


def _read_item(reader: ExpressionReader, text: str, value: str) -> Iterator[TransformItem]:
    """Return the columns that one item of the list makes; `value` is its text without the alias."""
    node = reader.parse(text)
    if node["class"] == "STAR":
        yield from _read_star(reader, node, text)
        return
    function = called_ml_function(node)
    if function is not None:
        yield from read_call(reader, function, node, value)
        return
    name = node["alias"] or (node["column_names"][-1] if node["class"] == "COLUMN_REF" else "")
    if not name:
        raise StatementError(f"TRANSFORM needs a name for {value}: {value} AS name.")
    yield TransformItem(name, reader.read(value))


def _read_star(reader: ExpressionReader, node: Node, text: str) -> Iterator[TransformItem]:
    if any(node[part] for part in ("replace_list", "columns", "relation_name", "rename_list")):
        raise StatementError(
            f"TRANSFORM supports * and * EXCLUDE (…), not {text}. Name the columns."
        )
    excluded = {fold(name) for name in node["exclude_list"]}
    for name in excluded - set(reader.columns):
        raise unknown_column(name, list(reader.columns.values()))
    for folded, name in reader.columns.items():
        if folded not in excluded:
            yield TransformItem(name, Expression(("", name, "")))
