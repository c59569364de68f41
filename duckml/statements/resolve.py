"""The models that the calls of a query mean."""

from __future__ import annotations

from duckml.database import catalog, sessions
from duckml.errors import NotYetError, PlacementError
from duckml.language.functions import SQL_FUNCTIONS
from duckml.language.resolved import Resolved
from duckml.language.syntax import Call, Query
from duckml.names import fold
from duckml.registry import lookup
from duckml.statements.context import Context

_SCALAR = frozenset({"predict", "predict_proba"})


def resolve(context: Context, query: Query, fresh: bool) -> dict[Call, Resolved]:
    """Return the model that each call of a query means; calls of the user's functions are left out.

    `fresh` forgets the names that are known. Raises ModelNotFoundError for a model that doesn't
    exist, PlacementError for a PREDICT that would tie a table to a model.
    """
    _forget_outdated_names(context, fresh)
    resolved = {}
    for call in query.calls:
        model = _remembered(context, call) or _looked_up(context, call, fresh)
        if model is not None:
            resolved[call] = model
    if resolved and query.fixed_in is not None:
        raise PlacementError.inside(query.fixed_in)
    return resolved


def _forget_outdated_names(context: Context, fresh: bool) -> None:
    """Forget the models that names meant if this session may have changed that."""
    state = context.state
    version = sessions.catalog_version(context.con)
    if fresh or version is None or version != state.catalog_version:
        state.resolved.clear()
        state.catalog_version = version


def _remembered(context: Context, call: Call) -> Resolved | None:
    """Return the model that a name meant before, while this session hasn't changed the catalog.

    Another session may have changed it. That does no harm to arguments by name, which DuckDB
    compares with the macro. By position, and where the name of the target matters, the registry
    is asked each time.
    """
    by_position = any(
        argument.name is None and argument.star is None for argument in call.arguments
    )
    if call.function not in _SCALAR or call.in_from or by_position:
        return None
    return context.state.resolved.get(call.model)


def _looked_up(context: Context, call: Call, fresh: bool) -> Resolved | None:
    """Return the model that a name means, from the registry; None for a call of a user's function.

    Raises ModelNotFoundError, or NotYetError for a function of a later release.
    """
    is_scalar = call.function in _SCALAR
    is_later = SQL_FUNCTIONS[call.function].is_planned
    stored = lookup.find(context.con, call.model, check_macro=fresh or not is_scalar)
    if stored is None or is_later:
        if not call.explicit and catalog.function_exists(context.con, call.function):
            return None
        if is_later:
            raise NotYetError.of(call.function.upper())
        raise lookup.not_found(context.con, call.model)
    resolved = stored.resolved(_tag(call, stored.version))
    if is_scalar or call.table is not None:
        context.open(stored)
    context.state.resolved[call.model] = resolved
    return resolved


def _tag(call: Call, version: int) -> str | None:
    """Return the version or the folded alias that a call names."""
    tag = call.model.tag
    if tag is None:
        return None
    return str(version) if tag.isdigit() else fold(tag)
