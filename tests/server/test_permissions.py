"""What each role and a read-only server permit, attacked by SQL."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import psycopg
import pytest

from tests.serving import (
    PASSWORD,
    ROLES,
    Running,
    connect,
)

pytestmark = pytest.mark.filterwarnings("ignore::duckml.ModelWarningMessage")


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
            "SELECT * FROM (PIVOT (SELECT 'a' k, nextval{# #}('kept') v) ON k USING sum(v)) p, "
            "pg_class LIMIT 1",
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


def test_a_read_only_server_writes_for_nobody(open_server: Running) -> None:
    with connect(open_server, "anybody") as con:
        for sql in [*WRITES, *TRAINS]:
            with pytest.raises(psycopg.Error) as said:
                con.execute(sql).fetchall()
            assert said.value.sqlstate in {"25006", "42601", "0A000"}, (sql, said.value)
