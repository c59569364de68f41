"""`duckml check`: the models of a file, compared with the predictions stored at their creation.

It finds what an upgrade of onnxruntime, another device or a damaged disk has changed.
"""

from __future__ import annotations

import argparse
import functools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from duckml.cli.exit_codes import ExitCode
from duckml.cli.output import print_message
from duckml.cli.scripts import open_connection
from duckml.database.sessions import Native
from duckml.engines.devices import device_states
from duckml.engines.open_models import open_model
from duckml.engines.prediction_functions import call, installed_engine
from duckml.engines.predictor import Predictor
from duckml.language.prediction_sql import PREDICT_FUNCTION, PROBABILITIES_FUNCTION
from duckml.onnx_graphs.assembly import TOLERANCE
from duckml.registry import lookup, stored_artifacts
from duckml.registry.stored_model import StoredModel
from duckml.registry.stored_version import StoredVersion, background_rows, missing_macros
from duckml.training.parity import as_matrix, largest_difference, largest_relative_difference

_ARROW_TYPES = {"DOUBLE": pa.float64(), "BIGINT": pa.int64(), "VARCHAR": pa.string()}

_Predict = Callable[[Sequence[pa.Array]], pa.Array]


@dataclass(frozen=True)
class CheckResult:
    """The result for one version on one engine and device; `problem` is empty if there is none.

    `rows` is the number of stored rows that were predicted again. `difference` is the largest
    difference to the stored predictions: absolute for probabilities, else relative to the spread.
    """

    model: str
    engine: str
    device: str
    rows: int
    difference: float | None
    problem: str


def check_command(options: argparse.Namespace) -> int:
    """Check the models of a file and print a line for each model, engine and device."""
    if not Path(options.database).exists():
        raise FileNotFoundError(f"There is no file '{options.database}'.")
    failed = count = 0
    with open_connection(options) as con:
        for result in check_models(con, options.device):
            count += 1
            failed += bool(result.problem)
            print(_line(result))
    if count == 0:
        print_message("There are no models in this file.")
    else:
        print_message(f"{count - failed} of {count} checks passed.")
    return ExitCode.FAILED if failed else ExitCode.OK


def _line(result: CheckResult) -> str:
    measured = "no rows kept"
    if result.difference is not None:
        measured = f"{result.rows} rows, difference {result.difference:.1e}"
    verdict = f"FAILED: {result.problem}" if result.problem else f"ok      {measured}"
    return f"{result.model:<32}{result.engine}:{result.device:<10}{verdict}"


def check_models(con: Native, device: str) -> Iterator[CheckResult]:
    """Predict the stored rows of every version of every attached database again, and compare.

    The Python engine predicts on the named device, or with 'auto' on every device that starts. If
    the database has the native engine, that engine predicts too.
    """
    devices = [device]
    if device == "auto":
        devices = [state.name for state in device_states() if state.starts]
    targets = [("python", name) for name in devices]
    if installed_engine(con) == "native:cpu" and device in {"auto", "cpu"}:
        targets.append(("native", "cpu"))
    for model in lookup.all_models(con):
        for version in model.versions():
            try:
                stored = model.require_version(version)
            except Exception as error:  # a damaged registry can raise anything
                problem = f"the registry can't be read: {type(error).__name__}"
                name = f"{model.place.schema}.{model.name}@{version}"
                yield CheckResult(name, "python", "-", 0, None, problem)
                continue
            for engine, target_device in targets:
                yield _check_version(con, stored, engine, target_device)


def _check_version(con: Native, stored: StoredVersion, engine: str, device: str) -> CheckResult:
    rows: list[tuple[str, str]] = []
    difference = None
    try:
        rows = background_rows(con, stored)
        model = open_model(stored.key, stored_artifacts.require(con, stored.key), device)
        problem = _stored_problem(con, stored, model)
        if not problem and rows:
            predict: _Predict = model.raw_output
            if engine == "native":
                predict = _native_prediction(con, stored.key, model)
            difference = _largest_difference(model, predict, rows)
            problem = _difference_problem(difference)
    except duckdb.Error as error:
        problem = str(error)
    except Exception as error:  # onnxruntime's errors have no common class
        problem = f"{type(error).__name__}: {str(error).splitlines()[0]}"
    name = f"{stored.place.schema}.{stored.name}@{stored.version}"
    return CheckResult(name, engine, device, len(rows), difference, problem)


def _stored_problem(con: Native, stored: StoredVersion, model: Predictor) -> str:
    """Return what is wrong with a stored version, or an empty text."""
    if model.names != stored.signature.names:
        return "the signature in the registry is not that of the model"
    missing = missing_macros(con, stored, StoredModel.of(con, stored).aliases())
    if missing:
        return f"its function {missing[0]} was dropped, or another one has its name"
    return ""


def _difference_problem(difference: float) -> str:
    # Also for a model that was trained in double precision: processors round differently.
    tolerance = TOLERANCE["float32"]
    # NaN is a problem too.
    if not difference <= tolerance:
        return f"its predictions differ by {difference:.2e}, more than {tolerance:.0e}"
    return ""


def _native_prediction(con: Native, key: str, model: Predictor) -> _Predict:
    """Return a function that predicts with the native engine."""
    function = PROBABILITIES_FUNCTION if model.is_classifier else PREDICT_FUNCTION
    features = [feature.given_as for feature in model.features]
    return functools.partial(call, con, function, key, features)


def _largest_difference(
    model: Predictor, predict: _Predict, rows: Sequence[tuple[str, str]]
) -> float:
    """Return the largest difference to the stored predictions; infinite if one is missing."""
    features = [json.loads(features) for features, _ in rows]
    columns = [
        pa.array([row[feature.name] for row in features], _ARROW_TYPES[feature.storage])
        for feature in model.features
    ]
    now = as_matrix(predict(columns).to_pylist())
    then = as_matrix([json.loads(prediction) for _, prediction in rows])
    if now.shape != then.shape or (np.isnan(now) != np.isnan(then)).any():
        return float("inf")
    known = ~np.isnan(then)
    if not known.any():
        return 0.0
    if model.is_classifier:
        return largest_difference(then[known], now[known])
    scale = float(np.std(then[known])) or 1.0
    return largest_relative_difference(then[known], now[known], scale)
