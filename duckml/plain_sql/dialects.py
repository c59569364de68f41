"""SQL dialects that models are written in, and the translation from DuckDB's SQL."""

from __future__ import annotations

from typing import Any

from duckml.errors import PlainSqlError
from duckml.names import nearest

TESTED_DIALECTS = ("duckdb", "postgres", "sqlite")

# Days and seconds since 1970-01-01, for which sqlglot has no translation.
DAYS = {
    "duckdb": "CAST(date_diff('day', DATE '1970-01-01', CAST({} AS DATE)) AS DOUBLE)",
    "postgres": "CAST(CAST({} AS DATE) - DATE '1970-01-01' AS DOUBLE PRECISION)",
    "sqlite": "(JULIANDAY(DATE({})) - 2440587.5)",
}
SECONDS = {
    "duckdb": "epoch({})",
    "postgres": "CAST(EXTRACT(EPOCH FROM {}) AS DOUBLE PRECISION)",
    "sqlite": "(STRFTIME('%s', {}) * 1.0)",
}

# Functions that the translation replaces with the expressions above.
DAYS_FUNCTION = "DUCKML_DAYS"
SECONDS_FUNCTION = "DUCKML_SECONDS"

# Longer statements are written on one line.
_MOST_INDENTED_CHARACTERS = 200_000


def require_dialect(dialect: str) -> None:
    """Raise PlainSqlError unless sqlglot has the dialect."""
    from sqlglot.dialects.dialect import Dialects

    known = [known.value for known in Dialects if known.value]
    if dialect not in known:
        close = nearest(dialect, known)
        hint = f" Did you mean '{close}'?" if close else ""
        raise PlainSqlError(
            f"Unknown dialect '{dialect}'.{hint} Tested: {', '.join(TESTED_DIALECTS)}; the other "
            "dialects of sqlglot can be written, but are not tested."
        )


def translated(sql: str, dialect: str) -> str:
    """Return DuckDB's SQL in another dialect."""
    import sqlglot
    from sqlglot import exp

    if dialect == "duckdb":
        return sql
    tree = sqlglot.parse_one(sql, dialect="duckdb")
    tree = tree.transform(lambda node: _with_date_functions(node, dialect))
    if dialect == "sqlite":
        # Without a LIMIT, SQLite merges the subqueries, and computes a named expression once for
        # every mention of its name.
        for subquery in tree.find_all(exp.Subquery):
            if subquery.alias:
                subquery.this.limit(1, copy=False)
    return str(tree.sql(dialect, pretty=len(sql) < _MOST_INDENTED_CHARACTERS))


def _with_date_functions(node: Any, dialect: str) -> Any:
    """Return a node, or the dialect's expression if the node calls one of the date functions."""
    import sqlglot
    from sqlglot import exp

    for name, texts in ((DAYS_FUNCTION, DAYS), (SECONDS_FUNCTION, SECONDS)):
        if isinstance(node, exp.Anonymous) and node.name.upper() == name:
            reader = dialect if dialect in texts else "duckdb"
            value = node.expressions[0].sql(reader)
            return sqlglot.parse_one(texts[reader].format(value), dialect=reader)
    return node
