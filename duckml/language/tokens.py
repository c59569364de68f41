"""Tokens of SQL text and searches among them. The only module that calls DuckDB's lexer."""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from typing import NamedTuple, overload

import duckdb

from duckml.errors import StatementError
from duckml.language.syntax import Span
from duckml.names import fold

OPENING_BRACKETS = frozenset("([{")
CLOSING_BRACKETS = frozenset(")]}")


class Token(NamedTuple):
    """One token and the range of its bytes.

    `word` is the text to compare with keywords and punctuation: ASCII letters in lower case.
    `is_identifier` and `is_constant` are the lexer's classes, which count keywords as neither.
    """

    start: int
    end: int
    text: str
    word: str
    is_identifier: bool = False
    is_constant: bool = False


class Tokens(Sequence[Token]):
    """An immutable sequence of tokens with the text that they were cut from.

    Indexes are positions of tokens; `first` and `stop` are a half-open range of them. Brackets are
    counted without regard to their kind: DuckDB reports a "(" that is closed by a "]".
    """

    def __init__(self, source_text: bytes, tokens: Sequence[Token]) -> None:
        self.source_text = source_text
        self._tokens = tuple(tokens)

    def __len__(self) -> int:
        return len(self._tokens)

    @overload
    def __getitem__(self, index: int) -> Token: ...

    @overload
    def __getitem__(self, index: slice) -> Tokens: ...

    def __getitem__(self, index: int | slice) -> Token | Tokens:
        if isinstance(index, slice):
            return Tokens(self.source_text, self._tokens[index])
        return self._tokens[index]

    def __iter__(self) -> Iterator[Token]:
        return iter(self._tokens)

    # Single tokens

    def word(self, index: int) -> str:
        """Return the folded text of a token, '' outside the sequence."""
        return self._tokens[index].word if 0 <= index < len(self._tokens) else ""

    def text(self, index: int) -> str:
        """Return the text of a token as written, '' outside the sequence."""
        return self._tokens[index].text if 0 <= index < len(self._tokens) else ""

    def words(self, first: int = 0, stop: int | None = None) -> list[str]:
        """Return the folded texts of a range of tokens."""
        return [token.word for token in self._tokens[first:stop]]

    def is_identifier(self, index: int) -> bool:
        """Return whether a token can be a name: a quoted identifier or any word."""
        text = self.text(index)
        return bool(text) and (text[0] in '"_' or text[0].isalpha() or ord(text[0]) > 127)

    def is_string(self, index: int) -> bool:
        """Return whether a token is a string in single quotes."""
        return self.text(index).startswith("'")

    def at(self, byte: int) -> int:
        """Return the index of the token that starts at a byte.

        Raises ValueError if no token starts there.
        """
        index = bisect.bisect_left(self._tokens, byte, key=lambda token: token.start)
        if index == len(self._tokens) or self._tokens[index].start != byte:
            raise ValueError(f"No token starts at byte {byte}.")
        return index

    # Ranges

    def span(self, first: int, stop: int) -> Span:
        """Return the bytes of the tokens from `first` up to `stop`, which are one at least."""
        return Span(self._tokens[first].start, self._tokens[stop - 1].end)

    def source(self, first: int = 0, stop: int | None = None) -> str:
        """Return the text of a range of tokens as written, with the blanks between them."""
        tokens = self._tokens[first:stop]
        if not tokens:
            return ""
        return self.source_text[tokens[0].start : tokens[-1].end].decode()

    def statements(self) -> list[tuple[Tokens, Span]]:
        """Return the tokens of each statement, and the bytes between the semicolons around it."""
        statements = []
        first, start = 0, 0
        for index in range(len(self._tokens) + 1):
            is_end = index == len(self._tokens)
            if not is_end and self._tokens[index].word != ";":
                continue
            end = len(self.source_text) if is_end else self._tokens[index].start
            if first < index:
                statements.append((self[first:index], Span(start, end)))
            first, start = index + 1, end + 1
        return statements

    # Brackets and commas

    def forward(self, first: int) -> Iterator[int]:
        """Yield the indexes from `first` on that are in the same brackets as `first`.

        Nested brackets are skipped. The bracket that closes around `first` is the last index.
        """
        return self._level(range(first, len(self._tokens)), OPENING_BRACKETS, CLOSING_BRACKETS)

    def backward(self, stop: int) -> Iterator[int]:
        """Yield the indexes before `stop` that are in the same brackets as `stop`, nearest first.

        Nested brackets are skipped. The bracket that is open around `stop` is the last index.
        """
        return self._level(range(stop - 1, -1, -1), CLOSING_BRACKETS, OPENING_BRACKETS)

    def _level(
        self, indexes: range, deeper: frozenset[str], shallower: frozenset[str]
    ) -> Iterator[int]:
        depth = 0
        for index in indexes:
            word = self._tokens[index].word
            if word in deeper:
                depth += 1
            elif word in shallower:
                if depth == 0:
                    yield index
                    return
                depth -= 1
            elif depth == 0:
                yield index

    def closing(self, opening: int) -> int:
        """Return the index of the bracket that closes the one at `opening`.

        Raises StatementError if it isn't closed, or if there is no bracket.
        """
        if self.word(opening) not in OPENING_BRACKETS:
            raise self.error(opening, 'Expected "(".')
        for index in self.forward(opening + 1):
            if self._tokens[index].word in CLOSING_BRACKETS:
                return index
        raise self.error(opening, "This bracket is never closed.")

    def enclosing(self, index: int) -> int | None:
        """Return the index of the bracket that is open at `index`, None outside brackets."""
        return next((i for i in self.backward(index) if self.word(i) in OPENING_BRACKETS), None)

    def items(self, first: int, stop: int) -> list[tuple[int, int]]:
        """Return the comma-separated items of a range, each as its first index and its stop."""
        items = []
        start = first
        for index in self.forward(first):
            if index >= stop:
                break
            if self._tokens[index].word == ",":
                items.append((start, index))
                start = index + 1
        if start < stop or items:
            items.append((start, stop))
        return items

    # Errors

    def error(self, index: int, message: str) -> StatementError:
        """Return an error that points at a token, or at the end of the last one."""
        if index < len(self._tokens):
            byte = self._tokens[index].start
        else:
            byte = self._tokens[-1].end if self._tokens else 0
        return StatementError.at(self.source_text.decode(), byte, message)

    def unexpected(self, index: int, expected: str) -> StatementError:
        """Return an error that states what was expected at a token and what was found."""
        text = self.text(index)
        found = f'"{text}"' if text else "the end of the statement"
        return self.error(index, f"Expected {expected}, found {found}.")

    def require(self, index: int, word: str, expected: str) -> int:
        """Return the index after `word`; raise StatementError if another token is at `index`."""
        if self.word(index) != word:
            raise self.unexpected(index, expected)
        return index + 1

    def require_end(self, index: int) -> None:
        """Raise StatementError unless the tokens end at `index`."""
        if index < len(self._tokens):
            raise self.unexpected(index, "the end of the statement")


def tokenize(sql: str) -> Tokens:
    """Return DuckDB's tokens of a text, without comments."""
    text = sql.encode()
    found = duckdb.tokenize(sql)
    kinds = duckdb.token_type
    constants = (kinds.string_const, kinds.numeric_const)
    tokens = []
    for index, (start, kind) in enumerate(found):
        if kind == kinds.comment:
            continue
        # DuckDB reports where a token starts. It ends before the blanks that precede the next.
        stop = found[index + 1][0] if index + 1 < len(found) else len(text)
        written = text[start:stop].decode().rstrip()
        end = start + len(written.encode())
        is_identifier, is_constant = kind == kinds.identifier, kind in constants
        tokens.append(Token(start, end, written, fold(written), is_identifier, is_constant))
    return Tokens(text, tokens)


def token_end(sql: str, start: int) -> int:
    """Return the byte after the token that starts at byte `start`."""
    tokens = tokenize(sql)
    return tokens[tokens.at(start)].end
