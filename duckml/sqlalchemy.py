"""SQLAlchemy engines whose connections accept duckml's statements; they need `duckdb_engine`.

from duckml.sqlalchemy import create_engine

engine = create_engine("duckdb:///houses.duckdb")
"""

from __future__ import annotations

from typing import Any

import sqlalchemy

import duckml


def create_engine(url: Any, *, device: str = "auto", **options: Any) -> sqlalchemy.Engine:
    """Return a SQLAlchemy engine with duckml attached to its DuckDB connections.

    `url` starts with `duckdb://`, `device` is that of `duckml.connect`, and the other options are
    those of `sqlalchemy.create_engine`. A connection raises DeviceError if the device isn't
    installed.
    """
    engine = sqlalchemy.create_engine(url, **options)

    def attach(connection: Any, _: Any) -> None:
        # duckdb_engine wraps DuckDB's connection; a bound method of DuckDB's leads back to it.
        duckml.attach(connection.commit.__self__, device=device)

    sqlalchemy.event.listen(engine, "connect", attach)
    return engine
