"""The tables that hold rows of a version."""

from __future__ import annotations

TABLES_OF_FORMAT_1 = ("training_info", "feature_info")
VERSION_TABLES = (
    *TABLES_OF_FORMAT_1,
    "weight",
    "confusion_matrix",
    "roc_curve",
    "background_row",
)
