"""What is at hand where a statement runs: names, entries, sizes, and expressions of the user's own, with values."""

from __future__ import annotations

import ast
import functools
import itertools
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from compare.reason.nodes import parsed

MOST_TERMS = 200  # expressions of the user's own code that stand for a factor or a term
MOST_LENGTH = 60  # characters of such an expression

METHODS = {
    "sum", "mean", "max", "min", "dot", "reshape", "transpose", "copy", "std", "var", "argmax", "argmin", "ravel",
    "flatten", "astype", "prod", "cumsum", "swapaxes", "squeeze", "item", "clip", "repeat", "take", "diagonal",
    "trace", "conj",
}  # fmt: skip
BUILTINS = {
    "len", "float", "int", "abs", "sum", "range", "min", "max", "list", "tuple", "sorted", "reversed", "zip",
    "enumerate",
}  # fmt: skip


class Term(NamedTuple):
    """An expression at hand, and its value where the statement runs."""

    text: str
    value: Any
    cost: float

    @property
    def node(self) -> Any:
        """It, to stand in a statement."""
        return parsed(self.text)


class Own(NamedTuple):
    """An expression of the user's own code, compiled."""

    text: str
    code: Any

    @staticmethod
    def of(nodes: Iterable[Any]) -> list[Own]:
        """The short ones, each once, the shortest first."""
        found: dict[str, Own] = {}
        for node in nodes:
            text = ast.unparse(node)
            if len(text) <= MOST_LENGTH and text not in found:
                try:
                    found[text] = Own(text, compile(text, "<edit>", "eval"))
                except SyntaxError:
                    continue
        return sorted(found.values(), key=lambda own: len(own.text))


class Scope:
    """What an edit may use where a statement runs: names, attributes, entries, expressions of the user's own."""

    def __init__(self, names: dict[str, Any], local: Iterable[str], own: list[Own], numbers: Iterable[Any]) -> None:
        self.names = dict(names)
        self._seen: set[str] = set()
        self._known: dict[str, Any] = {}
        self._values: set[tuple[Any, ...]] = set()
        self.terms: list[Term] = []
        local = list(local)
        atoms = [(text, value, text != name) for name in local for text, value in _atoms(name, names.get(name))]
        atoms += [(text, value, True) for text, value in _counted(names, local)]
        for text, value, is_part in sorted(
            atoms, key=lambda atom: (atom[2], atom[0].rstrip("]")[-1:].isdigit() and " " not in atom[0])
        ):  # of two that are the same the name
            self._add(text, value, 0.05 * is_part)
        used = {name for one in own for name in one.code.co_names}
        of_module = [name for name in used if name not in local and isinstance(names.get(name), np.ndarray)]
        for name, x in names.items():
            if (type(x) in (int, float) and name not in local) or name in of_module:
                self._add(name, x, 0.0)
        sizes = [
            (f"{t.text}.{what}", x)
            for t in self.terms
            if isinstance(t.value, np.ndarray) and t.text.isidentifier()
            for what, x in [*((f"shape[{k}]", n) for k, n in enumerate(t.value.shape)), ("size", t.value.size)]
        ]
        self.sizes = [Term(text, value, 0.1) for text, value in sizes]
        lists = [x for x in local if isinstance(names.get(x), list) or shape_of(names.get(x)) not in (None, ())]
        self.sizes += [Term(f"len({name})", len(names[name]), 0.12) for name in lists]
        for text, code in own[:MOST_TERMS]:
            if text not in self._seen:
                try:
                    value = eval(code, self.names)
                except Exception:  # names of other functions
                    continue
                self._add(text, value, 0.3 + 0.02 * len(text))
        self.numbers = [x for x in dict.fromkeys(numbers) if x not in (0, 1)]
        self.arrays = [t for t in self.terms if isinstance(t.value, np.ndarray) and t.value.ndim]
        self.arrays += [
            Term(f"{t.text}[:, None]", t.value[:, None], t.cost + 0.2)
            for t in self.arrays
            if t.value.ndim == 1 and t.cost < 0.3
        ]
        self.scalars = [t for t in self.terms if shape_of(t.value) == () and not isinstance(t.value, (bool, np.bool_))]
        self.atoms = [t for t in self.arrays if t.cost < 0.3]

    def value(self, node: Any) -> Any:
        """The value of an expression here."""
        text = ast.unparse(node)
        if text not in self._known:
            self._known[text] = evaluated(node, self.names)
        return self._known[text]

    def _add(self, text: str, value: Any, cost: float) -> None:
        shape = shape_of(value)
        if shape is None or text in self._seen:
            return
        self._seen.add(text)
        if shape and value.any():  # what is 0 in the first pass need not stay the same
            key = (shape, value.dtype.kind, value.tobytes())
            if key in self._values:
                return
            self._values.add(key)
        self.terms.append(Term(text, value, cost))


def _atoms(name: str, value: Any, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """A name, and the arrays inside of what it stands for."""
    if shape_of(value) is not None:
        yield name, value
    elif isinstance(value, dict):
        for key, x in itertools.islice(value.items(), 40):
            if isinstance(key, (str, int)) and shape_of(x) is not None:
                yield f"{name}[{key!r}]", x
    elif isinstance(value, (list, tuple)):
        for k, x in enumerate(value[:9]):
            if shape_of(x) is not None:
                yield f"{name}[{k}]", x
    elif hasattr(value, "__dict__") and not isinstance(value, type) and not callable(value) and depth == 0:
        for key, x in vars(value).items():
            if shape_of(x) is not None or isinstance(x, (dict, list, tuple)):
                yield from _atoms(f"{name}.{key}", x, 1)


def _counted(names: dict[str, Any], local: list[str]) -> Iterator[tuple[str, Any]]:
    """The arrays of lists and dicts at the place that a counter tells, and next to it."""
    counters = [name for name in local if type(names.get(name)) is int]
    for name in local:
        rows = names.get(name)
        if not isinstance(rows, (list, tuple, dict)):
            continue
        for counter, by in itertools.product(counters, (0, -1, 1)):
            k = names[counter] + by
            there = k in rows if isinstance(rows, dict) else 0 <= k < len(rows)
            if there and shape_of(rows[k]) is not None:
                yield f"{name}[{counter}{('', ' + 1', ' - 1')[by]}]", rows[k]


def is_harmless(node: Any, users: set[str]) -> bool:
    """Whether an expression only computes: it calls NumPy, methods of arrays, and functions that run anyway."""
    for one in ast.walk(node):
        if isinstance(one, (ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom)):
            return False
        if isinstance(one, ast.Call):
            text, name = ast.unparse(one.func), getattr(one.func, "attr", getattr(one.func, "id", ""))
            is_numpy = text.startswith(("np.", "numpy.", "math.", "scipy.", "special.")) and "random" not in text
            is_numpy &= name not in ("at", "copyto", "put", "fill_diagonal", "save", "savetxt", "load")
            is_method = isinstance(one.func, ast.Attribute) and name in METHODS
            if not (is_numpy or name in users or is_method or text in BUILTINS):
                return False
    return True


def evaluated(node: Any, names: dict[str, Any]) -> Any:
    """The value of an expression; None where it raises."""
    try:
        code = compile(ast.fix_missing_locations(ast.Expression(node)), "<edit>", "eval")
        return eval(code, names)
    except Exception:  # an edit may be any nonsense
        return None


def shape_of(x: Any) -> tuple[int, ...] | None:
    """The shape of an array or a number, None of anything else."""
    if isinstance(x, (np.ndarray, np.number, float, int)):
        return np.shape(x)
    return None


@functools.lru_cache(maxsize=4096)
def broadcasts(shape: tuple[int, ...], into: tuple[int, ...]) -> bool:
    """Whether an array broadcasts against another without enlarging it."""
    try:
        return np.broadcast_shapes(shape, into) == into
    except ValueError:
        return False
