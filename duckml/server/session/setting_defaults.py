"""The settings of PostgreSQL that clients read and write, with their initial values."""

from __future__ import annotations

# Clients choose their queries on the catalogs by the version. The server has the catalogs of 14.
VERSION = "14.9"
VERSION_NUMBER = "140009"

# By name in lower case: PostgreSQL's spelling and the initial value.
DEFAULTS: dict[str, tuple[str, str]] = {
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
_FIXED_PREFIXES = ("server_", "lc_c", "max_i")
_FIXED_NAMES = frozenset(
    {
        "integer_datetimes",
        "is_superuser",
        "session_authorization",
        "in_hot_standby",
        "transaction_read_only",
    }
)
FIXED = _FIXED_NAMES | {name for name in DEFAULTS if name.startswith(_FIXED_PREFIXES)}

# A client receives these at the beginning of a session, and again when they change.
REPORTED = (
    "server_version",
    "server_encoding",
    "client_encoding",
    "DateStyle",
    "IntervalStyle",
    "TimeZone",
    "integer_datetimes",
    "standard_conforming_strings",
    "application_name",
    "is_superuser",
    "session_authorization",
    "default_transaction_read_only",
    "in_hot_standby",
)
