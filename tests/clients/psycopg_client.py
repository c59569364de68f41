"""psycopg 3 and a server that speaks PostgreSQL's protocol: checks.py tells how it is called."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg
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
from psycopg import Connection

OLD = dt.date(2020, 1, 1)


def connect(server: Server, **options: Any) -> Connection:
    return psycopg.connect(
        host=server.host,
        port=server.port,
        dbname=server.database,
        user=server.user,
        password=server.password,
        **options,
    )


def status(con: Connection) -> str:
    return con.info.transaction_status.name


def parameters_of_the_connection(server: Server) -> None:
    with connect(server) as con:
        names = ["server_version", "DateStyle", "TimeZone"]
        for name in [*names, "client_encoding", "integer_datetimes", "standard_conforming_strings"]:
            value = con.info.parameter_status(name)
            check(name, value)
            assert value, name
        check("encoding", con.info.encoding, "utf-8")
        check("server_version as a number", con.info.server_version)
        check("backend_pid", con.info.backend_pid > 0, True)


def many_types(server: Server) -> None:
    with connect(server) as con:
        for binary in (False, True):
            format_ = "binary" if binary else "text"
            cursor = con.execute(MANY, binary=binary)
            assert cursor.description is not None
            check(
                f"{format_} columns",
                [[column.name, column.type_display] for column in cursor.description],
            )
            filled, empty = cursor.fetchall()
            check_row(format_, list(filled))
            check(f"{format_} nulls", list(empty), [None] * len(VALUES))


def parameters(server: Server) -> None:
    """Send each value and receive it unchanged, in both formats, with and without its type."""
    kinds = {
        "double": "double precision",
        "numeric": "numeric(12, 3)",
        "integers": "integer[]",
        "texts": "text[]",
    }
    names = [name for name in VALUES if name not in ("json", "numerics")]
    values = [VALUES[name][1] for name in names]
    with connect(server) as con:
        for mark in ("%t", "%b"):
            casts = ", ".join(f"{mark}::{kinds.get(name, name)}" for name in names)
            for prepare in (False, True):
                row = con.execute(
                    f"SELECT {casts}", values, prepare=prepare, binary=mark == "%b"
                ).fetchone()
                assert row is not None
                differ = [
                    found for found in zip(names, row, values, strict=True) if found[1] != found[2]
                ]
                check(f"parameters {mark} prepare={prepare}: what differs", differ, [])
        count = f"SELECT count(*) FROM {server.table()} WHERE "
        for condition, value, n in (
            ("id <= %s", 10, 10),
            ("price > %s", 200000.0, ROWS),
            ("zipcode <> %s", "none", ROWS),
            ("sold >= %s", OLD, ROWS),
            ("id = ANY(%s)", [1, 2, 3], 3),
            ("%s::integer IS NULL", None, ROWS),
        ):
            check(
                f"count where {condition}", con.execute(count + condition, [value]).fetchone(), (n,)
            )


def prepared(server: Server) -> None:
    with connect(server) as con:
        query = f"SELECT id, price FROM {server.table()} WHERE id = %s"
        for house in (1, 500, ROWS):
            row = con.execute(query, [house], prepare=True).fetchone()
            assert row is not None
            check("prepared", row[0], house)
        rows = [con.execute(query, [house]).fetchone() for house in range(1, 11)]
        check("prepared after five times", [row and row[0] for row in rows], IDS[:10])


def pipeline(server: Server) -> None:
    """Check that statements of a pipeline between two Syncs are one transaction."""
    with connect(server, autocommit=True) as con:
        con.execute("CREATE TEMP TABLE piped (id integer)")
        with con.pipeline():
            cursors = [con.execute("SELECT %s::integer", [n]) for n in range(10)]
        check(
            "pipeline of ten", [cursor.fetchone() for cursor in cursors], [(n,) for n in range(10)]
        )
        with fails("error in a pipeline", "42P01"), con.pipeline():
            con.execute("INSERT INTO piped VALUES (1)")
            con.execute(f"SELECT * FROM {UNKNOWN}")
            con.execute("INSERT INTO piped VALUES (2)")
        check("rows after the error", con.execute("SELECT count(*) FROM piped").fetchone(), (0,))
        with con.pipeline() as sent:
            con.execute("INSERT INTO piped VALUES (3)")
            sent.sync()
            failing = con.execute(f"SELECT * FROM {UNKNOWN}")
            with fails("error after a sync", "42P01"):
                failing.fetchone()
            sent.sync()
            con.execute("INSERT INTO piped VALUES (4)")
        check(
            "rows after syncs",
            con.execute("SELECT id FROM piped ORDER BY id").fetchall(),
            [(3,), (4,)],
        )


def cursors(server: Server) -> None:
    query = f"SELECT * FROM {server.table()} ORDER BY id"
    with connect(server) as con:
        with con.cursor("houses") as cursor:
            cursor.itersize = 100
            cursor.execute(query)
            assert cursor.description is not None
            check(
                "columns of a named cursor", [column.name for column in cursor.description], COLUMNS
            )
            check("named cursor", [row[0] for row in cursor] == IDS, True)
        with con.cursor("some", binary=True) as cursor:
            cursor.execute(f"SELECT id FROM {server.table()} WHERE id > %s ORDER BY id", [900])
            check(
                "fetchmany",
                [len(cursor.fetchmany(60)), len(cursor.fetchmany(60)), len(cursor.fetchmany(60))],
                [60, 40, 0],
            )
        con.commit()
        with con.cursor("held", withhold=True, scrollable=False) as cursor:
            cursor.execute(query)
            check("before the commit", len(cursor.fetchmany(100)), 100)
            con.commit()
            check("held after the commit", [row[0] for row in cursor] == IDS[100:], True)
        con.commit()
        streamed = con.cursor().stream(query)
        check("stream, row by row", [row[0] for row in streamed] == IDS, True)


def copy(server: Server) -> None:
    query = f"SELECT id, price, sqft_living FROM {server.table()} ORDER BY id"
    with connect(server) as con, con.cursor() as cursor:
        for options in (
            "",
            " (FORMAT csv)",
            " (FORMAT csv, HEADER)",
            " WITH (FORMAT text, DELIMITER '|', NULL '-')",
        ):
            with cursor.copy(f"COPY ({query}) TO STDOUT{options}") as source:
                lines = b"".join(source).decode().splitlines()
            check(f"copy as{options or ' text'}", lines[:2])
            check("lines", len(lines), ROWS + ("HEADER" in options))
        with cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT binary)") as source:
            source.set_types(["int8", "float8", "int4"])
            rows = list(source.rows())
        check("copy as binary", [row[0] for row in rows] == IDS, True)
        cursor.execute(query)
        check("as the query has it", cursor.fetchall() == rows, True)
        with cursor.copy(f"COPY {server.table()} (id, zipcode) TO STDOUT") as source:
            check("copy a table", len(list(source.rows())), ROWS)
        check("rows copied", cursor.rowcount, ROWS)
        with (
            fails("copy of an unknown table", "42P01"),
            cursor.copy(f"COPY (SELECT * FROM {UNKNOWN}) TO STDOUT") as source,
        ):
            list(source)
        con.rollback()
        check("after it", con.execute("SELECT 1").fetchone(), (1,))


def transactions(server: Server) -> None:
    with connect(server) as con:
        check("at first", status(con), "IDLE")
        con.execute("CREATE TEMP TABLE nested (id integer)")
        check("after a statement", status(con), "INTRANS")
        con.commit()
        check("after commit", status(con), "IDLE")
        with con.transaction():
            # An error is undone up to a savepoint as long as nothing was written before that.
            with fails("error in a savepoint", "42P01"), con.transaction():
                con.execute("INSERT INTO nested VALUES (2)")
                con.execute(f"SELECT * FROM {UNKNOWN}")
            check("after a savepoint", status(con), "INTRANS")
            con.execute("INSERT INTO nested VALUES (1)")
            with con.transaction("named"):
                con.execute("INSERT INTO nested VALUES (3)")
        check("after the transaction", status(con), "IDLE")
        check("nested", con.execute("SELECT id FROM nested ORDER BY id").fetchall(), [(1,), (3,)])
        con.rollback()
        con.execute("INSERT INTO nested VALUES (4)")
        con.rollback()
        check("after rollback", con.execute("SELECT count(*) FROM nested").fetchone(), (2,))
        with fails("error in a transaction", "42P01"):
            con.execute(f"SELECT * FROM {UNKNOWN}")
        check("after an error", status(con), "INERROR")
        with fails("in a failed transaction", "25P02"):
            con.execute("SELECT 1")
        con.rollback()
        check("after its rollback", status(con), "IDLE")
    with connect(server, autocommit=True) as con:
        con.execute("SELECT 1")
        check("autocommit", status(con), "IDLE")
        with con.transaction(force_rollback=True):
            con.execute("CREATE TEMP TABLE undone (id integer)")
            check("in its transaction", status(con), "INTRANS")
        with fails("what was undone", "42P01"):
            con.execute("SELECT * FROM undone")


def notices(server: Server) -> None:
    """Check that a notice handler does no harm; servers differ in their notices."""
    with connect(server, autocommit=True) as con:
        heard: list[object] = []
        con.add_notice_handler(
            lambda notice: heard.append([notice.severity_nonlocalized, notice.sqlstate])
        )
        con.execute(f"DROP TABLE IF EXISTS {UNKNOWN}")
        con.execute("COMMIT")
        check("notices", heard)


def cancel(server: Server) -> None:
    with connect(server) as con:
        ways: list[Callable[[], None]] = [con.cancel, con.cancel_safe]
        for way in ways:
            timer = threading.Timer(0.5, way)
            timer.start()
            start = time.monotonic()
            with fails(f"{way.__name__}: sqlstate", "57014"):
                con.execute(LONG)
            check(f"{way.__name__}: soon", time.monotonic() - start < 10, True)
            timer.join()
            check(f"{way.__name__}: status", status(con), "INERROR")
            con.rollback()
            check(f"{way.__name__}: works after", con.execute("SELECT 1").fetchone(), (1,))
            con.rollback()


def several(server: Server) -> None:
    with connect(server) as con:
        cursor = con.execute(
            "SELECT 1; CREATE TEMP TABLE counted (id integer, name varchar); SELECT 'a', 2;"
        )
        results = [(cursor.statusmessage, cursor.fetchall() if cursor.description else None)]
        while cursor.nextset():
            results.append(
                (cursor.statusmessage, cursor.fetchall() if cursor.description else None)
            )
        check(
            "statements",
            results,
            [("SELECT 1", [(1,)]), ("CREATE TABLE", None), ("SELECT 1", [("a", 2)])],
        )
        with fails("one of several fails", "42P01"):
            con.execute(f"INSERT INTO counted VALUES (1, 'a'); SELECT * FROM {UNKNOWN}; SELECT 1")
        con.rollback()
        con.execute("CREATE TEMP TABLE counted (id integer, name varchar)")
        cursor = con.cursor()
        cursor.executemany(
            "INSERT INTO counted VALUES (%s, %s)", [(n, f"name {n}") for n in range(50)]
        )
        check("executemany", cursor.rowcount, 50)
        cursor.executemany(
            "INSERT INTO counted VALUES (%s, %s) RETURNING id",
            [(50, None), (51, "b")],
            returning=True,
        )
        returned = [cursor.fetchone()]
        while cursor.nextset():
            returned.append(cursor.fetchone())
        check("returning", returned, [(50,), (51,)])
        for statement, n in (
            ("INSERT INTO counted SELECT id, name FROM counted", 52),
            ("UPDATE counted SET name = 'c' WHERE id < 10", 20),
            ("DELETE FROM counted WHERE id < 5", 10),
            ("SELECT * FROM counted", 94),
        ):
            cursor.execute(statement)
            check(statement, [cursor.rowcount, cursor.statusmessage])
            assert cursor.rowcount == n
        check("an empty query", con.execute("").statusmessage, None)


def failures(server: Server) -> None:
    with connect(server, autocommit=True) as con:
        for query, state in {
            f"SELECT * FROM {UNKNOWN}": "42P01",
            "SELEC 1": "42601",
            f"SELECT no_such_column FROM {server.table()}": "42703",
            "SELECT no_such_function(1)": "42883",
            f"SELECT * FROM no_such_schema.{UNKNOWN}": "42P01",
            "SELECT 'x'::integer": "22P02",
            f"INSERT INTO {server.table()} (id, price) VALUES (1, 1)": "23505",
            f"INSERT INTO {server.table()} (id) VALUES (0)": "23502",
        }.items():
            for prepare in (False, True):
                with fails(query, state):
                    con.execute(query, prepare=prepare)
        check("works after", con.execute("SELECT 1").fetchone(), (1,))
    with fails("a wrong password"):
        connect(server._replace(password="wrong"))


run(
    parameters_of_the_connection,
    many_types,
    parameters,
    prepared,
    pipeline,
    cursors,
    copy,
    transactions,
    notices,
    cancel,
    several,
    failures,
)
