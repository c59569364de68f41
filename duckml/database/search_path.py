"""Schemas, and the search path of a session."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import duckdb

from duckml.database.sessions import Native, read, write
from duckml.database.transactions import in_transaction
from duckml.errors import StatementError
from duckml.names import literal, quote


@dataclass(frozen=True)
class Place:
    """A schema of a database."""

    database: str
    schema: str


def search_path(con: Native) -> list[Place]:
    """Where an unqualified name is looked for, first place first."""
    [(path, database, schema)] = read(
        con, "SELECT current_setting('search_path'), current_database(), current_schema()"
    )
    current = Place(database, schema)
    places = [current]
    for entry in _split_path(path or ""):
        place = Place(*entry) if len(entry) == 2 else Place(database, entry[0])
        if place not in places:
            places.append(place)
    if Place(database, "main") not in places:
        places.append(Place(database, "main"))
    return places


def _split_path(path: str) -> list[tuple[str, ...]]:
    """The entries of a search path, `schema` or `database.schema`, with the quotes taken off."""
    entries: list[tuple[str, ...]] = []
    for entry in _split_unquoted(path, ","):
        parts = tuple(
            part.strip().strip('"').replace('""', '"') for part in _split_unquoted(entry, ".")
        )
        if 1 <= len(parts) <= 2 and all(parts):
            entries.append(parts)
    return entries


def _split_unquoted(text: str, separator: str) -> list[str]:
    """`text` cut at a separator, but not inside double quotes."""
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

    Raises StatementError when there is no such schema any more.
    """
    [(setting, database, schema)] = read(
        con, "SELECT current_setting('search_path'), current_database(), current_schema()"
    )
    if place is None or place == Place(database, schema):
        yield
        return
    if in_transaction(con):  # an error would abort it, and then the way back as well
        raise StatementError(
            f"The model was trained on tables of {place.database}.{place.schema}, and this session looks in "
            f"{database}.{schema}. Inside a transaction USE that schema first, or retrain outside."
        )
    try:
        write(con, f"USE {quote(place.database)}.{quote(place.schema)}")
    except duckdb.CatalogException as error:
        raise StatementError(
            f"The model was trained on tables of {place.database}.{place.schema}, which is not here. Attach it, or "
            "CREATE OR REPLACE MODEL on the tables of today."
        ) from error
    try:
        yield
    finally:
        back = (
            f"SET search_path = {literal(setting)}"
            if setting
            else f"USE {quote(database)}.{quote(schema)}"
        )
        with contextlib.suppress(
            duckdb.Error
        ):  # an error has aborted the transaction, and USE with it
            write(con, back)
