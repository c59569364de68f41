"""Types in the catalogs: the rows of pg_type, and macros from DuckDB's types to object ids.

They are made from the table by which results are described (duckml.server.values.types).
"""

from __future__ import annotations

from duckml.names import literal
from duckml.server.values import types

# Types that clients look up, but that no value of DuckDB has: oid, name, kind, category.
_OTHER_TYPES = (
    (24, "regproc", "b", "N"),
    (27, "tid", "b", "U"),
    (28, "xid", "b", "U"),
    (29, "cid", "b", "U"),
    (705, "unknown", "p", "X"),
    (2249, "record", "p", "P"),
    (2278, "void", "p", "P"),
    (2279, "trigger", "p", "P"),
    (2283, "anyelement", "p", "P"),
)
_VECTOR_ITEMS = ((types.INT2VECTOR, types.INT2), (types.OIDVECTOR, types.OID))

_CATEGORIES = {
    "bool": "B",
    **dict.fromkeys(("date", "time", "timestamp", "timestamptz", "timetz"), "D"),
    "interval": "T",
    **dict.fromkeys(("text", "varchar", "bpchar", "name", "char"), "S"),
    **dict.fromkeys(("int2", "int4", "int8", "float4", "float8", "numeric"), "N"),
    **dict.fromkeys(("oid", "regclass", "regtype"), "N"),
}

# The names in the SQL standard, which format_type returns.
_LONG_NAMES = {
    "bool": "boolean",
    "int2": "smallint",
    "int4": "integer",
    "int8": "bigint",
    "float4": "real",
    "float8": "double precision",
    "varchar": "character varying",
    "bpchar": "character",
    "timestamp": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
    "time": "time without time zone",
    "timetz": "time with time zone",
    "char": '"char"',
}


def filled_macros(text: str) -> str:
    """Return the statements on types with the tables of types in the place of their names."""
    for name, sql in _tables().items():
        text = text.replace(f"{{{name}}}", sql)
    return text


def _tables() -> dict[str, str]:
    plain = dict(types.duckdb_types())
    short, long = _short_names(), _names_in_the_standard()
    by_name = [(literal(name), str(oid)) for oid, name in [*short.items(), *long.items()]]
    return {
        "type_oids": _map({literal(name): str(known.oid) for name, known in plain.items()}),
        "array_oids": _map(
            {
                literal(name): str(known.array_oid)
                for name, known in plain.items()
                if known is not types.JSON
            }
        ),
        "type_sizes": _map({literal(str(known.oid)): str(known.size) for known in types.ALL}),
        "short_names": _map({literal(str(oid)): literal(name) for oid, name in short.items()}),
        "long_names": _map({literal(str(oid)): literal(name) for oid, name in long.items()}),
        "oids_by_name": _map(dict(by_name)),
        "type_rows": _type_rows(),
    }


def _short_names() -> dict[int, str]:
    """Return the names of all types by object id; those of arrays begin with an underscore."""
    names = {known.oid: known.name for known in types.ALL}
    names |= {oid: name for oid, name, *_ in _OTHER_TYPES}
    names |= {known.oid: known.name for known in types.VECTORS}
    names |= {known.array_oid: "_" + known.name for known in types.ALL}
    return names


def _names_in_the_standard() -> dict[int, str]:
    names = {oid: _LONG_NAMES.get(name, name) for oid, name in _short_names().items()}
    for known in types.ALL:
        names[known.array_oid] = _LONG_NAMES.get(known.name, known.name) + "[]"
    return names


def _map(entries: dict[str, str]) -> str:
    """Return a MAP of DuckDB; keys and values are SQL."""
    return "MAP {" + ", ".join(f"{key}: {value}" for key, value in entries.items()) + "}"


def _type_rows() -> str:
    """Return the rows of pg_type, one for each type and one for its arrays."""
    rows: list[tuple[int, str, int, str, str, int, int]] = []
    for known in types.ALL:
        category = _CATEGORIES.get(known.name, "U")
        rows.append((known.oid, known.name, known.size, "b", category, 0, known.array_oid))
        rows.append((known.array_oid, "_" + known.name, -1, "b", "A", known.oid, 0))
    for known, item in _VECTOR_ITEMS:
        rows.append((known.oid, known.name, -1, "b", "A", item.oid, known.array_oid))
    for oid, name, kind, category in _OTHER_TYPES:
        rows.append((oid, name, -1, kind, category, 0, 0))
    return ", ".join(
        f"({oid}, {literal(name)}, {size}, {literal(kind)}, {literal(category)}, {item}, {array})"
        for oid, name, size, kind, category, item, array in rows
    )
