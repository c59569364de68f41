"""Names of the columns of a query, where it gives none: PostgreSQL's differ from DuckDB's."""

from __future__ import annotations

from sqlglot import exp

from duckml.server.pg_catalog.catalog_names import is_bare_call

_UNNAMED = "?column?"


def name_columns(tree: exp.Expression) -> None:
    """Give the columns without a name the one that PostgreSQL gives them."""
    for query in tree.find_all(exp.Select):
        is_source = isinstance(query.parent, exp.SetOperation | exp.Subquery | exp.CTE)
        if query.parent is not None and not is_source:
            continue
        for item in list(query.expressions):
            if not _has_name(item):
                named = exp.alias_(item.copy(), _postgres_name(item), quoted=True)
                item.replace(named)


def _has_name(item: exp.Expression) -> bool:
    if isinstance(item, exp.Aliases) or item.is_star:
        return True
    is_qualified_call = isinstance(item, exp.Dot) and isinstance(item.expression, exp.Func)
    if is_qualified_call or is_bare_call(item):
        return False
    return isinstance(item, exp.Alias | exp.Column | exp.Star | exp.Dot)


def _postgres_name(item: exp.Expression) -> str:
    """Return PostgreSQL's name for an expression (FigureColname, parser/parse_target.c)."""
    if isinstance(item, exp.Cast | exp.Paren | exp.Collate | exp.Bracket):
        return _name_of_wrapped(item)
    if isinstance(item, exp.Dot):
        return _postgres_name(item.expression)
    if isinstance(item, exp.Column | exp.Identifier):
        return item.name
    if isinstance(item, exp.Case):
        return "case"
    if isinstance(item, exp.Exists):
        return "exists"
    if isinstance(item, exp.Subquery) and isinstance(item.this, exp.Select):
        columns = item.this.expressions
        if columns:
            return str(columns[0].alias_or_name) or _UNNAMED
    if isinstance(item, exp.Anonymous):
        return str(item.name).lower()
    if isinstance(item, exp.Func) and not isinstance(item, exp.Binary | exp.Connector):
        return item.sql_name().lower()
    return _UNNAMED


def _name_of_wrapped(item: exp.Expression) -> str:
    inner = _postgres_name(item.this)
    # The type is the name only where nothing inside has one: '1'::text is text.
    if inner == _UNNAMED and isinstance(item, exp.Cast):
        return str(item.to.sql("postgres")).lower()
    return inner
