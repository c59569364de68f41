"""Models that were trained elsewhere: tried on a few rows, and stored."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from duckml.artifacts import key_of
from duckml.database.sessions import Native
from duckml.engines.open_models import open_model
from duckml.errors import ForeignModelError, OptionError
from duckml.estimators.model_warnings import ModelWarning
from duckml.features.signature import Feature, Signature
from duckml.language.syntax import ModelName
from duckml.options.statement_options import ImportOptions
from duckml.registry import save
from duckml.registry.new_version import NewVersion
from duckml.registry.publish import Created, add_version, claimed, left_unchanged, slot_for
from duckml.registry.stored_model import StoredModel
from duckml.training.parity import as_matrix

# Values that training may not have seen: an embedding or an encoder that fails on them would end
# queries.
_PROBES = {
    "DOUBLE": pa.array([0.0, 1.0, -1.5]),
    "BIGINT": pa.array([0, -1, 2**40], pa.int64()),
    "VARCHAR": pa.array(["", "a", "b"]),
}
_BOOLEANS = pa.array([0.0, 1.0, 0.0])
_PROBE_ROWS = 3


def require_row_by_row(onnx: bytes, signature: Signature, path: str, device: str) -> None:
    """Raise ForeignModelError unless a model predicts rows, each independently of the others."""
    columns = [_probe(feature) for feature in signature.features]
    try:
        model = open_model(key_of(onnx), onnx, device)
        together = model.raw_output(columns).to_pylist()
        alone = [
            model.raw_output([column.slice(row, 1) for column in columns]).to_pylist()[0]
            for row in range(_PROBE_ROWS)
        ]
    except Exception as error:  # onnxruntime raises several types
        detail = str(error).strip().splitlines()[0][:300]
        raise ForeignModelError.unfit(path, f"{detail}{_hint(signature)}") from error
    if len(together) != _PROBE_ROWS or not np.allclose(
        as_matrix(together), as_matrix(alone), equal_nan=True, rtol=1e-4
    ):
        raise ForeignModelError.unfit(
            path, "the prediction of a row depends on the rows around it."
        )


def _probe(feature: Feature) -> pa.Array:
    return _BOOLEANS if feature.kind == "boolean" else _PROBES[feature.storage]


def _hint(signature: Signature) -> str:
    if any(feature.storage == "VARCHAR" for feature in signature.features):
        return " Encoders must take unknown categories (handle_unknown='ignore')."
    return ""


def store_foreign(
    con: Native,
    name: ModelName,
    or_replace: bool,
    if_not_exists: bool,
    new: NewVersion,
    options: ImportOptions,
) -> Created:
    """Store a version that was trained elsewhere.

    Raises OptionError for make_default = 'if_better', which needs test rows.
    """
    slot = slot_for(con, name, or_replace, if_not_exists)
    found = left_unchanged(con, slot)
    if found is not None:
        return found
    if options.make_default == "if_better":
        raise OptionError(
            "make_default = 'if_better' needs test rows to measure on: it is for models that "
            "duckml trains."
        )

    def store(model: StoredModel, make_default: bool, _: Sequence[ModelWarning]) -> int:
        return save.save(model, new, add_version=or_replace, make_default=make_default)

    with claimed(con, slot):
        return add_version(
            con,
            slot,
            new.signature,
            store,
            make_default=bool(options.make_default),
            keep_versions=options.keep_versions,
        )
