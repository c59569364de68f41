"""Calls of DuckDB from the user's frame, so that it finds the DataFrames in a statement."""

from __future__ import annotations

import functools
import sys
import threading
import warnings
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any, cast

from duckml.database.sessions import T


class _Calls(threading.local):
    """The waiting calls of a thread, and a code object that runs the last of them.

    The code object has one constant, a method that pops a call from the list. One code object
    can therefore run every call, and it needs no variable.
    """

    def __init__(self) -> None:
        self.waiting: list[Callable[[], Any]] = []
        with warnings.catch_warnings():
            # A string isn't callable. It is a placeholder for the constant.
            warnings.simplefilter("ignore", SyntaxWarning)
            code = compile("'pop the call'()()", "<duckml>", "eval")
        self.code: CodeType = code.replace(co_consts=(self.waiting.pop,))


_calls = _Calls()


def in_frame(
    frame: FrameType, function: Callable[..., T], *arguments: object, **options: object
) -> T:
    """Return the result of `function`, called from a frame with the variables of `frame` only.

    DuckDB looks for the DataFrames that a statement names in the frame that calls it. It must
    find the variables of the user's frame, and no local variable of duckml. `function` must be
    DuckDB's: a Python function would add a frame of its own.
    """
    _calls.waiting.append(functools.partial(function, *arguments, **options))
    result: T = eval(_calls.code, frame.f_globals, frame.f_locals)
    return result


def users_frame() -> FrameType:
    """Return the nearest calling frame outside DuckDB's package and duckml's."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_back is not None:
        package = str(frame.f_globals.get("__name__", "")).split(".", maxsplit=1)[0]
        if package not in {"duckdb", "_duckdb", "duckml"}:
            break
        frame = frame.f_back
    assert frame is not None
    return frame


def frame_with(**variables: Any) -> FrameType:
    """Return a frame whose variables are the given ones."""
    namespace: dict[str, Any] = {"_getframe": sys._getframe}
    exec(f"def make({', '.join(variables)}): return _getframe()", namespace)
    return cast(FrameType, namespace["make"](**variables))
