"""The options of imports, EXPORT MODEL, RETRAIN MODEL and ALTER MODEL … SET OPTIONS."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from duckml.errors import OptionError
from duckml.estimators.domains import Domain, one_of
from duckml.estimators.table import ESTIMATORS
from duckml.options.bigquery_names import canonical, known_name
from duckml.options.training_options import DOMAINS
from duckml.options.values import COLUMN, COLUMNS_BY_INPUT, TEXT, TEXTS

_NOTES = ("description", "tags")
IMPORT_DOMAINS: Mapping[str, Domain] = {
    "model_path": TEXT,
    "target": COLUMN,
    "features": COLUMNS_BY_INPUT,
    "output": TEXT,
    "labels": TEXTS,
    **{name: DOMAINS[name] for name in ("on_null", "make_default", "keep_versions", *_NOTES)},
}
_EXPORT_DOMAINS: Mapping[str, Domain] = {
    "uri": TEXT,
    "format": one_of("onnx", "sql", "macro"),
    "dialect": TEXT,
    "table": TEXT,
}


@dataclass(frozen=True)
class ImportOptions:
    """The checked options of CREATE MODEL … OPTIONS (model_type = 'onnx').

    `features` are the names of the columns of inputs that are wider than one, by input. The key is
    '' if there is one input.
    """

    model_path: str
    target: str | None = None
    features: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    output: str | None = None
    labels: tuple[str, ...] | None = None
    on_null: str = "null"
    make_default: bool | str = True
    keep_versions: int | None = None
    description: str | None = None
    tags: str | None = None


@dataclass(frozen=True)
class ExportOptions:
    """The checked options of EXPORT MODEL; `table` is the input table of the generated SQL."""

    uri: str
    format: str = "onnx"
    dialect: str = "duckdb"
    table: str = "input"


def read_import_options(given: Mapping[str, Any]) -> ImportOptions:
    """Return the checked options of an import; raise OptionError for bad ones."""
    values = _read(given, IMPORT_DOMAINS, also_known={"model_type", "estimator"})
    if "model_path" not in values:
        raise OptionError(
            "Importing a model needs the path of its file: OPTIONS (model_type = 'onnx', "
            "model_path = '…')."
        )
    kind = given.get("model_type", given.get("estimator"))
    if not isinstance(kind, str) or kind.lower() != "onnx":
        raise OptionError(
            "model_path requires model_type = 'onnx': only ONNX files can be imported."
        )
    return ImportOptions(**values)


def read_export_options(given: Mapping[str, Any]) -> ExportOptions:
    """Return the checked options of EXPORT MODEL; raise OptionError for bad ones."""
    options = ExportOptions(**_read(given, _EXPORT_DOMAINS))
    if options.format != "sql" and {"dialect", "table"} & set(given):
        raise OptionError("dialect and table require FORMAT sql.")
    return options


def for_retraining(stored: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the stored options of a version, replaced by those of RETRAIN where given.

    Another estimator drops the parameters of the stored one. Raises OptionError for another target
    and for an option given twice.
    """
    options, new = canonical(stored), canonical(given)
    if new.get("target", options.get("target")) != options.get("target"):
        raise OptionError(
            "RETRAIN can't change the target. Use CREATE MODEL with another name to predict "
            "another column."
        )
    _require_different(given)
    if new.get("estimator", options.get("estimator")) != options.get("estimator"):
        options = {name: value for name, value in options.items() if name in DOMAINS or name in new}
    return {**options, **new}


def _require_different(given: Mapping[str, Any]) -> None:
    """Raise OptionError if two names mean the same option."""
    known = [next(iter(canonical({name: None}))) for name in given]
    twice = [name for name, meant in zip(given, known, strict=True) if known.count(meant) > 1]
    if twice:
        raise OptionError(f"{' and '.join(twice)} are the same option: give one of them.")


def read_notes(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the checked options of ALTER MODEL … SET OPTIONS; NULL removes a note.

    Raises OptionError for an option of the training, which can't be changed.
    """
    for name in given:
        known = known_name(name)
        if _is_of_training(known) and known not in _NOTES:
            raise OptionError(
                f'The option "{name}" can\'t be changed: versions are immutable. '
                f"RETRAIN MODEL … OPTIONS ({name} = …) creates a new version."
            )
    domains = {name: DOMAINS[name] for name in _NOTES}
    kept = {name: value for name, value in given.items() if value is not None}
    cleared = {known_name(name): None for name, value in given.items() if value is None}
    for name in cleared:
        if name not in domains:
            raise OptionError.unknown(name, sorted(domains))
    return {**_read(kept, domains), **cleared}


def _is_of_training(name: str) -> bool:
    is_parameter = any(estimator.find(name) is not None for estimator in ESTIMATORS)
    return name in DOMAINS or name == "estimator" or is_parameter


def _read(
    given: Mapping[str, Any],
    domains: Mapping[str, Domain],
    also_known: Set[str] = frozenset(),
) -> dict[str, Any]:
    """Return the checked values; options in `also_known` are left out."""
    values = {}
    for option, value in given.items():
        name = option if option in domains else known_name(option)
        if name in domains:
            values[name] = domains[name].check(option, value)
        elif option not in also_known:
            raise OptionError.unknown(option, sorted({*domains, *also_known}))
    return values
