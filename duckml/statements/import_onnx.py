"""CREATE MODEL of an ONNX file.

A file that duckml exported comes back as it was. Any other is understood, wrapped and tried before
it is stored.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from duckml.database import files
from duckml.database.sessions import Native
from duckml.errors import OptionError
from duckml.features.signature import MANIFEST, Signature
from duckml.language.syntax import CreateModel
from duckml.onnx_graphs.adoption import adopt, adopted_signature
from duckml.onnx_graphs.foreign_interface import foreign_interface
from duckml.onnx_graphs.safety import read_foreign_model
from duckml.options.statement_options import ImportOptions
from duckml.registry.new_version import NewVersion
from duckml.registry.publish import Created
from duckml.statements.foreign_version import require_row_by_row, store_foreign
from duckml.statements.own_manifest import own_signature
from duckml.training import lineage

# Options that the manifest of an exported file answers.
_IN_MANIFEST = frozenset({"target", "features", "output", "labels", "on_null"})


def import_onnx(
    con: Native,
    statement: CreateModel,
    options: ImportOptions,
    given: Mapping[str, Any],
    device: str,
) -> Created:
    """Store the ONNX file that the options name.

    DuckDB reads the file, from wherever DuckDB reads files. Raises ForeignModelError for a file
    that isn't harmless or doesn't fit, and the errors of CREATE MODEL.
    """
    started = time.perf_counter()
    path = options.model_path
    onnx, signature = _understood(con, path, options, given)
    require_row_by_row(onnx, signature, path, device)
    new = NewVersion(
        onnx=onnx,
        signature=signature,
        estimator="onnx",
        options=dict(given),
        stop_reason="imported",
        library_versions=lineage.library_versions(),
        description=given.get("description"),
        tags=json.dumps(given["tags"], ensure_ascii=False) if "tags" in given else None,
        seconds=time.perf_counter() - started,
        lineage=f"imported from {path}",
    )
    return store_foreign(
        con, statement.name, statement.or_replace, statement.if_not_exists, new, options
    )


def _understood(
    con: Native, path: str, options: ImportOptions, given: Mapping[str, Any]
) -> tuple[bytes, Signature]:
    """Return the graph to store, and its signature."""
    content = files.read_file(con, path)
    model = read_foreign_model(content, path)
    manifest = next((entry.value for entry in model.metadata_props if entry.key == MANIFEST), None)
    if manifest is None:
        interface = foreign_interface(
            model, options.features, options.target, options.output, options.labels
        )
        signature = adopted_signature(model, interface)
        onnx = adopt(model, interface, signature, options.on_null, "float32")
        return onnx, signature
    signature = own_signature(con, model, manifest, path)
    if _IN_MANIFEST & set(given):
        raise OptionError(
            f"'{path}' states its inputs and outputs itself: leave out target, features, output, "
            "labels and on_null."
        )
    return content, signature
