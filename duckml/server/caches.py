"""What has been found out of a text before, as tools send the same few texts again and again."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeVar

_Found = TypeVar("_Found")
SHORT = 4000  # characters: of longer ones a thousand would fill the memory
_MOST = 1024


def remembered(find: Callable[[str], _Found]) -> Callable[[str], _Found]:
    """The same function, which looks at a short text once."""
    known = functools.lru_cache(maxsize=_MOST)(find)

    @functools.wraps(find)
    def recall(text: str) -> _Found:
        return known(text) if len(text) < SHORT else find(text)

    return recall
