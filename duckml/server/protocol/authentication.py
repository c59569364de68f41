"""Authentication of users against the users file, which may change while the server runs."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from duckml.server.errors import WireError
from duckml.server.protocol.scram import ScramExchange
from duckml.server.session.roles import Role
from duckml.server.users import ITERATIONS, User, Verifier, read_users

_SALT_BYTES = 16


class Authenticator:
    """The users that can log in.

    Without users (None) everyone can log in as admin and without a password, which is for servers
    that only this machine reaches.
    """

    def __init__(self, users: Mapping[str, User] | None) -> None:
        self._users = users
        self._key = secrets.token_bytes(32)

    @property
    def requires_password(self) -> bool:
        """Return whether clients have to prove a password."""
        return self._users is not None

    @property
    def has_no_users(self) -> bool:
        """Return whether passwords are required but nobody can log in."""
        return self._users is not None and not self._users

    def role_of(self, name: str) -> Role:
        """Return the role of an authenticated user.

        Raises WireError if the user was removed from the file during the login.
        """
        if self._users is None:
            return Role.ADMIN
        if name not in self._users:
            message = f'role "{name}" is not permitted to log in'
            raise WireError("28000", message, is_fatal=True)
        return self._users[name].role

    def start_exchange(self, name: str) -> ScramExchange:
        """Return the SCRAM exchange with a user.

        The exchange with an unknown user takes the same steps and fails at the last one.
        """
        user = None if self._users is None else self._users.get(name)
        if user is None:
            return ScramExchange(name, self._false_verifier(name), is_known_user=False)
        return ScramExchange(name, user.verifier, is_known_user=True)

    def _false_verifier(self, name: str) -> Verifier:
        """Return a verifier that no password fits.

        It is the same for each login, because a salt that changes would reveal an unknown user.
        """

        def digest(part: str) -> bytes:
            return hmac.digest(self._key, f"{part}:{name}".encode(), hashlib.sha256)

        return Verifier(ITERATIONS, digest("salt")[:_SALT_BYTES], digest("a"), digest("b"))


class UsersFile:
    """The path of a users file, or None, and the authenticator for its current content."""

    def __init__(self, path: Path | None, log: Callable[..., None]) -> None:
        self._path = path
        self._log = log
        self._authenticator = Authenticator(None)
        self._version: tuple[int, ...] = ()  # modification time, size and inode of the file read

    def read(self) -> Authenticator:
        """Return the authenticator for the file, which is read again if it has changed.

        Raises OSError or ValueError if the file cannot be read.
        """
        if self._path is not None:
            found = self._path.stat()
            version = (found.st_mtime_ns, found.st_size, found.st_ino)
            if version != self._version:
                self._authenticator = Authenticator(read_users(self._path))
                self._version = version
        return self._authenticator

    def read_for_client(self) -> Authenticator:
        """Return the same as `read`; log a problem with the file and raise WireError for it."""
        try:
            return self.read()
        except (OSError, ValueError) as error:
            self._log("users unreadable", problem=str(error))
            message = "The users file cannot be read; see the server's log."
            raise WireError("57P03", message, is_fatal=True) from error
