"""The command that runs every benchmark and writes benchmarks/results.md.

Only ratios within one run are comparable, because the speed of machines differs.
"""

from __future__ import annotations

import platform
import sys
import warnings
from pathlib import Path

import duckdb
import onnxruntime
import sklearn

from benchmarks import latency, prediction, training
from benchmarks.measure import Table


def main() -> None:
    """Run the benchmarks that the arguments name, or all of them."""
    warnings.simplefilter("ignore")
    chosen = sys.argv[1:] or ["prediction", "training", "latency"]
    modules = {
        "prediction": prediction.tables,
        "training": training.tables,
        "latency": latency.tables,
    }
    tables: list[Table] = []
    for name in chosen:
        for table in modules[name]():
            print(table.markdown(), flush=True)
            tables.append(table)
    if not sys.argv[1:]:
        header = (
            "# Benchmarks\n\n"
            f"duckdb {duckdb.__version__}, onnxruntime {onnxruntime.__version__}, "
            f"scikit-learn {sklearn.__version__}, Python {platform.python_version()}, "
            f"{platform.machine()}. All rows of a table were measured in one run, "
            "the contenders taking turns; the best of the rounds counts. "
            "`make bench` writes this file.\n\n"
        )
        text = header + "\n".join(table.markdown() for table in tables)
        Path(__file__).with_name("results.md").write_text(text, encoding="utf-8")


main()
