"""The registry of one database: its schema `_duckml`, read and written on one session."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from duckml.database import sessions
from duckml.database.sessions import Native
from duckml.errors import RegistryFormatError
from duckml.names import quote
from duckml.registry import authors
from duckml.sql import blocks

FORMAT = 2


def formats(session: Native) -> dict[str, int]:
    """Return the attached databases that hold a registry, with the format of each."""
    found = {}
    for (database,) in sessions.read(session, blocks("queries")["registries"]):
        [(number,)] = Registry(session, database).rows("format")
        found[database] = number or FORMAT
    return found


def readable_formats(session: Native) -> dict[str, int]:
    """Return the same without the registries that a newer duckml has written."""
    return {name: number for name, number in formats(session).items() if number <= FORMAT}


def now() -> datetime.datetime:
    """Return the current time in UTC, as a TIMESTAMP.

    DuckDB's Python package needs pytz to fetch a TIMESTAMP WITH TIME ZONE.
    """
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None)


class Registry:
    """The registry of a database on one session."""

    def __init__(self, session: Native, database: str, known_format: int | None = None) -> None:
        self.session = session
        self.database = database
        self._format = known_format

    # Reading

    @property
    def format(self) -> int | None:
        """Return the format of the registry, or None where the database has no readable one."""
        if self._format is None:
            self._format = readable_formats(self.session).get(self.database)
        return self._format

    def require_readable(self) -> None:
        """Raise RegistryFormatError if a newer duckml has written the registry."""
        number = formats(self.session).get(self.database, 0)
        if number > FORMAT:
            raise RegistryFormatError.newer(self.database, number, FORMAT)

    def rows(self, block: str, values: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Return the rows of a named query of `queries.sql`."""
        return sessions.read(self.session, self._sql("queries", block), values)

    def row(self, block: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the one row of a named query, by column."""
        return sessions.read_row(self.session, self._sql("queries", block), values)

    def names(self) -> list[tuple[str, str]]:
        """Return schema and name of every model."""
        return [(schema, name) for schema, name in self.rows("names")]

    def artifacts(self, key: str) -> list[bytes]:
        """Return the copies of the ONNX bytes of a key. Nothing is verified.

        Two transactions that store the same bytes leave two copies.
        """
        return [bytes(onnx) for (onnx,) in self.rows("artifact", {"key": key})]

    # Writing, in a transaction that the caller has opened

    def write(self, block: str, values: Mapping[str, Any] | None = None) -> None:
        """Run a named statement of `writes.sql`."""
        sessions.write(self.session, self._sql("writes", block), values)

    def execute(self, sql: str, values: Mapping[str, Any] | None = None) -> None:
        """Run a statement in which the first `{registry}` is the schema of the registry."""
        schema = f"{quote(self.database)}._duckml"
        # Only the first: names of models in the rest may contain these letters.
        sessions.write(self.session, sql.replace("{registry}", schema, 1), values)

    def create(self) -> None:
        """Create the tables, or migrate those of an older format."""
        found = self.format
        if found == FORMAT:
            return
        for number in range((found or FORMAT) + 1, FORMAT + 1):
            sessions.write(self.session, self._sql("migrations", str(number)))
        for block in blocks("schema"):
            sessions.write(self.session, self._sql("schema", block))
        sessions.write(self.session, self._sql("comments", "comments"))
        self.execute("DELETE FROM {registry}.format")
        self.execute(f"INSERT INTO {{registry}}.format VALUES ({FORMAT})")
        self._format = FORMAT

    def keep_artifact(self, key: str, onnx: bytes) -> None:
        """Store the bytes of a model unless they are stored.

        Otherwise the row is updated, so that a transaction that drops the same bytes collides.
        """
        if self.rows("has_artifact", {"key": key}):
            self.write("touch_artifact", {"key": key})
        else:
            self.write("insert_artifact", {"key": key, "onnx": onnx})

    def drop_unused_artifacts(self) -> None:
        """Delete the bytes that no version refers to."""
        # DuckDB lets one transaction delete a row that another one updates; two updates collide.
        self.write("claim_artifacts")
        self.write("delete_artifacts")

    def record(self, schema: str, name: str, version: int | None, action: str) -> None:
        """Add an event to the log."""
        event = {
            "at": now(),
            "who": authors.user_name(),
            "schema_name": schema,
            "name": name,
            "version": version,
            "action": action,
        }
        self.write("insert_event", event)

    def _sql(self, file: str, block: str) -> str:
        return blocks(file)[block].format(database=quote(self.database))
