"""Nodes of a syntax tree: found, exchanged, made; an edit puts one at the end of a path."""

from __future__ import annotations

import ast
import copy
import functools
from collections.abc import Iterator
from typing import Any, NamedTuple

Path = tuple[tuple[str, int | None], ...]


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


def copied(node: Any, **changes: Any) -> Any:
    """A node with some of its fields changed."""
    changed = copy.copy(node)
    for field, x in changes.items():
        setattr(changed, field, x)
    return changed


def product(x: Any, y: Any, op: Any = None) -> Any:
    """x * y as a node, or with another operator."""
    return ast.BinOp(x, op or ast.Mult(), y)


def transposed(node: Any) -> Any:
    if isinstance(node, ast.Attribute) and node.attr == "T":
        return node.value
    return ast.Attribute(node, "T", ast.Load())


def loaded(node: Any) -> Any:
    """A target, to be read."""
    return copied(node, ctx=ast.Load())


def is_stored(node: Any) -> bool:
    return isinstance(getattr(node, "ctx", None), ast.Store)


def everywhere(statement: Any, old: str, new: str) -> Any:
    """A statement with an expression exchanged wherever it stands."""

    class Exchange(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> Any:
            is_old = isinstance(node, ast.expr) and not is_stored(node) and ast.unparse(node) == old
            return parsed(new) if is_old else self.generic_visit(node)

    return Exchange().visit(copy.deepcopy(statement))
