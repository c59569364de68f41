"""`duckml check`: whether every model of a file still answers what it answered when it was stored.

An upgrade of onnxruntime, another device, or a damaged disk would show here and nowhere else.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa

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


@dataclass(frozen=True)
class Check:
    """What was found of one version on one engine and device: `problem` is empty when all is well.

    `rows` are the stored rows that were predicted again, `difference` the largest one to the stored answers, relative
    to their spread (of probabilities absolute).
    """

    model: str
    engine: str
    device: str
    rows: int
    difference: float | None
    problem: str


def check(con: Native, device: str) -> Iterator[Check]:
    """Load every artifact of every attached database, predict its stored rows again and compare.

    By the Python engine on the device named, or with 'auto' on every one that starts; and by the native engine where it
    serves the database.
    """
    names = (
        [state.name for state in device_states() if state.starts] if device == "auto" else [device]
    )
    places = [("python", name) for name in names]
    if installed_engine(con) == "native:cpu" and device in {"auto", "cpu"}:
        places.append(("native", "cpu"))
    for model in lookup.all_models(con):
        for version in model.versions():
            try:
                stored = model.require_version(version)
            except Exception as error:  # a damaged registry leads to several types
                problem = f"the registry can't be read: {type(error).__name__}"
                name = f"{model.place.schema}.{model.name}@{version}"
                yield Check(name, "python", "-", 0, None, problem)
                continue
            for on_engine, on_device in places:
                yield _check(con, stored, on_engine, on_device)


def _check(con: Native, stored: StoredVersion, on_engine: str, device: str) -> Check:
    place = stored.place
    name = f"{place.schema}.{stored.name}@{stored.version}"
    rows: list[tuple[str, str]] = []

    def found(difference: float | None, problem: str) -> Check:
        return Check(name, on_engine, device, len(rows), difference, problem)

    try:
        rows = background_rows(con, stored)
        onnx = stored_artifacts.require(con, stored.key)
        model = open_model(stored.key, onnx, device)
        answer: _Answer = model.raw_output
        if on_engine == "native":
            function = PROBABILITIES_FUNCTION if model.is_classifier else PREDICT_FUNCTION
            features = [feature.given_as for feature in model.features]
            answer = functools.partial(call, con, function, stored.key, features)
        if model.names != stored.signature.names:
            return found(None, "the signature in the registry is not that of the model")
        gone = missing_macros(con, stored, StoredModel.of(con, stored).aliases())
        if gone:
            return found(None, f"its function {gone[0]} is gone, or another one has its name")
        difference = _difference(model, answer, rows) if rows else None
    except duckdb.Error as error:
        return found(None, str(error))
    except Exception as error:  # whatever onnxruntime raises when it runs
        return found(None, f"{type(error).__name__}: {str(error).splitlines()[0]}")
    # A version that was trained in double precision must answer so; what other processors round differently is allowed.
    tolerance = TOLERANCE["float32"]
    if difference is not None and not difference <= tolerance:
        return found(
            difference, f"its answers differ by {difference:.2e}, more than {tolerance:.0e}"
        )
    return found(difference, "")


_Answer = Callable[[Sequence[pa.Array]], pa.Array]


def _difference(model: Predictor, answer: _Answer, rows: Sequence[tuple[str, str]]) -> float:
    """The largest difference between the stored answers and those of now; infinite where one is missing."""
    features = [json.loads(features) for features, _ in rows]
    columns = [
        pa.array([row[feature.name] for row in features], _TYPES[feature.storage])
        for feature in model.features
    ]
    now = as_matrix(answer(columns).to_pylist())
    then = as_matrix([json.loads(answer) for _, answer in rows])
    if now.shape != then.shape or (np.isnan(now) != np.isnan(then)).any():
        return float("inf")
    known = ~np.isnan(then)
    if not known.any():
        return 0.0
    if model.is_classifier:
        return largest_difference(then[known], now[known])
    return largest_relative_difference(then[known], now[known], float(np.std(then[known])) or 1.0)


_TYPES = {"DOUBLE": pa.float64(), "BIGINT": pa.int64(), "VARCHAR": pa.string()}
