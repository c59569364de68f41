"""The contents of the wheel: SQL files, examples with their data, types."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import duckml
from tests.conftest import needs

ROOT = Path(__file__).parent.parent


PACKAGED = {
    "duckml/py.typed",
    "duckml/connection.py",
    "duckml/estimators/table.py",
    "duckml/sql/schema.sql",
    "duckml/sql/queries.sql",
    "duckml/sql/writes.sql",
    "duckml/sql/comments.sql",
    "duckml/examples/house_prices.py",
    "duckml/examples/house_prices.sql",
    "duckml/examples/data/house_prices.parquet",
}
EXTENSION = "duckml/duckml.duckdb_extension"
# What a build or a test leaves in the source folder.
BUILT = (".*", "*.egg-info", "*.duckdb_extension", "__pycache__", "build", "target")


def wheel_names(wheel: Path) -> set[str]:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name.split("/")[0].split("-")[0] for name in names} == {"duckml"}
    return names


def build_wheel(source: Path, folder: Path, **environment: str) -> str:
    """Put a wheel into a folder and return what pip reports."""
    options = ["-v", "--no-deps", "--wheel-dir", str(folder)]
    ran = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", *options, "."],
        check=True,
        capture_output=True,
        text=True,
        timeout=300,
        cwd=source,
        env={**os.environ, **environment},
    )
    return ran.stdout + ran.stderr


@needs("native engine")
def test_the_wheel_is_complete(tmp_path: Path) -> None:
    build_wheel(ROOT, tmp_path)
    [wheel] = tmp_path.glob("duckml-*.whl")
    assert {*PACKAGED, EXTENSION} - wheel_names(wheel) == set()
    assert "-py3-none-" in wheel.name
    assert "-any" not in wheel.name


def test_without_cargo_the_wheel_has_no_native_engine_and_pip_reports_it(tmp_path: Path) -> None:
    source, no_programs = tmp_path / "source", tmp_path / "no_programs"
    no_programs.mkdir()
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(*BUILT))
    stale = source / "build" / "lib" / "duckml" / "duckml.duckdb_extension"  # of an earlier build
    stale.parent.mkdir(parents=True)
    stale.write_bytes(b"stale")
    reported = build_wheel(source, tmp_path, PATH=str(no_programs))
    assert "duckml is installed without its native engine: cargo is not installed" in reported
    [wheel] = tmp_path.glob("duckml-*-py3-none-any.whl")
    names = wheel_names(wheel)
    assert PACKAGED - names == set()
    assert not any(name.endswith(".duckdb_extension") for name in names)


def version_in(*path: str, table: str) -> str:
    return tomllib.loads(ROOT.joinpath(*path).read_text(encoding="utf-8"))[table]["version"]


def test_the_crate_has_the_version_of_the_package() -> None:
    crate = version_in("native", "Cargo.toml", table="package")
    assert crate == version_in("pyproject.toml", table="project")


@needs("native engine")
def test_the_engine_has_the_version_of_the_package() -> None:
    with duckml.connect() as con:
        query = "SELECT extension_version FROM duckdb_extensions() WHERE extension_name = 'duckml'"
        package = version_in("pyproject.toml", table="project")
        assert con.execute(query).fetchone() == (f"v{package}",)
