"""The effect of settings on DuckDB's session: search path, time zone and the catalog views."""

from __future__ import annotations

import duckdb

from duckml.names import literal
from duckml.server.errors import WireError
from duckml.server.pg_catalog import setup as catalog
from duckml.server.session.duckdb_session import DuckdbSession
from duckml.server.session.setting_defaults import REPORTED
from duckml.server.session.settings import Settings


class AppliedSettings:
    """The settings of a session, which DuckDB's session follows when they change."""

    def __init__(self, values: Settings, db: DuckdbSession, database: str, user: str) -> None:
        self.values = values
        self._db = db
        self._database = database
        self._user = user
        self._changed: list[str] = []
        self._apply()

    def set(self, name: str, value: str | None, is_local: bool = False) -> str:
        """Change a setting, to its initial value if `value` is None; return the new value.

        Raises WireError as Settings.change does, and for an unknown time zone.
        """
        is_time_zone = self.values.shown(name) == "TimeZone"
        if is_time_zone and value is not None:
            self._set_time_zone(value)  # before it is stored, because DuckDB knows the zones
        changed = self.values.change(name, value, is_local)
        if name == "search_path":
            self._set_search_path(changed)
        elif is_time_zone and value is None:
            self._set_time_zone(changed)
        self._changed.append(name)
        self._publish()
        return changed

    def reset(self) -> None:
        """Change all settings to their initial values."""
        self._changed += self.values.reset()
        self._apply()

    def begin_transaction(self) -> None:
        """Store the values, to which a rollback returns."""
        self.values.begin_transaction()

    def end_transaction(self, is_rolled_back: bool) -> None:
        """End the values of SET LOCAL, and after a rollback all that the transaction set."""
        if changed := self.values.end_transaction(is_rolled_back):
            self._changed += changed
            self._apply()

    def reported(self) -> list[tuple[str, str]]:
        """Return the settings that a client receives at the beginning of a session."""
        return [(name, self.values[name]) for name in REPORTED]

    def take_reported_changes(self) -> list[tuple[str, str]]:
        """Return the settings that a client receives because they changed since the last call."""
        changed, self._changed = self._changed, []
        names = dict.fromkeys(self.values.shown(name) for name in changed)
        return [(name, self.values[name]) for name in names if name in REPORTED]

    def _apply(self) -> None:
        self._set_time_zone(self.values["TimeZone"])
        self._set_search_path(self.values["search_path"])
        self._publish()

    def _set_search_path(self, search_path: str) -> None:
        """Resolve names in the schemas of a search path, then in those of PostgreSQL's catalogs."""
        self._db.release()
        # A table's name may now mean a table in another schema.
        self._db.forget_bindings()
        schemas = catalog.duckdb_search_path(self._db.con, self._database, search_path)
        self._db.execute(f"SET search_path = {literal(schemas)}")

    def _set_time_zone(self, zone: str) -> None:
        try:
            self._db.execute(f"SET TimeZone = {literal(zone)}")
        except duckdb.Error as error:
            raise WireError("22023", f"There is no time zone '{zone}'.") from error

    def _publish(self) -> None:
        """Store the settings where current_setting() of the catalog views reads them."""
        # Macros can read variables, but not the objects of this process.
        pairs = (f"{literal(name.lower())}: {literal(value)}" for name, value in self.values)
        self._db.execute(f"SET VARIABLE {catalog.SETTINGS} = MAP {{{', '.join(pairs)}}}")
        self._db.execute(f"SET VARIABLE {catalog.USER} = {literal(self._user)}")
