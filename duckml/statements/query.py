"""Queries with PREDICT and other duckml functions: rewritten, run, and their errors explained."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass

import duckdb

from duckml.errors import DuckmlError
from duckml.language.diagnosis import error_in_user_text, explain
from duckml.language.resolved import Resolved
from duckml.language.rewrite import rewrite
from duckml.language.syntax import Call, Query, Script
from duckml.statements.context import Context, Finish
from duckml.statements.resolve import resolve

# DuckDB 2.0.0 fails with this on a macro with typed parameters in a correlated subquery whose
# result is filtered:
# CREATE MACRO m(x DOUBLE) AS x; SELECT * FROM t, LATERAL (SELECT m(t.a) AS p) WHERE p > 1
_LATERAL_BUG = "unordered_map::at"


@dataclass(frozen=True)
class _QueryRun:
    """A query with duckml's calls in it, about to run."""

    context: Context
    script: Script
    query: Query
    parameters: object

    def rewritten(self, resolved: Mapping[Call, Resolved], inline: bool) -> str:
        return rewrite(self.script.text, self.query, resolved, inline=inline)

    def text(self) -> str:
        """Return the user's text of the query, from its first word on.

        The lines before it are counted where the script runs.
        """
        spans = [
            span
            for span, known in zip(self.script.spans, self.script.statements, strict=True)
            if known is self.query
        ]
        return self.script.source(spans[0] if spans else self.query.span)

    def must_be_inline(self) -> bool:
        """Return whether a bug of DuckDB rules out a macro; a view needs its macro nevertheless."""
        span = self.query.span
        is_lateral = b"lateral" in self.script.text[span.start : span.end].lower()
        return self.query.defines is None and is_lateral

    def explained(self, error: duckdb.Error, resolved: Mapping[Call, Resolved]) -> duckdb.Error:
        """Return an error in terms of the model, or DuckDB's own with the user's line in it."""
        everything = {
            call: frozenset(model.signature.input_names) for call, model in resolved.items()
        }

        def binds(call: Call, blank: frozenset[str]) -> bool:
            """Return whether the query binds if these features of a call are NULL.

            The features of all other calls are NULL too.
            """
            blanks = {**everything, call: blank}
            sql = rewrite(self.script.text, self.query, resolved, blank=blanks)
            try:
                self.context.run(f"EXPLAIN {sql}", self.parameters, self.context.execute)
            except duckdb.Error:
                return False
            return True

        explained = explain(error, self.script.text.decode(), resolved, binds)
        return explained or error_in_user_text(error, self.text())


def run_query(
    context: Context, script: Script, query: Query, parameters: object, finish: Finish
) -> object:
    """Run a query with duckml's calls in it, and return its result.

    A name may mean another version than when it was looked up. Then DuckDB refuses the arguments
    of the macro, and the names are looked up once more.
    """
    run = _QueryRun(context, script, query, parameters)
    inline = run.must_be_inline()
    # Without a macro nothing else would notice that the default version has changed.
    resolved = resolve(context, query, fresh=inline)
    sql = run.rewritten(resolved, inline)
    try:
        return context.run(sql, parameters, finish)
    except (duckdb.BinderException, duckdb.CatalogException) as error:
        if not resolved:
            raise
        first = error
    except duckdb.ParserException as error:
        if not resolved or isinstance(error, DuckmlError):
            raise
        raise error_in_user_text(error, run.text()) from error.__cause__
    except duckdb.Error as error:
        if not resolved or _LATERAL_BUG not in str(error):
            raise
        inlined = run.rewritten(resolve(context, query, fresh=True), True)
        return context.run(inlined, parameters, finish)
    # In a transaction that the error has aborted nothing can be looked up.
    with contextlib.suppress(duckdb.TransactionException):
        resolved = resolve(context, query, fresh=True)
        again = run.rewritten(resolved, inline)
        if again != sql:
            return context.run(again, parameters, finish)
    raise run.explained(first, resolved) from first
