"""Tables in queries on the catalogs: the views that they mean, their numbers and their order."""

from __future__ import annotations

from sqlglot import exp

from duckml.names import fold
from duckml.server.pg_catalog.catalog_names import (
    CATALOG_SCHEMAS,
    HOME,
    catalog_views,
    without,
)

# Functions that return one value. PostgreSQL allows them as tables.
_SCALAR_FUNCTIONS = frozenset(
    {
        "string_to_array",
        "current_schemas",
        "current_setting",
        "version",
        "_pg_current_schemas",
        "pg_partition_ancestors",
    }
)

# PostgreSQL's object ids of its catalogs, which clients compare with tableoid.
_TABLE_OIDS = {
    "pg_class": 1259,
    "pg_proc": 1255,
    "pg_type": 1247,
    "pg_attribute": 1249,
    "pg_attrdef": 2604,
    "pg_constraint": 2606,
    "pg_description": 2609,
    "pg_index": 2610,
    "pg_namespace": 2615,
}


def catalog_table(node: exp.Table) -> exp.Expression:
    """Replace pg_catalog.x, information_schema.x and pg_x by views of the memory database."""
    schema, name = fold(node.db), fold(node.name)
    if isinstance(node.this, exp.Func):
        return _table_function(node, schema)
    if node.catalog:
        return node
    view = f"information_schema_{name}" if schema == "information_schema" else name
    is_of_catalogs = schema in CATALOG_SCHEMAS or (not schema and name.startswith("pg_"))
    if not is_of_catalogs or view not in catalog_views():
        return node
    table = node.copy()
    # Columns may be qualified by the name without the schema.
    if not table.alias:
        table.set("alias", exp.TableAlias(this=exp.to_identifier(name)))
    table.set("this", exp.to_identifier(view))
    table.set("db", exp.to_identifier("main"))
    table.set("catalog", exp.to_identifier(HOME))
    return table


def _table_function(node: exp.Table, schema: str) -> exp.Expression:
    function = node.this
    if isinstance(function, exp.StringToArray) or fold(function.name) in _SCALAR_FUNCTIONS:
        return _one_row_query(node)
    return without(node, "db") if schema in CATALOG_SCHEMAS else node


def _one_row_query(node: exp.Table) -> exp.Expression:
    """Return the query with one row that f(…) AS x means in PostgreSQL."""
    alias = node.args.get("alias")
    name = node.this.name if alias is None else alias.name
    columns = [] if alias is None else [column.name for column in alias.columns]
    values = [node.this.copy(), exp.Literal.number(1)]  # the second is for WITH ORDINALITY
    pairs = zip(values, columns or [name], strict=False)
    query = exp.select(*(exp.alias_(value, column, quoted=True) for value, column in pairs))
    return query.subquery(name)


def replace_tableoids(tree: exp.Query) -> int:
    """Replace each tableoid by the object id of its table, and return their number."""
    found = [column for column in tree.find_all(exp.Column) if fold(column.name) == "tableoid"]
    for column in found:
        scope = column.find_ancestor(exp.Select)
        tables = [] if scope is None else list(scope.find_all(exp.Table))
        if column.table:
            qualifier = fold(column.table)
            tables = [table for table in tables if fold(table.alias_or_name) == qualifier]
        oid = _TABLE_OIDS.get(fold(tables[0].name), 0) if tables else 0
        column.replace(exp.Literal.number(oid))
    return len(found)


def keep_column_order(tree: exp.Query) -> None:
    """Order the rows of pg_attribute by number.

    PostgreSQL returns them in that order, and clients rely on it without an ORDER BY.
    """
    if not isinstance(tree, exp.Select):
        return
    if any(tree.args.get(part) for part in ("order", "group", "distinct")):
        return
    # An aggregate without GROUP BY has one row, which can't be ordered by a column.
    if tree.find(exp.AggFunc):
        return
    sources = [join.this for join in tree.args.get("joins") or []]
    if tree.args.get("from_"):
        sources.append(tree.args["from_"].this)
    for table in sources:
        if isinstance(table, exp.Table) and fold(table.name) == "pg_attribute":
            name = table.alias_or_name
            keys = [exp.column(column, table=name) for column in ("attrelid", "attnum")]
            tree.order_by(*keys, copy=False)
            return
