"""The commands that a client's statement can be, as values.

The server runs PostgreSQL's commands itself. DuckDB and duckml run every other statement.
"""

from __future__ import annotations

from dataclasses import dataclass

from duckml.server.session.sql_statement import SqlStatement
from duckml.server.values.copy_format import CopyFormat


@dataclass(frozen=True)
class Begin:
    """BEGIN, or START TRANSACTION."""

    read_only: bool = False


@dataclass(frozen=True)
class Commit:
    """COMMIT, or END."""


@dataclass(frozen=True)
class Rollback:
    """ROLLBACK, or ABORT."""


@dataclass(frozen=True)
class Savepoint:
    """SAVEPOINT name."""

    name: str


@dataclass(frozen=True)
class Release:
    """RELEASE [SAVEPOINT] name."""

    name: str


@dataclass(frozen=True)
class RollbackTo:
    """ROLLBACK TO [SAVEPOINT] name."""

    name: str


@dataclass(frozen=True)
class SetParameter:
    """SET name = value; the value None is DEFAULT.

    `is_query` is the function set_config(), which returns the value as a row.
    """

    name: str
    value: str | None
    is_local: bool = False
    is_query: bool = False


@dataclass(frozen=True)
class ShowParameter:
    """SHOW name, or SHOW ALL."""

    name: str


@dataclass(frozen=True)
class ResetParameter:
    """RESET name, or RESET ALL."""

    name: str


@dataclass(frozen=True)
class Discard:
    """DISCARD ALL, PLANS, SEQUENCES or TEMP."""

    what: str


@dataclass(frozen=True)
class DeclareCursor:
    """DECLARE name CURSOR FOR query."""

    name: str
    query: SqlStatement
    is_held: bool


@dataclass(frozen=True)
class Fetch:
    """FETCH count FROM name; the count None is ALL. `is_move` is MOVE, which returns no rows."""

    name: str
    count: int | None
    is_move: bool = False


@dataclass(frozen=True)
class CloseCursor:
    """CLOSE name, or CLOSE ALL when the name is None."""

    name: str | None


@dataclass(frozen=True)
class CopyOut:
    """COPY (query) TO STDOUT."""

    query: SqlStatement
    how: CopyFormat


@dataclass(frozen=True)
class Deallocate:
    """DEALLOCATE name, or ALL when the name is None."""

    name: str | None


@dataclass(frozen=True)
class NoOperation:
    """A command that is accepted and has no effect, such as LISTEN; '' is the empty statement."""

    tag: str


Command = (
    SqlStatement
    | Begin
    | Commit
    | Rollback
    | Savepoint
    | Release
    | RollbackTo
    | SetParameter
    | ShowParameter
    | ResetParameter
    | Discard
    | DeclareCursor
    | Fetch
    | CloseCursor
    | CopyOut
    | Deallocate
    | NoOperation
)

TRANSACTION_COMMANDS = (Begin, Commit, Rollback, RollbackTo, Savepoint)
