"""A version as the registry has it, and the rows that belong to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from duckml.database import catalog
from duckml.database.search_path import Place
from duckml.database.sessions import Native
from duckml.features.signature import Signature
from duckml.language.prediction_sql import probabilities_macro
from duckml.language.resolved import Resolved
from duckml.names import fold, qualified
from duckml.registry.macros import macro_names
from duckml.registry.registry import Registry


@dataclass(frozen=True)
class StoredVersion:
    """A version of a model.

    `is_default` tells whether PREDICT means it without an @. `key` is the SHA-256 of its artifact.
    """

    place: Place
    name: str
    version: int
    key: str
    signature: Signature
    is_default: bool
    registry_format: int

    @property
    def keys(self) -> dict[str, Any]:
        """Return the columns that select the rows of the version."""
        return {
            "schema_key": fold(self.place.schema),
            "name_key": fold(self.name),
            "version": self.version,
        }

    @property
    def full_name(self) -> str:
        """Return the version with database and schema, as SQL."""
        return f"{qualified(self.place.database, self.place.schema, self.name)}@{self.version}"

    def resolved(self, tag: str | None) -> Resolved:
        """Return what a call that names the model means.

        `tag` is the version or the alias that it names; None is whichever version is the default
        when the statement runs.
        """
        return Resolved(
            self.place.database,
            self.place.schema,
            self.name,
            tag,
            self.version,
            self.signature,
            self.key,
            self.registry_format,
        )


def details(session: Native, stored: StoredVersion) -> dict[str, Any]:
    """Return everything that is stored of a version, by column of `_duckml.model_version`."""
    return Registry(session, stored.place.database).row("version", stored.keys)


def background_rows(session: Native, stored: StoredVersion) -> list[tuple[str, str]]:
    """Return the rows that were kept with a version, as JSON: features and prediction.

    A registry of format 1 has none.
    """
    if stored.registry_format < 2:
        return []
    rows = Registry(session, stored.place.database).rows("background_rows", stored.keys)
    return [(features, prediction) for features, prediction in rows]


def missing_macros(session: Native, stored: StoredVersion, aliases: Mapping[str, int]) -> list[str]:
    """Return the macros of a version that are gone, or that the user has replaced.

    The macros of its aliases, and of the default if it is the default, are included.
    """
    of_version = [fold(alias) for alias, number in aliases.items() if number == stored.version]
    tags: list[str | int | None] = [stored.version, *of_version]
    if stored.is_default:
        tags.append(None)
    wanted = [macro for tag in tags for macro in macro_names(stored.name, tag)]
    if stored.signature.target.labels is None:
        of_classes = {probabilities_macro(stored.name, tag) for tag in tags}
        wanted = [macro for macro in wanted if macro not in of_classes]
    found = {
        fold(macro.name)
        for macro in catalog.macros(session, stored.place.database)
        if macro.kind == "macro"
        and macro.is_ours
        and fold(macro.schema) == fold(stored.place.schema)
    }
    return [macro for macro in wanted if fold(macro) not in found]
