"""Java and Node, which predict from a file that Python wrote, without Python.

The programs are those of docs/how-to/without-python.md; test_docs.py runs its other blocks. One
extension runs in DuckDB 2.x, which the JDBC driver has, and in 1.5.6, which Node's package has.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import duckml
from duckml.engines import native
from duckml.engines.devices import onnxruntime_library
from tests.conftest import needs
from tests.serving import fetch_jar, run_program
from tests.test_docs import ROOT, blocks, statements

pytestmark = pytest.mark.filterwarnings("ignore::duckml.ModelWarningMessage")
PAGE = ROOT / "docs" / "how-to" / "without-python.md"
JDBC = "2.0.0.1"
NODE = "1.5.6-r.1"


@pytest.fixture
def expected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Create the files of the page in a folder, and return the results of its programs."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    with duckml.connect("houses.duckdb") as con:
        for kind, text in blocks(PAGE):
            for sql in statements(text) if kind == "sql" else []:
                con.execute(sql).fetchall()
        return [
            con.execute("SELECT PREDICT(house_price) FROM for_sale").fetchone()[0],
            con.execute(
                "SELECT PREDICT(house_price, sqft_living := 2000, bathrooms := 2.5, grade := 9)"
            ).fetchone()[0],
        ]


def program(kind: str) -> str:
    [text] = [text for found, text in blocks(PAGE) if found == kind]
    return text


def run_node(text: str, folder: Path) -> str:
    """Run a program with Node and DuckDB's package for it."""
    package = f"@duckdb/node-api@{NODE}"
    install = ("npm", "install", "--silent", "--no-audit", "--no-fund", package)
    run_program(*install, folder=folder)
    (folder / "program.mjs").write_text(text, encoding="utf-8")
    command = ("node", "program.mjs", native.EXTENSION, onnxruntime_library())
    return run_program(*command, folder=folder)


@needs("native engine", "Java")
def test_a_java_program_predicts_through_jdbc(expected: list[float], tmp_path: Path) -> None:
    fetch_jar(f"org.duckdb:duckdb_jdbc:{JDBC}", tmp_path)
    (tmp_path / "Predict.java").write_text(program("java"), encoding="utf-8")
    run_program("javac", "Predict.java", folder=tmp_path)
    classes = f"{tmp_path}:{tmp_path}/duckdb_jdbc-{JDBC}.jar"
    answer = run_program(
        "java", "-cp", classes, "Predict", native.EXTENSION, onnxruntime_library(), folder=tmp_path
    )
    assert [float(line) for line in answer.splitlines()] == expected
    assert not (tmp_path / "houses.duckdb.wal").exists()
    with duckml.connect("houses.duckdb") as con:
        assert con.execute("SELECT fair FROM offered").fetchone()[0] == expected[0]


AGAIN = """
import { DuckDBInstance } from '@duckdb/node-api';
const [extension, onnxruntime] = process.argv.slice(2);
const config = { allow_unsigned_extensions: 'true' };
for (let opened = 0; opened < 6; opened++) {
  const instance = await DuckDBInstance.create('for_1_5.duckdb', config);
  const con = await instance.connect();
  await con.run(`LOAD '${extension}'`);
  await con.run(`SELECT duckml_runtime('${onnxruntime}')`);
  await con.run('CREATE TABLE IF NOT EXISTS log (n INTEGER)');
  await con.run('INSERT INTO log SELECT 1 FROM offers, range(1000)');
  console.log(String((await con.runAndReadAll('SELECT count(*) FROM log')).getRows()[0][0]));
  await new Promise((done) => setTimeout(done, 130));
  con.closeSync();
  instance.closeSync();
}
"""


@needs("native engine", "Node")
def test_a_node_program_that_opens_a_file_repeatedly_loses_nothing(
    expected: list[float], tmp_path: Path
) -> None:
    """Node can open a second instance of a file, so the first must not outlive its use."""
    answer = run_node(AGAIN, tmp_path)
    assert answer.split() == ["1000", "2000", "3000", "4000", "5000", "6000"]


POOL = """
import { DuckDBInstance } from '@duckdb/node-api';
const [extension, onnxruntime] = process.argv.slice(2);
const config = { allow_unsigned_extensions: 'true' };
const instance = await DuckDBInstance.create('for_1_5.duckdb', config);
const load = [`LOAD '${extension}'`, `SELECT duckml_runtime('${onnxruntime}')`];
for (const query of [...load, 'SELECT fair FROM offers']) {
  const con = await instance.connect();
  const rows = await con.runAndReadAll(query);
  if (query.startsWith('SELECT fair')) console.log(rows.getRows()[0][0]);
  con.closeSync();
  await new Promise((done) => setTimeout(done, 500));
}
"""


@needs("native engine", "Node")
def test_a_node_program_with_short_connections_predicts(
    expected: list[float], tmp_path: Path
) -> None:
    answer = run_node(POOL, tmp_path)
    assert [float(value) for value in answer.split()] == expected[:1]


@needs("native engine", "Node")
def test_a_node_program_predicts(expected: list[float], tmp_path: Path) -> None:
    answer = run_node(program("javascript"), tmp_path)
    assert [float(value) for value in answer.split()] == [expected[0], expected[0]]
