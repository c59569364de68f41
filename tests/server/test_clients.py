"""Client libraries and psql against `duckml serve`."""

from __future__ import annotations

import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import duckml
from tests.clients import get_odbc
from tests.clients.checks import LONG
from tests.conftest import needs
from tests.serving import (
    PASSWORD,
    Running,
    connect,
    fetch_jar,
    run_program,
    serving,
)

pytestmark = pytest.mark.filterwarnings("ignore::duckml.ModelWarningMessage")
CLIENTS = Path(__file__).parent.parent / "clients"
# The files of the package pgserver are used without importing it: the import would make folders.
PSQL = Path(str(find_spec("pgserver").origin)).parent / "pginstall" / "bin" / "psql"
JDBC = "42.7.14"
NODE = ("pg@8.23.1", "pg-cursor@2.22.0", "pg-query-stream@4.17.0")


def arguments(server: Running) -> list[object]:
    return ["127.0.0.1", server.port, "houses", "admin", PASSWORD, "main"]


@pytest.mark.parametrize(
    "client", ["psycopg_client", "asyncpg_client", "sqlalchemy_client", "adbc"]
)
def test_a_python_client_finds_what_it_expects(
    client: str, server: Running, tmp_path: Path
) -> None:
    answer = run_program(
        sys.executable, CLIENTS / f"{client}.py", *arguments(server), folder=tmp_path
    )
    assert len(answer.splitlines()) > 40


@needs("Java")
def test_the_jdbc_driver_finds_what_it_expects(server: Running, tmp_path: Path) -> None:
    fetch_jar(f"org.postgresql:postgresql:{JDBC}", tmp_path)
    jar = tmp_path / f"postgresql-{JDBC}.jar"
    answer = run_program(
        "java", "-cp", jar, CLIENTS / "Jdbc.java", *arguments(server), LONG, folder=tmp_path
    )
    assert len(answer.splitlines()) > 100


@needs("Node")
def test_node_postgres_finds_what_it_expects(server: Running, tmp_path: Path) -> None:
    run_program("npm", "install", "--silent", "--no-audit", "--no-fund", *NODE, folder=tmp_path)
    shutil.copy(CLIENTS / "node.js", tmp_path)
    assert (
        len(run_program("node", "node.js", *arguments(server), folder=tmp_path).splitlines()) > 40
    )


@needs("Debian's packages")
def test_odbc_finds_what_it_expects_with_declared_cursors(server: Running, tmp_path: Path) -> None:
    driver = get_odbc.driver(tmp_path)
    answer = run_program(
        sys.executable,
        CLIENTS / "odbc.py",
        *arguments(server),
        driver,
        folder=tmp_path,
        LD_LIBRARY_PATH=str(driver.parent),
    )
    assert len(answer.splitlines()) > 100


def psql(server: Running, *commands: str, user: str = "admin") -> str:
    options = [part for text in commands for part in ("-c", text)]
    return run_program(
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
        for prediction in (
            "PREDICT(MODEL house_price, TABLE sqft_living, zipcode)",
            "PREDICT(MODEL 'house_price', sqft_living, zipcode)",
            "PREDICT_HOUSE_PRICE(h)",
            "PREDICT_HOUSE_PRICE(sqft_living, zipcode)",
        ):
            sql = f"SELECT {prediction} FROM house_prices AS h WHERE id = 5"
            assert con.execute(sql).fetchall() == [(fair,)]


def test_foreign_keys_are_shown(tmp_path: Path) -> None:
    with duckml.connect(str(tmp_path / "keys.duckdb")) as con:
        con.execute("CREATE TABLE customer (id INTEGER PRIMARY KEY)")
        con.execute("CREATE TABLE bill (customer INTEGER REFERENCES customer (id), amount DOUBLE)")
        con.execute("CREATE INDEX bill_amount ON bill (amount)")
    with serving(tmp_path / "keys.duckdb") as server:
        shown = [
            run_program(
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
