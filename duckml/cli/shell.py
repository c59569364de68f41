"""The interactive shell: history, statements over several lines, completion of names from the database."""

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

_HELP = "End a statement with ; — Ctrl-C drops it or stops it, Tab completes names, Ctrl-D, quit or .quit leaves."
_WORDS = frozenset(
    {
        "SELECT",
        "FROM",
        "WHERE",
        "GROUP BY",
        "ORDER BY",
        "LIMIT",
        "JOIN",
        "WITH",
        "CREATE",
        "TABLE",
        "VIEW",
        "INSERT INTO",
    }
    | {
        "MODEL",
        "MODELS",
        "OPTIONS",
        "SHOW",
        "DESCRIBE",
        "DROP",
        "REPLACE",
        "target",
        "estimator",
        "categorical",
    }
    | {
        "ALTER",
        "RENAME TO",
        "SET DEFAULT VERSION",
        "SET ALIAS",
        "DROP ALIAS",
        "EXPORT",
        "RETRAIN",
        "TRANSFORM",
    }
    | {f"{name.upper()}(" for name, function in SQL_FUNCTIONS.items() if not function.is_planned}
)


def run(con: Native, execute: Callable[[str], None]) -> None:
    """Read statements until the end of the input and hand each to `execute`."""
    print(_HELP, file=sys.stderr)
    session: PromptSession[str] = PromptSession(
        "duckml> ",
        history=FileHistory(str(_history_file())),
        completer=_Names(con),
        complete_while_typing=False,
        multiline=True,
        prompt_continuation="      > ",
        key_bindings=_keys(),
    )
    while True:
        try:
            text = session.prompt()
        except KeyboardInterrupt:
            continue
        except EOFError:
            return
        if text.strip().lower() in {".quit", ".exit", "quit", "exit"}:
            return
        if text.strip().startswith("."):
            print(_HELP, file=sys.stderr)
        elif text.strip():
            execute(text)


def _history_file() -> Path:
    """Where what was typed is kept: the state directory of the XDG base directory specification."""
    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "duckml"
    state.mkdir(parents=True, exist_ok=True)
    return state / "history"


def is_complete(text: str) -> bool:
    """Whether what was typed is to be run: it ends with a semicolon (not in a text or comment), or is a dot command."""
    if not text.strip() or text.strip().startswith(".") or text.strip().lower() in {"quit", "exit"}:
        return True
    tokens = tokenize(text)
    return bool(tokens) and tokens[-1].text == ";"


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("enter")
    def enter(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if is_complete(buffer.text):
            buffer.validate_and_handle()
        else:
            buffer.insert_text("\n")

    return keys


class _Names(Completer):
    """Completes keywords and the models, tables and columns of the database."""

    def __init__(self, con: Native) -> None:
        self.con = con

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterable[Completion]:
        """The names that begin with the word before the cursor."""
        word = document.get_word_before_cursor()
        names = {*self.names(), *_WORDS} if word else set()
        for name in sorted(names):
            if name.lower().startswith(word.lower()):
                yield Completion(name, start_position=-len(word))

    def names(self) -> set[str]:
        """The names in the database; none while it is busy."""
        try:
            rows = sessions.read(
                self.con,
                "SELECT column_name FROM duckdb_columns() UNION SELECT table_name FROM duckdb_columns()",
            )
            return {name for (name,) in rows} | {
                model.name for model in lookup.all_models(self.con)
            }
        except duckdb.Error:
            return set()
