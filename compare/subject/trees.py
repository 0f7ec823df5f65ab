"""Nested dicts, lists, tuples and dataclasses of arrays: their leaves by name, and the same nesting with others."""

from __future__ import annotations

import copy
import dataclasses
import difflib
from collections.abc import Callable, Collection, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd import TapeArray
from autograd.record.kinds import in_the_form_of
from compare.report.report import counted
from compare.subject.usercode import UnusableCode

Array = NDArray[Any]

PREFIXES = ("d", "dJd", "grad_", "d_")  # dW, dJdW, grad_W and d_W are the gradient of W


def is_recorded(x: Any) -> bool:
    """Whether x is an array or a number of floats."""
    return isinstance(x, (float, np.floating)) or (isinstance(x, np.ndarray) and x.dtype.kind == "f")


def is_whole(x: Any) -> bool:
    """Whether x is an array or a number of integers; booleans are masks and switches."""
    return isinstance(x, (int, np.integer, np.ndarray)) and not isinstance(x, bool) and np.asarray(x).dtype.kind in "iu"


def has_names(tree: Any) -> bool:
    """Whether the children of a tree have names, as those of a dict and of a dataclass have."""
    return isinstance(tree, (Mapping, SimpleNamespace)) or _is_namedtuple(tree) or _is_dataclass(tree)


def is_tree(x: Any) -> bool:
    """Whether x holds others: a dict, a list, a tuple, a namedtuple, a dataclass."""
    return isinstance(x, (list, tuple)) or has_names(x)


def children(tree: Any) -> list[tuple[Any, Any]]:
    """(key, child) of what a tree holds: keys of a dict, names of fields, indices."""
    if isinstance(tree, Mapping):
        return list(tree.items())
    if isinstance(tree, SimpleNamespace):
        return list(vars(tree).items())
    if _is_namedtuple(tree):
        return list(zip(tree._fields, tree, strict=True))
    if _is_dataclass(tree):
        return [(field.name, getattr(tree, field.name)) for field in dataclasses.fields(tree)]
    return list(enumerate(tree))


def below(tree: Any, name: str, key: Any) -> str:
    """The name of a child.

    >>> below({}, "layer", "W"), below([], "layers", 0), below({}, "", "W")
    ('layer.W', 'layers[0]', 'W')
    """
    if has_names(tree):
        return f"{name}.{key}" if name else str(key)
    return f"{name}[{key}]"


def _own_name(tree: Any, name: str) -> str:
    """The name of a tree, or of a leaf, itself."""
    return name if name or is_tree(tree) else "x"


def flat(tree: Any, name: str) -> Iterator[tuple[str, Any]]:
    """(name, leaf) of everything in a tree."""
    if is_tree(tree):
        for key, child in children(tree):
            yield from flat(child, below(tree, name, key))
    else:
        yield name or "x", tree


def leaves(tree: Any, name: str) -> Iterator[tuple[str, Array]]:
    """(name, array) of every array or number of floats in a tree."""
    yield from ((key, np.asarray(x, float)) for key, x in flat(tree, name) if is_recorded(x))


def rebuilt(tree: Any, leaves: Mapping[str, Any], name: str, other: Callable[[Any], Any] | None = None) -> Any:
    """The same nesting with other leaves where `leaves` has their names, and everything else copied."""
    if (own := _own_name(tree, name)) in leaves:
        return leaves[own] if is_tree(tree) else in_the_form_of(tree, leaves[own])
    if is_tree(tree) and any(key in leaves for key, _ in flat(tree, name)):
        return _like(tree, {key: rebuilt(x, leaves, below(tree, name, key), other) for key, x in children(tree)})
    return (other or copied)(tree)


def _like(tree: Any, new: dict[Any, Any]) -> Any:
    """A tree of the same type with other children."""
    if type(tree) in (list, tuple):
        return type(tree)(new.values())
    if _is_namedtuple(tree):
        return type(tree)(*new.values())
    if type(tree) is dict:
        return new
    twin = copy.copy(tree)
    for key, x in new.items():
        if _is_dataclass(tree) or isinstance(tree, SimpleNamespace):
            object.__setattr__(twin, key, x)  # also where it is frozen
        else:
            twin[key] = x
    return twin


def _is_namedtuple(x: Any) -> bool:
    return isinstance(x, tuple) and hasattr(x, "_fields")


def _is_dataclass(x: Any) -> bool:
    return dataclasses.is_dataclass(x) and not isinstance(x, type)


def fits(found: Any, tree: Any) -> bool:
    """Whether gradients have the structure of what they are gradients of."""
    if not is_tree(tree):
        return not has_names(found) and _shape(found) == np.shape(tree)
    if not is_tree(found):
        return False
    theirs = dict(children(found))
    if has_names(tree) and has_names(found):
        return all((own := _key(theirs, key)) is not None and fits(theirs[own], x) for key, x in children(tree))
    return len(theirs) == len(children(tree)) and all(
        fits(x, child) for x, (_, child) in zip(theirs.values(), children(tree), strict=True)
    )


def _shape(x: Any) -> tuple[int, ...] | None:
    try:
        shape: tuple[int, ...] = np.shape(x)
    except ValueError:  # rows of several lengths
        return None
    return shape


def is_scalar(x: Any) -> bool:
    """Whether x is one number."""
    return not is_tree(x) and x is not None and _shape(x) is not None and np.size(x) == 1


def place_of_gradients(found: Any, params: Any) -> int | None:
    """Where the gradients are in (loss, gradients) or (gradients, loss); None if they are all that was returned.

    >>> place_of_gradients((0.5, {"w": 1.0}), {"w": 2.0}), place_of_gradients((0.5, [1.0, 2.0]), (3.0, [1.0, 1.0]))
    (1, None)
    """
    if not isinstance(found, tuple) or len(found) != 2 or fits(found, params):
        return None
    for fit in (fits, lambda x, tree: is_tree(x) or not is_tree(tree)):
        for k in (1, 0):
            if is_scalar(found[1 - k]) and fit(found[k], params):
                return k
    return None


class Matched:
    """A user's gradients by the names of what they are gradients of, and what is to be said about their form.

    `given` holds None where the user gives None, and lacks the names for which nothing is given. `surplus` are other
    keys, by which the gradients of watched arrays come; `problems` has a sentence for names without a gradient.
    """

    def __init__(self, found: Any, tree: Any, names: Collection[str], root: str, function: str) -> None:
        self.names, self.function = list(names), function
        self.given: dict[str, Any] = {}
        self.surplus: dict[str, Any] = {}
        self.problems: dict[str, str] = {}
        self.remarks: list[str] = []
        if found is None:
            raise UnusableCode(f"{function} gave None: is its return missing?")
        self._match(found, tree, root)

    def by_name(self) -> dict[str, Any]:
        """All of them, None for what is missing, surplus ones without a prefix."""
        found = {name: self.given.get(name) for name in self.names}
        surplus = {key.removeprefix("d") if key.removeprefix("d") not in found else key: key for key in self.surplus}
        return found | {name: self.surplus[key] for name, key in surplus.items() if name not in found}

    def _match(self, found: Any, tree: Any, name: str) -> None:
        inside = self._inside(tree, name)
        if not inside:
            return
        if (own := _own_name(tree, name)) in self.names:
            if has_names(found):  # the gradient of a single array, in a dict
                self._from_names(found, {own: tree}, "")
            else:
                self.given[own] = joined(found)
        elif found is None:
            self.given |= dict.fromkeys(inside)
        elif has_names(found):
            self._from_names(found, {below(tree, "", key): x for key, x in children(tree)}, name, tree)
        elif isinstance(found, (list, tuple)):
            if len(inside) == 1 and _shape(found) == np.shape(dict(flat(tree, name))[inside[0]]):
                self.given[inside[0]] = joined(found)
                return
            self._in_order(found, tree, name)
        elif len(inside) == 1:
            self.given[inside[0]] = joined(found)
        else:
            self._of_one_vector(found, tree, name)

    def _inside(self, tree: Any, name: str) -> list[str]:
        """The names of what is differentiated in a tree."""
        if (own := _own_name(tree, name)) in self.names:
            return [own]
        return [key for key, _ in flat(tree, name) if key in self.names]

    def _from_names(self, found: Any, asked: dict[str, Any], name: str, tree: Any = None) -> None:
        theirs = {str(key): x for key, x in children(found)}
        full = {key: (below(tree, name, key) if has_names(tree) else f"{name}{key}") for key in asked}
        used, lacking = set(), []
        for key, child in asked.items():
            if not self._inside(child, full[key]):
                continue
            own = _key(theirs, key) or _key(theirs, full[key])
            if own is None:
                lacking.append(key)
            else:
                used.add(own)
                self._match(theirs[own], child, full[key])
        others = {key: x for key, x in theirs.items() if key not in used and key not in asked}
        for key in lacking:
            for inner in self._inside(asked[key], full[key]):
                self.problems[inner] = f"there is no gradient for {inner} in what {self.function} gives" + _near(
                    key, others
                )
        for key, x in others.items():
            self.surplus |= dict(flat(x, f"{name}.{key}" if name and tree is not None else key))

    def _in_order(self, found: Any, tree: Any, name: str) -> None:
        kids = [(below(tree, name, key), x) for key, x in children(tree)]
        recorded = [(key, x) for key, x in kids if self._inside(x, key)]
        names = self._inside(tree, name)
        for asked in (kids, recorded):
            if len(found) == len(asked):
                for x, (key, child) in zip(found, asked, strict=True):
                    self._match(x, child, key)
                return
        if len(found) != len(names):
            raise UnusableCode(
                f"{self.function} gave {counted(len(found), 'array')}, but there are {len(names)} to differentiate:"
                f" {', '.join(names)}; a dict with these names leaves no doubt"
            )
        self.given |= {key: joined(x) for key, x in zip(names, found, strict=True)}

    def _of_one_vector(self, found: Any, tree: Any, name: str) -> None:
        sizes = {key: np.shape(x) for key, x in flat(tree, name) if key in self.names}
        total = sum(int(np.prod(shape)) for shape in sizes.values())
        if np.ndim(found) != 1 or np.size(found) != total:
            raise UnusableCode(
                f"{self.function} gave one array of shape {np.shape(found)}, but there are"
                f" {counted(len(sizes), 'array')} of {counted(total, 'number')} to differentiate: {', '.join(sizes)};"
                " return a dict with these names"
            )
        start = 0
        for key, shape in sizes.items():
            end = start + int(np.prod(shape))
            part = found[start:end]
            self.given[key], start = part.reshape(shape) if shape else part[0], end
        self.remarks.append(
            f"{self.function} gives one vector: it was cut into {', '.join(sizes)}, in this order, row by row."
        )


def joined(x: Any) -> Any:
    """A gradient as one array, where it comes as nested lists or tuples."""
    if not isinstance(x, (list, tuple)):
        return x
    parts = [joined(part) for part in x]
    if any(isinstance(part, TapeArray) for part in parts):
        return np.stack(parts)
    if any(isinstance(part, (list, tuple)) for part in parts) or len({np.shape(part) for part in parts}) > 1:
        ragged = np.empty(len(parts), object)  # rows of several lengths: no array of numbers
        ragged[:] = parts
        return ragged
    whole = all(np.asarray(part).dtype.kind in "fiub" for part in parts)
    return np.array(parts) if whole else np.array(parts, dtype=object)


def _key(theirs: Mapping[str, Any], key: Any) -> Any:
    """The key of a dict of gradients that stands for this name, if there is one."""
    if key in theirs:
        return key
    head, dot, last = str(key).rpartition(".")
    return next((other for prefix in PREFIXES if (other := f"{head}{dot}{prefix}{last}") in theirs), None)


def _near(key: str, others: Collection[str]) -> str:
    """Which of the other keys may be a misspelt one."""
    shortened = {other.lower(): other for other in others}
    for prefix in PREFIXES:
        shortened |= {x.lower().removeprefix(prefix.lower()): x for x in others if x.lower().startswith(prefix.lower())}
    near = difflib.get_close_matches(key.lower(), shortened, n=1, cutoff=0.6)
    if near:
        return f"; the dict has {shortened[near[0]]}: is that it?"
    return f"; it has {', '.join(others)}" if others else ""


def refuse_infinite(arrays: dict[str, Array]) -> None:
    """Raise UnusableCode for the first entry that is nan or infinite."""
    for name, array in arrays.items():
        for place in np.argwhere(~np.isfinite(array)):
            raise UnusableCode(
                f"{name} of shape {array.shape} holds {array[tuple(place)]} at {place.tolist()}: it must be finite"
            )


def refuse_tables(tree: Any, name: str) -> None:
    """Raise UnusableCode for a table of pandas or polars, which NumPy's functions do not leave as it is."""
    for key, x in flat(tree, name):
        if type(x).__module__.partition(".")[0] in ("pandas", "polars"):
            raise UnusableCode(
                f"{key} is a {type(x).__name__} of {type(x).__module__.partition('.')[0]}: hand over {key}.to_numpy(),"
                " an array of floats"
            )


def described(x: Any) -> str:
    """What an object is, in a few words."""
    return f"it is {type(x).__name__}" + (f" of {x.dtype} with shape {x.shape}" if isinstance(x, np.ndarray) else "")


def copied(x: Any) -> Any:
    """x in memory of its own, where that is possible."""
    try:
        return copy.deepcopy(x)
    except Exception:
        return x
