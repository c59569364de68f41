"""A query with calls of duckml → the SQL that DuckDB runs.

Depends on nothing but its arguments. Outside the ranges of the calls the text remains the user's,
and a call keeps its number of lines, so that DuckDB's errors point at the right line. DuckDB's own
catalog chooses the version of a model when the statement is bound, because calls become macros.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from duckml.errors import StatementError
from duckml.language.functions import SQL_FUNCTIONS
from duckml.language.resolved import Resolved
from duckml.language.scalar_calls import CallSite, scalar_call
from duckml.language.syntax import Call, Query, Span
from duckml.language.table_calls import table_call
from duckml.names import quote


def rewrite(
    text: bytes,
    query: Query,
    resolved: Mapping[Call, Resolved],
    *,
    blank: Mapping[Call, frozenset[str]] | None = None,
    inline: bool = False,
) -> str:
    """Return the query as DuckDB SQL, with every call in `resolved` replaced.

    Features in `blank` get NULL instead of their values, to find which of them DuckDB refuses.
    With `inline` the bodies of macros replace their calls; then DuckDB doesn't check types before
    the query runs. Raises FeatureError if the arguments of a call don't fit the signature,
    StatementError if a function can't be called where it is.
    """
    return _Rewriter(text, query, resolved, blank or {}, inline).render(query.span)


class _Rewriter:
    """The text of one query and the models that its calls mean."""

    def __init__(
        self,
        text: bytes,
        query: Query,
        resolved: Mapping[Call, Resolved],
        blank: Mapping[Call, frozenset[str]],
        inline: bool,
    ) -> None:
        self.text = text
        self.query = query
        self.resolved = resolved
        self.blank = blank
        self.inline = inline

    def source(self, span: Span) -> str:
        """Return the user's text of a span."""
        return self.text[span.start : span.end].decode()

    def render(self, span: Span) -> str:
        """Return the text of a span with its outermost calls replaced and aliases added."""
        calls = self.outermost(span)
        edits = [*self.replacements(calls), *self.aliases(span, calls)]
        edits.sort(key=lambda edit: (edit[0].end, edit[0].start))
        pieces, position = [], span.start
        for edited, replacement in edits:
            pieces += [self.source(Span(position, edited.start)), replacement]
            position = edited.end
        return "".join([*pieces, self.source(Span(position, span.end))])

    def replacements(self, calls: Sequence[Call]) -> list[tuple[Span, str]]:
        """Return the SQL of each call, with as many line breaks as the call has."""
        edits = []
        for call in calls:
            sql = _call_sql(self.site(call))
            lines = self.source(call.span).count("\n") - sql.count("\n")
            edits.append((call.span, sql + "\n" * lines))
        return edits

    def aliases(self, span: Span, calls: Sequence[Call]) -> list[tuple[Span, str]]:
        """Return an alias for each unnamed item in a span that holds a call."""
        edits = []
        for item in self.query.unnamed:
            holds_call = any(item.span.contains(call.span) for call in self.resolved)
            # An item of a query in the arguments of a call is named where these are rendered.
            is_nested = any(c.span != item.span and c.span.contains(item.span) for c in calls)
            if holds_call and span.contains(item.span) and not is_nested:
                end = Span(item.span.end, item.span.end)
                edits.append((end, f" AS {quote(item.name)}"))
        return edits

    def outermost(self, span: Span) -> list[Call]:
        """Return the resolved calls in a span that aren't within another one."""
        inside = [
            call for call in self.query.calls if call in self.resolved and span.contains(call.span)
        ]
        return [
            call
            for call in inside
            if not any(other is not call and other.span.contains(call.span) for other in inside)
        ]

    def site(self, call: Call) -> CallSite:
        """Return a call with everything that its SQL depends on."""
        # DuckDB removes the database from names in the body of a view, so that a file can be
        # renamed. It doesn't do so in a macro: there it is omitted where the user omitted it.
        is_in_macro = self.query.defines in {"macro", "function"}
        return CallSite(
            call=call,
            model=self.resolved[call],
            source=self.source,
            render=self.render,
            blank=self.blank.get(call, frozenset()),
            is_inline=self.inline,
            within_database=is_in_macro and len(call.model.parts) == 1,
        )


def _call_sql(site: CallSite) -> str:
    """Return the SQL that replaces a call."""
    call, target = site.call, site.model.signature.target
    function = SQL_FUNCTIONS[call.function]
    name = call.function.upper()
    if function.is_for_classifiers and target.labels is None:
        raise StatementError(
            f"{name} is for classifiers, and model '{call.model}' predicts a number: "
            f'"{target.name}".'
        )
    if call.in_from:
        if not function.is_table:
            raise StatementError(f"{name} is a value, not a table: SELECT {name}({call.model}).")
        return table_call(site)
    if not function.is_scalar:
        raise StatementError(f"{name} is a table: SELECT * FROM {name}(MODEL {call.model}).")
    return scalar_call(site)
