"""EXPORT MODEL: a version → a file, as the ONNX that it is, or as a SELECT for a database with nothing installed.

DuckDB writes the file, so that its settings decide where files may be written.
"""

from __future__ import annotations

import re

from duckml.artifacts import require_intact
from duckml.database import files
from duckml.database.sessions import Native
from duckml.language.prediction_sql import predict_macro
from duckml.onnx_graphs import plain_sql
from duckml.options.statement_options import ExportOptions
from duckml.registry import read as registry
from duckml.registry.read import StoredVersion


def export_model(con: Native, stored: StoredVersion, options: ExportOptions) -> None:
    """Write a version to the file that `options` names.

    Raises ArtifactError for a damaged model, PlainSqlError for one that can't be said in SQL.
    """
    onnx = registry.load_known(con, stored.key)
    require_intact(onnx, stored.key)
    if options.format == "macro":
        text = plain_sql.macro_for(
            onnx, f"{stored.name}@{stored.version}", f"{predict_macro(stored.name)}_sql"
        )
        files.write_file(con, options.uri, text.encode())
    elif options.format == "sql":
        text = plain_sql.select_for(
            onnx, f"{stored.name}@{stored.version}", options.dialect, options.table
        )
        files.write_file(con, options.uri, text.encode())
    else:
        # BigQuery ML exports to a folder.
        file = re.sub(r"[/\\\\]", "_", stored.name)
        path = f"{options.uri}{file}.onnx" if options.uri.endswith("/") else options.uri
        files.write_file(con, path, onnx)
