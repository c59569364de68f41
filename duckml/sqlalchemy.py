"""SQLAlchemy engines whose connections take duckml's statements; needs `duckdb_engine`.

from duckml.sqlalchemy import create_engine

engine = create_engine("duckdb:///houses.duckdb")
"""

from __future__ import annotations

from typing import Any

import sqlalchemy

import duckml


def create_engine(url: Any, *, device: str = "auto", **options: Any) -> sqlalchemy.Engine:
    """An engine as `sqlalchemy.create_engine` makes it, whose DuckDB connections are duckml's too.

    `url` starts with `duckdb://`; `device` is that of `duckml.connect`; all else is SQLAlchemy's. Raises DeviceError
    when a connection is made on a device that isn't there.
    """
    engine = sqlalchemy.create_engine(url, **options)

    def attach(connection: Any, _: Any) -> None:
        # duckdb_engine wraps DuckDB's connection; a method of it that it hands out leads to the connection itself.
        duckml.attach(connection.commit.__self__, device=device)

    sqlalchemy.event.listen(engine, "connect", attach)
    return engine
