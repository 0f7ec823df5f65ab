"""What is missing in a statement whose array is known: solved for at once, not tried one by one.

Where a statement ought to leave T, each part of it that can be solved for has an array N that it ought to be, and an
array V that it is. A table of what is at hand (names, their slopes, their products as matrices, their sums) is searched
for X with V + X = N, V * X = N or X = N, where X is one row of the table or a product of up to three: each product is
first held against the number that it gives with some fixed weights, all of them in a few matrix products.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from compare.reason.missing import SLOPES
from compare.reason.nodes import Edit, Path, at, copied, parsed
from compare.reason.scope import Scope, Term, broadcasts, shape_of
from compare.reason.trial import Aim, written

Array = NDArray[Any]

MOST_ENTRIES = 48  # of an array that are looked at
MOST_ROWS, MOST_FACTORS, MOST_TRIPLES = 420, 40, 130
MOST_SUMMED = 12  # arrays whose products are summed
MOST_FOUND = 60  # products that are tried
NEAR = 1e-8


class Part(NamedTuple):
    """A part of a statement: where it stands, what it is and what it ought to be, pass by pass."""

    path: Path
    node: Any
    values: list[Array]
    needed: list[Array]


class Row(NamedTuple):
    """Something at hand, entry by entry over all passes; `divides` where it is one over its text."""

    text: str
    x: Array
    cost: float
    divides: bool = False


def parts(statement: Any, spaces: list[dict[str, Any]], aim: Aim) -> Iterator[Part]:
    """The parts of a statement that can be solved for, the whole of its value first."""
    node = getattr(statement, "value", None)
    if aim.inner:
        yield from _inside(at(statement, aim.inner), aim.inner, spaces, aim.arrays, False)
        return
    if node is None or (aim.total and not isinstance(statement, ast.AugAssign)):
        return
    needed: list[Array] | None = _in_all(statement, spaces, aim) if aim.total else []
    for k, space in enumerate(spaces if not aim.total else []):
        one = _needed(statement, space, aim, k)
        if one is None or needed is None:
            return
        needed.append(one)
    if needed:
        yield from _inside(node, (("value", None),), spaces, needed, aim.total)


def _in_all(statement: Any, spaces: list[dict[str, Any]], aim: Aim) -> list[Array] | None:
    """What all passes of `x += ...` together ought to add, as if the first did."""
    sign = 1 if isinstance(statement.op, ast.Add) else -1
    values = [_number(statement.value, space) for space in spaces]
    known = [v for v in values if v is not None]
    last = _number(parsed(aim.target), spaces[-1]) if spaces else None
    if written(statement) != aim.target or last is None or len(known) < len(spaces):
        return None
    goal = aim.arrays[0]
    if any(v.shape != goal.shape for v in known) or not isinstance(statement.op, (ast.Add, ast.Sub)):
        return None
    missing = sign * (goal - last) - known[-1] + sum(known[1:], known[0])
    return [missing, *(np.zeros_like(goal) for _ in spaces[1:])]


def before(statement: Any, spaces: list[dict[str, Any]], aim: Aim) -> Iterator[Part]:
    """What `x += ...` ought to find in x."""
    if not isinstance(statement, ast.AugAssign) or not isinstance(statement.op, (ast.Add, ast.Sub)):
        return
    values = [_number(statement.value, space) for space in spaces]
    sign = 1 if isinstance(statement.op, ast.Add) else -1
    needed = [goal - sign * x for goal, x in zip(aim.arrays, values, strict=True) if x is not None]
    if len(needed) == len(spaces):
        yield Part((), statement.target, needed, needed)


def _needed(statement: Any, space: dict[str, Any], aim: Aim, k: int) -> Array | None:
    """What the value of a statement ought to be in one pass."""
    text = written(statement)
    try:
        ought = aim.part(text, k, space)
        if isinstance(statement, ast.AugAssign):
            before = np.asarray(eval(text, dict(space)), float)
            if isinstance(statement.op, ast.Add):
                return np.asarray(ought - before, float)
            if isinstance(statement.op, ast.Sub):
                return np.asarray(before - ought, float)
            if isinstance(statement.op, ast.Mult):
                return np.asarray(ought / before, float)
            return None
        return np.asarray(ought, float)
    except Exception:  # an index may be anything
        return None


def _inside(node: Any, path: Path, spaces: list[dict[str, Any]], needed: list[Array], total: bool) -> Iterator[Part]:
    """A part and those inside of it, through what can be undone."""
    values = [_number(node, space) for space in spaces]
    if any(v is None for v in values):
        return
    known = [v for v in values if v is not None]
    fits = all(v.size == 1 or broadcasts(v.shape, n.shape) for v, n in zip(known, needed, strict=True))
    if not fits and len(path) > 1:
        return
    yield Part(path, node, known, needed)
    if total:
        return
    for field, undo in _undone(node):
        step: Path = (("func", None), ("value", None)) if isinstance(node, ast.Call) else ((field, None),)
        if field.startswith("args"):
            step = (("args", int(field[4:])),)
        child = at(node, step)
        below = []
        for space, n in zip(spaces, needed, strict=True):
            try:
                with np.errstate(all="ignore"):
                    found = undo(n, space)
            except Exception:  # what cannot be undone
                found = None
            if found is None:
                break
            below.append(np.asarray(found, float))
        else:
            yield from _inside(child, (*path, *step), spaces, below, False)


Undo = Callable[[Array, dict[str, Any]], Any]


def _undone(node: Any) -> Iterator[tuple[str, Undo]]:
    """The children of a node that follow from its value, and how."""

    def of(child: Any) -> Callable[[dict[str, Any]], Array]:
        def value(space: dict[str, Any]) -> Array:
            found = _number(child, space)
            if found is None:
                raise ValueError
            return found

        return value

    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield "operand", lambda n, space: -n
    elif isinstance(node, ast.Attribute) and node.attr == "T":
        yield "value", lambda n, space: n.T
    elif isinstance(node, ast.BinOp):
        x, y = of(node.left), of(node.right)
        if isinstance(node.op, ast.Add):
            yield "left", lambda n, space: n - y(space)
            yield "right", lambda n, space: n - x(space)
        elif isinstance(node.op, ast.Sub):
            yield "left", lambda n, space: n + y(space)
            yield "right", lambda n, space: x(space) - n
        elif isinstance(node.op, ast.Mult):
            yield "left", lambda n, space: _divided(n, y(space))
            yield "right", lambda n, space: _divided(n, x(space))
        elif isinstance(node.op, ast.Div):
            yield "left", lambda n, space: n * y(space)
            yield "right", lambda n, space: _divided(x(space), n)
        elif isinstance(node.op, ast.MatMult):
            yield "left", lambda n, space: _solved(y(space).T, n.T).T
            yield "right", lambda n, space: _solved(x(space), n)
    elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "where" and len(node.args) == 3:
        condition = of(node.args[0])
        yield "args1", lambda n, space: np.where(condition(space), n, np.nan)
        yield "args2", lambda n, space: np.where(condition(space), np.nan, n)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("reshape", "ravel"):
        x = of(node.func.value)
        yield "value", lambda n, space: n.reshape(x(space).shape)


def _divided(n: Array, by: Array) -> Array:
    found = n / by
    return np.where(np.isfinite(found), found, np.nan)


def _solved(a: Array, b: Array) -> Array:
    """The only x with a @ x = b; raises where there is another one, or none."""
    if a.ndim != 2 or np.linalg.matrix_rank(a) < a.shape[1]:
        raise ValueError
    return np.asarray(np.linalg.lstsq(a, b, rcond=None)[0])


def _number(node: Any, space: dict[str, Any]) -> Array | None:
    try:
        code = compile(ast.fix_missing_locations(ast.Expression(node)), "<edit>", "eval")
        x = eval(code, space)
    except Exception:  # part of an edit that makes no sense
        return None
    return np.asarray(x, float) if shape_of(x) is not None and np.asarray(x).dtype.kind in "fiub" else None


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
                found += self._row(_bracketed(term.text), term.cost)
            if np.ndim(term.value) == 1 and 2 <= len(shape) <= 4 and term.cost < 0.3:
                for axis in range(len(shape) - 1):
                    if shape[axis] == np.size(term.value):
                        found += self._row(f"{term.text}[:{', None' * (len(shape) - 1 - axis)}]", term.cost + 0.2)
            if np.ndim(term.value) == 2 and np.shape(term.value)[::-1] == shape and term.cost < 0.7:
                found += self._row(f"{_bracketed(term.text)}.T", term.cost + 0.2)
        arrays = [t for t in terms if np.ndim(t.value) and np.asarray(t.value).dtype.kind == "f"]
        for term in terms:
            x = np.asarray(term.value)
            if x.dtype.kind != "f" or not (x.ndim == 0 or broadcasts(x.shape, shape)) or term.cost > 0.7:
                continue
            for k, slope in enumerate((*SLOPES[:12], "{a} ** 3")):
                found += self._row(
                    slope.format(a=_bracketed(term.text)), term.cost + (0.1 if k < 3 else 0.3), k in (4, 9)
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
                text = f"{_bracketed(s.text)}{'.T' * first} @ {_bracketed(t.text)}{'.T' * second}"
                yield from self._row(f"({text})", 0.35 + s.cost + t.cost, False)

    def _sums(self, arrays: list[Term]) -> Iterator[Row]:
        """Sums and means over an axis, of arrays and of products of two."""
        shape = self.shape
        near = [
            t for t in arrays if t.cost < 0.3 and (np.shape(t.value) == shape or np.ndim(t.value) == len(shape) + 1)
        ]
        near = sorted(near, key=lambda t: t.text not in self.near)[:MOST_SUMMED]
        texts = [(_bracketed(t.text), t.cost, np.shape(t.value)) for t in near]
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
        for k in np.flatnonzero(np.abs(np.abs(self.matrix @ base) - abs(z)) <= limit):
            add((self.rows[k],), 0.0)
        pair = np.abs(np.abs((self.matrix * base) @ self.matrix.T) - abs(z)) <= limit
        for i, j in _cheapest(pair, costs, 40):
            add((self.rows[i], self.rows[j]), 0.3)
        if self.deep and len(target) > 2 and not found:
            some = self.matrix[:MOST_TRIPLES]
            for u, row in enumerate(self.rows[:MOST_FACTORS]):
                triple = np.abs(np.abs((some * (base * row.x)) @ some.T) - abs(z)) <= limit
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
        singles, pairs = matrix @ base, ((matrix * base) @ matrix.T)[i, j]
        numbers = np.concatenate([singles, pairs])
        order = np.argsort(numbers)
        ranked = numbers[order]

        def made(k: int) -> tuple[str, Array, float]:
            rows = (some[k],) if k < len(some) else (some[i[k - len(some)]], some[j[k - len(some)]])
            x = np.ones_like(of)
            for row in rows:
                x = x * row.x
            return _times("", rows), x, sum(r.cost for r in rows) + 0.3 * (len(rows) - 1)

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


def solved(
    statement: Any,
    scope: Scope,
    spaces: list[dict[str, Any]],
    aim: Aim,
    tables: dict[tuple[int, ...], Table],
    deep: bool,
) -> Iterator[Edit]:
    """The factors, terms and replacements that give a statement the array that it ought to leave.

    `tables` are kept from one call to the next; with `deep` products of three things at hand are looked for too.
    """
    for part in itertools.islice(parts(statement, spaces, aim), 4 if deep else 12):
        shape = part.needed[0].shape
        if any(n.shape != shape for n in part.needed):  # one pass has to do
            part = part._replace(values=part.values[:1], needed=part.needed[:1])
            table = Table(scope, spaces[:1], shape, False, _names(statement))
        else:
            if shape not in tables:
                tables[shape] = Table(scope, spaces, shape, aim.total, _names(statement))
            table = tables[shape]
        table.deep = deep
        depth = 0.12 * (len(part.path) - 1)
        me = ast.unparse(part.node)
        needed = table.flat(part.needed)
        alone = np.isfinite(needed)
        if not alone.any():
            continue
        needed = np.where(alone, needed, 0.0)
        ones = np.ones_like(needed)
        is_same = all(v.shape == shape for v in part.values)
        if is_same or all(v.ndim <= len(shape) and broadcasts(v.shape, shape) for v in part.values):
            value = np.where(alone, table.flat(part.values), 0.0)
            for cost, rows, sign in table.products(value, needed, alone):
                new = ("-" if sign < 0 else "") + _times(_bracketed(me), rows)
                yield Edit(1.2 + depth + cost, new, "factor", _times("", rows), part.path)
            for cost, rows, sign in table.products(ones, needed - value, alone):
                new = f"{me} {'-' if sign < 0 else '+'} {_times('', rows)}"
                yield Edit(1.3 + depth + cost, new, "term", _times("", rows), part.path)
        length = 0.03 * sum(1 for _ in ast.walk(part.node))
        for cost, rows, sign in table.products(ones, needed, alone):
            new = ("-" if sign < 0 else "") + _times("", rows)
            if all(" > " in row.text for row in rows):
                new = f"({new}).astype(float)"
            yield Edit(1.2 + depth + cost + length, new, "replaced", new, part.path)


def _names(statement: Any) -> set[str]:
    """What stands in a statement already."""
    return {ast.unparse(x) for x in ast.walk(statement) if isinstance(x, (ast.Name, ast.Attribute, ast.Subscript))}


def _times(me: str, rows: tuple[Row, ...]) -> str:
    """A product as it is written."""
    text = " * ".join([*([me] if me else []), *(row.text for row in rows if not row.divides)])
    text = text or "1"
    for row in rows:
        if row.divides:
            text += f" / {row.text}"
    return text


def _bracketed(text: str) -> str:
    """A text in brackets unless it stands by itself."""
    simple = (ast.Name, ast.Attribute, ast.Subscript, ast.Call)
    node = parsed(text)
    if isinstance(node, simple) or (isinstance(node, ast.Constant) and not text.lstrip("-").isdigit()):
        return text
    return text if isinstance(node, ast.Constant) else f"({text})"
