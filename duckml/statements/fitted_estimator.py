"""A fitted scikit-learn estimator with sample rows: its inputs, labels, predictions and graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from duckml.artifacts import key_of
from duckml.engines.open_models import open_model
from duckml.engines.predictor import Predictor
from duckml.errors import ForeignModelError, ParityError
from duckml.estimators.preprocessing import codes_of
from duckml.features.column_types import is_number, type_family
from duckml.features.signature import Feature, Signature, Target
from duckml.names import listed
from duckml.onnx_graphs.adoption import adopt, adopted_signature
from duckml.onnx_graphs.assembly import TOLERANCE
from duckml.onnx_graphs.conversion import convert
from duckml.onnx_graphs.foreign_interface import ForeignInterface
from duckml.training import metrics
from duckml.training.parity import as_matrix, largest_difference, largest_relative_difference

# The inputs that an estimator is converted from: name, kind for skl2onnx and width of each.
Inputs = Sequence[tuple[str, str, int]]


@dataclass(frozen=True)
class Labels:
    """The labels of a classifier and their DuckDB type."""

    values: tuple[str, ...]
    sql_type: str


@dataclass(frozen=True)
class FittedEstimator:
    """An estimator with the sample rows in the order of its columns.

    `expected` are its own predictions of the sample: one column, or a probability per label.
    """

    estimator: Any
    sample: pa.Table
    types: Mapping[str, str]
    target: str
    labels: Labels | None
    expected: Any

    @classmethod
    def of(
        cls, estimator: Any, rows: pa.Table, types: Mapping[str, str], target: str | None
    ) -> FittedEstimator:
        """Return an estimator with its predictions; raise ForeignModelError if it has none."""
        sample = rows.select(_columns_of(estimator, rows.column_names))
        if not len(sample):
            raise ForeignModelError(
                "The sample has no rows. Give some of those that the estimator was fitted on."
            )
        labels = _labels_of(estimator)
        expected = _predictions(estimator, sample)
        return cls(estimator, sample, types, target or "target", labels, expected)

    def input_forms(self) -> list[Inputs]:
        """Return the forms to convert the estimator from, the preferred one first.

        Column by column and as one matrix, in double precision and in single.
        """
        kinds = {name: _kind(name, self.types[name]) for name in self.sample.column_names}
        is_numeric = set(kinds.values()) == {"number"}
        knows_names = hasattr(self.estimator, "feature_names_in_")
        forms: list[Inputs] = []
        for width in ("double", "float"):
            if knows_names:
                forms.append(_by_column(kinds, width))
            if is_numeric:
                forms.append([("matrix", width, len(kinds))])
        return forms or [_by_column(kinds, "double")]

    def exported(self, inputs: Inputs, device: str) -> tuple[bytes, Signature, float]:
        """Return the graph, its signature, and its parity with the estimator on the sample.

        Raises ParityError above the tolerance or if ONNX can't express the estimator.
        """
        model = convert(self.estimator, inputs)
        interface = self._interface(model, inputs)
        signature = self._signature(adopted_signature(model, interface))
        on_null = self._on_null()
        onnx = adopt(model, interface, signature, on_null, "float32")
        found = self._predictions_of(onnx, device)
        return onnx, signature, self._parity(found)

    def _interface(self, model: Any, inputs: Inputs) -> ForeignInterface:
        """Return which column each input of the converted graph takes.

        By position: skl2onnx renames inputs whose names aren't identifiers.
        """
        is_matrix = inputs[0][0] == "matrix"
        columns = {
            entry.name: tuple(self.sample.column_names) if is_matrix else (name,)
            for entry, (name, _, _) in zip(model.graph.input, inputs, strict=True)
        }
        if self.labels is None:
            return ForeignInterface(
                columns, Target(self.target, "DOUBLE"), model.graph.output[0].name
            )
        target = Target(self.target, self.labels.sql_type, self.labels.values)
        return ForeignInterface(columns, target, model.graph.output[1].name)

    def _signature(self, signature: Signature) -> Signature:
        """Return the signature with the BOOLEAN columns of the sample as such."""
        features = [
            Feature(feature.name, "BOOLEAN", "boolean", "DOUBLE")
            if self.types[feature.name] == "BOOLEAN"
            else feature
            for feature in signature.features
        ]
        return Signature(tuple(features), signature.target)

    def _predictions_of(self, onnx: bytes, device: str) -> Any:
        """Return what onnxruntime predicts for the sample, as a matrix."""
        try:
            model = open_model(key_of(onnx), onnx, device)
            rows = self.as_read(model)
            columns = [rows[name].combine_chunks() for name in model.names]
            predictions = model.raw_output(columns)
        except Exception as error:  # onnxruntime raises several types for graphs of skl2onnx
            detail = str(error).strip().splitlines()[0][:200]
            kind = type(self.estimator).__name__
            raise ParityError.not_exportable(kind, f"{detail}.") from error
        return as_matrix(predictions.to_pylist())

    def _parity(self, found: Any) -> float:
        kept = ~np.isnan(found).any(axis=1)
        if not kept.any():
            raise ForeignModelError(
                "The model predicts no row of the sample: every one has a NULL or a number that "
                "is too large."
            )
        expected = self.expected[kept]
        if self.labels is None:
            scale = float(np.std(self.expected)) or 1.0
            parity = largest_relative_difference(expected[:, 0], found[kept, 0], scale)
        else:
            parity = largest_difference(expected, found[kept])
        tolerance = TOLERANCE["float32"]
        if not parity <= tolerance:
            raise ParityError.above(parity, tolerance, "float32", registered=True)
        return parity

    def as_read(self, model: Predictor) -> pa.Table:
        """Return the sample, each column as the model reads it."""
        columns = [self.sample[name] for name in model.names]
        return pa.table(dict(zip(model.names, model.read(columns), strict=True)))

    def _on_null(self) -> str:
        """Return 'impute' if the estimator predicts rows with missing values, else 'null'."""
        row, other = self.sample.slice(0, 1), self.sample.slice(0, 1)
        for position, name in enumerate(self.sample.column_names):
            kind = self.sample.schema.field(name).type
            is_text = pa.types.is_string(kind) or pa.types.is_dictionary(kind)
            missing = pa.array([None], pa.string() if is_text else pa.float64())
            row = row.set_column(position, name, missing)
            # The graph is given '' for a missing text.
            given = pa.array([""]) if is_text else missing
            other = other.set_column(position, name, given)
        try:
            first, second = (
                np.asarray(self.estimator.predict(_rows_for(self.estimator, rows)))
                for rows in (row, other)
            )
        except Exception:  # each estimator refuses missing values in its own way
            return "null"
        is_finite = first.dtype.kind not in "fc" or np.isfinite(first).all()
        return "impute" if is_finite and (first == second).all() else "null"

    def measured(self, actual: pa.ChunkedArray) -> dict[str, float]:
        """Return the metrics of the estimator's own predictions of the sample.

        Raises ForeignModelError if the target of the sample isn't what the estimator predicts.
        """
        try:
            return self._metrics(actual)
        except (ValueError, TypeError, pa.ArrowException) as error:
            raise ForeignModelError(
                f'The column "{self.target}" of the sample can\'t be compared with the '
                "predictions of the estimator. Leave it out, or give the target that it was "
                "fitted on."
            ) from error

    def _metrics(self, actual: pa.ChunkedArray) -> dict[str, float]:
        if self.labels is None:
            values = np.asarray(actual.cast(pa.float64()).to_numpy(), dtype=np.float64)
            known = np.isfinite(values)
            mean = float(values[known].mean())
            return metrics.regression_metrics(values[known], self.expected[known, 0], mean)
        texts = [None if value is None else _label(value) for value in actual.to_pylist()]
        codes = codes_of(pa.chunked_array([texts], pa.string()), self.labels.values)
        known = codes >= 0
        return metrics.classification_metrics(codes[known], self.expected[known])


def _columns_of(estimator: Any, columns: Sequence[str]) -> list[str]:
    """Return the columns that an estimator was fitted on: by name if it has them, else all."""
    wanted = getattr(estimator, "feature_names_in_", None)
    if wanted is None:
        width = getattr(estimator, "n_features_in_", None)
        if width is None:
            kind = type(estimator).__name__
            raise ForeignModelError(f"{kind} is not fitted: call its fit() first.")
        if width != len(columns):
            raise ForeignModelError(
                f"The estimator was fitted on {width} columns, and the sample has "
                f"{len(columns)}: {listed(columns)}."
            )
        return list(columns)
    missing = [str(column) for column in wanted if column not in columns]
    if missing:
        raise ForeignModelError(
            f"The estimator was fitted on {listed(missing)}, which the sample doesn't have."
        )
    return [str(column) for column in wanted]


def _labels_of(estimator: Any) -> Labels | None:
    """Return the labels of a classifier, None for a regressor."""
    if not hasattr(estimator, "classes_"):
        return None
    kind = type(estimator).__name__
    classes = np.asarray(estimator.classes_)
    if not hasattr(estimator, "predict_proba"):
        raise ForeignModelError(f"{kind} has no predict_proba, which PREDICT_PROBA needs.")
    if classes.dtype.kind == "b":
        return Labels(tuple(str(bool(label)).lower() for label in classes), "BOOLEAN")
    if classes.dtype.kind in "iu":
        return Labels(tuple(str(int(label)) for label in classes), "BIGINT")
    if classes.dtype.kind == "f":
        return Labels(tuple(str(float(label)) for label in classes), "DOUBLE")
    if classes.ndim != 1 or isinstance(estimator.classes_, list):
        raise _several_outputs(estimator)
    return Labels(tuple(str(label) for label in classes), "VARCHAR")


def _several_outputs(estimator: Any) -> ForeignModelError:
    kind = type(estimator).__name__
    return ForeignModelError(f"{kind} has several outputs; a model predicts one column.")


def _predictions(estimator: Any, sample: pa.Table) -> Any:
    """Return the estimator's own predictions of the sample: numbers, or probabilities."""
    rows = _rows_for(estimator, sample)
    kind = type(estimator).__name__
    is_classifier = hasattr(estimator, "classes_")
    try:
        found = estimator.predict_proba(rows) if is_classifier else estimator.predict(rows)
    except Exception as error:  # an estimator may be the user's own class
        raise ForeignModelError(f"{kind} can't predict the sample: {error}") from error
    predictions = np.asarray(found, dtype=np.float64).reshape(len(sample), -1)
    if not is_classifier:
        if predictions.shape[1] != 1:
            raise _several_outputs(estimator)
        return predictions
    most_probable = np.asarray(estimator.classes_)[predictions.argmax(axis=1)]
    if (most_probable != np.asarray(estimator.predict(rows))).any():
        raise ForeignModelError(
            f"{kind} predicts other classes than those with its largest probability; PREDICT "
            "returns the most probable one."
        )
    return predictions


def _rows_for(estimator: Any, sample: pa.Table) -> Any:
    """Return the sample as the estimator was fitted: a DataFrame if it has names, else a matrix."""
    if hasattr(estimator, "feature_names_in_"):
        return sample.to_pandas()
    columns = [column.to_numpy() for column in sample.columns]
    if any(column.dtype.kind == "O" for column in columns):
        columns = [column.astype(object) for column in columns]
    return np.column_stack(columns)


def _kind(name: str, sql_type: str) -> str:
    if is_number(sql_type) or type_family(sql_type) == "BOOLEAN":
        return "number"
    if type_family(sql_type) in {"VARCHAR", "ENUM"}:
        return "string"
    raise ForeignModelError(
        f'Column "{name}" is {sql_type}. A registered estimator takes numbers, BOOLEAN and text.'
    )


def _by_column(kinds: Mapping[str, str], width: str) -> Inputs:
    return [(name, width if kind == "number" else kind, 1) for name, kind in kinds.items()]


def _label(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
