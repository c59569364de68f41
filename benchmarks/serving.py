"""Latency, throughput and streams of the server, and the effect of one client on another.

`python -m benchmarks.serving` prints the figures of docs/how-to/bi.md. Server and clients run on
the same machine.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import duckdb
import psycopg

from tests.serving import Running, serving

PGBENCH = Path(str(find_spec("pgserver").origin)).parent / "pginstall" / "bin" / "pgbench"
BIG = "SELECT a, b, c, d, e FROM wide"
MILLION = "SELECT a, b, c, d, e FROM million"


def make(path: Path) -> None:
    """Create a table of five million rows and five columns, and one of a million rows."""
    with duckdb.connect(str(path)) as con:
        con.execute(
            "CREATE TABLE wide AS SELECT i::INTEGER a, i * 7 b, i * 0.37 c, 'name ' || i d, "
            "DATE '2020-01-01' + (i % 1000)::INTEGER e FROM range(5000000) t(i)"
        )
        con.execute("CREATE TABLE million AS FROM wide LIMIT 1000000")


def connect(server: Running) -> psycopg.Connection:
    """Connect as BI tools do."""
    return psycopg.connect(
        f"host=127.0.0.1 port={server.port} user=bench dbname=bench sslmode=disable",
        autocommit=True,
    )


def latencies(
    server: Running, seconds: float, until: Callable[[], bool] = lambda: False
) -> list[float]:
    """Return the milliseconds of each SELECT 1 on a warm connection."""
    taken: list[float] = []
    with connect(server) as con:
        for _ in range(200):
            con.execute("SELECT 1").fetchall()
        end = time.perf_counter() + seconds
        while time.perf_counter() < end and not until():
            begun = time.perf_counter()
            con.execute("SELECT 1").fetchall()
            taken.append((time.perf_counter() - begun) * 1000)
    return taken


def spread(taken: list[float]) -> str:
    """Return the median and the 99th percentile as text."""
    cut = statistics.quantiles(taken, n=100)
    return f"p50 {cut[49]:.2f} ms, p99 {cut[98]:.2f} ms over {len(taken):,}"


def together(server: Running) -> float:
    """Return the queries per second of 16 clients, measured by PostgreSQL's pgbench."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write("SELECT 1;\n")
        script.flush()
        where = ["-h", "127.0.0.1", "-p", str(server.port), "-U", "bench"]
        how = ["-n", "-M", "simple", "-f", script.name, "-c", "16", "-j", "2", "-T", "5", "bench"]
        ran = subprocess.run([PGBENCH, *where, *how], capture_output=True, text=True, check=True)
    return float(ran.stdout.split("tps = ")[1].split()[0])


def copied(server: Running, query: str) -> tuple[float, int]:
    """Return the seconds and bytes of COPY in text format to a client that discards the rows."""
    begun, size = time.perf_counter(), 0
    with (
        connect(server) as con,
        con.cursor() as cursor,
        cursor.copy(f"COPY ({query}) TO STDOUT") as copy,
    ):
        for data in copy:
            size += len(data)
    return time.perf_counter() - begun, size


def fetched(server: Running, query: str) -> float:
    """Return the seconds of a query whose rows libpq reads as text, all at once."""
    with connect(server) as con:
        begun = time.perf_counter()
        result = con.pgconn.exec_(query.encode())
        assert result.ntuples > 0
        return time.perf_counter() - begun


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.duckdb"
        make(path)
        with serving(path) as server:
            print("SELECT 1, warm:", spread(latencies(server, 5)))
            print(f"16 clients: {together(server):,.0f} queries per second")
            # DuckDB caches the columns that it reads, which must not count as the server's memory.
            copied(server, "SELECT max(a), max(b), max(c), max(d), max(e) FROM million")
            before, most, stop = server.memory(), [0], threading.Event()

            def watch() -> None:
                while not stop.wait(0.01):
                    most[0] = max(most[0], server.memory())

            watcher = threading.Thread(target=watch)
            watcher.start()
            seconds, size = copied(server, MILLION)
            print(f"1M x 5, COPY text: {1e6 / seconds:,.0f} rows/s, {size / 1e6:.0f} MB")
            print(f"1M x 5, libpq text: {1e6 / fetched(server, MILLION):,.0f} rows/s")
            stop.set()
            watcher.join()
            print(f"memory of the server: +{(most[0] - before) / 1e6:.0f} MB")
            reader = subprocess.Popen(
                [
                    sys.executable,
                    "-c",
                    "import sys, psycopg\n"
                    f"con = psycopg.connect('host=127.0.0.1 port={server.port} "
                    "user=b dbname=bench sslmode=disable')\n"
                    f"with con.cursor() as c, c.copy('COPY ({BIG}) TO STDOUT') as copy:\n"
                    "    for data in copy: pass\n",
                ]
            )
            taken = latencies(server, 60, lambda: reader.poll() is not None)
            print("SELECT 1 while another reads 5M rows:", spread(taken))


if __name__ == "__main__":
    main()
