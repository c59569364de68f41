"""Threads for what blocks: as few as the machine has cores while all goes on, more when all of them are held up.

With a thread for each client that is at work, short statements lose a tenth of their throughput to threads that wait
for each other; with few threads, a handful of long statements would keep everybody waiting.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import TypeVar, cast

_Made = TypeVar("_Made")
_PATIENCE = 0.005  # seconds in which some work has to begin, where some waits


class Workers:
    """A pool of threads for one event loop: `few` of them, and up to `most` while those have long work.

    Everything here is called in the event loop, but for what the threads do.
    """

    def __init__(self, name: str, few: int, most: int) -> None:
        self._name = name
        self._few = few
        self._most = most
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads: set[threading.Thread] = set()
        self._idle = 0
        self._begun = 0  # pieces of work that a thread has taken
        self._is_watched = False

    def run(self, work: Callable[[], _Made]) -> asyncio.Future[_Made]:
        """Let a thread do something; the future has what it made, or what it raised."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[_Made] = loop.create_future()

        def settle(made: _Made | None, error: BaseException | None) -> None:
            if future.cancelled():
                return
            if error is None:
                future.set_result(cast(_Made, made))
            else:
                future.set_exception(error)

        def do() -> None:
            try:
                made = work()
            except BaseException as error:
                loop.call_soon_threadsafe(settle, None, error)
            else:
                loop.call_soon_threadsafe(settle, made, None)

        if not self._idle and len(self._threads) < self._few:
            self._add()
        self._work.put(do)
        if not self._is_watched:
            self._watch()
        return future

    def _watch(self) -> None:
        self._is_watched = True
        asyncio.get_running_loop().call_later(_PATIENCE, self._look, self._begun)

    def _look(self, begun: int) -> None:
        """Add a thread when work waits, and none has begun since the last look."""
        self._is_watched = False
        if not self._work.empty():
            if self._begun == begun and len(self._threads) < self._most:
                self._add()
            self._watch()

    def _add(self) -> None:
        thread = threading.Thread(target=self._serve, name=self._name)
        with self._lock:
            self._threads.add(thread)
        thread.start()

    def _serve(self) -> None:
        """What a thread does: work, until there is none and enough others wait for it."""
        while True:
            with self._lock:
                if self._idle >= self._few and self._work.empty():
                    self._threads.discard(threading.current_thread())
                    return
                self._idle += 1
            work = self._work.get()
            with self._lock:
                self._idle -= 1
                self._begun += 1
            if work is None:
                return
            work()
            del work  # what it holds, should the next be long in coming

    def close(self) -> None:
        """Wait until all work is done, and end the threads."""
        with self._lock:
            threads = list(self._threads)
        for _ in threads:
            self._work.put(None)
        for thread in threads:
            thread.join()
