"""The worker threads of the server: few usually, more while all of them are blocked."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from duckml.server.workers import WorkerThreads


def with_workers(
    few: int, most: int, story: Callable[[WorkerThreads], Coroutine[Any, Any, None]]
) -> WorkerThreads:
    """Run a test with worker threads of its own."""
    workers = WorkerThreads("test-workers", few, most)

    async def run() -> None:
        try:
            async with asyncio.timeout(30):
                await story(workers)
        finally:
            workers.close()

    asyncio.run(run())
    return workers


def threads() -> int:
    return sum(thread.name == "test-workers" for thread in threading.enumerate())


def test_what_work_makes_and_raises_arrives() -> None:
    async def story(workers: WorkerThreads) -> None:
        assert await asyncio.gather(*(workers.run(lambda n=n: n * n) for n in range(100))) == [
            n * n for n in range(100)
        ]
        assert threads() <= 2
        with pytest.raises(ZeroDivisionError):
            await workers.run(lambda: 1 // 0)
        assert await workers.run(threading.get_ident) != threading.get_ident()

    with_workers(2, 8, story)
    assert threads() == 0


def test_long_work_keeps_no_other_waiting_and_leaves_no_threads_behind() -> None:
    async def story(workers: WorkerThreads) -> None:
        go_on = threading.Event()
        long = [workers.run(go_on.wait) for _ in range(5)]
        short = [workers.run(lambda n=n: n) for n in range(20)]
        assert await asyncio.gather(*short) == list(range(20))
        assert not any(future.done() for future in long)
        assert threads() > 5
        go_on.set()
        assert await asyncio.gather(*long) == [True] * 5
        while threads() > 2:
            await asyncio.sleep(0.01)
        assert await workers.run(lambda: "still there") == "still there"

    with_workers(2, 8, story)


def test_there_are_never_more_threads_than_allowed() -> None:
    async def story(workers: WorkerThreads) -> None:
        go_on = threading.Event()
        long = [workers.run(go_on.wait) for _ in range(4)]
        late = workers.run(lambda: "late")
        await asyncio.sleep(0.2)
        assert threads() == 4
        assert not late.done()
        go_on.set()
        assert await late == "late"
        await asyncio.gather(*long)

    with_workers(1, 4, story)


def test_work_that_nobody_waits_for_any_longer_is_done_all_the_same() -> None:
    async def story(workers: WorkerThreads) -> None:
        done = threading.Event()
        future = workers.run(lambda: (time.sleep(0.05), done.set()))
        future.cancel()
        while not done.is_set():
            await asyncio.sleep(0.01)
        assert await workers.run(lambda: 1) == 1

    with_workers(1, 1, story)
