"""From a finished version to a stored one: its place, the views that it would break, conflicts.

Trained, registered, imported and copied versions take this path. Inside the user's transaction the
name is claimed before the work begins, and the version is part of the transaction. Outside, no
transaction is held open, and the write at the end is tried again after a conflict.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
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
from duckml.registry import drop, save
from duckml.registry.dependents import require_replaceable, views_that_would_break
from duckml.registry.lookup import place_for
from duckml.registry.macros import macro_names
from duckml.registry.stored_model import StoredModel
from duckml.registry.stored_version import StoredVersion

_ATTEMPTS = 8
_FIRST_PAUSE = 0.02  # seconds; doubled after each attempt
T = TypeVar("T")


@dataclass(frozen=True)
class Created:
    """A version that a statement has created, or found and left unchanged, with its warnings."""

    place: Place
    name: str
    version: int
    warnings: Sequence[ModelWarning] = ()
    is_new: bool = True


@dataclass(frozen=True)
class Slot:
    """The place of a new version.

    `default` is the current default version, None for a new model. `inside` tells whether the user
    has a transaction open. `or_replace` and `if_not_exists` are what the statement permits.
    """

    place: Place
    name: str
    default: StoredVersion | None
    inside: bool
    or_replace: bool
    if_not_exists: bool

    def model(self, session: Native) -> StoredModel:
        """Return the model on a session."""
        return StoredModel(session, self.place, self.name)


# Writes a version in a transaction: the model, whether it becomes the default, and the warnings
# about its place. Returns the number of the version.
Store = Callable[[StoredModel, bool, Sequence[ModelWarning]], int]


def slot_for(con: Native, name: ModelName, or_replace: bool, if_not_exists: bool) -> Slot:
    """Return the place of a new version, checked as far as that needs no work.

    Raises ModelExistsError, ReadOnlyError, StatementError or DependentsError.
    """
    place = place_for(con, name)
    catalog.require_writable(con, place.database, f"create model '{name.name}'")
    model = StoredModel(con, place, name.name)
    model.require_usable_name()
    default = model.require_version(None) if model.exists() else None
    if default is not None and not (or_replace or if_not_exists):
        raise ModelExistsError.model(name.name)
    if default is not None and or_replace:
        macros = macro_names(name.name, None)
        require_replaceable(con, place, name.name, macros, "replaced")
    inside = transactions.in_transaction(con)
    return Slot(place, name.name, default, inside, or_replace, if_not_exists)


def left_unchanged(con: Native, slot: Slot) -> Created | None:
    """Return the version that IF NOT EXISTS has found, or None."""
    if slot.default is None or not slot.if_not_exists:
        return None
    return _found(con, slot)


@contextlib.contextmanager
def claimed(con: Native, slot: Slot) -> Iterator[None]:
    """Hold the name of a model while its version is made, inside the user's transaction.

    Raises ConflictError if another session holds it.
    """
    if not slot.inside:
        yield
        return
    model = slot.model(con)
    try:
        save.claim(model)
    except duckdb.TransactionException as error:
        raise _conflict(slot.name, error) from error
    try:
        yield
    except BaseException:
        # The error that ended the work may have aborted the transaction, and the claim with it.
        with contextlib.suppress(duckdb.Error):
            save.release(slot.model(con))
        raise


def add_version(
    con: Native,
    slot: Slot,
    signature: Signature,
    store: Store,
    *,
    make_default: bool = True,
    keep_versions: int | None = None,
) -> Created:
    """Store a finished version, and drop those beyond the newest `keep_versions`.

    A version that would break views doesn't become the default. With IF NOT EXISTS a model that
    another session has created in the meantime is left unchanged. Raises ConflictError if another
    session changes the same model.
    """
    broken = _views_to_break(con, slot, signature) if make_default else []
    warnings = []
    if catalog.is_in_memory(con, slot.place.database):
        warnings.append(model_warnings.in_memory())
    if broken:
        warnings.append(model_warnings.would_break_views(broken))

    def write(session: Native) -> int:
        model = slot.model(session)
        version = store(model, make_default and not broken, warnings)
        if keep_versions is not None:
            for older in drop.outlived(model, keep_versions):
                drop.drop(model, older, only_this=True)
        return version

    try:
        version = change_model(con, slot.name, write)
    except ModelExistsError:
        if not slot.if_not_exists:
            raise
        return _found(con, slot)
    return Created(slot.place, slot.name, version, warnings)


def change_model(con: Native, name: str, change: Callable[[Native], T]) -> T:
    """Run a change of the registry, in the user's transaction or in one of duckml's own.

    One of duckml's own is tried again after a conflict. Raises ConflictError if another session
    changes the same model.
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


def _with_retries(session: Native, change: Callable[[Native], T]) -> T:
    for attempt in range(_ATTEMPTS):
        try:
            with transactions.transaction(session):
                return change(session)
        except DuckmlError:  # another attempt would raise it again
            raise
        except (duckdb.TransactionException, duckdb.ConstraintException):
            if attempt == _ATTEMPTS - 1:
                raise
            time.sleep(_FIRST_PAUSE * 2**attempt)
    raise AssertionError("the last attempt returns or raises")


def _conflict(name: str, error: duckdb.Error) -> duckdb.Error:
    """Return the error for a transaction that failed."""
    if "attached database" in str(error):
        return StatementError(
            f"Model '{name}' is in another database than the one that this transaction has written "
            "to, and a transaction can write to one only: ROLLBACK or COMMIT, then try again."
        )
    return ConflictError.of(name)


def _found(con: Native, slot: Slot) -> Created:
    """Return the current default version, with a warning that nothing was trained."""
    stored = slot.model(con).require_version(None)
    warnings = [model_warnings.already_there(slot.name)]
    return Created(stored.place, stored.name, stored.version, warnings, is_new=False)


def _views_to_break(con: Native, slot: Slot, signature: Signature) -> list[str]:
    """Return the views that would break if a version of this signature became the default."""
    if slot.default is None or slot.default.signature.interface == signature.interface:
        return []
    return views_that_would_break(con, slot.default, signature, None, slot.inside)
