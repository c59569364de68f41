"""PostgreSQL's types: object ids, sizes, and the DuckDB types that are sent as each of them.

A type that PostgreSQL doesn't have is sent as one that clients can use: HUGEINT and unsigned BIGINT
as numeric, ENUM as text, STRUCT, MAP, UNION, VARIANT and nested lists as json. The object ids are
PostgreSQL's own (pg_type.dat).
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb


@dataclass(frozen=True)
class PgType:
    """A type of PostgreSQL.

    `size` is the bytes of a value, -1 if they vary. `sql` is DuckDB's name of the type.
    """

    oid: int
    name: str
    size: int
    sql: str
    array_oid: int = 0


BOOL = PgType(16, "bool", 1, "BOOLEAN", 1000)
BYTEA = PgType(17, "bytea", -1, "BLOB", 1001)
INT8 = PgType(20, "int8", 8, "BIGINT", 1016)
INT2 = PgType(21, "int2", 2, "SMALLINT", 1005)
INT4 = PgType(23, "int4", 4, "INTEGER", 1007)
TEXT = PgType(25, "text", -1, "VARCHAR", 1009)
OID = PgType(26, "oid", 4, "UINTEGER", 1028)
JSON = PgType(114, "json", -1, "JSON", 199)
FLOAT4 = PgType(700, "float4", 4, "FLOAT", 1021)
FLOAT8 = PgType(701, "float8", 8, "DOUBLE", 1022)
VARCHAR = PgType(1043, "varchar", -1, "VARCHAR", 1015)
DATE = PgType(1082, "date", 4, "DATE", 1182)
TIME = PgType(1083, "time", 8, "TIME", 1183)
TIMESTAMP = PgType(1114, "timestamp", 8, "TIMESTAMP", 1115)
TIMESTAMPTZ = PgType(1184, "timestamptz", 8, "TIMESTAMP WITH TIME ZONE", 1185)
INTERVAL = PgType(1186, "interval", 16, "INTERVAL", 1187)
TIMETZ = PgType(1266, "timetz", 12, "TIME WITH TIME ZONE", 1270)
NUMERIC = PgType(1700, "numeric", -1, "DECIMAL", 1231)
UUID = PgType(2950, "uuid", 16, "UUID", 2951)

# Types that only parameters have.
NAME = PgType(19, "name", 64, "VARCHAR", 1003)
CHAR = PgType(18, "char", 1, "VARCHAR", 1002)
BPCHAR = PgType(1042, "bpchar", -1, "VARCHAR", 1014)
JSONB = PgType(3802, "jsonb", -1, "JSON", 3807)
REGCLASS = PgType(2205, "regclass", 4, "VARCHAR", 2210)
REGTYPE = PgType(2206, "regtype", 4, "VARCHAR", 2211)

# Lists of numbers in the catalogs, written with spaces between them: 1 2.
INT2VECTOR = PgType(22, "int2vector", -1, "SMALLINT[]", 1006)
OIDVECTOR = PgType(30, "oidvector", -1, "UINTEGER[]", 1013)
VECTORS = (INT2VECTOR, OIDVECTOR)

ALL = (
    BOOL,
    BYTEA,
    INT8,
    INT2,
    INT4,
    TEXT,
    OID,
    JSON,
    FLOAT4,
    FLOAT8,
    VARCHAR,
    DATE,
    TIME,
    TIMESTAMP,
    TIMESTAMPTZ,
    INTERVAL,
    TIMETZ,
    NUMERIC,
    UUID,
    NAME,
    CHAR,
    BPCHAR,
    JSONB,
    REGCLASS,
    REGTYPE,
)
_BY_OID = {known.oid: known for known in ALL}
_ELEMENT_BY_OID = {known.array_oid: known for known in ALL}

_BY_DUCKDB_TYPE = {
    "BOOLEAN": BOOL,
    "TINYINT": INT2,
    "SMALLINT": INT2,
    "INTEGER": INT4,
    "BIGINT": INT8,
    "HUGEINT": NUMERIC,
    "UTINYINT": INT2,
    "USMALLINT": INT4,
    "UINTEGER": INT8,
    "UBIGINT": NUMERIC,
    "UHUGEINT": NUMERIC,
    "BIGNUM": NUMERIC,
    "FLOAT": FLOAT4,
    "DOUBLE": FLOAT8,
    "VARCHAR": VARCHAR,
    "BLOB": BYTEA,
    "DATE": DATE,
    "TIME": TIME,
    "TIME_NS": TIME,
    "TIME WITH TIME ZONE": TIMETZ,
    "TIMESTAMP": TIMESTAMP,
    "TIMESTAMP_S": TIMESTAMP,
    "TIMESTAMP_MS": TIMESTAMP,
    "TIMESTAMP_NS": TIMESTAMP,
    "TIMESTAMP WITH TIME ZONE": TIMESTAMPTZ,
    "INTERVAL": INTERVAL,
    "UUID": UUID,
    "JSON": JSON,
}


def duckdb_types() -> Iterator[tuple[str, PgType]]:
    """Yield the names of DuckDB's types, each with the type that it is sent as.

    Nested types and decimals aren't among them: their names contain other types and numbers.
    """
    yield from _BY_DUCKDB_TYPE.items()


def type_sent_for(duckdb_type: str) -> PgType:
    """Return the type that a scalar type of DuckDB is sent as, text for an unknown one."""
    return _BY_DUCKDB_TYPE.get(duckdb_type, TEXT)


def known_type(oid: int) -> tuple[PgType | None, bool]:
    """Return the type of an object id, and whether the id is that of its arrays.

    The type is None for an unknown id.
    """
    if oid in _ELEMENT_BY_OID:
        return _ELEMENT_BY_OID[oid], True
    return _BY_OID.get(oid), False


def sql_type(oid: int) -> str | None:
    """Return DuckDB's name of the type of an object id; None for 0 and for unknown ids."""
    known, is_array = known_type(oid)
    if known is None:
        return None
    return f"{known.sql}[]" if is_array else known.sql


@functools.lru_cache(maxsize=4096)
def native_type(name: str) -> Any:
    """Return DuckDB's object for the type of a name."""
    return duckdb.sqltype(name)
