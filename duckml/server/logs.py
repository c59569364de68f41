"""What the server tells those who run it: lines of JSON on standard error, and numbers for Prometheus.

Neither holds a value of a statement or of a row: literals are taken out of a text before it is written down.
"""

from __future__ import annotations

import datetime
import json
import logging
import sys
import threading
import traceback
from typing import IO, Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from duckml.server.session.client_statement import ClientStatement
from duckml.server.session.session import Session

_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_ENCODER = json.JSONEncoder(ensure_ascii=False)


class Watch:
    """Logs and metrics of one server."""

    def __init__(self, stream: IO[str] | None = None) -> None:
        self._stream = stream or sys.stderr
        self._lock = threading.Lock()
        self.registry = CollectorRegistry()
        name, registry = "duckml", self.registry
        self.sessions = Gauge(f"{name}_sessions", "Clients that are connected", registry=registry)
        self._statements = Counter(
            f"{name}_statements", "Statements", ["sqlstate"], registry=registry
        )
        self._by_sqlstate: dict[str, Counter] = {}
        self._rows = Counter(f"{name}_rows", "Rows sent", registry=registry)
        self._seconds = Histogram(
            f"{name}_statement_seconds",
            "Time of statements, sending included",
            buckets=_BUCKETS,
            registry=registry,
        )
        self._predictions = Counter(
            f"{name}_predictions",
            "Rows of statements that name the model",
            ["model"],
            registry=registry,
        )
        self._refused = Counter(
            f"{name}_logins_refused", "Logins that were refused", registry=registry
        )

    def _statements_by(self, sqlstate: str) -> Counter:
        """The counter of an SQLSTATE; looking it up is most of what counting costs."""
        if sqlstate not in self._by_sqlstate:
            self._by_sqlstate[sqlstate] = self._statements.labels(sqlstate)
        return self._by_sqlstate[sqlstate]

    def metrics(self) -> bytes:
        """The numbers as Prometheus reads them."""
        return bytes(generate_latest(self.registry))

    def log(self, event: str, **values: Any) -> None:
        """Write one line."""
        at = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        line = _ENCODER.encode({"at": at, "event": event, **values}) + "\n"
        with self._lock:
            self._stream.write(line)
            self._stream.flush()

    def hear_libraries(self) -> None:
        """Write a line where a library has something to say, but not what: it may be of a statement."""
        logging.basicConfig(level=logging.WARNING, handlers=[_Heard(self)], force=True)
        logging.captureWarnings(True)

    def refused(self, user: str, address: str, sqlstate: str) -> None:
        """A login was refused."""
        self._refused.inc()
        self.log("login refused", user=user, address=address, sqlstate=sqlstate)

    def statement(
        self,
        session: Session,
        statement: ClientStatement,
        seconds: float,
        rows: int,
        sqlstate: str,
    ) -> None:
        """A statement has ended."""
        self._statements_by(sqlstate).inc()
        self._rows.inc(rows)
        self._seconds.observe(seconds)
        models = sorted(statement.models)
        for model in models:
            self._predictions.labels(model).inc(rows)
        self.log(
            "statement",
            pid=session.pid,
            user=session.user,
            sql=statement.outline,
            seconds=round(seconds, 6),
            rows=rows,
            sqlstate=sqlstate,
            **({"models": models} if models else {}),
        )

    def failure(self, session: Session | None, error: BaseException) -> None:
        """Something broke that is the server's own fault; where, and of what kind, but not with which values."""
        where = [
            f"{frame.filename}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(error.__traceback__)
        ]
        self.log(
            "failure",
            pid=session.pid if session else 0,
            error=type(error).__name__,
            where=where[-8:],
        )


class _Heard(logging.Handler):
    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self._watch = watch

    def emit(self, record: logging.LogRecord) -> None:
        where = f"{record.filename}:{record.lineno}"
        self._watch.log("library", name=record.name, level=record.levelname, where=where)
