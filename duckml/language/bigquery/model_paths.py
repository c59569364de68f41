"""Names of models and tables as BigQuery writes them: project.dataset.name."""

from __future__ import annotations

from collections.abc import Collection

from duckml.errors import StatementError
from duckml.language.tokens import Tokens
from duckml.names import fold, qualified, quote

_PUNCTUATION = frozenset({",", ")", "("})


def read_path(tokens: Tokens, index: int, databases: Collection[str]) -> tuple[str, int]:
    """Return a name in duckml's grammar, with its version if it has one, and the index after it.

    BigQuery quotes a name as a whole or in parts, and allows dashes in the project. The project is
    omitted unless it is one of `databases`, the folded names of attached databases.
    """
    pieces, index = _adjacent_pieces(tokens, index)
    if not pieces:
        raise StatementError("Expected the name of a model after MODEL.")
    parts = "".join(pieces).split(".")
    if len(parts) == 3 and fold(parts[0]) not in databases:
        parts = parts[1:]
    tag = ""
    if "@" in parts[-1]:  # back-ticks around a version
        parts[-1], _, version = parts[-1].partition("@")
        tag = f"@{quote(version)}"
    following = tokens.text(index)
    if following == "@" and index + 1 < len(tokens):
        tag, index = f"@{tokens.text(index + 1)}", index + 2
    elif following.startswith("@") and len(following) > 1:
        tag, index = following, index + 1
    return qualified(*parts) + tag, index


def _adjacent_pieces(tokens: Tokens, index: int) -> tuple[list[str], int]:
    """Return the texts of the tokens that make a name, and the index after them."""
    pieces: list[str] = []
    while index < len(tokens):
        token = tokens[index]
        # sqlglot reads `123.` in my-project-123.dataset as a number.
        before = pieces[-1] if pieces else "."
        is_joined = token.text in {".", "-"} or before[-1:] in {".", "-"}
        is_adjacent = not pieces or token.start == tokens[index - 1].end
        if not is_joined or not is_adjacent or token.text in _PUNCTUATION:
            break
        pieces.append(token.text)
        index += 1
    return pieces, index


def require_path_end(tokens: Tokens, index: int) -> None:
    """Raise StatementError if tokens follow a name."""
    if index < len(tokens):
        raise StatementError(
            f"Expected nothing after the name in {tokens.source()}. "
            "A query in brackets can select: (SELECT …)."
        )
