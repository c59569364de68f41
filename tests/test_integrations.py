"""The plugins for dbt and SQLAlchemy."""

from __future__ import annotations

import subprocess
import threading
import venv
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy
from sqlalchemy import text
from sqlalchemy.orm import Session

import duckml
from duckml.sqlalchemy import create_engine

pytestmark = pytest.mark.filterwarnings("ignore::duckml.ModelWarningMessage")
ROOT = Path(__file__).parent.parent


# SQLAlchemy


@pytest.fixture
def engine(file: str) -> sqlalchemy.Engine:
    engine = create_engine(f"duckdb:///{file}")
    with engine.begin() as con:
        con.execute(
            text("CREATE TABLE t AS SELECT i::DOUBLE AS x, 2 * i + 1.0 AS y FROM range(600) r(i)")
        )
        con.execute(
            text(
                "CREATE MODEL m OPTIONS (target = 'y', estimator = 'linear_regression') "
                "AS SELECT x, y FROM t"
            )
        )
    yield engine
    engine.dispose()


def test_predict_in_text_with_parameters(engine: sqlalchemy.Engine) -> None:
    with engine.connect() as con:
        assert (
            con.execute(text("SELECT round(PREDICT(m)) FROM t WHERE x = :x"), {"x": 10}).scalar()
            == 21
        )
        assert con.execute(text("SELECT round(PREDICT(m, x := :x))"), {"x": 100}).scalar() == 201
        assert con.execute(text("SHOW MODELS")).one()[2] == "m"
        with pytest.raises(sqlalchemy.exc.ProgrammingError, match="Did you mean m"):
            con.execute(text("SELECT PREDICT(mm) FROM t"))


def test_a_rollback_removes_a_new_version(engine: sqlalchemy.Engine) -> None:
    create = text(
        "CREATE OR REPLACE MODEL m OPTIONS (target = 'y', max_iter = 1) AS SELECT x, y "
        "FROM t WHERE x < :n"
    )
    with Session(engine) as session:
        session.execute(create, {"n": 300})
        assert session.execute(text("SELECT MODEL_VERSION(m)")).scalar() == "main.m@2"
        session.rollback()
        assert session.execute(text("SELECT MODEL_VERSION(m)")).scalar() == "main.m@1"
        session.execute(create, {"n": 300})
        session.commit()
    with engine.connect() as con:
        assert con.execute(text("SELECT MODEL_VERSION(m)")).scalar() == "main.m@2"
        lineage = con.execute(
            text("SELECT lineage FROM _duckml.versions WHERE version = 2")
        ).scalar()
    assert lineage == "trained with parameters"


def test_pandas_and_threads(engine: sqlalchemy.Engine) -> None:
    frame = pd.read_sql(text("SELECT x, PREDICT(m) AS p FROM t ORDER BY x"), engine)
    assert frame["p"].round().tolist() == [2 * i + 1 for i in range(600)]
    found: list[float] = []

    def ask() -> None:
        with engine.connect() as con:
            found.append(con.execute(text("SELECT sum(PREDICT(m)) FROM t")).scalar())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({round(value) for value in found}) == 1
    assert len(found) == 8


# dbt


PROJECT = {
    "dbt_project.yml": """
name: houses
version: '1.0'
profile: houses
model-paths: [models]
macro-paths: [macros]
models:
  +materialized: table
""",
    "profiles.yml": """
houses:
  target: dev
  outputs:
    dev:
      type: duckdb
      path: houses.duckdb
      threads: 4
      plugins:
        - module: duckml.dbt
""",
    "models/sold.sql": "SELECT i::DOUBLE AS area, 1000 * i + 5000.0 AS price FROM range(600) t(i)",
    "models/price.sql": """
{{ config(
    materialized = 'model',
    options = {'target': 'price', 'estimator': 'linear_regression'}
) }}
SELECT area, price FROM {{ ref('sold') }}
""",
    "models/fair.sql": """
-- depends_on: {{ ref('price') }}
SELECT s.area, predict_price(s) AS by_function, PREDICT({{ ref('price') }}) AS by_statement
FROM {{ ref('sold') }} s
""",
    "models/trained.py": """
def model(dbt, session):
    dbt.ref("sold")
    return session.execute(
        "CREATE OR REPLACE MODEL in_python OPTIONS (target = 'price', max_iter = 2) "
        "AS SELECT area, price FROM main.sold"
    ).to_arrow_table().select(["model", "version", "is_default"])
""",
    "models/hooked.sql": """
{{ config(post_hook = after_commit(
    "CREATE OR REPLACE MODEL hooked OPTIONS (target = 'price', max_iter = 1) "
    "AS SELECT area, price FROM main.sold"
)) }}
-- depends_on: {{ ref('price') }}
SELECT 1 AS one FROM {{ ref('sold') }} LIMIT 1
""",
}


@pytest.fixture(scope="session")
def dbt() -> str:
    """Install dbt and duckml in a separate environment: dbt pins old versions of packages."""
    folder = ROOT / ".venv-dbt"
    if not (folder / "ready").exists():
        venv.create(folder, clear=True, with_pip=True)
        pip = [
            str(folder / "bin" / "python"),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--editable",
            f"{ROOT}[dbt]",
        ]
        subprocess.run(pip, check=True, timeout=600)
        (folder / "ready").touch()
    return str(folder / "bin" / "dbt")


def macro() -> str:
    """Return the materialization that the documentation shows."""
    page = (ROOT / "docs" / "how-to" / "dbt.md").read_text(encoding="utf-8")
    return (
        page[page.index("{% materialization") : page.index("{% endmaterialization %}")]
        + "{% endmaterialization %}\n"
    )


def test_dbt_run_trains_and_predicts(dbt: str, tmp_path: Path) -> None:
    for name, content in {**PROJECT, "macros/duckml.sql": macro()}.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, encoding="utf-8")
    for version in (1, 2):
        command = [dbt, "run", "--profiles-dir", "."]
        answer = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=300
        )
        assert answer.returncode == 0, answer.stdout
        assert "PASS=5 WARN=0 ERROR=0" in answer.stdout
        with duckml.connect(str(tmp_path / "houses.duckdb")) as con:
            rows = con.execute(
                "SELECT count(*), max(abs(by_function - (1000 * area + 5000))) < 1 FROM fair"
            ).fetchall()
            assert rows == [(600, True)]
            assert con.execute(
                "SELECT bool_and(by_function = by_statement) FROM fair"
            ).fetchone() == (True,)
            assert con.execute("SELECT MODEL_VERSION(price)").fetchone() == (
                f"main.price@{version}",
            )
            assert con.execute("SELECT version FROM trained").fetchone() == (version,)
            assert con.execute("SELECT MODEL_VERSION(hooked)").fetchone() == (
                f"main.hooked@{version}",
            )
