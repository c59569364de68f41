"""Monitoring of clients and statements: each event goes to the log and into the metrics."""

from __future__ import annotations

from duckml.server.logs import ServerLog
from duckml.server.metrics import Metrics
from duckml.server.protocol.statement_responses import StatementEnd
from duckml.server.session.session import Session


class ServerMonitor:
    """The log and the metrics of one server."""

    def __init__(self, log: ServerLog | None = None) -> None:
        self.log = log or ServerLog()
        self.metrics = Metrics()

    def login(self, session: Session, address: str) -> None:
        """Record that a client has logged in."""
        self.metrics.sessions.inc()
        self.log.write(
            "connected",
            pid=session.pid,
            user=session.user,
            address=address,
            application=session.setting("application_name"),
        )

    def logout(self, session: Session) -> None:
        """Record that a client has disconnected."""
        self.metrics.sessions.dec()
        self.log.write("disconnected", pid=session.pid, user=session.user)

    def refused_login(self, user: str, address: str, sqlstate: str) -> None:
        """Record that a login was refused."""
        self.metrics.refused_logins.inc()
        self.log.write("login refused", user=user, address=address, sqlstate=sqlstate)

    def statement(self, session: Session, end: StatementEnd) -> None:
        """Record the end of a statement."""
        models = sorted(end.statement.models)
        self.metrics.count_statement(end.sqlstate, end.rows, end.seconds, models)
        self.log.write(
            "statement",
            pid=session.pid,
            user=session.user,
            sql=end.statement.outline,
            seconds=round(end.seconds, 6),
            rows=end.rows,
            sqlstate=end.sqlstate,
            **({"models": models} if models else {}),
        )

    def failure(self, session: Session | None, error: BaseException) -> None:
        """Record an internal error of the server."""
        self.log.write_failure(session.pid if session else 0, error)
