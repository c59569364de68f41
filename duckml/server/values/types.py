"""DuckDB's types as PostgreSQL's: object ids and sizes.

A type that PostgreSQL doesn't have goes as the one that its clients can use: HUGEINT and unsigned BIGINT as numeric,
ENUM as text, STRUCT, MAP, UNION, VARIANT and nested lists as json. The object ids are PostgreSQL's own (pg_type.dat).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from duckml.server.errors import WireError

# The epoch of dates and timestamps in binary, in days and microseconds after DuckDB's and Arrow's, which is 1970.
EPOCH_DAYS = 10_957
EPOCH_MICROSECONDS = EPOCH_DAYS * 86_400_000_000


@dataclass(frozen=True)
class PgType:
    """A type of PostgreSQL: `size` is its bytes in storage, -1 where they vary; `sql` what DuckDB calls it."""

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

# What clients declare of parameters beside those.
NAME = PgType(19, "name", 64, "VARCHAR", 1003)
CHAR = PgType(18, "char", 1, "VARCHAR", 1002)
BPCHAR = PgType(1042, "bpchar", -1, "VARCHAR", 1014)
JSONB = PgType(3802, "jsonb", -1, "JSON", 3807)
REGCLASS = PgType(2205, "regclass", 4, "VARCHAR", 2210)
REGTYPE = PgType(2206, "regtype", 4, "VARCHAR", 2211)

# Lists of numbers that the catalogs write with spaces between them: 1 2.
INT2VECTOR = PgType(22, "int2vector", -1, "SMALLINT[]", 1006)
OIDVECTOR = PgType(30, "oidvector", -1, "UINTEGER[]", 1013)
VECTORS = (INT2VECTOR, OIDVECTOR)

ALL = (
    *(
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
    ),
    *(INTERVAL, TIMETZ, NUMERIC, UUID, NAME, CHAR, BPCHAR, JSONB, REGCLASS, REGTYPE),
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
    """DuckDB's types by name, each with the one that it goes as; nested types and decimals have names without end."""
    yield from _BY_DUCKDB_TYPE.items()


@dataclass(frozen=True)
class Column:
    """A column of a result as a client is told of it; `element` is the type of a list's elements."""

    name: str
    pg_type: PgType
    modifier: int = -1
    element: PgType | None = None

    @property
    def oid(self) -> int:
        """The object id of the type."""
        is_array = self.element is not None and self.pg_type not in VECTORS
        return self.element.array_oid if self.element is not None and is_array else self.pg_type.oid

    @property
    def size(self) -> int:
        """The bytes of a value, -1 where they vary."""
        return -1 if self.element is not None else self.pg_type.size


# What the views of the catalogs have for types that DuckDB hasn't.
_OF_CATALOGS = {
    "VARCHAR": (TEXT, None),
    "VARCHAR[]": (TEXT, TEXT),
    "UINTEGER": (OID, None),
    "UINTEGER[]": (TEXT, OID),
    "USMALLINT[]": (INT2VECTOR, INT2),
    "UBIGINT[]": (OIDVECTOR, OID),
}


def catalog_column(name: str, duckdb_type: str) -> Column:
    """The column of a query on PostgreSQL's catalogs, in which unsigned numbers are object ids."""
    if duckdb_type not in _OF_CATALOGS:
        return column_of(name, duckdb_type)
    pg_type, element = _OF_CATALOGS[duckdb_type]
    return Column(name, pg_type, -1, element)


def column_of(name: str, duckdb_type: str) -> Column:
    """The column that a client is told of, from DuckDB's spelling of its type."""
    if duckdb_type.endswith("]"):
        element = column_of("", duckdb_type[: duckdb_type.rindex("[")])
        if element.element is None and element.pg_type is not JSON:
            return Column(name, TEXT, -1, element.pg_type)
        return Column(name, JSON)
    if duckdb_type.startswith("DECIMAL("):
        width, scale = duckdb_type[len("DECIMAL(") : -1].split(",")
        return Column(
            name, NUMERIC, (int(width) << 16 | int(scale)) + 4
        )  # numeric's typmod, utils/adt/numeric.c
    if duckdb_type.startswith(("STRUCT(", "MAP(", "UNION(")) or duckdb_type == "VARIANT":
        return Column(name, JSON)
    return Column(name, _BY_DUCKDB_TYPE.get(duckdb_type, TEXT))


def parameter_oid(duckdb_type: str, is_of_catalogs: bool = False) -> int:
    """The object id that a client is told for a parameter whose type DuckDB has found out."""
    if duckdb_type in {"UNKNOWN", '"NULL"'}:
        return TEXT.oid
    return (catalog_column if is_of_catalogs else column_of)("", duckdb_type).oid


def known_type(oid: int) -> tuple[PgType | None, bool]:
    """The type of an object id, None when it isn't known here; and whether the id is that of its arrays."""
    return (_ELEMENT_BY_OID[oid], True) if oid in _ELEMENT_BY_OID else (_BY_OID.get(oid), False)


def layout(column: Column) -> int:
    """The object id of the type, one for all whose values are the same bytes in binary."""
    return (
        TEXT.oid
        if column.element is None and column.pg_type in {TEXT, VARCHAR, BPCHAR, NAME}
        else column.oid
    )


def sql_type(oid: int) -> str | None:
    """What DuckDB calls the type of an object id; None for 0 and for those of which we know nothing."""
    if oid in _ELEMENT_BY_OID:
        return f"{_ELEMENT_BY_OID[oid].sql}[]"
    return _BY_OID[oid].sql if oid in _BY_OID else None


def formats(codes: Sequence[int], count: int) -> list[bool]:
    """Which of `count` values go in binary, from the codes of a message: none, one for all, or one each.

    Raises WireError for any other number of codes, and for other codes than 0 and 1.
    """
    if any(code not in {0, 1} for code in codes) or (len(codes) > 1 and len(codes) != count):
        raise WireError("08P01", f"{len(codes)} format codes were given for {count} values.")
    return [
        bool(code) for code in (list(codes) * count if len(codes) == 1 else codes or [0] * count)
    ]
