"""The native engine: a DuckDB extension that computes predictions without Python.

It runs on the CPU, on all of DuckDB's threads. In a process with Python it asks Python for models,
because Python also knows the versions that no other session sees before a commit.
"""

from __future__ import annotations

import atexit
import ctypes
import functools
from collections.abc import Callable
from pathlib import Path

import duckdb

from duckml.database import extensions
from duckml.database.sessions import Native
from duckml.engines.prediction_functions import loads_from_python
from duckml.errors import ArtifactError

# Built by native/build.py.
EXTENSION = Path(__file__).parent.parent / "duckml.duckdb_extension"

_ERROR_BYTES = 2_000

# Called by the extension for a model that it hasn't opened: the key, and where to put the result.
_Loader = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_void_p)

# The keys that were opened once. The extension may have closed a model since; it then asks for it.
_opened_keys: set[str] = set()

# ctypes frees a callback with its Python object, but the extension goes on calling it.
_loaders: list[object] = []


def is_built() -> bool:
    """Return whether the extension exists."""
    return EXTENSION.exists()


class NativeEngine:
    """The engine that runs models in the extension.

    `runtime` is the path of onnxruntime's library; with None the system's is used. `load` returns
    the ONNX bytes of a key that the extension hasn't opened yet.
    """

    name = "native"
    device = "cpu"

    def __init__(self, runtime: str | None, load: Callable[[str], bytes]) -> None:
        self._runtime = runtime
        self._load = load

    def install(self, session: Native) -> None:
        """Load the extension into the database instance of a session.

        Raises DuckDB's error if the session doesn't allow it, OSError if the file isn't an
        extension for this machine.
        """
        library = _library()
        # The extension then doesn't read the stored models, which Python provides.
        library.duckml_host_loading(True)
        try:
            extensions.load_extension(session, str(EXTENSION))
        finally:
            library.duckml_host_loading(False)

    def provide_models(self, con: Native) -> bool:
        """Give the extension onnxruntime and the models, and return whether it uses them.

        It doesn't if the database has loaded it from another file than this package's.
        """
        library = _library()
        if self._runtime is not None:
            library.duckml_host_runtime(self._runtime.encode())
        _set_loader(self._load)
        return loads_from_python(con)

    def open(self, key: str, load: Callable[[], bytes]) -> None:
        """Open the model of a key, unless it is open; `load` returns its bytes.

        Raises ArtifactError if the bytes don't have the SHA-256 `key` or can't be opened.
        """
        if key in _opened_keys:
            return
        onnx_bytes = load()
        problem = ctypes.create_string_buffer(_ERROR_BYTES)
        is_open = _library().duckml_host_open(
            key.encode(), onnx_bytes, len(onnx_bytes), problem, _ERROR_BYTES
        )
        if not is_open:
            raise ArtifactError(problem.value.decode())
        _opened_keys.add(key)

    def device_of(self, key: str) -> str:
        """Return the device that a model runs on."""
        del key
        return self.device


@functools.cache
def _library() -> ctypes.CDLL:
    """Return the extension as a library: the C functions of native/src/host.rs."""
    library = ctypes.CDLL(str(EXTENSION))
    text, pointer, size = ctypes.c_char_p, ctypes.c_void_p, ctypes.c_size_t
    library.duckml_host_loader.argtypes = [pointer]
    library.duckml_host_loader.restype = None
    library.duckml_host_loading.argtypes = [ctypes.c_bool]
    library.duckml_host_loading.restype = None
    library.duckml_host_runtime.argtypes = [text]
    library.duckml_host_runtime.restype = None
    library.duckml_host_open.argtypes = [text, text, size, text, size]
    library.duckml_host_open.restype = ctypes.c_bool
    library.duckml_host_answer.argtypes = [pointer, text, size]
    library.duckml_host_answer.restype = None
    library.duckml_host_refuse.argtypes = [pointer, text]
    library.duckml_host_refuse.restype = None
    # A callback into an interpreter that has ended would crash the process.
    atexit.register(library.duckml_host_loader, None)
    return library


@functools.cache
def _set_loader(load: Callable[[str], bytes]) -> None:
    """Make the extension ask `load` for models."""
    library = _library()

    def provide(key: bytes, result: int) -> None:
        try:
            onnx_bytes = load(key.decode())
        except BaseException as error:  # nothing may be raised into the extension
            message = _message(error).replace("\0", " ")
            library.duckml_host_refuse(result, message.encode(errors="replace"))
        else:
            library.duckml_host_answer(result, onnx_bytes, len(onnx_bytes))

    loader = _Loader(provide)
    _loaders.append(loader)
    library.duckml_host_loader(ctypes.cast(loader, ctypes.c_void_p))


def _message(error: BaseException) -> str:
    if isinstance(error, duckdb.Error):
        return str(error)
    return f"{type(error).__name__}: {error}"
