"""What a walk along a forward pass knows: the statements so far, and the values by name."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Any

import numpy as np

from compare.derive.ir import (
    CannotDerive,
    Frame,
    Items,
    Local,
    Obj,
    Set,
    Statement,
    as_code,
    names_in,
    twin,
    writes,
)
from compare.subject.usercode import Function
from matrix_backprop.rules import written

MOST_UNROLLED = 64
FEW = 4  # entries of a list that are written out
NO_SLOPE = {"shape", "ndim", "size", "dtype", "itemsize", "nbytes"}
ASKS = {
    "len", "range", "isinstance", "int", "bool", "str", "zeros_like", "ones_like", "empty_like", "full_like", "shape",
    "ndim", "size", "argmax", "argmin", "argsort", "sign", "floor", "ceil", "round", "rint", "isnan", "isfinite", "any",
    "all", "nonzero", "isclose", "allclose", "array_equal", "append", "print", "count_nonzero", "greater", "less",
}  # fmt: skip


class Varies(Exception):
    """Raised for a branch that one pass of a loop takes and another does not."""

    def __init__(self, refusal: CannotDerive) -> None:
        self.refusal = refusal


class Leaves(Exception):
    """Raised by `continue`, and by `break`, which leaves all passes that are to come."""

    def __init__(self, all: bool) -> None:
        self.all = all


class Returned(Exception):
    def __init__(self, value: Any) -> None:
        self.value = value


class Walk:
    """What a walk along a forward pass knows: its statements so far, and the values by name."""

    function_tree: ast.FunctionDef | ast.Lambda
    env: dict[str, Any]
    used: set[str]
    versions: dict[str, int]
    active: set[str]
    block: list[Statement]
    globals: dict[str, Any]  # that the statements use
    frame: Frame
    hint: str  # what the value at hand is going to be called
    depth: int
    outside: int  # the depth at which the function at hand was called
    containers: set[str]  # lists and dicts of arrays that the statements fill, entry by entry
    written_out: bool
    places: dict[str, str]  # of the entries of the lists that loops in loops gather
    index: str  # that of the loop at hand, "" where it does not count from 0
    positions: dict[str, tuple[str, int]]  # of the lists that a loop appends to: its index, and what is added to that
    varying: set[str]  # the names that are not the same in each pass of the loops around
    objects: dict[int, Obj]
    frames: list[Frame]  # those of the calls that are being written down
    roots: dict[str, Any]  # the objects that have a name outside
    looked_at: set[tuple[int, str]]  # the attributes of objects that have been read
    at: ast.AST = ast.Pass()
    carried: frozenset[str] = frozenset()  # the names that the passes of the loops around hand on

    def zipped(self, iterator: ast.expr) -> list[Any] | None:
        """What a loop over zip(...) or enumerate(...) of tuples and lists of expressions goes over."""
        raise NotImplementedError

    def bind(self, target: ast.expr, x: Any, node: ast.AST) -> None:
        """A target stands for an expression from now on."""
        raise NotImplementedError

    def counted(
        self, target: ast.expr, iterator: ast.expr, body: list[ast.stmt], must: bool
    ) -> tuple[ast.expr, ast.expr, list[ast.stmt]] | None:
        """A loop over arrays as one over their places, where what it goes over has a derivative."""
        raise NotImplementedError

    def entries(self, over: ast.expr, passes: list[Any]) -> list[Any]:
        """What a loop goes over, as expressions."""
        raise NotImplementedError

    def statement(self, node: ast.stmt) -> None:
        """Write a statement down and execute it."""
        raise NotImplementedError

    def statements(self, body: Iterable[ast.stmt]) -> None:
        """Write down statements and execute them."""
        raise NotImplementedError

    def expr(self, node: ast.expr) -> Any:
        """An expression with the names of the statements in it, helper functions written in place."""
        raise NotImplementedError

    def call(self, node: ast.Call) -> Any:
        """A call, of the user's own functions as what they return."""
        raise NotImplementedError

    def inlined_function(self, function: Function, node: ast.Call, thing: Obj | None) -> Any:
        """A call of a user's function, or of a method of a thing."""
        raise NotImplementedError

    def snapshot(self) -> tuple[Any, ...]:
        """What is known so far."""
        raise NotImplementedError

    def restore(self, start: tuple[Any, ...]) -> None:
        """Back to what was known then."""
        raise NotImplementedError

    # values

    def plain(self, x: Any) -> ast.expr:
        found: ast.expr
        if isinstance(x, Items):
            if "appended" in x.by_key:
                found = twin(x.by_key["appended"])
                return found
            return x.node()
        if isinstance(x, (Local, Obj)):
            raise self.refused(self.at, "a function or an object as a value")
        found = x
        return found

    def value(self, node: ast.expr) -> Any:
        """What an expression is, here."""
        if not hasattr(node, "found"):
            tree = ast.fix_missing_locations(ast.Expression(twin(node)))
            with np.errstate(all="ignore"):
                try:
                    found = eval(compile(tree, "<derive>", "eval"), self.env)
                except Exception as problem:
                    raise self.refused(self.at, f"{written(node)}: {problem}") from problem
            node.found = found.copy() if isinstance(found, np.ndarray) else found  # type: ignore[attr-defined]
        return node.found  # type: ignore[attr-defined]

    def truth(self, test: ast.expr) -> bool:
        asked = self.plain(self.expr(test))
        if self.depth and names_in(asked) & self.varying:
            raise Varies(self.refused(self.at, "a branch that each pass of the loop takes for itself"))
        return bool(self.value(asked))

    def is_active(self, node: Any) -> bool:
        """Whether an expression has a derivative."""
        if isinstance(node, Items):
            return any(map(self.is_active, node.by_key.values()))
        match node:
            case ast.Name(id=name):
                return name in self.active
            case ast.Constant() | ast.Compare() | ast.JoinedStr():
                return False
            case ast.Attribute(value=base, attr=attr):
                return attr not in NO_SLOPE and self.is_active(base)
            case ast.Subscript(value=base):
                return self.is_active(base)
            case ast.Call(func=func, args=args, keywords=keywords):
                name = func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")
                if name in ASKS:
                    return False
                if isinstance(func, ast.Attribute) and self.is_active(func.value):
                    return True
                return any(map(self.is_active, [*args, *(k.value for k in keywords)]))
        return any(self.is_active(x) for x in ast.iter_child_nodes(node) if isinstance(x, (ast.expr, ast.slice)))

    def emit(self, statement: Set) -> None:
        """Write a statement down and execute it."""
        if isinstance(statement.value, (Items, Local)):
            raise self.refused(self.at, "a tuple or a function where an array is meant")
        active = self.is_active(statement.value)
        if active:
            for node in ast.walk(statement.value):
                if (
                    isinstance(node, ast.expr)
                    and not isinstance(node, (ast.Slice, ast.Starred))
                    and self.is_active(node)
                ):
                    self.value(node)
                    for x in ast.iter_child_nodes(node):
                        if (
                            isinstance(x, ast.expr)
                            and not isinstance(x, (ast.Slice, ast.Starred, ast.Tuple))
                            and _alone(x)
                        ):
                            self.value(x)
            kind = np.asarray(self.value(statement.value)).dtype.kind
            if kind == "c":
                raise self.refused(self.at, "an array of complex numbers")
            active = kind in "fO"
        if isinstance(statement.target, ast.Subscript):
            base = statement.target.value
            if isinstance(self.value(base), np.ndarray):
                statement.target.found = self.value(_loaded(statement.target))  # type: ignore[attr-defined]
            statement.target.was_active = self.is_active(base)  # type: ignore[attr-defined]
            is_filled = isinstance(base, ast.Name) and base.id in self.containers
            if isinstance(base, ast.Name) and active and (is_filled or isinstance(self.value(base), np.ndarray)):
                self.active.add(base.id)
        elif isinstance(statement.target, ast.Name):
            (self.active.add if active or statement.target.id in self.kept_active else self.active.discard)(
                statement.target.id
            )
        self.block.append(statement)
        if self.depth:
            self.varying |= writes(statement)
        code = as_code([statement])[0]
        self.run(code)

    @property
    def kept_active(self) -> frozenset[str]:
        return self.carried

    def run(self, code: ast.stmt) -> None:
        tree = ast.fix_missing_locations(ast.Module([twin(code)], []))
        with np.errstate(all="ignore"):
            try:
                exec(compile(tree, "<derive>", "exec"), self.env)
            except Exception as problem:
                raise self.refused(self.at, str(problem)) from problem

    def fresh(self, name: str, plain: bool = False) -> str:
        """A name that no statement uses yet: name, name__2, name__3, ..."""
        if name == "_" or (name not in self.used and name not in self.globals):
            self.used.add(name)
            return name
        self.versions[name] = self.versions.get(name, 1) + 1
        new = f"{name}__{self.versions[name]}"
        self.used.add(new)
        return new

    def refused(self, node: ast.AST, what: str) -> CannotDerive:
        """The error that names the line."""
        line, source = self.frame.text.at(node if hasattr(node, "lineno") else self.at)
        return CannotDerive(f"line {line}, `{source}`: {what} cannot be derived")


def _alone(x: ast.expr) -> bool:
    """Whether an expression has a value of its own: the function of a call has none that is asked for."""
    return not isinstance(x, (ast.Attribute,)) or x.attr in ("T", *NO_SLOPE)


def _loaded(target: ast.Subscript) -> ast.Subscript:
    return ast.Subscript(target.value, target.slice, ast.Load())


def constant(x: Any) -> ast.Constant:
    """A default of a parameter as an expression, an array too."""
    return ast.Constant(x)


def quoted(key: Any) -> str:
    return f'"{key}"' if isinstance(key, str) else repr(key)
