"""The settings of a session that PostgreSQL's clients read and write.

The time zone, the search path, the time limits and the level of messages have an effect. The others
are stored, because clients set them and read them back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from duckml.names import nearest
from duckml.server.errors import WireError
from duckml.server.session.setting_defaults import DEFAULTS, FIXED

_MAX_SECONDS = (2**31 - 1) / 1000  # as in PostgreSQL
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_ENCODINGS = frozenset({"utf8", "unicode", "sqlascii"})
_DATE_STYLES = ("iso", "default", "mdy", "dmy", "ymd")


class Settings:
    """The values of a session's settings; those of SET LOCAL end with the transaction."""

    def __init__(self, initial: dict[str, str]) -> None:
        defaults = {name: value for name, (_, value) in DEFAULTS.items()}
        self._initial = defaults | {name.lower(): value for name, value in initial.items()}
        self._values = dict(self._initial)
        self._local: dict[str, str] = {}
        self._before_transaction = dict(self._initial)

    def __getitem__(self, name: str) -> str:
        """Return the value of a setting.

        Raises WireError if there is none of that name.
        """
        key = name.lower()
        value = self._local.get(key, self._values.get(key))
        if value is None:
            close = nearest(name, [shown for shown, _ in DEFAULTS.values()])
            hint = f'Did you mean "{close}"?' if close else "Clients can't use DuckDB's settings."
            raise WireError("42704", f'There is no setting "{name}".', hint)
        return value

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Yield the names and values of all settings, by name."""
        for name in sorted({*self._values, *self._local}):
            yield self.shown(name), self[name]

    def shown(self, name: str) -> str:
        """Return a setting's name as PostgreSQL spells it."""
        return DEFAULTS.get(name.lower(), (name, ""))[0]

    def change(self, name: str, value: str | None, is_local: bool = False) -> str:
        """Change a setting, to its initial value if `value` is None; return the new value.

        Raises WireError for an unknown setting, one that can't be changed, and a wrong value.
        """
        key = name.lower()
        if "." not in key:  # names with a dot are the client's own
            before = self[name]
            if key in FIXED and value not in {None, before}:
                raise WireError("55P02", f'The setting "{name}" can\'t be changed.')
        checked = self._initial.get(key, "") if value is None else _checked(key, value)
        (self._local if is_local else self._values)[key] = checked
        if not is_local:
            self._local.pop(key, None)  # a later SET replaces SET LOCAL
        return checked

    def reset(self) -> list[str]:
        """Change all settings to their initial values; return the names of those that changed."""
        changed = [
            name
            for name, value in self._initial.items()
            if self._values.get(name) != value or self._local
        ]
        self._values, self._local = dict(self._initial), {}
        return changed

    def begin_transaction(self) -> None:
        """Store the values, to which a rollback returns."""
        self._before_transaction = dict(self._values)

    def end_transaction(self, is_rolled_back: bool) -> list[str]:
        """End the values of SET LOCAL, and after a rollback all that the transaction set.

        Returns the names of the settings that changed.
        """
        changed = list(self._local)
        self._local = {}
        if is_rolled_back:
            before, after = self._before_transaction, self._values
            names = {*before, *after}
            changed += [name for name in names if before.get(name) != after.get(name)]
            self._values = dict(before)
        return changed

    def seconds(self, name: str) -> float:
        """Return a time limit in seconds, 0 for none."""
        text = self[name]
        return 0.0 if text == "0" else _seconds(name, text)


def _seconds(name: str, text: str) -> float:
    """Return a duration in seconds; PostgreSQL writes milliseconds, or a number with a unit."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", text)
    if found is None or (found[2] and found[2] not in _UNITS):
        message = f"\"{name}\" is '{text}', but it must be a time such as 5000, '5s' or '2min'."
        raise WireError("22023", message)
    seconds = float(found[1]) * _UNITS[found[2] or "ms"]
    if seconds > _MAX_SECONDS:
        message = f"\"{name}\" is '{text}', but {_MAX_SECONDS:.0f} s is the longest."
        raise WireError("22023", message)
    return seconds


def _checked(name: str, value: str) -> str:
    if name.endswith("_timeout"):
        _seconds(name, value)
    if name == "client_encoding":
        if value.lower().replace("-", "").replace("_", "") not in _ENCODINGS:
            message = f"The encoding '{value}' is not supported: text is UTF8."
            raise WireError("22023", message)
        return "UTF8"
    # Clients set any style, and read from the reported value that it is always ISO.
    if name == "datestyle":
        if not value.lower().startswith(_DATE_STYLES):
            message = f"The date style '{value}' is not supported: dates are written as in ISO."
            raise WireError("22023", message)
        return "ISO, MDY"
    if name == "standard_conforming_strings" and value.lower() not in {"on", "true", "1"}:
        raise WireError("22023", "standard_conforming_strings is always on.")
    return value
