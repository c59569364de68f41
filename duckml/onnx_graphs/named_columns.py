"""Named expressions, written as nested subqueries.

An expression that is used more than once gets a name, so that a net is written layer by layer. A
name has a depth, one more than the deepest name in its expression. The names of one depth are the
columns of one subquery.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from duckml.names import fold


class NamedColumns:
    """The named expressions of one statement.

    Their prefix is different from the start of every input's name: a macro would replace a column
    that has the name of one of its parameters.
    """

    def __init__(self, inputs: Iterable[str]) -> None:
        names = [fold(name) for name in inputs]
        self.prefix = "dm"
        while any(name.startswith(f"{self.prefix}_") for name in names):
            self.prefix += "_"
        self._pattern = re.compile(rf"\b{self.prefix}_(?:x\d+|h\d+|refused)\b")
        # By name: depth and expression.
        self._columns: dict[str, tuple[int, str]] = {}

    def add(self, suffix: str, depth: int, expression: str) -> str:
        """Add an expression under a name with that suffix and return the name."""
        name = f"{self.prefix}_{suffix}"
        self._columns[name] = (depth, expression)
        return name

    def named(self, expressions: Sequence[str]) -> list[str]:
        """Return the names of expressions, which are added unless they are names already."""
        if all(self._pattern.fullmatch(expression) for expression in expressions):
            return list(expressions)
        used = self._names_in(expressions)
        depth = 1 + max((self._columns[name][0] for name in used), default=0)
        return [self.add(f"h{len(self._columns)}", depth, expression) for expression in expressions]

    def select(self, expression: str) -> str:
        """Return a SELECT of an expression over named columns, from the nested subqueries."""
        deepest = max(depth for depth, _ in self._columns.values())
        needed = self._names_in([expression])
        select = f"SELECT {expression} AS y"
        for depth in range(deepest, -1, -1):
            here = {
                name: column
                for name, (column_depth, column) in self._columns.items()
                if column_depth == depth and name in needed
            }
            # Names of deeper subqueries that the outer ones use pass through this one.
            passed = [name for name in sorted(needed) if self._columns[name][0] < depth]
            columns = passed + [f"{column} AS {name}" for name, column in here.items()]
            select += f" FROM (SELECT {', '.join(columns)}"
            needed = self._names_in(here.values()) | set(passed)
        return select + "".join(f") AS l{depth}" for depth in range(deepest + 1))

    def _names_in(self, expressions: Iterable[str]) -> set[str]:
        names = {name for text in expressions for name in self._pattern.findall(text)}
        return names & set(self._columns)
