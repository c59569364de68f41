"""Columns of results: the types and modifiers that clients receive for DuckDB's types."""

from __future__ import annotations

from dataclasses import dataclass

from duckml.server.values import types
from duckml.server.values.types import PgType


@dataclass(frozen=True)
class ResultColumn:
    """A column of a result; `element` is the type of a list's items, None for all others."""

    name: str
    pg_type: PgType
    modifier: int = -1
    element: PgType | None = None

    @property
    def oid(self) -> int:
        """Return the object id of the type."""
        if self.element is None or self.pg_type in types.VECTORS:
            return self.pg_type.oid
        return self.element.array_oid

    @property
    def size(self) -> int:
        """Return the bytes of a value, -1 if they vary."""
        return -1 if self.element is not None else self.pg_type.size

    @property
    def layout(self) -> int:
        """Return the object id of the type, the same one for all types of strings."""
        is_string = self.element is None and self.pg_type in _STRINGS
        return types.TEXT.oid if is_string else self.oid


_STRINGS = (types.TEXT, types.VARCHAR, types.BPCHAR, types.NAME)

# The views of the catalogs have unsigned types only for these types, which DuckDB lacks.
_CATALOG_TYPES = {
    "VARCHAR": (types.TEXT, None),
    "VARCHAR[]": (types.TEXT, types.TEXT),
    "UINTEGER": (types.OID, None),
    "UINTEGER[]": (types.TEXT, types.OID),
    "USMALLINT[]": (types.INT2VECTOR, types.INT2),
    "UBIGINT[]": (types.OIDVECTOR, types.OID),
}


def catalog_column(name: str, duckdb_type: str) -> ResultColumn:
    """Return the column of a query on the catalogs, where unsigned numbers are object ids."""
    if duckdb_type not in _CATALOG_TYPES:
        return result_column(name, duckdb_type)
    pg_type, element = _CATALOG_TYPES[duckdb_type]
    return ResultColumn(name, pg_type, -1, element)


def result_column(name: str, duckdb_type: str) -> ResultColumn:
    """Return the column for a type as DuckDB spells it."""
    if duckdb_type.endswith("]"):
        element = result_column("", duckdb_type[: duckdb_type.rindex("[")])
        # PostgreSQL's arrays are rectangular, DuckDB's lists of lists need not be.
        if element.element is None and element.pg_type is not types.JSON:
            return ResultColumn(name, types.TEXT, -1, element.pg_type)
        return ResultColumn(name, types.JSON)
    if duckdb_type.startswith("DECIMAL("):
        width, scale = duckdb_type[len("DECIMAL(") : -1].split(",")
        # The modifier of numeric (numerictypmodin, utils/adt/numeric.c).
        modifier = (int(width) << 16 | int(scale)) + 4
        return ResultColumn(name, types.NUMERIC, modifier)
    if duckdb_type.startswith(("STRUCT(", "MAP(", "UNION(")) or duckdb_type == "VARIANT":
        return ResultColumn(name, types.JSON)
    return ResultColumn(name, types.type_sent_for(duckdb_type))


def parameter_oid(duckdb_type: str, is_of_catalogs: bool = False) -> int:
    """Return the object id of a parameter, text if DuckDB doesn't know its type."""
    if duckdb_type in {"UNKNOWN", '"NULL"'}:
        return types.TEXT.oid
    column = catalog_column if is_of_catalogs else result_column
    return column("", duckdb_type).oid
