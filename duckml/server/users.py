"""Who may connect: a file of names, roles and SCRAM verifiers, and the exchange that proves a password.

A verifier is what PostgreSQL stores too: nobody can log in with it, and the password can't be read from it (RFC 5802).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import secrets
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scramp import ScramException, ScramMechanism

from duckml.names import nearest
from duckml.server.errors import WireError
from duckml.server.session.roles import Role

MECHANISM = "SCRAM-SHA-256"
ITERATIONS = 4096  # PostgreSQL's own (scram_iterations)
SHORTEST_PASSWORD = 8
_VERIFIER = re.compile(
    r"SCRAM-SHA-256\$(\d+):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)"
)


@dataclass(frozen=True)
class User:
    """A user, and what proves the password."""

    name: str
    role: Role
    verifier: str


def read_users(path: Path) -> dict[str, User]:
    """The users of a file by name.

    Raises ValueError, which names the line, for a file that isn't one of users.
    """
    users: dict[str, User] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        parts = line.split("\t")
        if len(parts) != 3 or not _is_verifier(parts[2]):
            raise ValueError(
                f"{path}:{number}: expected a name, a role and a verifier, with tabs between them."
            )
        if parts[0] in users:
            raise ValueError(f"{path}:{number}: the user '{parts[0]}' stands there twice.")
        users[parts[0]] = User(parts[0], Role.named(parts[1]), parts[2])
    return users


def _is_verifier(text: str) -> bool:
    found = _VERIFIER.fullmatch(text)
    try:
        return found is not None and all(
            base64.b64decode(found[n], validate=True) for n in (2, 3, 4)
        )
    except ValueError:
        return False


def write_users(path: Path, users: Mapping[str, User]) -> None:
    """Write the file anew, readable by its owner only, in the place of the old one at once."""
    lines = ["# duckml's users: name, role, SCRAM-SHA-256 verifier. duckml user add writes it."]
    lines += [f"{user.name}\t{user.role.name.lower()}\t{user.verifier}" for user in users.values()]
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
    """A user with a password; raises ValueError for a name or a password that can't be."""
    if (
        not name
        or any(letter in name for letter in "\t\n\r\0")
        or name != name.strip()
        or name.startswith("#")
    ):
        raise ValueError(f"'{name}' can't be the name of a user: it must be one line without tabs.")
    if len(password) < SHORTEST_PASSWORD:
        raise ValueError(
            f"The password has {len(password)} characters; {SHORTEST_PASSWORD} are the least."
        )
    try:
        return User(name, role, verifier_of(password))
    except (ScramException, ValueError) as error:
        raise ValueError(
            "The password has a character that can't be in passwords (SASLprep, RFC 4013)."
        ) from error


def verifier_of(password: str) -> str:
    """The verifier of a password, in PostgreSQL's spelling."""
    salt, stored, server, iterations = ScramMechanism(MECHANISM).make_auth_info(
        password, ITERATIONS
    )
    salt_text, stored_text, server_text = (
        base64.b64encode(part).decode() for part in (salt, stored, server)
    )
    return f"{MECHANISM}${iterations}:{salt_text}${stored_text}:{server_text}"


class Gate:
    """Lets in the users that it knows; without any, everybody as admin, for servers that only this machine reaches."""

    def __init__(self, users: Mapping[str, User] | None) -> None:
        self._users = users
        self._key = secrets.token_bytes(32)

    @property
    def is_open(self) -> bool:
        """Whether nobody is asked for a password."""
        return self._users is None

    @property
    def is_empty(self) -> bool:
        """Whether nobody at all can be let in."""
        return self._users is not None and not self._users

    def role_of(self, name: str) -> Role:
        """The role of a user who has been let in."""
        if (
            self._users is not None and name not in self._users
        ):  # taken out of the file in this very moment
            raise WireError("28000", f'role "{name}" is not permitted to log in', "", True)
        return Role.ADMIN if self._users is None else self._users[name].role

    def exchange(self, name: str) -> Exchange:
        """The exchange with a user; with an unknown one it goes the same way, to fail at the end."""
        user = None if self._users is None else self._users.get(name)
        return Exchange(
            name,
            user.verifier if user is not None else self._false_verifier(name),
            user is not None,
        )

    def _false_verifier(self, name: str) -> str:
        """A verifier that no password fits, the same each time, so that it doesn't tell who is known."""
        parts = [
            hmac.digest(self._key, f"{what}:{name}".encode(), hashlib.sha256)
            for what in ("salt", "a", "b")
        ]
        salt, stored, server = (
            base64.b64encode(part).decode() for part in (parts[0][:16], parts[1], parts[2])
        )
        return f"{MECHANISM}${ITERATIONS}:{salt}${stored}:{server}"


class Exchange:
    """One login: the client's first message, the server's, the client's proof, the server's."""

    def __init__(self, name: str, verifier: str, is_known: bool) -> None:
        self._name = name
        self._is_known = is_known
        found = _VERIFIER.fullmatch(verifier)
        assert found is not None
        salt, stored, server = (base64.b64decode(found[n]) for n in (2, 3, 4))
        # Clients of PostgreSQL leave the name out of the exchange: it stands in the first message of all.
        self._server = ScramMechanism(MECHANISM).make_server(
            lambda _: (salt, stored, server, int(found[1]))
        )

    def first(self, data: bytes) -> str:
        """The server's answer to the client's first message."""
        try:
            text = data.decode()
            self._server.set_client_first(text.replace("n=,", "n=*,", 1))
            if ",n=," in text:
                # Clients leave the name empty, which scramp refuses, and what they prove is what they have sent.
                self._server.client_first_bare = text[text.index("n=,") :]
            return str(self._server.get_server_first())
        except (ScramException, ValueError) as error:
            raise self._refused() from error

    def final(self, data: bytes) -> str:
        """The server's answer to the client's proof; raises WireError when the password is another one."""
        try:
            self._server.set_client_final(data.decode())
            answer = str(self._server.get_server_final())
        except (ScramException, ValueError) as error:
            raise self._refused() from error
        if not self._is_known:
            raise self._refused()
        return answer

    def _refused(self) -> WireError:
        return WireError(
            "28P01", f'password authentication failed for user "{self._name}"', "", True
        )


def near(name: str, users: Mapping[str, User]) -> str:
    """A hint for a name that isn't there."""
    close = nearest(name, users)
    return f" Did you mean '{close}'?" if close else ""
