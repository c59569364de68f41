"""Errors in the names of models, and conflicts with other objects and sessions."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from duckml.errors.base import DuckmlError
from duckml.names import nearest


class ModelNotFoundError(DuckmlError, duckdb.CatalogException):
    """A model, or a version of a model, that doesn't exist."""

    sqlstate = "42704"

    @classmethod
    def named(cls, name: str, near: str | None, known: bool) -> ModelNotFoundError:
        """Return the error for a missing model.

        `near` is the nearest name, and `known` states whether there are any models.
        """
        if near:
            hint = f"Did you mean {near}?"
        elif known:
            hint = "SHOW MODELS lists the models."
        else:
            hint = "There are no models yet: see CREATE MODEL."
        return cls(f"No model named '{name}'. {hint}")

    @classmethod
    def version(
        cls, name: str, version: str, known: Sequence[int], aliases: Sequence[str]
    ) -> ModelNotFoundError:
        """Return the error for a missing version of a model, a number or an alias."""
        versions = ", ".join([*(str(number) for number in known), *aliases])
        close = nearest(version, aliases)
        hint = f" Did you mean '{close}'?" if close is not None else ""
        return cls(f"Model '{name}' has no version '{version}'.{hint} It has: {versions}.")


class ModelExistsError(DuckmlError, duckdb.CatalogException):
    """A model name that is already in use."""

    sqlstate = "42710"

    @classmethod
    def model(cls, name: str) -> ModelExistsError:
        """Return the error for the name of an existing model."""
        return cls(
            f"Model '{name}' already exists. CREATE OR REPLACE MODEL adds a version and keeps the "
            "old one; CREATE MODEL IF NOT EXISTS leaves it as it is."
        )

    @classmethod
    def macro(cls, model: str, macro: str) -> ModelExistsError:
        """Return the error for a user's function with the name of the model's macro."""
        return cls(
            f"Model '{model}' would store the function {macro}, but another function of that "
            "name already exists. Choose another name for the model, or drop the function."
        )

    @classmethod
    def colliding(cls, model: str, other: str) -> ModelExistsError:
        """Return the error for two models whose macros would have the same name."""
        return cls(
            f"A model can't be named '{model}' because model '{other}' exists: both would have a "
            "function of the same name (predict_proba_…). Choose another name."
        )


class DependentsError(DuckmlError, duckdb.DependencyException):
    """An object of the database that depends on the model's macros."""

    sqlstate = "2BP01"

    @classmethod
    def blocked(
        cls, model: str, macro: str, dependents: Sequence[str], doing: str
    ) -> DependentsError:
        """Return the error for tables and indexes whose definitions use the macro."""
        names = ", ".join(dependents)
        return cls(
            f"Model '{model}' can't be {doing}: {names} uses its function {macro} in a GENERATED "
            "column, CHECK, DEFAULT, trigger or index, so DuckDB doesn't allow the function to "
            "change. Nothing was trained or changed. Move the prediction into a view first."
        )

    @classmethod
    def unnamed(cls, model: str, detail: str) -> DependentsError:
        """Return the error for a dependency that DuckDB reports."""
        return cls(
            f"Model '{model}' can't be changed: another object depends on its functions. Nothing "
            f"was changed. DuckDB reports: {detail.splitlines()[0]}"
        )

    @classmethod
    def views(cls, model: str, views: Sequence[str], doing: str) -> DependentsError:
        """Return the error for views that would no longer work."""
        return cls(
            f"Model '{model}' can't be {doing}: {', '.join(views)} would no longer work. Nothing "
            "was changed. Drop these views, or change them to another model or version, first."
        )


class ConflictError(DuckmlError, duckdb.TransactionException):
    """Another session's uncommitted change of the same model."""

    sqlstate = "40001"

    @classmethod
    def of(cls, model: str) -> ConflictError:
        """Return the error for a conflict over `model`."""
        return cls(
            f"Another session is creating, replacing or dropping model '{model}', or the first "
            "models of this database, and has not committed yet. Nothing was changed: try again "
            "when it is done; an open transaction has to be rolled back first."
        )
