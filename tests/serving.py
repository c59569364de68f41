"""A real server for the tests: a database with a model, users, and a `duckml serve` process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

import duckml

PASSWORD = "correct-horse-battery"
ROLES = ("read", "train", "admin")


def make_houses(path: Path) -> None:
    """Create the database that tests/clients expect, with a model instead of a function."""
    with duckml.connect(str(path)) as con:
        con.execute(
            "CREATE TABLE house_prices (id BIGINT PRIMARY KEY, price DOUBLE NOT NULL, "
            "sqft_living INTEGER, zipcode VARCHAR, sold DATE)"
        )
        con.execute(
            "INSERT INTO house_prices SELECT i, 200000.0 + i * 500.5, "
            "CASE WHEN i % 10 = 0 THEN NULL ELSE 800 + i END, (98000 + i % 20)::VARCHAR, "
            "DATE '2020-01-01' + (i % 365)::INTEGER FROM range(1, 1001) t(i)"
        )
        con.execute(
            "CREATE MODEL house_price "
            "OPTIONS (target = 'price', estimator = 'linear_regression') AS "
            "SELECT price, sqft_living, zipcode FROM house_prices"
        ).fetchall()
        con.execute("CREATE VIEW valued AS SELECT id, price FROM house_prices")


def make_users(path: Path) -> None:
    """Create a users file with one user of each role, named after the role."""
    for role in ROLES:
        subprocess.run(
            [
                sys.executable,
                "-m",
                "duckml.cli",
                "user",
                "add",
                role,
                "--role",
                role,
                "--users",
                path,
            ],
            input=PASSWORD + "\n",
            text=True,
            check=True,
            capture_output=True,
        )


@dataclass
class Running:
    """A running server and its log."""

    process: subprocess.Popen[bytes]
    port: int
    http_port: int
    path: Path
    log: Path

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Return the lines of the log; other output becomes an event 'noise'."""
        said = self.log.read_text(encoding="utf-8").splitlines()
        return [
            json.loads(line) if line.startswith("{") else {"event": "noise", "text": line}
            for line in said
        ]

    def dsn(self, user: str = "admin", password: str = PASSWORD, **more: object) -> str:
        """Return the connection string for libpq."""
        parts = {
            "host": "127.0.0.1",
            "port": self.port,
            "dbname": self.path.stem,
            "user": user,
            "password": password,
        }
        return " ".join(f"{name}='{value}'" for name, value in {**parts, **more}.items())

    def memory(self) -> int:
        """Return the resident memory of the server in bytes."""
        for line in (
            Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8").splitlines()
        ):
            if line.startswith("VmRSS"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no VmRSS")

    def stop(self) -> int:
        """Stop the server with SIGTERM and return its exit code."""
        self.process.terminate()
        return self.process.wait(60)


@contextmanager
def serving(path: Path, *arguments: object) -> Iterator[Running]:
    """Run `duckml serve` on a free port."""
    command = ["serve", path, "--port", 0, "--http-port", 0, *arguments]
    with tempfile.TemporaryDirectory(prefix="duckml-log-") as folder:
        log = Path(folder) / "log"
        with log.open("wb") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-m", "duckml.cli", *map(str, command)], stderr=stderr
            )
        try:
            said = _first_line(process, log)
            yield Running(process, said["port"], said["http_port"], path, log)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(60)


def _first_line(process: subprocess.Popen[bytes], log: Path) -> dict[str, Any]:
    """Return the first line of the log; raise AssertionError if the server does not start."""
    while not (text := log.read_text(encoding="utf-8")).endswith("\n"):
        if process.poll() is not None:
            break
        time.sleep(0.01)
    if not text.startswith("{"):
        process.wait(10)
        raise AssertionError(log.read_text(encoding="utf-8"))
    said: dict[str, Any] = json.loads(text.splitlines()[0])
    return said


def connect(server: Running, user: str = "admin", **more: object) -> psycopg.Connection:
    """Return a connection in autocommit mode."""
    return psycopg.connect(server.dsn(user, **more), autocommit=True)


def session_count(server: Running) -> int:
    """Return the number of clients that /health reports."""
    url = f"http://127.0.0.1:{server.http_port}/health"
    with urllib.request.urlopen(url, timeout=10) as answer:
        return int(json.load(answer)["sessions"])


def fetch_jar(artifact: str, folder: Path) -> None:
    """Copy the jar of an artifact, `group:name:version`, from Maven's repository to a folder."""
    copy = ("mvn", "--quiet", "dependency:copy", f"-Dartifact={artifact}")
    run_program(*copy, f"-DoutputDirectory={folder}", folder=folder)


def run_program(*command: object, folder: Path, **environment: str) -> str:
    """Run a program and return its standard output; raise AssertionError if it fails."""
    ran = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, **environment},
    )
    assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr[-6000:]
    return ran.stdout
