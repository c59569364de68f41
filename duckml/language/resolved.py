"""The model that a call means."""

from __future__ import annotations

from dataclasses import dataclass

from duckml.features.signature import Signature
from duckml.names import qualified


@dataclass(frozen=True)
class Resolved:
    """A version of a model with everything that the SQL of a call depends on.

    `tag` is the version or alias that the call names. It is None for the default version,
    whichever that is when the statement runs. `version` and `key` are the version and the artifact
    that it means now. `registry_format` is that of the database.
    """

    database: str
    schema: str
    name: str
    tag: str | None
    version: int
    signature: Signature
    key: str
    registry_format: int

    def macro_sql(self, macro: str, within_database: bool = False) -> str:
        """Return the qualified name of one of the model's macros.

        `within_database` omits the database, for the body of a macro in the same database.
        """
        database = () if within_database else (self.database,)
        return qualified(*database, self.schema, macro)
