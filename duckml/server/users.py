"""The users file: names, roles and SCRAM verifiers.

PostgreSQL stores the same verifiers. Nobody can log in with a verifier, and the password cannot be
computed from it (RFC 5802).
"""

from __future__ import annotations

import base64
import os
import re
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scramp import ScramException, ScramMechanism

from duckml.names import nearest
from duckml.server.session.roles import Role

MECHANISM = "SCRAM-SHA-256"
ITERATIONS = 4096  # PostgreSQL's default (scram_iterations)
MINIMUM_PASSWORD_LENGTH = 8
_HEADER = "# duckml's users: name, role, SCRAM-SHA-256 verifier. duckml user add writes it."
_BASE64 = "([A-Za-z0-9+/=]+)"
_VERIFIER = re.compile(rf"{MECHANISM}\$(\d+):{_BASE64}\${_BASE64}:{_BASE64}")


@dataclass(frozen=True)
class Verifier:
    """A SCRAM-SHA-256 verifier of a password; its text is PostgreSQL's spelling."""

    iterations: int
    salt: bytes
    stored_key: bytes
    server_key: bytes

    @classmethod
    def parse(cls, text: str) -> Verifier:
        """Parse a verifier; raise ValueError if the text is not one."""
        found = _VERIFIER.fullmatch(text)
        if found is None:
            raise ValueError(f"Expected a {MECHANISM} verifier.")
        iterations, *encoded = found.groups()
        salt, stored_key, server_key = (base64.b64decode(part, validate=True) for part in encoded)
        if not (salt and stored_key and server_key):
            raise ValueError(f"Expected a {MECHANISM} verifier.")
        return cls(int(iterations), salt, stored_key, server_key)

    @classmethod
    def of_password(cls, password: str) -> Verifier:
        """Return a verifier of a password, with a new random salt."""
        info = ScramMechanism(MECHANISM).make_auth_info(password, ITERATIONS)
        salt, stored_key, server_key, iterations = info
        return cls(iterations, salt, stored_key, server_key)

    @property
    def auth_info(self) -> tuple[bytes, bytes, bytes, int]:
        """Return the verifier as scramp expects it."""
        return self.salt, self.stored_key, self.server_key, self.iterations

    def __str__(self) -> str:
        parts = (self.salt, self.stored_key, self.server_key)
        salt, stored_key, server_key = (base64.b64encode(part).decode() for part in parts)
        return f"{MECHANISM}${self.iterations}:{salt}${stored_key}:{server_key}"


@dataclass(frozen=True)
class User:
    """A user who can log in."""

    name: str
    role: Role
    verifier: Verifier


def read_users(path: Path) -> dict[str, User]:
    """Read a users file and return the users by name.

    Raises ValueError with the line number if a line is malformed or repeats a user.
    """
    users: dict[str, User] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        user = _parse_line(line, f"{path}:{number}")
        if user.name in users:
            raise ValueError(f"{path}:{number}: the user '{user.name}' appears twice.")
        users[user.name] = user
    return users


def _parse_line(line: str, place: str) -> User:
    parts = line.split("\t")
    problem = f"{place}: expected a name, a role and a verifier, with tabs between them."
    if len(parts) != 3:
        raise ValueError(problem)
    name, role, verifier = parts
    try:
        parsed = Verifier.parse(verifier)
    except ValueError as error:
        raise ValueError(problem) from error
    return User(name, Role.named(role), parsed)


def write_users(path: Path, users: Mapping[str, User]) -> None:
    """Write a users file that only its owner can read, and replace the old one atomically."""
    lines = [_HEADER]
    for user in users.values():
        lines.append(f"{user.name}\t{user.role.name.lower()}\t{user.verifier}")
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, stat.S_IRUSR | stat.S_IWUSR)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def new_user(name: str, role: Role, password: str) -> User:
    """Return a user with a password; raise ValueError if the name or the password is not valid."""
    if not _is_valid_name(name):
        raise ValueError(f"'{name}' is not a valid user name: expected one line without tabs.")
    if len(password) < MINIMUM_PASSWORD_LENGTH:
        raise ValueError(
            f"The password has {len(password)} characters; "
            f"at least {MINIMUM_PASSWORD_LENGTH} are required."
        )
    try:
        return User(name, role, Verifier.of_password(password))
    except (ScramException, ValueError) as error:
        message = "The password has a character that passwords cannot have (SASLprep, RFC 4013)."
        raise ValueError(message) from error


def _is_valid_name(name: str) -> bool:
    # The file has a user per line, with tabs between the fields and # before comments.
    has_separator = any(letter in name for letter in "\t\n\r\0")
    return bool(name) and name == name.strip() and not has_separator and name[0] != "#"


def suggestion(name: str, users: Mapping[str, User]) -> str:
    """Return a hint with the nearest user name, or '' if none is near."""
    close = nearest(name, users)
    return f" Did you mean '{close}'?" if close else ""
