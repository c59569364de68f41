"""Calls of DuckDB from the user's frame, so that it finds the DataFrames in a statement."""

from __future__ import annotations

import functools
import threading
import warnings
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

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
