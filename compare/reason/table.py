"""A table of what is at hand for an array, searched for the product or the sum that makes it.

Names, their slopes, their products as matrices and their sums are the rows; each product of up to three rows is first
held against the number that it gives with some fixed weights, all of them in a few matrix products.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from compare.reason.missing import SLOPES
from compare.reason.nodes import copied, parsed
from compare.reason.scope import Scope, Term, broadcasts, shape_of

Array = NDArray[Any]

MOST_ENTRIES = 48  # of an array that are looked at
MOST_ROWS, MOST_FACTORS, MOST_TRIPLES = 420, 40, 130
MOST_SUMMED = 12  # arrays whose products are summed
MOST_FOUND = 60  # products that are tried
NEAR = 1e-8
ONE_THREAD = 200_000  # multiplications that OpenBLAS does not share among threads


class Row(NamedTuple):
    """Something at hand, entry by entry over all passes; `divides` where it is one over its text."""

    text: str
    x: Array
    cost: float
    divides: bool = False


class Table:
    """What is at hand for an array of a shape, in all passes."""

    def __init__(
        self, scope: Scope, spaces: list[dict[str, Any]], shape: tuple[int, ...], total: bool, near: set[str]
    ) -> None:
        self.near = near  # names that stand in the statement already
        self.total = total  # only the sum over the passes is known
        self.deep = False  # whether products of three are looked for
        self.scope, self.spaces, self.shape = scope, spaces, shape
        size = int(np.prod(shape))
        rng = np.random.default_rng(5)
        per_pass = max(1, min(size, MOST_ENTRIES // len(spaces) or 1))
        self.places = rng.permutation(size)[:per_pass] if size > per_pass else np.arange(size)
        self.weights = np.tile(rng.normal(size=len(self.places)), len(spaces))
        if len(spaces) > 1 and not total:
            self.spread = np.repeat(rng.normal(size=len(spaces)) + 2, len(self.places))
        else:
            self.spread = np.ones(len(self.weights))
        self._values: dict[str, list[Array] | None] = {}
        self.rows = self._rows()
        self.matrix = np.array([row.x for row in self.rows]) if self.rows else np.zeros((0, len(self.weights)))

    def flat(self, arrays: Sequence[Array]) -> Array:
        """The entries that are looked at, of an array for each pass."""
        return np.concatenate([np.broadcast_to(x, self.shape).ravel()[self.places] for x in arrays])

    def _value(self, text: str) -> list[Array] | None:
        if text not in self._values:
            found: list[Array] | None = []
            code = compile(text, "<table>", "eval")
            for space in self.spaces:
                try:
                    with np.errstate(all="ignore"):
                        x = eval(code, space)
                    if shape_of(x) is None:
                        raise ValueError
                    assert found is not None
                    found.append(np.asarray(x, float))
                except Exception:  # not at hand in every pass
                    found = None
                    break
            self._values[text] = found
        return self._values[text]

    def _row(self, text: str, cost: float, both: bool = True) -> Iterator[Row]:
        values = self._value(text)
        if values is None:
            return
        try:
            if any(np.broadcast_shapes(x.shape, self.shape) != self.shape for x in values):
                return
        except ValueError:
            return
        x = self.flat(values)
        if not np.all(np.isfinite(x)) or not x.any():
            return
        yield Row(text, x, cost)
        if both and np.all(x):
            yield Row(text, 1 / x, cost + 0.05, True)

    def _rows(self) -> list[Row]:
        found: list[Row] = []
        shape = self.shape
        terms = [t for t in self.scope.terms if shape_of(t.value) is not None]
        for number in (1, 2, *self.scope.numbers):
            if number > 0:  # a fraction that stands in the code is seldom met by chance
                found += self._row(repr(number), 0.1 if number == int(number) else 0.0)
        for term in [*terms, *self.scope.sizes]:
            if np.shape(term.value) == () or broadcasts(np.shape(term.value), shape):
                found += self._row(bracketed(term.text), term.cost)
            if np.ndim(term.value) == 1 and 2 <= len(shape) <= 4 and term.cost < 0.3:
                for axis in range(len(shape) - 1):
                    if shape[axis] == np.size(term.value):
                        found += self._row(f"{term.text}[:{', None' * (len(shape) - 1 - axis)}]", term.cost + 0.2)
            if np.ndim(term.value) == 2 and np.shape(term.value)[::-1] == shape and term.cost < 0.7:
                found += self._row(f"{bracketed(term.text)}.T", term.cost + 0.2)
        arrays = [t for t in terms if np.ndim(t.value) and np.asarray(t.value).dtype.kind == "f"]
        for term in terms:
            x = np.asarray(term.value)
            if x.dtype.kind != "f" or not (x.ndim == 0 or broadcasts(x.shape, shape)) or term.cost > 0.7:
                continue
            for k, slope in enumerate((*SLOPES[:12], "{a} ** 3")):
                found += self._row(
                    slope.format(a=bracketed(term.text)), term.cost + (0.1 if k < 3 else 0.3), k in (4, 9)
                )
        for text, cost in self._indexed():
            found += self._row(text, cost)
        found += self._matrix_products(arrays)
        found += self._sums(arrays)
        found = sorted(_distinct(found), key=lambda row: row.cost)
        return found[:MOST_ROWS]

    def _indexed(self) -> Iterator[tuple[str, float]]:
        """Other arrays under an index that stands in the statement."""
        for text in sorted(self.near):
            node = parsed(text)
            base = self._value(ast.unparse(node.value)) if isinstance(node, ast.Subscript) else None
            for term in self.scope.atoms if base is not None and base[0].ndim else ():
                if base is not None and np.shape(term.value) == base[0].shape and isinstance(node, ast.Subscript):
                    yield ast.unparse(copied(node, value=term.node)), term.cost + 0.1

    def _matrix_products(self, arrays: list[Term]) -> Iterator[Row]:
        """Products of two matrices, one of them perhaps turned."""
        near = [t for t in arrays if t.cost < 0.75][:40]
        for s, t in itertools.product(near, near):
            for first, second in ((False, False), (False, True), (True, False)):
                x = np.shape(s.value)[::-1] if first else np.shape(s.value)
                y = np.shape(t.value)[::-1] if second else np.shape(t.value)
                if not x or not y or len(x) > 2 or len(y) > 2 or x[-1] != y[0] or x[:-1] + y[1:] != self.shape:
                    continue
                if (first and len(x) < 2) or (second and len(y) < 2):
                    continue
                text = f"{bracketed(s.text)}{'.T' * first} @ {bracketed(t.text)}{'.T' * second}"
                yield from self._row(f"({text})", 0.35 + s.cost + t.cost, False)

    def _sums(self, arrays: list[Term]) -> Iterator[Row]:
        """Sums and means over an axis, of arrays and of products of two."""
        shape = self.shape
        near = [
            t for t in arrays if t.cost < 0.3 and (np.shape(t.value) == shape or np.ndim(t.value) == len(shape) + 1)
        ]
        near = sorted(near, key=lambda t: t.text not in self.near)[:MOST_SUMMED]
        texts = [(bracketed(t.text), t.cost, np.shape(t.value)) for t in near]
        texts += [
            (f"{s} * {t}", 0.15 + a + b, x)
            for (s, a, x), (t, b, y) in itertools.combinations_with_replacement(texts, 2)
            if x == y
        ]
        for text, cost, of in texts:
            for axis in range(len(of)):
                kept = (*of[:axis], 1, *of[axis + 1 :])
                gone = (*of[:axis], *of[axis + 1 :])
                for how in ("sum", "mean"):
                    if len(of) == len(shape) and broadcasts(kept, shape):
                        yield from self._row(f"np.{how}({text}, axis={axis}, keepdims=True)", 0.3 + cost, False)
                    elif gone == shape:
                        yield from self._row(f"np.{how}({text}, axis={axis})", 0.3 + cost, False)
            if not shape:
                yield from self._row(f"np.sum({text})", 0.3 + cost, False)
        if not shape or len(shape) == 1:
            vectors = [t for t in arrays if np.ndim(t.value) == 1 and t.cost < 0.3]
            if not shape:
                for s, t in itertools.combinations(vectors, 2):
                    if np.shape(s.value) == np.shape(t.value):
                        yield from self._row(f"{s.text} @ {t.text}", 0.35, False)

    def products(self, of: Array, target: Array, alone: Array) -> Iterator[tuple[float, tuple[Row, ...], float]]:
        """The products of up to three rows that with `of` give the target, and the sign; the likeliest first.

        `alone` are the places that count.
        """
        w = self.weights * self.spread * alone
        of, target = np.where(alone, of, 0.0), np.where(alone, target, 0.0)
        z = float(w @ target)
        size = float(np.linalg.norm(w * target))
        if not size:
            return
        base = w * of
        found: list[tuple[float, tuple[Row, ...], float]] = []
        limit = NEAR * size

        def add(rows: tuple[Row, ...], extra: float) -> None:
            x = of.copy()
            for row in rows:
                x = x * row.x
            for sign in (1.0, -1.0):
                apart = (sign * x - target) * alone
                if self.total:
                    apart = apart.reshape(len(self.spaces), -1).sum(axis=0)
                if np.all(np.abs(apart) <= NEAR * np.max(np.abs(target))):
                    found.append((sum(r.cost for r in rows) + extra + 0.1 * (sign < 0), rows, sign))

        costs = np.array([row.cost for row in self.rows])
        for k in np.flatnonzero(np.abs(np.abs(np.einsum("ij,j->i", self.matrix, base)) - abs(z)) <= limit):
            add((self.rows[k],), 0.0)
        pair = np.abs(np.abs(_matmul(self.matrix * base, self.matrix.T)) - abs(z)) <= limit
        for i, j in _cheapest(pair, costs, 40):
            add((self.rows[i], self.rows[j]), 0.3)
        if self.deep and len(target) > 2 and not found:
            some = self.matrix[:MOST_TRIPLES]
            for u, row in enumerate(self.rows[:MOST_FACTORS]):
                triple = np.abs(np.abs(_matmul(some * (base * row.x), some.T)) - abs(z)) <= limit
                for i, j in _cheapest(triple, costs, 10):
                    if i >= u or j >= u:
                        add((row, self.rows[i], self.rows[j]), 0.6)
        if self.deep and len(target) > 2 and not found:
            found += self._sums_of_two(base, z, limit, of, target, alone)
        found.sort(key=lambda one: one[0])
        yield from found[:MOST_FOUND]

    def _sums_of_two(
        self, base: Array, z: float, limit: float, of: Array, target: Array, alone: Array
    ) -> Iterator[tuple[float, tuple[Row, ...], float]]:
        """The sums of two rows or products of two that with `of` give the target, as one row."""
        some = self.rows[:MOST_FACTORS]
        matrix = self.matrix[: len(some)]
        i, j = np.triu_indices(len(some))
        singles, pairs = matrix @ base, _matmul(matrix * base, matrix.T)[i, j]
        numbers = np.concatenate([singles, pairs])
        order = np.argsort(numbers)
        ranked = numbers[order]

        def made(k: int) -> tuple[str, Array, float]:
            rows = (some[k],) if k < len(some) else (some[i[k - len(some)]], some[j[k - len(some)]])
            x = np.ones_like(of)
            for row in rows:
                x = x * row.x
            return times("", rows), x, sum(r.cost for r in rows) + 0.3 * (len(rows) - 1)

        for one, sign in itertools.product((1.0, -1.0), (1.0, -1.0)):
            first = np.searchsorted(ranked, sign * (z - one * numbers) - limit)
            last = np.searchsorted(ranked, sign * (z - one * numbers) + limit)
            for k in np.flatnonzero(last > first)[:400]:
                for other in order[first[k] : last[k]][:4]:
                    if sign == one and other < k:
                        continue
                    (a, x, cost), (b, y, more) = made(int(k)), made(int(other))
                    if np.all(np.abs(of * (one * x + sign * y) - target) * alone <= NEAR * np.max(np.abs(target))):
                        if one < 0 < sign:
                            a, b, one, sign = b, a, sign, one
                        text = f"{'-' if one < 0 else ''}{a} {'-' if sign < 0 else '+'} {b}"
                        yield cost + more + 0.6 + 0.1 * (one < 0), (Row(f"({text})", one * x + sign * y, 0.0),), 1.0


def _matmul(a: Array, b: Array) -> Array:
    """a @ b in pieces too small for the threads of BLAS: where the cores are busy, those wait for one another."""
    rows = max(1, ONE_THREAD // max(1, b.size))
    pieces = [a[k : k + rows] @ b for k in range(0, len(a), rows)]
    return np.concatenate(pieces) if pieces else np.zeros((0, b.shape[1]))


def _cheapest(mask: Array, costs: Array, most: int) -> list[tuple[int, int]]:
    """The pairs that a mask tells, each once, the cheapest first."""
    i, j = np.nonzero(mask)
    once = i <= j
    i, j = i[once], j[once]
    order = np.argsort(costs[i] + costs[j], kind="stable")[:most]
    return [(int(i[k]), int(j[k])) for k in order]


def _distinct(rows: list[Row]) -> Iterator[Row]:
    best: dict[bytes, Row] = {}
    for row in rows:
        key = np.round(row.x, 12).tobytes()
        if key not in best or row.cost < best[key].cost:
            best[key] = row
    return iter(best.values())


def times(me: str, rows: tuple[Row, ...]) -> str:
    """A product as it is written."""
    text = " * ".join([*([me] if me else []), *(row.text for row in rows if not row.divides)])
    text = text or "1"
    for row in rows:
        if row.divides:
            text += f" / {row.text}"
    return text


def bracketed(text: str) -> str:
    """A text in brackets unless it stands by itself."""
    simple = (ast.Name, ast.Attribute, ast.Subscript, ast.Call)
    node = parsed(text)
    if isinstance(node, simple) or (isinstance(node, ast.Constant) and not text.lstrip("-").isdigit()):
        return text
    return text if isinstance(node, ast.Constant) else f"({text})"
