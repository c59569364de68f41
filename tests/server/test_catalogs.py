"""PostgreSQL's catalogs and functions, as database tools query them."""

from __future__ import annotations

import datetime
import re
from pathlib import Path

import psycopg
import pytest

import duckml
from tests.serving import (
    Running,
    connect,
    make_houses,
    serving,
)

pytestmark = pytest.mark.filterwarnings("ignore::duckml.ModelWarningMessage")
CATALOG = Path(__file__).parent.parent / "data" / "catalog"


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
            "CREATE OR REPLACE VIEW valued AS "
            "SELECT zipcode, price, PREDICT(house_price) AS fair FROM house_prices"
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
    "yyyy-mm-dd": "2024-03-05",
    "YYYYMM": "202403",
    "DD/MM/YYYY": "05/03/2024",
    "Mon DD, YYYY": "Mar 05, 2024",
    "MON": "MAR",
    "FMMonth YYYY": "March 2024",
    "Month YYYY": "March     2024",
    "Q": "1",
    'YYYY-"Q"Q': "2024-Q1",
    "IYYY-IW": "2024-10",
    "WW": "10",
    "W": "1",
    "D": "3",
    "DDD": "065",
    "ID": "2",
    "YY": "24",
    "MS": "678",
    "HH12:MI AM": "01:04 PM",
    "HH24:MI pm": "13:04 pm",
    "FMDD.FMMM.YYYY": "5.3.2024",
    "100%": "100%",
    'YYYY-MM-DD"T"HH24:MI:SS.US"Z"': "2024-03-05T13:04:09.678901Z",
    "DY, DD MON": "TUE, 05 MAR",
    "day": "tuesday  ",
}


def test_postgres_patterns_of_dates(server: Running) -> None:
    with connect(server) as con:
        query = (
            "SELECT to_char(DATE '2024-02-29', 'YYYY-MM'), to_date('29.02.2024', 'DD.MM.YYYY'), "
            "to_timestamp(0)::VARCHAR"
        )
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
            with pytest.raises(psycopg.Error, match="is not supported"):
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


def test_tables_are_shown_without_the_views_of_the_catalogs(server: Running) -> None:
    with connect(server, "read") as con:
        assert con.execute("SHOW TABLES").fetchall() == [("house_prices",), ("valued",)]


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


def test_common_functions_of_postgres_are_there(server: Running) -> None:
    with connect(server, "read") as con:
        query = (
            "SELECT initcap('hello wORLD'), btrim('xax', 'x'), div(-7, 2), json_typeof('[]'), "
            "date_bin(%s, %s, %s)"
        )
        at = datetime.datetime(2024, 1, 1, 10, 22)
        origin = datetime.datetime(2001, 1, 1)
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
