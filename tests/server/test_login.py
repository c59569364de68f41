"""Passwords, TLS and the users file."""

from __future__ import annotations

import io
import os
import socket
import ssl
import struct
import sys
from pathlib import Path

import psycopg
import pytest

from duckml.cli.main import main
from duckml.server.server_options import ServerOptions
from tests.serving import (
    PASSWORD,
    Running,
    connect,
    make_houses,
    make_users,
    serving,
)

pytestmark = pytest.mark.filterwarnings("ignore::duckml.ModelWarningMessage")


@pytest.mark.parametrize(
    ("user", "password"),
    [("admin", "wrong"), ("admin", ""), ("nobody", PASSWORD), ("nobody", ""), ("ADMIN", PASSWORD)],
)
def test_a_wrong_login_is_refused_whoever_tries(user: str, password: str, server: Running) -> None:
    with pytest.raises(psycopg.OperationalError) as refused:
        psycopg.connect(server.dsn(user, password=password, passfile="/dev/null"))
    said = str(refused.value)
    assert (
        f'password authentication failed for user "{user}"' in said
        or "no password supplied" in said
    )


def test_an_unknown_database_is_named(server: Running) -> None:
    with pytest.raises(psycopg.OperationalError, match='database "other" does not exist'):
        psycopg.connect(server.dsn(dbname="other"))


def test_another_machine_needs_passwords_and_tls() -> None:
    with pytest.raises(ValueError, match=r"passwords \(--users\) and TLS"):
        ServerOptions("houses.duckdb", host="0.0.0.0").check()
    ServerOptions("houses.duckdb", host="::1").check()
    ServerOptions("houses.duckdb", host="localhost").check()


def test_tls_is_required_off_this_machine_and_takes_nothing_in_the_clear(
    tmp_path: Path, certificate: tuple[Path, Path]
) -> None:
    make_houses(tmp_path / "houses.duckdb")
    make_users(tmp_path / "users")
    tls = ("--tls-cert", certificate[0], "--tls-key", certificate[1])
    with serving(
        tmp_path / "houses.duckdb", "--host", "0.0.0.0", "--users", tmp_path / "users", *tls
    ) as server:
        with psycopg.connect(server.dsn(sslmode="require"), autocommit=True) as con:
            assert con.pgconn.ssl_in_use
            assert con.execute("SELECT count(*) FROM house_prices").fetchone() == (1000,)
        with pytest.raises(psycopg.OperationalError, match="TLS connections only"):
            psycopg.connect(server.dsn(sslmode="disable"))
        request = struct.pack("!II", 8, 80877103)
        with socket.create_connection(("127.0.0.1", server.port), 10) as plain:
            plain.sendall(
                request + b"\0\0\0\x08\0\x03\0\0"
            )  # a startup message right behind it, unencrypted
            assert b"Unencrypted data" in plain.recv(1000)
        with socket.create_connection(("127.0.0.1", server.port), 10) as plain:
            plain.sendall(request)
            assert plain.recv(1) == b"S"
            context = ssl.create_default_context(cafile=str(certificate[0]))
            context.check_hostname = False
            with context.wrap_socket(plain) as encrypted:
                assert encrypted.version() in {"TLSv1.2", "TLSv1.3"}


def test_a_users_file_holds_no_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_users(tmp_path / "users")
    text = (tmp_path / "users").read_text(encoding="utf-8")
    assert PASSWORD not in text
    assert text.count("SCRAM-SHA-256$4096:") == 3
    assert (tmp_path / "users").stat().st_mode & 0o077 == 0
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert main(["user", "add", "anna", "--users", str(tmp_path / "users")]) == 1
    assert main(["user", "remove", "trian", "--users", str(tmp_path / "users")]) == 1
    assert main(["user", "remove", "train", "--users", str(tmp_path / "users")]) == 0
    assert "train" not in (tmp_path / "users").read_text(encoding="utf-8")


def test_the_users_are_those_of_the_file_as_it_is(tmp_path: Path) -> None:
    users = tmp_path / "users"
    make_houses(tmp_path / "houses.duckdb")
    make_users(users)
    whole, status = users.read_text(encoding="utf-8"), users.stat()
    with serving(tmp_path / "houses.duckdb", "--users", users) as server:
        connect(server, "read").close()
        users.write_text(
            "".join(line for line in whole.splitlines(True) if not line.startswith("read")), "utf-8"
        )
        os.utime(users, ns=(status.st_atime_ns, status.st_mtime_ns))
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            connect(server, "read")
        for broken in (whole + "junk\n", None):
            if broken is None:
                users.unlink()
            else:
                users.write_text(broken, encoding="utf-8")
            with pytest.raises(psycopg.OperationalError, match="users file cannot be read"):
                connect(server, "read")
        users.write_text(whole, encoding="utf-8")
        connect(server, "read").close()
        problems = [line["problem"] for line in server.lines if line["event"] == "users unreadable"]
        assert "expected a name, a role and a verifier" in problems[0]
        assert "No such file" in problems[-1]
        assert {line["event"] for line in server.lines} <= {
            "serving",
            "connected",
            "disconnected",
            "users unreadable",
            "login refused",
        }
