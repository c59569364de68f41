"""CREATE MODEL and PREDICT for DuckDB: train on a query, store the model, predict in SQL.

    import duckml

    con = duckml.connect("houses.duckdb")
    con.execute("CREATE MODEL price OPTIONS (target = 'price') AS FROM houses")
    con.sql("SELECT *, PREDICT(price) AS fair FROM for_sale")

The names are imported when they are first used, so that `import duckml` is fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from duckml import errors
    from duckml.connection import Connection, ModelWarningMessage, attach, connect
    from duckml.engines.devices import DeviceWarning
    from duckml.model import Model
    from duckml.training.progress import Progress

__all__ = [
    "Connection",
    "DeviceWarning",
    "Model",
    "ModelWarningMessage",
    "Progress",
    "attach",
    "connect",
    "errors",
]
__version__ = "0.2.0"

_MODULES = {
    "connect": "connection",
    "attach": "connection",
    "Connection": "connection",
    "ModelWarningMessage": "connection",
    "Model": "model",
    "Progress": "training.progress",
    "DeviceWarning": "engines.devices",
}


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _MODULES:
        return getattr(import_module(f"duckml.{_MODULES[name]}"), name)
    if name == "errors":
        return import_module("duckml.errors")
    raise AttributeError(f"module 'duckml' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
