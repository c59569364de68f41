"""One model of a registry: its versions, aliases and macros."""

from __future__ import annotations

import json
from typing import Any

from duckml.database import catalog, sessions
from duckml.database.catalog import Macro
from duckml.database.search_path import Place
from duckml.database.sessions import Native
from duckml.errors import ModelExistsError, ModelNotFoundError
from duckml.features.signature import Signature
from duckml.language.prediction_sql import predict_macro, probabilities_macro, version_macro
from duckml.names import fold
from duckml.registry.macros import macro_names, require_free
from duckml.registry.registry import Registry
from duckml.registry.stored_version import StoredVersion


class StoredModel:
    """A model of a schema by name, whether it exists or not."""

    def __init__(
        self, session: Native, place: Place, name: str, known_format: int | None = None
    ) -> None:
        self.session = session
        self.place = place
        self.name = name
        self.registry = Registry(session, place.database, known_format)

    @classmethod
    def of(cls, session: Native, stored: StoredVersion) -> StoredModel:
        """Return the model of a version."""
        return cls(session, stored.place, stored.name)

    def named(self, name: str) -> StoredModel:
        """Return the model of another name in the same schema."""
        return StoredModel(self.session, self.place, name, self.registry.format)

    @property
    def keys(self) -> dict[str, Any]:
        """Return the columns that select the rows of the model."""
        return {"schema_key": fold(self.place.schema), "name_key": fold(self.name)}

    # Versions and aliases

    def versions(self) -> list[int]:
        """Return the numbers of the versions, in ascending order."""
        return [number for (number,) in self.registry.rows("versions_of", self.keys)]

    def aliases(self) -> dict[str, int]:
        """Return the aliases, with the version of each."""
        if (self.registry.format or 1) < 2:  # the table came with format 2
            return {}
        return dict(self.registry.rows("aliases", self.keys))

    def next_version(self) -> int:
        """Return the number of the next version.

        No version of the name ever had it, a dropped one included: what mentions `name@1`, a view
        or a column of MODEL_VERSION, must never come to mean another model.
        """
        [(last,)] = self.registry.rows("last_version", self.keys)
        return int(last) + 1

    def version(self, number: int | None) -> StoredVersion | None:
        """Return a version, the default one for None, or None if there is no such version."""
        rows = self.registry.rows("find", {**self.keys, "version": number})
        if not rows:
            return None
        schema, name, found, key, signature, default = rows[0]
        return StoredVersion(
            place=Place(self.place.database, schema),
            name=name,
            version=found,
            key=key,
            signature=Signature.from_json(json.loads(signature)),
            is_default=found == default,
            registry_format=self.registry.format or 1,
        )

    def require_version(self, number: int | None) -> StoredVersion:
        """Return a version, the default one for None; raise ModelNotFoundError if it is gone."""
        found = self.version(number)
        if found is None and number is None:
            raise ModelNotFoundError.named(self.name, None, True)
        if found is None:
            raise ModelNotFoundError.version(self.name, str(number), self.versions(), [])
        return found

    def require_still_stored(self, stored: StoredVersion) -> list[int]:
        """Return the versions; raise ModelNotFoundError if `stored` is no longer one of them."""
        known = self.versions()
        if stored.version not in known:
            raise ModelNotFoundError.version(stored.name, str(stored.version), known, [])
        return known

    def was_used(self, renamed_from: str) -> bool:
        """Return whether versions of the name were ever used by a model other than `renamed_from`.

        The model that is now named `renamed_from` may have had this name before.
        """
        actions = [action for (action,) in self.registry.rows("past", self.keys)]
        if not actions:
            return False
        renames = [i for i, action in enumerate(actions) if action.startswith("renamed to ")]
        last = renames[-1] if renames else None
        if last is None or actions[last] != f"renamed to {renamed_from}":
            return True
        return any(not action.startswith("renamed to ") for action in actions[last + 1 :])

    # Macros

    def macros(self, version: int | None = None) -> list[str]:
        """Return the names of the macros of the model, or of one version."""
        if version is not None:
            return macro_names(self.name, version)
        tags: list[str | int | None] = [None, *self.versions(), *self.aliases()]
        return [macro for tag in tags for macro in macro_names(self.name, tag)]

    def has_macro(self) -> bool:
        """Return whether the macro that predicts with the default version exists.

        A model is gone when its macro is, by DROP MACRO or DROP SCHEMA.
        """
        return self.is_served_by(catalog.macros(self.session, self.place.database))

    def is_served_by(self, macros: list[Macro]) -> bool:
        """Return whether the macro that predicts with the default version is among `macros`."""
        wanted = (fold(self.place.schema), fold(predict_macro(self.name)))
        return any(
            macro.kind == "macro"
            and macro.is_ours
            and (fold(macro.schema), fold(macro.name)) == wanted
            for macro in macros
        )

    def exists(self) -> bool:
        """Return whether the model exists: its rows, and the macro that predicts with it."""
        return self.registry.format is not None and bool(self.versions()) and self.has_macro()

    def require_usable_name(self) -> None:
        """Raise an error if the model can't be created under its name.

        RegistryFormatError for a registry of a newer duckml; ModelExistsError if its macros would
        have the name of another model's macro or of a user's.
        """
        self.registry.require_readable()
        has_registry = self.registry.format is not None
        coming = self.next_version() if has_registry else 1
        names = {
            predict_macro(self.name),
            version_macro(self.name),
            probabilities_macro(self.name),
            predict_macro(self.name, coming),
            probabilities_macro(self.name, coming),
        }
        wanted = {fold(name) for name in names}
        macros = catalog.macros(self.session, self.place.database)
        for other in self._neighbours() if has_registry else []:
            taken = {fold(predict_macro(other.name)), fold(probabilities_macro(other.name))}
            if wanted & taken and other.is_served_by(macros):
                raise ModelExistsError.colliding(self.name, other.name)
        require_free(macros, self.place, self.name, wanted)

    def _neighbours(self) -> list[StoredModel]:
        """Return the other models of the schema."""
        return [
            self.named(name)
            for schema, name in self.registry.names()
            if fold(schema) == fold(self.place.schema) and fold(name) != fold(self.name)
        ]

    # Writing, in a transaction that the caller has opened

    def count_change(self) -> None:
        """Count a change in the row of the model, so that two transactions that change it collide.

        DuckDB leaves out an update that changes nothing, so there is a counter.
        """
        self.registry.write("claim", self.keys)

    def record(self, version: int | None, action: str) -> None:
        """Add an event about the model to the log."""
        self.registry.record(self.place.schema, self.name, version, action)

    def run(self, statements: list[str]) -> None:
        """Run statements that create or drop macros."""
        for statement in statements:
            sessions.write(self.session, statement)
