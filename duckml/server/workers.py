"""Worker threads for blocking work: one per core, and more while all of them are blocked.

With a thread for each active client, short statements lose a tenth of their throughput to threads
that wait for each other. With a fixed few threads, a handful of long statements would block every
other client.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import TypeVar, cast

_Result = TypeVar("_Result")
_PATIENCE = 0.005  # seconds without any work starting, after which a thread is added


class WorkerThreads:
    """Worker threads of one event loop: `usual` of them, and up to `maximum` during long work.

    All methods must be called in the event loop.
    """

    def __init__(self, name: str, usual: int, maximum: int) -> None:
        self._name = name
        self._usual = usual
        self._maximum = maximum
        self._queue: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._threads: set[threading.Thread] = set()
        self._idle = 0
        self._started = 0  # pieces of work that a thread has taken from the queue
        self._has_check = False

    def run(self, work: Callable[[], _Result]) -> asyncio.Future[_Result]:
        """Run `work` on a thread; return a future of its result or its exception."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[_Result] = loop.create_future()

        def settle(result: _Result | None, error: BaseException | None) -> None:
            if future.cancelled():
                return
            if error is None:
                future.set_result(cast(_Result, result))
            else:
                future.set_exception(error)

        def work_and_settle() -> None:
            try:
                result = work()
            except BaseException as error:
                loop.call_soon_threadsafe(settle, None, error)
            else:
                loop.call_soon_threadsafe(settle, result, None)

        if not self._idle and len(self._threads) < self._usual:
            self._add_thread()
        self._queue.put(work_and_settle)
        if not self._has_check:
            self._schedule_check()
        return future

    def close(self) -> None:
        """Wait until all work is done, and end the threads."""
        with self._lock:
            threads = list(self._threads)
        for _ in threads:
            self._queue.put(None)
        for thread in threads:
            thread.join()

    def _schedule_check(self) -> None:
        self._has_check = True
        asyncio.get_running_loop().call_later(_PATIENCE, self._check_progress, self._started)

    def _check_progress(self, started_before: int) -> None:
        """Add a thread if work is queued and none has started since the last check."""
        self._has_check = False
        if self._queue.empty():
            return
        if self._started == started_before and len(self._threads) < self._maximum:
            self._add_thread()
        self._schedule_check()

    def _add_thread(self) -> None:
        thread = threading.Thread(target=self._serve, name=self._name)
        with self._lock:
            self._threads.add(thread)
        thread.start()

    def _serve(self) -> None:
        """Run queued work until the queue is empty and enough other threads are idle."""
        while True:
            with self._lock:
                if self._idle >= self._usual and self._queue.empty():
                    self._threads.discard(threading.current_thread())
                    return
                self._idle += 1
            work = self._queue.get()
            with self._lock:
                self._idle -= 1
                self._started += 1
            if work is None:
                return
            work()
            # Free what the work holds, because the next piece may be long in coming.
            del work
