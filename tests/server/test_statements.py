"""Statements over the wire: transactions, cursors, COPY, errors and training."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import psycopg
import pytest
from psycopg import errors as sqlstates

from duckml.server.session.client_statement import client_statement, split_statements
from duckml.server.session.commands import CopyOut
from tests.serving import (
    PASSWORD,
    Running,
    connect,
)

pytestmark = pytest.mark.filterwarnings("ignore::duckml.ModelWarningMessage")


def test_settings_of_a_transaction_end_with_it(server: Running) -> None:
    with connect(server) as con:

        def shown() -> tuple[Any, ...]:
            [(moment,)] = con.execute(
                "SELECT TIMESTAMPTZ '2024-01-01 00:00:00+00'::VARCHAR"
            ).fetchall()
            [(zone, path)] = con.execute(
                "SELECT current_setting('timezone'), current_setting('search_path')"
            ).fetchall()
            return moment, zone, path

        con.execute("SET timezone = 'Europe/Berlin'; BEGIN; SET LOCAL timezone = 'Asia/Tokyo'")
        assert shown() == ("2024-01-01 09:00:00+09", "Asia/Tokyo", "main")
        con.execute("COMMIT")
        assert shown() == ("2024-01-01 01:00:00+01", "Europe/Berlin", "main")
        con.execute(
            "BEGIN; SET timezone = 'Asia/Tokyo'; SET search_path = information_schema; ROLLBACK"
        )
        assert shown() == ("2024-01-01 01:00:00+01", "Europe/Berlin", "main")
        con.execute("BEGIN; SET timezone = 'Asia/Tokyo'; COMMIT")
        assert shown() == ("2024-01-01 09:00:00+09", "Asia/Tokyo", "main")


def test_a_text_that_is_not_utf_8_is_refused_and_the_session_goes_on(server: Running) -> None:
    with connect(server, "read") as con:
        for ask in (
            lambda: con.pgconn.exec_(b"SELECT 'caf\xe9'"),
            lambda: con.pgconn.exec_params(b"SELECT 'caf\xe9', $1::text", [b"1"]),
        ):
            said = ask()
            assert said.error_field(psycopg.pq.DiagnosticField.SQLSTATE) == b"22021"
            assert con.execute("SELECT 'café'").fetchone() == ("café",)


def test_a_portal_steps_aside_for_other_statements(server: Running) -> None:
    with psycopg.connect(server.dsn()) as con, con.cursor("one") as one, con.cursor("two") as two:
        one.execute("SELECT i FROM range(30000) t(i)")
        assert one.fetchmany(10) == [(i,) for i in range(10)]
        two.execute("SELECT -i FROM range(30000) t(i)")
        assert two.fetchmany(2) == [(0,), (-1,)]
        assert con.execute("SELECT count(*) FROM house_prices").fetchone() == (1000,)
        assert one.fetchall() == [(i,) for i in range(10, 30000)]
        assert len(two.fetchall()) == 29998


def test_a_model_is_trained_over_the_wire_and_its_progress_is_told(server: Running) -> None:
    notices: list[tuple[str, str]] = []
    with connect(server, "train") as con, connect(server, "read") as reader:
        con.add_notice_handler(
            lambda notice: notices.append((notice.severity, notice.message_primary))
        )
        sql = (
            "CREATE OR REPLACE MODEL wired OPTIONS (target = 'price', max_iter = 5) "
            "AS SELECT price, sqft_living FROM house_prices"
        )
        [row] = con.execute(sql).fetchall()
        assert row[:3] == ("wired", 1, True)
        assert (
            reader.execute("SELECT PREDICT(wired) FROM house_prices LIMIT 1").fetchone() is not None
        )
        con.execute(sql)
        assert reader.execute("SELECT MODEL_VERSION(wired)").fetchone() == ("main.wired@2",)
        assert reader.execute(
            "SELECT created_by FROM _duckml.models WHERE name = 'wired'"
        ).fetchone() == ("train",)
    assert ("NOTICE", "training: pass 5 of at most 5") in [(s, m.split(",")[0]) for s, m in notices]
    assert any(
        severity == "WARNING" and "[not_converged]" in message for severity, message in notices
    )


def test_a_training_is_cancelled_between_two_passes(server: Running) -> None:
    with connect(server, "train") as con:
        con.add_notice_handler(
            lambda notice: con.cancel_safe() if "pass 3" in str(notice.message_primary) else None
        )
        with pytest.raises(sqlstates.QueryCanceled):
            con.execute(
                "CREATE MODEL stopped "
                "OPTIONS (target = 'price', max_iter = 100000, early_stop = false) AS "
                "SELECT price, sqft_living FROM house_prices"
            )
        assert con.execute(
            "SELECT count(*) FROM _duckml.models WHERE name = 'stopped'"
        ).fetchone() == (0,)


@pytest.mark.parametrize(
    ("sql", "sqlstate"),
    [
        ("SELEC 1", "42601"),
        ("SELECT * FROM nowhere", "42P01"),
        ("SELECT nothing FROM house_prices", "42703"),
        ("SELECT nofunction(1)", "42883"),
        ("SELECT 'x'::INTEGER", "22P02"),
        ("SELECT PREDICT(nomodel)", "42704"),
        ("SELECT PREDICT(house_price)", "42703"),
        ("SHOW nosetting", "42704"),
        ("SET nosetting = 1", "42704"),
        ("SET TimeZone = 'Nowhere'", "22023"),
        ("FETCH 1 FROM nocursor", "34000"),
        ("SAVEPOINT a", "25P01"),
        ("SELECT 9223372036854775807 + 1::BIGINT", "22003"),
        ("INSERT INTO house_prices VALUES (1, 1, 1, 'a', NULL)", "23505"),
        ("INSERT INTO house_prices VALUES (-1, NULL, 1, 'a', NULL)", "23502"),
        ("COPY house_prices FROM STDIN", "0A000"),
    ],
)
def test_every_error_has_its_sqlstate(sql: str, sqlstate: str, server: Running) -> None:
    with connect(server) as con, pytest.raises(psycopg.Error) as raised:
        con.execute(sql)
    assert raised.value.sqlstate == sqlstate


def test_an_error_says_where(server: Running) -> None:
    with connect(server) as con, pytest.raises(psycopg.Error) as raised:
        con.execute("SELECT 1,\n  é FRM house_prices x y")
    assert raised.value.diag.statement_position is not None


def test_several_statements_are_one_transaction(server: Running) -> None:
    with connect(server) as con:
        con.execute("CREATE TABLE several (a INTEGER)")
        with pytest.raises(psycopg.Error):
            con.execute("INSERT INTO several VALUES (1); SELECT * FROM nowhere")
        assert con.execute("SELECT count(*) FROM several").fetchone() == (0,)
        con.execute("INSERT INTO several VALUES (1); INSERT INTO several VALUES (2)")
        assert con.execute("SELECT count(*) FROM several").fetchone() == (2,)
        con.execute("DROP TABLE several")


@pytest.mark.parametrize(
    ("sql", "delimiter", "format"),
    [
        ("COPY (SELECT 1) TO STDOUT", "\t", "text"),
        ("COPY t TO STDOUT WITH (FORMAT csv, DELIMITER ';', HEADER)", ";", "csv"),
        ("copy t(a, b) to stdout with csv header", ",", "csv"),
        ("COPY (SELECT ')') TO STDOUT (FORMAT 'binary')", "\t", "binary"),
    ],
)
def test_the_spellings_of_copy(sql: str, delimiter: str, format: str) -> None:
    found = client_statement(sql).command
    assert isinstance(found, CopyOut)
    assert (found.how.delimiter, found.how.format) == (delimiter, format)
    assert [part.text for part in split_statements(f"{sql}; ;")] == [sql]


def test_a_held_cursor_outlives_the_errors_of_others(server: Running) -> None:
    with connect(server, "read") as con:
        con.execute(
            "DECLARE h CURSOR WITH HOLD FOR SELECT id FROM house_prices ORDER BY id LIMIT 5"
        )
        for sql in (
            "FETCH 1 FROM nope",
            "SHOW nope",
            "CLOSE nope",
            "ROLLBACK TO x",
            "SELECT nosuch",
        ):
            with pytest.raises(psycopg.Error):
                con.execute(sql)
        assert con.execute("FETCH ALL FROM h").fetchall() == [(n,) for n in range(1, 6)]


def test_copy_from_is_refused_and_what_comes_of_it_passed_over(server: Running) -> None:
    async def load() -> int:
        con = await asyncpg.connect(
            host="127.0.0.1",
            port=server.port,
            user="admin",
            password=PASSWORD,
            database="houses",
            ssl=False,
        )
        with pytest.raises(asyncpg.PostgresError):
            await con.copy_records_to_table("house_prices", records=[(1, 2.0, 3, "a", None)] * 1000)
        count = await con.fetchval("SELECT count(*) FROM house_prices")
        await con.close()
        return int(count)

    assert asyncio.run(load()) == 1000


def test_options_behind_force_quote_are_read(server: Running) -> None:
    with connect(server, "read") as con, con.cursor() as cursor:
        for columns in ("(c)", "*", "(a, c)"):
            query = (
                "COPY (SELECT 1 a, NULL b, 'x' c) TO STDOUT "
                f"(FORMAT csv, FORCE_QUOTE {columns}, NULL 'N')"
            )
            with cursor.copy(query) as copy:
                assert b"".join(map(bytes, copy)) == b'"1",N,"x"\n'


def test_statements_have_the_tags_of_postgres(server: Running) -> None:
    with connect(server) as con:
        for sql, tag in (
            ("CREATE MODEL tagged FROM MODEL house_price", "SELECT 1"),
            ("ALTER MODEL tagged RENAME TO renamed", "ALTER MODEL"),
            ("DROP MODEL renamed", "DROP MODEL"),
            ("CREATE TABLE tagged (a INTEGER)", "CREATE TABLE"),
            ("TRUNCATE tagged", "TRUNCATE TABLE"),
            ("DROP TABLE tagged", "DROP TABLE"),
            ("ROLLBACK", "ROLLBACK"),
            ("COMMIT AND NO CHAIN", "COMMIT"),
        ):
            assert con.execute(sql).statusmessage == tag, sql
        for sql in ("ROLLBACK MODEL house_price", "COMMIT house_price", "END x"):
            with pytest.raises(sqlstates.SyntaxError):
                con.execute(sql)
