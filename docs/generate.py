"""The generator of the pages of docs/reference/: options, functions, errors, command line.

    python docs/generate.py

The pages are made from the code. A test compares them with this program's output.
"""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import re
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

import duckdb

import duckml
from duckml import errors
from duckml.cli.arguments import argument_parser
from duckml.estimators.model_warnings import MEANINGS
from duckml.estimators.table import ESTIMATORS
from duckml.language.functions import SQL_FUNCTIONS, Rows, SqlFunction
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
    "predict_<model>(h) and predict_<model>(a := …)": (
        "as PREDICT; a function stored in the database"
    ),
    "predict_proba_<model>(h)": "as PREDICT_PROBA",
    "model_version_<model>()": "as MODEL_VERSION",
    "FROM predict_<model>('t')": "as FROM PREDICT",
}

# Models of the columns x and y or late, which the table functions are shown on.
EXAMPLES = (
    "CREATE TABLE points AS SELECT i::DOUBLE AS x, i > 300 AS late, 2 * i AS y "
    "FROM range(600) t(i)",
    "CREATE MODEL line OPTIONS (target = 'y', estimator = 'linear_regression') "
    "AS SELECT x, y FROM points",
    "CREATE MODEL late OPTIONS (target = 'late', max_iter = 2) AS SELECT x, late FROM points",
)

COMMAND_NOTES = {
    "sql": (
        "Without `-c` and `-f` the statements come from standard input. With `--format json` each "
        "statement prints its own array; NaN and infinities become null. The first error ends the "
        "run."
    ),
    "shell": (
        "A statement ends with a semicolon. Tab completes names, Ctrl-C discards the typed text "
        "or stops the running statement, `.quit`, `quit` or Ctrl-D ends the shell; the history is "
        "kept. From a pipe it runs statements as `duckml sql` does."
    ),
    "check": (
        "One line per version and device: the artifact's SHA-256, its functions, and its "
        "predictions for the rows that were stored with it. The exit code is 1 if anything failed."
    ),
}


def pages() -> dict[str, str]:
    """Return the text of each generated page by file name."""
    return {
        "options.md": _page(_options()),
        "functions.md": _page(_functions()),
        "errors.md": _page(_errors()),
        "cli.md": _page(_command_line()),
    }


def _page(lines: Iterable[str]) -> str:
    return "\n".join(lines).rstrip() + "\n"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    head = ["", f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    return head + [f"| {' | '.join(row)} |" for row in rows]


def _options() -> list[str]:
    return [
        "# Options of CREATE MODEL",
        "",
        "`OPTIONS (name = value, …)`; values are constants. BigQuery ML's name is in brackets if "
        "it is accepted too. An unknown option is an error that names the nearest option.",
        *_training_options(),
        *_estimator_options(),
        "",
        "## Options of an import",
        "",
        f"`OPTIONS (model_type = 'onnx', model_path = '…')` accepts {_names(IMPORT_DOMAINS)}.",
        "",
        "## Options of EXPORT MODEL",
        "",
        "`EXPORT MODEL m TO 'file' (FORMAT onnx | sql | macro, DIALECT duckdb | postgres | sqlite "
        "| …, TABLE 'name')`; BigQuery ML's form is `OPTIONS (uri = 'file')`.",
        "",
        "## BigQuery ML's options without effect",
        "",
        "They are accepted, with the warning `without_effect`:",
        "",
        *(f"- `{name}`: {reason}" for name, reason in bigquery_names.WITHOUT_EFFECT.items()),
        "",
        "## Options that are refused, and what to do instead",
        "",
        *(f"- `{name}`: {reason}" for name, reason in _refused_options().items()),
    ]


def _refused_options() -> dict[str, str]:
    return {**bigquery_names.TRANSLATE, **bigquery_names.ELSEWHERE}


def _training_options() -> list[str]:
    defaults = {field.name: field.default for field in dataclasses.fields(TrainingOptions)}
    also: dict[str, list[str]] = {}
    for name, known in bigquery_names.ALSO.items():
        also.setdefault(known, []).append(name)
    rows = [
        (
            _with_other_names("estimator", also["estimator"]),
            "`mlp_regressor`, or `mlp_classifier` for a VARCHAR, BOOLEAN or ENUM target",
            "a name from the table below",
        )
    ]
    for option in OPTIONS:
        names = _with_other_names(option.name, also.get(option.name, ()))
        rows.append((names, _default(defaults[option.name], option.name), option.meaning))
    return _table(("option", "default", "meaning"), rows)


def _estimator_options() -> list[str]:
    rows = []
    for estimator in ESTIMATORS:
        parameters = [
            _with_other_names(p.name, () if p.also == (p.name.lower(),) else p.also)
            for p in estimator.parameters
        ]
        own = [f"`{name} = {_value(value)}`" for name, value in estimator.defaults.items()]
        rows.append(
            (
                _with_other_names(estimator.name, estimator.also),
                "a class" if estimator.classes else "a number",
                ", ".join(parameters),
                ", ".join(own),
            )
        )
    wanted = {p.name: p.domain.wanted for estimator in ESTIMATORS for p in estimator.parameters}
    values = [(f"`{name}`", wanted[name]) for name in sorted(wanted, key=str.lower)]
    return [
        "",
        "## Estimators and their own options",
        "",
        "The names are scikit-learn's, and so are the defaults except those listed here. Numbers "
        "and the target are standardized before an estimator sees them, so a penalty such as "
        "`alpha` is relative to their spread. Trees compute in float32 only. In Python `estimator` "
        "can be any unfitted scikit-learn regressor or classifier.",
        *_table(("estimator", "predicts", "options", "defaults that differ"), rows),
        "",
        "The values of the options of estimators:",
        *_table(("option", "value"), values),
    ]


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _with_other_names(name: str, others: Sequence[str]) -> str:
    return f"`{name}` [{_names(others)}]" if others else f"`{name}`"


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


def _functions() -> list[str]:
    planned = [f"`{name.upper()}`" for name, f in SQL_FUNCTIONS.items() if f.is_planned]
    lines = [
        "# Functions",
        "",
        "`ML.` before a name is accepted, and so is a string instead of `MODEL name`. A value that "
        "doesn't apply is NULL.",
        *_table(("function", "result"), [(f"`{form}`", result) for form, result in FORMS.items()]),
    ]
    with duckml.connect() as con:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for statement in EXAMPLES:
                con.execute(statement)
        for name, function in SQL_FUNCTIONS.items():
            if function.is_table and not function.is_planned:
                lines += _table_function(con, name, function)
    return [
        *lines,
        "",
        "## With rows",
        "",
        "`EVALUATE`, `CONFUSION_MATRIX` and `ROC_CURVE` accept `TABLE t` or a query in brackets "
        "after the model, with the target among its columns, and measure on those rows. The next "
        "argument can be `STRUCT(0.4 AS threshold)` (two classes: the second is predicted from "
        "this probability on) or, for `ROC_CURVE`, a list of thresholds. "
        "`WEIGHTS(MODEL m, STRUCT(true AS standardize))` returns the weights per standard "
        "deviation.",
        "",
        f'{", ".join(planned[:-1])} and {planned[-1]} raise "not in this release yet".',
    ]


def _table_function(con: duckdb.DuckDBPyConnection, name: str, function: SqlFunction) -> list[str]:
    with_rows = function.rows is Rows.REQUIRED
    model = "late" if function.is_for_classifiers or with_rows else "line"
    rows = ", TABLE points" if with_rows else ""
    relation = con.sql(f"FROM {name}(MODEL {model}{rows})")
    meaning = function.table + ("; here the input is x, late, y" if with_rows else "")
    columns = zip(relation.columns, map(str, relation.types), strict=True)
    return [
        "",
        f"## {name.upper()}",
        "",
        f"{meaning[0].upper()}{meaning[1:]}.",
        *_table(("column", "type"), columns),
    ]


def _errors() -> list[str]:
    rows = []
    for name in errors.__all__:
        error = getattr(errors, name)
        others = _names(b.__name__ for b in error.__bases__ if b.__module__ == "_duckdb")
        meaning = inspect.getdoc(error) or ""
        rows.append((f"`{name}`", meaning, error.sqlstate, others or "`Error`"))
    return [
        "# Errors and warnings",
        "",
        "The errors are in `duckml.errors`. Each is a `DuckmlError` and also the class that DuckDB "
        "raises for the same mistake, so that code written for DuckDB catches it. `sqlstate` is "
        "PostgreSQL's.",
        *_table(("error", "meaning", "SQLSTATE", "also"), rows),
        "",
        "## Warnings",
        "",
        "Warnings of a training are in the row that CREATE MODEL returns, in `_duckml.versions`, "
        "on standard error of the command line, and are Python warnings "
        "(`duckml.ModelWarningMessage`).",
        *_table(("code", "meaning"), [(f"`{code}`", text) for code, text in MEANINGS.items()]),
    ]


def _command_line() -> list[str]:
    parser = argument_parser()
    commands = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    lines = [
        "# Command line",
        "",
        "Data goes to standard output, everything else to standard error.",
        "",
        re.sub(r"\s+", " ", parser.epilog or ""),
    ]
    for name, command in commands.choices.items():
        lines += ["", f"## duckml {name}", "", "```text", command.format_help().strip(), "```"]
        if name in COMMAND_NOTES:
            lines += ["", COMMAND_NOTES[name]]
    return lines


def main() -> None:
    """Write the pages."""
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
