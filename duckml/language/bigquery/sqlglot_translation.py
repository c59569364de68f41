"""SQL without ML functions, translated by sqlglot, with corrections of its result."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Collection, Iterator
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from duckml.errors import StatementError
from duckml.language.bigquery.lexer import unreadable
from duckml.names import fold, quote


def translate_expression(sql: str, databases: Collection[str]) -> str:
    """Return an expression, or the items of a SELECT list, as DuckDB's SQL on one line."""
    return translate_sql(f"SELECT {sql}", databases).removeprefix("SELECT ")


def translate_sql(sql: str, databases: Collection[str]) -> str:
    """Return a statement as DuckDB's SQL on one line.

    The project of a table is omitted unless it is one of `databases`. Raises StatementError for a
    statement that sqlglot can't read.
    """
    try:
        tree = sqlglot.parse_one(sql, dialect="bigquery")
    except SqlglotError as error:
        raise unreadable(error) from error
    if isinstance(tree, exp.Command):
        verb = sql.split(maxsplit=1)[0]
        raise StatementError(f"This statement of BigQuery is not supported: {verb}.")

    def corrected(node: Any) -> Any:
        if isinstance(node, exp.Table) and node.catalog and fold(node.catalog) not in databases:
            node.set("catalog", None)
        for correction in _CORRECTIONS:
            replacement = correction(node)
            if replacement is not node:
                return replacement
        return node

    with _without_log():
        return str(tree.transform(corrected).sql("duckdb"))


@contextlib.contextmanager
def _without_log() -> Iterator[None]:
    """Keep sqlglot from writing to standard error."""
    logger = logging.getLogger("sqlglot")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


# Corrections: each returns the node itself, or another one in its place.


def _parsed(sql: str) -> Any:
    return sqlglot.parse_one(sql, dialect="duckdb")


def _replace_fingerprint(node: Any) -> Any:
    """Replace FARM_FINGERPRINT, which DuckDB lacks, by another hash to split rows with."""
    is_named = isinstance(node, exp.Anonymous) and node.name.upper() == "FARM_FINGERPRINT"
    if not is_named and not isinstance(node, exp.FarmFingerprint):
        return node
    value = (node.expressions[0] if node.expressions else node.this).sql("duckdb")
    return _parsed(f"CASE WHEN {value} IS NOT NULL THEN CAST(hash({value}) >> 1 AS BIGINT) END")


def _correct_day_of_week(node: Any) -> Any:
    """Correct EXTRACT(DAYOFWEEK …): BigQuery counts from 1 for Sunday, DuckDB from 0."""
    if not isinstance(node, exp.Extract) or node.name.upper() != "DAYOFWEEK":
        return node
    return _parsed(f"(dayofweek({node.expression.sql('duckdb')}) + 1)")


def _correct_timestamp_diff(node: Any) -> Any:
    """Correct TIMESTAMP_DIFF: BigQuery counts whole units, date_diff the boundaries between."""
    if not isinstance(node, exp.TimestampDiff):
        return node
    unit = node.args["unit"].name.lower()
    start, end = node.expression.sql("duckdb"), node.this.sql("duckdb")
    return _parsed(f"date_sub('{unit}', {start}, {end})")


def _replace_fractional_series(node: Any) -> Any:
    """Replace GENERATE_ARRAY of fractional numbers, which DuckDB's series doesn't take."""
    if not isinstance(node, exp.GenerateSeries) or node.args.get("step") is None:
        return node
    try:
        start, stop, step = (float(node.args[name].sql()) for name in ("start", "end", "step"))
    except ValueError:
        return node
    if all(number == int(number) for number in (start, stop, step)) or step == 0:
        return node
    count = int((stop - start) / step + 1e-9) + 1
    # Rounded, so that 0.1 * 3 is 0.3 as in BigQuery's decimal arithmetic.
    values = ", ".join(repr(round(start + i * step, 12)) for i in range(max(count, 0)))
    return _parsed(f"[{values}]")


def _replace_safe_call(node: Any) -> Any:
    """Replace SAFE.function(…), which returns NULL instead of an error."""
    if isinstance(node, exp.Dot) and node.name and node.this.name.upper() == "SAFE":
        return _parsed(f"TRY({node.expression.sql('duckdb')})")
    return node


def _replace_unnest(node: Any) -> Any:
    """Replace FROM UNNEST(x) [AS a] [WITH OFFSET [AS o]].

    BigQuery's offset counts from 0, and fields of structs become columns.
    """
    if not isinstance(node, exp.From) or not isinstance(node.this, exp.Unnest):
        return node
    unnest = node.this
    values = unnest.expressions[0].sql("duckdb")
    alias = unnest.args.get("alias")
    names = [column.name for column in alias.columns] if alias is not None else []
    offset = unnest.args.get("offset") or None
    if not names and offset is None:
        items = f"UNNEST({values}, max_depth := 2)"
    else:
        items = f"UNNEST({values}) AS {quote(names[0] if names else 'value')}"
    if offset is not None:
        name = offset.name if isinstance(offset, exp.Expression) else "offset"
        items += f", generate_subscripts({values}, 1) - 1 AS {quote(name)}"
    return _parsed(f"SELECT * FROM (SELECT {items})").find(exp.From)


_CORRECTIONS = (
    _replace_fingerprint,
    _correct_day_of_week,
    _correct_timestamp_diff,
    _replace_fractional_series,
    _replace_safe_call,
    _replace_unnest,
)
