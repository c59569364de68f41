"""100,000 calls of the native engine under AddressSanitizer: `make sanitize`.

They cover every type, NULLs and many sizes, in a real DuckDB with real models. The first error ends
the process with a report. It needs Linux and gcc's libasan.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import build  # native/build.py

CRATE = Path(__file__).parent
TARGET = "x86_64-unknown-linux-gnu"
CALLS = 100_000

TYPES = [
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
]
NUMBERS = [
    *TYPES,
    "FLOAT",
    "DOUBLE",
    "DECIMAL(4, 1)",
    "DECIMAL(9, 2)",
    "DECIMAL(18, 3)",
    "DECIMAL(38, 4)",
]
DOUBLES = [
    "'nan'::DOUBLE",
    "'inf'::DOUBLE",
    "'-inf'::DOUBLE",
    "1e39",
    "5e-324",
    "(i * 0.37)::DOUBLE",
    "random()",
]
TEXTS = [
    "repeat('x', (i % 40)::INTEGER)",
    "['a', 'bb', '', 'ü', 'a category with a long name'][i % 5 + 1]",
    "i::VARCHAR",
    "chr((i % 900)::INTEGER)",
    "repeat('long', 3000)",
    "'a'",
]
ENUMS = ["'s', 'bb', 'a category with a long name'", ", ".join(f"'e{n}'" for n in range(300))]
TIMES = {
    "DATE": ["DATE '2020-01-01' + (i % 5000)::INTEGER", "'infinity'::DATE"],
    "TIMESTAMP": ["TIMESTAMP '2020-01-01' + to_seconds(i * 977)", "'-infinity'::TIMESTAMP"],
}
SIZES = [0, 1, 2, 63, 64, 65, 127, 500, 2047, 2048, 2049, 4096, 5000]
WRONG = [
    "TIME '10:00'",
    "[i]",
    "{'a': i}",
    "'x'::BLOB",
    "INTERVAL 1 DAY",
    "uuid()",
    "MAP {'a': 1}",
    "'1'::BIT",
]


def main() -> None:
    """Build the crate, train models, and make the calls in a separate process."""
    # The sanitizer looks up the functions of C++ exceptions in libstdc++ when it starts.
    names = ["libasan.so", "libstdc++.so"]
    libraries = [
        subprocess.run(
            ["gcc", f"-print-file-name={name}"], capture_output=True, text=True, check=True
        ).stdout.strip()
        for name in names
    ]
    with tempfile.TemporaryDirectory() as folder:
        extension = _built(Path(folder))
        keys = _models(f"{folder}/models.duckdb")
        from duckml.engines.devices import onnxruntime_library

        environment = {
            **os.environ,
            "LD_PRELOAD": " ".join(libraries),
            "ASAN_OPTIONS": "detect_leaks=0:halt_on_error=1:abort_on_error=0:exitcode=99",
            "ORT_DYLIB_PATH": str(onnxruntime_library()),
        }
        command = [
            sys.executable,
            __file__,
            "calls",
            f"{folder}/models.duckdb",
            str(extension),
            *keys,
        ]
        sys.exit(subprocess.run(command, env=environment, check=False).returncode)


def _built(folder: Path) -> Path:
    # Stable Rust accepts the flag of the sanitizer only with RUSTC_BOOTSTRAP.
    environment = {**os.environ, "RUSTC_BOOTSTRAP": "1", "RUSTFLAGS": "-Zsanitizer=address"}
    options = ["--release", "--locked", "--target", TARGET, "--target-dir", "target/sanitize"]
    subprocess.run(
        ["cargo", "build", *options, "--config", "profile.release.strip=false"],
        cwd=CRATE,
        env=environment,
        check=True,
    )
    extension = folder / "duckml.duckdb_extension"
    built = CRATE / "target" / "sanitize" / TARGET / "release" / "libduckml.so"
    extension.write_bytes(built.read_bytes() + build.footer("v0"))
    return extension


def _models(path: str) -> list[str]:
    """Train three models in a file and return their keys.

    They predict a number, a class, and a number with a graph that encodes its category itself.
    """
    import warnings

    import numpy as np
    import pandas as pd
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    import duckml

    warnings.simplefilter("ignore")
    with duckml.connect(path, engine="python") as con:
        con.execute(
            "CREATE TABLE seen AS SELECT (i % 90)::DOUBLE AS n, i % 3 = 0 AS b, "
            "DATE '2020-01-01' + i::INTEGER AS d, TIMESTAMP '2020-01-01' + to_hours(i) AS t, "
            "['a', 'bb', 'a category with a long name'][i % 3 + 1] AS c, "
            "i % 7 AS z, i % 11 AS y FROM range(600) t(i)"
        )
        for name, target, estimator in (
            ("number", "y", "ridge"),
            ("class", "c", "logistic_regression"),
        ):
            columns = "n, b, d, t, z, y" + (", c" if target != "c" else ", c AS c")
            con.create_model(
                name, f"SELECT {columns} FROM seen", target, estimator, categorical=["z"]
            )
        frame = pd.DataFrame({"n": np.arange(90.0), "c": ["a", "bb", "ccc"] * 30})
        encoder = ColumnTransformer(
            [("c", OneHotEncoder(handle_unknown="ignore"), ["c"])], remainder="passthrough"
        )
        fitted = make_pipeline(encoder, LinearRegression()).fit(frame, frame["n"])
        con.register_model("foreign", fitted, frame, target="p")
        return [con.model(name).key for name in ("number", "class", "foreign")]


def _calls(path: str, extension: str, number: str, classes: str, foreign: str) -> None:
    """Make the calls in random queries."""
    import duckdb

    con = duckdb.connect(path, config={"allow_unsigned_extensions": "true"})
    con.execute(
        f"LOAD '{extension}'; SET threads = 2; "
        "CREATE TEMP TABLE t AS SELECT range AS i FROM range(5000)"
    )
    draw = random.Random(1)
    made = failed = 0
    while made < CALLS:
        size = draw.choice(SIZES)
        wrong = draw.random() < 0.05
        calls = [_call(draw, number, classes, foreign, wrong) for _ in range(20)]
        where = draw.choice(["", "WHERE hash(i) % 3 = 0", "WHERE i % 100 < 3"])
        query = f"SELECT {', '.join(calls)} FROM (FROM t LIMIT {size}) {where}"
        try:
            con.execute(query).fetchall()
        except duckdb.Error as error:
            failed += 1
            if not wrong:
                raise SystemExit(f"{error}\n{query}") from error
        made += len(calls) * max(1, -(-size // 2048))
    print(f"{made:,} calls, {failed} queries refused, nothing found")


def _call(draw: random.Random, number: str, classes: str, foreign: str, wrong: bool) -> str:
    values = [
        _null(draw, _number(draw)),
        _null(draw, "i % 2 = 0"),
        _null(draw, draw.choice(TIMES["DATE"])),
        _null(draw, draw.choice(TIMES["TIMESTAMP"])),
        _null(draw, f"(i % 100)::{draw.choice([t for t in TYPES if t != 'HUGEINT'])}"),
    ]
    text = _null(draw, _text(draw))
    if wrong and draw.random() < 0.3:
        values[draw.randrange(5)] = draw.choice(WRONG)
    match draw.randrange(4):
        case 0:
            return f"duckml_predict_double('{foreign}', {values[0]}, {text})"
        case 1:
            values.append(_null(draw, "i % 13::DOUBLE"))
            return f"duckml_predict_doubles('{classes}', {', '.join(values)})"
        case 2:
            values.append(_null(draw, _number(draw)))
            return f"duckml_predict_double('{classes}', {', '.join(values)})"
    return f"duckml_predict_double('{number}', {', '.join(values)}, {text})"


def _number(draw: random.Random) -> str:
    return draw.choice([*DOUBLES, *(f"(i % 100)::{kind}" for kind in NUMBERS)])


def _text(draw: random.Random) -> str:
    if draw.random() < 0.2:
        members = draw.choice(ENUMS)
        first = members.split(",")[0].strip()
        return f"{first}::ENUM({members})"
    return draw.choice(TEXTS)


def _null(draw: random.Random, value: str) -> str:
    return draw.choice(
        [value, value, f"CASE WHEN hash(i) % {draw.randint(1, 9)} > 0 THEN {value} END", "NULL"]
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["calls"]:
        _calls(*sys.argv[2:])
    else:
        main()
