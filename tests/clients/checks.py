"""The arguments, output and test values that the Python programs of this folder share.

    python PROGRAM.py HOST PORT DATABASE USER PASSWORD SCHEMA

Each program prints a JSON object for each check. When a section fails, its error is printed, the
other sections still run, and the exit status is 1. Each section has a connection of its own.

The SQL means the same in PostgreSQL and in DuckDB. The schema contains:

    CREATE TABLE house_prices (
        id bigint PRIMARY KEY, price double precision NOT NULL, sqft_living integer,
        zipcode varchar, sold date);
    CREATE VIEW valued AS SELECT id, price FROM house_prices;
    CREATE FUNCTION predict_house_price(sqft_living integer, zipcode varchar)
        RETURNS double precision

with the ids 1 to 1000.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

ROWS = 1000
IDS = list(range(1, ROWS + 1))
COLUMNS = ["id", "price", "sqft_living", "zipcode", "sold"]
UNKNOWN = "no_such_table"
LONG = """SELECT count(*)
FROM generate_series(1, 1000000) AS a(x), generate_series(1, 1000000) AS b(y),
generate_series(1, 1000) AS c(z)
WHERE (x * 7 + y * 13 + z) % 11 = 5"""

MOMENT = dt.datetime(2024, 2, 29, 12, 34, 56, 789000)
VALUES: dict[str, tuple[str, object]] = {
    "bool": ("true", True),
    "smallint": ("(-7)::smallint", -7),
    "integer": ("2147483647::integer", 2147483647),
    "bigint": ("9223372036854775807::bigint", 9223372036854775807),
    "real": ("1.5::real", 1.5),
    "double": ("0.1::double precision", 0.1),
    "numeric": ("(-1234567.890)::numeric(12, 3)", Decimal("-1234567.890")),
    "text": ("'é, \"quoted\" \\ and\ttab'::text", 'é, "quoted" \\ and\ttab'),
    "bytea": ("'\\xFF'::bytea", b"\xff"),
    "date": ("'2024-02-29'::date", MOMENT.date()),
    "time": ("'12:34:56.789'::time", MOMENT.time()),
    "timestamp": ("'2024-02-29 12:34:56.789'::timestamp", MOMENT),
    "timestamptz": ("'2024-02-29 12:34:56.789+00'::timestamptz", MOMENT.replace(tzinfo=dt.UTC)),
    "interval": (
        "'2 days 03:04:05'::interval",
        dt.timedelta(days=2, hours=3, minutes=4, seconds=5),
    ),
    "uuid": (
        "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid",
        UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    ),
    "json": ("""'{"a": [1, null]}'::json""", {"a": [1, None]}),
    "integers": ("ARRAY[1, NULL, 3]::integer[]", [1, None, 3]),
    "texts": ("ARRAY['a', NULL, 'c,\"d', '', 'NULL']::text[]", ["a", None, 'c,"d', "", "NULL"]),
    "numerics": ("ARRAY[1.5, NULL]::numeric(4, 1)[]", [Decimal("1.5"), None]),
}
# A row of all of them, and one of NULLs.
MANY = "SELECT {} UNION ALL SELECT {} ORDER BY a_integer NULLS LAST".format(
    ", ".join(f"{literal} AS a_{name}" for name, (literal, _) in VALUES.items()),
    ", ".join(["NULL"] * len(VALUES)),
)


class Server(NamedTuple):
    host: str
    port: int
    database: str
    user: str
    password: str
    schema: str

    def table(self, name: str = "house_prices") -> str:
        return f"{self.schema}.{name}"

    @property
    def uri(self) -> str:
        return f"postgresql://{self.user}:{self.password}@{self.host}:{self.port}/{self.database}"


def expected(**instead: object) -> dict[str, object]:
    """Return the values of MANY by type name, some of them as this client returns them."""
    return {name: value for name, (_, value) in VALUES.items()} | instead


def check(name: str, value: object, expected: object = ...) -> None:
    """Print a value; raise AssertionError if it is not the expected one."""
    if expected is not ... and value != expected:
        raise AssertionError(f"{name} is\n{value!r}, not\n{expected!r}")
    print(json.dumps({"check": name, "value": value}, default=str, ensure_ascii=False), flush=True)


def check_row(name: str, values: list[object], **instead: object) -> None:
    """Check the values of a row of MANY, and print the differences."""
    wanted = expected(**instead)
    wrong = {
        kind: (value, wanted[kind])
        for kind, value in zip(wanted, values, strict=True)
        if value != wanted[kind]
    }
    check(f"{name}: what differs", wrong, {})


@contextmanager
def fails(name: str, state: object = ...) -> Iterator[None]:
    """Require that the block fails, with this SQLSTATE if one is given."""
    try:
        yield
    except Exception as error:
        # SQLAlchemy has the driver's error in orig.
        given = getattr(getattr(error, "orig", error), "sqlstate", None)
        check(name, given or (error.args[0] if len(error.args) > 1 else str(error)), state)
    else:
        raise AssertionError(f"{name}: no error")


def run(*sections: Callable[[Server], None]) -> None:
    """Each section with the server that the program's arguments name."""
    host, port, database, user, password, schema = sys.argv[1:7]
    server = Server(host, int(port), database, user, password, schema)
    failed = False
    for section in sections:
        try:
            section(server)
        except Exception:
            failed = True
            print(f"{section.__name__} failed:", file=sys.stderr)
            traceback.print_exc()
    sys.exit(failed)
