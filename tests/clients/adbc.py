"""ADBC's PostgreSQL driver against a PostgreSQL server; checks.py documents the arguments."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pyarrow as pa
from adbc_driver_postgresql import StatementOptions, dbapi
from checks import (
    COLUMNS,
    IDS,
    LONG,
    MANY,
    ROWS,
    UNKNOWN,
    VALUES,
    Server,
    check,
    check_row,
    fails,
    run,
)

# Their values in Arrow, where they are others than Python's.
OTHER: dict[str, object] = {
    "numeric": "-1234567.890",
    "interval": pa.MonthDayNano([0, 2, 11045000000000]),
    "json": '{"a": [1, null]}',
    "numerics": ["1.5", None],
}


def section(work: Callable[[dbapi.Connection, Server], None]) -> Callable[[Server], None]:
    """Return a section that opens and closes its connection."""

    def connected(server: Server) -> None:
        with dbapi.connect(server.uri) as con:
            work(con, server)

    connected.__name__ = work.__name__
    return connected


@section
def many_types(con: dbapi.Connection, server: Server) -> None:
    """By the driver's own COPY of the query, and by the query."""
    for use_copy in ("true", "false"):
        with con.cursor() as cursor:
            cursor.adbc_statement.set_options(**{StatementOptions.USE_COPY.value: use_copy})
            cursor.execute(MANY)
            table = cursor.fetch_arrow_table()
            check(f"use_copy={use_copy}", {field.name: str(field.type) for field in table.schema})
            filled, empty = (list(row.values()) for row in table.to_pylist())
            check_row(f"use_copy={use_copy}", filled, **OTHER)
            check("nulls", empty, [None] * len(VALUES))


@section
def tables(con: dbapi.Connection, server: Server) -> None:
    with con.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {server.table()} ORDER BY id")
        check("columns", [column[0] for column in cursor.description], COLUMNS)
        check("all rows", cursor.fetch_arrow_table()["id"].to_pylist() == IDS, True)
        cursor.execute(f"SELECT id FROM {server.table()} ORDER BY id")
        check("fetchmany", [row[0] for row in cursor.fetchmany(10)], IDS[:10])
        cursor.execute(f"SELECT * FROM {server.table()} WHERE id < 0")
        check("no rows", cursor.fetch_arrow_table().num_rows, 0)
        cursor.adbc_statement.set_options(**{StatementOptions.BATCH_SIZE_HINT_BYTES.value: "4096"})
        cursor.execute(f"SELECT * FROM {server.table()}")
        check("in batches", sum(batch.num_rows for batch in cursor.fetch_record_batch()), ROWS)


@section
def parameters(con: dbapi.Connection, server: Server) -> None:
    kinds = {
        "double": "double precision",
        "numeric": "numeric(12, 3)",
        "integers": "integer[]",
        "texts": "text[]",
    }
    left_out = ("interval", "uuid", "json", "numerics")
    with con.cursor() as cursor:
        for name in [name for name in VALUES if name not in left_out]:
            value = VALUES[name][1]
            cursor.execute(f"SELECT $1::{kinds.get(name, name)} AS value", [value])
            check(f"parameter of {name}", cursor.fetchone(), (OTHER.get(name, value),))
        cursor.execute("SELECT $1::integer AS value, $2::text AS other", [None, "a"])
        check("null", cursor.fetchone(), (None, "a"))
        for condition, value, n in (
            ("id <= $1", 10, 10),
            ("price > $1", 200000.0, ROWS),
            ("zipcode <> $1", "none", ROWS),
        ):
            cursor.execute(f"SELECT count(*) FROM {server.table()} WHERE {condition}", [value])
            check(f"count where {condition}", cursor.fetchone(), (n,))


@section
def objects(con: dbapi.Connection, server: Server) -> None:
    catalogs = con.adbc_get_objects(depth="catalogs").read_all().to_pylist()
    check("catalogs", server.database in [catalog["catalog_name"] for catalog in catalogs], True)
    everything = (
        con.adbc_get_objects(depth="all", db_schema_filter=server.schema).read_all().to_pylist()
    )
    found = {
        table["table_name"]: table
        for catalog in everything
        for schema in catalog["catalog_db_schemas"]
        if schema["db_schema_name"] == server.schema
        for table in schema["db_schema_tables"]
    }
    check(
        "types of tables",
        [found[name]["table_type"] for name in ("house_prices", "valued")],
        ["table", "view"],
    )
    columns = found["house_prices"]["table_columns"]
    check("columns", [[column["column_name"], column["xdbc_type_name"]] for column in columns])
    assert [column["column_name"] for column in columns] == COLUMNS
    [key] = [
        key
        for key in found["house_prices"]["table_constraints"]
        if key["constraint_type"] == "PRIMARY KEY"
    ]
    check("primary key", key["constraint_column_names"], ["id"])
    schema = con.adbc_get_table_schema("house_prices", db_schema_filter=server.schema)
    check("schema of the table", {field.name: str(field.type) for field in schema})
    assert schema.names == COLUMNS
    check("schema of the view", con.adbc_get_table_schema("valued").names, ["id", "price"])
    check("information", con.adbc_get_info())
    with fails("schema of an unknown table"):
        con.adbc_get_table_schema(UNKNOWN)


@section
def transactions(con: dbapi.Connection, server: Server) -> None:
    with con.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE kept (id integer, name varchar)")
        con.commit()
        cursor.executemany(
            "INSERT INTO kept VALUES ($1, $2)", [(n, f"name {n}") for n in range(10)]
        )
        con.rollback()
        cursor.execute("INSERT INTO kept VALUES (1, 'a'), (2, NULL)")
        con.commit()
        cursor.execute("SELECT * FROM kept ORDER BY id")
        check("rows", cursor.fetchall(), [(1, "a"), (2, None)])


@section
def failures(con: dbapi.Connection, server: Server) -> None:
    for query, state in {f"SELECT * FROM {UNKNOWN}": "42P01", "SELEC 1": "42601"}.items():
        with con.cursor() as cursor, fails(query, state):
            cursor.execute(query)
            cursor.fetchall()
        con.rollback()
    with con.cursor() as cursor:
        cursor.execute("SELECT 1")
        check("works after", cursor.fetchone(), (1,))


@section
def cancel(con: dbapi.Connection, server: Server) -> None:
    with con.cursor() as cursor:
        timer = threading.Timer(0.5, cursor.adbc_cancel)
        timer.start()
        with fails("cancel"):
            cursor.execute(LONG)
            cursor.fetchall()
        timer.join()
        con.rollback()
        cursor.execute("SELECT 1")
        check("works after", cursor.fetchone(), (1,))


run(many_types, tables, parameters, objects, transactions, failures, cancel)
