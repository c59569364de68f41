"""ONNX bytes → predictions on Arrow columns. The only file that imports onnxruntime.

A model is opened once per device and process and found again by its key, the SHA-256 of its bytes, which is checked
here. What the rows may hold (NULL, NaN, infinity, unknown categories) is decided here too, before the graph runs.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import json
import threading
import warnings
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from duckml.database.sessions import Native
from duckml.engines.functions import ServingFunctions, register
from duckml.errors import ArtifactError, DeviceError
from duckml.features.columns import FLOAT32_MAX, INTEGER_NULL, read_column
from duckml.features.signature import MANIFEST, Feature, Signature
from duckml.language.prediction_sql import key_of

_KEPT = 256  # opened models; the one not asked for longest makes room for a new one
_TILE = 16_384  # rows per run: one run over millions of rows is many times slower per row


class DeviceWarning(UserWarning):
    """A device was there but did not start, and another one serves."""


@dataclass(frozen=True)
class Device:
    """A place where onnxruntime can run a model, and what to install to get it."""

    name: str
    provider: str
    install: str


DEVICES = (
    Device(
        "cuda",
        "CUDAExecutionProvider",
        "Install it with: pip uninstall onnxruntime; pip install onnxruntime-gpu.",
    ),
    Device(
        "openvino",
        "OpenVINOExecutionProvider",
        "Install it with: pip uninstall onnxruntime; pip install onnxruntime-openvino.",
    ),
    Device("cpu", "CPUExecutionProvider", "Install it with: pip install onnxruntime."),
)
_AUTO = ("cuda", "cpu")
_LIBRARIES = ("libonnxruntime.so*", "libonnxruntime*.dylib", "onnxruntime.dll")


def device_named(name: str) -> Device:
    """The device of that name; raises DeviceError when there is none."""
    for device in DEVICES:
        if device.name == name:
            return device
    raise DeviceError.unknown(name, ["auto", *(device.name for device in DEVICES)])


def require(name: str) -> None:
    """Raise DeviceError unless the installed onnxruntime offers the device `name` ('auto' always passes)."""
    if name == "auto":
        return
    device = device_named(name)
    import onnxruntime as ort

    offered = ort.get_available_providers()
    if device.provider not in offered:
        names = [known.name for known in DEVICES if known.provider in offered]
        raise DeviceError.missing(name, names, device.install)


@dataclass(frozen=True)
class DeviceState:
    """What `duckml devices` says of a device."""

    name: str
    provider: str
    offered: bool
    starts: bool
    detail: str


def devices() -> list[DeviceState]:
    """Every device that duckml knows, whether the installed onnxruntime offers it, and whether it starts."""
    import onnxruntime as ort

    offered = ort.get_available_providers()
    states = []
    for device in DEVICES:
        if device.provider not in offered:
            states.append(DeviceState(device.name, device.provider, False, False, device.install))
            continue
        try:
            _open_session(_probe(), device)
            states.append(DeviceState(device.name, device.provider, True, True, "ready"))
        except Exception as error:
            states.append(
                DeviceState(device.name, device.provider, True, False, _first_line(error))
            )
    return states


def _probe() -> bytes:
    """The smallest model there is: what goes in comes out."""
    from onnx import TensorProto, helper

    shape = [None, 1]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        "probe",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    return bytes(model.SerializeToString())


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", 1)[0] + "."


def _open_session(model: bytes, device: Device) -> Any:
    """An onnxruntime session on a device; raises DeviceError when something else would serve."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1  # DuckDB brings the threads: one chunk of rows each
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = ort.InferenceSession(model, options, providers=[device.provider])
    # onnxruntime falls back to the CPU with a printed line only, so what serves is compared with what was asked for.
    if session.get_providers()[0] != device.provider:
        raise DeviceError.failed(
            device.name, f"onnxruntime serves on {session.get_providers()[0]} instead."
        )
    return session


class Predictor:
    """One model, open: Arrow columns in, predictions out."""

    def __init__(self, onnx_bytes: bytes, device: Device) -> None:
        import onnx

        from duckml.onnx_graphs.graph import constant_tensors, is_elsewhere

        model = onnx.load_from_string(onnx_bytes)
        # A file from strangers can hold any bytes under their SHA-256, and must not read other files.
        if name := next(
            (tensor.name for tensor in constant_tensors(model.graph) if is_elsewhere(tensor)), None
        ):
            raise ValueError(f"its tensor '{name}' lies in another file")
        manifest = json.loads(
            next(entry.value for entry in model.metadata_props if entry.key == MANIFEST)
        )
        self.device = device.name
        signature = Signature.from_json(manifest["signature"])
        self._features = signature.features
        self._classes = len(signature.target.labels or ())
        self.names: tuple[str, ...] = tuple(feature.name for feature in self._features)
        self._null_answers_null: bool = manifest["on_null"] == "null"
        tensors: Mapping[str, str] = manifest["codes"]
        self._codes = {
            name: _Codes(_cut_encoder(model, name, tensor)) for name, tensor in tensors.items()
        }
        self._feeds = tuple(tensors.get(name, name) for name in self.names)
        served = model.SerializeToString() if tensors else onnx_bytes
        self._session = _open_session(served, device)
        # A classifier answers the label first, then the probabilities, from which the code of the class is read here.
        self._output = self._session.get_outputs()[1 if self._classes else 0].name

    @property
    def features(self) -> tuple[Feature, ...]:
        """What it takes, in signature order."""
        return self._features

    @property
    def is_classifier(self) -> bool:
        """Whether it predicts a class."""
        return self._classes > 0

    def __call__(self, columns: Sequence[pa.ChunkedArray | pa.Array]) -> pa.Array:
        """The prediction for each row, of a classifier the code of the class; NULL where there is none.

        `columns` are the features in signature order, of one length. A row holding NaN, an infinity or a number beyond
        float32 is answered NULL, as is one whose features are all NULL. Raises FeatureError for a column of a type
        that the model doesn't take.
        """
        return self.answer(self.read(columns))

    def read(self, columns: Sequence[pa.ChunkedArray | pa.Array]) -> list[pa.Array]:
        """The columns as the model reads them."""
        return [
            read_column(f, _single(column))
            for f, column in zip(self._features, columns, strict=True)
        ]

    def answer(self, columns: Sequence[pa.Array]) -> pa.Array:
        """The prediction for each row of columns that have been read already (`duckml.columns`), as float64."""
        return _in_tiles(columns, self._prediction)

    def compared(self, columns: Sequence[pa.Array]) -> pa.Array:
        """What two engines are compared by: the probabilities of a classifier, the `answer` of any other model."""
        return self.probabilities(columns) if self.is_classifier else self.answer(columns)

    def probabilities(self, columns: Sequence[pa.Array]) -> pa.Array:
        """The probabilities of the classes for each row of columns that have been read already, as lists.

        Raises ArtifactError for a model that predicts a number.
        """
        if not self._classes:
            raise ArtifactError("This model predicts a number and has no probabilities.")
        return _in_tiles(columns, self._distribution)

    def _prediction(self, columns: Sequence[pa.Array]) -> pa.Array:
        rows = len(columns[0])
        answers, refused = self._run(columns)
        if self._classes:
            answers = answers.reshape(rows, -1).argmax(axis=1).astype(np.float64)
        answers = answers.reshape(rows)
        if refused is None:
            return pa.Array.from_buffers(pa.float64(), rows, [None, pa.py_buffer(answers)])
        return pa.array(answers, pa.float64(), mask=refused)

    def _distribution(self, columns: Sequence[pa.Array]) -> pa.Array:
        rows = len(columns[0])
        answers, refused = self._run(columns)
        values = np.clip(answers, 0.0, 1.0).reshape(
            -1
        )  # forests sum up to a little more than 1 in float32
        offsets = pa.array(np.arange(rows + 1, dtype=np.int32) * self._classes)
        return pa.ListArray.from_arrays(
            offsets, values, mask=None if refused is None else pa.array(refused)
        )

    def _run(
        self, columns: Sequence[pa.Array]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_] | None]:
        """What the graph answers, and which rows it must not answer (None when all are fine)."""
        rows = len(columns[0])
        if rows == 0:
            return np.empty((0, max(1, self._classes))), None
        feeds: dict[str, npt.NDArray[Any]] = {}
        values: npt.NDArray[Any]
        refused: npt.NDArray[np.bool_] | None = None
        nulls: list[npt.NDArray[np.bool_]] = []
        for feature, feed, column in zip(self._features, self._feeds, columns, strict=True):
            null = _nulls(column)
            if null is not None:
                nulls.append(null)
            if feature.storage == "DOUBLE":
                values, bad = _numbers(column, null)
                if bad is not None:
                    refused = bad if refused is None else refused | bad
            elif feature.name in self._codes:
                values = self._codes[feature.name](column, null)
            else:
                values = _texts_or_integers(column)
            feeds[feed] = values.reshape(rows, 1)
        if nulls and (self._null_answers_null or len(nulls) == len(columns)):
            combine = np.logical_or if self._null_answers_null else np.logical_and
            empty = combine.reduce(nulls)
            refused = empty if refused is None else refused | empty
        answers = np.asarray(self._session.run([self._output], feeds)[0], dtype=np.float64)
        if not np.isfinite(answers).all():  # a net overflows in float32 where its inputs do not
            overflowed: npt.NDArray[np.bool_] = np.logical_not(
                np.isfinite(answers.reshape(rows, -1)).all(axis=1)
            )
            refused = overflowed if refused is None else refused | overflowed
        return answers, refused


def _in_tiles(
    columns: Sequence[pa.Array], answer: Callable[[Sequence[pa.Array]], pa.Array]
) -> pa.Array:
    """`answer` for rows of any number, a tile at a time."""
    rows = len(columns[0])
    if rows <= _TILE:
        return answer(columns)
    return pa.concat_arrays(
        [
            answer([column.slice(start, _TILE) for column in columns])
            for start in range(0, rows, _TILE)
        ]
    )


def _texts_or_integers(column: pa.Array) -> npt.NDArray[Any]:
    """The values of a category that the graph itself encodes, with what stands for NULL."""
    if pa.types.is_integer(column.type):
        return column.fill_null(INTEGER_NULL).to_numpy(zero_copy_only=False)
    return column.cast(pa.string()).fill_null("").to_numpy(zero_copy_only=False)


def _single(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """A column as one contiguous array."""
    if isinstance(column, pa.Array):
        return column
    return (
        column.chunk(0)
        if column.num_chunks == 1
        else pa.concat_arrays(column.chunks or [pa.array([], column.type)])
    )


def _nulls(column: pa.Array) -> npt.NDArray[np.bool_] | None:
    """Which rows are NULL, or None when none is."""
    return column.is_null().to_numpy(zero_copy_only=False) if column.null_count else None


def _numbers(
    column: pa.Array, null: npt.NDArray[np.bool_] | None
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_] | None]:
    """The values with NaN for NULL, and which of the others the graph must not answer, or None when all are fine."""
    if null is None:
        # The buffer itself: to_numpy() lets go of the interpreter's lock for a moment, and every time another thread
        # of DuckDB's takes it.
        values = np.frombuffer(column.buffers()[1], np.float64, len(column), column.offset * 8)
        # One pass tells whether anything is wrong at all: NaN makes the comparison false.
        if np.abs(values).max() <= FLOAT32_MAX:
            return values, None
        return values, ~(np.abs(values) <= FLOAT32_MAX)
    values = column.to_numpy(zero_copy_only=False)
    bad = ~(np.abs(values) <= FLOAT32_MAX) & ~null
    return values, bad if bad.any() else None


@dataclass(frozen=True)
class _Encoder:
    """What a LabelEncoder of the graph does: keys to codes, and one code for everything else."""

    keys: list[Any]
    codes: list[int]
    unknown: int


class _Codes:
    """The categories of one feature: the work of its LabelEncoder, on Arrow's dictionaries in a third of the time."""

    def __init__(self, encoder: _Encoder) -> None:
        self._code = dict(zip(encoder.keys, encoder.codes, strict=True))
        self._unknown = encoder.unknown
        self._null = self._code.get("", self._code.get(INTEGER_NULL, encoder.unknown))

    def __call__(
        self, column: pa.Array, null: npt.NDArray[np.bool_] | None
    ) -> npt.NDArray[np.int64]:
        """The code of each value."""
        encoded = column.dictionary_encode()
        known = [self._code.get(value, self._unknown) for value in encoded.dictionary.to_pylist()]
        codes = np.array([*known, self._null], dtype=np.int64)
        if null is None:
            return codes[encoded.indices.to_numpy()]
        return codes[encoded.indices.fill_null(len(known)).to_numpy()]


def _cut_encoder(model: Any, feature: str, tensor: str) -> _Encoder:
    """Take the LabelEncoder of a feature out of a graph and make the codes an input in its place."""
    from onnx import TensorProto, helper

    graph = model.graph
    node = next(node for node in graph.node if tensor in node.output)
    attributes = {
        attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute
    }
    keys = [
        key.decode() if isinstance(key, bytes) else int(key)
        for key in attributes.get("keys_strings", attributes.get("keys_int64s", []))
    ]
    graph.node.remove(node)
    graph.input.remove(next(value for value in graph.input if value.name == feature))
    graph.input.append(helper.make_tensor_value_info(tensor, TensorProto.INT64, [None, 1]))
    return _Encoder(keys, list(attributes["values_int64s"]), int(attributes["default_int64"]))


# Opened models, by device and key

_opened: OrderedDict[tuple[str, str], Predictor] = OrderedDict()
_lock = threading.Lock()


def opened(key: str, device: str) -> Predictor | None:
    """The model of that key if this process has it open on that device."""
    predictor = _opened.get((device, key))
    if predictor is not None:
        with contextlib.suppress(KeyError):  # another thread has just closed it
            _opened.move_to_end((device, key))
    return predictor


def open_model(key: str, onnx_bytes: bytes, device: str) -> Predictor:
    """Open a model on a device ('auto' takes the best that starts), or find it open.

    Raises ArtifactError when the bytes don't have the SHA-256 `key` or can't be read, DeviceError when a device asked
    for by name doesn't serve.
    """
    found = key_of(onnx_bytes)
    if found != key:
        raise ArtifactError.damaged(key, found)
    with _lock:
        predictor = _opened.get((device, key))
        if predictor is None:
            predictor = _open(key, onnx_bytes, device)
            _opened[(device, key)] = predictor
            while len(_opened) > _KEPT:
                _opened.popitem(last=False)
    return predictor


def _open(key: str, onnx_bytes: bytes, device: str) -> Predictor:
    if device != "auto":
        require(device)
        try:
            return Predictor(onnx_bytes, device_named(device))
        except DeviceError:
            raise
        except Exception as error:
            if device == "cpu":
                raise ArtifactError.unreadable(key, _first_line(error)) from error
            raise DeviceError.failed(device, _first_line(error)) from error
    for name in best_devices():
        try:
            return Predictor(onnx_bytes, device_named(name))
        except Exception as error:
            if name == "cpu":
                raise ArtifactError.unreadable(key, _first_line(error)) from error
            warnings.warn(
                f"{name} didn't start, the CPU serves: {_first_line(error)}",
                DeviceWarning,
                stacklevel=2,
            )
    raise AssertionError("the CPU is always tried last")


def best_devices() -> list[str]:
    """The devices that 'auto' tries, best first."""
    import onnxruntime as ort

    offered = ort.get_available_providers()
    return [name for name in _AUTO if device_named(name).provider in offered]


@functools.cache
def library() -> str | None:
    """The library of the installed onnxruntime, found without importing it; None where it has none of its own."""
    found = importlib.util.find_spec("onnxruntime")
    if found is None or found.origin is None:
        return None
    folder = Path(found.origin).parent / "capi"
    names = [path for pattern in _LIBRARIES for path in sorted(folder.glob(pattern))]
    return str(names[0]) if names else None


def is_for_cpu_only() -> bool:
    """Whether the installed onnxruntime has no provider for 'auto' but the CPU, found without importing it."""
    path = library()
    return path is None or not any(Path(path).parent.glob("*onnxruntime_providers_cuda*"))


class PythonEngine:
    """Models served by Python functions over Arrow: where the native engine isn't, and on other devices than the CPU.

    `load` finds the bytes of a key that this process hasn't met yet; `remark` says why the native engine doesn't serve,
    where somebody might wonder.
    """

    name = "python"

    def __init__(self, device: str, load: Callable[[str], bytes], remark: str = "") -> None:
        self.device = device
        self.remark = remark
        self._load = load

    def put(self, session: Native) -> None:
        """Bring the functions into the database instance of a session."""
        register(session, f"{self.name}:{self.device}", _serving_functions(self.device, self._load))

    def open(self, key: str, load: Callable[[], bytes]) -> None:
        """Have the model of a key open; `load` answers its bytes when it isn't.

        Raises ArtifactError and DeviceError as `open_model` does.
        """
        if opened(key, self.device) is None:
            open_model(key, load(), self.device)

    def device_of(self, key: str) -> str:
        """The device that a model runs on, or will run on."""
        predictor = opened(key, self.device)
        if predictor is not None:
            return predictor.device
        return best_devices()[0] if self.device == "auto" else self.device


def _serving_functions(device: str, load: Callable[[str], bytes]) -> ServingFunctions:
    """The functions that DuckDB calls for every chunk of rows: the key of a model, then its features."""

    def opened_model(key: pa.ChunkedArray, columns: Sequence[pa.ChunkedArray]) -> Predictor:
        wanted = key[0].as_py()
        predictor = opened(wanted, device)
        if predictor is None:
            predictor = open_model(wanted, load(wanted), device)
        if len(columns) != len(predictor.names):
            raise ArtifactError.wrong_count(wanted, len(columns), predictor.names)
        return predictor

    def predict(key: pa.ChunkedArray, *columns: pa.ChunkedArray) -> pa.Array:
        return opened_model(key, columns)(columns)

    def probabilities(key: pa.ChunkedArray, *columns: pa.ChunkedArray) -> pa.Array:
        predictor = opened_model(key, columns)
        return predictor.probabilities(predictor.read(columns))

    return ServingFunctions(predict, probabilities)
