"""Writes the pages of docs/reference/ that say what the code says: options, functions, errors and the command line.

    python docs/generate.py

A test compares the pages with what this would write.
"""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import re
import warnings
from pathlib import Path

import duckml
from duckml import errors
from duckml.cli.arguments import argument_parser
from duckml.estimators.model_warnings import MEANINGS
from duckml.estimators.table import ESTIMATORS
from duckml.language.functions import SQL_FUNCTIONS, Rows
from duckml.options import bigquery_names
from duckml.options.statement_options import IMPORT_DOMAINS
from duckml.options.training_options import OPTIONS, TrainingOptions

FOLDER = Path(__file__).parent / "reference"

FORMS = {
    **{
        f"{name.upper()}(model{'' if name == 'model_version' else ', …'})": function.value
        for name, function in SQL_FUNCTIONS.items()
        if function.is_scalar
    },
    "predict_<model>(h) and predict_<model>(a := …)": "as PREDICT; a function stored in the database",
    "predict_proba_<model>(h)": "as PREDICT_PROBA",
    "model_version_<model>()": "as MODEL_VERSION",
    "FROM predict_<model>('t')": "as FROM PREDICT",
}


def pages() -> dict[str, str]:
    """The text of every generated page, by file name."""
    return {
        "options.md": _options(),
        "functions.md": _functions(),
        "errors.md": _errors(),
        "cli.md": _cli(),
    }


def _options() -> str:
    defaults = {field.name: field.default for field in dataclasses.fields(TrainingOptions)}
    also: dict[str, list[str]] = {}
    for name, known in bigquery_names.ALSO.items():
        also.setdefault(known, []).append(name)
    lines = [
        "# Options of CREATE MODEL",
        "",
        "`OPTIONS (name = value, …)`; values are constants. BigQuery ML's name stands in brackets where it is accepted "
        "too. An unknown option is an error that names the nearest.",
        "",
        "| option | default | meaning |",
        "|---|---|---|",
        f"| `estimator` [{_names(also['estimator'])}] | `mlp_regressor`, or `mlp_classifier` for a VARCHAR, BOOLEAN or "
        "ENUM target | a name from the table below |",
    ]
    for option in OPTIONS:
        names = f"`{option.name}`" + (
            f" [{_names(also[option.name])}]" if option.name in also else ""
        )
        lines.append(
            f"| {names} | {_default(defaults[option.name], option.name)} | {option.meaning} |"
        )
    lines += [
        "",
        "## Estimators and their own options",
        "",
        "The names are scikit-learn's, and so are the defaults but for those given here. Numbers and the target are "
        "standardised before an estimator sees them, so a penalty such as `alpha` is relative to their spread. Trees compute "
        "in float32 only. From Python `estimator` may be any unfitted scikit-learn regressor or classifier.",
        "",
        "| estimator | predicts | options | defaults that differ |",
        "|---|---|---|---|",
    ]
    for estimator in ESTIMATORS:
        names = f"`{estimator.name}`" + (f" [{_names(estimator.also)}]" if estimator.also else "")
        parameters = ", ".join(
            f"`{p.name}`"
            + (f" [{_names(p.also)}]" if p.also and p.also != (p.name.lower(),) else "")
            for p in estimator.parameters
        )
        own = ", ".join(f"`{name} = {_value(value)}`" for name, value in estimator.defaults.items())
        lines.append(
            f"| {names} | {'a class' if estimator.classes else 'a number'} | {parameters} | {own} |"
        )
    lines += ["", "What the options of estimators take:", "", "| option | value |", "|---|---|"]
    wanted = {p.name: p.domain.wanted for estimator in ESTIMATORS for p in estimator.parameters}
    lines += [f"| `{name}` | {wanted[name]} |" for name in sorted(wanted, key=str.lower)]
    lines += [
        "",
        "## Options of an import",
        "",
        f"`OPTIONS (model_type = 'onnx', model_path = '…')` takes {_names(IMPORT_DOMAINS)}.",
        "",
        "## Options of EXPORT MODEL",
        "",
        "`EXPORT MODEL m TO 'file' (FORMAT onnx | sql | macro, DIALECT duckdb | postgres | sqlite | …, TABLE 'name')`; in "
        "BigQuery ML's words `OPTIONS (uri = 'file')`.",
        "",
        "## BigQuery ML's options that change nothing here",
        "",
        "They are taken, with the warning `without_effect`:",
        "",
    ]
    lines += [f"- `{name}`: {reason}" for name, reason in bigquery_names.WITHOUT_EFFECT.items()]
    lines += ["", "## Options that are refused, and what to do instead", ""]
    refused = {**bigquery_names.TRANSLATE, **bigquery_names.ELSEWHERE}
    lines += [f"- `{name}`: {reason}" for name, reason in refused.items()]
    return "\n".join(lines) + "\n"


def _names(names: object) -> str:
    return ", ".join(f"`{name}`" for name in names)  # type: ignore[attr-defined]


def _default(value: object, name: str) -> str:
    if name == "target":
        return "required"
    if value is None or value == () or value is dataclasses.MISSING:
        return ""
    return f"`{_value(value)}`"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    return f"'{value}'" if isinstance(value, str) else str(value)


def _functions() -> str:
    planned = [f"`{name.upper()}`" for name, f in SQL_FUNCTIONS.items() if f.is_planned]
    lines = [
        "# Functions",
        "",
        "`ML.` before a name is accepted, and so is a text in the place of `MODEL name`. What does not apply is NULL.",
        "",
        "| function | answers |",
        "|---|---|",
    ]
    lines += [f"| `{form}` | {answer} |" for form, answer in FORMS.items()]
    with duckml.connect() as con:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            con.execute(
                "CREATE TABLE points AS SELECT i::DOUBLE AS x, i > 300 AS late, 2 * i AS y FROM range(600) t(i)"
            )
            con.execute(
                "CREATE MODEL line OPTIONS (target = 'y', estimator = 'linear_regression') AS SELECT x, y FROM points"
            )
            con.execute(
                "CREATE MODEL late OPTIONS (target = 'late', max_iter = 2) AS SELECT x, late FROM points"
            )
        for name, function in SQL_FUNCTIONS.items():
            if not function.is_table or function.is_planned:
                continue
            with_rows = function.rows is Rows.REQUIRED
            model = "late" if function.is_for_classifiers or with_rows else "line"
            rows = ", TABLE points" if with_rows else ""
            relation = con.sql(f"FROM {name}(MODEL {model}{rows})")
            meaning = function.table + ("; here the input is x, late, y" if with_rows else "")
            lines += [
                "",
                f"## {name.upper()}",
                "",
                f"{meaning[0].upper()}{meaning[1:]}.",
                "",
                "| column | type |",
                "|---|---|",
            ]
            lines += [
                f"| {c} | {t} |"
                for c, t in zip(relation.columns, map(str, relation.types), strict=True)
            ]
    lines += [
        "",
        "## With rows",
        "",
        "`EVALUATE`, `CONFUSION_MATRIX` and `ROC_CURVE` take `TABLE t` or a query in brackets behind the model, which holds "
        "the target too, and measure on those rows. Behind them may stand `STRUCT(0.4 AS threshold)` (two classes: the "
        "second is the prediction from this probability on) or, for `ROC_CURVE`, a list of thresholds. "
        "`WEIGHTS(MODEL m, STRUCT(true AS standardize))` gives the weights per standard deviation.",
        "",
        f'{", ".join(planned[:-1])} and {planned[-1]} answer "not in this release yet".',
    ]
    return "\n".join(lines) + "\n"


def _errors() -> str:
    lines = [
        "# Errors and warnings",
        "",
        "Every error lives in `duckml.errors`, is a `DuckmlError`, and is also the class that DuckDB raises for the same "
        "sort of mistake, so that code written for DuckDB catches it. `sqlstate` is PostgreSQL's.",
        "",
        "| error | when | SQLSTATE | also |",
        "|---|---|---|---|",
    ]
    for name in errors.__all__:
        error = getattr(errors, name)
        others = ", ".join(
            f"`{base.__name__}`" for base in error.__bases__ if base.__module__ == "_duckdb"
        )
        lines.append(
            f"| `{name}` | {inspect.getdoc(error)} | {error.sqlstate} | {others or '`Error`'} |"
        )
    lines += [
        "",
        "## Warnings",
        "",
        "Warnings of a training are in the row that CREATE MODEL returns, in `_duckml.versions`, on standard "
        "error of the command line, and as a Python warning (`duckml.ModelWarningMessage`).",
        "",
        "| code | meaning |",
        "|---|---|",
    ]
    lines += [f"| `{code}` | {meaning} |" for code, meaning in MEANINGS.items()]
    return "\n".join(lines) + "\n"


NOTES = {
    "sql": "Without `-c` and `-f` the statements come from standard input. With `--format json` every statement prints an "
    "array of its own; NaN and infinities become null. The first error ends the run.",
    "shell": "A statement ends with a semicolon. Tab completes names, Ctrl-C drops what was typed or stops what runs, `.quit`, "
    "`quit` or Ctrl-D leaves; the history is kept. From a pipe it runs statements as `duckml sql` does.",
    "check": "One line per version and device: the artifact's SHA-256, its functions, and its answers to the rows that were "
    "kept with it. Exit code 1 when anything failed.",
}


def _cli() -> str:
    parser = argument_parser()
    commands = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    lines = [
        "# Command line",
        "",
        "Data goes to standard output, everything else to standard error.",
        "",
    ]
    epilog = re.sub(r"\s+", " ", parser.epilog or "")
    lines += [epilog, ""]
    for name, command in commands.choices.items():
        lines += [f"## duckml {name}", "", "```text", command.format_help().strip(), "```", ""]
        if name in NOTES:
            lines += [NOTES[name], ""]
    return "\n".join(lines).rstrip() + "\n"


def main() -> None:
    """Write the pages."""
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
