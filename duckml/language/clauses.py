"""The position of a token in a query: its clause, and whether a table is expected there.

Words of SQL are ambiguous without a grammar. FROM may belong to extract(year FROM d), ON to
DISTINCT ON, and a comma separates columns in SELECT but tables in FROM. The functions here search
backward from a token, over commas and nested brackets, for the word that decides.
"""

from __future__ import annotations

from duckml.language.tokens import OPENING_BRACKETS, Tokens

# Reserved words that open a part of a query. VALUES or SET aren't reserved: they may be columns.
_CLAUSES = frozenset(
    {"select", "from", "where", "group", "order", "having", "qualify", "window", "limit", "offset"}
    | {"on", "using", "returning", "distinct", "union", "intersect", "except"}
)
_BEFORE_TABLES = frozenset({"join", "lateral", "pivot", "unpivot", "pivot_wider", "pivot_longer"})
_SEPARATORS = OPENING_BRACKETS | {","}
_FUNCTIONS_WITH_FROM = frozenset({"extract", "trim", "substring", "overlay", "position"})


def is_clause(tokens: Tokens, index: int) -> bool:
    """Return whether a word opens a clause: not the column t.from, not IS DISTINCT FROM."""
    word = tokens.word(index)
    if word not in _CLAUSES:
        return False
    before = tokens.word(index - 1)
    if before == ".":
        return False
    if word == "distinct":
        return before not in {"is", "not"}
    return not (word == "from" and before == "distinct")


def is_distinct_on(tokens: Tokens, index: int) -> bool:
    """Return whether a word is the ON of SELECT DISTINCT ON."""
    return tokens.word(index) == "on" and tokens.word(index - 1) == "distinct"


def boundary_before(tokens: Tokens, index: int) -> int | None:
    """Return the nearest comma, clause or opening bracket before a token at its depth, if any."""
    for position in tokens.backward(index):
        word = tokens.word(position)
        if word in _SEPARATORS or is_clause(tokens, position):
            return position
    return None


def clause_before(tokens: Tokens, index: int) -> int | None:
    """Return the nearest word that opens a clause before a token at its depth.

    None if there is none, as in the brackets of a function.
    """
    for position in tokens.backward(index):
        if is_clause(tokens, position):
            return position
    return None


def is_in_from(tokens: Tokens, start: int) -> bool:
    """Return whether a table is expected at a token."""
    before = tokens.word(start - 1)
    if before == "from":
        is_distinct_from = tokens.word(start - 2) == "distinct"
        return not (is_distinct_from or _is_from_of_function(tokens, start - 1))
    if before in _BEFORE_TABLES:
        return True
    if before == "using":
        return tokens.word(0) in {"merge", "delete"}
    if before == ":":  # FROM p: PREDICT(…)
        return is_in_from(tokens, start - 2)
    if before == "(":  # FROM (PREDICT(…) JOIN …)
        return is_in_from(tokens, start - 1)
    return before == "," and _is_after_table(tokens, start)


def _is_after_table(tokens: Tokens, start: int) -> bool:
    """Return whether the comma before a token separates tables."""
    clause = clause_before(tokens, start)
    if clause is None or is_distinct_on(tokens, clause):
        return False
    # FROM a JOIN b ON c = d, e: the nearest clause before e is ON.
    separates = tokens.word(clause) in {"from", "on", "using"}
    return separates and not _is_from_of_function(tokens, clause)


def _is_from_of_function(tokens: Tokens, index: int) -> bool:
    """Return whether a FROM belongs to a function, as in extract(year FROM d)."""
    opening = tokens.enclosing(index)
    return opening is not None and tokens.word(opening - 1) in _FUNCTIONS_WITH_FROM
