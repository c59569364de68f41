"""Timing of contenders that take turns: the best round of each, in wall time and CPU time."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass
class Timing:
    """The best round of one contender, in seconds."""

    wall: float = float("inf")
    cpu: float = float("inf")


@dataclass
class Table:
    """A titled table of figures."""

    title: str
    columns: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)

    def markdown(self) -> str:
        """Return the table as Markdown."""
        lines = [f"## {self.title}", "", "| " + " | ".join(self.columns) + " |"]
        lines.append("|---" + "|---:" * (len(self.columns) - 1) + "|")
        lines += ["| " + " | ".join(row) + " |" for row in self.rows]
        return "\n".join(lines) + "\n"


def in_turns(contenders: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Timing]:
    """Run every contender once to warm up and then `rounds` times, in turns."""
    timings = {name: Timing() for name in contenders}
    for number in range(rounds + 1):
        for name, run in contenders.items():
            gc.collect()
            wall, cpu = time.perf_counter(), time.process_time()
            run()
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            if number:
                timings[name].wall = min(timings[name].wall, wall)
                timings[name].cpu = min(timings[name].cpu, cpu)
    return timings
