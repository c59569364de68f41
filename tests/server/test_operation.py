"""Starting, observing and stopping `duckml serve`, and replacing the file that it serves."""

from __future__ import annotations

import json
import os
import re
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

import duckml
from duckml.cli.main import main
from duckml.server.session.client_statement import client_statement
from tests.serving import (
    PASSWORD,
    Running,
    connect,
    make_houses,
    serving,
    session_count,
)

pytestmark = pytest.mark.filterwarnings("ignore::duckml.ModelWarningMessage")


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
                    "CREATE OR REPLACE MODEL house_price "
                    "OPTIONS (target = 'price', estimator = 'linear_regression') "
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
        assert session_count(server) >= 1
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
            "SELECT 'very hushed', 98765.4321, $$hidden text$$ -- a whispered note\n"
            ", E'esc' FROM house_prices LIMIT 1"
        )
        con.execute("SELECT %s", ("bound hush",))
        with pytest.raises(psycopg.Error):
            con.execute("SELECT 'wrong hush'::INTEGER")
    text = json.dumps(server.lines)
    assert "statement" in {line["event"] for line in server.lines}
    for hidden in ("hush", "98765.4321", "hidden", "whispered", "esc'", PASSWORD):
        assert hidden not in text
    statement = client_statement("SELECT a, 'x' || $1 FROM t WHERE b = 5")
    assert statement.outline == "SELECT a , ? || $1 FROM t WHERE b = ?"


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
    assert main(["serve", str(path), "--port", "0"]) == 1
    assert wanted in capsys.readouterr().err


def test_a_file_that_is_replaced_by_none_is_told_to_those_who_run_it(tmp_path: Path) -> None:
    path = tmp_path / "houses.duckdb"
    make_houses(path)
    (tmp_path / "junk").write_text("no database" * 1000, encoding="utf-8")
    with serving(path) as server:
        old = connect(server)
        os.replace(tmp_path / "junk", path)
        with pytest.raises(
            psycopg.OperationalError, match="can't be opened; see the server's log"
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


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--port", "99999"], "is not a port"),
        (["--max-connections", "0"], "is not a number above zero"),
        (["--users", "nofile"], "duckml user add"),
        (["--tls-cert", "nofile", "--tls-key", "nofile"], "There is no file 'nofile' (--tls-cert)"),
        (
            ["--tls-cert", __file__, "--tls-key", __file__],
            "are not a certificate chain and its key",
        ),
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
