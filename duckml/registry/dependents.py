"""Views, macros, tables and indexes of the user that rely on the macros of a model.

DuckDB lets a macro be replaced or dropped under the views that use it. So views that would break
are found beforehand: by their text, and by a trial in a transaction that is rolled back.
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
from duckml.registry.stored_version import StoredVersion
from duckml.sql import blocks


def require_replaceable(
    session: Native, place: Place, name: str, macros: Sequence[str], doing: str
) -> None:
    """Raise DependentsError if a table or an index depends on one of the macros of a model."""
    found = dependents(session, place, macros)
    if found:
        quoted = [f'"{dependent}"' for dependent in found]
        raise DependentsError.blocked(name, predict_macro(name), quoted, doing)


def dependents(session: Native, place: Place, macros: Sequence[str]) -> list[str]:
    """Return the tables and indexes that depend on one of the macros."""
    query = blocks("queries")["dependents"]
    values = {
        "database": place.database,
        "schema": place.schema,
        "functions": [macro.lower() for macro in macros],
    }
    if search_path.search_path(session)[0].database == place.database:
        return [row[0] for row in sessions.read(session, query, values)]
    # DuckDB lists the dependencies of the current database only.
    with sessions.sibling_session(session) as other:
        sessions.write(other, f"USE {quote(place.database)}")
        return [row[0] for row in sessions.read(other, query, values)]


def views_that_would_break(
    session: Native, current: StoredVersion, signature: Signature, alias: str | None, inside: bool
) -> list[str]:
    """Return the views that another signature of the default version, or of an alias, would break.

    `current` is the version that the default or the alias means now. `inside` the user's
    transaction, which another session can't see, every view over the model counts as broken.
    """
    if inside:
        return views_over(session, macro_names(current.name, alias))
    with sessions.sibling_session(session) as other:
        return _broken_views(other, current, signature, alias)


def _broken_views(
    session: Native, current: StoredVersion, signature: Signature, alias: str | None
) -> list[str]:
    views = views_over(session, macro_names(current.name, alias))
    before, after = current.signature.target, signature.target
    is_other_target = fold(before.name) != fold(after.name)
    if is_other_target or (before.labels is None) != (after.labels is None):
        return views  # their columns bear the name of the old target
    change = macro_statements(current.place, current.name, alias, signature, "0" * 64)
    return _views_that_need(session, views, change)


def views_over(session: Native, macros: Sequence[str]) -> list[str]:
    """Return the views of all databases whose text mentions a macro, or a macro over it."""
    bodies = sessions.read(session, blocks("queries")["macro_bodies"])
    over, found = set(macros), set(macros)
    while found:
        mention = _mention_of(found)
        found = {
            macro for macro, body in bodies if macro not in over and mention.search(fold(body))
        }
        over |= found
    mention = _mention_of(over)
    views = sessions.read(session, blocks("queries")["views"])
    return [
        qualified(database, schema, view)
        for database, schema, view, sql in views
        if mention.search(fold(sql))
    ]


def relying_on(session: Native, place: Place, macros: Sequence[str], inside: bool) -> list[str]:
    """Return the views and the user's macros that would break without some macros of a model.

    Views are tried without them, in a transaction that is rolled back. `inside` the user's own
    transaction the text of a view decides.
    """
    bodies = sessions.read(session, blocks("queries")["macro_bodies"])
    mention = _mention_of(macros)
    using = [
        f"macro {quote(macro)}"
        for macro, body in bodies
        if mention.search(fold(body)) and macro not in macros
    ]
    views = views_over(session, macros)
    if views and not inside:
        functions = [qualified(place.database, place.schema, macro) for macro in macros]
        change = [
            f"DROP MACRO {kind}IF EXISTS {function}"
            for function in functions
            for kind in ("", "TABLE ")
        ]
        with sessions.sibling_session(session) as other:
            views = _views_that_need(other, views, change)
    return [*views, *dict.fromkeys(using)]


def _views_that_need(session: Native, views: Sequence[str], change: Sequence[str]) -> list[str]:
    """Return the views that work now and would not work after a change."""
    return [
        view
        for view in views
        if _binds(session, [f"DESCRIBE {view}"])
        and not _binds(session, [*change, f"DESCRIBE {view}"])
    ]


def _mention_of(macros: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern that finds one of the macros in a folded text, as a whole name."""
    spelt = {form for macro in macros for form in (fold(macro), fold(macro).replace('"', '""'))}
    names = (rf"(?<![\w@]){re.escape(macro)}(?![\w@])" for macro in sorted(spelt))
    return re.compile("|".join(names))


def _binds(session: Native, statements: Sequence[str]) -> bool:
    """Return whether every statement can be bound, in a transaction that is rolled back."""
    sessions.write(session, "BEGIN")
    try:
        for statement in statements:
            sessions.write(session, statement)
    except (duckdb.BinderException, duckdb.CatalogException):
        return False
    except duckdb.TransactionException:
        # Another session replaces the same model at this moment: nothing can be tried.
        return True
    else:
        return True
    finally:
        sessions.write(session, "ROLLBACK")
