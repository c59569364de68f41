"""Options of `duckml serve`, checked before anything starts."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Limits:
    """Limits for clients; times in seconds, sizes in bytes."""

    connections: int = 100
    message: int = 64 << 20
    startup: float = 10.0
    idle: float = 8 * 3600.0
    drain: float = 30.0


@dataclass(frozen=True)
class ServerOptions:
    """The file to serve, the addresses, and the users.

    `users` is the path of the users file. Without it everyone is admin and needs no password, and
    the host must be a loopback address. `http_port` serves /health and /metrics; None disables
    them.
    """

    path: str
    host: str = "127.0.0.1"
    port: int = 5432
    users: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    is_read_write: bool = False
    http_port: int | None = None
    device: str = "auto"
    engine: str = "auto"
    limits: Limits = Limits()

    @property
    def is_local(self) -> bool:
        """Return whether only this machine can reach the server."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def check(self) -> None:
        """Raise ValueError if a file is missing or the options are not safe."""
        if (self.certificate is None) != (self.key is None):
            raise ValueError("TLS needs both a certificate and its key: --tls-cert and --tls-key.")
        self._check_files()
        if self.is_local:
            return
        missing = []
        if self.users is None:
            missing.append("passwords (--users)")
        if self.certificate is None:
            missing.append("TLS (--tls-cert, --tls-key)")
        if missing:
            needed = " and ".join(missing)
            raise ValueError(f"{self.host} can be reached from other machines, so needs {needed}.")

    def _check_files(self) -> None:
        files = {"users": self.users, "tls-cert": self.certificate, "tls-key": self.key}
        for option, file in files.items():
            if file is None or file.is_file():
                continue
            message = f"There is no file '{file}' (--{option})."
            if option == "users":
                message += " Create it with duckml user add NAME --role ROLE --users FILE."
            raise ValueError(message)
