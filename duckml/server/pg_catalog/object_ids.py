"""Columns of PostgreSQL's catalogs that are object ids or lists of them, by their names.

DuckDB has no type oid: these columns get unsigned types, which the views have for nothing else.
"""

from __future__ import annotations

import re

from duckml.names import fold

_OID_COLUMN = re.compile(
    r"oid|(?!pid$)\w+(?:oid|relid|namespace|owner)"
    r"|(?:rel|att|typ|ind|pro|con|ref|rng|enum|inh|ad|tg|ev|seq|dat|ext|spc|am|opc)"
    r"(?:type|am|filenode|tablespace|toastrelid|rewrite|typid|elem|array|basetype|collation"
    r"|rettype|lang|indid|parentid|objid|classid|parent|multitypid|class|relid|subtype|dba|foid"
    r"|typeid)"
    r"|(?:class|obj|dat|usesys|gros|member|role)(?:id|ysid)?"
)

# Items of int2vector and oidvector are counted from 0, those of arrays from 1.
_VECTOR_COLUMNS = frozenset({"indkey", "indclass", "indoption", "indcollation", "proargtypes"})

_LIST_TYPES = {
    "indkey": "USMALLINT[]",
    "indoption": "USMALLINT[]",
    "proargtypes": "UBIGINT[]",
    "indclass": "UBIGINT[]",
    "indcollation": "UBIGINT[]",
    "proallargtypes": "UINTEGER[]",
    "polroles": "UINTEGER[]",
    "extconfig": "UINTEGER[]",
    "conpfeqop": "UINTEGER[]",
    "conppeqop": "UINTEGER[]",
    "conffeqop": "UINTEGER[]",
    "grolist": "UINTEGER[]",
}


def is_oid_column(name: str) -> bool:
    """Return whether a column of the catalogs is an object id."""
    return _OID_COLUMN.fullmatch(fold(name)) is not None


def is_vector_column(name: str) -> bool:
    """Return whether a column of the catalogs is an int2vector or oidvector."""
    return fold(name) in _VECTOR_COLUMNS


def id_type(name: str, duckdb_type: str) -> str | None:
    """Return the unsigned type for a column of a view, None if it isn't an object id."""
    if name in _LIST_TYPES:
        return _LIST_TYPES[name]
    if duckdb_type in {"INTEGER", "BIGINT", "HUGEINT"} and is_oid_column(name):
        return "UINTEGER"
    return None
