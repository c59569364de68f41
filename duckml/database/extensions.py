"""Unsigned extensions: opening a database that permits them, loading one, restoring the policy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb

from duckml.database.sessions import Native, read, sibling_session, write
from duckml.names import literal

_UNSIGNED = "allow_unsigned_extensions"
_LOCK = "lock_configuration"


def load_extension(session: Native, path: str) -> None:
    """Load an extension into this database instance.

    Raises DuckDB's error if the extension is not permitted or can't be loaded.
    """
    write(session, f"LOAD {literal(path)}")


def open_database(path: str, read_only: bool, config: Mapping[str, Any], unsigned: bool) -> Native:
    """Open a database; `unsigned` permits unsigned extensions until `restore_extension_policy`.

    `restore_extension_policy` also locks the configuration if it is to be locked. Raises
    DuckDB's ConnectionException if this process has the database open with another
    configuration.
    """
    if unsigned:
        config = {name: value for name, value in config.items() if name.lower() != _LOCK}
        config[_UNSIGNED] = "true"
    return duckdb.connect(path, read_only=read_only, config=dict(config))


def decides_on_unsigned(config: Mapping[str, Any]) -> bool:
    """Return whether a configuration sets the policy on unsigned extensions, in any spelling."""
    return any(name.lower() == _UNSIGNED for name in config)


def allows_unsigned(con: Native) -> bool:
    """Return whether the database permits unsigned extensions."""
    with sibling_session(con) as session:
        return bool(read(session, "SELECT current_setting($name)", {"name": _UNSIGNED})[0][0])


def restore_extension_policy(con: Native, config: Mapping[str, Any]) -> None:
    """Forbid unsigned extensions again, and lock the configuration if it is to be locked.

    Nothing changes if `config` itself sets the policy. If another connection has the database
    open too, its policy is kept.
    """
    if decides_on_unsigned(config):
        return
    [(count, unsigned, locked)] = read(
        con,
        "SELECT count, current_setting($unsigned), current_setting($lock) "
        "FROM duckdb_connection_count()",
        {"unsigned": _UNSIGNED, "lock": _LOCK},
    )
    if unsigned and count == 1 and not locked:
        write(con, f"SET {_UNSIGNED} = false")
    for name, value in config.items():
        if name.lower() == _LOCK and not locked:
            write(con, f"SET {_LOCK} = {literal(str(value))}")
