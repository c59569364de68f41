"""The wheel carries what the package needs: SQL files, examples with their data, types."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_wheel_is_complete(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    [wheel] = tmp_path.glob("duckml-*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
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
    assert wanted - names == set()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"duckml"}
