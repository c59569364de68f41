"""The interactive shell, with history, statements over several lines, and completion of names."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import duckdb
from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

from duckml.database import sessions
from duckml.database.sessions import Native
from duckml.language.functions import SQL_FUNCTIONS
from duckml.language.tokens import tokenize
from duckml.registry import lookup

_HELP = (
    "End a statement with ; — Ctrl-C drops or stops it, Tab completes names, Ctrl-D, quit or "
    ".quit leaves."
)
_QUIT_WORDS = frozenset({"quit", "exit"})

_QUERY_WORDS = ("SELECT", "FROM", "WHERE", "GROUP BY", "ORDER BY", "LIMIT", "JOIN", "WITH")
_TABLE_WORDS = ("CREATE", "TABLE", "VIEW", "INSERT INTO", "DROP", "REPLACE", "ALTER", "RENAME TO")
_MODEL_WORDS = ("MODEL", "MODELS", "OPTIONS", "TRANSFORM", "SHOW", "DESCRIBE", "RETRAIN", "EXPORT")
_VERSION_WORDS = ("SET DEFAULT VERSION", "SET ALIAS", "DROP ALIAS")
_OPTION_WORDS = ("target", "estimator", "categorical")
_FUNCTION_WORDS = tuple(
    f"{name.upper()}(" for name, function in SQL_FUNCTIONS.items() if not function.is_planned
)
_WORDS = frozenset(
    _QUERY_WORDS + _TABLE_WORDS + _MODEL_WORDS + _VERSION_WORDS + _OPTION_WORDS + _FUNCTION_WORDS
)


def run_shell(con: Native, execute: Callable[[str], None]) -> None:
    """Read statements until the end of the input and call `execute` with each."""
    print(_HELP, file=sys.stderr)
    session: PromptSession[str] = PromptSession(
        "duckml> ",
        history=FileHistory(str(_history_file())),
        completer=_NameCompleter(con),
        complete_while_typing=False,
        multiline=True,
        prompt_continuation="      > ",
        key_bindings=_key_bindings(),
    )
    while True:
        try:
            text = session.prompt()
        except KeyboardInterrupt:
            continue
        except EOFError:
            return
        typed = text.strip()
        if typed.lower().removeprefix(".") in _QUIT_WORDS:
            return
        if typed.startswith("."):
            print(_HELP, file=sys.stderr)
        elif typed:
            execute(text)


def _history_file() -> Path:
    """Return the file of typed statements, in XDG's directory for state."""
    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "duckml"
    state.mkdir(parents=True, exist_ok=True)
    return state / "history"


def is_complete(text: str) -> bool:
    """Return whether a typed text can be run: a statement that ends with ; or a dot command."""
    typed = text.strip()
    if not typed or typed.startswith(".") or typed.lower() in _QUIT_WORDS:
        return True
    # Tokens, because a semicolon in a string literal or a comment ends nothing.
    tokens = tokenize(text)
    return bool(tokens) and tokens[-1].text == ";"


def _key_bindings() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("enter")
    def enter(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if is_complete(buffer.text):
            buffer.validate_and_handle()
        else:
            buffer.insert_text("\n")

    return keys


class _NameCompleter(Completer):
    """A completer of keywords, and of the models, tables and columns of the database."""

    def __init__(self, con: Native) -> None:
        self._con = con

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterable[Completion]:
        """Yield the names that begin with the word before the cursor."""
        word = document.get_word_before_cursor()
        if not word:
            return
        for name in sorted({*self._names(), *_WORDS}):
            if name.lower().startswith(word.lower()):
                yield Completion(name, start_position=-len(word))

    def _names(self) -> set[str]:
        """Return the names in the database, or none if it is busy."""
        query = (
            "SELECT column_name FROM duckdb_columns() UNION SELECT table_name FROM duckdb_columns()"
        )
        try:
            rows = sessions.read(self._con, query)
            models = {model.name for model in lookup.all_models(self._con)}
        except duckdb.Error:
            return set()
        return {name for (name,) in rows} | models
