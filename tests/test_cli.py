"""The command line: data on standard output, messages on standard error, and exit codes."""

from __future__ import annotations

import csv
import importlib.metadata
import io
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import needs

DUCKML = str(Path(sys.executable).parent / "duckml")
TRAIN = (
    "CREATE TABLE t AS SELECT i::DOUBLE AS x, 2.0::DOUBLE * i + 1 AS y FROM range(1000) r(i); "
    "CREATE MODEL line "
    "OPTIONS (target = 'y', estimator = 'linear_regression', precision = 'float64') AS FROM t"
)


def duckml(*arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [DUCKML, *arguments], input=stdin, capture_output=True, text=True, timeout=120, check=False
    )


def test_sql_prints_tables_and_narrates_elsewhere(file: str) -> None:
    answer = duckml("sql", file, "-c", TRAIN)
    assert answer.returncode == 0
    assert "          model  line\n" in answer.stdout
    assert "leakage_suspect" in answer.stderr
    answer = duckml("sql", file, "-c", "SELECT round(PREDICT(line, x := 1)) AS p")
    assert (
        answer.stdout
        == "┌────────┐\n│   p    │\n│ double │\n├────────┤\n│    3.0 │\n└────────┘\n\n"
    )
    assert answer.stderr == ""
    assert "line" in duckml("sql", file, "-c", "SHOW MODELS").stdout
    assert "   target y  DOUBLE" in duckml("sql", file, "-c", "DESCRIBE MODEL line").stdout


def test_csv_and_json_are_what_duckdb_writes(file: str) -> None:
    query = (
        "SELECT 1 AS a, NULL AS n, '' AS e, 'x,\"y\"' AS q, DATE '2020-01-01' AS d, [1, 2] AS l, "
        "{'k': true} AS s, "
        "1.50::DECIMAL(9, 2) AS m, 'infinity'::DATE AS i, 'é😀' AS u, 2 AS a"
    )
    answer = duckml("sql", file, "--format", "csv", "-c", query)
    assert (
        answer.stdout.splitlines()[1]
        == '1,,"","x,""y""",2020-01-01,"[1, 2]",{\'k\': true},1.50,infinity,é😀,2'
    )
    assert next(csv.reader(io.StringIO(answer.stdout)))[0] == "a"
    [row] = json.loads(duckml("sql", file, "--format", "json", "-c", query).stdout)
    assert row["l"] == [1, 2]
    assert row["s"] == {"k": True}
    assert row["n"] is None
    assert row["u"] == "é😀"
    assert len(row) == 11
    assert (
        json.loads(
            duckml("sql", file, "--format", "json", "-c", "SELECT 1 AS a WHERE false").stdout
        )
        == []
    )


def test_statements_without_rows_print_nothing(file: str) -> None:
    script = (
        "CREATE TABLE t (a INT); INSERT INTO t VALUES (1); SET threads = 2; "
        "DROP MODEL IF EXISTS nothing"
    )
    assert duckml("sql", file, "--format", "csv", "-c", script).stdout == ""
    assert (
        duckml("sql", file, "--format", "csv", "-c", 'SELECT 1 AS "Success", 2 AS "Count"').stdout
        == "Success,Count\n1,2\n"
    )


def test_rows_of_every_kind_of_statement_are_shown(file: str) -> None:
    script = (
        "CREATE TABLE answer AS SELECT 1 AS a; "
        "INSERT INTO answer VALUES (7) RETURNING a + 1 AS returned; "
        "SELECT 42 AS answer, 1 AS b; PIVOT answer ON a USING count(*)"
    )
    answer = duckml("sql", file, "--format", "json", "-c", script)
    rows = [json.loads(line)[0] for line in answer.stdout.splitlines()]
    assert rows == [{"returned": 8}, {"answer": 42, "b": 1}, {"1": 1, "7": 1}]
    assert "answer" in duckml("sql", file, "-c", "DELETE FROM answer RETURNING a AS answer").stdout


def test_a_file_of_statements_stops_at_the_first_error_and_says_where(
    tmp_path: Path, file: str
) -> None:
    script = tmp_path / "script.sql"
    script.write_text(
        "SELECT 1 AS one;\n\n-- a comment\nSELECT nope\nFROM range(3);\nSELECT 2 AS two;",
        encoding="utf-8",
    )
    answer = duckml("sql", file, "-f", str(script))
    assert answer.returncode == 1
    assert "one" in answer.stdout
    assert "two" not in answer.stdout
    assert f'Error: {script}:4: Binder Error: Referenced column "nope" not found' in answer.stderr


def test_statements_come_from_standard_input(file: str) -> None:
    assert "42" in duckml("sql", file, stdin="SELECT 42").stdout
    assert "42" in duckml("sql", file, "-f", "-", stdin="SELECT 42").stdout
    answer = duckml("shell", file, stdin="SELECT 42; SELECT nope;")
    assert "42" in answer.stdout
    assert answer.returncode == 1


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (["sql", "/no/such/folder/x.duckdb", "-c", "SELECT 1"], 1, "Error: IO Error"),
        (["sql", __file__, "-c", "SELECT 1"], 1, "not a valid DuckDB database file"),
        (["sql", ":memory:", "-f", "/no/such/file.sql"], 1, "No such file"),
        (["sql", ":memory:", "-c", "SELECT PREDICT(m)"], 1, "Error: No model named 'm'."),
        (
            ["sql", ":memory:", "-c", "CREATE MODEL m OPTIONS (target = 'y' AS SELECT 1"],
            1,
            "This bracket is never closed",
        ),
        (
            ["sql", ":memory:", "--device", "cuda", "-c", "SELECT 1"],
            1,
            "Device 'cuda' was requested",
        ),
        (["sql", ":memory:", "--device", "tpu", "-c", "SELECT 1"], 1, "Unknown device 'tpu'"),
        (["sql"], 2, "usage: duckml sql"),
        (["frobnicate"], 2, "invalid choice"),
        ([], 2, "usage: duckml"),
    ],
)
def test_what_goes_wrong_has_an_exit_code_and_no_traceback(
    arguments: list[str], code: int, text: str
) -> None:
    answer = duckml(*arguments)
    assert answer.returncode == code
    assert text in answer.stderr
    assert "Traceback" not in answer.stderr
    assert answer.stdout == ""


def test_odd_bytes_are_no_traceback(tmp_path: Path, file: str) -> None:
    script = tmp_path / "latin.sql"
    script.write_bytes(b"SELECT '\xff'")
    answer = duckml("sql", file, "-f", str(script))
    assert answer.returncode == 1
    assert "Traceback" not in answer.stderr
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    ascii_only = subprocess.run(
        [DUCKML, "sql", file, "-c", "SELECT 'é' AS a"],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert ascii_only.returncode == 0


def test_a_closed_pipe_is_quiet(file: str) -> None:
    command = f"{DUCKML} sql {file} --format csv -c 'SELECT i FROM range(200000) t(i)' | head -1"
    answer = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert answer.stdout == "i\n"
    assert answer.stderr == ""


def test_version_and_devices() -> None:
    assert duckml("--version").stdout.startswith(
        f"duckml {importlib.metadata.version('duckml')}, duckdb 2."
    )
    answer = duckml("devices")
    assert [line.split()[0] for line in answer.stdout.splitlines()] == ["cuda", "openvino", "cpu"]
    assert "CPUExecutionProvider        ready" in answer.stdout
    assert "pip install onnxruntime-gpu" in answer.stdout


def test_ctrl_c_ends_a_query_with_130(file: str) -> None:
    query = "SELECT sum(x.i * y.j) FROM range(200000) x(i), range(200000) y(j)"
    process = subprocess.Popen(
        [DUCKML, "sql", file, "-c", query],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not Path(file).exists():  # imports are over when DuckDB opens the file
        time.sleep(0.05)
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    _, narration = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "Interrupted. The statement that was running stored nothing." in narration
    assert "Traceback" not in narration


class Terminal:
    """A shell on a pseudo-terminal."""

    def __init__(self, *arguments: str, home: Path) -> None:
        pid, self.master = pty.fork()
        if pid == 0:
            os.environ.update(
                {"TERM": "xterm", "XDG_STATE_HOME": str(home), "COLUMNS": "100", "LINES": "40"}
            )
            os.execv(DUCKML, [DUCKML, *arguments])
        self.pid = pid
        self.seen = ""

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def wait_for(self, text: str, seconds: float = 120, again: str = "") -> None:
        """Read until a text appears; type `again` every two seconds until then."""
        end = time.monotonic() + seconds
        typed = time.monotonic()
        while text not in self.seen:
            assert time.monotonic() < end, f"{text!r} did not come: {self.seen[-2000:]!r}"
            if again and time.monotonic() > typed + 2:
                self.type(again)
                typed = time.monotonic()
            if select.select([self.master], [], [], 0.2)[0]:
                try:
                    chunk = os.read(self.master, 65536).decode(errors="replace")
                except OSError:  # the other end is closed
                    assert text in self.seen, self.seen[-2000:]
                    return
                self.seen += chunk
                if "\x1b[6n" in chunk:  # prompt_toolkit asks where the cursor is
                    os.write(self.master, b"\x1b[1;1R")

    def clear(self) -> None:
        self.seen = ""

    def end(self) -> int:
        _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status)


@needs("terminals")
def test_the_shell_has_lines_completion_errors_and_ctrl_c(tmp_path: Path, file: str) -> None:
    duckml("sql", file, "-c", TRAIN)
    shell = Terminal("shell", file, home=tmp_path)
    shell.wait_for("duckml>")
    shell.type("SELECT round(\r")
    shell.wait_for("      >")
    shell.type("PREDICT(line, x := 4)) AS answer;\r")
    shell.wait_for("9.0")
    shell.clear()
    shell.type("SELECT nope;\r")
    shell.wait_for('Referenced column "nope"')
    shell.clear()
    shell.type("SELECT PREDICT(li\t")
    shell.wait_for("line")
    shell.type("\x03")
    shell.clear()
    shell.type("SELECT sum(x.i * y.j) FROM range(200000) x(i), range(200000) y(j);\r")
    # Before the query runs, Ctrl-C would only empty the line.
    shell.wait_for("Interrupted.", again="\x03")
    shell.clear()
    shell.type("SELECT 40 + 2 AS still_here;\r")
    shell.wait_for("42")
    shell.type(".quit\r")
    assert shell.end() == 0
    assert "PREDICT(line, x := 4)" in (tmp_path / "duckml" / "history").read_text(encoding="utf-8")


@needs("terminals")
def test_progress_is_drawn_on_a_terminal_only(tmp_path: Path) -> None:
    statement = (
        "CREATE MODEL m OPTIONS (target = 'y', max_iter = 60, n_iter_no_change = 60) AS "
        "SELECT random() AS x, random() AS z, random() AS y FROM range(20000)"
    )
    terminal = Terminal("sql", ":memory:", "-c", statement, home=tmp_path)
    terminal.wait_for("training")
    terminal.wait_for("validation")
    terminal.wait_for("stop_reason")
    assert terminal.end() == 0
    assert "training:" not in duckml("sql", ":memory:", "-c", statement.replace("60", "3")).stderr
