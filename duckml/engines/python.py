"""The Python engine: SQL functions over Arrow columns that run models with onnxruntime.

It works in every connection and on every device, on one thread per query.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pyarrow as pa

from duckml.database.sessions import Native
from duckml.engines.devices import auto_devices
from duckml.engines.open_models import open_model, open_predictor
from duckml.engines.prediction_functions import PredictionFunctions, register
from duckml.engines.predictor import Predictor
from duckml.errors import ArtifactError


class PythonEngine:
    """The engine that runs models in Python functions.

    `load` returns the ONNX bytes of a key that this process hasn't opened yet. `remark` is the
    reason why the native engine isn't used, or empty.
    """

    name = "python"

    def __init__(self, device: str, load: Callable[[str], bytes], remark: str = "") -> None:
        self.device = device
        self.remark = remark
        self._load = load

    def install(self, session: Native) -> None:
        """Register the functions in the database instance of a session."""
        functions = _prediction_functions(self.device, self._load)
        register(session, f"{self.name}:{self.device}", functions)

    def open(self, key: str, load: Callable[[], bytes]) -> None:
        """Open the model of a key, unless it is open; `load` returns its bytes.

        Raises ArtifactError and DeviceError as `open_model` does.
        """
        if open_predictor(key, self.device) is None:
            open_model(key, load(), self.device)

    def device_of(self, key: str) -> str:
        """Return the device that a model runs on, or would run on."""
        predictor = open_predictor(key, self.device)
        if predictor is not None:
            return predictor.device
        return auto_devices()[0] if self.device == "auto" else self.device


def _prediction_functions(device: str, load: Callable[[str], bytes]) -> PredictionFunctions:
    """Return the functions that DuckDB calls for each chunk of rows."""

    def model(keys: pa.ChunkedArray, columns: Sequence[pa.ChunkedArray]) -> Predictor:
        key = keys[0].as_py()
        predictor = open_predictor(key, device)
        if predictor is None:
            predictor = open_model(key, load(key), device)
        if len(columns) != len(predictor.names):
            raise ArtifactError.wrong_count(key, len(columns), predictor.names)
        return predictor

    def predict(keys: pa.ChunkedArray, *columns: pa.ChunkedArray) -> pa.Array:
        return model(keys, columns)(columns)

    def probabilities(keys: pa.ChunkedArray, *columns: pa.ChunkedArray) -> pa.Array:
        predictor = model(keys, columns)
        return predictor.probabilities(predictor.read(columns))

    return PredictionFunctions(predict, probabilities)
