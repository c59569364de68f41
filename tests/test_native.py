"""The native engine: the same bits as the Python engine, and an error for everything wrong."""

from __future__ import annotations

import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import duckml
from duckml import errors
from duckml.artifacts import key_of
from duckml.engines import native
from duckml.engines.devices import onnxruntime_library
from duckml.estimators.table import ESTIMATORS
from tests.conftest import LINE, interrupts, make_line, needs, on_both_engines

pytestmark = pytest.mark.filterwarnings("ignore::duckml.ModelWarningMessage")

# Every type that a feature can have, with NULL and long texts among the values; STRANGE adds NaN,
# infinities and unknown categories.
ROWS = """
SELECT i AS id, sin(i) * 50 + i % 7 AS y, ['low', 'mid', 'high'][i % 3 + 1] AS k,
    CASE i % 11 WHEN 0 THEN NULL ELSE cos(i) * 1e6 + 2020 END AS d,
    (i % 13)::FLOAT / 3 AS f, (i % 17 * 1.25)::DECIMAL(9, 3) AS dec, i % 5 AS n,
    (i % 9)::HUGEINT AS h,
    CASE i % 6 WHEN 0 THEN NULL ELSE i % 2 = 0 END AS b,
    DATE '2019-01-01' + (i % 900)::INTEGER AS day,
    TIMESTAMP '2020-05-01 03:00:00' + to_seconds(i * 7000) AS ts,
    (TIMESTAMP '2020-05-01' + to_seconds(i * 60))::TIMESTAMP_S AS ts_s,
    (TIMESTAMP '2020-05-01' + to_seconds(i * 61))::TIMESTAMP_MS AS ts_ms,
    (TIMESTAMP '2020-05-01' + to_seconds(i * 62))::TIMESTAMP_NS AS ts_ns,
    (TIMESTAMP '2020-05-01' + to_seconds(i * 63))::TIMESTAMPTZ AS ts_tz,
    ['a', 'bb', NULL, '', 'a category with a long name', 'another category with a long name', 'ü',
    '😀'][i % 8 + 1] AS c,
    ['s', 'm', 'l'][i % 3 + 1]::ENUM('s', 'm', 'l') AS e,
    98000 + i % 6 AS zip
FROM range(1200) t(i)
"""
STRANGE = """
SELECT * REPLACE (
    id + 3000 AS id, [d, NULL, 'nan'::DOUBLE, 'inf'::DOUBLE, '-inf'::DOUBLE, 1e39, -0.0,
    5e-324][id % 8 + 1] AS d,
    [f, NULL, 'nan'::FLOAT][id % 3 + 1] AS f,
    [day, NULL, 'infinity'::DATE, '-infinity'::DATE, DATE '0001-01-01'][id % 5 + 1] AS day,
    [ts, NULL, 'infinity'::TIMESTAMP, '-infinity'::TIMESTAMP,
    TIMESTAMP '1960-02-03 04:05:06.789'][id % 5 + 1] AS ts,
    [ts_tz, NULL, 'infinity'::TIMESTAMPTZ][id % 3 + 1] AS ts_tz,
    [c, NULL, 'unknown', 'an unknown category with a long name', 'a', chr(0),
    'a' || chr(0)][id % 7 + 1] AS c,
    [zip, NULL, 0, -1, 9223372036854775807, -9223372036854775808][id % 6 + 1] AS zip)
FROM seen
UNION ALL BY NAME SELECT 9000 AS id
"""
FEATURES = "d, f, dec, n, h, b, day, ts, ts_s, ts_ms, ts_ns, ts_tz, c, e, zip"


def trained(path: str, estimator: str, **options: object) -> None:
    """Train a model `m` with every type of feature in a file."""
    target = "k" if next(e for e in ESTIMATORS if e.name == estimator).classes else "y"
    if "forest" in estimator:
        options["n_estimators"] = 5
    elif "boosting" in estimator or "mlp" in estimator:
        options["max_iter"] = 3
    with duckml.connect(path) as con:
        con.execute("SET TimeZone = 'UTC'")
        con.execute(f"CREATE TABLE seen AS {ROWS}; CREATE TABLE strange AS {STRANGE}")
        con.create_model(
            "m",
            f"SELECT {FEATURES}, {target} FROM seen",
            target,
            estimator,
            categorical=["zip", "n"],
            **options,
        )


def answers(path: str, engine: str, query: str) -> list[list[object]]:
    """Return the columns of a query on a file, with doubles as their bits."""
    with duckml.connect(path, engine=engine) as con:
        table = con.execute(query).to_arrow_table()
        assert con.execute("SELECT duckml_engine()").fetchone()[0].startswith(engine)
    return [bits(column.combine_chunks()) for column in table.columns]


def bits(column: pa.Array) -> list[object]:
    if pa.types.is_list(column.type):
        return [None if not value.is_valid else bits(value.values) for value in column]
    if not pa.types.is_float64(column.type):
        return column.to_pylist()
    values = column.fill_null(0.0).to_numpy(zero_copy_only=False).view(np.int64).tolist()
    return [
        value if valid else None
        for value, valid in zip(values, column.is_valid().to_pylist(), strict=True)
    ]


CASES = [
    *((estimator.name, {}) for estimator in ESTIMATORS),
    ("mlp_regressor", {"on_null": "null"}),
    ("mlp_regressor", {"precision": "float64"}),
    ("mlp_classifier", {"precision": "float64", "on_null": "null"}),
]


@needs("native engine")
@pytest.mark.parametrize(
    ("estimator", "options"), CASES, ids=[f"{e}-{'-'.join(o.values())}" for e, o in CASES]
)
def test_both_engines_answer_bit_for_bit_the_same(
    estimator: str, options: dict[str, str], tmp_path: Path
) -> None:
    path, copy = str(tmp_path / "native.duckdb"), str(tmp_path / "python.duckdb")
    trained(path, estimator, **options)
    shutil.copyfile(path, copy)
    parts = "PREDICT(m), predict_m(r)"
    if next(e for e in ESTIMATORS if e.name == estimator).classes:
        parts += ", map_values(PREDICT_PROBA(m)), map_keys(PREDICT_PROBA(m))"
    query = f"SELECT {parts} FROM (FROM seen UNION ALL BY NAME FROM strange) r ORDER BY id"
    found, expected = answers(path, "native", query), answers(copy, "python", query)
    assert found == expected
    answered = sum(value is not None for value in found[0])
    assert answered > (100 if options.get("on_null") else 1200)
    assert answered < 2401  # something was refused


# Calls of the function itself, with every type of DuckDB

NUMBER_TYPES = [
    *(
        "TINYINT",
        "SMALLINT",
        "INTEGER",
        "BIGINT",
        "HUGEINT",
        "UTINYINT",
        "USMALLINT",
        "UINTEGER",
        "UBIGINT",
    ),
    *("FLOAT", "DOUBLE", "DECIMAL(4, 1)", "DECIMAL(9, 3)", "DECIMAL(18, 6)", "DECIMAL(38, 10)"),
]


@pytest.fixture(scope="module")
def pair(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[duckml.Connection, duckml.Connection, str]]:
    """Open two databases with the same models, one on each engine; also the key of `m`."""
    folder = tmp_path_factory.mktemp("pair")
    path, copy = str(folder / "native.duckdb"), str(folder / "python.duckdb")
    with duckml.connect(path) as con:
        con.execute(f"CREATE TABLE seen AS {ROWS}")
        con.create_model(
            "m",
            "SELECT d, c, zip, y FROM seen",
            "y",
            "ridge",
            categorical=["zip"],
            precision="float64",
        )
        key = con.model("m").key
    shutil.copyfile(path, copy)
    with (
        duckml.connect(path, engine="native") as first,
        duckml.connect(copy, engine="python") as second,
    ):
        yield first, second, key


@needs("native engine")
@pytest.mark.parametrize("kind", NUMBER_TYPES)
def test_every_type_of_number_reaches_the_model_as_the_same_double(
    pair: tuple[duckml.Connection, duckml.Connection, str], kind: str
) -> None:
    first, second, key = pair
    query = (
        f"SELECT system.main.duckml_predict_double('{key}', (i % 100 * 0.1)::{kind}, 'a', 98000 "
        f"+ i % 3) AS p, "
        f"system.main.duckml_predict_double('{key}', CASE WHEN i % 3 = 0 THEN NULL ELSE (i % "
        f"100)::{kind} END, NULL, NULL) "
        "AS q FROM range(5000) t(i) ORDER BY i"
    )
    found = [
        [bits(column.combine_chunks()) for column in con.execute(query).to_arrow_table().columns]
        for con in (first, second)
    ]
    assert found[0] == found[1]


CALLS = {
    "'{key}', 1.5, 'a', 98001": None,
    "'{key}', 1.5::DOUBLE, 'a', 98001": None,
    "'{key}', NULL, NULL, NULL": None,
    "'{key}', 1.5::DOUBLE, 'bb'::ENUM('x', 'bb'), 98001::UINTEGER": None,
    "'{key}', 1.5::DOUBLE, '😀'::ENUM('x', '😀'), 98001::UBIGINT": None,
    "'{key}', 1.5::DOUBLE, 'a'": 'takes "d", "c", "zip"',
    "'{key}', 'x', 'a', 98001": 'The feature "d" is DOUBLE',
    "'{key}', DATE '2020-01-01', 'a', 98001": 'The feature "d" is DOUBLE',
    "'{key}', 1.5::DOUBLE, 3, 98001": 'The feature "c" is VARCHAR',
    "'{key}', 1.5::DOUBLE, 'a', 1.5": 'The feature "zip" is BIGINT',
    "'{key}', [1.5], 'a', 98001": 'The feature "d" is DOUBLE',
    "'{key}', {{'a': 1}}, 'a', 98001": 'The feature "d" is DOUBLE',
    "'feed', 1.5, 'a', 98001": "model feed…",
}


@needs("native engine")
@pytest.mark.parametrize("call", CALLS)
def test_a_call_of_the_function_itself_answers_or_fails_the_same_on_both(
    pair: tuple[duckml.Connection, duckml.Connection, str], call: str
) -> None:
    first, second, key = pair
    query = f"SELECT system.main.duckml_predict_double({call.format(key=key)})"
    problem = CALLS[call]
    if problem is None:
        assert first.execute(query).fetchall() == second.execute(query).fetchall()
        return
    for con in (first, second):
        with pytest.raises(duckdb.Error) as raised:
            con.execute(query).fetchall()
        assert problem in str(raised.value)
        assert con.execute("SELECT 1").fetchone() == (1,)


@needs("native engine")
def test_a_number_has_no_probabilities(
    pair: tuple[duckml.Connection, duckml.Connection, str],
) -> None:
    first, second, key = pair
    for con in (first, second):
        with pytest.raises(duckdb.Error, match="predicts a number and has no probabilities"):
            con.execute(
                f"SELECT system.main.duckml_predict_doubles('{key}', 1.5::DOUBLE, 'a', 98001)"
            ).fetchall()


value = st.one_of(
    st.none(), st.floats(), st.floats(width=32), st.sampled_from([3.5e38, -3.4028235e38, 1e-320])
)
category = st.one_of(
    st.none(),
    st.sampled_from(["a", "bb", "", "ü", "a category with a long name"]),
    st.text(max_size=20),
)
code = st.one_of(st.none(), st.integers(98000, 98006), st.integers(-(2**63), 2**63 - 1))


@needs("native engine")
@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=st.lists(st.tuples(value, category, code), min_size=1, max_size=40),
    copies=st.sampled_from([1, 1, 100]),
)
def test_generated_rows_answer_bit_for_bit_the_same(
    pair: tuple[duckml.Connection, duckml.Connection, str],
    rows: list[tuple[object, ...]],
    copies: int,
) -> None:
    first, second, _ = pair
    names, types = ["d", "c", "zip"], [pa.float64(), pa.string(), pa.int64()]
    table = pa.table(
        {
            n: pa.array([row[i] for row in rows] * copies, t)
            for i, (n, t) in enumerate(zip(names, types, strict=True))
        }
    )
    found = []
    for con in (first, second):
        con.register("generated", table)
        found.append(
            bits(
                con.execute("SELECT PREDICT(m) AS p FROM generated")
                .to_arrow_table()["p"]
                .combine_chunks()
            )
        )
    assert found[0] == found[1]


# The choice of the engine


def engine_of(con: duckdb.DuckDBPyConnection) -> str:
    return con.execute("SELECT duckml_engine()").fetchone()[0]


@needs("native engine")
def test_the_native_engine_serves_where_it_can(file: str) -> None:
    with duckml.connect(file) as con:
        make_line(con)
        assert engine_of(con) == engine_of(con.cursor()) == "native:cpu"
        described = dict(con.execute("DESCRIBE MODEL line").fetchall())
        assert (described["engine"], described["device"]) == ("native (onnxruntime)", "cpu")
        assert con.execute("SELECT current_setting('allow_unsigned_extensions')").fetchone() == (
            False,
        )
        with duckml.connect(file) as second:
            assert engine_of(second) == "native:cpu"
            with pytest.raises(
                errors.EngineError,
                match=r"has the database open with the native engine",
            ):
                duckml.connect(file, engine="python")
    with duckml.connect(file, read_only=True) as con:
        assert engine_of(con) == "native:cpu"
        assert con.execute("SELECT round(PREDICT(line, x := 5), 6)").fetchone() == (11.0,)


@needs("native engine")
def test_a_connection_of_duckdbs_keeps_the_python_engine_and_says_how_to_get_the_other(
    file: str,
) -> None:
    with duckdb.connect(file) as plain:
        con = duckml.attach(plain)
        make_line(con)
        assert engine_of(con) == "python:auto"
        how = r"Open the database with duckml.connect, or with duckdb.connect\(path, config="
        described = dict(con.execute("DESCRIBE MODEL line").fetchall())
        assert described["engine"].startswith(
            "python (onnxruntime); not the native one: this connection doesn't allow unsigned "
            "extensions"
        )
        with duckml.connect(file) as second:  # open already, so it is opened as it is
            assert engine_of(second) == "python:auto"
        with pytest.raises(
            errors.EngineError, match="has the database open with the python engine"
        ):
            duckml.connect(file, engine="native")
    with duckdb.connect(file) as plain, pytest.raises(errors.EngineError, match=how):
        duckml.attach(plain, engine="native")
    with duckdb.connect(file, config={"allow_unsigned_extensions": "true"}) as plain:
        con = duckml.attach(plain)
        assert engine_of(con) == "native:cpu"
        assert con.execute("SELECT current_setting('allow_unsigned_extensions')").fetchone() == (
            True,
        )


def setting(con: duckdb.DuckDBPyConnection, name: str) -> object:
    return con.execute("SELECT current_setting($name)", {"name": name}).fetchone()[0]


@needs("native engine")
def test_a_configuration_is_the_users(file: str) -> None:
    with duckml.connect(config={"lock_configuration": "true"}) as con:
        assert engine_of(con) == "native:cpu"
        assert (setting(con, "allow_unsigned_extensions"), setting(con, "lock_configuration")) == (
            False,
            True,
        )
        with pytest.raises(duckdb.InvalidInputException, match="has been locked"):
            con.execute("SET threads = 1")
    with (
        duckml.connect(file) as first,
        duckml.connect(file, config={"Lock_Configuration": "true"}) as second,
    ):
        assert setting(second, "lock_configuration") is True
        assert setting(first, "allow_unsigned_extensions") is False
    for name in ("allow_unsigned_extensions", "Allow_Unsigned_Extensions"):
        with duckml.connect(config={name: "false"}) as con:
            assert engine_of(con) == "python:auto"
        with duckml.connect(config={name: "true"}) as con:
            assert (engine_of(con), setting(con, "allow_unsigned_extensions")) == (
                "native:cpu",
                True,
            )
    with (
        duckdb.connect(file, config={"allow_unsigned_extensions": "true"}) as plain,
        duckml.connect(file) as con,
    ):
        assert engine_of(con) == "native:cpu"
        assert (
            setting(plain, "allow_unsigned_extensions") is True
        )  # the other connection's wish stays
    with duckml.connect(":default:") as con:
        assert con.execute("SELECT 1").fetchone() == (1,)


@needs("native engine")
def test_describe_says_why_the_native_engine_does_not_serve(file: str) -> None:
    def said(con: duckml.Connection) -> str:
        make_line(con)
        return dict(con.execute("DESCRIBE MODEL line").fetchall())["engine"]

    with duckml.connect(engine="python") as con:
        assert said(con) == "python (onnxruntime)"  # as was asked for
    with duckml.connect(config={"enable_external_access": "false"}) as con:
        assert (
            "not the native one: Permission Error: Loading external extensions is disabled"
            in said(con)
        )
    with duckdb.connect(file) as plain:
        assert "not the native one: this connection doesn't allow unsigned extensions." in said(
            duckml.attach(plain)
        )
        with duckml.connect(file) as con:
            assert "another connection of this process has the database open" in said(con)


def test_an_unknown_engine_names_the_nearest() -> None:
    with pytest.raises(errors.EngineError) as raised:
        duckml.connect(engine="nativ")
    assert (
        str(raised.value)
        == "Unknown engine 'nativ'. Did you mean \"native\"? Known: auto, native, python."
    )


# Versions that are created and dropped


@needs("native engine")
def test_versions_of_an_open_transaction_are_served_and_taken_back(file: str) -> None:
    with duckml.connect(file, engine="native") as con:
        make_line(con)
        con.execute("BEGIN")
        make_line(con, factor=5)
        assert con.execute("SELECT round(predict_line(x := 2.0))").fetchone() == (11.0,)
        assert con.cursor().execute("SELECT round(predict_line(x := 2.0))").fetchone() == (5.0,)
        con.execute("ROLLBACK")
        assert con.execute("SELECT round(predict_line(x := 2.0))").fetchone() == (5.0,)


@needs("native engine")
def test_a_model_dropped_in_mid_query_answers_to_the_end(file: str) -> None:
    with duckml.connect(file, engine="native") as con:
        make_line(con)
        con.execute("SET threads = 2")
        reader = con.cursor()
        reader.execute("SELECT PREDICT(line, x := i::DOUBLE) AS p FROM range(3000000) t(i)")
        first = reader.fetchone()
        con.execute("DROP MODEL line")
        rest = reader.fetchall()
        assert len(rest) == 2_999_999
        assert round(first[0]) == 1
        assert round(rest[-1][0]) == 5_999_999
        with pytest.raises(errors.ModelNotFoundError):
            con.execute("SELECT PREDICT(line, x := 1.0)")


@needs("native engine")
def test_an_interrupt_ends_a_prediction_and_nothing_else(file: str) -> None:
    with duckml.connect(file, engine="native") as con:
        make_line(con)
        query = "SELECT sum(PREDICT(line, x := i::DOUBLE)) FROM range(100000000000) t(i)"
        with interrupts(con, 0.3), pytest.raises(duckdb.InterruptException):
            con.execute(query).fetchall()
        assert con.execute("SELECT round(PREDICT(line, x := 5), 6)").fetchone() == (11.0,)


@needs("native engine")
def test_all_threads_of_duckdb_share_a_model(file: str) -> None:
    with duckml.connect(file, engine="native") as con:
        make_line(con)
        query = (
            "SELECT sum(PREDICT(line, x := (i % 1000)::DOUBLE)::DECIMAL(30, 6)) FROM "
            "range(2000000) t(i)"
        )
        found = []
        for threads in (1, 2, 8):
            con.execute(f"SET threads = {threads}")
            found.append(con.execute(query).fetchone())
        assert found[0] == found[1] == found[2]


@pytest.mark.parametrize(
    "expression",
    [
        "PREDICT(line, x := (SELECT max(x) FROM points))",
        "predict_line(x := (SELECT 99.0))",
        "PREDICT(line, x := coalesce((SELECT NULL), 99))",
        "PREDICT(line, x := CASE WHEN EXISTS (FROM points WHERE x = p.x) THEN 99 END)",
        "(SELECT PREDICT(line, x := p.x - p.x + 99))",
    ],
)
@on_both_engines
def test_a_feature_may_be_a_subquery(line: duckml.Connection, expression: str) -> None:
    rows = line.execute(f"SELECT DISTINCT round({expression}, 6) FROM points p").fetchall()
    assert rows == [(199.0,)]


def test_attaching_disturbs_no_open_result(file: str) -> None:
    with duckdb.connect(file) as plain:
        plain.execute("SELECT * FROM range(5)")
        assert plain.fetchone() == (0,)
        con = duckml.attach(plain)
        assert con.fetchall() == [(1,), (2,), (3,), (4,)]


@needs("native engine")
def test_attaching_takes_over_what_was_loaded_before(file: str) -> None:
    with duckdb.connect(file, config={"allow_unsigned_extensions": "true"}) as plain:
        plain.execute(f"LOAD '{native.EXTENSION}'")
        con = duckml.attach(plain)
        con.execute("BEGIN")
        make_line(con)
        assert con.execute("SELECT round(predict_line(x := 5.0))").fetchone() == (11.0,)
        con.execute("COMMIT")
    with duckdb.connect(file) as plain:  # and the file was free at once
        assert duckml.attach(plain).execute("SELECT round(predict_line(x := 5.0))").fetchone() == (
            11.0,
        )


@needs("native engine")
def test_a_copy_of_the_extension_from_elsewhere_is_refused(file: str, tmp_path: Path) -> None:
    copy = shutil.copyfile(native.EXTENSION, tmp_path / "duckml.duckdb_extension")
    with duckdb.connect(file, config={"allow_unsigned_extensions": "true"}) as plain:
        plain.execute(f"LOAD '{copy}'")
        with pytest.raises(errors.EngineError, match="a file of another installation"):
            duckml.attach(plain)


@needs("native engine")
def test_no_library_is_loaded_once_the_door_is_closed() -> None:
    with (
        duckml.connect(engine="native") as con,
        pytest.raises(duckdb.BinderException, match="must be on"),
    ):
        con.execute(f"SELECT duckml_runtime('{onnxruntime_library()}')")


@needs("native engine")
def test_what_goes_wrong_while_a_model_is_looked_for_is_said(
    file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from duckml.registry import stored_artifacts

    with duckml.connect(file, engine="native") as con:
        con.execute(f"CREATE MODEL late {LINE} AS SELECT i AS x, i * 7 AS y FROM range(50) t(i)")
        for problem in (MemoryError("no room"), KeyboardInterrupt(), SystemExit(3)):

            def fail(*_: object, problem: BaseException = problem) -> bytes:
                raise problem

            monkeypatch.setattr(stored_artifacts, "require_anywhere", fail)
            with pytest.raises(duckdb.Error, match=type(problem).__name__):
                con.execute("SELECT duckml_predict_double('0123', 1.0)").fetchall()


# DuckDB without duckml


def in_plain_duckdb(
    file: str, *statements: str, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run statements in a process with DuckDB and the extension, and print their results."""
    script = f"""
    import duckdb
    con = duckdb.connect({file!r}, config={{"allow_unsigned_extensions": "true"}})
    con.execute("LOAD '{native.EXTENSION}'")
    for statement in {list(statements)!r}:
        try:
            print(con.execute(statement).fetchall())
        except duckdb.Error as error:
            print(f"{{type(error).__name__}}: {{error}}")
    """
    command = [sys.executable, "-I", "-c", textwrap.dedent(script)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, env=environment or {}
    )


RUNTIME = f"SELECT count(duckml_runtime('{onnxruntime_library()}'))"


@needs("native engine")
def test_a_process_without_duckml_predicts(file: str, tmp_path: Path) -> None:
    other = str(tmp_path / "other.duckdb")
    for path in (file, other):
        with duckml.connect(path) as con:
            make_line(con, factor=3 if path == other else 2)
            con.execute(
                "CREATE VIEW predicted AS SELECT x, round(PREDICT(line), 6) AS p FROM points"
            )
    ran = in_plain_duckdb(
        file,
        RUNTIME,
        "SELECT duckml_engine()",
        "SELECT p FROM predicted WHERE x = 4",
        f"ATTACH '{other}' AS late",
        "SELECT p FROM late.predicted WHERE x = 4",
        "SELECT count(duckml_read(onnx)) FROM late._duckml.artifact",
        "SELECT p FROM late.predicted WHERE x = 4",
        "SELECT round(predict_line(p)) FROM points p WHERE x = 7",
    )
    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.splitlines()
    assert "SELECT duckml_read(onnx) FROM <database>._duckml.artifact WHERE key = '" in lines.pop(4)
    assert lines == [
        "[(1,)]",
        "[('native:cpu',)]",
        "[(9.0,)]",
        "[]",
        "[(1,)]",
        "[(13.0,)]",
        "[(15.0,)]",
    ]


@needs("native engine")
def test_models_of_databases_that_are_attached_already_are_read(file: str, tmp_path: Path) -> None:
    """A damaged copy of one of them doesn't hide the others."""
    copy = str(tmp_path / "copy.duckdb")
    with duckml.connect(file) as con:
        make_line(con)
    shutil.copyfile(file, copy)
    with duckdb.connect(copy) as plain:
        plain.execute("UPDATE _duckml.artifact SET onnx = 'damaged'::BLOB")
    for first, second in ((file, copy), (copy, file)):
        attach = f"ATTACH '{first}' AS aaa; ATTACH '{second}' AS zzz"
        with duckdb.connect(config={"allow_unsigned_extensions": "true"}) as plain:
            plain.execute(f"{attach}; LOAD '{native.EXTENSION}'")
            assert plain.execute("SELECT round(zzz.predict_line(x := 5.0))").fetchone() == (11.0,)
        with duckml.connect() as con:
            con.execute(attach)
            assert con.execute("SELECT round(zzz.predict_line(x := 5.0))").fetchone() == (11.0,)


@needs("native engine")
def test_the_extension_holds_no_file_open(file: str) -> None:
    """A closed database has no owner left: the next one to open it must be its only owner."""
    with duckml.connect(file) as con:
        make_line(con)
    statement = "CREATE OR REPLACE TABLE t AS SELECT 1"
    write = [
        sys.executable,
        "-c",
        f"import duckdb; duckdb.connect({file!r}).execute({statement!r})",
    ]
    for _ in range(3):
        plain = duckdb.connect(file, config={"allow_unsigned_extensions": "true"})
        plain.execute(f"LOAD '{native.EXTENSION}'")
        plain.execute(RUNTIME)
        assert plain.execute("SELECT round(predict_line(x := 5.0))").fetchone() == (11.0,)
        assert plain.execute("SELECT count FROM duckdb_connection_count()").fetchone() == (1,)
        plain.close()
        subprocess.run(write, check=True, timeout=60)


@needs("native engine")
def test_a_process_that_ends_leaves_its_log_in_the_file(file: str) -> None:
    with duckml.connect(file) as con:
        make_line(con)
    ran = in_plain_duckdb(file, RUNTIME, "CREATE TABLE kept AS SELECT predict_line(x := 5.0) AS p")
    assert ran.returncode == 0, ran.stderr
    assert not Path(file + ".wal").exists()
    with duckml.connect(file) as con:
        assert con.execute("SELECT round(p) FROM kept").fetchone() == (11.0,)


@needs("native engine")
def test_without_onnxruntime_the_error_says_where_to_get_it(file: str) -> None:
    with duckml.connect(file) as con:
        make_line(con)
    ran = in_plain_duckdb(
        file,
        "SELECT predict_line(x := 5.0)",
        "SELECT duckml_runtime('/nowhere/libonnxruntime.so')",
        f"SELECT duckml_runtime('{native.EXTENSION}')",
        "SET enable_external_access = false",
        RUNTIME,
        "SELECT 1",
        environment={"ORT_DYLIB_PATH": "/nowhere/else.so"},
    )
    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.splitlines()
    assert "onnxruntime could not be loaded from '/nowhere/else.so'" in lines[0]
    assert "SELECT duckml_runtime(" in lines[0]
    assert "could not be loaded from '/nowhere/libonnxruntime.so'" in lines[1]
    assert "does not export `OrtGetApiBase`" in lines[2]
    assert lines[3:] == [
        "[]",
        "BinderException: Binder Error: duckml_runtime loads a library, for which "
        "allow_unsigned_extensions and "
        "enable_external_access must be on. Set ORT_DYLIB_PATH instead.",
        "[(1,)]",
    ]


@needs("native engine")
def test_the_runtime_can_be_named_by_the_environment(file: str) -> None:
    with duckml.connect(file) as con:
        make_line(con)
    ran = in_plain_duckdb(
        file,
        "SELECT round(predict_line(x := 5.0))",
        environment={"ORT_DYLIB_PATH": str(onnxruntime_library())},
    )
    assert ran.stdout.splitlines() == ["[(11.0,)]"], ran.stderr


@needs("native engine")
@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        ("onnx[:-1] || '\\x00'::BLOB", "is damaged: its bytes have the SHA-256"),
        ("''::BLOB", "is damaged: its bytes have the SHA-256 e3b0c44298fc"),
        (None, "was in no database that was attached when duckml was loaded"),
    ],
)
def test_a_damaged_artifact_is_an_error(file: str, damage: str | None, problem: str) -> None:
    with duckml.connect(file) as con:
        con.execute(
            f"CREATE MODEL line {LINE} AS SELECT i AS x, 2 * i AS y FROM range(100) t(i)"
        ).fetchall()
        key = con.model("line").key
    with duckdb.connect(file) as plain:
        onnx = plain.execute("SELECT onnx FROM _duckml.artifact").fetchone()[0]
        plain.execute("DELETE FROM _duckml.artifact")
        if damage is not None:
            broken = onnx[:-1] + b"\0" if "onnx" in damage else b""
            plain.execute("INSERT INTO _duckml.artifact (key, onnx) VALUES (?, ?)", [key, broken])
    ran = in_plain_duckdb(file, RUNTIME, "SELECT predict_line(x := 5.0)", "SELECT 1")
    assert ran.returncode == 0, ran.stderr
    assert problem in ran.stdout.splitlines()[1]
    assert ran.stdout.splitlines()[2] == "[(1,)]"


@on_both_engines
def test_a_model_that_would_read_another_file_is_refused(
    line: duckml.Connection, tmp_path: Path
) -> None:
    """A file from elsewhere can hold any bytes under their own SHA-256."""
    import onnx

    model = onnx.load_from_string(line.model("line").onnx)
    tensor = next(tensor for tensor in model.graph.initializer if tensor.raw_data)
    (tmp_path / "secret").write_bytes(tensor.raw_data)
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=str(tmp_path / "secret"))
    content = model.SerializeToString()
    key = key_of(content)
    line.execute("INSERT INTO _duckml.artifact (key, onnx) VALUES (?, ?)", [key, content])
    with pytest.raises(duckdb.Error, match="is stored in another file"):
        line.execute(f"SELECT system.main.duckml_predict_double('{key}', 1.0)").fetchall()


@needs("native engine")
def test_bytes_that_are_no_model_are_an_error(file: str) -> None:
    contents = [b"no model", b"", b"\x08\x09", bytes(1000)]
    reads = [f"SELECT duckml_read(from_hex('{content.hex()}'))" for content in contents]
    calls = [f"SELECT duckml_predict_double('{key_of(content)}', 1)" for content in contents]
    ran = in_plain_duckdb(file, RUNTIME, *reads, *calls, "SELECT duckml_read(NULL)", "SELECT 1")
    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.splitlines()
    assert lines[1:5] == [f"[('{key_of(content)}',)]" for content in contents]
    assert all("onnxruntime can't open the stored model" in line for line in lines[5:9]), lines
    assert "NULL was given" in lines[9]
    assert lines[10] == "[(1,)]"


@needs("native engine")
@pytest.mark.parametrize(
    "kind", ["4702111234474983745::BIGINT", "['a', 'b']", "{'a': 1}", "NULL::BLOB", "'text'", "1.5"]
)
def test_a_registry_with_something_else_in_it_is_an_error(file: str, kind: str) -> None:
    with duckdb.connect(file) as plain:
        plain.execute(
            f"CREATE SCHEMA _duckml; CREATE TABLE _duckml.artifact AS SELECT 'k' AS key, {kind} "
            f"AS onnx FROM range(2048); "
            "CREATE TABLE _duckml.model (schema_key TEXT, name_key TEXT, default_version INT); "
            "CREATE TABLE _duckml.model_version (schema_key TEXT, name_key TEXT, version INT, "
            "artifact_key TEXT)"
        )
    ran = in_plain_duckdb(file, RUNTIME, "SELECT duckml_predict_double('k', 1.0)", "SELECT 1")
    assert ran.returncode == 0, ran.stderr
    assert "InvalidInputException" in ran.stdout.splitlines()[1]
    assert ran.stdout.splitlines()[2] == "[(1,)]"


@needs("native engine")
def test_macros_named_like_duckdbs_functions_hide_no_model(file: str) -> None:
    with duckml.connect(file) as con:
        make_line(con)
        con.execute("CREATE MACRO duckdb_tables() AS TABLE SELECT 'nothing' AS nothing")
        con.execute("CREATE MACRO duckdb_connection_count() AS TABLE SELECT 7 AS count")
    ran = in_plain_duckdb(file, RUNTIME, "SELECT round(predict_line(x := 5.0))")
    assert ran.stdout.splitlines()[1] == "[(11.0,)]", ran.stderr


@needs("native engine")
def test_a_process_that_ends_with_everything_open_ends_well(file: str) -> None:
    with duckml.connect(file) as con:
        make_line(con)
    script = f"""
    import duckdb
    con = duckdb.connect({file!r}, config={{"allow_unsigned_extensions": "true"}})
    con.execute("LOAD '{native.EXTENSION}'")
    con.execute({RUNTIME!r})
    print(con.execute("SELECT round(predict_line(x := 5.0))").fetchall())
    other = duckdb.connect(":memory:")
    duckdb.sql("SELECT 1").fetchall()
    """
    command = [sys.executable, "-I", "-c", textwrap.dedent(script)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (ran.returncode, ran.stdout) == (0, "[(11.0,)]\n"), ran.stderr


@needs("native engine")
def test_the_native_engine_is_not_put_beside_the_python_one(file: str) -> None:
    with duckdb.connect(file, config={"allow_unsigned_extensions": "true"}) as plain:
        con = duckml.attach(plain, engine="python")
        make_line(con)
        with pytest.raises(duckdb.Error, match="from the Python engine"):
            con.execute(f"LOAD '{native.EXTENSION}'")
        assert con.execute("SELECT round(PREDICT(line, x := 5), 6)").fetchone() == (11.0,)
