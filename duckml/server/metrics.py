"""The server's metrics, in Prometheus's text format."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class Metrics:
    """The metrics of one server."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self.sessions = Gauge("duckml_sessions", "Clients that are connected", registry=registry)
        self.refused_logins = Counter(
            "duckml_logins_refused", "Logins that were refused", registry=registry
        )
        self._statements = Counter(
            "duckml_statements", "Statements", ["sqlstate"], registry=registry
        )
        self._by_sqlstate: dict[str, Counter] = {}
        self._rows = Counter("duckml_rows", "Rows sent", registry=registry)
        self._seconds = Histogram(
            "duckml_statement_seconds",
            "Time of statements, sending included",
            buckets=_BUCKETS,
            registry=registry,
        )
        self._predictions = Counter(
            "duckml_predictions",
            "Rows of statements that name the model",
            ["model"],
            registry=registry,
        )

    def count_statement(
        self, sqlstate: str, rows: int, seconds: float, models: Iterable[str]
    ) -> None:
        """Count a statement, its rows and its duration."""
        self._statements_with(sqlstate).inc()
        self._rows.inc(rows)
        self._seconds.observe(seconds)
        for model in models:
            self._predictions.labels(model).inc(rows)

    def exposition(self) -> bytes:
        """Return the metrics in Prometheus's text format."""
        return bytes(generate_latest(self._registry))

    def _statements_with(self, sqlstate: str) -> Counter:
        # labels() is slower than the counting, so its results are kept.
        if sqlstate not in self._by_sqlstate:
            self._by_sqlstate[sqlstate] = self._statements.labels(sqlstate)
        return self._by_sqlstate[sqlstate]
