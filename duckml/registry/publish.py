"""A finished version → the registry: where it goes, what it would break, whether it becomes the default.

Trained, registered, imported and copied versions all pass through here. Inside the user's transaction the name is
claimed before the work begins and the version is part of the transaction; outside, nothing is held open and the write
at the end is tried again when another one got in between.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import duckdb

from duckml.database import catalog, sessions, transactions
from duckml.database.search_path import Place
from duckml.database.sessions import Native
from duckml.errors import (
    ConflictError,
    DependentsError,
    DuckmlError,
    ModelExistsError,
    StatementError,
)
from duckml.estimators import model_warnings
from duckml.estimators.model_warnings import ModelWarning
from duckml.features.signature import Signature
from duckml.language.syntax import ModelName
from duckml.registry import dependents
from duckml.registry import read as registry
from duckml.registry import write as storing
from duckml.registry.macros import macro_names
from duckml.registry.read import StoredVersion

_ATTEMPTS = 8
T = TypeVar("T")


@dataclass(frozen=True)
class Created:
    """The version that a CREATE MODEL made, or found where it was to be left alone."""

    place: Place
    name: str
    version: int


@dataclass(frozen=True)
class Slot:
    """Where a new version goes. `default` is the version that PREDICT means today, None for a new model.

    `inside` says that the user has a transaction open, `or_replace` and `if_not_exists` what the statement allows.
    """

    place: Place
    name: str
    default: StoredVersion | None
    inside: bool
    or_replace: bool
    if_not_exists: bool

    @property
    def model(self) -> ModelName:
        """The model by its full name."""
        return ModelName((self.place.database, self.place.schema, self.name))


def slot_for(con: Native, name: ModelName, or_replace: bool, if_not_exists: bool) -> Slot:
    """Where a version of that name goes, everything checked that needs no work.

    Raises ModelExistsError, ReadOnlyError, StatementError or DependentsError.
    """
    place = registry.place_for(con, name)
    catalog.require_writable(con, place.database, f"create model '{name.name}'")
    default = None
    if registry.exists(con, place, name.name):
        default = registry.require(con, ModelName((place.database, place.schema, name.name)))
        if not (or_replace or if_not_exists):
            raise ModelExistsError.model(name.name)
        if or_replace:
            macros = macro_names(name.name, None)
            dependents.require_replaceable(con, place, name.name, macros, "replaced")
    return Slot(
        place, name.name, default, transactions.in_transaction(con), or_replace, if_not_exists
    )


@contextlib.contextmanager
def claimed(con: Native, slot: Slot) -> Iterator[None]:
    """Hold the name of a slot while its version is being made, inside the user's transaction.

    Raises ConflictError when another session has it.
    """
    if not slot.inside:
        yield
        return
    try:
        storing.claim(con, slot.place, slot.name)
    except duckdb.TransactionException as error:
        raise _conflict(slot.name, error) from error
    try:
        yield
    except BaseException:
        # The error that ended the work may have aborted the transaction, and the claim with it.
        with contextlib.suppress(duckdb.Error):
            storing.release(con, slot.place, slot.name)
        raise


def broken_views(con: Native, slot: Slot, signature: Signature) -> list[str]:
    """The views that would no longer work if a version of this signature became the default.

    Tried out on a session of its own. Inside the user's transaction, which another session doesn't see, any other
    signature counts as one that breaks them.
    """
    if slot.default is None or slot.default.signature.interface == signature.interface:
        return []
    return would_break(con, slot.default, signature, None, slot.inside)


def would_break(
    con: Native, stored: StoredVersion, signature: Signature, alias: str | None, inside: bool
) -> list[str]:
    """The views over the default of a model, or over an alias, that another signature would break."""
    if inside:
        return dependents.views_over(con, macro_names(stored.name, alias))
    with sessions.sibling_session(con) as session:
        return dependents.views_that_would_break(
            session, stored.place, stored.name, stored.signature, signature, alias
        )


def publish(
    con: Native, slot: Slot, store: Callable[[Native], int], keep_versions: int | None
) -> tuple[Created, bool]:
    """Write a version with `store`, and drop those that it outlives; the version, and whether it is this one.

    In the user's transaction, or in one of our own that is tried again after a conflict. With IF NOT EXISTS a model
    that another session has made meanwhile is left alone. Raises ConflictError when another session holds the name.
    """

    def write(session: Native) -> int:
        version = store(session)
        if keep_versions is not None:
            for older in storing.outlived(session, slot.place, slot.name, keep_versions):
                storing.drop(session, older, only_this=True)
        return version

    try:
        version = changing(con, slot.name, write)
    except ModelExistsError:
        if not slot.if_not_exists:
            raise
        return left_alone(con, slot), False
    return Created(slot.place, slot.name, version), True


def left_alone(con: Native, slot: Slot) -> Created:
    """The version that IF NOT EXISTS found."""
    stored = registry.require(con, slot.model)
    return Created(stored.place, stored.name, stored.version)


def changing(con: Native, name: str, change: Callable[[Native], T]) -> T:
    """Run a change of the registry: in the user's transaction, or in one of our own that is tried again.

    Raises ConflictError when another session is changing the same model.
    """
    try:
        if transactions.in_transaction(con):
            return change(con)
        with sessions.sibling_session(con) as session:
            return _with_retries(session, change)
    except DuckmlError:
        raise
    except (duckdb.TransactionException, duckdb.ConstraintException) as error:
        raise _conflict(name, error) from error
    except duckdb.DependencyException as error:
        raise DependentsError.unnamed(name, str(error)) from error


def _conflict(name: str, error: duckdb.Error) -> duckdb.Error:
    """What a transaction that failed says to the user."""
    if "attached database" in str(error):
        return StatementError(
            f"Model '{name}' lies in another database than the one that this transaction has written to already, and a "
            "transaction can write to one only: ROLLBACK or COMMIT, then try again."
        )
    return ConflictError.of(name)


def _with_retries(session: Native, change: Callable[[Native], T]) -> T:
    for attempt in range(_ATTEMPTS):
        try:
            with transactions.transaction(session):
                return change(session)
        except DuckmlError:  # our own verdict, which another try would not change
            raise
        except (duckdb.TransactionException, duckdb.ConstraintException):
            if attempt == _ATTEMPTS - 1:
                raise
            time.sleep(0.02 * 2**attempt)
    raise AssertionError("the last attempt returns or raises")


def warnings_of_place(con: Native, place: Place) -> list[ModelWarning]:
    """Return a warning if the database of a model is not a file."""
    in_memory = catalog.is_in_memory(con, place.database)
    return [model_warnings.in_memory()] if in_memory else []


def warnings_of_views(broken: list[str]) -> list[ModelWarning]:
    """Return a warning if a new version would break views."""
    return [model_warnings.would_break_views(broken)] if broken else []


def warnings_of_leaving(name: str) -> list[ModelWarning]:
    """Return the warning that IF NOT EXISTS found the model."""
    return [model_warnings.already_there(name)]
