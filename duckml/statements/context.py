"""The surroundings of a statement that runs: connection, text, variables of the user's program."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any

import duckdb

from duckml.database import sessions
from duckml.database.frames import in_frame
from duckml.database.sessions import Native
from duckml.errors import OptionError
from duckml.estimators.model_warnings import ModelWarning
from duckml.language.syntax import Options, Script
from duckml.options.plain_values import plain_value
from duckml.registry import stored_artifacts
from duckml.registry.stored_version import StoredVersion
from duckml.statements.connection_state import ConnectionState, state_of, with_own_result

# Turns a text and its parameters into a call of DuckDB's own method that runs it.
Finish = Callable[[Any, object], Callable[[], Any]]

# Options that EXPORT MODEL takes as bare words, as COPY does.
_BARE_WORDS = frozenset({"format", "dialect"})


class ModelWarningMessage(UserWarning):
    """A warning about a new model, which its row in `_duckml.versions` has too."""


@dataclass
class Context:
    """One text of the user on one connection.

    `frame` has the variables of the user's program that a statement may name, `caller` is the
    frame that Python warnings point at.
    """

    con: Native
    frame: FrameType
    caller: FrameType

    @classmethod
    def of(cls, con: Native, frame: FrameType) -> Context:
        """Return the context of a text that was given in a frame."""
        return cls(con, frame, frame)

    @property
    def state(self) -> ConnectionState:
        """Return the state of the connection."""
        return state_of(self.con)

    def run(self, sql: Any, parameters: object, finish: Finish) -> Any:
        """Run SQL in the user's frame, and return the result."""
        return in_frame(self.frame, finish(sql, parameters))

    def execute(self, sql: Any, parameters: object) -> Callable[[], Any]:
        """Return the call that runs SQL whose rows nobody will read."""
        return functools.partial(Native.execute, self.con, sql, parameters)

    def show(self, sql: str, finish: Finish) -> Any:
        """Run the query whose rows are the result of a duckml statement."""
        result = finish(sql, None)()
        with_own_result.add(self.con)
        return result

    def forget_names(self) -> None:
        """Forget the models that names meant, after a change of the registry."""
        self.state.resolved.clear()

    def open(self, stored: StoredVersion) -> None:
        """Open the model of a version in the engine, so that a damaged one is refused now."""
        self.state.engine.open(stored.key, lambda: stored_artifacts.require(self.con, stored.key))

    def option_values(self, script: Script, options: Options) -> dict[str, Any]:
        """Return the values of OPTIONS: constants, which DuckDB evaluates.

        Raises OptionError for an expression that isn't a constant.
        """
        values = {}
        for name, span in options:
            text = script.source(span)
            is_bare = name in _BARE_WORDS and text.isidentifier()
            values[name] = text if is_bare else plain_value(self._constant(name, text))
        return values

    def _constant(self, name: str, text: str) -> Any:
        try:
            [(value,)] = sessions.read(self.con, f"SELECT ({text})")
        except (duckdb.TransactionException, duckdb.ResourceInUseException):
            raise
        except (duckdb.Error, ValueError) as error:
            raise OptionError.not_constant(name, text) from error
        return value

    def warn(self, name: str, found: Sequence[ModelWarning]) -> None:
        """Pass the warnings of a new version to the listener, or raise them as Python warnings."""
        listener = self.state.listener
        for warning in found:
            if listener is not None:
                listener.on_warning(name, warning)
                continue
            warnings.warn_explicit(
                f"{name}: {warning.message} [{warning.code}]",
                ModelWarningMessage,
                self.caller.f_code.co_filename,
                self.caller.f_lineno,
            )
