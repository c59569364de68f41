"""PostgreSQL's ODBC driver against a PostgreSQL server; checks.py documents the arguments.

A seventh argument is the driver's path, which get_odbc.py prints. Everything runs twice: without
cursors, and with cursors that the driver declares and fetches a hundred rows at a time from.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pyodbc
from checks import COLUMNS, IDS, LONG, ROWS, UNKNOWN, VALUES, Server, check, fails, run

DRIVER = Path(sys.argv[7])
WAYS = ("UseDeclareFetch=1;Fetch=100", "UseDeclareFetch=0")


def connect(server: Server, way: str) -> pyodbc.Connection:
    return pyodbc.connect(
        f"Driver={DRIVER};Servername={server.host};Port={server.port};Database={server.database};"
        f"Uid={server.user};Pwd={server.password};{way}"
    )


def section(work: Callable[[pyodbc.Connection, Server], None]) -> Callable[[Server], None]:
    """Return a section that runs with declared cursors and without, on new connections."""

    def connected(server: Server) -> None:
        for way in WAYS:
            con = connect(server, way)
            try:
                work(con, server)
            except Exception as error:
                error.add_note(f"with {way}")
                raise
            finally:
                con.close()

    connected.__name__ = work.__name__
    return connected


def some(cursor: pyodbc.Cursor, *names: str) -> list[list[object]]:
    """Return columns of a catalog function's rows."""
    return [[getattr(row, name) for name in names] for row in cursor.fetchall()]


@section
def catalog(con: pyodbc.Connection, server: Server) -> None:
    check("name", [con.getinfo(what) for what in (pyodbc.SQL_DBMS_NAME, pyodbc.SQL_DBMS_VER)])
    cursor, schema = con.cursor(), server.schema
    found = some(cursor.tables(schema=schema), "table_name", "table_type")
    check(
        "tables",
        [name in found for name in (["house_prices", "TABLE"], ["valued", "VIEW"])],
        [True, True],
    )
    one = some(cursor.tables(table="house_prices", schema=schema, tableType="TABLE"), "table_name")
    check("one table", one, [["house_prices"]])
    columns = some(
        cursor.columns(table="house_prices", schema=schema), "column_name", "type_name", "nullable"
    )
    check("columns", columns)
    check("their names", [column[0] for column in columns], COLUMNS)
    check("whether nullable", [column[2] for column in columns], [0, 0, 1, 1, 1])
    check(
        "columns of a view",
        some(cursor.columns(table="valued", schema=schema), "column_name"),
        [["id"], ["price"]],
    )
    keys = some(cursor.primaryKeys("house_prices", schema=schema), "column_name", "key_seq")
    check("primary key", keys, [["id", 1]])
    check(
        "statistics",
        some(cursor.statistics("house_prices", schema=schema), "index_name", "column_name"),
    )
    check(
        "foreign keys",
        some(cursor.foreignKeys(table="house_prices", schema=schema), "pkcolumn_name"),
        [],
    )
    procedures = [name for (name,) in some(cursor.procedures(schema=schema), "procedure_name")]
    check("procedures", "predict_house_price" in procedures, True)
    arguments = some(
        cursor.procedureColumns("predict_house_price", schema=schema), "column_name", "type_name"
    )
    check("a procedure's columns", arguments)
    check("type info", len(cursor.getTypeInfo().fetchall()) > 10, True)


@section
def constraints(con: pyodbc.Connection, server: Server) -> None:
    """Of tables made in a transaction, which is rolled back."""
    schema = server.schema
    cursor = con.cursor()
    cursor.execute(f"CREATE TABLE {schema}.client_towns (id integer PRIMARY KEY, name varchar)")
    cursor.execute(
        f"""CREATE TABLE {schema}.client_streets (
        id integer PRIMARY KEY, town integer REFERENCES {schema}.client_towns (id),
        length numeric(10, 2))"""
    )
    cursor.execute(f"CREATE INDEX client_streets_town ON {schema}.client_streets (town)")
    columns = ("pktable_name", "pkcolumn_name", "fktable_name", "fkcolumn_name")
    expected = [["client_towns", "id", "client_streets", "town"]]
    check(
        "foreign keys of",
        some(cursor.foreignKeys(foreignTable="client_streets", foreignSchema=schema), *columns),
        expected,
    )
    check(
        "foreign keys to",
        some(cursor.foreignKeys(table="client_towns", schema=schema), *columns),
        expected,
    )
    indexes = some(
        cursor.statistics("client_streets", schema=schema),
        "index_name",
        "column_name",
        "non_unique",
    )
    check("index", ["client_streets_town", "town", 1] in indexes, True)
    [numeric] = some(
        cursor.columns(table="client_streets", schema=schema, column="length"),
        "type_name",
        "column_size",
        "decimal_digits",
    )
    check("numeric", numeric, ["numeric", 10, 2])
    con.rollback()
    check(
        "after the rollback",
        some(cursor.tables(table="client_streets", schema=schema), "table_name"),
        [],
    )


@section
def selects(con: pyodbc.Connection, server: Server) -> None:
    cursor = con.cursor()
    query = f"SELECT * FROM {server.table()} ORDER BY id"
    cursor.execute(query)
    check("columns", [[name, kind.__name__] for name, kind, *_ in cursor.description])
    rows = cursor.fetchall()
    check("all rows", [row.id for row in rows] == IDS, True)
    check("a row", list(rows[0]))
    cursor.execute(query)
    other = con.cursor()
    check(
        "two at once",
        [cursor.fetchone()[0], other.execute(query).fetchone()[0], len(cursor.fetchmany(150))],
        [1, 1, 150],
    )
    cursor.close()
    other.close()
    con.commit()
    names = [
        name
        for name in VALUES
        if name not in ("interval", "json", "integers", "texts", "numerics", "timestamptz")
    ]
    row = con.execute("SELECT " + ", ".join(VALUES[name][0] for name in names)).fetchone()
    found = dict(zip(names, row, strict=True))
    for name, value in found.items():
        check(f"value of {name}", value)
    same = [name for name in names if name not in ("bool", "time", "timestamp", "uuid")]
    check("values", [name for name in same if found[name] != VALUES[name][1]], [])


@section
def parameters(con: pyodbc.Connection, server: Server) -> None:
    kinds = {"double": "double precision", "numeric": "numeric(12, 3)"}
    for name in ("integer", "bigint", "double", "text", "date", "timestamp", "numeric", "bytea"):
        value = VALUES[name][1]
        for _ in range(3):
            found = con.execute(f"SELECT ?::{kinds.get(name, name)}", value).fetchval()
        check(f"parameter of {name}", found, value)
    check(
        "null", list(con.execute("SELECT ?::integer, ?::text", None, "a").fetchone()), [None, "a"]
    )
    for condition, value, n in (
        ("id <= ?", 10, 10),
        ("price > ?", 200000.0, ROWS),
        ("zipcode <> ?", "none", ROWS),
        ("sold IS DISTINCT FROM ?", VALUES["date"][1], ROWS),
    ):
        found = con.execute(
            f"SELECT count(*) FROM {server.table()} WHERE {condition}", value
        ).fetchval()
        check(f"count where {condition}", found, n)


@section
def transactions(con: pyodbc.Connection, server: Server) -> None:
    cursor = con.cursor()
    cursor.execute("CREATE TEMP TABLE kept (id integer, name varchar, moment date)")
    con.commit()
    cursor.execute("INSERT INTO kept VALUES (?, ?, ?)", 1, "a", None)
    check("inserted", cursor.rowcount, 1)
    con.rollback()
    check("after the rollback", cursor.execute("SELECT count(*) FROM kept").fetchval(), 0)
    for fast in (False, True):
        cursor.fast_executemany = fast
        cursor.executemany(
            "INSERT INTO kept (id, name) VALUES (?, ?)", [(n, f"name {n}") for n in range(10)]
        )
    con.commit()
    check("after the commit", cursor.execute("SELECT count(*) FROM kept").fetchval(), 20)
    check("deleted", cursor.execute("DELETE FROM kept WHERE id < ?", 5).rowcount, 10)
    con.rollback()
    con.autocommit = True
    cursor.execute("DELETE FROM kept WHERE id < 5")
    check("by autocommit", cursor.execute("SELECT count(*) FROM kept").fetchval(), 10)


@section
def failures(con: pyodbc.Connection, server: Server) -> None:
    for query, state in {
        f"SELECT * FROM {UNKNOWN}": "42P01",
        "SELEC 1": "42601",
        f"SELECT no_such_column FROM {server.table()}": "42703",
        f"INSERT INTO {server.table()} (id, price) VALUES (1, 1)": "23505",
    }.items():
        with fails(query, state):
            con.execute(query)
        con.rollback()
    check("works after", con.execute("SELECT 1").fetchval(), 1)


@section
def cancel(con: pyodbc.Connection, server: Server) -> None:
    cursor = con.cursor()
    timer = threading.Timer(0.5, cursor.cancel)
    timer.start()
    with fails("cancelled", "57014"):
        cursor.execute(LONG)
    timer.join()
    con.rollback()
    check("works after", con.execute("SELECT 1").fetchval(), 1)


def main() -> None:
    # The loader reads this only as a program starts.
    if os.environ.get("LD_LIBRARY_PATH") != str(DRIVER.parent):
        os.environ["LD_LIBRARY_PATH"] = str(DRIVER.parent)
        os.execv(sys.executable, [sys.executable, *sys.argv])
    run(catalog, constraints, selects, parameters, transactions, failures, cancel)


main()
