"""The native engine: a DuckDB extension that serves models without Python, and what Python says to it.

The extension lies beside this file where it was built (native/build.py). Its functions find models through Python,
which knows the versions that no other session sees yet; they run on the CPU, on all of DuckDB's threads.
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
from duckml.engines import functions
from duckml.errors import ArtifactError

EXTENSION = Path(__file__).parent.parent / "duckml.duckdb_extension"
_ROOM = 2_000  # bytes for the text of an error

# What the extension calls for a model that it hasn't met: the key, and what to answer with.
_Loader = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_void_p)


def is_built() -> bool:
    """Whether the extension is there."""
    return EXTENSION.exists()


class NativeEngine:
    """Models served by the extension; `load` finds the bytes of a key that it hasn't met yet.

    `runtime` is the library of onnxruntime, None for the one that the system finds.
    """

    name = "native"
    device = "cpu"

    def __init__(self, runtime: str | None, load: Callable[[str], bytes]) -> None:
        self._runtime = runtime
        self._load = load

    def put(self, session: Native) -> None:
        """Load the extension into the database instance of a session.

        Raises DuckDB's error when the session doesn't allow it, OSError when it isn't an extension for this machine.
        """
        library = _library()
        library.duckml_host_loading(True)  # it need not read models that Python will hand over
        try:
            extensions.load_extension(session, str(EXTENSION))
        finally:
            library.duckml_host_loading(False)

    def take_over(self, con: Native) -> bool:
        """Let the extension, loaded by whomever, find onnxruntime and models through Python; whether it does.

        It doesn't when it was loaded from another file than this package's.
        """
        library = _library()
        if self._runtime is not None:
            library.duckml_host_runtime(self._runtime.encode())
        _serve_from(self._load)
        return functions.is_hosted(con)

    def open(self, key: str, load: Callable[[], bytes]) -> None:
        """Have the model of a key open; `load` answers its bytes when it isn't.

        Raises ArtifactError when the bytes don't have the SHA-256 `key` or can't be opened.
        """
        if key in _met:
            return
        onnx_bytes = load()
        problem = ctypes.create_string_buffer(_ROOM)
        if not _library().duckml_host_open(
            key.encode(), onnx_bytes, len(onnx_bytes), problem, _ROOM
        ):
            raise ArtifactError(problem.value.decode())
        _met.add(key)

    def device_of(self, key: str) -> str:
        """The device that a model runs on."""
        del key
        return self.device


# The keys that were opened once. The extension may have closed them since; then it asks for them again.
_met: set[str] = set()

# ctypes frees a callback with the object that stands for it, and the extension keeps calling it.
_loaders: list[object] = []


@functools.cache
def _library() -> ctypes.CDLL:
    """The extension as a library: the C functions of native/src/host.rs."""
    library = ctypes.CDLL(str(EXTENSION))
    library.duckml_host_loader.argtypes = [ctypes.c_void_p]
    library.duckml_host_loader.restype = None
    library.duckml_host_loading.argtypes = [ctypes.c_bool]
    library.duckml_host_loading.restype = None
    library.duckml_host_runtime.argtypes = [ctypes.c_char_p]
    library.duckml_host_runtime.restype = None
    library.duckml_host_open.argtypes = [
        ctypes.c_char_p,
        ctypes.c_char_p,
        ctypes.c_size_t,
        ctypes.c_char_p,
        ctypes.c_size_t,
    ]
    library.duckml_host_open.restype = ctypes.c_bool
    library.duckml_host_answer.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]
    library.duckml_host_answer.restype = None
    library.duckml_host_refuse.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    library.duckml_host_refuse.restype = None
    # When the interpreter has ended, nobody can be asked any more.
    atexit.register(library.duckml_host_loader, None)
    return library


@functools.cache
def _serve_from(load: Callable[[str], bytes]) -> None:
    """Let the extension ask `load` for models."""
    library = _library()

    def answer(key: bytes, answer: int) -> None:
        try:
            onnx_bytes = load(key.decode())
        except BaseException as error:  # nothing may be raised into the extension
            said = (
                str(error)
                if isinstance(error, duckdb.Error)
                else f"{type(error).__name__}: {error}"
            )
            library.duckml_host_refuse(answer, said.replace("\0", " ").encode(errors="replace"))
        else:
            library.duckml_host_answer(answer, onnx_bytes, len(onnx_bytes))

    loader = _Loader(answer)
    _loaders.append(loader)
    library.duckml_host_loader(ctypes.cast(loader, ctypes.c_void_p))
