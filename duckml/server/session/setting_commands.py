"""Running SET, SHOW and RESET."""

from __future__ import annotations

from collections.abc import Sequence

from duckml.server.session.applied_settings import AppliedSettings
from duckml.server.session.command_result import CommandResult
from duckml.server.session.commands import ResetParameter, SetParameter, ShowParameter
from duckml.server.session.duckdb_session import DuckdbSession
from duckml.server.values import types
from duckml.server.values.result_columns import ResultColumn

SET_CONFIG_COLUMNS = (ResultColumn("set_config", types.TEXT),)
_ALL_COLUMNS = tuple(
    ResultColumn(title, types.TEXT) for title in ("name", "setting", "description")
)


class SettingCommands:
    """The commands of a session about its settings."""

    def __init__(self, settings: AppliedSettings, db: DuckdbSession) -> None:
        self._settings = settings
        self._db = db

    def set(self, command: SetParameter) -> CommandResult:
        """Run SET, or SELECT set_config(), which returns the value."""
        value = self._settings.set(command.name, command.value, command.is_local)
        if not command.is_query:
            return CommandResult("SET")
        rows = self._db.constant_rows([[value]])
        return CommandResult("SELECT", SET_CONFIG_COLUMNS, rows, counts=True)

    def show(self, command: ShowParameter) -> CommandResult:
        """Run SHOW name, or SHOW ALL."""
        values = self._settings.values
        if command.name == "all":
            rows = [[name, value, ""] for name, value in values]
        else:
            rows = [[values[command.name]]]
        columns = self.columns(command)
        return CommandResult("SHOW", columns, self._db.constant_rows(rows))

    def columns(self, command: ShowParameter) -> Sequence[ResultColumn]:
        """Return the columns of SHOW.

        Raises WireError for an unknown setting.
        """
        if command.name == "all":
            return _ALL_COLUMNS
        values = self._settings.values
        values[command.name]  # raises if there is no such setting
        return [ResultColumn(values.shown(command.name), types.TEXT)]

    def reset(self, command: ResetParameter) -> CommandResult:
        """Run RESET name, or RESET ALL."""
        if command.name == "all":
            self._settings.reset()
        else:
            self._settings.set(command.name, None)
        return CommandResult("RESET")
