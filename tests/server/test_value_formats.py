"""Values of DuckDB's types in the text and the binary format."""

from __future__ import annotations

import datetime
import re

import pytest
from psycopg.types.json import Jsonb

from tests.serving import (
    Running,
    connect,
)

pytestmark = pytest.mark.filterwarnings("ignore::duckml.ModelWarningMessage")


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
                "SELECT v, v::VARCHAR FROM ("
                f"SELECT ((hash(i) % 1000000007) / pow(10, i % {scale + 3}) "
                f"* CASE WHEN i % 2 = 0 THEN -1 ELSE 1 END) % pow(10, {width - scale}) AS d "
                "FROM range(200) t(i)), "
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


def test_jsonb_is_json(server: Running) -> None:
    with connect(server, "read") as con:
        assert con.execute("SELECT %s::jsonb, '[1]'::jsonb", (Jsonb({"a": 1}),)).fetchone() == (
            {"a": 1},
            [1],
        )
