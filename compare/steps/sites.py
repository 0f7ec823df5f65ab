"""The sites of a user's source: where a step happens, an expression or what a statement leaves in its target.

The source is compiled once more with a hook at each site. The hook is told the value of each pass through it, and may
give another one in its place; the code is otherwise what the user wrote, line for line and column for column.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import functools
import linecache
import warnings
from collections.abc import Callable, Iterable, Iterator
from types import CodeType, FunctionType
from typing import Any, NamedTuple

from compare.subject.source import functions_of

STEP, INSIDE, ITEM, ATTRIBUTE, KEY = "\0step", "\0inside", "\0item", "\0attribute", "\0key"  # stand for the hooks
PURE = {
    "len", "range", "slice", "int", "tuple", "list", "min", "max", "arange", "newaxis", "argmax", "argmin", "argsort",
    "indices", "ix_", "where", "nonzero", "astype", "ravel", "reshape", "abs", "ones", "zeros", "triu_indices",
}  # fmt: skip
WRAPPED = (ast.BinOp, ast.Call, ast.UnaryOp, ast.Subscript, ast.Attribute, ast.IfExp, ast.Compare)


class Site(NamedTuple):
    """A place in a file: an expression, or with a `target` what a statement leaves there ("" is a return)."""

    file: str
    node: Any  # of type ast.expr | ast.stmt
    statement: Any  # of type ast.stmt
    function: Any  # of type ast.FunctionDef | ast.Lambda
    target: str | None

    @property
    def line(self) -> int:
        """The line it begins in."""
        return int(self.node.lineno)

    @property
    def text(self) -> str:
        """Its source."""
        return ast.unparse(self.node)


class Hooks:
    """What the hooks of instrumented code call; each gives the value that the code goes on with."""

    def step(self, site: int, value: Any) -> Any:
        """A value that an expression gives, a name has after its statement, or a function returns."""
        return value

    def inside(self, site: int, value: Any) -> None:
        """An array that a call may have written into."""
        self.put(site, value, lambda x: _write(value, x))

    def item(self, site: int, base: Any, key: Any) -> None:
        """What was written into: an array, or an entry of a dict or a list."""
        if hasattr(base, "shape"):
            self.put(site, base, lambda x: _write(base, x))
        elif hasattr(base, "__getitem__"):
            self.put(site, base[key], lambda x: base.__setitem__(key, x))

    def attribute(self, site: int, base: Any, name: str) -> None:
        """An attribute that was set."""
        self.put(site, getattr(base, name), lambda x: setattr(base, name, x))

    def put(self, site: int, value: Any, write: Callable[[Any], None]) -> None:
        new = self.step(site, value)
        if new is not value:
            write(new)

    def by_name(self) -> dict[str, Any]:
        """The hooks by what stands for them in the source."""
        return {
            STEP: self.step,
            INSIDE: self.inside,
            ITEM: self.item,
            ATTRIBUTE: self.attribute,
            KEY: _Key(),
        }


class _Key:
    def __call__(self) -> _Key:  # the compiler works out constants[1] by itself, but no call
        return self

    def __getitem__(self, key: Any) -> Any:
        return key


def _write(array: Any, new: Any) -> None:
    array[...] = new


class Source:
    """The files of a user's functions: their syntax trees, and their functions compiled from a tree."""

    def __init__(self, functions: Iterable[Any]) -> None:
        self.functions: dict[str, list[FunctionType]] = {}
        self.trees: dict[str, ast.Module] = {}
        self._places: dict[str, dict[int, tuple[Any, str, int | None]]] = {}
        for function in functions_of(functions):
            file = function.__code__.co_filename
            tree = _parsed(file, "".join(linecache.getlines(file)))
            if tree is not None:
                self.trees[file] = tree
                self.functions.setdefault(file, []).append(function)

    def text(self, file: str, node: Any) -> str:
        """The source of a node as the user wrote it."""
        return ast.get_source_segment("".join(linecache.getlines(file)), node) or ast.unparse(node)

    def edited(self, file: str, changes: Changes) -> Source:
        """The same functions from a tree with some of its fields changed."""
        other = copy.copy(self)
        with _changed(changes):
            tree = ast.fix_missing_locations(twin(self.trees[file]))
        other.trees, other._places = {**self.trees, file: tree}, {}
        return other

    def replacing(self, file: str, old: Any, new: list[Any]) -> Changes:
        """The change that puts other nodes in the place of one."""
        parent, field, index = self.place(file, old)
        for one in new:
            ast.copy_location(one, old)
            ast.fix_missing_locations(one)
        children = getattr(parent, field)
        return [(parent, field, new[0] if index is None else [*children[:index], *new, *children[index + 1 :]])]

    def changed(self, file: str, changes: Changes, names: dict[str, Any] | None = None) -> dict[FunctionType, CodeType]:
        """The functions compiled with some fields of the tree changed; raises SyntaxError."""
        with _changed(changes):
            return self.codes(file, self.trees[file], names)

    def lines(self, file: str) -> list[str]:
        """The lines of a file."""
        return [line.rstrip("\n") for line in linecache.getlines(file)]

    def codes(self, file: str, tree: ast.Module, names: dict[str, Any] | None = None) -> dict[FunctionType, CodeType]:
        """The file's functions compiled from another tree of the same file; raises SyntaxError.

        `names` are what strings in the tree stand for.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            before = {_key(code): code for code in _codes(_compiled(file))}
            after = {_key(code): code for code in _codes(compile(tree, file, "exec", dont_inherit=True))}
        found = {}
        for function in self.functions[file]:
            key = _key(function.__code__)
            if key in before and key in after and after[key].co_freevars == function.__code__.co_freevars:
                found[function] = _hooked(after[key], names) if names else after[key]
        return found

    def place(self, file: str, node: Any) -> tuple[Any, str, int | None]:
        """Where a node hangs: its parent, the field, and the place in a list."""
        if file not in self._places:
            found = self._places[file] = {}
            for parent in ast.walk(self.trees[file]):
                for field, child in ast.iter_fields(parent):
                    for k, one in enumerate(child if isinstance(child, list) else [child]):
                        if isinstance(one, ast.AST):
                            found[id(one)] = parent, field, k if isinstance(child, list) else None
        return self._places[file][id(node)]

    def instrumented(self, hooks: Hooks) -> tuple[list[Site], dict[FunctionType, CodeType]]:
        """All the sites, and the functions with a hook at each."""
        sites: list[Site] = []
        codes: dict[FunctionType, CodeType] = {}
        for file, tree in self.trees.items():
            keys = {_key(function.__code__)[:2] for function in self.functions[file]}
            instrument = _Instrument(file, tree, sites, keys)
            codes |= self.codes(file, instrument.tree, hooks.by_name())
        return sites, codes


Changes = list[tuple[Any, str, Any]]  # nodes, their fields, and what these hold instead


@contextlib.contextmanager
def _changed(changes: Changes) -> Iterator[None]:
    before = [(node, field, getattr(node, field)) for node, field, _ in changes]
    try:
        for node, field, new in changes:
            setattr(node, field, new)
        yield
    finally:
        for node, field, old in reversed(before):
            setattr(node, field, old)


@contextlib.contextmanager
def swapped(codes: dict[FunctionType, CodeType]) -> Iterator[None]:
    """While the block runs, these functions run this code; afterwards they are as they were."""
    before = [(function, function.__code__) for function in codes]
    try:
        for function, code in codes.items():
            function.__code__ = code
        yield
    finally:
        for function, code in before:
            function.__code__ = code


@functools.lru_cache(maxsize=64)
def _parsed(file: str, source: str) -> ast.Module | None:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return None
    return tree if source.strip() else None


def _compiled(file: str) -> CodeType:
    return _compiled_from(file, "".join(linecache.getlines(file)))


@functools.lru_cache(maxsize=64)
def _compiled_from(file: str, source: str) -> CodeType:
    return compile(source, file, "exec", dont_inherit=True)


def _codes(code: CodeType) -> Iterator[CodeType]:
    for x in code.co_consts:
        if isinstance(x, CodeType):
            yield x
            yield from _codes(x)


def _key(code: CodeType) -> tuple[str, int, int]:
    """What tells one function of a file from the others: its name, its line, and for a lambda its column."""
    column = 0
    if code.co_name == "<lambda>":
        column = next((low or 0 for first, _, low, _ in code.co_positions() if first and low), 0)
    return code.co_name, code.co_firstlineno, column


def _hooked(code: CodeType, names: dict[str, Any]) -> CodeType:
    """The code with the hooks in the place of the strings that stand for them."""
    consts = tuple(
        _hooked(x, names) if isinstance(x, CodeType) else names.get(x, x) if type(x) is str else x
        for x in code.co_consts
    )
    return code.replace(co_consts=consts)


class _Instrument(ast.NodeTransformer):
    """Puts a hook at each site of the functions of one file."""

    def __init__(self, file: str, tree: ast.Module, sites: list[Site], keys: set[tuple[str, int]]) -> None:
        self.file, self.sites, self.keys = file, sites, keys
        self.originals = list(ast.walk(tree))
        for k, node in enumerate(self.originals):
            node._number = k  # type: ignore[attr-defined]
        self.statement: Any = None
        self.function: Any = None
        self.tree = self.visit(twin(tree))
        ast.fix_missing_locations(self.tree)

    def _original(self, node: ast.AST) -> Any:
        return self.originals[node._number]  # type: ignore[attr-defined]

    def _site(self, node: ast.AST, target: str | None = None) -> ast.expr:
        self.sites.append(Site(self.file, self._original(node), self._original(self.statement), self.function, target))
        return ast.Constant(len(self.sites) - 1)

    def _call(self, hook: str, node: Any, *args: Any) -> Any:
        return ast.copy_location(ast.Call(ast.Constant(hook), list(args), []), node)

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            return self._function(node)
        if isinstance(node, ast.ClassDef) or self.function is None:
            return super().generic_visit(node)
        if isinstance(node, ast.stmt):
            return self._statement(node)
        if isinstance(node, ast.Call) and isinstance(node.func, (ast.Name, ast.Attribute)):
            if isinstance(node.func, ast.Attribute):
                node.func.value = self.visit(node.func.value)
            number = node.func
            node.args = [self.visit(x) for x in node.args]
            node.keywords = [self.visit(x) for x in node.keywords]
            node.func = number
        elif isinstance(node, (ast.JoinedStr, ast.MatchAs)):
            return node
        else:
            super().generic_visit(node)
        is_value = isinstance(node, WRAPPED) and isinstance(getattr(node, "ctx", None), (ast.Load, type(None)))
        return self._call(STEP, node, self._site(node), node) if is_value else node

    def _function(self, node: Any) -> Any:
        before, statement = self.function, self.statement
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
        name = getattr(node, "name", "<lambda>")
        if before is not None or (name, first) in self.keys:
            self.function = self._original(node)
        if isinstance(node, ast.Lambda):
            if self.function is not None and self.statement is None:
                self.statement = node  # a lambda outside of functions is its own statement
            node.body = self.visit(node.body)
        else:
            node.body = [new for one in node.body for new in _many(self.visit(one))]
        self.function, self.statement = before, statement
        return node

    def _statement(self, node: ast.stmt) -> Any:
        before, self.statement = self.statement, node
        if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Expr, ast.Return)):
            if node.value is not None:
                node.value = self.visit(node.value)
                if isinstance(node, ast.Return):
                    node.value = self._call(STEP, node, self._site(node, ""), node.value)
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            found: Any = [node, *(new for target in targets for new in self._after(target, node))]
            if isinstance(node, ast.Expr):
                found += self._after_call(node)
        elif isinstance(node, (ast.For, ast.While, ast.If, ast.With, ast.Try)):
            for field in ("iter", "test"):
                if hasattr(node, field):
                    setattr(node, field, self.visit(getattr(node, field)))
            for field in ("body", "orelse", "finalbody", "handlers"):
                inner = getattr(node, field, [])
                setattr(node, field, [new for one in inner for new in _many(self.visit(one))])
            found = node
        elif isinstance(
            node, (ast.Assert, ast.Raise, ast.Delete, ast.Global, ast.Nonlocal, ast.Import, ast.ImportFrom)
        ):
            found = node
        else:
            found = super().generic_visit(node)
        self.statement = before
        return found

    def _after(self, target: Any, node: ast.stmt) -> Iterator[ast.stmt]:
        """What tells the hooks what a statement left in its target."""
        if isinstance(target, (ast.Tuple, ast.List)):
            for one in target.elts:
                yield from self._after(one, node)
        elif isinstance(target, ast.Starred):
            yield from self._after(target.value, node)
        elif isinstance(target, ast.Name):
            site = self._site(node, target.id)
            call = self._call(STEP, node, site, ast.Name(target.id, ast.Load()))
            yield ast.copy_location(ast.Assign([ast.Name(target.id, ast.Store())], call), node)
        elif isinstance(target, ast.Attribute) and _is_pure(target.value):
            site = self._site(node, ast.unparse(self._original(target)))
            base = _loaded(target.value)
            yield ast.copy_location(ast.Expr(self._call(ATTRIBUTE, node, site, base, ast.Constant(target.attr))), node)
        elif isinstance(target, ast.Subscript) and _is_pure(target.value) and _is_pure(target.slice):
            original = self._original(target)
            site = self._site(node, ast.unparse(original))
            key = ast.Subscript(ast.Call(ast.Constant(KEY), [], []), _loaded(target.slice), ast.Load())
            yield ast.copy_location(ast.Expr(self._call(ITEM, node, site, _loaded(target.value), key)), node)

    def _after_call(self, node: ast.Expr) -> Iterator[ast.stmt]:
        """The arrays that np.add.at(x, ...), np.copyto(x, ...), x.fill(...) or out=x may have written into."""
        call = self._original(node).value
        if not isinstance(call, ast.Call):
            return
        written = [*call.args[:1], *(k.value for k in call.keywords if k.arg == "out")]
        if isinstance(call.func, ast.Attribute) and isinstance(call.func.value, (ast.Name, ast.Attribute)):
            written.append(call.func.value)
        for x in written:
            if isinstance(x, (ast.Name, ast.Attribute, ast.Subscript)) and _is_pure(x):
                yield ast.copy_location(
                    ast.Expr(self._call(INSIDE, node, self._site(node, ast.unparse(x)), _loaded(x))), node
                )


def twin(node: Any) -> Any:
    """A copy of a tree in which no node hangs at two places."""
    kind: Any = type(node)
    new = kind.__new__(kind)
    vars(new).update(vars(node))
    for field, child in ast.iter_fields(node):
        if isinstance(child, ast.AST):
            setattr(new, field, twin(child) if child._fields else child)
        elif isinstance(child, list):
            setattr(new, field, [twin(x) if isinstance(x, ast.AST) else x for x in child])
    return new


def _many(x: Any) -> list[Any]:
    return x if isinstance(x, list) else [x]


def _loaded(node: ast.expr) -> Any:
    """A copy of an expression, to be read."""
    found = twin(node)
    for one in ast.walk(found):
        if hasattr(one, "ctx"):
            one.ctx = ast.Load()
    return found


def _is_pure(node: ast.AST) -> bool:
    """Whether evaluating it once more does no harm."""
    for one in ast.walk(node):
        if isinstance(one, (ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom)):
            return False
        if isinstance(one, ast.Call) and getattr(one.func, "id", getattr(one.func, "attr", "")) not in PURE:
            return False
    return True
