"""`duckml serve`: real clients, real attacks, a real process."""

from __future__ import annotations

import asyncio
import datetime
import io
import json
import os
import re
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import asyncpg
import psycopg
import pytest
from psycopg import errors as sqlstates
from psycopg.types.json import Jsonb

import duckml
from duckml.cli import main as cli
from duckml.server.logs import outline
from duckml.server.session.commands import CopyOut, command, statements
from duckml.server.tcp import Options
from tests import fuzz_server
from tests.clients import get_odbc
from tests.clients.checks import LONG
from tests.serving import PASSWORD, ROLES, Running, make_houses, make_users, serving

pytestmark = pytest.mark.filterwarnings("ignore::duckml.ModelWarningMessage")
CLIENTS = Path(__file__).parent / "clients"
CATALOG = Path(__file__).parent / "data" / "catalog"
# Of the package pgserver, which is only looked for: importing it would make folders.
PSQL = Path(str(find_spec("pgserver").origin)).parent / "pginstall" / "bin" / "psql"
JDBC, NODE = "42.7.14", ("pg@8.23.1", "pg-cursor@2.22.0", "pg-query-stream@4.17.0")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server that may be written to, with a user of each role."""
    folder = tmp_path_factory.mktemp("served")
    make_houses(folder / "houses.duckdb")
    make_users(folder / "users")
    with serving(folder / "houses.duckdb", "--users", folder / "users", "--read-write") as running:
        yield running
        assert [line for line in running.lines if line["event"] in {"failure", "noise"}] == []


@pytest.fixture
def open_server(tmp_path: Path) -> Iterator[Running]:
    """A read-only server for this machine, with nobody's password."""
    make_houses(tmp_path / "houses.duckdb")
    with serving(tmp_path / "houses.duckdb") as running:
        yield running


def connect(server: Running, user: str = "admin", **more: object) -> psycopg.Connection:
    return psycopg.connect(server.dsn(user, **more), autocommit=True)


# Clients


def run(*command: object, folder: Path, **environment: str) -> str:
    ran = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, **environment},
    )
    assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr[-6000:]
    return ran.stdout


def arguments(server: Running) -> list[object]:
    return ["127.0.0.1", server.port, "houses", "admin", PASSWORD, "main"]


@pytest.mark.parametrize(
    "client", ["psycopg_client", "asyncpg_client", "sqlalchemy_client", "adbc"]
)
def test_a_python_client_finds_what_it_expects(
    client: str, server: Running, tmp_path: Path
) -> None:
    answer = run(sys.executable, CLIENTS / f"{client}.py", *arguments(server), folder=tmp_path)
    assert len(answer.splitlines()) > 40


@pytest.mark.skipif(shutil.which("mvn") is None, reason="needs Java and Maven")
def test_the_jdbc_driver_finds_what_it_expects(server: Running, tmp_path: Path) -> None:
    artifact = f"org.postgresql:postgresql:{JDBC}"
    run(
        "mvn",
        "--quiet",
        "dependency:copy",
        f"-Dartifact={artifact}",
        f"-DoutputDirectory={tmp_path}",
        folder=tmp_path,
    )
    jar = tmp_path / f"postgresql-{JDBC}.jar"
    answer = run(
        "java", "-cp", jar, CLIENTS / "Jdbc.java", *arguments(server), LONG, folder=tmp_path
    )
    assert len(answer.splitlines()) > 100


@pytest.mark.skipif(shutil.which("npm") is None, reason="needs Node")
def test_node_postgres_finds_what_it_expects(server: Running, tmp_path: Path) -> None:
    run("npm", "install", "--silent", "--no-audit", "--no-fund", *NODE, folder=tmp_path)
    shutil.copy(CLIENTS / "node.js", tmp_path)
    assert len(run("node", "node.js", *arguments(server), folder=tmp_path).splitlines()) > 40


@pytest.mark.skipif(shutil.which("apt-get") is None, reason="needs Debian's packages")
def test_odbc_finds_what_it_expects_with_declared_cursors(server: Running, tmp_path: Path) -> None:
    driver = get_odbc.driver(tmp_path)
    answer = run(sys.executable, CLIENTS / "odbc.py", *arguments(server), driver, folder=tmp_path)
    assert len(answer.splitlines()) > 100


def psql(server: Running, *commands: str, user: str = "admin") -> str:
    options = [part for text in commands for part in ("-c", text)]
    return run(
        PSQL, server.dsn(user), "-X", "-v", "ON_ERROR_STOP=1", *options, folder=Path("/"), PAGER=""
    )


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        (r"\d", "valued"),
        (r"\d house_prices", "double precision"),
        (r"\d house_prices", "PRIMARY KEY"),
        (r"\d valued", "View"),
        (r"\d+ valued", "SELECT id, price FROM house_prices"),
        (r"\dt", "house_prices"),
        (r"\dv", "valued"),
        (r"\df predict*", "sqft_living double precision, zipcode character varying"),
        (r"\df+ predict*", "duckml: price from sqft_living, zipcode"),
        (r"\dn", "_duckml"),
        (r"\dv _duckml.*", "models"),
        (r"\di", "house_prices"),
        (r"\l", "houses"),
        (r"\du", "admin"),
        (r"\dT", ""),
        (r"\dp", "house_prices"),
        ("SELECT name, target FROM _duckml.models", "house_price"),
        ("SELECT h.*, predict_house_price(h) FROM house_prices h LIMIT 1", "predict_house_price"),
        ("SELECT PREDICT(house_price) FROM house_prices LIMIT 1", "predict(house_price)"),
        ("SHOW MODELS", "house_price"),
        ("DESCRIBE MODEL house_price", "feature sqft_living"),
        ("FROM EVALUATE(MODEL house_price)", "r2_score"),
    ],
)
def test_psql_shows(asked: str, wanted: str, server: Running) -> None:
    assert wanted in psql(server, asked)


def test_the_forms_that_superset_makes_of_a_prediction(server: Running) -> None:
    with connect(server, "read") as con:
        [(fair,)] = con.execute(
            "SELECT predict_house_price(h) FROM house_prices h WHERE id = 5"
        ).fetchall()
        for sql in (
            "SELECT PREDICT(MODEL house_price, TABLE sqft_living, zipcode) FROM house_prices WHERE id = 5",
            "SELECT PREDICT(MODEL 'house_price', sqft_living, zipcode) FROM house_prices WHERE id = 5",
            "SELECT PREDICT_HOUSE_PRICE(h) FROM house_prices AS h WHERE id = 5",
            "SELECT PREDICT_HOUSE_PRICE(sqft_living, zipcode) FROM house_prices WHERE id = 5",
        ):
            assert con.execute(sql).fetchall() == [(fair,)]


# Catalogs


def recorded_queries() -> list[tuple[str, str, str | None, int | None]]:
    found = []
    for file in sorted(CATALOG.glob("*.sql")):
        for part in re.split(r"^;\s*$", file.read_text(encoding="utf-8"), flags=re.MULTILINE):
            if match := re.search(r"^-- name: (\S+)\n((?:-- .*\n)*)([\s\S]*)", part, re.MULTILINE):
                name, notes, sql = match.groups()
                expect, rows = (
                    re.search(r"-- expect: (.*)", notes),
                    re.search(r"-- rows: (\d+)", notes),
                )
                found.append(
                    (
                        f"{file.stem}.{name}",
                        sql,
                        expect and expect[1],
                        int(rows[1]) if rows else None,
                    )
                )
    return found


def test_what_superset_sends_is_answered(tmp_path: Path) -> None:
    make_houses(tmp_path / "houses.duckdb")
    with duckml.connect(str(tmp_path / "houses.duckdb")) as con:
        con.execute(
            "CREATE OR REPLACE VIEW valued AS SELECT zipcode, price, PREDICT(house_price) AS fair FROM house_prices"
        )
    text = (CATALOG.parent / "superset_queries.sql").read_text(encoding="utf-8")
    refused = []
    with serving(tmp_path / "houses.duckdb") as server, connect(server) as con:
        for oid, name in (("16385", "house_prices"), ("16394", "valued")):
            found = con.execute("SELECT oid FROM pg_class WHERE relname = %s", (name,)).fetchone()
            text = text.replace(oid, str(found[0]))
        for part in re.split(r"^;\s*$", text, flags=re.MULTILINE):
            if match := re.search(r"^-- name: (\S+)\n([\s\S]*)", part, re.MULTILINE):
                try:
                    con.execute(match[2].encode())
                except psycopg.Error:
                    refused.append(match[1])
                    con.rollback()
    assert refused == ["sqllab_error_unknown_column"]


# As PostgreSQL 16 writes 2024-03-05 13:04:09.678901.
PATTERNS = {
    **{
        "yyyy-mm-dd": "2024-03-05",
        "YYYYMM": "202403",
        "DD/MM/YYYY": "05/03/2024",
        "Mon DD, YYYY": "Mar 05, 2024",
    },
    **{
        "MON": "MAR",
        "FMMonth YYYY": "March 2024",
        "Month YYYY": "March     2024",
        "Q": "1",
        'YYYY-"Q"Q': "2024-Q1",
    },
    **{
        "IYYY-IW": "2024-10",
        "WW": "10",
        "W": "1",
        "D": "3",
        "DDD": "065",
        "ID": "2",
        "YY": "24",
        "MS": "678",
    },
    **{
        "HH12:MI AM": "01:04 PM",
        "HH24:MI pm": "13:04 pm",
        "FMDD.FMMM.YYYY": "5.3.2024",
        "100%": "100%",
    },
    **{
        'YYYY-MM-DD"T"HH24:MI:SS.US"Z"': "2024-03-05T13:04:09.678901Z",
        "DY, DD MON": "TUE, 05 MAR",
        "day": "tuesday  ",
    },
}


def test_postgres_patterns_of_dates(server: Running) -> None:
    with connect(server) as con:
        query = "SELECT to_char(DATE '2024-02-29', 'YYYY-MM'), to_date('29.02.2024', 'DD.MM.YYYY'), to_timestamp(0)::VARCHAR"
        assert con.execute(query).fetchone() == (
            "2024-02",
            datetime.date(2024, 2, 29),
            "1970-01-01 00:00:00+00",
        )
        at = datetime.datetime(2024, 3, 5, 13, 4, 9, 678901)
        for pattern, written in PATTERNS.items():
            assert con.execute("SELECT to_char(%s, %s)", (at, pattern)).fetchone() == (written,), (
                pattern
            )
        assert con.execute("SELECT to_date('05 Mar 2024', 'dd Mon yyyy')").fetchone() == (
            at.date(),
        )
        for call in (
            "to_char(DATE '2024-02-29', 'J')",
            "to_date('2024-Q1', 'YYYY-\"Q\"Q')",
            "to_char(now(), 'mOn')",
        ):
            with pytest.raises(psycopg.Error, match="is not here"):
                con.execute(f"SELECT {call}")


@pytest.fixture(scope="module")
def oids(server: Running) -> dict[str, int]:
    with connect(server) as con:
        names = ("house_prices", "valued")
        found = {
            name: con.execute("SELECT oid FROM pg_class WHERE relname = %s", (name,)).fetchone()[0]
            for name in names
        }
        found["main"] = con.execute(
            "SELECT oid FROM pg_namespace WHERE nspname = 'main'"
        ).fetchone()[0]
        found["predict_house_price"] = con.execute(
            "SELECT oid FROM pg_proc WHERE proname = 'predict_house_price' AND pronargs = 2"
        ).fetchone()[0]
    return found


@pytest.mark.parametrize(
    ("name", "sql", "expect", "rows"), recorded_queries(), ids=lambda value: str(value)[:40]
)
def test_a_recorded_catalog_query_answers(
    name: str, sql: str, expect: str | None, rows: int | None, server: Running, oids: dict[str, int]
) -> None:
    for placeholder, oid in oids.items():
        sql = sql.replace(f":{placeholder}_oid", str(oid))
    with connect(server) as con:
        result = con.execute(sql)
        while result.nextset():
            pass
        found = result.fetchall() if result.description else []
    assert expect is None or expect in str(found)
    assert rows is None or len(found) == rows


# Safety

HOSTILE = [
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM glob('/etc/*')",
    "COPY house_prices TO '/tmp/stolen.csv'",
    "COPY house_prices FROM '/etc/passwd'",
    "EXPORT DATABASE '/tmp/stolen'",
    "IMPORT DATABASE '/tmp/stolen'",
    "ATTACH '/tmp/other.duckdb' AS other",
    "ATTACH ':memory:' AS other",
    "DETACH houses",
    "INSTALL httpfs",
    "LOAD '/tmp/evil.duckdb_extension'",
    "SET GLOBAL enable_external_access = true",
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "SET allowed_configs = ['enable_external_access']",
    "SET allow_unsigned_extensions = true",
    "RESET lock_configuration",
    "PRAGMA enable_profiling",
    "PRAGMA database_list",
    "CALL enable_logging()",
    "CREATE SECRET stolen (TYPE http)",
    "CREATE PERSISTENT SECRET stolen (TYPE http)",
    "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM duckdb_databases()",
    "SELECT * FROM checkpoint()",
    "SELECT * FROM read_blob(current_setting('temp_directory') || '/*')",
    """SELECT * FROM system.main."READ_TEXT"/**/('/tmp/*')""",
    "SELECT * FROM query('FROM read' || '_text(''/tmp/*'')')",
    "TABLE glob('/tmp/*')",
    "COPY (FROM glob('/tmp/*')) TO STDOUT",
    "PREPARE p AS FROM glob($1)",
    "CREATE MODEL stolen OPTIONS (target = 'a') AS FROM read_text('/tmp/*')",
    "SELECT duckml_runtime('/tmp/evil.so')",
    "SELECT duckml_read('abc'::BLOB)",
    "SELECT * FROM query('SELECT duckml_' || 'read(''abc''::BLOB)')",
    "SELECT getenv('HOME')",
    "PREPARE p AS COPY house_prices TO '/tmp/stolen.csv'",
    "PREPARE p AS ATTACH '/tmp/other.duckdb' AS other",
    "PREPARE p AS/**/ATTACH ':memory:' AS other",
    "CREATE MODEL stolen OPTIONS (model_type = 'onnx', model_path = '/etc/passwd')",
    "EXPORT MODEL house_price TO '/tmp/stolen.onnx'",
    "CREATE MODEL stolen OPTIONS (target = 'a') AS SELECT * FROM read_csv('/etc/passwd')",
    "COPY FROM DATABASE houses TO memory",
    "USE memory",
    "SELECT * FROM sys",
    "SELECT * FROM con",
    "SET ROLE admin",
    "SET GLOBAL TimeZone = 'Asia/Tokyo'",
    "SET VARIABLE __pg_user = 'admin'",
    "SET SESSION AUTHORIZATION admin",
]


@pytest.mark.parametrize("role", ROLES)
def test_what_reaches_beyond_the_file_is_refused_to_every_role(role: str, server: Running) -> None:
    with connect(server, role) as con:
        for sql in HOSTILE:
            with pytest.raises(psycopg.Error) as refused:
                con.execute(sql)
            assert refused.value.sqlstate not in {None, "XX000"}, sql
            assert "root:" not in str(refused.value)
    assert not any(
        Path(path).exists() for path in ("/tmp/stolen.csv", "/tmp/stolen", "/tmp/stolen.onnx")
    )


WRITES = [
    "INSERT INTO house_prices VALUES (0, 1, 1, 'a', NULL)",
    "WITH gone AS (DELETE FROM house_prices RETURNING id) SELECT * FROM gone",
    "EXPLAIN ANALYZE DELETE FROM house_prices",
    "PREPARE p AS DELETE FROM house_prices; EXECUTE p",
    "CREATE TABLE other (a INTEGER)",
    "DROP TABLE house_prices",
    "ALTER TABLE house_prices ADD COLUMN a INTEGER",
    "COMMENT ON TABLE house_prices IS 'x'",
    "CREATE MACRO m() AS 1",
    "COPY (DELETE FROM house_prices RETURNING id) TO STDOUT",
    "DROP MACRO predict_house_price",
]
TRAINS = [
    "CREATE MODEL mine OPTIONS (target = 'price') AS SELECT price, sqft_living FROM house_prices",
    "DROP MODEL house_price",
    "RETRAIN MODEL house_price",
    "ALTER MODEL house_price RENAME TO mine",
    "CREATE MODEL mine FROM MODEL house_price",
]


@pytest.mark.parametrize(("role", "refused"), [("read", WRITES + TRAINS), ("train", WRITES)])
def test_a_role_may_do_no_more_than_it_says(role: str, refused: list[str], server: Running) -> None:
    with connect(server, role) as con:
        for sql in refused:
            with pytest.raises(psycopg.Error) as said:
                con.execute(sql).fetchall()
            assert said.value.sqlstate in {"42501", "42601"}, (sql, said.value)
        assert con.execute("SELECT count(*) FROM house_prices").fetchone() == (1000,)
        assert (
            con.execute("SELECT predict_house_price(h) FROM house_prices h LIMIT 1").fetchone()
            is not None
        )


def test_what_is_prepared_anew_is_judged_anew(server: Running) -> None:
    with connect(server, "read") as con:
        con.execute("PREPARE p AS SELECT 1")
        assert con.execute("EXECUTE p").fetchone() == (1,)
        con.execute("DEALLOCATE p")
        for name in ("p", "p/* as select 1 --*/", '"a as select 1 -- "'):
            with pytest.raises(psycopg.Error) as refused:
                con.execute(f"PREPARE {name} AS DELETE FROM house_prices")
            assert refused.value.sqlstate == "42501"


def test_a_name_of_many_parts_ends_at_once(server: Running) -> None:
    with connect(server, "read") as con, pytest.raises(psycopg.Error, match="64 parts"):
        con.execute("SELECT a" + ".a" * 60000)


def test_a_reader_moves_no_sequence(server: Running) -> None:
    with connect(server) as admin, connect(server, "read") as con:
        admin.execute("CREATE SEQUENCE moved")
        for sql in ("SELECT nextval('moved')", "SET VARIABLE x = (SELECT nextval('moved'))"):
            with pytest.raises(psycopg.Error) as refused:
                con.execute(sql)
            assert refused.value.sqlstate == "42501"
        assert admin.execute("SELECT nextval('moved')").fetchone() == (1,)
        admin.execute("DROP SEQUENCE moved")


ASIDE = "PREDICT(MODEL house_price, (SELECT 1 AS sqft_living, '98001' AS zipcode))"


@pytest.mark.parametrize("role", ["read", "train"])
def test_no_reader_writes_by_what_only_duckml_or_postgres_can_read(
    role: str, server: Running
) -> None:
    pivot = "(PIVOT (SELECT 'a' k, 1 v) ON k USING sum(v))"
    counted = "(PIVOT (SELECT 'a' k, nextval('kept') v) ON k USING sum(v))"
    with connect(server) as admin, connect(server, role) as con:
        admin.execute("CREATE SEQUENCE kept; CREATE TABLE own AS SELECT 'a' k, 1 v")
        for sql in (
            f"INSERT INTO own SELECT 'q', 7 FROM {pivot} p, {ASIDE}",
            f"CREATE TABLE stolen AS SELECT s.zipcode FROM {ASIDE} s, {pivot} p",
            f"UPDATE own SET v = 99 FROM (SELECT 1 FROM {pivot} p, {ASIDE}) z",
            f"DELETE FROM own WHERE 1 IN (SELECT 1 FROM {pivot} p, {ASIDE})",
            f"SELECT * FROM {ASIDE} s, {counted} p",
            f"COPY (SELECT * FROM {ASIDE} s, {counted} p) TO STDOUT",
            f"COPY (SELECT * FROM {ASIDE} s) TO '/tmp/stolen.csv'",
            f"PREPARE stolen AS INSERT INTO own SELECT 'q', 7 FROM {ASIDE}",
            "SELECT * FROM (PIVOT (SELECT 'a' k, nextval{# #}('kept') v) ON k USING sum(v)) p, pg_class LIMIT 1",
            "SELECT nextval{# #}('kept') FROM pg_class",
        ):
            for ask in (
                con.pgconn.exec_,
                lambda text: con.pgconn.exec_params(text, [], result_format=1),
            ):
                said = ask(sql.encode())
                assert said.status == psycopg.pq.ExecStatus.FATAL_ERROR, sql
                assert said.error_field(psycopg.pq.DiagnosticField.SQLSTATE) in {
                    b"42501",
                    b"25006",
                    b"0A000",
                    b"42601",
                }
        assert admin.execute("SELECT nextval('kept'), (SELECT list(own) FROM own)").fetchone() == (
            1,
            [{"k": "a", "v": 1}],
        )
        admin.execute("DROP SEQUENCE kept; DROP TABLE own")


@pytest.mark.parametrize("role", ROLES)
def test_no_file_is_read_by_what_only_postgres_can_read_or_by_a_description(
    role: str, server: Running
) -> None:
    with connect(server, role) as con:
        for call in ("read_blob{# x #}", "read_csv{# #}", "read_text", "query"):
            sql = f"SELECT * FROM {call}('{server.path}') b, pg_class LIMIT 1".encode()
            assert (
                con.pgconn.exec_(sql).error_field(psycopg.pq.DiagnosticField.SQLSTATE) == b"42501"
            )
            for name in (b"", b"known"):
                con.pgconn.prepare(name, sql)
                said = con.pgconn.describe_prepared(name)
                assert said.error_field(psycopg.pq.DiagnosticField.SQLSTATE) == b"42501"


def test_many_long_statements_keep_nobody_from_ending_theirs(open_server: Running) -> None:
    long = [connect(open_server, "a") for _ in range(40)]
    query = "SELECT count(*) FROM range(100000000000) t(i) WHERE hash(i) = 1"

    def run_long(con: psycopg.Connection) -> None:
        with suppress(psycopg.Error):
            con.execute(query)

    running = [threading.Thread(target=run_long, args=(con,)) for con in long]
    with connect(open_server, "b") as con:
        con.execute("SET statement_timeout = '1s'")
        for thread in running:
            thread.start()
        time.sleep(1)
        with pytest.raises(sqlstates.QueryCanceled, match="statement timeout"):
            con.execute(query)
    for other in long:
        other.cancel_safe()
    for thread in running:
        thread.join(30)
        assert not thread.is_alive()
    for other in long:
        other.close()


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


PIVOT = "PIVOT (SELECT id % 3 g, id % 2 h FROM house_prices) ON h USING count(*) ORDER BY g"
PIVOTED = [(0, 166, 167), (1, 167, 167), (2, 167, 166)]


@pytest.mark.parametrize("role", ROLES)
def test_a_pivot_whose_columns_are_values_is_for_everybody(role: str, server: Running) -> None:
    with connect(server, role) as con:
        for sql in (PIVOT, f"FROM ({PIVOT})", f"WITH x AS ({PIVOT}) SELECT * FROM x"):
            assert con.execute(sql).fetchall() == PIVOTED
            assert con.execute(sql, prepare=True).fetchall() == PIVOTED
            cursor = con.execute(sql, binary=True)
            assert [column.name for column in cursor.description or ()] == ["g", "0", "1"]
            assert cursor.fetchall() == PIVOTED
        assert con.info.transaction_status.name == "IDLE"
        con.execute("BEGIN READ ONLY")
        assert con.execute(PIVOT).fetchall() == PIVOTED
        con.execute("SAVEPOINT s")
        assert con.execute(PIVOT).fetchall() == PIVOTED
        con.execute("ROLLBACK TO s")
        assert con.execute(PIVOT).fetchall() == PIVOTED
        con.execute("COMMIT; BEGIN")
        if role == "train":
            with pytest.raises(psycopg.errors.FeatureNotSupported, match="Name the values"):
                con.execute(PIVOT)
        else:
            assert con.execute(PIVOT).fetchall() == PIVOTED
        con.execute("ROLLBACK")
        assert con.execute(PIVOT.replace("ON h", "ON h IN (0, 1)")).fetchall() == PIVOTED


def test_a_pivot_is_described_before_it_is_bound(server: Running) -> None:
    async def ask() -> list[tuple[int, ...]]:
        con = await asyncpg.connect(
            host="127.0.0.1",
            port=server.port,
            user="read",
            password=PASSWORD,
            database="houses",
            ssl=False,
        )
        rows = [tuple(row) for row in await con.fetch(PIVOT)]
        await con.close()
        return rows

    assert asyncio.run(ask()) == PIVOTED


def test_a_pivot_writes_for_nobody_who_may_not(server: Running) -> None:
    counted = "PIVOT (SELECT nextval('counted') % 2 h FROM range(3)) ON h USING count(*)"
    added = f"WITH y AS (INSERT INTO aside VALUES (1) RETURNING *), x AS ({PIVOT}) FROM x"
    with connect(server) as admin:
        admin.execute("CREATE SEQUENCE counted; CREATE TABLE aside (a INTEGER)")
        for role in ("read", "train"):
            with connect(server, role) as con:
                for sql in (
                    counted,
                    added,
                    f"CREATE TABLE made AS {PIVOT}",
                    f"COPY ({PIVOT}) TO 'made.csv'",
                ):
                    with pytest.raises(psycopg.Error) as refused:
                        con.execute(sql)
                    assert refused.value.sqlstate in {"42501", "25006", "0A000", "42601"}, (
                        sql,
                        refused.value,
                    )
        assert admin.execute(
            "SELECT nextval('counted'), (SELECT count(*) FROM aside)"
        ).fetchone() == (1, 0)
        admin.execute(f"CREATE TABLE made AS {PIVOT}")
        assert admin.execute("FROM made").fetchall() == PIVOTED
        admin.execute("DROP TABLE made; DROP TABLE aside; DROP SEQUENCE counted")


def test_tables_are_shown_without_the_views_of_the_catalogs(server: Running) -> None:
    with connect(server, "read") as con:
        assert con.execute("SHOW TABLES").fetchall() == [("house_prices",), ("valued",)]


def test_a_read_only_server_writes_for_nobody(open_server: Running) -> None:
    with connect(open_server, "anybody") as con:
        for sql in [*WRITES, *TRAINS]:
            with pytest.raises(psycopg.Error) as said:
                con.execute(sql).fetchall()
            assert said.value.sqlstate in {"25006", "42601", "0A000"}, (sql, said.value)


@pytest.mark.parametrize(
    ("user", "password"),
    [("admin", "wrong"), ("admin", ""), ("nobody", PASSWORD), ("nobody", ""), ("ADMIN", PASSWORD)],
)
def test_a_wrong_login_is_refused_whoever_tries(user: str, password: str, server: Running) -> None:
    with pytest.raises(psycopg.OperationalError) as refused:
        psycopg.connect(server.dsn(user, password=password, passfile="/dev/null"))
    said = str(refused.value)
    assert (
        f'password authentication failed for user "{user}"' in said
        or "no password supplied" in said
    )


def test_an_unknown_database_is_named(server: Running) -> None:
    with pytest.raises(psycopg.OperationalError, match='database "other" does not exist'):
        psycopg.connect(server.dsn(dbname="other"))


def test_another_machine_needs_passwords_and_tls() -> None:
    with pytest.raises(ValueError, match=r"passwords \(--users\) and TLS"):
        Options("houses.duckdb", host="0.0.0.0").check()
    Options("houses.duckdb", host="::1").check()
    Options("houses.duckdb", host="localhost").check()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of our own and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    (folder / "cert").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder / "cert", folder / "key"


def test_tls_is_required_off_this_machine_and_takes_nothing_in_the_clear(
    tmp_path: Path, certificate: tuple[Path, Path]
) -> None:
    make_houses(tmp_path / "houses.duckdb")
    make_users(tmp_path / "users")
    tls = ("--tls-cert", certificate[0], "--tls-key", certificate[1])
    with serving(
        tmp_path / "houses.duckdb", "--host", "0.0.0.0", "--users", tmp_path / "users", *tls
    ) as server:
        with psycopg.connect(server.dsn(sslmode="require"), autocommit=True) as con:
            assert con.pgconn.ssl_in_use
            assert con.execute("SELECT count(*) FROM house_prices").fetchone() == (1000,)
        with pytest.raises(psycopg.OperationalError, match="TLS only"):
            psycopg.connect(server.dsn(sslmode="disable"))
        request = struct.pack("!II", 8, 80877103)
        with socket.create_connection(("127.0.0.1", server.port), 10) as plain:
            plain.sendall(
                request + b"\0\0\0\x08\0\x03\0\0"
            )  # a startup message right behind it, unencrypted
            assert b"in the clear" in plain.recv(1000)
        with socket.create_connection(("127.0.0.1", server.port), 10) as plain:
            plain.sendall(request)
            assert plain.recv(1) == b"S"
            context = ssl.create_default_context(cafile=str(certificate[0]))
            context.check_hostname = False
            with context.wrap_socket(plain) as encrypted:
                assert encrypted.version() in {"TLSv1.2", "TLSv1.3"}


def test_a_users_file_holds_no_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_users(tmp_path / "users")
    text = (tmp_path / "users").read_text(encoding="utf-8")
    assert PASSWORD not in text
    assert text.count("SCRAM-SHA-256$4096:") == 3
    assert (tmp_path / "users").stat().st_mode & 0o077 == 0
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert cli.main(["user", "add", "anna", "--users", str(tmp_path / "users")]) == 1
    assert cli.main(["user", "remove", "trian", "--users", str(tmp_path / "users")]) == 1
    assert cli.main(["user", "remove", "train", "--users", str(tmp_path / "users")]) == 0
    assert "train" not in (tmp_path / "users").read_text(encoding="utf-8")


# What one client does, the others don't notice


@contextmanager
def unnoticed(server: Running, longest: float = 2.0) -> Iterator[None]:
    """Another client asks something all the while, and is always answered soon."""
    stop, slowest, broken = threading.Event(), [0.0], []

    def ask() -> None:
        try:
            with connect(server) as con:
                while not stop.is_set():
                    begun = time.perf_counter()
                    assert con.execute("SELECT 42").fetchone() == (42,)
                    slowest[0] = max(slowest[0], time.perf_counter() - begun)
                    time.sleep(0.002)
        except Exception as error:
            broken.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield
    finally:
        stop.set()
        asking.join(60)
    assert broken == []
    assert slowest[0] < longest


def test_half_open_connections_wait_for_nobody(server: Running) -> None:
    with unnoticed(server):
        idle = [socket.create_connection(("127.0.0.1", server.port), 10) for _ in range(500)]
        with connect(server) as con:
            assert con.execute("SELECT 1").fetchone() == (1,)
        for connection in idle:
            connection.close()


def test_a_length_of_two_gigabytes_is_refused_by_its_header(server: Running) -> None:
    before = server.memory()
    with unnoticed(server):
        for begin in (
            struct.pack("!I", 2 << 30),
            struct.pack("!I", 0),
            struct.pack("!I", 0xFFFFFFFF),
        ):
            with socket.create_connection(("127.0.0.1", server.port), 10) as bad:
                bad.sendall(begin + b"x" * 1000)
                assert bad.recv(1000)[:1] == b"E"
                assert bad.recv(1000) == b""
        with connect(server) as con:
            os.write(con.fileno(), b"Q" + struct.pack("!I", (2 << 30) - 1) + b"x" * 100000)
            with pytest.raises(psycopg.OperationalError):
                con.execute("SELECT 1")
    assert server.memory() - before < 50 << 20


def test_a_thousand_wrong_passwords(server: Running) -> None:
    def guess(number: int) -> None:
        for attempt in range(125):
            with pytest.raises(psycopg.OperationalError):
                psycopg.connect(server.dsn(f"guesser{number}", password=f"wrong {attempt}"))

    with unnoticed(server):
        guessing = [threading.Thread(target=guess, args=(number,)) for number in range(8)]
        for thread in guessing:
            thread.start()
        for thread in guessing:
            thread.join()
        with pytest.raises(psycopg.OperationalError, match="Too many failed logins"):
            psycopg.connect(server.dsn("guesser1", password="wrong"))


def test_a_client_that_vanishes_leaves_nothing_running(server: Running) -> None:
    with unnoticed(server):
        for _ in range(5):
            con = connect(server)
            con.pgconn.send_query(b"SELECT * FROM range(1000000000)")
            time.sleep(0.1)
            with socket.socket(fileno=os.dup(con.fileno())) as beneath:
                beneath.shutdown(socket.SHUT_RDWR)
            con.close()
    until = time.monotonic() + 20
    while time.monotonic() < until and sessions(server) > 0:
        time.sleep(0.05)
    assert sessions(server) == 0


def sessions(server: Running) -> int:
    with urllib.request.urlopen(
        f"http://127.0.0.1:{server.http_port}/health", timeout=10
    ) as answer:
        return int(json.load(answer)["sessions"])


def test_a_wrong_key_cancels_nothing_and_the_right_one_does(server: Running) -> None:
    with connect(server) as con, unnoticed(server):
        pid = con.info.backend_pid
        raised: list[BaseException] = []

        def long() -> None:
            try:
                con.execute(LONG)
            except psycopg.Error as error:
                raised.append(error)

        running = threading.Thread(target=long)
        running.start()
        time.sleep(0.3)
        for key in (b"\0\0\0\0", b"abcd", b""):
            with socket.create_connection(("127.0.0.1", server.port), 10) as other:
                other.sendall(struct.pack("!III", 12 + len(key), 80877102, pid) + key)
                other.recv(100)
        time.sleep(0.3)
        assert running.is_alive()
        con.cancel_safe()
        running.join(30)
        assert isinstance(raised[0], sqlstates.QueryCanceled)
        assert con.execute("SELECT 1").fetchone() == (1,)


def test_a_statement_may_be_given_a_time(server: Running) -> None:
    with connect(server) as con:
        con.execute("SET statement_timeout = '200ms'")
        with pytest.raises(sqlstates.QueryCanceled, match="statement timeout"):
            con.execute(LONG)
        con.execute("RESET statement_timeout")
        assert con.execute("SHOW statement_timeout").fetchone() == ("0",)


def test_a_result_that_nobody_reads_stays_small(server: Running) -> None:
    with connect(server) as con, unnoticed(server):
        con.execute("SELECT count(*) FROM range(1000)")
        before = server.memory()
        con.pgconn.send_query(
            b"SELECT i, i || ' and some more text to make it long' FROM range(50000000) t(i)"
        )
        time.sleep(2)
        assert server.memory() - before < 100 << 20
        con.close()


def test_a_portal_steps_aside_for_other_statements(server: Running) -> None:
    with psycopg.connect(server.dsn()) as con, con.cursor("one") as one, con.cursor("two") as two:
        one.execute("SELECT i FROM range(30000) t(i)")
        assert one.fetchmany(10) == [(i,) for i in range(10)]
        two.execute("SELECT -i FROM range(30000) t(i)")
        assert two.fetchmany(2) == [(0,), (-1,)]
        assert con.execute("SELECT count(*) FROM house_prices").fetchone() == (1000,)
        assert one.fetchall() == [(i,) for i in range(10, 30000)]
        assert len(two.fetchall()) == 29998


# Training beside clients


def test_a_model_is_trained_over_the_wire_and_its_progress_is_told(server: Running) -> None:
    notices: list[tuple[str, str]] = []
    with connect(server, "train") as con, connect(server, "read") as reader:
        con.add_notice_handler(
            lambda notice: notices.append((notice.severity, notice.message_primary))
        )
        sql = "CREATE OR REPLACE MODEL wired OPTIONS (target = 'price', max_iter = 5) AS SELECT price, sqft_living FROM house_prices"
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
                "CREATE MODEL stopped OPTIONS (target = 'price', max_iter = 100000, early_stop = false) AS "
                "SELECT price, sqft_living FROM house_prices"
            )
        assert con.execute(
            "SELECT count(*) FROM _duckml.models WHERE name = 'stopped'"
        ).fetchone() == (0,)


def test_a_file_that_is_replaced_is_served_to_new_sessions(tmp_path: Path) -> None:
    path, fresh = tmp_path / "houses.duckdb", tmp_path / "fresh.duckdb"
    make_houses(path)
    with serving(path) as server:
        old = connect(server)
        before = old.execute(
            "SELECT predict_house_price(h) FROM house_prices h WHERE id = 1"
        ).fetchone()
        for generation in (2, 3):
            make_houses(fresh)
            with duckml.connect(str(fresh)) as con:
                con.execute(f"UPDATE house_prices SET price = price * {generation}")
                con.execute(
                    "CREATE OR REPLACE MODEL house_price OPTIONS (target = 'price', estimator = 'linear_regression') "
                    "AS SELECT price, sqft_living, zipcode FROM house_prices"
                )
            os.replace(fresh, path)
            with connect(server) as new:
                query = "SELECT predict_house_price(h) FROM house_prices h WHERE id = 1"
                [(after,)] = new.execute(query).fetchall()
                assert after == pytest.approx(generation * before[0], rel=1e-3)
                assert old.execute(query).fetchone() == before
        old.close()
        with connect(server) as new:
            assert new.execute("SELECT max(price) FROM house_prices").fetchone() == (3 * 700500.0,)


# Whoever runs it


def test_the_end_waits_for_statements_that_run(tmp_path: Path) -> None:
    make_houses(tmp_path / "houses.duckdb")
    with serving(tmp_path / "houses.duckdb") as server:
        busy, idle = connect(server), connect(server)
        answered: list[object] = []
        query = "SELECT count(*) FROM range(300000000) t(i) WHERE i % 7 = 3"
        working = threading.Thread(target=lambda: answered.append(busy.execute(query).fetchone()))
        working.start()
        time.sleep(0.3)
        assert server.stop() == 0
        working.join(30)
        assert answered == [(42857143,)]
        with pytest.raises(psycopg.OperationalError, match="administrator command"):
            idle.execute("SELECT 1")
        busy.close()
        idle.close()


def test_health_and_metrics(server: Running) -> None:
    with connect(server, "read") as con:
        con.execute("SELECT PREDICT(house_price) FROM house_prices").fetchall()
        assert sessions(server) >= 1
    with urllib.request.urlopen(
        f"http://127.0.0.1:{server.http_port}/metrics", timeout=10
    ) as answer:
        metrics = answer.read().decode()
    assert re.search(r'duckml_predictions_total\{model="house_price"\} [1-9]', metrics)
    assert re.search(r'duckml_statements_total\{sqlstate="00000"\} [1-9]', metrics)
    assert "duckml_statement_seconds_bucket" in metrics
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"http://127.0.0.1:{server.http_port}/other", timeout=10)


def test_the_log_holds_no_literals_and_no_rows(server: Running) -> None:
    with connect(server) as con:
        con.execute(
            "SELECT 'very hushed', 98765.4321, $$hidden text$$ -- a whispered note\n, E'esc' FROM house_prices LIMIT 1"
        )
        con.execute("SELECT %s", ("bound hush",))
        with pytest.raises(psycopg.Error):
            con.execute("SELECT 'wrong hush'::INTEGER")
    text = json.dumps(server.lines)
    assert "statement" in {line["event"] for line in server.lines}
    for hidden in ("hush", "98765.4321", "hidden", "whispered", "esc'", PASSWORD):
        assert hidden not in text
    assert (
        outline("SELECT a, 'x' || $1 FROM t WHERE b = 5") == "SELECT a , ? || $1 FROM t WHERE b = ?"
    )


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("not a database", "not a valid DuckDB database file"),
        (None, "There is no file"),
    ],
)
def test_what_can_not_be_served_is_said(
    text: str | None, wanted: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "file.duckdb"
    if text is not None:
        path.write_text(text * 1000, encoding="utf-8")
    assert cli.main(["serve", str(path), "--port", "0"]) == 1
    assert wanted in capsys.readouterr().err


# Values

VALUES: list[tuple[str, object]] = [
    ("1::TINYINT", 1),
    ("(-32768)::SMALLINT", -32768),
    ("2147483647", 2147483647),
    ("9223372036854775807", 9223372036854775807),
    ("170141183460469231731687303715884105727::HUGEINT", 170141183460469231731687303715884105727),
    ("18446744073709551615::UBIGINT", 18446744073709551615),
    ("'NaN'::DOUBLE", float("nan")),
    ("'-inf'::FLOAT", float("-inf")),
    ("1e300", 1e300),
    ("0.1::FLOAT", None),
    ("true", True),
    ("'é\n\t\\ \"'", 'é\n\t\\ "'),
    ("''", ""),
    ("'a'::ENUM('a', 'b')", "a"),
    ("DATE '2024-02-29'", datetime.date(2024, 2, 29)),
    ("TIMESTAMP '1999-12-31 23:59:59.123456'", datetime.datetime(1999, 12, 31, 23, 59, 59, 123456)),
    ("TIMESTAMP_S '2000-01-01 00:00:00'", datetime.datetime(2000, 1, 1)),
    ("TIME '23:59:59.5'", datetime.time(23, 59, 59, 500000)),
    ("INTERVAL '-3 days 04:05:06'", datetime.timedelta(days=-3, hours=4, minutes=5, seconds=6)),
    ("[1, NULL, 3]", [1, None, 3]),
    ("['a b', NULL, 'NULL', '\"', '']", ["a b", None, "NULL", '"', ""]),
    ("[]::INTEGER[]", []),
    ("[1, 2]::INTEGER[2]", [1, 2]),
    ("{'a': 1, 'b': [DATE '2024-01-01']}", {"a": 1, "b": ["2024-01-01"]}),
    ("MAP {'k': 1.5::DOUBLE}", {"k": 1.5}),
    ("[[1], [2]]", [[1], [2]]),
    ("'\\xFF\\x00'::BLOB", b"\xff\x00"),
    ("NULL", None),
]


@pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
def test_values_arrive_as_they_are_in_both_formats(binary: bool, server: Running) -> None:
    with connect(server) as con:
        for sql, wanted in VALUES:
            [(found, again)] = con.execute(
                f"SELECT {sql} AS v, {sql} AS again", binary=binary
            ).fetchall()
            assert str(found) == str(again)
            if sql != "0.1::FLOAT":
                assert found == wanted or (found != found and wanted != wanted), sql


@pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
def test_decimals_arrive_digit_by_digit(binary: bool, server: Running) -> None:
    with connect(server) as con:
        for width, scale in ((1, 0), (4, 4), (9, 2), (18, 10), (18, 0), (38, 10)):
            sql = (
                f"SELECT v, v::VARCHAR FROM (SELECT ((hash(i) % 1000000007) / pow(10, i % {scale + 3}) "
                f"* CASE WHEN i % 2 = 0 THEN -1 ELSE 1 END) % pow(10, {width - scale}) AS d FROM range(200) t(i)), "
                f"LATERAL (SELECT TRY_CAST(d AS DECIMAL({width}, {scale})) AS v)"
            )
            for value, text in con.execute(sql, binary=binary).fetchall():
                # DuckDB leaves the zero before the point out where there is no place for it: .5000
                assert (None if value is None else format(value, "f")) == (
                    text and re.sub(r"^(-?)\.", r"\g<1>0.", text)
                )


def test_the_time_zone_of_a_session_is_its_own(server: Running) -> None:
    with connect(server, options="-c TimeZone=Asia/Tokyo") as tokyo, connect(server) as utc:
        query = "SELECT TIMESTAMPTZ '2024-01-01 00:00:00+00'::VARCHAR"
        assert tokyo.execute(query).fetchone() == ("2024-01-01 09:00:00+09",)
        assert utc.execute(query).fetchone() == ("2024-01-01 00:00:00+00",)
        [(moment,)] = tokyo.execute("SELECT TIMESTAMPTZ '2024-01-01 00:00:00+00'").fetchall()
        assert moment.utcoffset() == datetime.timedelta(hours=9)


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
    found = command(sql)
    assert isinstance(found, CopyOut)
    assert (found.how.delimiter, found.how.format) == (delimiter, format)
    assert statements(f"{sql}; ;") == [sql]


def test_mutated_messages_break_nothing() -> None:
    fuzz_server.run(5000, seed=int(time.time()))


def waited(until: Callable[[], bool], seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if until():
            return True
        time.sleep(0.02)
    return False


def test_an_idle_client_is_shown_out(tmp_path: Path) -> None:
    make_houses(tmp_path / "houses.duckdb")
    with serving(
        tmp_path / "houses.duckdb", "--idle-timeout", 0.5, "--max-connections", 2
    ) as server:
        first, second = connect(server), connect(server)
        with pytest.raises(psycopg.OperationalError, match="too many clients"):
            connect(server)
        assert waited(lambda: sessions(server) == 0)
        with pytest.raises(psycopg.OperationalError, match="idle-session timeout"):
            first.execute("SELECT 1")
        second.close()


# What attacks and first users have found


def test_a_file_that_is_replaced_by_none_is_told_to_those_who_run_it(tmp_path: Path) -> None:
    path = tmp_path / "houses.duckdb"
    make_houses(path)
    (tmp_path / "junk").write_text("no database" * 1000, encoding="utf-8")
    with serving(path) as server:
        old = connect(server)
        os.replace(tmp_path / "junk", path)
        with pytest.raises(
            psycopg.OperationalError, match="can't be opened; the server's log says more"
        ) as refused:
            connect(server)
        assert str(tmp_path) not in str(refused.value)
        with pytest.raises(urllib.error.HTTPError) as unhealthy:
            urllib.request.urlopen(f"http://127.0.0.1:{server.http_port}/health")
        assert json.loads(unhealthy.value.read())["status"] == "file unreadable"
        unhealthy.value.close()
        assert old.execute("SELECT count(*) FROM house_prices").fetchone() == (1000,)
        make_houses(tmp_path / "fresh.duckdb")
        os.replace(tmp_path / "fresh.duckdb", path)
        connect(server).close()
        old.close()
        with urllib.request.urlopen(f"http://127.0.0.1:{server.http_port}/health") as health:
            assert json.loads(health.read())["status"] == "ok"
        assert [line["event"] for line in server.lines if line["event"].startswith("file")] == [
            "file unreadable",
            "file replaced",
        ]


def test_the_users_are_those_of_the_file_as_it_is(tmp_path: Path) -> None:
    users = tmp_path / "users"
    make_houses(tmp_path / "houses.duckdb")
    make_users(users)
    whole, status = users.read_text(encoding="utf-8"), users.stat()
    with serving(tmp_path / "houses.duckdb", "--users", users) as server:
        connect(server, "read").close()
        users.write_text(
            "".join(line for line in whole.splitlines(True) if not line.startswith("read")), "utf-8"
        )
        os.utime(users, ns=(status.st_atime_ns, status.st_mtime_ns))
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            connect(server, "read")
        for broken in (whole + "junk\n", None):
            if broken is None:
                users.unlink()
            else:
                users.write_text(broken, encoding="utf-8")
            with pytest.raises(psycopg.OperationalError, match="file of users can't be read"):
                connect(server, "read")
        users.write_text(whole, encoding="utf-8")
        connect(server, "read").close()
        problems = [line["problem"] for line in server.lines if line["event"] == "users unreadable"]
        assert "expected a name, a role and a verifier" in problems[0]
        assert "No such file" in problems[-1]
        assert {line["event"] for line in server.lines} <= {
            "serving",
            "connected",
            "disconnected",
            "users unreadable",
            "login refused",
        }


def test_libraries_are_heard_without_what_they_say(tmp_path: Path) -> None:
    make_houses(tmp_path / "houses.duckdb")
    with serving(tmp_path / "houses.duckdb") as server, connect(server) as con:
        for sql in (
            "ALTER USER anna PASSWORD 'PwLeak1'",
            "SELECT * FROM pg_class FOR UPDATE SKIP LOCKED",
            "GRANT SELECT ON pg_class TO anna -- PwLeak1",
        ):
            with suppress(psycopg.Error):
                con.execute(sql)
        said = server.log.read_text(encoding="utf-8")
        assert "PwLeak1" not in said
        assert all(line.startswith("{") for line in said.splitlines())


def test_mistakes_of_names_have_a_place(server: Running) -> None:
    with connect(server, "read") as con:
        for sql, place in (
            ("SELECT nosuch FROM house_prices", 8),
            ("SELECT *\nFROM nosuch", 15),
            ("SELECT id, nosuch(1) FROM house_prices", 12),
            ("SELECT id FROM house_prices WHERE nosuch = %s", 35),
        ):
            with pytest.raises(psycopg.Error) as refused:
                con.execute(sql, (1,) if "%s" in sql else None)
            assert refused.value.diag.statement_position == str(place), sql
            assert "pg_" not in str(refused.value)


def test_a_backslash_escapes_in_patterns_on_the_catalogs(server: Running) -> None:
    with connect(server, "read") as con:
        for pattern in (r"house\_prices", r"house\_price_", "house_prices"):
            assert con.execute(
                "SELECT relname FROM pg_class WHERE relname LIKE %s", (pattern,)
            ).fetchall() == [("house_prices",)]
        assert con.execute(
            r"SELECT relname FROM pg_class WHERE relname ILIKE 'HOUSE\_PRICES'"
        ).fetchall() == [("house_prices",)]
        assert con.execute(
            r"SELECT relname FROM pg_class WHERE relname LIKE 'houseX_prices' ESCAPE 'X'"
        ).fetchall() == [("house_prices",)]
        assert (
            con.execute(
                r"SELECT relname FROM pg_class WHERE relname LIKE 'hous\__prices'"
            ).fetchall()
            == []
        )


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
            query = f"COPY (SELECT 1 a, NULL b, 'x' c) TO STDOUT (FORMAT csv, FORCE_QUOTE {columns}, NULL 'N')"
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


def test_common_functions_of_postgres_are_there(server: Running) -> None:
    with connect(server, "read") as con:
        query = "SELECT initcap('hello wORLD'), btrim('xax', 'x'), div(-7, 2), json_typeof('[]'), date_bin(%s, %s, %s)"
        at, origin = datetime.datetime(2024, 1, 1, 10, 22), datetime.datetime(2001, 1, 1)
        row = con.execute(query, (datetime.timedelta(minutes=15), at, origin)).fetchone()
        assert row == ("Hello World", "a", -3, "array", at.replace(minute=15))
        query = "SELECT every(i > 0), json_agg(i) FROM range(1, 4) t(i)"
        assert con.execute(query).fetchone() == (True, [1, 2, 3])
        cursor = con.execute("SELECT current_role, session_user, user")
        assert cursor.fetchone() == ("read", "read", "read")
        assert [column.name for column in cursor.description or ()] == [
            "current_role",
            "session_user",
            "user",
        ]


def test_foreign_keys_are_shown(tmp_path: Path) -> None:
    with duckml.connect(str(tmp_path / "keys.duckdb")) as con:
        con.execute("CREATE TABLE customer (id INTEGER PRIMARY KEY)")
        con.execute("CREATE TABLE bill (customer INTEGER REFERENCES customer (id), amount DOUBLE)")
        con.execute("CREATE INDEX bill_amount ON bill (amount)")
    with serving(tmp_path / "keys.duckdb") as server:
        shown = [
            run(
                PSQL,
                "-h",
                "127.0.0.1",
                "-p",
                server.port,
                "-U",
                "a",
                "-d",
                "keys",
                "-c",
                f"\\d {table}",
                folder=tmp_path,
            )
            for table in ("bill", "customer")
        ]
    assert '"bill_customer_id_fkey" FOREIGN KEY (customer) REFERENCES customer(id)' in shown[0]
    assert '"bill_amount" art (amount)' in shown[0]
    assert 'TABLE "bill" CONSTRAINT "bill_customer_id_fkey" FOREIGN KEY' in shown[1]


def test_jsonb_is_json(server: Running) -> None:
    with connect(server, "read") as con:
        assert con.execute("SELECT %s::jsonb, '[1]'::jsonb", (Jsonb({"a": 1}),)).fetchone() == (
            {"a": 1},
            [1],
        )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--port", "99999"], "is no port"),
        (["--max-connections", "0"], "is no number above zero"),
        (["--users", "nofile"], "duckml user add"),
        (["--tls-cert", "nofile", "--tls-key", "nofile"], "There is no file 'nofile' (--tls-cert)"),
        (["--tls-cert", __file__, "--tls-key", __file__], "are no certificate chain and its key"),
        (["--users", os.devnull], "There is no file"),
    ],
)
def test_a_wrong_start_says_what_is_wrong(arguments: list[str], said: str, tmp_path: Path) -> None:
    make_houses(tmp_path / "houses.duckdb")
    with (
        pytest.raises(AssertionError, match=re.escape(said)),
        serving(tmp_path / "houses.duckdb", *arguments),
    ):
        pass
