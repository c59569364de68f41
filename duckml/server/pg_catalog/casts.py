"""Casts to PostgreSQL's types in queries on the catalogs.

A cast to regclass, regtype and their siblings turns a name to an object id or an object id to a
name. DuckDB has macros for both.
"""

from __future__ import annotations

from sqlglot import exp

from duckml.server.pg_catalog.object_ids import is_vector_column

_NAMED_OBJECTS = frozenset({"regclass", "regtype", "regproc", "regprocedure", "regnamespace"})
_IDS = frozenset({"oid", "xid", "cid", "regrole"})
_INTEGERS = frozenset({"oid", "int", "int4", "int8", "bigint", "integer"})
_STRINGS = frozenset(
    {
        "name",
        "char",
        '"char"',
        "cstring",
        "bpchar",
        "citext",
        "aclitem",
        "pg_node_tree",
        "int2vector",
        "oidvector",
        "inet",
    }
)
_ARRAY_ITEMS = {
    "oid": "UINTEGER",
    "name": "VARCHAR",
    "char": "VARCHAR",
    '"char"': "VARCHAR",
    "regtype": "VARCHAR",
}


def cast(node: exp.Cast) -> exp.Expression:
    """Replace a cast to a type of PostgreSQL's own."""
    wanted = _type_name(node.to)
    if wanted.endswith("[]"):
        return _cast_to_array(node, wanted[:-2])
    if wanted in _NAMED_OBJECTS:
        return _cast_of_object(node, wanted)
    if wanted in _IDS:
        return exp.cast(node.this, "UINTEGER", dialect="duckdb")
    if wanted in {"text", "varchar"} and isinstance(node.this, exp.Column):
        if is_vector_column(node.this.name):
            items = [node.this, exp.Literal.string(" ")]
            return exp.Anonymous(this="array_to_string", expressions=items)
        return _without_schema_of_type(node, wanted)
    if wanted in _STRINGS:
        return exp.cast(node.this, "VARCHAR", dialect="duckdb")
    return _without_schema_of_type(node, wanted)


def _without_schema_of_type(node: exp.Cast, wanted: str) -> exp.Expression:
    if isinstance(node.to.args.get("kind"), exp.Dot):
        return exp.cast(node.this, wanted, dialect="postgres")
    return node


def _cast_of_object(node: exp.Cast, wanted: str) -> exp.Expression:
    kind = "regproc" if wanted == "regprocedure" else wanted
    outer = node.parent
    becomes_number = isinstance(outer, exp.Cast) and _type_name(outer.to) in _INTEGERS
    # A name is compared with object ids: its number is meant.
    is_literal = isinstance(node.this, exp.Literal | exp.Parameter | exp.Placeholder)
    if becomes_number or is_literal or _is_string(node.this):
        function = "_pg_regclass_oid" if kind == "regclass" else f"to_{kind}"
    else:
        function = f"_pg_{kind}_name"
    return exp.Anonymous(this=function, expressions=[node.this])


def _is_string(node: exp.Expression) -> bool:
    """Return whether an expression is a string, such as quote_ident(a) || '.' || quote_ident(b)."""
    if isinstance(node, exp.Paren):
        return _is_string(node.this)
    if isinstance(node, exp.Cast):
        return _type_name(node.to) in {"text", "varchar", "name"}
    if isinstance(node, exp.DPipe | exp.Concat):
        return True
    return isinstance(node, exp.Anonymous) and "quote_ident" in node.name.lower()


def _cast_to_array(node: exp.Cast, item: str) -> exp.Expression:
    target = _ARRAY_ITEMS.get(item)
    items = array_literal(node.this)
    if items is not None:
        array = exp.Array(expressions=[exp.Literal.string(item) for item in items])
        return exp.cast(array, f"{target or item}[]", dialect="duckdb")
    return exp.cast(node.this, f"{target}[]", dialect="duckdb") if target else node


def array_literal(node: exp.Expression) -> list[str] | None:
    """Return the items of an array in a string literal such as '{r,v}', None for anything else."""
    if not isinstance(node, exp.Literal) or not node.is_string or not node.name.startswith("{"):
        return None
    items = node.name.strip("{}").split(",")
    return [item.strip().strip('"') for item in items if item.strip()]


def _type_name(kind: exp.Expression | None) -> str:
    """Return the name of a type in lower case, without its schema."""
    if kind is None:
        return ""
    text = kind.sql("postgres").lower()
    return text.removeprefix("pg_catalog.").removeprefix('"pg_catalog".')
