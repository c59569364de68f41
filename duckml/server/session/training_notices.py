"""The notices that a client receives while it trains a model."""

from __future__ import annotations

import time
from collections.abc import Callable

from duckml.estimators.model_warnings import ModelWarning
from duckml.server.errors import Report
from duckml.server.session.interruption import Interruption
from duckml.training.progress import Progress

_SECONDS_BETWEEN = 1.0


class TrainingNotices:
    """Notices about the progress and the warnings of a training."""

    def __init__(self, notify: Callable[[Report], None], interruption: Interruption) -> None:
        self._notify = notify
        self._interruption = interruption
        self._last_sent = 0.0

    def on_iteration(self, progress: Progress) -> None:
        """Send the loss, at most once a second and after the last pass.

        Raises WireError if the statement was stopped.
        """
        # DuckDB's interrupt stops queries, but not the training between them.
        self._interruption.require_running()
        now = time.monotonic()
        is_early = now - self._last_sent < _SECONDS_BETWEEN
        if is_early and progress.iteration < progress.max_iter:
            return
        self._last_sent = now
        losses = f"loss {progress.loss:.4f}"
        if progress.eval_loss is not None:
            losses += f", validation {progress.eval_loss:.4f}"
        message = f"training: pass {progress.iteration} of at most {progress.max_iter}, {losses}"
        self._notify(Report("00000", message, severity="NOTICE"))

    def on_warning(self, model: str, warning: ModelWarning) -> None:
        """Send a warning about the model that was trained."""
        message = f"{model}: {warning.message} [{warning.code}]"
        self._notify(Report("01000", message, severity="WARNING"))
