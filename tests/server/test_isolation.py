"""Clients that misbehave or vanish, and the other clients, which are not affected."""

from __future__ import annotations

import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest
from psycopg import errors as sqlstates

from tests import fuzz_server
from tests.clients.checks import LONG
from tests.serving import (
    Running,
    connect,
    make_houses,
    serving,
    session_count,
)

pytestmark = pytest.mark.filterwarnings("ignore::duckml.ModelWarningMessage")


def test_many_long_statements_keep_nobody_from_ending_theirs(open_server: Running) -> None:
    long = [connect(open_server, "a") for _ in range(40)]
    query = "SELECT count(*) FROM range(100000000000) t(i) WHERE hash(i) = 1"

    def run_long(con: psycopg.Connection) -> None:
        with suppress(psycopg.Error):
            con.execute(query)

    running = [threading.Thread(target=run_long, args=(con,)) for con in long]
    with connect(open_server, "b") as con:
        con.execute("SET statement_timeout = '1s'")
        for thread in running:
            thread.start()
        time.sleep(1)
        with pytest.raises(sqlstates.QueryCanceled, match="statement timeout"):
            con.execute(query)
    for other in long:
        other.cancel_safe()
    for thread in running:
        thread.join(30)
        assert not thread.is_alive()
    for other in long:
        other.close()


@contextmanager
def unnoticed(server: Running, longest: float = 2.0) -> Iterator[None]:
    """Another client asks something all the while, and is always answered soon."""
    stop, slowest, broken = threading.Event(), [0.0], []

    def ask() -> None:
        try:
            with connect(server) as con:
                while not stop.is_set():
                    begun = time.perf_counter()
                    assert con.execute("SELECT 42").fetchone() == (42,)
                    slowest[0] = max(slowest[0], time.perf_counter() - begun)
                    time.sleep(0.002)
        except Exception as error:
            broken.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield
    finally:
        stop.set()
        asking.join(60)
    assert broken == []
    assert slowest[0] < longest


def test_half_open_connections_wait_for_nobody(server: Running) -> None:
    with unnoticed(server):
        idle = [socket.create_connection(("127.0.0.1", server.port), 10) for _ in range(500)]
        with connect(server) as con:
            assert con.execute("SELECT 1").fetchone() == (1,)
        for connection in idle:
            connection.close()


def test_a_length_of_two_gigabytes_is_refused_by_its_header(server: Running) -> None:
    before = server.memory()
    with unnoticed(server):
        for begin in (
            struct.pack("!I", 2 << 30),
            struct.pack("!I", 0),
            struct.pack("!I", 0xFFFFFFFF),
        ):
            with socket.create_connection(("127.0.0.1", server.port), 10) as bad:
                bad.sendall(begin + b"x" * 1000)
                assert bad.recv(1000)[:1] == b"E"
                assert bad.recv(1000) == b""
        with connect(server) as con:
            os.write(con.fileno(), b"Q" + struct.pack("!I", (2 << 30) - 1) + b"x" * 100000)
            with pytest.raises(psycopg.OperationalError):
                con.execute("SELECT 1")
    assert server.memory() - before < 50 << 20


def test_a_thousand_wrong_passwords(server: Running) -> None:
    def guess(number: int) -> None:
        for attempt in range(125):
            with pytest.raises(psycopg.OperationalError):
                psycopg.connect(server.dsn(f"guesser{number}", password=f"wrong {attempt}"))

    with unnoticed(server):
        guessing = [threading.Thread(target=guess, args=(number,)) for number in range(8)]
        for thread in guessing:
            thread.start()
        for thread in guessing:
            thread.join()
        with pytest.raises(psycopg.OperationalError, match="Too many failed logins"):
            psycopg.connect(server.dsn("guesser1", password="wrong"))


def test_a_client_that_vanishes_leaves_nothing_running(server: Running) -> None:
    with unnoticed(server):
        for _ in range(5):
            con = connect(server)
            con.pgconn.send_query(b"SELECT * FROM range(1000000000)")
            time.sleep(0.1)
            with socket.socket(fileno=os.dup(con.fileno())) as beneath:
                beneath.shutdown(socket.SHUT_RDWR)
            con.close()
    until = time.monotonic() + 20
    while time.monotonic() < until and session_count(server) > 0:
        time.sleep(0.05)
    assert session_count(server) == 0


def test_a_wrong_key_cancels_nothing_and_the_right_one_does(server: Running) -> None:
    with connect(server) as con, unnoticed(server):
        pid = con.info.backend_pid
        raised: list[BaseException] = []

        def long() -> None:
            try:
                con.execute(LONG)
            except psycopg.Error as error:
                raised.append(error)

        running = threading.Thread(target=long)
        running.start()
        time.sleep(0.3)
        for key in (b"\0\0\0\0", b"abcd", b""):
            with socket.create_connection(("127.0.0.1", server.port), 10) as other:
                other.sendall(struct.pack("!III", 12 + len(key), 80877102, pid) + key)
                other.recv(100)
        time.sleep(0.3)
        assert running.is_alive()
        con.cancel_safe()
        running.join(30)
        assert isinstance(raised[0], sqlstates.QueryCanceled)
        assert con.execute("SELECT 1").fetchone() == (1,)


def test_a_statement_may_be_given_a_time(server: Running) -> None:
    with connect(server) as con:
        con.execute("SET statement_timeout = '200ms'")
        with pytest.raises(sqlstates.QueryCanceled, match="statement timeout"):
            con.execute(LONG)
        con.execute("RESET statement_timeout")
        assert con.execute("SHOW statement_timeout").fetchone() == ("0",)


def test_a_result_that_nobody_reads_stays_small(server: Running) -> None:
    with connect(server) as con, unnoticed(server):
        con.execute("SELECT count(*) FROM range(1000)")
        before = server.memory()
        con.pgconn.send_query(
            b"SELECT i, i || ' and some more text to make it long' FROM range(50000000) t(i)"
        )
        time.sleep(2)
        assert server.memory() - before < 100 << 20
        con.close()


def test_mutated_messages_break_nothing() -> None:
    fuzz_server.run(5000, seed=int(time.time()))


def waited(until: Callable[[], bool], seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if until():
            return True
        time.sleep(0.02)
    return False


def test_an_idle_client_is_shown_out(tmp_path: Path) -> None:
    make_houses(tmp_path / "houses.duckdb")
    with serving(
        tmp_path / "houses.duckdb", "--idle-timeout", 0.5, "--max-connections", 2
    ) as server:
        first, second = connect(server), connect(server)
        with pytest.raises(psycopg.OperationalError, match="too many clients"):
            connect(server)
        assert waited(lambda: session_count(server) == 0)
        with pytest.raises(psycopg.OperationalError, match="idle-session timeout"):
            first.execute("SELECT 1")
        second.close()
