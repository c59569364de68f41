"""Files, read and written by DuckDB, so that its settings decide what is permitted."""

from __future__ import annotations

import duckdb

from duckml.database.sessions import Native, read, write
from duckml.names import literal


def read_file(con: Native, path: str) -> bytes:
    """The bytes of a file, wherever DuckDB reads files; raises DuckDB's error when it can't."""
    rows = read(con, "SELECT content FROM read_blob($path)", {"path": path})
    if len(rows) != 1:
        found = (
            f"There is no file '{path}'."
            if not rows
            else f"'{path}' means {len(rows)} files; one is needed."
        )
        raise duckdb.IOException(found)
    return bytes(rows[0][0])


def write_file(con: Native, path: str, content: bytes) -> None:
    """Write a file, wherever DuckDB writes files; raises DuckDB's error when it can't."""
    write(
        con,
        f"COPY (SELECT $content::BLOB AS content) TO {literal(path)} (FORMAT blob)",
        {"content": content},
    )
