"""The plugin for dbt-duckdb: PREDICT and CREATE MODEL in dbt models, hooks and operations.

In the profile, under the output:

    plugins:
      - module: duckml.dbt

dbt's cursors are then duckml connections: SQL models can use `predict_<model>(alias)` and PREDICT,
and hooks and the `session.execute` of Python models can train.
"""

from __future__ import annotations

from typing import Any

from dbt.adapters.duckdb.plugins import BasePlugin

import duckml


class Plugin(BasePlugin):  # type: ignore[misc]
    """The class that dbt-duckdb looks for in a plugin's module, by this name."""

    def configure_connection(self, conn: Any) -> None:
        """Attach duckml to dbt's connection, and with it to all its cursors."""
        duckml.attach(conn)
