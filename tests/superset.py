"""A real Apache Superset connects, browses, queries and draws, over REST and in a browser.

    python tests/superset.py --uri postgresql://user:password@127.0.0.1:5432/houses --schema main \
        --home build/superset --screenshot docs/superset.png

It needs the Python of an environment with Superset:

    python3 -m venv .venv-superset
    .venv-superset/bin/pip install apache-superset==6.1.0 flask==2.3.3 flask-sqlalchemy==2.5.1 \
        flask-caching==2.3.1 psycopg2-binary==2.9.13 rich==15.0.0 cachetools==8.0.2 \
        playwright==1.65.2

pip alone would install Flask-SQLAlchemy 3, with which SQL Lab overwrites the LIMIT of every query.
Superset needs rich and cachetools without declaring them. A screenshot needs Chromium too (apt-get
install chromium); playwright downloads none.

The database has a table house_prices (id, price, sqft_living, zipcode), a model predict_house_price
and a view valued (zipcode, price, fair). Superset's own files are in the folder --home, and the
next run uses them again.
"""

from __future__ import annotations

import argparse
import json
import secrets
import shutil
import signal
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from superset_program import (
    ADMIN,
    Failure,
    child,
    configure,
    free_port,
    initialise,
    wait_for,
)

DATABASE = "houses"
CHART = "Fair and asked prices by zipcode"
SCALAR = (
    "SELECT id, predict_house_price(sqft_living, zipcode) AS fair "
    "FROM house_prices ORDER BY id LIMIT 5"
)
WHOLE_ROW = "SELECT h.*, predict_house_price(h) AS fair FROM house_prices h LIMIT 3"


@contextmanager
def step(name: str) -> Iterator[Callable[[object], None]]:
    """Print one line for a step: its name, its seconds, and its findings."""
    found: list[str] = []
    started = time.monotonic()
    try:
        yield lambda thing: found.append(str(thing))
    except Exception as error:
        print(f"{name:<12} {time.monotonic() - started:6.1f} s  FAILED: {error}", flush=True)
        raise SystemExit(1) from error
    print(f"{name:<12} {time.monotonic() - started:6.1f} s  {'; '.join(found)}", flush=True)


def require(condition: bool, answer: object) -> None:
    """Raise Failure with the response unless the condition holds."""
    if not condition:
        raise Failure(json.dumps(answer, default=str)[:4000])


# Superset, over REST.


@dataclass
class Server:
    """The REST API of a Superset, used as its administrator."""

    url: str
    token: str = ""

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Send a request and return the decoded JSON; raise Failure for an HTTP error."""
        request = urllib.request.Request(f"{self.url}/api/v1/{path}", method=method)
        request.add_header("Content-Type", "application/json")
        request.add_header("Referer", self.url)
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        data = None if body is None else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(request, data, timeout=300) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            text = error.read().decode(errors="replace")
            raise Failure(f"{method} {path}: {error.code} {text}") from error

    def login(self, password: str) -> None:
        """Request a token, and send it from now on."""
        person = {"username": ADMIN, "password": password, "provider": "db", "refresh": False}
        self.token = self.ask("POST", "security/login", person)["access_token"]

    def save(
        self, kind: str, key: dict[str, str], body: dict[str, object], update: dict[str, object]
    ) -> tuple[int, str]:
        """Create or update the object with this key; return its id and which of both happened."""
        there = self.ask("GET", f"{kind}/?q={filters(key)}")["result"]
        if there:
            number = there[0]["id"]
            self.ask("PUT", f"{kind}/{number}", update)
            return number, "updated"
        return self.ask("POST", f"{kind}/", body)["id"], "created"


def filters(key: dict[str, str]) -> str:
    """Return a filter of a list in Rison, the notation of Superset's URLs."""
    terms = ",".join(f"(col:{column},opr:eq,value:'{value}')" for column, value in key.items())
    return urllib.parse.quote(f"(filters:!({terms}))")


def save_database(server: Server, uri: str) -> tuple[int, str]:
    """Save the database connection, and allow SQL Lab to use it."""
    body: dict[str, object] = {
        "database_name": DATABASE,
        "sqlalchemy_uri": uri,
        "expose_in_sqllab": True,
    }
    return server.save("database", {"database_name": DATABASE}, body, body)


def list_tables(server: Server, database: int, schema: str) -> dict[str, str]:
    """Return the tables and views of a schema as SQL Lab lists them: name → kind."""
    question = urllib.parse.quote(f"(force:!t,schema_name:'{schema}')")
    return {
        entry["value"]: entry["type"]
        for entry in server.ask("GET", f"database/{database}/tables/?q={question}")["result"]
    }


def describe(server: Server, database: int, schema: str, table: str) -> dict[str, Any]:
    """Send the requests with which SQL Lab opens a table; return its description."""
    place = urllib.parse.urlencode({"name": table, "schema": schema})
    server.ask("GET", f"database/{database}/table_metadata/extra/?{place}")
    described: dict[str, Any] = server.ask("GET", f"database/{database}/table_metadata/?{place}")
    return described


def run_sql(server: Server, database: int, schema: str, sql: str) -> dict[str, Any]:
    """Run a query in SQL Lab."""
    question = {
        "client_id": secrets.token_hex(5),  # at most 11 characters
        "database_id": database,
        "schema": schema,
        "sql": sql,
        "runAsync": False,
        "queryLimit": 1000,
        "tab": "check",
        "expand_data": True,
    }
    answer: dict[str, Any] = server.ask("POST", "sqllab/execute/", question)
    require(answer.get("status") == "success" and bool(answer.get("data")), answer)
    return answer


def save_dataset(server: Server, database: int, schema: str, table: str) -> tuple[int, str]:
    """Create a dataset of a table, or refresh an existing one."""
    key = {"table_name": table, "schema": schema}
    number, how = server.save(
        "dataset", key, {"database": database, **key}, {"database_id": database}
    )
    if how == "updated":
        server.ask("PUT", f"dataset/{number}/refresh")
    return number, how


def average(column: str) -> dict[str, object]:
    """Return a metric of a chart."""
    return {
        "expressionType": "SIMPLE",
        "aggregate": "AVG",
        "column": {"column_name": column},
        "label": f"average {column}",
        "optionName": f"metric_{column}",
    }


def save_chart(server: Server, dataset: int) -> tuple[int, str]:
    """Save a bar chart of the average of fair and price by zipcode."""
    params = {
        "datasource": f"{dataset}__table",
        "viz_type": "echarts_timeseries_bar",
        "x_axis": "zipcode",
        "xAxisForceCategorical": True,
        "metrics": [average("fair"), average("price")],
        "groupby": [],
        "row_limit": 1000,
        "x_axis_sort_asc": True,
        "x_axis_sort": "zipcode",
        "y_axis_format": "SMART_NUMBER",
        "show_legend": True,
        "orientation": "vertical",
    }
    body: dict[str, object] = {
        "slice_name": CHART,
        "viz_type": "echarts_timeseries_bar",
        "datasource_id": dataset,
        "datasource_type": "table",
        "params": json.dumps(params),
        "query_context": json.dumps(question_of_chart(dataset)),
    }
    return server.save("chart", {"slice_name": CHART}, body, body)


def question_of_chart(dataset: int) -> dict[str, object]:
    """Return the query of the chart."""
    query = {
        "columns": ["zipcode"],
        "metrics": [average("fair"), average("price")],
        "orderby": [["zipcode", True]],
        "row_limit": 1000,
    }
    return {
        "datasource": {"id": dataset, "type": "table"},
        "force": True,
        "queries": [query],
        "result_format": "json",
        "result_type": "full",
    }


# Superset, in a browser.


def screenshot(server: Server, password: str, chart: int, path: Path) -> None:
    """Draw the chart in Chromium and store a screenshot."""
    from playwright.sync_api import sync_playwright

    chromium = (
        shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )
    require(chromium is not None, "no Chromium on this machine")
    path.parent.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        # Chromium's sandbox refuses to be root.
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        context = browser.new_context(base_url=server.url, viewport={"width": 1200, "height": 640})
        context.request.post("/login/", form={"username": ADMIN, "password": password})
        page = context.new_page()
        with page.expect_response(
            lambda answer: "/api/v1/chart/data" in answer.url, timeout=120_000
        ) as drawing:
            page.goto(f"/explore/?slice_id={chart}&standalone=1", timeout=120_000)
        require(drawing.value.ok, drawing.value.text())
        page.locator("canvas").first.wait_for(timeout=60_000)
        page.wait_for_timeout(2500)  # the bars grow for a second
        page.screenshot(path=path)
        browser.close()


# The steps.


def browse(server: Server, database: int, schema: str) -> None:
    """Read schemas, tables, views and columns as SQL Lab does."""
    with step("schemas") as say:
        schemas = server.ask("GET", f"database/{database}/schemas/?q=(force:!t)")["result"]
        require(schema in schemas, schemas)
        say(", ".join(schemas))
    with step("tables") as say:
        tables = list_tables(server, database, schema)
        require(tables.get("house_prices") == "table" and tables.get("valued") == "view", tables)
        say(", ".join(f"{name} ({kind})" for name, kind in tables.items()))
    expected = {
        "house_prices": {"id", "price", "sqft_living", "zipcode"},
        "valued": {"zipcode", "price", "fair"},
    }
    for table, names in expected.items():
        with step("columns") as say:
            described = describe(server, database, schema, table)
            columns = {column["name"]: column["type"] for column in described["columns"]}
            require(names <= columns.keys(), described)
            say(f"{table}: " + ", ".join(f"{name} {kind}" for name, kind in columns.items()))
        with step("preview") as say:
            preview = run_sql(server, database, schema, described["selectStar"])
            say(f"{len(preview['data'])} rows of {table}")


def query(server: Server, database: int, schema: str) -> None:
    """Run predictions in SQL Lab, on columns and on whole rows."""
    for sql, rows in ((SCALAR, 5), (WHOLE_ROW, 3)):
        with step("SQL Lab") as say:
            answer = run_sql(server, database, schema, sql)
            require(
                len(answer["data"]) == rows
                and all(row["fair"] is not None for row in answer["data"]),
                answer,
            )
            say(f"{rows} rows, the first {answer['data'][0]}")


def draw(server: Server, database: int, schema: str) -> int:
    """Create a dataset of the view and a chart of it; return the id of the chart."""
    with step("dataset") as say:
        dataset, how = save_dataset(server, database, schema, "valued")
        columns = {
            column["column_name"]: column["type"]
            for column in server.ask("GET", f"dataset/{dataset}")["result"]["columns"]
        }
        require({"zipcode", "price", "fair"} <= columns.keys(), columns)
        say(f"{dataset} {how}: " + ", ".join(f"{name} {kind}" for name, kind in columns.items()))
    with step("samples") as say:
        question = {
            **question_of_chart(dataset),
            "queries": [{"row_limit": 50}],
            "result_type": "samples",
        }
        answer = server.ask("POST", "chart/data", question)["result"][0]
        require(bool(answer["data"]), answer)
        say(f"{len(answer['data'])} rows, the first {answer['data'][0]}")
    with step("values") as say:
        values = server.ask("GET", f"datasource/table/{dataset}/column/zipcode/values/")["result"]
        require(bool(values), values)
        say(f"{len(values)} zipcodes, the first {values[0]}")
    with step("chart") as say:
        chart, how = save_chart(server, dataset)
        say(f"{chart} {how}: {CHART}")
    with step("chart data") as say:
        answer = server.ask("POST", "chart/data", question_of_chart(dataset))["result"][0]
        require(
            bool(answer["data"]) and all(row["average fair"] is not None for row in answer["data"]),
            answer,
        )
        say(f"{len(answer['data'])} rows, the first {answer['data'][0]}")
    return chart


def check(arguments: argparse.Namespace) -> None:
    """Run every step."""
    home: Path = arguments.home.resolve()
    with step("initialise") as say:
        configure(home)
        say(initialise(home))
    password = (home / "secret").read_text(encoding="utf-8")
    server = Server(f"http://127.0.0.1:{free_port()}")
    with child(home, int(server.url.rpartition(":")[2])) as process:
        with step("start") as say:
            wait_for(process, server.url, home)
            say(server.url)
        with step("login") as say:
            server.login(password)
            say(ADMIN)
        with step("connection") as say:
            say(
                server.ask(
                    "POST",
                    "database/test_connection/",
                    {"database_name": DATABASE, "sqlalchemy_uri": arguments.uri},
                )["message"]
            )
        with step("database") as say:
            database, how = save_database(server, arguments.uri)
            say(f"{database} {how}")
        browse(server, database, arguments.schema)
        query(server, database, arguments.schema)
        chart = draw(server, database, arguments.schema)
        if arguments.screenshot:
            with step("screenshot") as say:
                screenshot(server, password, chart, arguments.screenshot)
                say(f"{arguments.screenshot} ({arguments.screenshot.stat().st_size:,} bytes)")


def main() -> None:
    """Parse the arguments and run every step."""
    parser = argparse.ArgumentParser(
        description="Check a server that speaks PostgreSQL's protocol with Apache Superset."
    )
    parser.add_argument(
        "--uri", required=True, help="postgresql://user:password@host:port/database"
    )
    parser.add_argument(
        "--schema", default="main", help="the schema that has house_prices and valued (main)"
    )
    parser.add_argument(
        "--home", required=True, type=Path, help="the folder of Superset's own files"
    )
    parser.add_argument(
        "--screenshot",
        type=Path,
        help="where the picture of the chart goes; without it no browser is needed",
    )
    # Without a handler SIGTERM would leave the Superset process running.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    check(parser.parse_args())


if __name__ == "__main__":
    main()
