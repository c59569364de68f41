"""Predictions of an ONNX model on Arrow columns.

The graph computes; which rows get a prediction at all (NULL, NaN, infinity) is decided here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from duckml.engines.devices import Device, open_session
from duckml.engines.encoders import CategoryCodes, cut_encoder
from duckml.errors import ArtifactError
from duckml.features.columns import FLOAT32_MAX, INTEGER_NULL, read_column
from duckml.features.signature import Feature, Signature
from duckml.onnx_graphs.manifest import read_manifest

# Rows per run. onnxruntime's time per row is many times longer in one run over millions of rows.
_TILE_ROWS = 16_384

ArrowColumn: TypeAlias = pa.ChunkedArray | pa.Array
Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.float64]


class Predictor:
    """An open model."""

    def __init__(self, onnx_bytes: bytes, device: Device) -> None:
        import onnx

        model = onnx.load_from_string(onnx_bytes)
        _require_self_contained(model)
        manifest = read_manifest(model)
        signature = Signature.from_json(manifest["signature"])
        self.device = device.name
        self.features: tuple[Feature, ...] = signature.features
        self.names = signature.names
        self._class_count = len(signature.target.labels or ())
        self._null_if_any_null: bool = manifest["on_null"] == "null"
        codes: dict[str, str] = manifest["codes"]
        self._codes = {
            name: CategoryCodes(cut_encoder(model, name, tensor)) for name, tensor in codes.items()
        }
        self._feeds = tuple(codes.get(name, name) for name in self.names)
        self.session = open_session(model.SerializeToString() if codes else onnx_bytes, device)
        # The first output of a classifier is the label. The class is read from the second one,
        # the probabilities.
        self._output = self.session.get_outputs()[1 if self.is_classifier else 0].name

    @property
    def is_classifier(self) -> bool:
        """Return whether the model predicts a class."""
        return self._class_count > 0

    def __call__(self, columns: Sequence[ArrowColumn]) -> pa.Array:
        """Return the prediction for each row as float64: a number, or the code of the class.

        `columns` are the features in the order of the signature, all of one length. The prediction
        is NULL for a row with NaN, an infinity or a number that float32 can't hold, and for a row
        of NULLs only. Raises FeatureError for a column of the wrong type.
        """
        return self.predict(self.read(columns))

    def read(self, columns: Sequence[ArrowColumn]) -> list[pa.Array]:
        """Return the columns as float64, int64 or text, which is how the model expects them."""
        return [
            read_column(feature, _contiguous(column))
            for feature, column in zip(self.features, columns, strict=True)
        ]

    def predict(self, columns: Sequence[pa.Array]) -> pa.Array:
        """Return the prediction for each row of columns that `read` returned, as float64."""
        return _in_tiles(columns, self._predict_tile)

    def probabilities(self, columns: Sequence[pa.Array]) -> pa.Array:
        """Return the probabilities of the classes for each row of columns that `read` returned.

        Raises ArtifactError for a model that predicts a number.
        """
        if not self.is_classifier:
            raise ArtifactError("This model predicts a number and has no probabilities.")
        return _in_tiles(columns, self._probabilities_of_tile)

    def raw_output(self, columns: Sequence[pa.Array]) -> pa.Array:
        """Return a classifier's probabilities, or else the predictions.

        This is what two engines are compared by: classes would hide small differences.
        """
        return self.probabilities(columns) if self.is_classifier else self.predict(columns)

    def _predict_tile(self, columns: Sequence[pa.Array]) -> pa.Array:
        rows = len(columns[0])
        output, refused = self._run(columns)
        if self.is_classifier:
            output = output.reshape(rows, -1).argmax(axis=1).astype(np.float64)
        output = output.reshape(rows)
        if refused is None:
            return pa.Array.from_buffers(pa.float64(), rows, [None, pa.py_buffer(output)])
        return pa.array(output, pa.float64(), mask=refused)

    def _probabilities_of_tile(self, columns: Sequence[pa.Array]) -> pa.Array:
        rows = len(columns[0])
        output, refused = self._run(columns)
        # The probabilities of a forest can add up to a little more than 1 in float32.
        values = np.clip(output, 0.0, 1.0).reshape(-1)
        offsets = pa.array(np.arange(rows + 1, dtype=np.int32) * self._class_count)
        mask = None if refused is None else pa.array(refused)
        return pa.ListArray.from_arrays(offsets, values, mask=mask)

    def _run(self, columns: Sequence[pa.Array]) -> tuple[Numbers, Mask | None]:
        """Return the graph's output, and the rows without a prediction (None if there are none)."""
        rows = len(columns[0])
        if rows == 0:
            return np.empty((0, max(1, self._class_count))), None
        feeds: dict[str, npt.NDArray[Any]] = {}
        refused: Mask | None = None
        nulls: list[Mask] = []
        for feature, feed, column in zip(self.features, self._feeds, columns, strict=True):
            null = _null_rows(column)
            if null is not None:
                nulls.append(null)
            values: npt.NDArray[Any]
            if feature.storage == "DOUBLE":
                values, bad = _numbers(column, null)
                refused = _union(refused, bad)
            elif feature.name in self._codes:
                values = self._codes[feature.name](column, null)
            else:
                values = _categories(column)
            feeds[feed] = values.reshape(rows, 1)
        refused = _union(refused, self._rows_refused_for_null(nulls))
        output = np.asarray(self.session.run([self._output], feeds)[0], dtype=np.float64)
        # A net can overflow in float32 although its inputs are finite.
        if not np.isfinite(output).all():
            by_row = output.reshape(rows, -1)
            overflowed: Mask = np.logical_not(np.isfinite(by_row).all(axis=1))
            refused = _union(refused, overflowed)
        return output, refused

    def _rows_refused_for_null(self, nulls: list[Mask]) -> Mask | None:
        """Return the rows with a NULL where on_null = 'null', or else those of NULLs only."""
        if nulls and self._null_if_any_null:
            return np.logical_or.reduce(nulls)
        if nulls and len(nulls) == len(self.features):
            return np.logical_and.reduce(nulls)
        return None


def _require_self_contained(model: Any) -> None:
    """Raise ValueError if a tensor of the model is stored in another file.

    A database file from elsewhere can hold any ONNX bytes under their SHA-256, and opening a model
    must not read other files.
    """
    # Loads onnx, which a process that predicts with the native engine never needs.
    from duckml.onnx_graphs.graph import constant_tensors, is_external

    for tensor in constant_tensors(model.graph):
        if is_external(tensor):
            raise ValueError(f"its tensor '{tensor.name}' is stored in another file")


def _in_tiles(
    columns: Sequence[pa.Array], compute: Callable[[Sequence[pa.Array]], pa.Array]
) -> pa.Array:
    """Return `compute` of any number of rows, one tile at a time."""
    rows = len(columns[0])
    if rows <= _TILE_ROWS:
        return compute(columns)
    tiles = []
    for start in range(0, rows, _TILE_ROWS):
        tiles.append(compute([column.slice(start, _TILE_ROWS) for column in columns]))
    return pa.concat_arrays(tiles)


def _contiguous(column: ArrowColumn) -> pa.Array:
    """Return a column as one array."""
    if isinstance(column, pa.Array):
        return column
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks or [pa.array([], column.type)])


def _union(rows: Mask | None, more: Mask | None) -> Mask | None:
    """Return the rows that are in either mask; None is a mask without rows."""
    if rows is None or more is None:
        return more if rows is None else rows
    return rows | more


def _null_rows(column: pa.Array) -> Mask | None:
    """Return which rows are NULL, or None if none is."""
    return column.is_null().to_numpy(zero_copy_only=False) if column.null_count else None


def _numbers(column: pa.Array, null: Mask | None) -> tuple[Numbers, Mask | None]:
    """Return the values with NaN for NULL, and the rows whose number the graph can't compute with.

    The second value is None if there are no such rows.
    """
    if null is None:
        # The buffer itself: to_numpy() releases the interpreter's lock for a moment, and every
        # time another of DuckDB's threads takes it.
        values = np.frombuffer(column.buffers()[1], np.float64, len(column), column.offset * 8)
        # One pass finds whether there is any such row: NaN makes the comparison false.
        if np.abs(values).max() <= FLOAT32_MAX:
            return values, None
        return values, ~(np.abs(values) <= FLOAT32_MAX)
    values = column.to_numpy(zero_copy_only=False)
    bad = ~(np.abs(values) <= FLOAT32_MAX) & ~null
    return values, bad if bad.any() else None


def _categories(column: pa.Array) -> npt.NDArray[Any]:
    """Return the values of a category that the graph encodes, with its substitute for NULL."""
    if pa.types.is_integer(column.type):
        return column.fill_null(INTEGER_NULL).to_numpy(zero_copy_only=False)
    return column.cast(pa.string()).fill_null("").to_numpy(zero_copy_only=False)
