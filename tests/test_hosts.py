"""Other programs with DuckDB in them predict from a file that Python wrote, without Python: Java, Node, the CLI.

One extension serves DuckDB 2.x, which the JDBC driver has, and 1.5.6, which Node's package and the CLI have.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import duckml
from duckml import inference, native

pytestmark = pytest.mark.filterwarnings("ignore::duckml.ModelWarningMessage")
HOSTS = Path(__file__).parent / "hosts"
JDBC = "2.0.0.1"
NODE = "1.5.6-r.1"


def run(*command: object, folder: Path) -> str:
    ran = subprocess.run(
        [str(part) for part in command], cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def written(path: Path, config: dict[str, str] | None = None) -> list[str]:
    """A file with a model and a view over it; what they answer for its first rows."""
    with duckml.connect(str(path), config=config) as con:
        con.execute(
            "CREATE TABLE houses AS SELECT i::DOUBLE AS a, ['x', 'y', 'a long category name'][i % 3 + 1] AS c, "
            "2 * i + i % 7 AS price FROM range(500) t(i)"
        )
        con.execute("CREATE MODEL house_price OPTIONS (target = 'price', max_iter = 5) AS FROM houses").fetchall()
        con.execute("CREATE VIEW fair AS SELECT *, PREDICT(house_price) AS fair FROM houses")
        rows = con.execute("SELECT a, fair FROM fair ORDER BY a LIMIT 3").fetchall()
        [(five,)] = con.execute("SELECT PREDICT(house_price, a := 5, c := 'y')").fetchall()
    return [*(f"{a} {fair}" for a, fair in rows), str(five)]


@pytest.mark.skipif(shutil.which("mvn") is None, reason="needs Java and Maven")
def test_a_java_program_predicts_through_jdbc(tmp_path: Path) -> None:
    expected = written(tmp_path / "houses.duckdb")
    artifact = f"org.duckdb:duckdb_jdbc:{JDBC}"
    run("mvn", "--quiet", "dependency:copy", f"-Dartifact={artifact}", f"-DoutputDirectory={tmp_path}", folder=tmp_path)
    run("javac", "-d", tmp_path, HOSTS / "Predict.java", folder=tmp_path)
    classes = f"{tmp_path}:{tmp_path}/duckdb_jdbc-{JDBC}.jar"
    program = ["java", "-cp", classes, "Predict", "houses.duckdb"]
    answer = run(*program, native.EXTENSION, inference.library(), sys.executable, folder=tmp_path)
    assert answer.splitlines() == [*expected, "free"]
    with duckml.connect(str(tmp_path / "houses.duckdb")) as con:
        assert con.execute("SELECT count(*) FROM predicted").fetchone() == (500,)


@pytest.mark.skipif(shutil.which("npm") is None, reason="needs Node")
def test_a_node_program_predicts(tmp_path: Path) -> None:
    expected = written(tmp_path / "houses.duckdb", {"storage_compatibility_version": "v1.5.0"})
    run("npm", "install", "--silent", "--no-audit", "--no-fund", f"@duckdb/node-api@{NODE}", folder=tmp_path)
    shutil.copyfile(HOSTS / "predict.mjs", tmp_path / "predict.mjs")
    answer = run("node", "predict.mjs", "houses.duckdb", native.EXTENSION, inference.library(), folder=tmp_path)
    found = [[float(value) for value in line.split()] for line in answer.splitlines()]
    assert found == [[float(value) for value in line.split()] for line in expected[:3]]


def test_the_command_line_of_duckdb_predicts(tmp_path: Path) -> None:
    expected = written(tmp_path / "houses.duckdb", {"storage_compatibility_version": "v1.5.0"})
    recipe = (
        f"LOAD '{native.EXTENSION}'; SELECT duckml_runtime('{inference.library()}'); "
        "SELECT a || ' ' || predict_house_price(h) FROM houses h ORDER BY a LIMIT 3; "
        "SELECT a || ' ' || fair FROM fair ORDER BY a LIMIT 3"
    )
    command = [
        Path(sys.executable).with_name("duckdb"),
        "-unsigned",
        "-csv",
        "-noheader",
        "houses.duckdb",
        "-c",
        recipe,
    ]
    answer = run(*command, folder=tmp_path).splitlines()
    assert answer[-6:] == [*expected[:3], *expected[:3]]
