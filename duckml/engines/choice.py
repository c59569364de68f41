"""The choice of the engine for a database instance.

The native engine is used where it is built and the connection can load it, the Python engine
elsewhere. A database instance has one engine for all its connections, which the first one chooses.
Both engines return the same predictions.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import duckdb

from duckml.database import extensions
from duckml.database.sessions import Native
from duckml.engines import native
from duckml.engines.devices import is_cpu_only, onnxruntime_library
from duckml.engines.native import NativeEngine
from duckml.engines.prediction_functions import install_once, installed_engine
from duckml.engines.python import PythonEngine
from duckml.errors import DeviceError, EngineError
from duckml.names import literal

Engine = PythonEngine | NativeEngine

ENGINES = ("auto", "native", "python")

# Held while a database is open without its final configuration: another thread that opens it
# meanwhile would see unsigned extensions allowed.
opening_lock = threading.Lock()

_NOT_ALLOWED = (
    "this connection doesn't allow unsigned extensions. Open the database with duckml.connect, or "
    "with duckdb.connect(path, config={'allow_unsigned_extensions': 'true'})."
)
_NOT_BUILT = "it isn't built. Install Rust's cargo (https://rustup.rs) and install duckml again."
_CPU_ONLY = "it runs on the CPU only, and device '{}' was asked for."
_BETTER_DEVICE = (
    "it runs on the CPU only, and the installed onnxruntime has a better device for 'auto'."
)
_NO_LIBRARY = (
    "the installed onnxruntime has no separate library (libonnxruntime in its folder capi)."
)
_OPEN_ALREADY = (
    "another connection of this process has the database open, and it uses the Python engine."
)


def require_engine(name: str) -> None:
    """Raise EngineError unless `name` is an engine or 'auto'."""
    if name not in ENGINES:
        raise EngineError.unknown(str(name), ENGINES)


def why_not_native(device: str) -> str | None:
    """Return why the native engine can't run on a device in this process, or None if it can."""
    if not native.is_built():
        return _NOT_BUILT
    if device not in {"auto", "cpu"}:
        return _CPU_ONLY.format(device)
    if onnxruntime_library() is None:
        return _NO_LIBRARY
    if device == "auto" and not is_cpu_only():
        return _BETTER_DEVICE
    return None


def open_for_engine(
    path: str, read_only: bool, config: Mapping[str, Any], engine: str, device: str
) -> Native:
    """Open a database so that the wanted engine can be installed in it.

    The native engine is an unsigned extension, and DuckDB permits those only when a database is
    opened.
    """
    # DuckDB's default connection accepts no configuration.
    may_configure = not extensions.decides_on_unsigned(config) and path != ":default:"
    unsigned = may_configure and engine != "python" and why_not_native(device) is None
    try:
        return extensions.open_database(path, read_only, config, unsigned)
    except duckdb.ConnectionException:
        if not may_configure:
            raise
        # The database is open in this process, and DuckDB requires the same configuration again.
        return extensions.open_database(path, read_only, config, not unsigned)


def engine_for(con: Native, wanted: str, device: str, load: Callable[[str], bytes]) -> Engine:
    """Return the engine of a database instance, installing one if there is none yet.

    `load` returns the ONNX bytes of a key that this process hasn't opened yet. Raises EngineError
    and DeviceError if the engine or device asked for by name can't be used, or the instance uses
    another one already.
    """
    extension = NativeEngine(onnxruntime_library(), load)
    problem = why_not_native(device)
    installed = installed_engine(con)
    if installed is not None:
        problem = problem or _OPEN_ALREADY
    elif wanted != "python" and problem is None:
        try:
            installed = install_once(con, extension.install)
        except (duckdb.Error, OSError) as error:
            problem = _load_failure(con, error)
    if installed is None:
        if wanted == "native":
            raise EngineError.missing(str(problem))
        installed = install_once(con, PythonEngine(device, load).install)
    _require_as_wanted(installed, wanted, device)
    name, _, installed_device = installed.partition(":")
    if name == PythonEngine.name:
        remark = "" if wanted == "python" else problem or ""
        return PythonEngine(installed_device, load, remark)
    if not native.is_built() or not extension.provide_models(con):
        raise EngineError.foreign(str(native.EXTENSION))
    return extension


def _load_failure(con: Native, error: Exception) -> str:
    """Return why the extension could not be loaded."""
    if not extensions.allows_unsigned(con):
        return _NOT_ALLOWED
    return str(error).rstrip(". ") + "."


def _require_as_wanted(installed: str, wanted: str, device: str) -> None:
    """Raise EngineError or DeviceError if the installed engine isn't the one asked for by name."""
    name, _, installed_device = installed.partition(":")
    if wanted not in {"auto", name}:
        raise EngineError.taken(wanted, name)
    if device not in {"auto", installed_device}:
        raise DeviceError.taken(device, installed_device)


def native_load_sql() -> str:
    """Return the SQL statements that load the native engine into any DuckDB, without Python.

    That DuckDB must allow unsigned extensions. Raises EngineError if the engine isn't built.
    """
    if not native.is_built():
        raise EngineError(f"There is no native engine to load: {_NOT_BUILT}")
    library = onnxruntime_library()
    runtime = "-- onnxruntime is not installed with duckml."
    if library:
        runtime = f"SELECT duckml_runtime({literal(library)});"
    return f"LOAD {literal(str(native.EXTENSION))};\n{runtime}"


def engine_description(engine: Engine) -> str:
    """Return an engine as DESCRIBE MODEL shows it, with the reason why it isn't the native one."""
    if isinstance(engine, NativeEngine):
        return "native (onnxruntime)"
    remark = f"; not the native one: {engine.remark}" if engine.remark else ""
    return f"python (onnxruntime){remark}"
