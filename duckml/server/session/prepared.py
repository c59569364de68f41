"""Prepared statements and portals: what a client has parsed and bound, by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from duckml.database import binding
from duckml.server.errors import WireError
from duckml.server.session.client_statement import (
    ClientStatement,
    client_statement,
    has_several_statements,
)
from duckml.server.session.command_result import CommandResult
from duckml.server.values.result_columns import ResultColumn


@dataclass
class PreparedStatement:
    """A statement that a client has prepared.

    `oids` are the types that the client declares of its parameters. `described_columns` are the
    columns of its description, None before it was described.
    """

    statement: ClientStatement
    oids: tuple[int, ...] = ()
    described_columns: Sequence[ResultColumn] | None = None


@dataclass
class Portal:
    """A prepared statement with its parameters, and its result once it runs."""

    prepared: PreparedStatement
    values: list[Any]
    result_formats: Sequence[int]
    columns: Sequence[ResultColumn] | None = None
    is_described: bool = False
    bound: binding.BoundStatement | None = None
    result: CommandResult | None = None

    @property
    def statement(self) -> ClientStatement:
        """Return the statement that the portal runs."""
        return self.prepared.statement

    def close(self) -> None:
        """Discard the rows that have not been read."""
        if self.result is not None:
            self.result.close()


class PreparedStatements:
    """The prepared statements of a session by name, '' for the unnamed one."""

    def __init__(self) -> None:
        self._by_name: dict[str, PreparedStatement] = {}

    def add(self, name: str, text: str, oids: Sequence[int]) -> None:
        """Prepare a statement, in place of the earlier one for the unnamed one.

        Raises WireError for several statements, for a name that exists and for a misspelt command.
        """
        if has_several_statements(text):
            message = "cannot insert multiple commands into a prepared statement"
            raise WireError("42601", message)
        if name and name in self._by_name:
            raise WireError("42P05", f'prepared statement "{name}" already exists')
        self._by_name[name] = PreparedStatement(client_statement(text), tuple(oids))

    def get(self, name: str) -> PreparedStatement:
        """Return a prepared statement.

        Raises WireError if there is none of that name.
        """
        if name not in self._by_name:
            raise WireError("26000", f'prepared statement "{name}" does not exist')
        return self._by_name[name]

    def find(self, name: str) -> PreparedStatement | None:
        """Return a prepared statement, None if there is none of that name."""
        return self._by_name.get(name)

    def remove(self, name: str) -> bool:
        """Remove a prepared statement; return whether there was one of that name."""
        return self._by_name.pop(name, None) is not None

    def clear(self) -> None:
        """Remove all prepared statements."""
        self._by_name.clear()


class Portals:
    """The portals of a session by name, '' for the unnamed one."""

    def __init__(self) -> None:
        self._by_name: dict[str, Portal] = {}

    def __iter__(self) -> Iterator[Portal]:
        return iter(self._by_name.values())

    def add(self, name: str, portal: Portal) -> None:
        """Open a portal, in place of the earlier one for the unnamed one.

        Raises WireError for a name that exists.
        """
        if name and name in self._by_name:
            raise WireError("42P03", f'cursor "{name}" already exists')
        # The unnamed portal is replaced without an error.
        self.close(name)
        self._by_name[name] = portal

    def get(self, name: str) -> Portal:
        """Return a portal.

        Raises WireError if there is none of that name.
        """
        if name not in self._by_name:
            raise WireError("34000", f'portal "{name}" does not exist')
        return self._by_name[name]

    def find(self, name: str) -> Portal | None:
        """Return a portal, None if there is none of that name."""
        return self._by_name.get(name)

    def close(self, name: str) -> None:
        """Close a portal, if there is one of that name."""
        portal = self._by_name.pop(name, None)
        if portal is not None:
            portal.close()

    def close_all(self) -> None:
        """Close all portals."""
        for name in list(self._by_name):
            self.close(name)

    def discard_results(self) -> None:
        """Discard the results of all portals, as the end of a transaction does."""
        for portal in self:
            portal.close()
