"""Models as plain SQL, for databases with nothing installed.

The SQL is written for DuckDB and translated by sqlglot. It computes in double precision, so its
predictions differ from PREDICT's, which computes nets in single precision, in the seventh digit.
"""

from __future__ import annotations

from collections.abc import Mapping

from duckml.errors import PlainSqlError
from duckml.features.signature import Signature
from duckml.language.model_names import model_name
from duckml.names import qualified, quote
from duckml.onnx_graphs.manifest import read_manifest
from duckml.plain_sql.dialects import TESTED_DIALECTS, require_dialect, translated
from duckml.plain_sql.writer import SqlWriter


def select_for(onnx_bytes: bytes, name: str, dialect: str, table: str) -> str:
    """Return a SELECT of all columns of a table and the prediction, in the SQL of a dialect.

    Raises PlainSqlError if the dialect is unknown, or the model is too large or has operators that
    can't be written as SQL.
    """
    dialect = dialect.lower()
    require_dialect(dialect)
    writer = _writer(onnx_bytes, dialect)
    signature = writer.signature
    values = {column.name: f"t.{quote(column.name)}" for column in signature.inputs}
    if dialect != "duckdb":
        _require_portable(signature, dialect)
    output = quote(signature.target.prediction)
    source = qualified(*model_name(table).parts)
    select = f"SELECT t.*, ({writer.prediction(values)}) AS {output} FROM {source} AS t"
    note = ""
    if dialect not in TESTED_DIALECTS:
        note = f" The dialect {dialect} is not tested: compare some rows."
    return f"{_header(name, signature)}{note}\n{translated(select, dialect)};\n"


def macro_for(onnx_bytes: bytes, name: str, function: str) -> str:
    """Return a CREATE MACRO of `function`, which predicts in any DuckDB.

    Raises PlainSqlError as `select_for` does.
    """
    writer = _writer(onnx_bytes, "duckdb")
    signature = writer.signature
    values: Mapping[str, str] = {column.name: quote(column.name) for column in signature.inputs}
    parameters = [f"{quote(column.name)} {column.sql_type}" for column in signature.inputs]
    head = f"CREATE OR REPLACE MACRO {quote(function)}({', '.join(parameters)})"
    return f"{_header(name, signature)}\n{head} AS ({writer.prediction(values)});\n"


def _header(name: str, signature: Signature) -> str:
    return f"-- Model {_one_line(name)}: {_one_line(str(signature))}. Written by duckml."


def _one_line(text: str) -> str:
    """Return a text without line breaks, which would end a comment."""
    return " ".join(text.split())


def _writer(onnx_bytes: bytes, dialect: str) -> SqlWriter:
    import onnx

    model = onnx.load_from_string(onnx_bytes)
    manifest = read_manifest(model)
    signature = Signature.from_json(manifest["signature"])
    if signature.transform is not None and dialect != "duckdb":
        raise PlainSqlError(
            "The model has a TRANSFORM, which is DuckDB's SQL. It can be written for duckdb only."
        )
    return SqlWriter(model, signature, manifest["on_null"], dialect)


def _require_portable(signature: Signature, dialect: str) -> None:
    """Raise PlainSqlError if a category has a type that databases convert to different texts."""
    for feature in signature.features:
        if feature.kind == "category" and feature.sql_type not in {"VARCHAR", "BIGINT"}:
            raise PlainSqlError(
                f'The model can\'t be written for {dialect}: its category "{feature.name}" is '
                f"{feature.sql_type}, which every database writes in its own way. Categories of "
                "text and whole numbers are supported."
            )
