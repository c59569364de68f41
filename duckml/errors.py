"""Every error that duckml raises, and its wording.

    DuckmlError (duckdb.Error)
    ├── StatementError          the text of a statement is not what the grammar says
    ├── NotYetError             understood, but not in this release
    ├── OptionError             an option of CREATE MODEL is unknown or has a bad value
    ├── ModelNotFoundError      no model, or no version, of that name
    ├── ModelExistsError        the name is taken
    ├── FeatureError            the columns at hand don't fit the signature
    ├── PlacementError          PREDICT where it would tie a table to a model
    ├── TrainingDataError       the rows of the training query can't be learned from
    ├── DependentsError         something in the database holds on to the model's function
    ├── ParityError             onnxruntime doesn't answer what scikit-learn answers
    ├── PlainSqlError           a model can't be written as plain SQL
    ├── ForeignModelError       a model from elsewhere can't be taken in
    ├── ArtifactError           the stored ONNX bytes are damaged or gone
    ├── ConflictError           another session is changing the same model
    ├── RegistryFormatError     the file was written by a newer duckml
    ├── ReadOnlyError           a model can't be stored in a read-only database
    ├── EngineError             the engine asked for does not serve the database
    └── DeviceError             the device asked for is not there

Each class is also the class that DuckDB raises for the same sort of mistake, so that code written for DuckDB catches
it, and carries the SQLSTATE that PostgreSQL uses for it. A message says what was found, what was wanted and what to
do. The constructors hold the wording; the rooms that raise only supply names.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

import duckdb

from duckml.names import listed, nearest

__all__ = [
    "ArtifactError",
    "ConflictError",
    "DependentsError",
    "DeviceError",
    "DuckmlError",
    "EngineError",
    "FeatureError",
    "ForeignModelError",
    "ModelExistsError",
    "ModelNotFoundError",
    "NotYetError",
    "OptionError",
    "ParityError",
    "PlacementError",
    "PlainSqlError",
    "ReadOnlyError",
    "RegistryFormatError",
    "StatementError",
    "TrainingDataError",
]


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    close = nearest(name, known)
    return f' Did you mean "{close}"?' if close is not None else ""


def located(sql: str, start: int) -> str:
    """The line of `sql` that holds byte `start`, as DuckDB shows it, with a caret below."""
    offset = len(sql.encode()[:start].decode())
    line_start = sql.rfind("\n", 0, offset) + 1
    line_end = sql.find("\n", offset)
    prefix = f"LINE {sql.count(chr(10), 0, offset) + 1}: "
    line = sql[line_start : line_end if line_end >= 0 else len(sql)]
    column = offset - line_start
    if column > 60:  # keep the caret on the screen
        line, column = "…" + line[column - 40 :], 41
    return f"{prefix}{line[:100]}\n{' ' * (len(prefix) + column)}^"


class DuckmlError(duckdb.Error):
    """The base of every error that duckml raises."""

    sqlstate: ClassVar[str] = "XX000"


class StatementError(DuckmlError, duckdb.ParserException):
    """The text of a statement is not what the grammar says."""

    sqlstate = "42601"

    @classmethod
    def at(cls, sql: str, start: int, message: str) -> StatementError:
        """`message`, then the line of `sql` that holds byte `start`, with a caret below it."""
        return cls(f"{message}\n\n{located(sql, start)}")


class NotYetError(DuckmlError, duckdb.NotImplementedException):
    """Understood, but not in this release."""

    sqlstate = "0A000"

    @classmethod
    def of(cls, what: str, instead: str = "") -> NotYetError:
        """`what` is not in this release; `instead` says what works today."""
        return cls(
            f"{what} is not in this release of duckml yet." + (f" {instead}" if instead else "")
        )


class OptionError(DuckmlError, duckdb.BinderException):
    """An option of CREATE MODEL is unknown or has a bad value."""

    sqlstate = "22023"

    @classmethod
    def unknown(cls, name: str, known: Sequence[str]) -> OptionError:
        """There is no option `name` among the `known` ones."""
        return cls(
            f'Unknown option "{name}".{_did_you_mean(name, known)}\nKnown here: {", ".join(known)}.'
        )

    @classmethod
    def bad_value(cls, name: str, value: object, wanted: str) -> OptionError:
        """Option `name` wants something else than `value`."""
        return cls(f'Option "{name}" is {value!r}, but it must be {wanted}.')

    @classmethod
    def unsuitable(cls, estimator: object, why: str) -> OptionError:
        """A Python object given as estimator can't be trained here."""
        return cls(
            f"estimator is {estimator!r}, {why}. It must be a name such as 'mlp_regressor', or an unfitted "
            "scikit-learn regressor such as Ridge(alpha=1.0)."
        )

    @classmethod
    def not_constant(cls, name: str, text: str) -> OptionError:
        """The value of option `name` can't be evaluated on its own."""
        if "=" in text.rsplit("'", maxsplit=1)[-1]:
            return cls(
                f'Option "{name}" is {text}. Options stand apart by commas: {name} = …, other = ….'
            )
        return cls(
            f"Option \"{name}\" is {text}, which is no constant. Texts stand in single quotes: {name} = '…'."
        )

    @classmethod
    def missing_target(cls, columns: Sequence[str]) -> OptionError:
        """No target was named; `columns` are the candidates."""
        return cls(
            "CREATE MODEL needs to know which column to learn: OPTIONS (target = '…').\n"
            f"The query returns {listed(columns)}."
        )

    @classmethod
    def no_column(cls, option: str, name: str, columns: Sequence[str]) -> OptionError:
        """Option `option` names a column that the training query doesn't return."""
        return cls(
            f'Option "{option}" names the column "{name}", which the query doesn\'t return.'
            f"{_did_you_mean(name, columns)}\nIt returns {listed(columns)}."
        )


class ModelNotFoundError(DuckmlError, duckdb.CatalogException):
    """No model, or no version, of that name."""

    sqlstate = "42704"

    @classmethod
    def named(cls, name: str, near: str | None, known: bool) -> ModelNotFoundError:
        """There is no model `name`; `near` is one of a similar name, and `known` says whether there are any."""
        hint = f" Did you mean {near}?" if near else ""
        if not hint:
            hint = (
                " SHOW MODELS lists what is here."
                if known
                else " There are no models here yet: see CREATE MODEL."
            )
        return cls(f"No model named '{name}'.{hint}")

    @classmethod
    def version(
        cls, name: str, version: str, known: Sequence[int], aliases: Sequence[str]
    ) -> ModelNotFoundError:
        """Model `name` exists, but without `version`, a number or an alias."""
        listed_versions = ", ".join([*(str(number) for number in known), *aliases])
        close = nearest(version, aliases)
        hint = f" Did you mean '{close}'?" if close is not None else ""
        return cls(f"Model '{name}' has no version '{version}'.{hint} It has: {listed_versions}.")


class ModelExistsError(DuckmlError, duckdb.CatalogException):
    """The name is taken."""

    sqlstate = "42710"

    @classmethod
    def model(cls, name: str) -> ModelExistsError:
        """A model of that name is there already."""
        return cls(
            f"Model '{name}' already exists. CREATE OR REPLACE MODEL adds a version and keeps the old one; "
            "CREATE MODEL IF NOT EXISTS leaves it as it is."
        )

    @classmethod
    def macro(cls, model: str, macro: str) -> ModelExistsError:
        """A function that duckml did not make has the name that the model's function would get."""
        return cls(
            f"Model '{model}' would store the function {macro}, but a function of that name that is not a model's "
            "already exists. Choose another name for the model, or drop the function."
        )

    @classmethod
    def entangled(cls, model: str, other: str) -> ModelExistsError:
        """The functions of `model` and of model `other` would have the same name."""
        return cls(
            f"A model can't be named '{model}' beside model '{other}': both would have a function of the same name "
            "(predict_proba_…). Choose another name."
        )


class FeatureError(DuckmlError, duckdb.BinderException):
    """The columns at hand don't fit the signature of a model."""

    sqlstate = "42703"

    @classmethod
    def missing(
        cls, model: str, feature: str, columns: Sequence[str], signature: str, where: str
    ) -> FeatureError:
        """The input lacks `feature`; `columns` are searched for the nearest name."""
        return cls(
            f"Model '{model}' needs the column \"{feature}\", which is not here.{_did_you_mean(feature, columns)}\n"
            f"To give another expression for it: {feature} := …\nThe model takes {signature}.\n\n{where}"
        )

    @classmethod
    def no_target(cls, model: str, target: str, columns: Sequence[str], where: str) -> FeatureError:
        """The rows to evaluate on lack the target."""
        return cls(
            f"EVALUATE compares with the target \"{target}\" of model '{model}', which is not here."
            f"{_did_you_mean(target, columns)}\n\n{where}"
        )

    @classmethod
    def unknown(cls, model: str, name: str, features: Sequence[str]) -> FeatureError:
        """An argument names something that the model doesn't take."""
        return cls(
            f"Model '{model}' has no feature \"{name}\".{_did_you_mean(name, features)}\nIt takes {listed(features)}."
        )

    @classmethod
    def twice(cls, model: str, name: str) -> FeatureError:
        """Two arguments give the same feature."""
        return cls(f'PREDICT({model}, …) gives the feature "{name}" twice.')

    @classmethod
    def count(cls, model: str, given: int, signature: str, wanted: int) -> FeatureError:
        """The wrong number of arguments by position."""
        return cls(
            f"PREDICT({model}, …) was given {given} values by position, but the model takes {wanted}: {signature}.\n"
            f"PREDICT({model}) takes all of them from columns of the same names; PREDICT({model}, h.*) from alias h."
        )

    @classmethod
    def swapped(cls, model: str, column: str, feature: str) -> FeatureError:
        """A bare column stands at the place of another feature."""
        return cls(
            f'PREDICT({model}, …) has the column "{column}" at the place of the feature "{feature}". '
            f"Write PREDICT({model}) to bind by name, or {feature} := {column} if you mean it."
        )

    @classmethod
    def types(cls, model: str, wrong: Sequence[tuple[str, str]], where: str) -> FeatureError:
        """The values for the features `wrong` (name and type wanted) have another type."""
        wanted = ", ".join(f'"{name}" to be {sql_type}' for name, sql_type in wrong)
        types = " or ".join(dict.fromkeys(sql_type for _, sql_type in wrong))
        return cls(
            f"Model '{model}' needs {wanted}, and the value here is of a type that DuckDB doesn't turn into that by "
            f"itself.\nCast the value: CAST(… AS {types}).\n\n{where}"
        )

    @classmethod
    def wrong_type(cls, feature: str, wanted: str, found: str) -> FeatureError:
        """A whole row holds a column of another type than the model takes."""
        return cls(
            f'The feature "{feature}" is {wanted} and was given a column of type {found} (in Arrow\'s words).'
        )

    @classmethod
    def ambiguous(cls, model: str, feature: str, where: str) -> FeatureError:
        """Two relations of the query have a column of a feature's name."""
        return cls(
            f"Model '{model}' needs the column \"{feature}\", and more than one table here has it. Say whose: "
            f"PREDICT({model}, h.*) takes the features from the columns of alias h.\n\n{where}"
        )

    @classmethod
    def some_type(cls, model: str, signature: str, where: str) -> FeatureError:
        """DuckDB refused the type of an argument, and which one can't be told."""
        return cls(
            f"A value given to model '{model}' is of a type that it doesn't take. It takes {signature}.\n\n{where}"
        )

    @classmethod
    def output_taken(cls, model: str, column: str) -> FeatureError:
        """The input of the table form already has the column that the prediction would get."""
        return cls(
            f"The input already has a column \"{column}\", the name of the prediction of model '{model}'. "
            f'Leave it out: FROM PREDICT(MODEL {model}, (SELECT * EXCLUDE ("{column}") FROM …)).'
        )


class PlacementError(DuckmlError, duckdb.BinderException):
    """PREDICT where it would tie a table to a model."""

    sqlstate = "0A000"

    @classmethod
    def inside(cls, where: str) -> PlacementError:
        """PREDICT was found in `where`."""
        return cls(
            f"PREDICT can't stand in {where}: it would tie the table to the model, which could then be neither "
            "replaced nor dropped. Use a view, or store the prediction: INSERT INTO … SELECT …, PREDICT(model) FROM …."
        )


class TrainingDataError(DuckmlError, duckdb.InvalidInputException):
    """The rows of the training query can't be learned from."""

    sqlstate = "22000"

    @classmethod
    def too_few(cls, read: int, reasons: Sequence[tuple[int, str]]) -> TrainingDataError:
        """Fewer than two usable rows came back; `reasons` say how many were lost to what."""
        found = {0: "no rows", 1: "1 row"}.get(read, f"{read} rows")
        lost = "".join(f"\n  in {count} of them {reason}" for count, reason in reasons if count)
        return cls(
            f"The training query returned {found}. At least 2 that can be learned from are needed.{lost}"
        )

    @classmethod
    def target_type(cls, target: str, sql_type: str, hint: str) -> TrainingDataError:
        """A number is needed and the target is something else."""
        return cls(
            f'The target "{target}" is {sql_type}, but this estimator predicts a number. {hint}'
        )

    @classmethod
    def column_type(cls, column: str, sql_type: str, hint: str) -> TrainingDataError:
        """A column has a type that can't be a feature."""
        return cls(f'Column "{column}" is {sql_type}, which can\'t be a feature. {hint}')

    @classmethod
    def constant_target(cls, target: str, value: str) -> TrainingDataError:
        """The target never changes."""
        return cls(
            f'The target "{target}" is {value} in every training row, so there is nothing to learn. '
            "Check the query's WHERE clause."
        )

    @classmethod
    def no_features(cls, target: str, reasons: Sequence[str]) -> TrainingDataError:
        """Nothing is left to learn from."""
        why = "".join(f"\n  {reason}" for reason in reasons)
        return cls(f'No column is left to predict "{target}" from.{why}')

    @classmethod
    def refused(cls, estimator: str, detail: str) -> TrainingDataError:
        """A scikit-learn estimator refused its parameters or the rows."""
        return cls(f"{estimator} could not be trained: {detail.strip().splitlines()[0]}")

    @classmethod
    def diverged(cls, detail: str) -> TrainingDataError:
        """The optimiser left the finite numbers."""
        return cls(
            f"Training diverged ({detail}). Try a smaller learning_rate_init, or look for extreme values in the data."
        )


class DependentsError(DuckmlError, duckdb.DependencyException):
    """Something in the database holds on to the model's function."""

    sqlstate = "2BP01"

    @classmethod
    def blocked(
        cls, model: str, macro: str, dependents: Sequence[str], doing: str
    ) -> DependentsError:
        """`dependents` (GENERATED columns, CHECK, DEFAULT, indexes) keep the macro from being replaced or dropped."""
        names = ", ".join(dependents)
        return cls(
            f"Model '{model}' can't be {doing}: {names} uses its function {macro} in a GENERATED column, CHECK, "
            "DEFAULT, trigger or index, and DuckDB then keeps the function as it is. Nothing was trained or changed. "
            "Move the prediction into a view first."
        )

    @classmethod
    def unnamed(cls, model: str, detail: str) -> DependentsError:
        """DuckDB says that something holds on to a macro of the model."""
        return cls(
            f"Model '{model}' can't be changed: something holds on to its functions. Nothing was changed. DuckDB says: "
            f"{detail.splitlines()[0]}"
        )

    @classmethod
    def views(cls, model: str, views: Sequence[str], doing: str) -> DependentsError:
        """`views` over a model would no longer work."""
        return cls(
            f"Model '{model}' can't be {doing}: {', '.join(views)} would no longer work. Nothing was changed. "
            "Drop these views, or change them to another model or version, first."
        )


class ParityError(DuckmlError, duckdb.InvalidInputException):
    """onnxruntime doesn't answer what scikit-learn answers."""

    sqlstate = "XX000"

    @classmethod
    def above(
        cls, parity: float, tolerance: float, precision: str, registered: bool = False
    ) -> ParityError:
        """The largest difference is above the tolerance; nothing can be retrained of what was `registered`."""
        if registered:
            return cls(
                f"The ONNX form of the estimator differs from what it says itself by {parity:.2e}, more than the "
                f"{tolerance:.0e} allowed. Nothing was stored."
            )
        return cls(
            f"The exported model differs from scikit-learn by {parity:.2e} (relative), more than the {tolerance:.0e} "
            f"allowed with precision '{precision}'. Nothing was stored."
            + (" Try OPTIONS (precision = 'float64')." if precision == "float32" else "")
        )

    @classmethod
    def not_exportable(cls, estimator: str, detail: str) -> ParityError:
        """skl2onnx or onnxruntime refused the estimator."""
        return cls(f"{estimator} can't be exported to ONNX: {detail} Nothing was stored.")


class PlainSqlError(DuckmlError, duckdb.NotImplementedException):
    """A model can't be written as plain SQL."""

    sqlstate = "0A000"

    @classmethod
    def operator(cls, operator: str) -> PlainSqlError:
        """The graph holds something that isn't written in SQL."""
        return cls(
            f"The model can't be written as SQL: it holds {operator}. Linear models and nets can; EXPORT MODEL … TO "
            "'file.onnx' writes any model."
        )

    @classmethod
    def too_large(cls, most: int) -> PlainSqlError:
        """The graph has too many weights."""
        return cls(
            f"The model can't be written as SQL: it has more than {most:,} weights, and databases refuse or crawl over "
            "such statements. EXPORT MODEL … TO 'file.onnx' writes any model; smaller hidden_layer_sizes or fewer "
            "categories make smaller ones."
        )


class ForeignModelError(DuckmlError, duckdb.InvalidInputException):
    """A model from elsewhere can't be taken in."""

    sqlstate = "22023"

    @classmethod
    def refused(cls, path: str, why: str) -> ForeignModelError:
        """The model at `path` could do harm, or isn't one."""
        return cls(f"'{path}' is not imported: {why}.")

    @classmethod
    def unfit(cls, path: str, detail: str) -> ForeignModelError:
        """The model at `path` doesn't answer rows."""
        return cls(f"'{path}' is not imported: onnxruntime can't answer rows with it: {detail}")


class ArtifactError(DuckmlError, duckdb.SerializationException):
    """The stored ONNX bytes of a model are damaged or gone."""

    sqlstate = "XX001"

    @classmethod
    def damaged(cls, key: str, found: str) -> ArtifactError:
        """The bytes don't have the SHA-256 that they are stored under."""
        return cls(
            f"The stored model {key[:12]}… is damaged: its bytes have the SHA-256 {found[:12]}…. Predictions from it "
            "can't be trusted. Use another version (model@n), or restore the file from a backup."
        )

    @classmethod
    def gone(cls, key: str) -> ArtifactError:
        """No open database holds the bytes."""
        return cls(
            f"No database that is open through duckml holds the model {key[:12]}…. Open the file with "
            "duckml.connect(path), or attach it, before you query its views and functions."
        )

    @classmethod
    def wrong_count(cls, key: str, given: int, names: Sequence[str]) -> ArtifactError:
        """A call has another number of values than the model has features."""
        return cls(
            f"The model {key[:12]}… was called with {given} values and takes {listed(names)}."
        )

    @classmethod
    def unreadable(cls, key: str, detail: str) -> ArtifactError:
        """Onnxruntime can't open the bytes."""
        return cls(f"onnxruntime can't open the stored model {key[:12]}…: {detail}")


class RegistryFormatError(DuckmlError, duckdb.InvalidInputException):
    """The file's registry was written by a newer duckml."""

    sqlstate = "0A000"

    @classmethod
    def newer(cls, database: str, found: int, known: int) -> RegistryFormatError:
        """The registry has a format that this release doesn't know."""
        return cls(
            f'The models in database "{database}" are stored in format {found}; this duckml knows formats up to '
            f"{known}. Upgrade duckml: pip install -U duckml."
        )


class ReadOnlyError(DuckmlError, duckdb.InvalidInputException):
    """A model can't be stored in, or dropped from, a read-only database."""

    sqlstate = "25006"

    @classmethod
    def database(cls, name: str, doing: str) -> ReadOnlyError:
        """Database `name` is open read-only."""
        return cls(
            f'Can\'t {doing}: database "{name}" is open read-only. Models in it can predict; to change them open it '
            "with duckml.connect(path) and without read_only, or attach it without READ_ONLY."
        )


class ConflictError(DuckmlError, duckdb.TransactionException):
    """Another session is changing the same model."""

    sqlstate = "40001"

    @classmethod
    def of(cls, model: str) -> ConflictError:
        """Another session holds the name of `model`."""
        return cls(
            f"Another session is creating, replacing or dropping model '{model}', or the first models of this "
            "database, and has not committed yet. Nothing was changed: try again when it is done; an open transaction "
            "has to be rolled back first."
        )


class EngineError(DuckmlError, duckdb.InvalidInputException):
    """The engine asked for doesn't serve the database."""

    sqlstate = "58000"

    @classmethod
    def unknown(cls, engine: str, known: Sequence[str]) -> EngineError:
        """There is no engine of that name."""
        return cls(
            f"Unknown engine '{engine}'.{_did_you_mean(engine, known)} Known: {', '.join(known)}."
        )

    @classmethod
    def missing(cls, why: str) -> EngineError:
        """The native engine can't serve this database, for a reason."""
        return cls(
            f"The native engine was asked for and can't serve here: {why} engine='auto' takes what works."
        )

    @classmethod
    def taken(cls, engine: str, serving: str) -> EngineError:
        """Another connection of this process already has this database served by another engine."""
        return cls(
            f"The {engine} engine was asked for, but this database is already open in this process and served by the "
            f"{serving} one. Close the other connections first, or ask for '{serving}'."
        )

    @classmethod
    def foreign(cls, path: str) -> EngineError:
        """The extension was loaded from elsewhere than this package."""
        return cls(
            "This database has duckml's extension loaded from a file that isn't this package's. Close its connections "
            f"and open it without, or load '{path}'."
        )


class DeviceError(DuckmlError, duckdb.InvalidInputException):
    """The device asked for is not there."""

    sqlstate = "58000"

    @classmethod
    def missing(cls, device: str, found: Sequence[str], install: str) -> DeviceError:
        """Onnxruntime has no provider for `device`."""
        return cls(
            f"Device '{device}' was asked for, but the installed onnxruntime offers {', '.join(found)}. {install} "
            "device='auto' takes what is there."
        )

    @classmethod
    def failed(cls, device: str, detail: str) -> DeviceError:
        """The provider is installed and doesn't start."""
        return cls(
            f"Device '{device}' was asked for and didn't start: {detail} device='auto' takes what works."
        )

    @classmethod
    def unknown(cls, device: str, known: Sequence[str]) -> DeviceError:
        """There is no device of that name."""
        return cls(
            f"Unknown device '{device}'.{_did_you_mean(device, known)} Known: {', '.join(known)}."
        )

    @classmethod
    def taken(cls, device: str, serving: str) -> DeviceError:
        """Another connection of this process already serves this database on another device."""
        return cls(
            f"Device '{device}' was asked for, but this database is already open in this process and served on "
            f"'{serving}'. Close the other connections first, or ask for '{serving}'."
        )
