"""Fixtures of the server's tests: running servers and a certificate."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import (
    Running,
    make_houses,
    make_users,
    serving,
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Yield a writable server with a user of each role."""
    folder = tmp_path_factory.mktemp("served")
    make_houses(folder / "houses.duckdb")
    make_users(folder / "users")
    with serving(folder / "houses.duckdb", "--users", folder / "users", "--read-write") as running:
        yield running
        assert [line for line in running.lines if line["event"] in {"failure", "noise"}] == []


@pytest.fixture
def open_server(tmp_path: Path) -> Iterator[Running]:
    """Yield a read-only server without passwords."""
    make_houses(tmp_path / "houses.duckdb")
    with serving(tmp_path / "houses.duckdb") as running:
        yield running


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return the paths of a self-signed certificate and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    (folder / "cert").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder / "cert", folder / "key"
