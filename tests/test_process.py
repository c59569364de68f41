"""Crashes and damage: freed functions, threads, Ctrl-C, kill -9, a second process."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import duckdb
import pytest

import duckml
from duckml import errors
from tests.conftest import LINE, make_line

pytestmark = pytest.mark.filterwarnings("ignore::duckml.ModelWarningMessage")


def python(code: str, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """Run code in another process."""
    command = [sys.executable, "-W", "ignore", "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)


TRAIN = f"CREATE MODEL line {LINE} AS SELECT i AS x, 2 * i + 1 AS y FROM range(100) t(i)"
MANY = "SELECT sum(PREDICT(line, x := i)) FROM range(300000) t(i)"


# Three cases in which DuckDB frees a Python function that is in use, which ended the process.


def test_a_cursor_that_registered_is_closed_and_another_predicts() -> None:
    code = f"""
import gc, duckdb, duckml
con = duckdb.connect()
con.execute("SET enable_progress_bar = false")
cursor = duckml.attach(con.cursor())
cursor.execute({TRAIN!r})
cursor.close(); del cursor; gc.collect()
print(con.execute("SELECT sum(predict_line(i::DOUBLE)) > 0 FROM range(300000) t(i)").fetchall())
"""
    answer = python(code)
    assert (answer.returncode, answer.stdout.strip()) == (0, "[(True,)]"), answer.stderr


def test_the_first_of_two_connections_to_a_file_is_closed(tmp_path: Path) -> None:
    code = f"""
import gc, sys, duckml
first, second = duckml.connect(sys.argv[1]), duckml.connect(sys.argv[1])
second.execute("SET enable_progress_bar = false")
first.execute({TRAIN!r})
first.close(); del first; gc.collect()
print(second.execute({MANY!r}).fetchone()[0] > 0)
second.close()
"""
    answer = python(code, str(tmp_path / "two.duckdb"))
    assert (answer.returncode, answer.stdout.strip()) == (0, "True"), answer.stderr


def test_connections_come_and_go_while_a_query_predicts(tmp_path: Path) -> None:
    code = f"""
import gc, sys, threading, duckml
con = duckml.connect(sys.argv[1])
con.execute("SET enable_progress_bar = false")  # DuckDB draws it on standard output
con.execute({TRAIN!r})
stop = False
def churn():
    while not stop:
        other = duckml.connect(sys.argv[1])
        other.cursor().close()
        other.close()
        del other
        gc.collect()
threads = [threading.Thread(target=churn) for _ in range(2)]
for thread in threads: thread.start()
totals = {{con.execute({MANY!r}).fetchone()[0] for _ in range(15)}}
stop = True
for thread in threads: thread.join()
print(len(totals))
"""
    answer = python(code, str(tmp_path / "churn.duckdb"))
    assert (answer.returncode, answer.stdout.strip()) == (0, "1"), answer.stderr


# Threads


def test_no_query_mixes_versions_while_they_are_replaced(tmp_path: Path) -> None:
    """16 threads predict while versions are added; each result is from one version."""
    with duckml.connect(str(tmp_path / "replaced.duckdb")) as con:
        make_line(con, factor=1)
        con.execute(
            "CREATE VIEW v AS SELECT i AS x, PREDICT(line, x := i) AS p, "
            "MODEL_VERSION(line) AS version FROM range(30000) t(i)"
        )
        mixed: list[object] = []
        failures: list[BaseException] = []
        answered = 0
        stop = threading.Event()

        def predict(number: int) -> None:
            nonlocal answered
            # The factor is the version, so rows of two versions would differ.
            query = (
                "SELECT DISTINCT round((p - 1) / x)::INT AS factor, split_part(version, '@', "
                "2)::INT FROM v WHERE x > 0"
                if number % 2
                else "SELECT DISTINCT round(PREDICT(line, x := 1.0 + i * 0) - 1)::INT, "
                "split_part(MODEL_VERSION(line), '@', 2)::INT FROM range(30000) t(i)"
            )
            try:
                with con.cursor() as cursor:
                    while not stop.is_set():
                        rows = cursor.execute(query).fetchall()
                        answered += 1
                        if len(rows) != 1 or rows[0][0] != rows[0][1]:
                            mixed.append(rows)
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=predict, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        for factor in range(2, 22):
            make_line(con, factor=factor)
        stop.set()
        for thread in threads:
            thread.join()
        assert failures == []
        assert mixed == []
        assert answered > 30
        assert con.model("line").version == 21


def test_a_new_default_version_applies_from_the_next_query(file: str) -> None:
    with duckml.connect(file) as con:
        con.execute("CREATE TABLE t AS SELECT i::DOUBLE AS x FROM range(20000) r(i)")
        for factor in (1, 3):
            con.execute(
                f"CREATE OR REPLACE MODEL m {LINE} AS SELECT x, {factor} * x AS y FROM t LIMIT 500"
            )
        con.execute(
            "CREATE VIEW v AS SELECT PREDICT(m, x := 1.0 + 0 * x) AS p, "
            "MODEL_VERSION(m) AS version FROM t"
        )

        seen: set[tuple[tuple[float, str], ...]] = set()
        both_were_seen = threading.Event()

        def switch() -> None:
            with con.cursor() as session:
                rounds = 0
                while rounds < 15 or not both_were_seen.is_set():
                    for version in (1, 2):
                        with contextlib.suppress(errors.ConflictError):
                            session.execute(f"ALTER MODEL m SET DEFAULT VERSION {version}")
                    rounds += 1

        switching = threading.Thread(target=switch)
        switching.start()
        try:
            while switching.is_alive():
                rows = con.execute("SELECT DISTINCT round(p), version FROM v").fetchall()
                seen.add(tuple(rows))
                if len(seen) > 1:
                    both_were_seen.set()
        finally:
            both_were_seen.set()
            switching.join()
        assert seen == {((1.0, "main.m@1"),), ((3.0, "main.m@2"),)}
        for version, answer in ((1, 1.0), (2, 3.0)):
            con.execute(f"ALTER MODEL m SET DEFAULT VERSION {version}")
            assert con.execute("SELECT DISTINCT round(p) FROM v").fetchall() == [(answer,)]


def test_no_version_is_lost_when_threads_create_versions_of_one_model(tmp_path: Path) -> None:
    create_version = f"CREATE OR REPLACE MODEL line {LINE} AS FROM points"
    with duckml.connect(str(tmp_path / "writers.duckdb")) as con:
        make_line(con)
        started = time.monotonic()
        con.execute(create_version).fetchall()
        seconds = time.monotonic() - started
        failures: list[BaseException] = []
        conflicts: list[errors.ConflictError] = []

        def create() -> None:
            try:
                with con.cursor() as cursor:
                    created = 0
                    while created < 3:
                        try:
                            cursor.execute(create_version).fetchall()
                            created += 1
                        except errors.ConflictError as error:
                            conflicts.append(error)
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=create) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        # A statement retries for 2.5 seconds, which is enough where 12 trainings take less.
        assert conflicts == [] or 12 * seconds > 2.5
        versions = con.execute("SELECT version FROM _duckml.versions ORDER BY 1").fetchall()
        assert versions == [(number,) for number in range(1, 15)]


# Ctrl-C

INTERRUPTED = """
import sys, duckml, duckml.statements.training_run
import sklearn.linear_model, sklearn.neural_network, sklearn.metrics, skl2onnx, onnxruntime
con = duckml.connect(sys.argv[1])
con.execute("SET enable_progress_bar = false")
con.execute("CREATE TABLE kept AS SELECT 1 AS a")
con.execute("CREATE TABLE t AS SELECT random() AS a, random() AS b, random() AS y "
            "FROM range(100000)")
{begin}
print("ready", flush=True)
try:
    {train}
    print("finished")
except KeyboardInterrupt:
    print("interrupted")
{end}
print(con.execute("SHOW MODELS").fetchall(), con.execute("FROM kept").fetchall())
con.execute("CREATE MODEL after OPTIONS (target = 'y', estimator = 'linear_regression') AS FROM t")
print(con.model("after").version)
"""
IN_PASSES = (
    "con.execute(\"CREATE MODEL m OPTIONS (target = 'y', max_iter = 5000, "
    'n_iter_no_change = 5000) AS FROM t")'
)
IN_QUERY = (
    "con.execute(\"CREATE MODEL m OPTIONS (target = 'y') AS SELECT a, y, "
    '(SELECT sum(i * j) FROM range(100000) x(i), range(100000) z(j)) AS s FROM t")'
)
IN_PIPELINE = (
    "from sklearn.pipeline import make_pipeline; from sklearn.preprocessing import StandardScaler; "
    "from sklearn.neural_network import MLPRegressor; "
    "con.create_model('m', 'FROM t', 'y', make_pipeline(StandardScaler(), "
    "MLPRegressor(max_iter=5000, tol=0, "
    "n_iter_no_change=5000)))"
)


@pytest.mark.parametrize(
    ("train", "transaction"),
    [(IN_PASSES, False), (IN_PASSES, True), (IN_QUERY, False), (IN_PIPELINE, False)],
    ids=["passes", "passes in a transaction", "query", "pipeline"],
)
def test_ctrl_c_leaves_no_model_and_a_working_connection(
    tmp_path: Path, train: str, transaction: bool
) -> None:
    code = INTERRUPTED.format(
        train=train,
        begin='con.execute("BEGIN")' if transaction else "",
        end='con.execute("COMMIT")' if transaction else "",
    )
    command = [sys.executable, "-W", "ignore", "-c", code, str(tmp_path / "c.duckdb")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(4)
    process.send_signal(signal.SIGINT)
    output, narration = process.communicate(timeout=300)
    assert output.splitlines() == ["interrupted", "[] [(1,)]", "1"], narration


# kill -9

KILLED = f"""
import sys, duckml, duckml.statements.training_run
import sklearn.linear_model, sklearn.metrics, skl2onnx, onnxruntime
con = duckml.connect(sys.argv[1])
print("ready", flush=True)
for factor in range(2, 1000):
    con.execute("CREATE OR REPLACE TABLE points AS SELECT i::DOUBLE AS x, $1 * i + 1.0 AS y "
                "FROM range(100) t(i)", [factor])
    con.execute("CREATE OR REPLACE MODEL line {LINE} AS FROM points").fetchall()
    print("created", flush=True)
"""


def test_kill_9_during_create_model_leaves_the_old_or_the_new_version(tmp_path: Path) -> None:
    file = str(tmp_path / "killed.duckdb")
    with duckml.connect(file) as con:
        make_line(con, factor=1)
    rng = random.Random(0)
    version = 1
    for trial in range(50):
        # The process is killed during the first, second or third CREATE MODEL. The time is drawn
        # from the duration of one, so that the machine's speed doesn't matter.
        completed = (trial + 1) % 3
        command = [sys.executable, "-W", "ignore", "-c", KILLED, file]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            started = time.monotonic()
            for _ in range(completed):
                assert process.stdout.readline() == "created\n"
            if completed:
                seconds = (time.monotonic() - started) / completed
            time.sleep(rng.uniform(0.0, 1.2 * seconds))
            process.kill()
        with duckml.connect(file) as con:
            earlier, version = version, con.model("line").version
            assert version >= earlier + completed, trial
            stored = con.execute("SELECT version FROM _duckml.versions ORDER BY 1").fetchall()
            assert stored == [(number,) for number in range(1, version + 1)], trial
            for number in {1, version}:
                [(answer,)] = con.execute(f"SELECT PREDICT(line@{number}, x := 1)").fetchall()
                assert answer == pytest.approx(round(answer)), trial
            query = "SELECT PREDICT(line, x := 1), MODEL_VERSION(line)"
            [(answer, described)] = con.execute(query).fetchall()
            assert described == f"main.line@{version}"
    assert version > 1


# Other processes and read-only files


def test_opening_a_file_that_another_process_writes_is_an_error(tmp_path: Path) -> None:
    file = str(tmp_path / "held.duckdb")
    with duckml.connect(file):
        answer = python(f"import duckml; duckml.connect({file!r})")
        assert answer.returncode == 1
        assert "lock" in answer.stderr


def test_readers_share_a_file(tmp_path: Path) -> None:
    file = str(tmp_path / "shared.duckdb")
    with duckml.connect(file) as con:
        make_line(con)
    with duckml.connect(file, read_only=True) as con:
        code = (
            f"import duckml; con = duckml.connect({file!r}, read_only=True); "
            "print(con.execute('SELECT round(PREDICT(line, x := 1))').fetchall())"
        )
        assert python(code).stdout.strip() == "[(3.0,)]"
        with pytest.raises(errors.ReadOnlyError, match="is open read-only"):
            con.execute(f"CREATE MODEL other {LINE} AS FROM points")


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    """A write that fails leaves nothing half-written."""
    file = tmp_path / "full.duckdb"
    with duckml.connect(str(file)) as con:
        make_line(con)
    size = os.path.getsize(file)
    code = f"""
import resource, duckml, sklearn.linear_model, skl2onnx, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
con = duckml.connect({str(file)!r})
con.execute("SET checkpoint_threshold = '1KB'")
resource.setrlimit(resource.RLIMIT_FSIZE, ({size} + 2000, {size} + 2000))
try:
    con.execute("CREATE MODEL wide OPTIONS (target = 'y', max_iter = 1, "
                "hidden_layer_sizes = [600, 600]) AS FROM points").fetchall()
    print("stored")
except Exception as error:
    print(type(error).__name__)
"""
    answer = python(code)
    assert answer.stdout.strip() not in {"", "stored"}, answer.stderr
    with duckml.connect(str(file)) as con:
        assert [row[2] for row in con.execute("SHOW MODELS").fetchall()] in (
            ["line"],
            ["line", "wide"],
        )
        assert con.execute("SELECT round(PREDICT(line, x := 1))").fetchall() == [(3.0,)]


def test_a_damaged_artifact_is_refused_in_a_view_too(tmp_path: Path) -> None:
    file = str(tmp_path / "damaged.duckdb")
    with duckml.connect(file) as con:
        make_line(con)
        con.execute("CREATE VIEW v AS SELECT PREDICT(line) AS p FROM points")
    with duckdb.connect(file) as plain:
        [(onnx,)] = plain.execute("SELECT onnx FROM _duckml.artifact").fetchall()
        flipped = bytearray(onnx)
        flipped[len(onnx) // 2] ^= 1
        plain.execute("UPDATE _duckml.artifact SET onnx = ?", [bytes(flipped)])
    code = f"""
import duckml
con = duckml.connect({file!r})
for sql in ("SELECT PREDICT(line) FROM points", "FROM v"):
    try:
        con.execute(sql).fetchall()
    except Exception as error:
        print(type(error).__name__, "is damaged: its bytes have the SHA-256" in str(error))
try:
    con.model("line").onnx
except Exception as error:
    print(type(error).__name__)
"""
    answer = python(code)
    assert answer.stdout.split("\n")[:3] == [
        "ArtifactError True",
        "InvalidInputException True",
        "ArtifactError",
    ]
