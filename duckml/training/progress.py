"""The progress of a training: a bar with loss and time left on a terminal, silence elsewhere."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from duckml.estimators.model_warnings import ModelWarning
from duckml.training.fit import Progress

OnIteration = Callable[[Progress], None]


@dataclass(frozen=True)
class Listener:
    """Who is told of a training instead of the terminal: of each pass, and of what is worth saying at the end."""

    on_iteration: OnIteration
    on_warning: Callable[[str, ModelWarning], None]


@contextlib.contextmanager
def progress_bar() -> Iterator[OnIteration | None]:
    """Something to tell of every pass, drawn on standard error; None when that is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm

    # The size as the standard library finds it: tqdm draws nothing on a terminal that says its size is 0.
    size = shutil.get_terminal_size()
    bar = tqdm(
        desc="training",
        unit="pass",
        leave=False,
        ncols=size.columns,
        nrows=size.lines,
        file=sys.stderr,
    )

    def show(progress: Progress) -> None:
        bar.total = progress.max_iter
        losses = f"loss {progress.loss:.4f}"
        if progress.eval_loss is not None:
            losses += f", validation {progress.eval_loss:.4f}"
        bar.set_postfix_str(losses, refresh=False)
        bar.update(progress.iteration - bar.n)

    try:
        yield show
    finally:
        bar.close()
