"""Superset as a program: its configuration, its own database, and `superset run`."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ADMIN = "admin"

# The secret signs sessions, encrypts the database password, and is the administrator's password.
CONFIG = '''"""Superset for a test: everything in this folder, for one user of this machine."""

from pathlib import Path

HERE = Path(__file__).parent
SECRET_KEY = (HERE / "secret").read_text(encoding="utf-8")
SQLALCHEMY_DATABASE_URI = f"sqlite:///{HERE / 'superset.db'}"
WTF_CSRF_ENABLED = False
TALISMAN_ENABLED = False
PREVENT_UNSAFE_DB_CONNECTIONS = False
'''


class Failure(Exception):
    """A failed step, with the response of the server."""


def program(home: Path, *arguments: str) -> tuple[list[str], dict[str, str]]:
    """Return the command line and the environment of a Superset command."""
    environment = {
        **os.environ,
        "SUPERSET_CONFIG_PATH": str(home / "superset_config.py"),
        "SUPERSET_HOME": str(home),
        "SCARF_ANALYTICS": "false",
        "PYTHONWARNINGS": "ignore",
    }
    return [str(Path(sys.executable).parent / "superset"), *arguments], environment


def configure(home: Path) -> None:
    """Write the configuration, and a new secret if there is none."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "superset_config.py").write_text(CONFIG, encoding="utf-8")
    secret = home / "secret"
    if not secret.exists():
        secret.touch(mode=0o600)
        secret.write_text(secrets.token_urlsafe(42), encoding="utf-8")


def initialise(home: Path) -> str:
    """Create Superset's own database, its administrator and its roles, each once."""
    password = (home / "secret").read_text(encoding="utf-8")
    person = ["--username", ADMIN, "--email", "a@example.com"]
    person += ["--firstname", "A", "--lastname", "B"]
    commands = {
        "upgrade": ["db", "upgrade"],
        "admin": ["fab", "create-admin", *person, "--password", password],
        "init": ["init"],
    }
    done = []
    for name, arguments in commands.items():
        mark = home / f"{name}.done"
        if not mark.exists():
            run_once(home, arguments)
            mark.touch()
            done.append(name)
    return ", ".join(done) or "done already"


def run_once(home: Path, arguments: list[str]) -> None:
    """Run a Superset command to its end; raise Failure if it fails."""
    command, environment = program(home, *arguments)
    answer = subprocess.run(
        command, env=environment, cwd=home, capture_output=True, text=True, check=False
    )
    if answer.returncode:
        output = answer.stdout + answer.stderr
        raise Failure(f"superset {arguments[0]} ended with {answer.returncode}:\n{output}")


def free_port() -> int:
    """Return a free port of the loopback interface."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def child(home: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run `superset run` during a with block; its output goes to server.log in the folder."""
    command, environment = program(home, "run", "--host", "127.0.0.1", "--port", str(port))
    with (home / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command, env=environment, cwd=home, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_for(process: subprocess.Popen[bytes], url: str, home: Path) -> None:
    """Wait until the server responds; raise Failure with the end of its log if it does not."""
    deadline = time.monotonic() + 300
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=10):
                return
        except OSError:
            time.sleep(0.5)
    log = (home / "server.log").read_text(encoding="utf-8", errors="replace")
    raise Failure(f"superset run does not answer:\n{log[-4000:]}")
