"""The settings of a session that PostgreSQL's clients read and write, beside DuckDB's own.

Few of them do anything: the time zone, the search path and the time limits. The others are remembered, because clients
set them and read them back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from duckml.names import nearest
from duckml.server.errors import WireError

# What a PostgreSQL says of itself. Clients choose the queries on their catalogs by it, and version 14 has all of those.
VERSION = "14.9"
VERSION_NUMBER = "140009"

# Name in lower case → how it is shown, and its value at the beginning.
_DEFAULTS: dict[str, tuple[str, str]] = {
    name.lower(): (name, value)
    for name, value in {
        "application_name": "",
        "array_nulls": "on",
        "backslash_quote": "safe_encoding",
        "bytea_output": "hex",
        "client_encoding": "UTF8",
        "client_min_messages": "notice",
        "DateStyle": "ISO, MDY",
        "default_tablespace": "",
        "default_transaction_isolation": "repeatable read",
        "default_transaction_read_only": "off",
        "extra_float_digits": "1",
        "geqo": "on",
        "idle_in_transaction_session_timeout": "0",
        "integer_datetimes": "on",
        "IntervalStyle": "postgres",
        "is_superuser": "off",
        "jit": "off",
        "lc_collate": "C.UTF-8",
        "lc_ctype": "C.UTF-8",
        "lc_messages": "C.UTF-8",
        "lc_monetary": "C.UTF-8",
        "lc_numeric": "C.UTF-8",
        "lc_time": "C.UTF-8",
        "lock_timeout": "0",
        "max_identifier_length": "63",
        "max_index_keys": "32",
        "password_encryption": "scram-sha-256",
        "row_security": "on",
        "search_path": "main",
        "server_encoding": "UTF8",
        "server_version": VERSION,
        "server_version_num": VERSION_NUMBER,
        "session_authorization": "",
        "standard_conforming_strings": "on",
        "statement_timeout": "0",
        "synchronize_seqscans": "on",
        "TimeZone": "UTC",
        "transaction_isolation": "repeatable read",
        "transaction_read_only": "off",
        "work_mem": "4MB",
        "xmloption": "content",
        "quote_all_identifiers": "off",
        "default_table_access_method": "heap",
        "check_function_bodies": "on",
        "escape_string_warning": "on",
        "in_hot_standby": "off",
        "tcp_keepalives_idle": "0",
        "enable_seqscan": "on",
        "max_parallel_workers_per_gather": "0",
    }.items()
}
_FIXED = frozenset(
    name
    for name in _DEFAULTS
    if name.startswith(("server_", "lc_c", "max_i"))
    or name
    in {
        "integer_datetimes",
        "is_superuser",
        "session_authorization",
        "in_hot_standby",
        "transaction_read_only",
    }
)

# Those that a client is told at the beginning, and whenever they change.
REPORTED = (
    *(
        "server_version",
        "server_encoding",
        "client_encoding",
        "DateStyle",
        "IntervalStyle",
        "TimeZone",
    ),
    *("integer_datetimes", "standard_conforming_strings", "application_name", "is_superuser"),
    *("session_authorization", "default_transaction_read_only", "in_hot_standby"),
)

_LONGEST = (2**31 - 1) / 1000  # seconds, as in PostgreSQL
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


class Settings:
    """The values of one session; `in_transaction` values end with the transaction."""

    def __init__(self, initial: dict[str, str]) -> None:
        self._initial = {name: value for name, (_, value) in _DEFAULTS.items()} | {
            name.lower(): value for name, value in initial.items()
        }
        self._values = dict(self._initial)
        self._local: dict[str, str] = {}
        self._before = dict(self._initial)

    def __getitem__(self, name: str) -> str:
        """The value of a setting; raises WireError when there is none of that name."""
        key = name.lower()
        value = self._local.get(key, self._values.get(key))
        if value is None:
            close = nearest(name, [shown for shown, _ in _DEFAULTS.values()])
            hint = (
                f'Did you mean "{close}"?'
                if close
                else "Settings of DuckDB's own are the server's."
            )
            raise WireError("42704", f'There is no setting "{name}".', hint)
        return value

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """All settings and their values, by name."""
        for name in sorted({*self._values, *self._local}):
            yield self.shown(name), self[name]

    def shown(self, name: str) -> str:
        """A setting as PostgreSQL spells it."""
        return _DEFAULTS.get(name.lower(), (name, ""))[0]

    def change(self, name: str, value: str | None, is_local: bool = False) -> str:
        """Set a setting, to what it was at first when the value is None; the value that it has then.

        Raises WireError for a setting that isn't there, one that can't be changed, and a bad value.
        """
        key = name.lower()
        if "." not in key:  # those with a dot are the client's own
            before = self[name]
            if key in _FIXED and value not in {None, before}:
                raise WireError("55P02", f'The setting "{name}" can\'t be changed.')
        checked = self._initial.get(key, "") if value is None else _checked(key, value)
        (self._local if is_local else self._values)[key] = checked
        if not is_local:
            self._local.pop(key, None)
        return checked

    def reset(self) -> list[str]:
        """Set everything to what it was at first; the names of what has changed."""
        changed = [
            name
            for name, value in self._initial.items()
            if self._values.get(name) != value or self._local
        ]
        self._values, self._local = dict(self._initial), {}
        return changed

    def begin_transaction(self) -> None:
        """Remember how things are, should the transaction be rolled back."""
        self._before = dict(self._values)

    def end_transaction(self, is_rolled_back: bool) -> list[str]:
        """Forget what was set for a transaction, and all that was set in one that is undone; what has changed."""
        changed = list(self._local)
        self._local = {}
        if is_rolled_back:
            names = {*self._before, *self._values}
            changed += [name for name in names if self._before.get(name) != self._values.get(name)]
            self._values = dict(self._before)
        return changed

    def seconds(self, name: str) -> float:
        """A time limit in seconds, 0 for none."""
        text = self[name]
        return 0.0 if text == "0" else _seconds(name, text)


def _seconds(name: str, text: str) -> float:
    """A duration as PostgreSQL writes it: milliseconds, or a number with a unit."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", text)
    if found is None or (found[2] and found[2] not in _UNITS):
        raise WireError(
            "22023", f"\"{name}\" is '{text}', but it must be a time such as 5000, '5s' or '2min'."
        )
    seconds = float(found[1]) * _UNITS[found[2] or "ms"]
    if seconds > _LONGEST:
        raise WireError("22023", f"\"{name}\" is '{text}', but {_LONGEST:.0f} s is the longest.")
    return seconds


def _checked(name: str, value: str) -> str:
    if name.endswith("_timeout"):
        _seconds(name, value)
    if name == "client_encoding":
        if value.lower().replace("-", "").replace("_", "") not in {"utf8", "unicode", "sqlascii"}:
            raise WireError("22023", f"The encoding '{value}' isn't here: everything is UTF8.")
        return "UTF8"
    if name == "datestyle":
        if not value.lower().startswith(("iso", "default", "mdy", "dmy", "ymd")):
            raise WireError(
                "22023", f"The date style '{value}' isn't here: dates are written the ISO way."
            )
        return "ISO, MDY"
    if name == "standard_conforming_strings" and value.lower() not in {"on", "true", "1"}:
        raise WireError("22023", "standard_conforming_strings is always on.")
    return value
