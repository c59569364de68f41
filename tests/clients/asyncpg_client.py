"""asyncpg and a server that speaks PostgreSQL's protocol: checks.py tells how it is called."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
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

Section = Callable[[asyncpg.Connection, Server], Awaitable[None]]
DECLARED = {
    "double": "double precision",
    "integers": "integer[]",
    "texts": "text[]",
    "numerics": "numeric[]",
}


def options(server: Server) -> dict[str, Any]:
    host, port, database, user, password, _ = server
    return {"host": host, "port": port, "database": database, "user": user, "password": password}


def section(work: Section) -> Callable[[Server], None]:
    """Return a section that opens and closes its connection."""

    async def connected(server: Server) -> None:
        con = await asyncpg.connect(**options(server))
        try:
            await work(con, server)
        finally:
            await con.close(timeout=10)

    def started(server: Server) -> None:
        asyncio.run(connected(server))

    started.__name__ = work.__name__
    return started


@section
async def settings(con: asyncpg.Connection, server: Server) -> None:
    check("server_version", list(con.get_server_version()))
    for name in ("client_encoding", "server_version", "TimeZone"):
        check(name, getattr(con.get_settings(), name))
    check("backend_pid", con.get_server_pid() > 0, True)


@section
async def many_types(con: asyncpg.Connection, server: Server) -> None:
    filled, empty = await con.fetch(MANY)
    check("columns", list(filled.keys()), [f"a_{name}" for name in VALUES])
    check_row("types", list(filled.values()), json=json.dumps({"a": [1, None]}))
    check("nulls", list(empty.values()), [None] * len(VALUES))
    statement = await con.prepare(MANY)
    described = {
        column.name: [column.type.name, column.type.schema] for column in statement.get_attributes()
    }
    check("attributes", described)
    check("the type of numeric[]", described["a_numerics"][0], "numeric[]")


@section
async def parameters(con: asyncpg.Connection, server: Server) -> None:
    """Parameters are sent as binary values of the types that the server says they have."""
    for name, (_, value) in VALUES.items():
        given = json.dumps(value) if name == "json" else value
        kind = DECLARED.get(name, name)
        check(
            f"parameter of {kind}", await con.fetchval(f"SELECT $1::{kind}", given) == given, True
        )
        check(f"null of {kind}", await con.fetchval(f"SELECT $1::{kind}", None), None)
    names = [name for name in VALUES if name != "json"]
    query = "SELECT " + ", ".join(
        f"${n}::{DECLARED.get(name, name)}" for n, name in enumerate(names, 1)
    )
    values = [VALUES[name][1] for name in names]
    row = await con.fetchrow(query, *values)
    check("all at once", row is not None and list(row.values()) == values, True)
    for condition, value, n in (
        ("id <= $1", 10, 10),
        ("price > $1", 200000.0, ROWS),
        ("zipcode <> $1", "none", ROWS),
        ("sold IS DISTINCT FROM $1", None, ROWS),
        ("id = ANY($1::bigint[])", [1, 2, 3], 3),
    ):
        found = await con.fetchval(
            f"SELECT count(*) FROM {server.table()} WHERE {condition}", value
        )
        check(f"count where {condition}", found, n)


@section
async def prepared(con: asyncpg.Connection, server: Server) -> None:
    statement = await con.prepare(
        f"SELECT * FROM {server.table()} WHERE id > $1 AND price < $2 ORDER BY id"
    )
    check(
        "parameters' types", [kind.name for kind in statement.get_parameters()], ["int8", "float8"]
    )
    types = [[column.name, column.type.name] for column in statement.get_attributes()]
    check("columns' types", types)
    check("columns", [name for name, _ in types], COLUMNS)
    for least in (0, 500, 990):
        check("prepared", len(await statement.fetch(least, 1e9)), ROWS - least)
    check("a row", (await statement.fetchrow(7, 1e9))["id"], 8)
    async with con.transaction():
        ids = [row["id"] async for row in statement.cursor(0, 1e9, prefetch=100)]
        check("all rows of a cursor", ids == IDS, True)
        cursor = await statement.cursor(0, 1e9)
        check("rows of a cursor", [row["id"] for row in await cursor.fetch(150)] == IDS[:150], True)
        await cursor.forward(50)
        row = await cursor.fetchrow()
        check("after some are passed over", row and row["id"], 201)


@section
async def copy(con: asyncpg.Connection, server: Server) -> None:
    for format_ in ("text", "csv", "binary"):
        output = io.BytesIO()
        query = f"SELECT id, zipcode FROM {server.table()} ORDER BY id"
        check(
            f"copy as {format_}",
            await con.copy_from_query(query, output=output, format=format_),
            f"COPY {ROWS}",
        )
        lines = output.getvalue()
        check("bytes", len(lines))
        if format_ != "binary":
            check("lines", lines.count(b"\n"), ROWS)
    output = io.BytesIO()
    done = await con.copy_from_table(
        "house_prices",
        schema_name=server.schema,
        columns=["id", "sold"],
        output=output,
        format="csv",
        header=True,
    )
    check("copy a table", done, f"COPY {ROWS}")
    check("its header", output.getvalue().splitlines()[0].decode(), "id,sold")


@section
async def transactions(con: asyncpg.Connection, server: Server) -> None:
    await con.execute("CREATE TEMP TABLE kept (id integer, name varchar)")
    async with con.transaction():
        with fails("error in a savepoint", "42P01"):
            async with con.transaction():
                await con.execute("INSERT INTO kept VALUES (2, NULL)")
                await con.execute(f"SELECT * FROM {UNKNOWN}")
        await con.execute("INSERT INTO kept VALUES ($1, $2)", 1, "a")
        check("in the transaction", con.is_in_transaction(), True)
    check("kept", await con.fetchval("SELECT count(*) FROM kept"), 1)
    await con.executemany(
        "INSERT INTO kept VALUES ($1, $2)", [(n, f"name {n}") for n in range(2, 101)]
    )
    check("executemany", await con.fetchval("SELECT count(*) FROM kept"), 100)
    check("status", await con.execute("DELETE FROM kept WHERE id <= 10"), "DELETE 10")
    check(
        "several",
        await con.execute("INSERT INTO kept VALUES (1, 'a'); UPDATE kept SET name = 'b'"),
        "UPDATE 91",
    )


@section
async def an_unknown_type(con: asyncpg.Connection, server: Server) -> None:
    """asyncpg asks the catalog about a type that it does not know."""
    transaction = con.transaction()
    await transaction.start()
    await con.execute("CREATE TYPE client_mood AS ENUM ('sad', 'ok')")
    check("enum", await con.fetchval("SELECT 'ok'::client_mood"), "ok")
    await transaction.rollback()


@section
async def cancel(con: asyncpg.Connection, server: Server) -> None:
    try:
        await asyncio.wait_for(con.fetchval(LONG), timeout=0.5)
    except TimeoutError:
        check("wait_for: works after", await con.fetchval("SELECT 1"), 1)
    else:
        raise AssertionError("not cancelled")
    try:
        await con.fetchval(LONG, timeout=0.5)
    except TimeoutError:
        check("timeout: works after", await con.fetchval("SELECT 2"), 2)
    else:
        raise AssertionError("not cancelled")


def pool(server: Server) -> None:
    async def together() -> None:
        async with asyncpg.create_pool(**options(server), min_size=5, max_size=5) as connections:
            query = f"SELECT id FROM {server.table()} WHERE id = $1"
            ids = await asyncio.gather(*(connections.fetchval(query, n) for n in IDS[:100]))
            check("a hundred queries over five connections", list(ids) == IDS[:100], True)

    asyncio.run(together())


@section
async def failures(con: asyncpg.Connection, server: Server) -> None:
    for query, error in {
        f"SELECT * FROM {UNKNOWN}": asyncpg.UndefinedTableError,
        "SELEC 1": asyncpg.PostgresSyntaxError,
        f"SELECT no_such_column FROM {server.table()}": asyncpg.UndefinedColumnError,
        "SELECT no_such_function(1)": asyncpg.UndefinedFunctionError,
        f"INSERT INTO {server.table()} (id, price) VALUES (1, 1)": asyncpg.UniqueViolationError,
    }.items():
        with fails(query, error.sqlstate):
            await con.fetch(query)
    check("works after", await con.fetchval("SELECT 1"), 1)


run(
    settings,
    many_types,
    parameters,
    prepared,
    copy,
    transactions,
    an_unknown_type,
    cancel,
    pool,
    failures,
)
