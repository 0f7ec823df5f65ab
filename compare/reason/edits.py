"""Small edits of one statement of a user's code: each gives the statement as it might have been meant.

The edits know the numbers at hand where the statement runs, so that only what fits by shape is tried.
"""

from __future__ import annotations

import ast
import copy
import functools
import itertools
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Path = tuple[tuple[str, int | None], ...]

MOST_TERMS = 200  # expressions of the user's own code that stand for a factor or a term
MOST_LENGTH = 60  # characters of such an expression
PAIRED = 10  # arrays of which products are tried


class Edit(NamedTuple):
    """An edit: how unlikely it is, the node that it puts at the end of a path, what it does in a word, and with what.

    The node may be its source, or what makes it: most edits are never tried.
    """

    cost: float
    new: Any  # of type ast.AST | str | Callable[[], ast.AST]
    kind: str
    about: str = ""
    path: Path = ()

    def after(self, statement: Any) -> Any:
        """The statement with the edit made."""
        new = parsed(self.new) if isinstance(self.new, str) else self.new
        return put(statement, self.path, new() if callable(new) else new)


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


def at(node: Any, path: Path) -> Any:
    """The node at the end of a path."""
    for field, index in path:
        node = getattr(node, field)
        node = node if index is None else node[index]
    return node


def put(node: Any, path: Path, new: Any) -> Any:
    """A statement with another node at the end of a path; the rest is shared."""
    if not path:
        return new
    (field, index), *rest = path
    changed = copy.copy(node)
    child = getattr(node, field)
    if index is None:
        setattr(changed, field, put(child, tuple(rest), new))
    else:
        setattr(changed, field, [put(x, tuple(rest), new) if k == index else x for k, x in enumerate(child)])
    return changed


def slots(node: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every node inside of a statement with its path, from the outermost in."""
    yield path, node
    for field, child in ast.iter_fields(node):
        if isinstance(child, ast.AST):
            if not isinstance(child, (ast.expr_context, ast.operator, ast.unaryop, ast.cmpop, ast.boolop)):
                yield from slots(child, (*path, (field, None)))
        elif isinstance(child, list):
            for k, one in enumerate(child):
                if isinstance(one, ast.AST) and not isinstance(one, ast.cmpop):
                    yield from slots(one, (*path, (field, k)))


@functools.lru_cache(maxsize=4096)
def parsed(text: str) -> Any:
    """An expression from its source."""
    return ast.parse(text, mode="eval").body


def evaluated(node: Any, names: dict[str, Any]) -> Any:
    """The value of an expression; None where it raises."""
    try:
        code = compile(ast.fix_missing_locations(ast.Expression(node)), "<edit>", "eval")
        return eval(code, names)
    except Exception:  # an edit may be any nonsense
        return None


METHODS = {
    "sum", "mean", "max", "min", "dot", "reshape", "transpose", "copy", "std", "var", "argmax", "argmin", "ravel", "flatten",
    "astype", "prod", "cumsum", "swapaxes", "squeeze", "item", "clip", "repeat", "take", "diagonal", "trace", "conj",
}  # fmt: skip
BUILTINS = {
    "len",
    "float",
    "int",
    "abs",
    "sum",
    "range",
    "min",
    "max",
    "list",
    "tuple",
    "sorted",
    "reversed",
    "zip",
    "enumerate",
}


def is_harmless(node: Any, users: set[str]) -> bool:
    """Whether an expression only computes: it calls NumPy, methods of arrays, and the user's functions that run anyway."""
    for one in ast.walk(node):
        if isinstance(one, (ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom)):
            return False
        if isinstance(one, ast.Call):
            text, name = ast.unparse(one.func), getattr(one.func, "attr", getattr(one.func, "id", ""))
            is_numpy = text.startswith(("np.", "numpy.", "math.", "scipy.", "special.")) and "random" not in text
            is_numpy &= name not in ("at", "copyto", "put", "fill_diagonal", "save", "savetxt", "load")
            if not (
                is_numpy
                or name in users
                or (isinstance(one.func, ast.Attribute) and name in METHODS)
                or text in BUILTINS
            ):
                return False
    return True


def shape_of(x: Any) -> tuple[int, ...] | None:
    """The shape of an array or a number, None of anything else."""
    if isinstance(x, (np.ndarray, np.number, float, int)):
        return np.shape(x)
    return None


class Scope:
    """What an edit may use where a statement runs: names, attributes, entries, expressions of the user's own."""

    def __init__(self, names: dict[str, Any], local: Iterable[str], own: list[Own], numbers: Iterable[Any]) -> None:
        self.names = dict(names)
        self._seen: set[str] = set()
        self._values: set[tuple[Any, ...]] = set()
        self.terms: list[Term] = []
        local = list(local)
        atoms = [(text, value, text != name) for name in local for text, value in _atoms(name, names.get(name))]
        atoms += [(text, value, True) for text, value in _counted(names, local)]
        for text, value, is_part in sorted(
            atoms, key=lambda atom: (atom[2], atom[0].rstrip("]")[-1:].isdigit() and " " not in atom[0])
        ):  # of two that are the same the name
            self._add(text, value, 0.05 * is_part)
        for name, x in names.items():
            if type(x) in (int, float) and name not in local:
                self._add(name, x, 0.0)
        sizes = [
            (f"{t.text}.{what}", x)
            for t in self.terms
            if isinstance(t.value, np.ndarray) and t.text.isidentifier()
            for what, x in [*((f"shape[{k}]", n) for k, n in enumerate(t.value.shape)), ("size", t.value.size)]
        ]
        self.sizes = [Term(text, value, 0.1) for text, value in sizes]
        lists = [
            x for x in local if isinstance(names.get(x), (list, tuple)) or shape_of(names.get(x)) not in (None, ())
        ]
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

    def _add(self, text: str, value: Any, cost: float) -> None:
        shape = shape_of(value)
        if shape is None or text in self._seen:
            return
        self._seen.add(text)
        if shape:
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


SWAPPED = {
    ast.Add: (ast.Sub,), ast.Sub: (ast.Add,), ast.Mult: (ast.Div,), ast.Div: (ast.Mult,),
}  # fmt: skip
FUNCTIONS = (
    ("sum", "mean"), ("sin", "cos"), ("argmax", "argmin"), ("max", "min"), ("maximum", "minimum"),
    ("ones_like", "zeros_like"),
    ("tanh", "cosh"), ("tanh", "exp"), ("exp", "log"), ("std", "var"), ("cumsum", "cumprod"), ("zeros", "ones"),
)  # fmt: skip
DRAWN = {
    "random",
    "normal",
    "binomial",
    "standard_normal",
    "rand",
    "randn",
    "uniform",
    "integers",
    "choice",
    "permutation",
}
COMPARED = {
    ast.Gt: (ast.Lt, ast.GtE), ast.Lt: (ast.Gt, ast.LtE), ast.GtE: (ast.LtE, ast.Gt), ast.LtE: (ast.GtE, ast.Lt),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,),
}  # fmt: skip


def copied(node: Any, **changes: Any) -> Any:
    """A node with some of its fields changed."""
    changed = copy.copy(node)
    for field, x in changes.items():
        setattr(changed, field, x)
    return changed


def product(x: Any, y: Any, op: Any = None) -> Any:
    """x * y as a node, or with another operator."""
    return ast.BinOp(x, op or ast.Mult(), y)


class Edits:
    """The edits of one statement, in a scope."""

    def __init__(self, statement: Any, scope: Scope) -> None:
        self.statement, self.scope = statement, scope
        self._values: dict[str, Any] = {}

    def changed(self) -> Iterator[Edit]:
        """Something in the statement is another one of its kind, or left out."""
        yield from self.of_the_statement()
        whole = getattr(self.statement, "value", None)
        if whole is not None and len(shape_of(self.value(whole)) or ()) == 2:
            yield Edit(1.0, _transposed(whole), "transposed", "", (("value", None),))
        for path, node in slots(self.statement):
            if isinstance(node, ast.expr) and not _is_stored(node):
                for edit in self.small(node, path):
                    yield edit if edit.kind == "replaced everywhere" else edit._replace(path=path)
            elif isinstance(node, ast.Subscript) and _is_stored(node):
                for slice_ in _slices(node.slice):
                    for other in self._slices_like(slice_):
                        yield Edit(1.2, copied(node, slice=_exchanged(node.slice, slice_, other)), "slice", "", path)

    def grown(self) -> Iterator[Edit]:
        """A factor, a slope, a sum or a term at hand is missing in the statement."""
        for path, node in self._around():
            for edit in self.larger(node, path):
                yield edit._replace(path=path)

    def extended(self) -> Iterator[Edit]:
        """A term that is made of several things at hand is missing."""
        for path, node in self._around():
            value, depth = self.value(node), _depth(path)
            if shape_of(value) is not None and depth <= 0.45:
                for edit in self._terms(node, np.shape(value), depth):
                    yield edit._replace(path=path)

    def _around(self) -> Iterator[tuple[Path, Any]]:
        for path, node in slots(self.statement):
            inside = any(field == "slice" for field, _ in path) or self._is_target(path)
            if (
                isinstance(node, ast.expr)
                and not _is_stored(node)
                and not inside
                and not isinstance(node, ast.Constant)
            ):
                yield path, node

    def value(self, node: Any) -> Any:
        """The value of a part of the statement as it is."""
        text = ast.unparse(node)
        if text not in self._values:
            self._values[text] = evaluated(node, self.scope.names)
        return self._values[text]

    def _is_target(self, path: Path) -> bool:
        return bool(path) and path[0][0] in ("targets", "target")

    # edits of one node

    def small(self, node: Any, path: Path) -> Iterator[Edit]:
        """Something inside of the node is another one of its kind, or left out."""
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            yield from self._of_number(node, path)
        elif isinstance(node, ast.BinOp):
            yield from self._of_operation(node)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.Not, ast.Invert)):
            yield Edit(0.8, node.operand, "sign" if isinstance(node.op, ast.USub) else "not")
        elif isinstance(node, ast.Compare) and len(node.ops) == 1:
            for other in COMPARED.get(type(node.ops[0]), ()):
                yield Edit(1.0, copied(node, ops=[other()]), "comparison")
        elif isinstance(node, ast.Call):
            yield from self._of_call(node)
        elif isinstance(node, ast.Subscript):
            yield from self._of_subscript(node)
        elif isinstance(node, ast.Attribute) and node.attr == "T":
            yield Edit(0.9, node.value, "transposed")
        elif isinstance(node, ast.IfExp):
            yield Edit(0.9, node.body, "condition")
            yield Edit(0.9, node.orelse, "condition")
        elif isinstance(node, ast.Slice):
            yield from self._of_slice(node)
        elif isinstance(node, ast.Name) and any(f == "slice" for f, _ in path):
            yield from self._of_index(node)
        if isinstance(node, (ast.Tuple,)) and any(f == "slice" for f, _ in path) and len(node.elts) == 2:
            yield Edit(1.0, copied(node, elts=node.elts[::-1]), "indices swapped")
        yield from self._replaced(node, path)

    def _of_number(self, node: Any, path: Path) -> Iterator[Edit]:
        x = node.value
        in_index = any(field == "slice" for field, _ in path)
        if (
            x
            and not in_index
            and sum(isinstance(n, ast.Constant) and n.value == x for n in ast.walk(self.statement)) > 1
        ):
            for other in (2 * x, x / 2):
                everywhere = functools.partial(_everywhere, self.statement, repr(x), repr(other))
                yield Edit(1.15, everywhere, "replaced everywhere", repr(other))
        if type(x) is int:
            for other in (x + 1, x - 1):
                yield Edit(0.9, ast.Constant(other), "number", str(other))
        if in_index:
            return
        if x:
            yield Edit(1.0, ast.Constant(-x), "number", str(-x))
        for other in (2 * x, x / 2, 3 * x, 4 * x):
            other = int(other) if other == int(other) and type(x) is int else other
            yield Edit(1.1, ast.Constant(other), "number", f"{other:g}")
        for other in self.scope.numbers:
            if other != x:
                yield Edit(1.1, ast.Constant(other), "number", f"{other:g}")
        for term in self.scope.scalars + self.scope.sizes:
            yield Edit(1.2 + term.cost, term.text, "number", term.text)

    def _of_operation(self, node: Any) -> Iterator[Edit]:
        left, op, right = node.left, node.op, node.right
        whole = shape_of(self.value(node))
        for one, other in ((left, right), (right, left)):
            if whole is None or shape_of(self.value(one)) == whole:
                yield Edit(0.9, one, "left in", ast.unparse(other))
        if isinstance(op, ast.MatMult):
            yield from self._of_product(left, right, lambda x, y: product(x, y, ast.MatMult()))
        else:
            for kind in SWAPPED.get(type(op), ()):
                yield Edit(0.8, copied(node, op=kind()), "operator")
        if isinstance(op, (ast.Sub, ast.Div)):
            yield Edit(0.8, copied(node, left=right, right=left), "swapped")
        if isinstance(op, ast.Pow):
            yield Edit(1.0, left, "power")
        if isinstance(op, ast.Mult):
            yield from self._distributed(node)

    def _distributed(self, node: Any) -> Iterator[Edit]:
        """(a + b) * c where a + b * c stands."""
        for one, other in ((node.left, node.right), (node.right, node.left)):
            if isinstance(one, ast.BinOp) and isinstance(one.op, (ast.Add, ast.Sub)):
                yield Edit(1.2, copied(one, right=product(one.right, other)), "brackets")
                yield Edit(1.2, copied(one, left=product(one.left, other)), "brackets")

    def _of_product(self, x: Any, y: Any, make: Callable[[Any, Any], Any]) -> Iterator[Edit]:
        """The other ways to multiply two matrices."""
        turned_x, turned_y = self._turned_over(x), self._turned_over(y)
        for a, b in itertools.product((x, turned_x), (y, turned_y)):
            for first, second, swap in ((a, b, 0.0), (b, a, 0.2)):
                turned = (a is not x) + (b is not y)
                if turned or swap:
                    yield Edit(0.7 + 0.15 * turned + swap, make(first, second), "transposed")
                    if swap or turned == 2:
                        yield Edit(1.1 + 0.15 * turned, _transposed(make(first, second)), "transposed")

    def _turned_over(self, node: Any) -> Any:
        """The last two axes exchanged."""
        if len(shape_of(self.value(node)) or ()) <= 2:
            return _transposed(node)
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and getattr(node.func, "attr", "") == "swapaxes"
        ):
            return node.func.value
        return parsed(f"({ast.unparse(node)}).swapaxes(-1, -2)")

    def _of_call(self, node: Any) -> Iterator[Edit]:
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        for pair in FUNCTIONS:
            if name in pair:
                other = pair[1 - pair.index(name)]
                field = "attr" if isinstance(node.func, ast.Attribute) else "id"
                kind = "sum for mean" if pair == ("sum", "mean") else "function"
                yield Edit(0.9, copied(node, func=copied(node.func, **{field: other})), kind, other)
        if isinstance(node.func, ast.Name) and isinstance(self.scope.names.get(name), types.FunctionType):
            me = self.scope.names[name]
            for other, x in self.scope.names.items():
                is_like = isinstance(x, types.FunctionType) and x.__module__ == me.__module__ and other != name
                if is_like and x.__code__.co_argcount == me.__code__.co_argcount:
                    yield Edit(0.95, copied(node, func=ast.Name(other, ast.Load())), "function", other)
        is_method = isinstance(node.func, ast.Attribute) and not (
            isinstance(node.func.value, ast.Name) and node.func.value.id in ("np", "numpy")
        )
        array = node.func.value if is_method else node.args[0] if node.args else None
        keeps = [k for k in node.keywords if k.arg == "keepdims"]
        if name in ("sum", "mean", "max", "min", "prod", "std", "var", "argmax", "argmin", "cumsum", "softmax"):
            x = self.value(array) if array is not None else None
            others = [k for k in node.keywords if k.arg not in ("axis", "keepdims")]
            for axis in [*range(np.ndim(x) if x is not None else 2), None]:
                for keep in (True, False):
                    changed = [*others]
                    if axis is not None:
                        changed.append(ast.keyword("axis", ast.Constant(axis)))
                    if keep:
                        changed.append(ast.keyword("keepdims", ast.Constant(True)))
                    args = [] if is_method else node.args[:1]
                    same_keep = keep == bool(keeps)
                    cost = 0.8 + 0.2 * (not same_keep) + 0.2 * (axis is None)
                    yield Edit(cost, copied(node, args=args, keywords=changed), "axis", str(axis))
        for k, argument in enumerate(node.args):
            if len(node.args) == 2 and k == 0 and name not in ("reshape", "transpose", "sum", "mean"):
                yield Edit(0.9, copied(node, args=node.args[::-1]), "arguments swapped")
            if len(node.args) == 1 and not is_method and shape_of(self.value(argument)) == shape_of(self.value(node)):
                yield Edit(1.0, argument, "function left out", name)
        if is_method and shape_of(self.value(array)) is not None:
            yield Edit(1.0, array, "function left out", name)
        if name in ("dot", "matmul"):
            if is_method and len(node.args) == 1:

                def method(x: Any, y: Any) -> Any:
                    return copied(node, func=copied(node.func, value=x), args=[y])

                yield from self._of_product(array, node.args[0], method)
            elif len(node.args) == 2:
                yield from self._of_product(node.args[0], node.args[1], lambda x, y: copied(node, args=[x, y]))
        if name in ("outer", "dot", "inner") and len(node.args) == 2:
            yield (
                Edit(1.1, copied(node, func=copied(node.func, attr="outer")), "function", "outer")
                if isinstance(node.func, ast.Attribute)
                else Edit(9, node, "")
            )
        if name in ("reshape", "ravel", "flatten") and array is not None:
            yield from self._turned(node, array, is_method)

    def _turned(self, node: Any, array: Any, is_method: bool) -> Iterator[Edit]:
        """Axes exchanged before or after a reshape."""

        def on(x: Any, order: tuple[int, ...]) -> Any:
            return ast.Call(ast.Attribute(x, "transpose", ast.Load()), [ast.Constant(k) for k in order], [])

        x = self.value(array)
        if 2 <= np.ndim(x) <= 5:
            for order in list(itertools.permutations(range(np.ndim(x))))[1:]:
                new = on(array, order)
                after = (
                    copied(node, func=copied(node.func, value=new))
                    if is_method
                    else copied(node, args=[new, *node.args[1:]])
                )
                yield Edit(1.2, after, "axes", str(order))

    def _of_subscript(self, node: Any) -> Iterator[Edit]:
        if shape_of(self.value(node.value)) is not None:
            yield Edit(1.0, node.value, "index left out")
        if isinstance(node.slice, ast.Tuple) and any(_is_reversed(x) for x in node.slice.elts):
            kept = [ast.Slice() if _is_reversed(x) else x for x in node.slice.elts]
            yield Edit(0.9, copied(node, slice=copied(node.slice, elts=kept)), "reversed")
        if _is_reversed(node.slice):
            yield Edit(0.9, node.value, "reversed")
        names = {x.id for x in ast.walk(node.slice) if isinstance(x, ast.Name)}
        for name in names:
            for term in self.scope.scalars:
                if isinstance(term.value, (int, np.integer)) and term.text != name and term.cost == 0:
                    yield Edit(
                        1.2,
                        copied(node, slice=_renamed(node.slice, name, product(parsed(name), term.node))),
                        "stride",
                        term.text,
                    )
        if len(names) > 1:
            for term in self.scope.scalars:
                if isinstance(term.value, (int, np.integer)) and term.cost == 0 and term.text not in names:
                    new = node.slice
                    for name in {x.id for s in _indices(node.slice) for x in ast.walk(s) if isinstance(x, ast.Name)}:
                        if self._is_counter(name):
                            new = _renamed(new, name, product(parsed(name), term.node))
                    yield Edit(1.25, copied(node, slice=new), "stride", term.text)
        for slice_ in _slices(node.slice):
            for other in self._slices_like(slice_):
                yield Edit(1.2, copied(node, slice=_exchanged(node.slice, slice_, other)), "slice")

    def _is_counter(self, name: str) -> bool:
        """Whether a name may count the passes of a loop."""
        value = self.scope.names.get(name)
        return isinstance(value, (int, np.integer)) and value == 0

    def _slices_like(self, old: Any) -> Iterator[Any]:
        """Other slices of the same length that the code uses, or that leave out the other end."""
        low, high = old.lower, old.upper
        if low is None and isinstance(high, ast.UnaryOp):
            yield ast.Slice(high.operand, None)
        if low is not None and high is None:
            yield ast.Slice(None, ast.UnaryOp(ast.USub(), low))
            yield ast.Slice(None, low)
        if high is not None and low is None:
            yield ast.Slice(high, None)
        for term in self.scope.scalars:
            if isinstance(term.value, (int, np.integer)) and term.cost == 0:
                yield ast.Slice(term.node, ast.UnaryOp(ast.USub(), term.node))
                yield ast.Slice(term.node, None)
                yield ast.Slice(None, term.node)

    def _of_slice(self, node: Any) -> Iterator[Edit]:
        if node.step is not None:
            yield Edit(1.0, copied(node, step=None), "step")
        if node.lower is not None:
            yield Edit(1.1, copied(node, lower=None), "slice")
        if node.upper is not None:
            yield Edit(1.1, copied(node, upper=None), "slice")

    def _of_index(self, node: Any) -> Iterator[Edit]:
        for change in ("- 1", "+ 1"):
            yield Edit(0.9, parsed(f"{node.id} {change}"), "index", f"{node.id} {change}")
        for term in self.scope.scalars:
            if isinstance(term.value, (int, np.integer)) and term.cost == 0:
                yield Edit(1.2, product(term.node, node), "stride", term.text)

    def _replaced(self, node: Any, path: Path) -> Iterator[Edit]:
        """Something else at hand in the place of the node."""
        value = self.value(node)
        shape = shape_of(value)
        if shape is None or isinstance(node, ast.Constant):
            return
        text = ast.unparse(node)
        is_atom = isinstance(node, (ast.Name, ast.Attribute, ast.Subscript))
        size = sum(1 for _ in ast.walk(node))
        drawn = any(getattr(x, "attr", "") in DRAWN for x in ast.walk(node))
        in_index = any(field == "slice" for field, _ in path)
        is_whole = np.asarray(value).dtype.kind in "iu"
        parent = at(self.statement, path[:-1]) if path else None
        around = (
            shape_of(self.value(parent))
            if isinstance(parent, ast.BinOp) and not isinstance(parent.op, ast.MatMult)
            else None
        )
        terms = [*self.scope.terms, *self.scope.sizes] if shape == () else self.scope.arrays
        for term in terms:
            if term.text == text:
                continue
            fits = np.shape(term.value) == shape
            if not fits and (around is None or not shape or not _fits(np.shape(term.value), around)):
                continue
            if in_index and is_whole and np.asarray(term.value).dtype.kind not in "iu":
                continue
            cost = 0.9 + term.cost - 0.3 * _likeness(text, term.text) if is_atom else 1.0 + 0.04 * size + term.cost
            if drawn and term.cost < 0.3:
                cost = 0.7 + term.cost
            yield Edit(cost + 0.2 * in_index + 0.2 * (not fits), term.text, "replaced", term.text)
        if is_atom and not in_index and shape:
            count = sum(ast.unparse(x) == text for _, x in slots(self.statement) if isinstance(x, type(node)))
            if count > 1:
                for term in self.scope.atoms:
                    if np.shape(term.value) == shape and term.text != text:
                        everywhere = functools.partial(_everywhere, self.statement, text, term.text)
                        yield Edit(0.95 + term.cost, everywhere, "replaced everywhere", term.text)

    # edits that add something

    def larger(self, node: Any, path: Path) -> Iterator[Edit]:
        """A factor, a slope, a sum or a term that is missing around the node."""
        value = self.value(node)
        shape = shape_of(value)
        if shape is None:
            return
        depth, me = _depth(path), ast.unparse(node)
        yield Edit(1.0 + depth, ast.UnaryOp(ast.USub(), node), "sign")
        for term in self.scope.scalars + self.scope.sizes:
            yield Edit(1.2 + depth + term.cost, f"({me}) / ({term.text})", "divisor", term.text)
            yield Edit(1.3 + depth + term.cost, f"({me}) * ({term.text})", "factor", term.text)
        for number in (2, 0.5, *self.scope.numbers):
            yield Edit(1.2 + depth, f"({me}) * {number!r}", "factor", f"{number:g}")
            yield Edit(1.25 + depth, f"({me}) / {number!r}", "divisor", f"{number:g}")
        for term in self.scope.arrays:
            if _fits(np.shape(term.value), shape):
                yield Edit(1.3 + depth + term.cost, f"({me}) * ({term.text})", "factor", term.text)
                if term.cost < 1:
                    yield Edit(1.5 + depth + term.cost, f"({me}) / ({term.text})", "divisor", term.text)
        if shape == () and depth == 0:
            for term in self.scope.atoms:
                for index in ("", "[:, None]") if term.value.ndim == 1 else ("",):
                    if term.cost < 0.3 and term.value.dtype.kind == "f":
                        yield Edit(1.4 + term.cost, f"({me}) * ({term.text} > 0){index}", "slope", term.text)
        for slope, about in self._slopes(shape):
            yield Edit(1.4 + depth, f"({me}) * {slope}", "slope", about)
        if isinstance(value, np.ndarray) and value.ndim == 2:
            yield Edit(1.0 + depth, _transposed(node), "transposed")
        if shape and depth <= 0.3:
            for axis in range(len(shape)):
                yield Edit(1.2 + depth, f"({me}).sum(axis={axis})", "sum", str(axis))
                yield Edit(1.3 + depth, f"({me}).sum(axis={axis}, keepdims=True)", "sum", str(axis))
            yield Edit(1.4 + depth, f"({me}).sum()", "sum", "")
        for term in self.scope.terms:
            if np.shape(term.value) == shape and np.asarray(term.value).dtype.kind in "fiu":
                yield Edit(1.3 + depth + term.cost, f"{me} + ({term.text})", "term", term.text)
                yield Edit(1.4 + depth + term.cost, f"{me} - ({term.text})", "term", term.text)

    def _slopes(self, shape: tuple[int, ...]) -> Iterator[tuple[str, str]]:
        for term in self.scope.arrays:
            if term.cost > 0.6 or not _fits(np.shape(term.value), shape) or np.asarray(term.value).dtype.kind != "f":
                continue
            a = f"({term.text})" if term.cost >= 0.3 else term.text
            for slope in SLOPES if term.cost < 0.3 else SLOPES[:3]:
                yield slope.format(a=a), term.text

    def _terms(self, node: Any, shape: tuple[int, ...], depth: float) -> Iterator[Edit]:
        me = ast.unparse(node)
        factors = [t.text for t in self.scope.scalars if t.cost < 0.3] + [f"{x!r}" for x in (2, *self.scope.numbers)]
        for term in self.scope.terms:
            if np.shape(term.value) != shape or np.asarray(term.value).dtype.kind not in "fiu" or term.cost >= 1:
                continue
            for op, extra in (("+", 0.0), ("-", 0.1)):
                for factor in factors:
                    yield Edit(
                        1.8 + depth + term.cost + extra,
                        f"{me} {op} {factor} * ({term.text})",
                        "term",
                        f"{factor} * {term.text}",
                    )
                    yield Edit(
                        1.85 + depth + term.cost + extra,
                        f"{me} {op} ({term.text}) / {factor}",
                        "term",
                        f"{term.text} / {factor}",
                    )
        arrays = [t for t in self.scope.arrays if t.cost < 0.6 and np.asarray(t.value).dtype.kind == "f"]
        for s, t in itertools.permutations(arrays, 2):
            for first, second, extra in ((False, False, 0.0), (False, True, 0.05), (True, False, 0.05)):
                x = np.shape(s.value)[::-1] if first else np.shape(s.value)
                y = np.shape(t.value)[::-1] if second else np.shape(t.value)
                if len(x) == 2 and len(y) in (1, 2) and x[1] == y[0] and x[:1] + y[1:] == shape:
                    text = f"({s.text}){'.T' * first} @ ({t.text}){'.T' * second}"
                    yield Edit(1.7 + depth + extra + s.cost + t.cost, f"{me} + {text}", "path", text)
                    yield Edit(1.8 + depth + extra + s.cost + t.cost, f"{me} - {text}", "path", text)
        if not shape:
            return
        same = [t for t in self.scope.atoms if np.shape(t.value) == shape and t.value.dtype.kind == "f"][:PAIRED]
        for s, t in itertools.combinations(same, 2):
            yield Edit(1.8 + depth, f"{s.text} * {t.text}", "replaced", f"{s.text} * {t.text}")
            for op in "+-":
                yield Edit(1.9 + depth, f"{me} {op} {s.text} * {t.text}", "term", f"{s.text} * {t.text}")
        if depth <= 0.15:
            for s, t in itertools.product(same, same):
                for slope in SLOPES[:2]:
                    text = f"{s.text} * {slope.format(a=t.text)}"
                    yield Edit(2.2 + depth, f"{me} + {text}", "term", text)
            yield from self._projections(me, shape, same)

    def _projections(self, me: str, shape: tuple[int, ...], same: list[Term]) -> Iterator[Edit]:
        """What a softmax, a norm or a mean sends back through its sum."""
        for axis in range(len(shape)):
            keep = f"axis={axis}, keepdims=True"
            yield Edit(1.6, f"({me}) - np.mean({me}, {keep})", "mean path", str(axis))
            for q in same:
                yield Edit(1.7, f"({me}) - {q.text} * np.sum({me}, {keep})", "row term", q.text)
                for d in same:
                    if d is q:
                        continue
                    yield Edit(1.8, f"{q.text} * ({d.text} - np.sum({d.text} * {q.text}, {keep}))", "row term", q.text)
                    for how in ("np.mean", "np.sum"):
                        inner = f"({d.text} - {q.text} * {how}({d.text} * {q.text}, {keep}))"
                        yield Edit(1.9, inner, "projection", q.text)
                        for t in self.scope.atoms:
                            if t is not q and t is not d and _fits(np.shape(t.value), shape):
                                yield Edit(2.0, f"{inner} / {t.text}", "projection", q.text)

    # edits of the statement itself

    def of_the_statement(self) -> Iterator[Edit]:
        """`+=` for `=`, np.add.at for a repeated index, values of a tuple exchanged."""
        node = self.statement
        if isinstance(node, ast.AugAssign):
            for op in (ast.Add, ast.Sub, ast.Mult, ast.Div):
                if not isinstance(node.op, op):
                    related = {type(node.op), op} in ({ast.Add, ast.Sub}, {ast.Mult, ast.Div})
                    yield Edit(0.8 if related else 1.4, copied(node, op=op()), "accumulate")
            yield Edit(1.0, ast.copy_location(ast.Assign([node.target], node.value), node), "overwrite")
            yield from self._of_a_part(node)
            if isinstance(node.target, ast.Subscript) and isinstance(node.op, (ast.Add, ast.Sub)):
                where = "add" if isinstance(node.op, ast.Add) else "subtract"
                base = copied(node.target.value)
                call = ast.Call(parsed(f"np.{where}.at"), [base, node.target.slice, node.value], [])
                if not any(isinstance(x, ast.Slice) for x in ast.walk(node.target.slice)):
                    yield Edit(0.9, ast.copy_location(ast.Expr(call), node), "repeated index")
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and not isinstance(node.targets[0], ast.Tuple):
            first: Any = node.targets[0]
            for way in (ast.Add(), ast.Sub()):
                yield Edit(0.8, ast.copy_location(ast.AugAssign(first, way, node.value), node), "accumulate")
                minus = node.value.operand if isinstance(node.value, ast.UnaryOp) else None
                if minus is not None:
                    yield Edit(0.9, ast.copy_location(ast.AugAssign(first, way, minus), node), "accumulate")
            target: Any = copied(node.targets[0])
            if hasattr(target, "ctx"):
                read = copied(target, ctx=ast.Load())
                yield Edit(0.85, copied(node, value=product(read, node.value, ast.Add())), "accumulate")
        for path, inner in slots(node):
            if isinstance(inner, (ast.Tuple, ast.List)) and not _is_stored(inner) and 2 <= len(inner.elts) <= 12:
                if any(f == "slice" for f, _ in path):
                    continue
                for i, j in itertools.combinations(range(len(inner.elts)), 2):
                    elts = list(inner.elts)
                    elts[i], elts[j] = elts[j], elts[i]
                    yield Edit(1.0, put(node, path, copied(inner, elts=elts)), "swapped")
            if isinstance(inner, ast.Dict) and len(inner.values) >= 2:
                for i, j in itertools.combinations(range(len(inner.values)), 2):
                    values = list(inner.values)
                    values[i], values[j] = values[j], values[i]
                    yield Edit(1.0, put(node, path, copied(inner, values=values)), "swapped")

    def _of_a_part(self, node: Any) -> Iterator[Edit]:
        """Only a part of an array is added to: the same part everywhere."""
        whole = shape_of(self.value(_loaded(node.target)))
        if not whole or not isinstance(node.target, (ast.Name, ast.Attribute, ast.Subscript)):
            return
        like = [
            x
            for x in ast.walk(node.value)
            if isinstance(x, (ast.Name, ast.Attribute)) and shape_of(self.value(x)) == whole
        ]
        for part in ("1:", ":-1"):
            value = node.value
            for text in {ast.unparse(x) for x in like}:
                value = _everywhere(value, text, f"{text}[{part}]")
            target = ast.Subscript(_loaded(node.target), parsed(f"x[{part}]").slice, ast.Store())
            yield Edit(1.15, ast.copy_location(copied(node, target=target, value=value), node), "part", part)


SLOPES = (
    "(1 - {a} ** 2)", "{a} * (1 - {a})", "({a} > 0)", "(1 - {a})", "np.exp({a})", "np.cos({a})", "1 / {a}",
    "-np.sin({a})", "np.exp(-{a})", "{a} ** 2", "np.sign({a})", "1 / (1 + np.exp(-{a}))", "2 * {a}",
)  # fmt: skip


def _depth(path: Path) -> float:
    """How unlikely an edit is for being deep inside of a statement."""
    return 0.15 * sum(1 for field, _ in path if field != "value")


def _everywhere(statement: Any, old: str, new: str) -> Any:
    """A statement with an expression exchanged wherever it stands."""

    class Exchange(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> Any:
            is_old = isinstance(node, ast.expr) and not _is_stored(node) and ast.unparse(node) == old
            return parsed(new) if is_old else self.generic_visit(node)

    return Exchange().visit(copy.deepcopy(statement))


@functools.lru_cache(maxsize=4096)
def _fits(shape: tuple[int, ...], into: tuple[int, ...]) -> bool:
    """Whether an array broadcasts against another without enlarging it."""
    try:
        return np.broadcast_shapes(shape, into) == into
    except ValueError:
        return False


def _likeness(one: str, other: str) -> float:
    """How alike two names are, from 0 to 1."""
    if one.rpartition("[")[0] and one.rpartition("[")[0] == other.rpartition("[")[0]:
        return 1.0
    one, other = one.lower(), other.lower()
    strip = one.strip("0123456789_'\"[]"), other.strip("0123456789_'\"[]")
    return 1.0 if strip[0] == strip[1] else 0.5 if one[:1] == other[:1] else 0.0


def _transposed(node: Any) -> Any:
    if isinstance(node, ast.Attribute) and node.attr == "T":
        return node.value
    return ast.Attribute(node, "T", ast.Load())


def _loaded(node: Any) -> Any:
    """A target, to be read."""
    return copied(node, ctx=ast.Load())


def _is_stored(node: Any) -> bool:
    return isinstance(getattr(node, "ctx", None), ast.Store)


def _indices(node: Any) -> list[Any]:
    """The indices of an array of several axes."""
    return list(node.elts) if isinstance(node, ast.Tuple) else [node]


def _is_reversed(node: Any) -> bool:
    return isinstance(node, ast.Slice) and isinstance(node.step, ast.UnaryOp)


def _slices(node: Any) -> Iterator[Any]:
    for one in [node, *getattr(node, "elts", [])]:
        if isinstance(one, ast.Slice) and one.step is None and (one.lower or one.upper):
            yield one


def _exchanged(node: Any, old: Any, new: Any) -> Any:
    """The index with every slice like the old one exchanged."""
    like = ast.dump(old)
    if isinstance(node, ast.Tuple):
        return copied(node, elts=[new if ast.dump(x) == like else x for x in node.elts])
    return new


def _renamed(node: Any, name: str, new: Any) -> Any:
    class Rename(ast.NodeTransformer):
        def visit_Name(self, found: ast.Name) -> Any:
            return new if found.id == name else found

    return Rename().visit(copy.deepcopy(node))
