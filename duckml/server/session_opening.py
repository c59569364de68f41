"""Opening the session of a client that has authenticated."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from duckml.names import nearest
from duckml.server.errors import Report, WireError
from duckml.server.protocol.authentication import UsersFile
from duckml.server.served_file import OpenFile, ServedFile
from duckml.server.session.session import Session
from duckml.server.session.settings import Settings

_NO_SETTINGS = frozenset({"user", "database", "replication"})
_DEFAULT_DATABASE = "postgres"  # of many clients, which connect to it without being asked


@dataclass(frozen=True)
class OpenedSession:
    """A session, and the DuckDB instance that it is on."""

    session: Session
    opened_file: OpenFile


@dataclass(frozen=True)
class SessionOpener:
    """The served file and its users."""

    file: ServedFile
    users: UsersFile

    def open(
        self, user: str, parameters: dict[str, str], pid: int, send_notice: Callable[[Report], None]
    ) -> OpenedSession:
        """Open a session with the parameters of a startup message.

        Raises WireError if the database does not exist or cannot be opened.
        """
        self._check_database(parameters.get("database") or user, user)
        con, opened_file = self.file.open_session()
        try:
            settings = Settings({"session_authorization": user, **startup_settings(parameters)})
            session = Session(
                con,
                self.file.name,
                user,
                self.users.read_for_client().role_of(user),
                self.file.is_read_only,
                settings,
                pid,
                send_notice,
            )
        except BaseException:
            con.close()
            self.file.close_session(opened_file)
            raise
        return OpenedSession(session, opened_file)

    def close(self, opened: OpenedSession) -> None:
        """Record that the session has been closed."""
        self.file.close_session(opened.opened_file)

    def _check_database(self, wanted: str, user: str) -> None:
        name = self.file.name
        # A client that names no database asks for one with the name of its user.
        if wanted in {name, user, _DEFAULT_DATABASE}:
            return
        is_near = nearest(wanted, [name]) is not None
        hint = f'Did you mean "{name}"?' if is_near else f'This server has "{name}".'
        raise WireError("3D000", f'database "{wanted}" does not exist', hint, is_fatal=True)


def startup_settings(parameters: dict[str, str]) -> dict[str, str]:
    """Return the valid settings among the parameters of a startup message."""
    wanted = {name: value for name, value in parameters.items() if name not in _NO_SETTINGS}
    wanted.update(_command_line_settings(wanted.pop("options", "")))
    checked = Settings({})
    valid = {}
    for name, value in wanted.items():
        if name.startswith("_pq_."):
            continue
        # Drivers send settings that not every server has, so unknown ones are ignored.
        with suppress(WireError):
            valid[name] = checked.change(name, value.strip("'"))
    return valid


def _command_line_settings(options: str) -> dict[str, str]:
    """Parse -c name=value, -cname=value and --name=value; a backslash escapes a space."""
    found = {}
    words = options.replace("\\ ", "\0").split()
    for index, word in enumerate(words):
        if not word.startswith("-"):
            continue
        if word == "-c" and index + 1 < len(words):
            assignment = words[index + 1]
        else:
            assignment = word.removeprefix("-c").removeprefix("--")
        name, equals, value = assignment.partition("=")
        if equals:
            found[name.replace("-", "_")] = value.replace("\0", " ")
    return found
