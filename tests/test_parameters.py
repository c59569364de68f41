"""Parameters of the protocol: in text and in binary each keeps its value and its announced type."""

from __future__ import annotations

import asyncio
import datetime
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import asyncpg
import duckdb
import psycopg
import pytest
from psycopg.types.json import Json

from tests.serving import Running, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    path = tmp_path_factory.mktemp("parameters") / "values.duckdb"
    with duckdb.connect(str(path)) as con:
        con.execute(
            "CREATE TABLE kept "
            "(i BIGINT, t VARCHAR, v INTERVAL, h HUGEINT, d DATE, n DECIMAL(38, 5))"
        )
        con.execute(
            "INSERT INTO kept VALUES "
            "(1, 'a', NULL, NULL, NULL, NULL), (2, 'b', NULL, NULL, NULL, NULL)"
        )
    with serving(path, "--read-write") as running:
        yield running


@pytest.fixture
def con(server: Running) -> Iterator[psycopg.Connection]:
    with psycopg.connect(server.dsn("somebody"), autocommit=True) as connected:
        yield connected


EXACT: list[tuple[str, Any, str]] = [
    (
        "%s::numeric(38, 10)",
        Decimal("-1234567890123456789012345678.0123456789"),
        "-1234567890123456789012345678.0123456789",
    ),
    ("%s::decimal(38, 0)", Decimal(10**38 - 1), str(10**38 - 1)),
    ("%s", Decimal("1.50"), "1.50"),
    ("%s", Decimal("0.00000001"), ".00000001"),
    ("%s", Decimal("1E5"), "100000"),
    ("%s", Decimal("-Infinity"), "-inf"),
    ("%s::double", float("nan"), "nan"),
    ("%s::double", 1e300, "1e+300"),
    ("%s", 2**62, str(2**62)),
    ("%s", -5, "-5"),
    ("%s", True, "true"),
    ("%s", datetime.date(2024, 2, 29), "2024-02-29"),
    ("%s", datetime.datetime(1, 1, 1, 0, 0, 0, 1), "0001-01-01 00:00:00.000001"),
    ("%s", datetime.time(23, 59, 59, 999999), "23:59:59.999999"),
    ("%s", datetime.timedelta(days=-3, seconds=5, microseconds=7), "-3 days 00:00:05.000007"),
    ("%s", uuid.UUID(int=5), "00000000-0000-0000-0000-000000000005"),
    ("%s", b"\x00\xffa", "\\x00\\xFFa"),
    ("%s", [1, None, 3], "[1, NULL, 3]"),
    (
        "%s::varchar[]",
        ['a"b', "c\\d", "", "NULL", None, "é,{}"],
        """['a"b', 'c\\\\d', '', 'NULL', NULL, 'é,{}']""",
    ),
    ("%s", [[1, 2], [3, 4]], "[[1, 2], [3, 4]]"),
    ("%s", [Decimal("1.5"), Decimal("-22.25")], "[1.50, -22.25]"),
    ("%s", Json({"a": [1, None]}), '{"a": [1, null]}'),
    ("%s", datetime.datetime(2024, 1, 1, 12, tzinfo=datetime.UTC), "2024-01-01 12:00:00+00"),
]


@pytest.mark.parametrize("spelling", ["t", "b"])
@pytest.mark.parametrize(("expression", "value", "shown"), EXACT, ids=range(len(EXACT)))
def test_a_value_arrives_as_it_was(
    con: psycopg.Connection, spelling: str, expression: str, value: Any, shown: str
) -> None:
    if spelling == "b" and isinstance(value, list) and isinstance(value[0], str):
        expression = "%s"
    expression = expression.replace("%s", f"%{spelling}")
    assert con.execute(f"SELECT ({expression})::VARCHAR", (value,)).fetchone() == (shown,)


TEXTS = [
    ("TIMESTAMP '2020-02-01' + %s::INTERVAL", "1 month", "2020-03-01 00:00:00"),
    ("%s::INTERVAL", "25:00:00", "25:00:00"),
    ("%s::INTERVAL[]", "{1 month,2 days}", "[1 month, 2 days]"),
    ("%s::DATE", "infinity", "infinity"),
    ("%s::TIMESTAMP", "-infinity", "-infinity"),
    ("%s::DATE", "0044-03-15 BC", "0044-03-15 (BC)"),
    ("%s::TIMESTAMP", "0044-03-15 10:00:00 BC", "0044-03-15 (BC) 10:00:00"),
    ("%s::DATE[]", "{infinity,NULL}", "[infinity, NULL]"),
    ("%s::TIMETZ", "12:00:00+05:30", "12:00:00+05:30"),
    ("'b' = ANY(%s)", ["a", "b"], "true"),
    ("'c' <> ALL(%s)", ["a", "b"], "true"),
    ("(SELECT list(i) FROM kept WHERE t = ANY(%s))", ["b", "z"], "[2]"),
    ("(SELECT list(t) FROM kept WHERE i = ANY(%s))", [1, 7], "[a]"),
]


@pytest.mark.parametrize(("expression", "text", "shown"), TEXTS)
def test_a_text_means_what_it_says(
    con: psycopg.Connection, expression: str, text: Any, shown: str
) -> None:
    assert con.execute(f"SELECT ({expression})::VARCHAR", (text,)).fetchone() == (shown,)


@pytest.mark.parametrize(
    ("oid", "value", "sqlstate"),
    [
        (23, b"x", "22P02"),
        (23, "٣".encode(), "22P02"),
        (21, b"70000", "22003"),
        (20, b"9" * 40, "22003"),
        (701, b"1_0", "22P02"),
        (1700, b"9" * 60, "22003"),
        (1700, b"1.2.3", "22P02"),
        (16, b"maybe", "22P02"),
        (1082, b"2024-13-01", "22008"),
        (2950, b"no", "22P02"),
        (114, b"{", "22P02"),
        (1007, b"{1,2", "22P02"),
        (1007, b"{1,{2}}", "22P02"),
        (17, b"\\x6", "22P02"),
    ],
)
def test_what_is_no_value_is_refused(
    con: psycopg.Connection, oid: int, value: bytes, sqlstate: str
) -> None:
    said = con.pgconn.exec_params(b"SELECT $1", [value], [oid])
    assert said.error_field(psycopg.pq.DiagnosticField.SQLSTATE).decode() == sqlstate
    assert con.execute("SELECT 1").fetchone() == (1,)


def test_what_is_told_of_a_statement_is_what_comes(server: Running) -> None:
    """asyncpg describes a statement before it has values, and reads binary rows accordingly."""

    async def ask() -> None:
        con = await asyncpg.connect(
            host="127.0.0.1", port=server.port, user="a", password="", database="values", ssl=False
        )
        try:
            for query, value, answer in (
                ("SELECT $1::bigint", 4, 4),
                ("SELECT $1::int + 1", 4, 5),
                ("SELECT abs($1::int)", -4, 4),
                ("SELECT nullif($1, 'a')", "b", "b"),
                ("SELECT i + $1 FROM kept WHERE i = 1", 4, 5),
                ("SELECT 2 * $1", 4, 8),
                ("SELECT 1.5 * $1", 0.5, 0.75),
                ("SELECT count(*) FROM kept WHERE i > $1 * 2 - 1", 1, 1),
                (
                    "SELECT DATE '2024-01-01' + $1",
                    datetime.timedelta(days=2),
                    datetime.datetime(2024, 1, 3),
                ),
                ("SELECT t || $1 FROM kept WHERE i = 1", "-", "a-"),
                ("SELECT coalesce(i, $1) FROM kept WHERE i = 1", 4, 1),
                (
                    "SELECT $1::numeric(38, 0)",
                    Decimal(12345678901234567890123456789012345678),
                    Decimal(12345678901234567890123456789012345678),
                ),
                ("SELECT $1::int8[]", [1, 2**40, None], [1, 2**40, None]),
                ("SELECT $1::date", datetime.date.max, datetime.date.max),
                ("SELECT $1::timestamp", datetime.datetime.min, datetime.datetime.min),
                ("SELECT count(*) FROM kept WHERE i = ANY($1::bigint[])", [1, 2, 3], 2),
                ("SELECT count(*) FROM kept WHERE t = ANY($1)", ["a"], 1),
                (
                    "SELECT $1::timetz",
                    datetime.time(12, tzinfo=datetime.timezone(datetime.timedelta(hours=5.5))),
                    datetime.time(12, tzinfo=datetime.timezone(datetime.timedelta(hours=5.5))),
                ),
            ):
                assert await con.fetchval(query, value) == answer, query
            await con.execute(
                "INSERT INTO kept (h, n) VALUES ($1, $2)",
                Decimal(2**100),
                Decimal("12345678901234567890123456789.12345"),
            )
            assert await con.fetchval("SELECT h FROM kept WHERE h IS NOT NULL") == 2**100
            assert await con.fetchval("SELECT n FROM kept WHERE n IS NOT NULL") == Decimal(
                "12345678901234567890123456789.12345"
            )
        finally:
            await con.close()

    asyncio.run(ask())


def test_a_long_array_takes_no_longer_than_it_is(con: psycopg.Connection) -> None:
    items = "{" + ", ".join("a" * 300_000) + "}"
    assert con.execute("SELECT len(%t::varchar[])", (items,)).fetchone() == (300_000,)


def test_a_result_of_another_type_than_was_told_is_refused(server: Running) -> None:
    async def ask() -> None:
        con = await asyncpg.connect(
            host="127.0.0.1", port=server.port, user="a", password="", database="values", ssl=False
        )
        with pytest.raises(asyncpg.FeatureNotSupportedError, match="must not change result type"):
            await con.fetchval("SELECT coalesce($1, 1.25::DECIMAL(10, 2))", Decimal("NaN"))
        assert await con.fetchval("SELECT sum($1) FROM kept WHERE i = 1", Decimal("1.5")) == 1.5
        await con.close()

    asyncio.run(ask())
