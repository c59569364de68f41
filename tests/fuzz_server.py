"""Mutated messages against the dialogue of the server, in this process: `python -m tests.fuzz_server COUNT [SEED]`.

Real clients talk to a real server through a relay that keeps what they send. Then messages of theirs are changed, cut,
repeated and mixed, and given to dialogues over sessions on a real database. Whatever is not an answer or a refusal, and
whatever takes longer than ten seconds, ends the program with what was sent.
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
    """What psycopg sends while it does a bit of everything."""
    sent: list[bytes] = []
    relay = socket.create_server(("127.0.0.1", 0))

    def pump(source: socket.socket, target: socket.socket, keep: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if keep:
                    sent.append(data)
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)

    def accept() -> None:
        while True:
            try:
                client, _ = relay.accept()
            except OSError:
                return
            upstream = socket.create_connection(("127.0.0.1", server.port))
            both = ((client, upstream, True), (upstream, client, False))
            pumps = [threading.Thread(target=pump, args=way) for way in both]
            for thread in pumps:
                thread.start()
            for thread in pumps:
                thread.join()
            client.close()
            upstream.close()

    accepting = threading.Thread(target=accept)
    accepting.start()
    dsn = f"host=127.0.0.1 port={relay.getsockname()[1]} user=someone dbname={server.path.stem} sslmode=disable"
    with psycopg.connect(dsn) as con:
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
        with (
            con.cursor() as cursor,
            cursor.copy("COPY (SELECT * FROM valued) TO STDOUT (FORMAT binary)") as copy,
        ):
            list(copy)
        con.rollback()
        with con.pipeline():
            for number in range(3):
                con.execute(
                    "SELECT PREDICT(house_price, sqft_living := %s, zipcode := '98001')",
                    (number,),
                    prepare=True,
                )
        con.commit()
        con.execute(
            "SET search_path TO main; SHOW search_path; SELECT relname FROM pg_catalog.pg_class"
        )
        con.execute(
            "BEGIN; SAVEPOINT a; ROLLBACK TO a; DECLARE c CURSOR FOR SELECT 1; FETCH ALL IN c; COMMIT"
        )
    relay.shutdown(socket.SHUT_RDWR)  # which ends accept()
    relay.close()
    accepting.join()
    return list(messages(b"".join(sent)))


def messages(stream: bytes) -> Iterator[bytes]:
    """The messages of a client; the first has no letter."""
    (length,) = struct.unpack_from("!I", stream)
    yield stream[:length]
    position = length
    while position + 5 <= len(stream):
        (length,) = struct.unpack_from("!I", stream, position + 1)
        yield stream[position : position + 1 + length]
        position += 1 + length


def mutated(message: bytes, others: list[bytes], chance: random.Random) -> bytes:
    """A message with something wrong in it."""
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
    if (
        len(data) > 5 and chance.random() < 0.6
    ):  # mostly with the right length, so that the inside is reached
        struct.pack_into("!I", data, 1, len(data) - 1)
    return bytes(data)


class Silent:
    """An observer that keeps what broke."""

    def __init__(self) -> None:
        self.broken: list[BaseException] = []

    def statement(self, *_: object) -> None:
        """Nothing."""

    def failure(self, _: object, error: BaseException) -> None:
        """Keep it."""
        self.broken.append(error)


def open_session(database: ServedFile) -> Session:
    con, _ = database.open_session()
    return Session(con, database.name, "someone", Role.ADMIN, True, Settings({}), 1, lambda _: None)


def run(count: int, seed: int = 0) -> None:
    """Give `count` mutated messages to dialogues; raises AssertionError when something breaks."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "houses.duckdb"
        make_houses(path)
        with serving(path) as server:
            originals = recorded(server)
        database = ServedFile(str(path), lambda *_, **__: None, is_read_only=True)
        authenticator = Authenticator({"someone": new_user("someone", Role.READ, "long enough")})
        sent, begun, shown = 0, time.perf_counter(), time.perf_counter()
        session = open_session(database)
        while sent < count:
            observer, inbox = Silent(), MessageBuffer(LIMIT)
            batch = [
                mutated(chance.choice(originals), originals, chance)
                for _ in range(chance.randrange(1, 9))
            ]
            sent += len(batch)
            at = time.perf_counter()
            try:
                if chance.random() < 0.1:
                    handshake = StartupHandshake(
                        inbox,
                        lambda: authenticator,
                        lambda *_, known=session: known,
                        TlsPolicy(is_offered=False, is_required=False),
                        1,
                    )
                    inbox.feed(mutated(originals[0], originals, chance) + b"".join(batch))
                    list(handshake.process_messages())
                else:
                    inbox.phase = Phase.READY
                    dialogue = Dialogue(inbox, session, observer)
                    for message in batch:
                        inbox.feed(message)
                        list(dialogue.process_messages())
            except WireError:
                pass
            except Exception as error:
                raise AssertionError(f"{error!r} after {batch!r}") from error
            if observer.broken:
                raise AssertionError(
                    f"{observer.broken[0]!r} after {batch!r}"
                ) from observer.broken[0]
            if time.perf_counter() - at > PATIENCE:
                raise AssertionError(f"{time.perf_counter() - at:.1f} s for {batch!r}")
            if chance.random() < 0.05 or session.status != "I":
                session.close()
                session = open_session(database)
            if time.perf_counter() - shown > 20:
                shown = time.perf_counter()
                print(f"{sent:,} messages in {shown - begun:.0f} s", file=sys.stderr)
        inbox = MessageBuffer(LIMIT)
        inbox.phase = Phase.READY
        inbox.feed(b"Q" + struct.pack("!I", 4 + len(b"SELECT 42\0")) + b"SELECT 42\0")
        answer = b"".join(Dialogue(inbox, session, Silent()).process_messages())
        assert b"42" in answer, answer
        assert answer.endswith(b"Z\0\0\0\5I"), answer
        session.close()
        database.close()
    print(f"{sent:,} mutated messages: nothing broke, the dialogue still answers.")


if __name__ == "__main__":
    run(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
