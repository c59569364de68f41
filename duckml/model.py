"""A model as a Python object: what the registry knows of a version, and predictions on rows from anywhere."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from typing import Any, Protocol

import pyarrow as pa

from duckml.artifacts import require_intact
from duckml.database import sessions
from duckml.database.sessions import Native
from duckml.estimators.model_warnings import ModelWarning
from duckml.features.signature import Signature
from duckml.language.model_names import model_name
from duckml.names import qualified
from duckml.registry import stored_artifacts
from duckml.registry.stored_model import StoredModel
from duckml.registry.stored_version import StoredVersion, details


class PredictingConnection(Protocol):
    """The part of a duckml connection that a model uses."""

    def sql(self, query: Any) -> Any:
        """Return a relation over a query, duckml's statements included."""

    def over(self, rows: Any, query: str, name: str) -> Any:
        """Return a relation over a query in which `name` means `rows`."""

    def rewritten(self, query: str) -> str:
        """Return the SQL that DuckDB is given for a query."""

    def registry_session(self) -> Native:
        """Return a session to read the registry on."""


class Model:
    """One version of a stored model.

    Made by `Connection.model` and `Connection.create_model`. A version never changes: an object made before a retrain
    goes on predicting with the version that it was made for.
    """

    def __init__(self, con: PredictingConnection, stored: StoredVersion) -> None:
        self._con = con
        self._stored = stored
        self._row = details(con.registry_session(), stored)

    @property
    def name(self) -> str:
        """The name of the model."""
        return self._stored.name

    @property
    def version(self) -> int:
        """The number of the version."""
        return self._stored.version

    @property
    def place_parts(self) -> tuple[str, str, str]:
        """Database, schema and name of the model."""
        return self._stored.place.database, self._stored.place.schema, self.name

    @property
    def full_name(self) -> str:
        """The model with database, schema and version, as SQL."""
        return self._stored.full_name

    @property
    def key(self) -> str:
        """The SHA-256 of the ONNX bytes."""
        return self._stored.key

    @property
    def signature(self) -> Signature:
        """The features in their order, and the target."""
        return self._stored.signature

    @property
    def metrics(self) -> dict[str, float]:
        """What was measured on the test rows, by name."""
        return dict(self._row["metrics"])

    @property
    def warnings(self) -> list[ModelWarning]:
        """What the training found worth saying."""
        return [
            ModelWarning(warning["code"], warning["message"]) for warning in self._row["warnings"]
        ]

    @property
    def params(self) -> dict[str, Any]:
        """The parameters of the fitted estimator."""
        return dict(json.loads(self._row["params"]))

    @property
    def info(self) -> dict[str, Any]:
        """Everything else that is stored of the version, by column of `_duckml.model_version`."""
        return dict(self._row)

    @property
    def aliases(self) -> list[str]:
        """The aliases that mean this version now."""
        known = StoredModel.of(self._con.registry_session(), self._stored).aliases()
        return [alias for alias, version in known.items() if version == self.version]

    @property
    def onnx(self) -> bytes:
        """The model itself: ONNX bytes that any onnxruntime runs. Raises ArtifactError when they are damaged."""
        found = stored_artifacts.require(self._con.registry_session(), self.key)
        require_intact(found, self.key)
        return found

    def evaluate(self, data: Any = None) -> dict[str, float]:
        """The metrics on `data`, which has the features and the target; without it, those of the test rows."""
        if data is None:
            return self.metrics
        relation = self._over(
            data, lambda name: f"SELECT * FROM EVALUATE(MODEL {self.full_name}, TABLE {name})"
        )
        return dict(zip(relation.columns, relation.fetchall()[0], strict=True))

    @property
    def training_info(self) -> pa.Table:
        """Loss, validation loss and time per iteration, as an Arrow table."""
        return self._con.sql(
            f"SELECT * FROM TRAINING_INFO(MODEL {self.full_name})"
        ).to_arrow_table()

    @property
    def feature_info(self) -> pa.Table:
        """Statistics of each feature over the training rows, as an Arrow table."""
        return self._con.sql(f"SELECT * FROM FEATURE_INFO(MODEL {self.full_name})").to_arrow_table()

    def predict(self, data: Any) -> Any:
        """`data` with the prediction as its last column, `predicted_<target>`.

        `data` has the features as columns, by name and in any order; others pass through. A DuckDB relation or the
        name of a table gives a relation, a pandas or polars DataFrame a DataFrame, an Arrow table an Arrow table.
        Raises FeatureError when a feature is missing or of the wrong type.
        """
        relation = self._over(
            data, lambda name: f"SELECT * FROM PREDICT(MODEL {self.full_name}, TABLE {name})"
        )
        kind = type(data).__module__.split(".", maxsplit=1)[0]
        if kind == "pandas":
            return relation.df()
        if kind == "polars":
            frame = relation.pl()
            return frame.lazy() if type(data).__name__ == "LazyFrame" else frame
        return relation.to_arrow_table() if kind == "pyarrow" else relation

    def _over(self, data: Any, query: Callable[[str], str]) -> Any:
        """A query over rows from anywhere, as a relation."""
        if isinstance(data, str):
            return self._con.sql(query(qualified(*model_name(data).parts)))
        name = sessions.unused_name()
        if hasattr(data, "query") and hasattr(data, "to_arrow_table"):
            return data.query(name, self._con.rewritten(query(name)))
        if type(data).__module__.startswith("polars") and hasattr(data, "collect"):
            data = data.collect()
        return self._con.over(data, query(name), name)

    def _facts(self) -> list[tuple[str, str]]:
        shown = (
            ("r2_score", "R² {:.3f}"),
            ("mean_absolute_error", "mean absolute error {}"),
            ("accuracy", "accuracy {:.3f}"),
            ("roc_auc", "ROC AUC {:.3f}"),
        )
        measured = [
            text.format(_rounded(self.metrics[name]) if text.endswith("{}") else self.metrics[name])
            for name, text in shown
            if name in self.metrics
        ]
        facts = [
            ("model", f"{self.name}@{self.version} ({self._row['estimator']})"),
            (
                "predicts",
                f"{self.signature.target.name} from {', '.join(self.signature.input_names)}",
            ),
        ]
        if measured:
            facts.append(("measured", f"{', '.join(measured)} on {self._measured_rows()}"))
        if self._row["rows_used"]:
            rows, iterations = (
                f"{self._row['rows_used']:,} rows",
                f"{self._row['iterations']} iterations",
            )
            facts.append(("trained", f"on {rows}, {iterations}, {self._row['stop_reason']}"))
        return facts + [
            ("warning", f"{warning.message} [{warning.code}]") for warning in self.warnings
        ]

    def _measured_rows(self) -> str:
        count, test = int(self.metrics["row_count"]), self._row["rows_test"]
        return f"{count:,} {'test' if test else 'training'} row{'' if count == 1 else 's'}"

    def __repr__(self) -> str:
        return "\n".join(f"{label + ':':<10}{text}" for label, text in self._facts())

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th style='text-align:left'>{html.escape(label)}</th>"
            f"<td style='text-align:left'>{html.escape(text)}</td></tr>"
            for label, text in self._facts()
        )
        return f"<table>{rows}</table>"


def _rounded(number: float) -> str:
    """A number with four significant digits, never in powers of ten where people wouldn't write one."""
    return f"{number:,.0f}" if 1_000 <= abs(number) < 1e12 else f"{number:.4g}"
