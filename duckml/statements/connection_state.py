"""The state of each duckml connection: its engine, its listener, the models that names meant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary, WeakSet

from duckml.database import sessions
from duckml.database.sessions import Native
from duckml.engines.choice import Engine
from duckml.language.resolved import Resolved
from duckml.language.syntax import ModelName
from duckml.training.progress import Listener


@dataclass
class ConnectionState:
    """The engine that serves a connection, and the models that names meant.

    `resolved` is valid while the catalog has the version `catalog_version`.
    """

    engine: Engine
    listener: Listener | None = None
    resolved: dict[ModelName, Resolved] = field(default_factory=dict)
    catalog_version: int | None = None


# A connection is DuckDB's object with another class, so it has no attributes of its own.
_states: WeakKeyDictionary[Native, ConnectionState] = WeakKeyDictionary()

# The connections whose open result is that of a duckml statement. To the user it is like that of
# CREATE TABLE, which never keeps a connection busy: it is discarded when another statement runs.
with_own_result: WeakSet[Native] = WeakSet()


def add(con: Native, engine: Engine) -> None:
    """Register a connection that is served by an engine."""
    _states[con] = ConnectionState(engine)


def state_of(con: Native) -> ConnectionState:
    """Return the state of a connection."""
    return _states[con]


def open_connections() -> Sequence[Native]:
    """Return the duckml connections of this process."""
    # keyrefs() copies the references in one step: other threads open and close connections.
    return [con for reference in _states.keyrefs() if (con := reference()) is not None]


def discard_own_result(con: Native) -> None:
    """Discard the open result of a duckml statement."""
    if con in with_own_result:
        with_own_result.discard(con)
        sessions.discard_result(con)
