"""Files, read and written by DuckDB, so that its settings decide which are permitted."""

from __future__ import annotations

import duckdb

from duckml.database.sessions import Native, read, write
from duckml.names import literal


def read_file(con: Native, path: str) -> bytes:
    """Return the bytes of a file, from any file system of DuckDB.

    Raises DuckDB's error if the file can't be read.
    """
    rows = read(con, "SELECT content FROM read_blob($path)", {"path": path})
    if not rows:
        raise duckdb.IOException(f"There is no file '{path}'.")
    if len(rows) > 1:
        raise duckdb.IOException(f"'{path}' matches {len(rows)} files; one is needed.")
    return bytes(rows[0][0])


def write_file(con: Native, path: str, content: bytes) -> None:
    """Write a file to any file system of DuckDB; raise DuckDB's error if that fails."""
    write(
        con,
        f"COPY (SELECT $content::BLOB AS content) TO {literal(path)} (FORMAT blob)",
        {"content": content},
    )
