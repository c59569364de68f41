"""What relies on the macros of a model: views, macros of the user's, tables and indexes. Nothing is written here.

DuckDB lets a macro be replaced or dropped under the views that use it, so what would break is found out before: by the
text of a view, and by trying it in a transaction that is rolled back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import duckdb

from duckml.database import search_path, sessions
from duckml.database.search_path import Place
from duckml.database.sessions import Native
from duckml.errors import DependentsError
from duckml.features.signature import Signature
from duckml.language.prediction_sql import predict_macro
from duckml.names import fold, qualified, quote
from duckml.registry.macros import macro_names, macro_statements
from duckml.sql import blocks


def require_replaceable(
    con: Native, place: Place, name: str, macros: Sequence[str], doing: str
) -> None:
    """Raise DependentsError when a table or an index holds on to one of the macros of a model."""
    found = dependents(con, place, macros)
    if found:
        raise DependentsError.blocked(
            name, predict_macro(name), [f'"{dependent}"' for dependent in found], doing
        )


def dependents(con: Native, place: Place, macros: Sequence[str]) -> list[str]:
    """The tables and indexes that hold on to one of the macros."""
    query = blocks("queries")["dependents"]
    values = {
        "database": place.database,
        "schema": place.schema,
        "functions": [macro.lower() for macro in macros],
    }
    if search_path.search_path(con)[0].database == place.database:
        return [row[0] for row in sessions.read(con, query, values)]
    with sessions.sibling_session(
        con
    ) as session:  # DuckDB tells the dependencies of the current database only
        sessions.write(session, f"USE {quote(place.database)}")
        return [row[0] for row in sessions.read(session, query, values)]


def views_that_would_break(
    con: Native,
    place: Place,
    name: str,
    now: Signature,
    signature: Signature,
    alias: str | None = None,
) -> list[str]:
    """The views over a model that would no longer work if its default version, or an alias, took another signature.

    Those that no longer bind, tried out in a transaction that is rolled back; and, for another target, all of them:
    their columns bear the name of the old one. `now` is the signature of today, `con` is a session of its
    own, outside a transaction.
    """
    views = views_over(con, macro_names(name, alias))
    before, after = now.target, signature.target
    if fold(before.name) != fold(after.name) or (before.labels is None) != (after.labels is None):
        return views
    change = macro_statements(place, name, alias, signature, "0" * 64)
    return [
        view
        for view in views
        if _binds(con, [f"DESCRIBE {view}"]) and not _binds(con, [*change, f"DESCRIBE {view}"])
    ]


def views_over(con: Native, macros: Sequence[str]) -> list[str]:
    """The views, in any database, whose text names one of the macros or a macro over them."""
    bodies = sessions.read(con, blocks("queries")["macro_bodies"])
    over, found = set(macros), set(macros)
    while found:
        named = _naming(found)
        found = {macro for macro, body in bodies if macro not in over and named.search(fold(body))}
        over |= found
    views = sessions.read(con, blocks("queries")["views"])
    named = _naming(over)
    return [
        qualified(database, schema, view)
        for database, schema, view, sql in views
        if named.search(fold(sql))
    ]


def relying_on(con: Native, place: Place, macros: Sequence[str], inside: bool) -> list[str]:
    """The views, and macros of the user's, that would no longer work without some macros of a model.

    Views are tried out without them, in a transaction that is rolled back; `inside` the user's own transaction the text
    of a view decides.
    """
    bodies = sessions.read(con, blocks("queries")["macro_bodies"])
    named = _naming(macros)
    using = [
        f"macro {quote(macro)}"
        for macro, body in bodies
        if named.search(fold(body)) and macro not in macros
    ]
    views = views_over(con, macros)
    if inside or not views:
        return [*views, *dict.fromkeys(using)]
    functions = [qualified(place.database, place.schema, macro) for macro in macros]
    gone = [
        f"DROP MACRO {kind}IF EXISTS {function}"
        for function in functions
        for kind in ("", "TABLE ")
    ]
    with sessions.sibling_session(con) as session:
        needing = [
            view
            for view in views
            if _binds(session, [f"DESCRIBE {view}"])
            and not _binds(session, [*gone, f"DESCRIBE {view}"])
        ]
    return [*needing, *dict.fromkeys(using)]


def _naming(macros: Iterable[str]) -> re.Pattern[str]:
    """What finds one of the macros in a folded text: the whole name, and not the beginning of another one."""
    spelt = {form for macro in macros for form in (fold(macro), fold(macro).replace('"', '""'))}
    return re.compile(
        "|".join(rf"(?<![\w@]){re.escape(macro)}(?![\w@])" for macro in sorted(spelt))
    )


def _binds(con: Native, statements: Sequence[str]) -> bool:
    """Whether every statement can be bound, in a transaction that is rolled back.

    Another session that replaces the same model just now keeps this one from trying: then nothing speaks against it.
    """
    sessions.write(con, "BEGIN")
    try:
        for statement in statements:
            sessions.write(con, statement)
    except (duckdb.BinderException, duckdb.CatalogException):
        return False
    except duckdb.TransactionException:
        return True
    else:
        return True
    finally:
        sessions.write(con, "ROLLBACK")
