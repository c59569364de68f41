"""Files of every released registry format: data/registry_format_<n>.duckdb.

The release that introduced a format wrote its file, which never changes. It holds a table `points`
with the columns x, k and y, and a model `line` with two versions, trained on the table with k as a
category. A view `fair` uses PREDICT(line). Since format 2 there is an alias `champion` of version 2
and a classifier `one` with a TRANSFORM.
"""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest

import duckml
from duckml.registry import registry
from duckml.registry.new_version import VersionColumns

FILES = sorted((Path(__file__).parent / "data").glob("registry_format_*.duckdb"))

pytestmark = pytest.mark.filterwarnings("ignore::duckml.ModelWarningMessage")


def test_there_is_a_file_of_every_format() -> None:
    assert [int(file.stem.rsplit("_", 1)[1]) for file in FILES] == list(
        range(1, registry.FORMAT + 1)
    )


def test_every_field_of_a_version_is_a_column_of_its_table(line: duckml.Connection) -> None:
    query = "SELECT column_name FROM (DESCRIBE _duckml.model_version)"
    columns = {name for (name,) in line.execute(query).fetchall()}
    fields = {field.name for field in dataclasses.fields(VersionColumns)}
    added = {"schema_key", "name_key", "version", "artifact_key", "target", "size_bytes"}
    assert columns == fields | added | {"created_at", "created_by"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_of_an_older_release_predicts_and_accepts_new_versions(
    file: Path, tmp_path: Path
) -> None:
    with duckml.connect(str(file), read_only=True) as con:
        assert con.execute("SELECT count(*), max(abs(p - y)) < 1e-3 FROM fair").fetchall() == [
            (70, True)
        ]
        assert con.execute("SELECT PREDICT(line@1, 1, 2) < 0").fetchall() == [(True,)]
        assert con.model("line").version == 2
        number = int(file.stem.rsplit("_", 1)[1])
        assert len(con.execute("SHOW MODELS").fetchall()) == (1 if number == 1 else 2)
        assert isinstance(con.execute("FROM WEIGHTS(MODEL line)").fetchall(), list)
        if number >= 2:
            assert con.execute("SELECT MODEL_VERSION(line@champion)").fetchall() == [
                ("main.line@2",)
            ]
            assert con.execute(
                "SELECT count(*) FROM points WHERE PREDICT(one) = one"
            ).fetchall() == [(70,)]
            assert con.execute(
                "SELECT PREDICT_PROBA(one)[true] > 0.5 FROM points WHERE x = 1"
            ).fetchall() == [(True,)]
            assert con.execute(
                "SELECT accuracy FROM EVALUATE(MODEL one, TABLE points)"
            ).fetchall() == [(1.0,)]
        assert con.execute("SELECT row_count FROM EVALUATE(MODEL line)").fetchone()[0] > 0
        assert con.execute("FROM TRAINING_INFO(MODEL line)").fetchall()
        assert len(con.execute("FROM FEATURE_INFO(MODEL line)").fetchall()) == 2
        assert con.execute("DESCRIBE MODEL line").fetchall()
    copy = str(tmp_path / "renamed.duckdb")
    shutil.copy(file, copy)
    with duckml.connect(copy) as con:
        con.execute(
            "CREATE OR REPLACE MODEL line OPTIONS (target = 'y', max_iter = 2) AS SELECT x, k, y "
            "FROM points"
        )
        assert con.model("line").version == 3
        assert con.execute("SELECT version FROM _duckml.format").fetchall() == [(registry.FORMAT,)]
        con.execute("ALTER MODEL line SET ALIAS old = 1")
        assert con.execute("SELECT MODEL_VERSION(line@old)").fetchall() == [("main.line@1",)]
        con.execute("CREATE MODEL copied FROM MODEL line@2; RETRAIN MODEL copied")
        assert con.execute("SELECT MODEL_VERSION(copied)").fetchall() == [("main.copied@2",)]
        con.execute("DROP MODEL copied")
    with duckml.connect() as con:
        con.execute(f"ATTACH '{copy}' AS other (READ_ONLY)")
        assert con.execute("SELECT count(p) FROM other.fair").fetchall() == [(70,)]
        assert con.execute(
            "SELECT count(other.predict_line(p)) FROM other.points p"
        ).fetchall() == [(70,)]
        assert con.execute(
            "SELECT count(*) FROM other.predict_line('other.points')"
        ).fetchall() == [(70,)]
