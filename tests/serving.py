"""A real server for the tests: a database with a model in it, users, and `duckml serve` as a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckml

PASSWORD = "correct-horse-battery"
ROLES = ("read", "train", "admin")


def make_houses(path: Path) -> None:
    """The database that the client programs of tests/clients expect, with a model instead of a function."""
    with duckml.connect(str(path)) as con:
        con.execute(
            "CREATE TABLE house_prices (id BIGINT PRIMARY KEY, price DOUBLE NOT NULL, sqft_living INTEGER, "
            "zipcode VARCHAR, sold DATE)"
        )
        con.execute(
            "INSERT INTO house_prices SELECT i, 200000.0 + i * 500.5, CASE WHEN i % 10 = 0 THEN NULL ELSE 800 + i END, "
            "(98000 + i % 20)::VARCHAR, DATE '2020-01-01' + (i % 365)::INTEGER FROM range(1, 1001) t(i)"
        )
        con.execute(
            "CREATE MODEL house_price OPTIONS (target = 'price', estimator = 'linear_regression') AS "
            "SELECT price, sqft_living, zipcode FROM house_prices"
        ).fetchall()
        con.execute("CREATE VIEW valued AS SELECT id, price FROM house_prices")


def make_users(path: Path) -> None:
    """A user of each role, named after it."""
    for role in ROLES:
        subprocess.run(
            [sys.executable, "-m", "duckml.cli", "user", "add", role, "--role", role, "--users", path],
            input=PASSWORD + "\n",
            text=True,
            check=True,
            capture_output=True,
        )


@dataclass
class Running:
    """A server that runs, and what it has said."""

    process: subprocess.Popen[str]
    port: int
    http_port: int
    path: Path
    lines: list[dict[str, Any]] = field(default_factory=list)

    def dsn(self, user: str = "admin", password: str = PASSWORD, **more: object) -> str:
        """What libpq connects with."""
        parts = {"host": "127.0.0.1", "port": self.port, "dbname": self.path.stem, "user": user, "password": password}
        return " ".join(f"{name}='{value}'" for name, value in {**parts, **more}.items())

    def memory(self) -> int:
        """The bytes that the server has in memory."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) * 1024
        raise AssertionError("no VmRSS")

    def stop(self) -> int:
        """End it as an operator does; its exit code."""
        self.process.terminate()
        return self.process.wait(60)


@contextmanager
def serving(path: Path, *arguments: object) -> Iterator[Running]:
    """`duckml serve` on a port of the system's choice."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "duckml.cli",
            "serve",
            str(path),
            "--port",
            "0",
            "--http-port",
            "0",
            *map(str, arguments),
        ],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    first = process.stderr.readline()
    if not first.startswith("{"):
        process.wait(10)
        raise AssertionError(first + process.stderr.read())
    said = json.loads(first)
    running = Running(process, said["port"], said["http_port"], path, [said])
    stderr = process.stderr

    def read() -> None:
        for line in stderr:
            running.lines.append(json.loads(line) if line.startswith("{") else {"event": "noise", "text": line})

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        yield running
    finally:
        if process.poll() is None:
            running.stop()
        reader.join(10)
        stderr.close()
