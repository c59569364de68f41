"""Values over the wire, in text and in binary, those among them that Arrow can't carry."""

from __future__ import annotations

import asyncio
import datetime
import json
import struct
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import asyncpg
import duckdb
import psycopg
import pytest

from tests.serving import Running, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    path = tmp_path_factory.mktemp("values") / "values.duckdb"
    duckdb.connect(str(path)).close()
    with serving(path) as running:
        yield running


@pytest.fixture
def con(server: Running) -> Iterator[psycopg.Connection]:
    with psycopg.connect(server.dsn("somebody"), autocommit=True) as connected:
        yield connected


# As PostgreSQL spells them.
TEXTS = {
    "340282366920938463463374607431768211455::UHUGEINT": "340282366920938463463374607431768211455",
    "[2::UHUGEINT ** 127]::UHUGEINT[]": "{170141183460469231731687303715884105728}",
    f"{'1234567890' * 4}12345::BIGNUM": f"{'1234567890' * 4}12345",
    "'0101'::BIT": "0101",
    "TIMETZ '12:00:00+05:30'": "12:00:00+05:30",
    "[TIMETZ '12:00:00-08']": "{12:00:00-08}",
    "INTERVAL '3000000 hours'": "3000000:00:00",
    "INTERVAL (-3) DAY + INTERVAL '5.000007 seconds'": "-3 days +00:00:05.000007",
    "INTERVAL '14 months'": "1 year 2 mons",
    "INTERVAL '0 days'": "00:00:00",
    "[INTERVAL '1 month', NULL]": '{"1 mon",NULL}',
    "DATE '50000-01-01'": "50000-01-01",
    "DATE '0044-03-15 (BC)'": "0044-03-15 BC",
    "DATE '0001-12-31 (BC)'": "0001-12-31 BC",
    "TIMESTAMP '0044-03-15 (BC) 10:00:00.5'": "0044-03-15 10:00:00.5 BC",
    "TIMESTAMP '50000-01-01 01:02:03'": "50000-01-01 01:02:03",
    "DATE 'infinity'": "infinity",
    "TIME '24:00:00'": "24:00:00",
    "'POINT(1 2)'::GEOMETRY": "POINT (1 2)",
}


@pytest.mark.parametrize(("expression", "text"), TEXTS.items())
def test_a_value_is_spelt_as_postgres_does(
    con: psycopg.Connection, expression: str, text: str
) -> None:
    said = con.pgconn.exec_(f'SELECT NULL, {expression}, 1 AS "1" FROM range(2)'.encode())
    assert [said.get_value(row, 1) for row in range(2)] == [text.encode()] * 2
    with con.cursor() as cursor, cursor.copy(f"COPY (SELECT {expression}) TO STDOUT") as copy:
        assert b"".join(map(bytes, copy)).decode() == text + "\n"


BINARIES = {
    "TIMETZ '12:00:00+05:30'": struct.pack("!qi", 12 * 3600 * 10**6, -19800),
    "TIMETZ '00:00:01.5-08'": struct.pack("!qi", 1_500_000, 28800),
    "INTERVAL '3000000 hours'": struct.pack("!qii", 3_000_000 * 3600 * 10**6, 0, 0),
    "INTERVAL '-14 months 3 days'": struct.pack("!qii", 0, 3, -14),
    "DATE '50000-01-01'": struct.pack("!i", 17542597 - 10957 + 1 - 1),
    "TIME '24:00:00'": struct.pack("!q", 86400 * 10**6),
}


@pytest.mark.parametrize(("expression", "field"), BINARIES.items())
def test_a_value_is_packed_as_postgres_does(
    con: psycopg.Connection, expression: str, field: bytes
) -> None:
    said = con.pgconn.exec_params(f"SELECT {expression}".encode(), [], result_format=1)
    assert said.get_value(0, 0) == field


NESTED = {
    "{'ts': TIMESTAMP 'infinity', 'd': DATE '50000-01-01', 'b': DATE '0044-03-15 (BC)'}": {
        "ts": "infinity",
        "d": "50000-01-01",
        "b": "0044-03-15 (BC)",
    },
    "{'n': 12345678901234567890.12::DECIMAL(30, 2)}": {"n": Decimal("12345678901234567890.12")},
    "{'x': 'nan'::DOUBLE, 'y': ['-inf'::DOUBLE, 1.5], 'z': 'NaN and \"Infinity\"'}": {
        "x": None,
        "y": [None, Decimal("1.5")],
        "z": 'NaN and "Infinity"',
    },
    "{'i': INTERVAL '1 month', 'bit': '0101'::BIT, 't': TIME '24:00:00'}": {
        "i": "1 month",
        "bit": "0101",
        "t": "24:00:00",
    },
    "['{\"a\": 1}'::JSON]": [{"a": 1}],
    "{'j': '{\"a\": 1}'::JSON}": {"j": {"a": 1}},
    "union_value(a := [1])": {"a": [1]},
    "MAP {true: 1}": {"true": 1},
    "[[1, 2], NULL]": [[1, 2], None],
    "'a'::VARIANT": "a",
    "{'a': {'b': [1]}}::VARIANT": {"a": {"b": [1]}},
    "NULL::STRUCT(a INTEGER)": None,
}


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize(("expression", "value"), NESTED.items())
def test_what_is_nested_is_json(
    con: psycopg.Connection, expression: str, value: Any, binary: bool
) -> None:
    said = con.pgconn.exec_params(f"SELECT {expression}".encode(), [], result_format=int(binary))
    assert said.ftype(0) == 114
    text = said.get_value(0, 0)
    assert (None if text is None else json.loads(text, parse_float=Decimal)) == value


def test_rows_with_such_values_keep_their_order_and_names(con: psycopg.Connection) -> None:
    cursor = con.execute(
        "SELECT i AS a, i % 7 AS a, {'i': i} AS \"b c\" FROM range(100000) t(i) "
        "ORDER BY i % 7, i DESC -- so"
    )
    assert [column.name for column in cursor.description or ()] == ["a", "a", "b c"]
    rows = cursor.fetchall()
    assert rows == sorted(rows, key=lambda row: (row[1], -row[0]))
    assert all(row[2] == {"i": row[0]} for row in rows)
    for query in (
        "FROM (VALUES ({'a': 1}))",
        "WITH x AS (SELECT {'a': 1} AS s) FROM x",
        "VALUES ({'a': 1})",
    ):
        assert con.execute(query).fetchall() == [({"a": 1},)]
    with pytest.raises(psycopg.errors.InvalidTextRepresentation):
        con.execute("SELECT {'a': x::INTEGER} FROM (VALUES ('1'), ('no')) t(x)").fetchall()


def test_asyncpg_reads_them(server: Running) -> None:
    async def ask() -> None:
        con = await asyncpg.connect(
            host="127.0.0.1", port=server.port, user="a", password="", database="values", ssl=False
        )
        zone = datetime.timezone(datetime.timedelta(hours=5.5))
        for expression, value in (
            ("TIMETZ '12:00:00+05:30'", datetime.time(12, tzinfo=zone)),
            ("INTERVAL '3 days 5 seconds'", datetime.timedelta(days=3, seconds=5)),
            ("(2::UHUGEINT ** 127)::UHUGEINT", 2**127),
            ("[TIMETZ '12:00:00+05:30']", [datetime.time(12, tzinfo=zone)]),
        ):
            assert await con.fetchval(f"SELECT {expression}") == value, expression
        await con.close()

    asyncio.run(ask())
