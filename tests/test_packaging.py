"""The wheel carries what the package needs: SQL files, examples with their data, types."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import duckml

ROOT = Path(__file__).parent.parent


def test_the_wheel_is_complete(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--wheel-dir",
        str(tmp_path),
        str(ROOT),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    [wheel] = tmp_path.glob("duckml-*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        "duckml/py.typed",
        "duckml/duckml.duckdb_extension",
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
    assert wanted - names == set()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"duckml"}
    assert "-py3-none-" in wheel.name
    assert "-any" not in wheel.name


def test_without_cargo_it_installs_without_the_native_engine_and_says_so(tmp_path: Path) -> None:
    files = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True
    ).stdout
    for name in files.decode().split("\0"):
        if name and not name.startswith("docs/"):
            (tmp_path / "source" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, tmp_path / "source" / name)
    stale = (
        tmp_path / "source" / "build" / "lib" / "duckml" / "duckml.duckdb_extension"
    )  # of an earlier build
    stale.parent.mkdir(parents=True)
    stale.write_bytes(b"stale")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-v",
        "--no-deps",
        "--wheel-dir",
        str(tmp_path),
        ".",
    ]
    environment = {**os.environ, "PATH": "/usr/bin:/bin"}
    assert shutil.which("cargo", path=environment["PATH"]) is None
    ran = subprocess.run(
        command,
        check=True,
        capture_output=True,
        text=True,
        timeout=300,
        cwd=tmp_path / "source",
        env=environment,
    )
    assert (
        "duckml is installed without its native engine: there is no cargo here"
        in ran.stdout + ran.stderr
    )
    [wheel] = tmp_path.glob("duckml-*-py3-none-any.whl")
    assert not any(name.endswith(".duckdb_extension") for name in zipfile.ZipFile(wheel).namelist())


def test_the_engine_has_the_version_of_the_package() -> None:
    package = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "version"
    ]
    crate = tomllib.loads((ROOT / "native" / "Cargo.toml").read_text(encoding="utf-8"))["package"][
        "version"
    ]
    assert crate == package
    with duckml.connect() as con:
        query = "SELECT extension_version FROM duckdb_extensions() WHERE extension_name = 'duckml'"
        assert con.execute(query).fetchone() == (f"v{package}",)
