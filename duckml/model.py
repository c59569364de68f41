"""A stored model as a Python object: its fields in the registry, and predictions on rows."""

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

# The metrics that a model's representation shows; a value without a format gets four digits.
_MAIN_METRICS = {
    "r2_score": "R² {:.3f}",
    "mean_absolute_error": "mean absolute error {}",
    "accuracy": "accuracy {:.3f}",
    "roc_auc": "ROC AUC {:.3f}",
}


class PredictingConnection(Protocol):
    """The part of a duckml connection that a model uses."""

    def sql(self, query: Any) -> Any:
        """Return a relation over a query, duckml's statements included."""

    def over(self, rows: Any, query: str, name: str) -> Any:
        """Return a relation over a query in which `name` means `rows`."""

    def rewritten(self, query: str) -> str:
        """Return a query as DuckDB's SQL."""

    def registry_session(self) -> Native:
        """Return a session to read the registry on."""


class Model:
    """One version of a stored model.

    `Connection.model` and `Connection.create_model` return it. A version never changes: an object
    that was made before a retrain goes on predicting with its version.
    """

    def __init__(self, con: PredictingConnection, stored: StoredVersion) -> None:
        self._con = con
        self._stored = stored
        self._row = details(con.registry_session(), stored)

    @property
    def name(self) -> str:
        """Return the name of the model."""
        return self._stored.name

    @property
    def version(self) -> int:
        """Return the number of the version."""
        return self._stored.version

    @property
    def place_parts(self) -> tuple[str, str, str]:
        """Return the database, the schema and the name of the model."""
        return self._stored.place.database, self._stored.place.schema, self.name

    @property
    def full_name(self) -> str:
        """Return the model with its database, schema and version, as SQL."""
        return self._stored.full_name

    @property
    def key(self) -> str:
        """Return the SHA-256 of the ONNX bytes."""
        return self._stored.key

    @property
    def signature(self) -> Signature:
        """Return the features in their order, and the target."""
        return self._stored.signature

    @property
    def metrics(self) -> dict[str, float]:
        """Return the metrics on the test rows, by name."""
        return dict(self._row["metrics"])

    @property
    def warnings(self) -> list[ModelWarning]:
        """Return the warnings of the training."""
        return [
            ModelWarning(warning["code"], warning["message"]) for warning in self._row["warnings"]
        ]

    @property
    def params(self) -> dict[str, Any]:
        """Return the parameters of the fitted estimator."""
        return dict(json.loads(self._row["params"]))

    @property
    def info(self) -> dict[str, Any]:
        """Return all other stored fields, by column of `_duckml.model_version`."""
        return dict(self._row)

    @property
    def aliases(self) -> list[str]:
        """Return the aliases that refer to this version now."""
        known = StoredModel.of(self._con.registry_session(), self._stored).aliases()
        return [alias for alias, version in known.items() if version == self.version]

    @property
    def onnx(self) -> bytes:
        """Return the ONNX bytes of the model, which any onnxruntime runs.

        Raises ArtifactError if they are damaged.
        """
        session = self._con.registry_session()
        found = stored_artifacts.load(session, self.key)
        if found is None:
            # A new session sees what the snapshot of an open transaction doesn't.
            found = stored_artifacts.require_anywhere([session], self.key)
        require_intact(found, self.key)
        return found

    def evaluate(self, data: Any = None) -> dict[str, float]:
        """Return the metrics on `data`, or those on the test rows.

        `data` has the features and the target as columns.
        """
        if data is None:
            return self.metrics
        relation = self._over(
            data, lambda name: f"SELECT * FROM EVALUATE(MODEL {self.full_name}, TABLE {name})"
        )
        return dict(zip(relation.columns, relation.fetchall()[0], strict=True))

    @property
    def training_info(self) -> pa.Table:
        """Return the loss, validation loss and time of each iteration, as an Arrow table."""
        query = f"SELECT * FROM TRAINING_INFO(MODEL {self.full_name})"
        return self._con.sql(query).to_arrow_table()

    @property
    def feature_info(self) -> pa.Table:
        """Return statistics of each feature over the training rows, as an Arrow table."""
        query = f"SELECT * FROM FEATURE_INFO(MODEL {self.full_name})"
        return self._con.sql(query).to_arrow_table()

    def predict(self, data: Any) -> Any:
        """Return `data` with the prediction as its last column, `predicted_<target>`.

        `data` has the features as columns, in any order; other columns are kept. The result is a
        relation for a DuckDB relation or the name of a table, a DataFrame for a pandas or polars
        DataFrame, and an Arrow table for an Arrow table. Raises FeatureError if a feature is
        missing or has the wrong type.
        """
        relation = self._over(
            data, lambda name: f"SELECT * FROM PREDICT(MODEL {self.full_name}, TABLE {name})"
        )
        library = type(data).__module__.split(".", maxsplit=1)[0]
        if library == "pandas":
            return relation.df()
        if library == "polars":
            frame = relation.pl()
            return frame.lazy() if type(data).__name__ == "LazyFrame" else frame
        return relation.to_arrow_table() if library == "pyarrow" else relation

    def _over(self, data: Any, query: Callable[[str], str]) -> Any:
        """Return a relation over a query; `query` returns its text for the name of the rows."""
        if isinstance(data, str):
            return self._con.sql(query(qualified(*model_name(data).parts)))
        name = sessions.unused_name()
        # A relation of DuckDB's. It may belong to another connection, so it runs the query itself.
        if hasattr(data, "query") and hasattr(data, "to_arrow_table"):
            return data.query(name, self._con.rewritten(query(name)))
        if type(data).__module__.startswith("polars") and hasattr(data, "collect"):
            data = data.collect()
        return self._con.over(data, query(name), name)

    def _facts(self) -> list[tuple[str, str]]:
        """Return the lines of the model's representation, each with a label."""
        signature = self.signature
        features = ", ".join(signature.input_names)
        facts = [
            ("model", f"{self.name}@{self.version} ({self._row['estimator']})"),
            ("predicts", f"{signature.target.name} from {features}"),
        ]
        measured = self._main_metrics()
        if measured:
            facts.append(("measured", f"{', '.join(measured)} on {self._measured_rows()}"))
        if self._row["rows_used"]:
            rows = f"{self._row['rows_used']:,} rows"
            iterations = f"{self._row['iterations']} iterations"
            facts.append(("trained", f"on {rows}, {iterations}, {self._row['stop_reason']}"))
        for warning in self.warnings:
            facts.append(("warning", f"{warning.message} [{warning.code}]"))
        return facts

    def _main_metrics(self) -> list[str]:
        measured = []
        for name, text in _MAIN_METRICS.items():
            if name in self.metrics:
                value = self.metrics[name]
                measured.append(text.format(_rounded(value) if text.endswith("{}") else value))
        return measured

    def _measured_rows(self) -> str:
        count = int(self.metrics["row_count"])
        kind = "test" if self._row["rows_test"] else "training"
        return f"{count:,} {kind} row{'' if count == 1 else 's'}"

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
    """Return a number with four significant digits, and without an exponent up to 10^12."""
    return f"{number:,.0f}" if 1_000 <= abs(number) < 1e12 else f"{number:.4g}"
