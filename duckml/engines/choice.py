"""Which engine serves a database: the native one where it is built and allowed, the Python one everywhere else.

One engine serves a database instance, whoever opened it first; both answer the same.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import duckdb

from duckml.database import extensions
from duckml.database.sessions import Native
from duckml.engines import functions, native
from duckml.engines import python as inference
from duckml.engines.native import NativeEngine
from duckml.engines.python import PythonEngine
from duckml.errors import DeviceError, EngineError
from duckml.names import literal

Engine = PythonEngine | NativeEngine

ENGINES = ("auto", "native", "python")

# Held from the moment that a database is opened until its configuration is what the user wants.
opening = threading.Lock()

_HOW = (
    "this connection doesn't allow it. Open the database with duckml.connect, or with "
    "duckdb.connect(path, config={'allow_unsigned_extensions': 'true'})."
)
_NOT_BUILT = (
    "it isn't built. Install duckml again where Rust's cargo is (https://rustup.rs brings it)."
)
_CPU_ONLY = "it runs on the CPU only, and device '{}' was asked for."
_OPEN_ALREADY = (
    "another connection of this process has the database open, and the Python engine serves it."
)


def require(name: str) -> None:
    """Raise EngineError unless there is an engine of that name."""
    if name not in ENGINES:
        raise EngineError.unknown(str(name), ENGINES)


def why_not_native(device: str) -> str | None:
    """Why the native engine can't serve on a device in any database of this process; None when it can."""
    if not native.is_built():
        return _NOT_BUILT
    if device not in {"auto", "cpu"}:
        return _CPU_ONLY.format(device)
    if inference.library() is None:
        return "the installed onnxruntime has no library of its own (libonnxruntime in its folder capi)."
    if device == "auto" and not inference.is_for_cpu_only():
        return "it runs on the CPU only, and the installed onnxruntime has a device for 'auto' that is better."
    return None


def open_database(
    path: str, read_only: bool, config: Mapping[str, Any], wanted: str, device: str
) -> Native:
    """Open a database so that the engine which is wanted can serve it.

    DuckDB loads extensions that its makers have not signed only where that is allowed when a database is opened, and
    opens it twice in a process only with the same configuration. So a database that is open already is opened as it is.
    """
    ours = (
        not extensions.decides_on_unsigned(config) and path != ":default:"
    )  # which takes no configuration
    unsigned = ours and wanted != "python" and why_not_native(device) is None
    try:
        return extensions.open_database(path, read_only, config, unsigned)
    except duckdb.ConnectionException:
        if not ours:
            raise
        return extensions.open_database(path, read_only, config, not unsigned)


def serve(con: Native, wanted: str, device: str, load: Callable[[str], bytes]) -> Engine:
    """Have the models of a database instance served; the engine that does it.

    `load` finds the bytes of a key that this process hasn't met yet. Raises EngineError and DeviceError when what is
    wanted by name can't serve, or another serves already.
    """
    in_rust = NativeEngine(inference.library(), load)
    problem = why_not_native(device)
    serving = functions.engine_in_use(con)
    if serving is not None:
        problem = problem or _OPEN_ALREADY
    elif wanted != "python" and problem is None:
        try:
            serving = functions.serve(con, in_rust.put)
        except (duckdb.Error, OSError) as error:
            problem = str(error).rstrip(". ") + "." if extensions.allows_unsigned(con) else _HOW
    if serving is None:
        if wanted == "native":
            raise EngineError.missing(str(problem))
        serving = functions.serve(con, PythonEngine(device, load).put)
    name, _, on = serving.partition(":")
    if wanted not in {"auto", name}:
        raise EngineError.taken(wanted, name)
    if device not in {"auto", on}:
        raise DeviceError.taken(device, on)
    if name == PythonEngine.name:
        return PythonEngine(on, load, "" if wanted == "python" else problem or "")
    if not native.is_built() or not in_rust.take_over(con):
        raise EngineError.foreign(str(native.EXTENSION))
    return in_rust


def load_statements() -> str:
    """The SQL that makes a DuckDB predict which has no duckml; it must allow unsigned extensions.

    Raises EngineError when the native engine isn't built.
    """
    if not native.is_built():
        raise EngineError(f"There is no native engine to load: {_NOT_BUILT}")
    runtime = inference.library()
    said = (
        f"SELECT duckml_runtime({literal(runtime)});"
        if runtime
        else "-- No onnxruntime is installed beside duckml."
    )
    return f"LOAD {literal(str(native.EXTENSION))};\n{said}"


def described(serving: Engine) -> str:
    """The engine in words, with what keeps the native one from serving where somebody might wonder."""
    if isinstance(serving, NativeEngine):
        return "native (onnxruntime)"
    return "python (onnxruntime)" + (
        f"; not the native one: {serving.remark}" if serving.remark else ""
    )
