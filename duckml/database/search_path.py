"""Schemas, and the search path of a session."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import duckdb

from duckml.database.sessions import Native, read, write
from duckml.database.transactions import in_transaction
from duckml.errors import StatementError
from duckml.names import literal, qualified

_CURRENT = "SELECT current_setting('search_path'), current_database(), current_schema()"


@dataclass(frozen=True)
class Place:
    """A schema of a database."""

    database: str
    schema: str


def search_path(con: Native) -> list[Place]:
    """Return the schemas in which DuckDB looks for an unqualified name, in its order."""
    [(path, database, schema)] = read(con, _CURRENT)
    places = [Place(database, schema)]
    for entry in _split_path(path or ""):
        place = Place(*entry) if len(entry) == 2 else Place(database, entry[0])
        if place not in places:
            places.append(place)
    if Place(database, "main") not in places:
        places.append(Place(database, "main"))
    return places


def _split_path(path: str) -> list[tuple[str, ...]]:
    """Return the entries of a search path, `schema` or `database.schema`, without quotes."""
    entries: list[tuple[str, ...]] = []
    for entry in _split_unquoted(path, ","):
        pieces = _split_unquoted(entry, ".")
        parts = tuple(piece.strip().strip('"').replace('""', '"') for piece in pieces)
        if 1 <= len(parts) <= 2 and all(parts):
            entries.append(parts)
    return entries


def _split_unquoted(text: str, separator: str) -> list[str]:
    """Return `text` split at a separator outside double quotes."""
    pieces, quoted = [""], False
    for character in text:
        quoted ^= character == '"'
        if character == separator and not quoted:
            pieces.append("")
        else:
            pieces[-1] += character
    return pieces


@contextlib.contextmanager
def using_schema(con: Native, place: Place | None) -> Iterator[None]:
    """Look for unqualified names in a schema during a block; None changes nothing.

    Raises StatementError if the schema no longer exists.
    """
    [(setting, database, schema)] = read(con, _CURRENT)
    if place is None or place == Place(database, schema):
        yield
        return
    if in_transaction(con):  # an error would abort it, and the search path couldn't be restored
        raise StatementError(
            f"The model was trained on tables of {place.database}.{place.schema}, and this session "
            f"uses {database}.{schema}. Inside a transaction USE that schema first, or retrain "
            "outside."
        )
    try:
        write(con, f"USE {qualified(place.database, place.schema)}")
    except duckdb.CatalogException as error:
        raise StatementError(
            f"The model was trained on tables of {place.database}.{place.schema}, which doesn't "
            "exist. Attach it, or CREATE OR REPLACE MODEL on current tables."
        ) from error
    try:
        yield
    finally:
        restore = (
            f"SET search_path = {literal(setting)}"
            if setting
            else f"USE {qualified(database, schema)}"
        )
        # An error in the block can have aborted the transaction, and USE with it.
        with contextlib.suppress(duckdb.Error):
            write(con, restore)
