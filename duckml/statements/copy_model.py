"""CREATE MODEL … FROM MODEL: a version copied under another name or to another database."""

from __future__ import annotations

from collections.abc import Sequence

from duckml.database.sessions import Native
from duckml.estimators.model_warnings import ModelWarning
from duckml.language.syntax import CopyModel
from duckml.registry import lookup, save
from duckml.registry.publish import Created, add_version, left_unchanged, slot_for
from duckml.registry.stored_model import StoredModel


def copy_model(con: Native, statement: CopyModel) -> Created:
    """Store a version of a model as one of another model.

    Raises ModelNotFoundError, ModelExistsError, ReadOnlyError.
    """
    source = lookup.require(con, statement.source)
    slot = slot_for(con, statement.name, statement.or_replace, statement.if_not_exists)
    found = left_unchanged(con, slot)
    if found is not None:
        return found

    def store(model: StoredModel, make_default: bool, _: Sequence[ModelWarning]) -> int:
        add = statement.or_replace
        return save.copy(model, source, add_version=add, make_default=make_default)

    return add_version(con, slot, source.signature, store)
