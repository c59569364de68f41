"""Families of DuckDB's column types, as far as models distinguish them."""

from __future__ import annotations

import re

SMALL_INTEGERS = frozenset(
    {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}
)
INTEGERS = SMALL_INTEGERS | {"UBIGINT", "HUGEINT", "UHUGEINT"}
NUMBERS = INTEGERS | {"FLOAT", "DOUBLE", "DECIMAL", '"NULL"', "NULL"}
TEXTS = frozenset({"VARCHAR", "ENUM", "UUID"})
TIMESTAMPS = frozenset(
    {"TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE"}
)


def type_family(sql_type: str) -> str:
    """Return a type without its parameters.

    DECIMAL(18,3) gives DECIMAL; INTEGER[] and INTEGER[3] give LIST.
    """
    if sql_type.endswith("]"):
        return "LIST"
    return re.split(r"\(", sql_type, maxsplit=1)[0].strip().upper()


def is_number(sql_type: str) -> bool:
    """Return whether a column of this type can be a regression target."""
    return type_family(sql_type) in NUMBERS


def is_class(sql_type: str) -> bool:
    """Return whether a target of this type is a class by default; an estimator can decide."""
    return type_family(sql_type) in TEXTS | {"BOOLEAN"}
