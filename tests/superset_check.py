"""A real Superset that charts a prediction from duckml's server, for `make test-superset`.

The steps are those of superset.py.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import duckml
from tests.requirements import REQUIREMENTS
from tests.serving import PASSWORD, make_users, serving

ROOT = Path(__file__).parent.parent
HOUSES = ROOT / "examples" / "data" / "house_prices.parquet"
ZIPCODES = (98003, 98028, 98038, 98053, 98074, 98125, 98136, 98146, 98178, 98198)


def main() -> int:
    """Serve the houses of ten zip codes to Superset; return its exit code."""
    chromium = REQUIREMENTS["Chromium"]
    if os.environ.get("DUCKML_REQUIRE_ALL") and not chromium.is_present():
        sys.exit(f"Chromium is missing: {chromium.remedy}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "houses.duckdb"
        with duckml.connect(str(path)) as con:
            con.execute(
                "CREATE TABLE house_prices AS SELECT row_number() OVER () AS id, price, "
                "sqft_living, zipcode, date::DATE AS sold "
                f"FROM '{HOUSES}' WHERE zipcode IN {ZIPCODES}"
            )
            con.execute(
                "CREATE MODEL house_price OPTIONS (target = 'price') AS "
                "SELECT price, sqft_living, zipcode FROM house_prices"
            )
            con.execute(
                "CREATE VIEW valued AS "
                "SELECT zipcode, price, PREDICT(house_price) AS fair FROM house_prices"
            )
        make_users(Path(folder) / "users")
        with serving(path, "--users", Path(folder) / "users") as server:
            uri = f"postgresql://read:{PASSWORD}@127.0.0.1:{server.port}/houses"
            command = [
                ROOT / ".venv-superset" / "bin" / "python",
                ROOT / "tests" / "superset.py",
                "--uri",
                uri,
            ]
            command += ["--schema", "main", "--home", folder]
            if chromium.is_present():
                command += ["--screenshot", Path(folder) / "superset.png"]
            code = subprocess.run([str(part) for part in command], check=False).returncode
    if not chromium.is_present():
        print(f"Not tried: the chart in Chromium: {chromium.remedy}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
