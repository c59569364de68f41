"""Calls of DuckDB from the user's frame, so that it finds the DataFrames that a statement names."""

from __future__ import annotations

import functools
import threading
import warnings
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

from duckml.database.sessions import T


class _Calls(threading.local):
    """The calls that a thread is about to make, and code that makes the last of them.

    The code has one constant, a method that takes a call from the list: so one code object serves every call, and
    needs no variable.
    """

    def __init__(self) -> None:
        self.waiting: list[Callable[[], Any]] = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)  # a text is not callable; it is replaced
            code = compile("'take the call'()()", "<duckml>", "eval")
        self.code: CodeType = code.replace(co_consts=(self.waiting.pop,))


_calls = _Calls()


def in_frame(
    frame: FrameType, function: Callable[..., T], *arguments: object, **options: object
) -> T:
    """The answer of `function`, called from a frame that has the variables of `frame` and no others.

    DuckDB looks for the DataFrames that a statement names in the frame that calls it. Called this way it finds the
    variables of the user's frame, and no local variable of duckml's stands in their way. `function` is DuckDB's own:
    a function in Python would bring a frame of its own.
    """
    _calls.waiting.append(functools.partial(function, *arguments, **options))
    answer: T = eval(_calls.code, frame.f_globals, frame.f_locals)
    return answer
