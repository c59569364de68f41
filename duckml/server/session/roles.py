"""The roles of users."""

from __future__ import annotations

import enum


class Role(enum.IntEnum):
    """The role of a user; each includes the rights of the ones before it.

    `read` runs queries, predictions included. `train` also creates, changes and drops models.
    `admin` also changes tables.
    """

    READ = 1
    TRAIN = 2
    ADMIN = 3

    @classmethod
    def named(cls, name: str) -> Role:
        """Return the role of a name.

        Raises ValueError if there is none.
        """
        if name.upper() not in cls.__members__:
            known = ", ".join(role.name.lower() for role in cls)
            raise ValueError(f"There is no role '{name}'. The roles are {known}.")
        return cls[name.upper()]
