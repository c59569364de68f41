"""Mutated messages against the server's protocol: `python -m tests.fuzz_server COUNT [SEED]`.

Real clients connect to a real server through a relay that records their messages. Then the
messages are changed, cut, repeated and mixed, and processed by dialogues on a real database, in
this process. The program ends with the messages if they cause anything but a response or a refusal,
or if they take longer than ten seconds.
"""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
from pygwire.constants import ConnectionPhase as Phase

from duckml.server.errors import WireError
from duckml.server.protocol.authentication import Authenticator
from duckml.server.protocol.dialogue import Dialogue
from duckml.server.protocol.message_buffer import MessageBuffer
from duckml.server.protocol.startup import StartupHandshake, TlsPolicy
from duckml.server.served_file import ServedFile
from duckml.server.session.roles import Role
from duckml.server.session.session import Session
from duckml.server.session.settings import Settings
from duckml.server.users import new_user
from tests.serving import Running, make_houses, serving

LIMIT = 1 << 20
PATIENCE = 10.0


def recorded(server: Running) -> list[bytes]:
    """Return the messages that psycopg sends for statements of many kinds."""
    sent: list[bytes] = []
    relay = socket.create_server(("127.0.0.1", 0))
    accepting = threading.Thread(target=relay_clients, args=(relay, server.port, sent))
    accepting.start()
    port = relay.getsockname()[1]
    dsn = f"host=127.0.0.1 port={port} user=someone dbname={server.path.stem} sslmode=disable"
    with psycopg.connect(dsn) as con:
        send_statements(con)
    relay.shutdown(socket.SHUT_RDWR)  # which ends accept()
    relay.close()
    accepting.join()
    return list(messages(b"".join(sent)))


def relay_clients(relay: socket.socket, port: int, sent: list[bytes]) -> None:
    """Connect each client of the relay to the server, and record what it sends."""
    while True:
        try:
            client, _ = relay.accept()
        except OSError:
            return
        upstream = socket.create_connection(("127.0.0.1", port))
        both = ((client, upstream, sent), (upstream, client, None))
        pumps = [threading.Thread(target=pump, args=way) for way in both]
        for thread in pumps:
            thread.start()
        for thread in pumps:
            thread.join()
        client.close()
        upstream.close()


def pump(source: socket.socket, target: socket.socket, record: list[bytes] | None) -> None:
    """Copy bytes until the source is closed."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            if record is not None:
                record.append(data)
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


def send_statements(con: psycopg.Connection) -> None:
    """Run queries with parameters, cursors, COPY, a pipeline, and commands."""
    con.execute(
        "SELECT id, price, predict_house_price(h) FROM house_prices h WHERE id < %s", (9,)
    ).fetchall()
    con.execute(
        "SELECT %s::INTEGER[], %s::DATE, %s, %s",
        ([1, None], "2024-01-01", "é", 1.5),
        binary=True,
    ).fetchall()
    with con.cursor("named") as cursor:
        cursor.execute("SELECT * FROM house_prices")
        cursor.fetchmany(7)
    query = "COPY (SELECT * FROM valued) TO STDOUT (FORMAT binary)"
    with con.cursor() as cursor, cursor.copy(query) as copy:
        list(copy)
    con.rollback()
    query = "SELECT PREDICT(house_price, sqft_living := %s, zipcode := '98001')"
    with con.pipeline():
        for number in range(3):
            con.execute(query, (number,), prepare=True)
    con.commit()
    con.execute(
        "SET search_path TO main; SHOW search_path; SELECT relname FROM pg_catalog.pg_class"
    )
    con.execute(
        "BEGIN; SAVEPOINT a; ROLLBACK TO a; DECLARE c CURSOR FOR SELECT 1; FETCH ALL IN c; COMMIT"
    )


def messages(stream: bytes) -> Iterator[bytes]:
    """Yield the messages of a client; the first one has no type byte."""
    (length,) = struct.unpack_from("!I", stream)
    yield stream[:length]
    position = length
    while position + 5 <= len(stream):
        (length,) = struct.unpack_from("!I", stream, position + 1)
        yield stream[position : position + 1 + length]
        position += 1 + length


def mutated(message: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """Return a message with something wrong in it."""
    data = bytearray(message)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        kind = chance.randrange(8)
        if kind == 0 and data:
            data[chance.randrange(len(data))] = chance.randrange(256)
        elif kind == 1 and len(data) > 5:
            del data[chance.randrange(5, len(data)) :]
        elif kind == 2 and len(data) > 5:
            place = chance.randrange(5, len(data))
            data[place:place] = chance.randbytes(chance.randrange(1, 9))
        elif kind == 3:
            data += chance.choice(others)
        elif kind == 4 and len(data) > 5:
            struct.pack_into(
                "!I", data, 1, chance.choice((0, 3, 4, 5, 1 << 16, 1 << 31, 0xFFFFFFFF, len(data)))
            )
        elif kind == 5 and data:
            data[0] = chance.choice(b"BCDEFHPQSXfdcp")
        elif kind == 6 and len(data) > 9:
            struct.pack_into(
                "!h",
                data,
                chance.randrange(5, len(data) - 1),
                chance.choice((-1, 0, 1, 32767, -32768)),
            )
        elif kind == 7 and len(data) > 9:
            struct.pack_into(
                "!i", data, chance.randrange(5, len(data) - 3), chance.choice((-1, -2, 0, 1 << 30))
            )
    # Mostly with the right length, so that the content is decoded.
    if len(data) > 5 and chance.random() < 0.6:
        struct.pack_into("!I", data, 1, len(data) - 1)
    return bytes(data)


class FailureObserver:
    """An observer that keeps internal errors."""

    def __init__(self) -> None:
        self.failures: list[BaseException] = []

    def statement(self, *_: object) -> None:
        """Ignore the end of a statement."""

    def failure(self, _: object, error: BaseException) -> None:
        """Keep an internal error."""
        self.failures.append(error)


def open_session(file: ServedFile) -> Session:
    con, _ = file.open_session()
    return Session(con, file.name, "someone", Role.ADMIN, True, Settings({}), 1, lambda _: None)


class Fuzzer:
    """Mutations of recorded messages, processed by sessions on a file."""

    def __init__(self, file: ServedFile, originals: list[bytes], seed: int) -> None:
        self.file = file
        self.originals = originals
        self.chance = random.Random(seed)
        users = {"someone": new_user("someone", Role.READ, "long enough")}
        self.authenticator = Authenticator(users)
        self.session = open_session(file)

    def process_batch(self) -> int:
        """Process a few mutated messages and return their number."""
        chance = self.chance
        size = chance.randrange(1, 9)
        batch = [
            mutated(chance.choice(self.originals), self.originals, chance) for _ in range(size)
        ]
        observer = FailureObserver()
        started = time.perf_counter()
        try:
            if chance.random() < 0.1:
                self.process_startup(batch)
            else:
                self.process_dialogue(batch, observer)
        except WireError:
            pass
        except Exception as error:
            raise AssertionError(f"{error!r} after {batch!r}") from error
        if observer.failures:
            error = observer.failures[0]
            raise AssertionError(f"{error!r} after {batch!r}") from error
        if time.perf_counter() - started > PATIENCE:
            raise AssertionError(f"{time.perf_counter() - started:.1f} s for {batch!r}")
        if chance.random() < 0.05 or self.session.status != "I":
            self.session.close()
            self.session = open_session(self.file)
        return size

    def process_startup(self, batch: list[bytes]) -> None:
        received = MessageBuffer(LIMIT)
        handshake = StartupHandshake(
            received,
            lambda: self.authenticator,
            lambda *_: self.session,
            TlsPolicy(is_offered=False, is_required=False),
            1,
        )
        first = mutated(self.originals[0], self.originals, self.chance)
        received.feed(first + b"".join(batch))
        list(handshake.process_messages())

    def process_dialogue(self, batch: list[bytes], observer: FailureObserver) -> bytes:
        received = MessageBuffer(LIMIT)
        received.phase = Phase.READY
        dialogue = Dialogue(received, self.session, observer)
        responses = []
        for message in batch:
            received.feed(message)
            responses += dialogue.process_messages()
        return b"".join(responses)


def run(count: int, seed: int = 0) -> None:
    """Process `count` mutated messages; raise AssertionError if one causes a failure."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "houses.duckdb"
        make_houses(path)
        with serving(path) as server:
            originals = recorded(server)
        file = ServedFile(str(path), lambda *_, **__: None, is_read_only=True)
        fuzzer = Fuzzer(file, originals, seed)
        sent = 0
        started = shown = time.perf_counter()
        while sent < count:
            sent += fuzzer.process_batch()
            if time.perf_counter() - shown > 20:
                shown = time.perf_counter()
                print(f"{sent:,} messages in {shown - started:.0f} s", file=sys.stderr)
        text = b"SELECT 42\0"
        query = b"Q" + struct.pack("!I", 4 + len(text)) + text
        answer = fuzzer.process_dialogue([query], FailureObserver())
        assert b"42" in answer, answer
        assert answer.endswith(b"Z\0\0\0\5I"), answer
        fuzzer.session.close()
        file.close()
    print(f"{sent:,} mutated messages: nothing broke, the dialogue still answers.")


if __name__ == "__main__":
    run(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
