"""The plugin for dbt-duckdb: PREDICT and CREATE MODEL in dbt models, hooks and operations.

In the profile, under the output:

    plugins:
      - module: duckml.dbt

dbt's cursors are then duckml connections: `predict_<model>(alias)` and PREDICT work in SQL models, `session.execute` in
Python models trains, and so do hooks.
"""

from __future__ import annotations

from typing import Any

from dbt.adapters.duckdb.plugins import BasePlugin

import duckml


class Plugin(BasePlugin):  # type: ignore[misc]
    """What dbt-duckdb looks for in the module of a plugin, by this name."""

    def configure_connection(self, conn: Any) -> None:
        """Give dbt's connection, and with it every cursor of it, duckml's statements."""
        duckml.attach(conn)
