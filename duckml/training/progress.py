"""The progress of a training, and its bar with loss and time left on a terminal."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from duckml.estimators.model_warnings import ModelWarning


@dataclass(frozen=True)
class Progress:
    """The argument of a progress callback after each pass."""

    iteration: int
    max_iter: int
    loss: float
    eval_loss: float | None


OnIteration = Callable[[Progress], None]


@dataclass(frozen=True)
class Listener:
    """Callbacks that replace the terminal: after each pass, and for each warning at the end."""

    on_iteration: OnIteration
    on_warning: Callable[[str, ModelWarning], None]


@contextlib.contextmanager
def progress_bar() -> Iterator[OnIteration | None]:
    """Draw a bar on standard error; yield its callback, or None if that is not a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm

    # tqdm draws nothing on a terminal that reports a size of 0. The standard library has a default.
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
