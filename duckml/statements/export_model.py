"""EXPORT MODEL: a version written to a file, as ONNX or as SQL for another database.

DuckDB writes the file, so that its settings decide where files may be written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from duckml.artifacts import require_intact
from duckml.database import files
from duckml.database.sessions import Native
from duckml.language.prediction_sql import predict_macro
from duckml.language.syntax import ModelName
from duckml.options.statement_options import ExportOptions, read_export_options
from duckml.plain_sql import select
from duckml.registry import lookup, stored_artifacts
from duckml.registry.stored_version import StoredVersion


def export_model(con: Native, name: ModelName, given: Mapping[str, Any]) -> None:
    """Write a version to the file that the options name.

    Raises ArtifactError for a damaged model, PlainSqlError for one that can't be written in SQL.
    """
    options = read_export_options(given)
    stored = lookup.require(con, name)
    onnx = stored_artifacts.require(con, stored.key)
    require_intact(onnx, stored.key)
    content = _content(stored, onnx, options)
    files.write_file(con, _path(stored, options), content)


def _content(stored: StoredVersion, onnx: bytes, options: ExportOptions) -> bytes:
    title = f"{stored.name}@{stored.version}"
    if options.format == "macro":
        function = f"{predict_macro(stored.name)}_sql"
        return select.macro_for(onnx, title, function).encode()
    if options.format == "sql":
        return select.select_for(onnx, title, options.dialect, options.table).encode()
    return onnx


def _path(stored: StoredVersion, options: ExportOptions) -> str:
    """Return the path of the file; BigQuery ML exports to a folder."""
    if options.format in {"macro", "sql"} or not options.uri.endswith("/"):
        return options.uri
    file = re.sub(r"[/\\\\]", "_", stored.name)
    return f"{options.uri}{file}.onnx"
