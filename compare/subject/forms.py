"""The forms that people's functions have, read from their signatures and from one run of them in plain floats."""

from __future__ import annotations

import inspect
import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autograd import Value
from compare.subject.trees import below, children, flat, is_recorded, is_tree
from compare.subject.usercode import Function, UnusableCode, name_of, placed, required_count

Array = NDArray[Any]


@dataclass
class Form:
    """What is differentiated, by name, and where it stands in what the functions return.

    `unused` are what J does not depend on and None is given for; `problems` has a sentence for each name without a
    gradient, `remarks` what a report says of what is not compared, `surplus` keys that no parameter has.
    """

    names: list[str]
    is_vector: bool = False  # a list of plain floats that is one vector, as for SciPy
    cost_at: int | None = None
    gradients_at: int | None = None
    unused: set[str] = field(default_factory=set)
    surplus: list[str] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    truncated: dict[str, str] = field(default_factory=dict)  # gradients of integers, and what to say of them
    first: Any = None  # what the hand-written function gave in plain floats


class Outputs(NamedTuple):
    """How forward's results reach backward: the first `outputs` are outputs, all if it is 0; the rest is passed on.

    `names` are those of the upstream gradients in backward, one for each output; none if they come as one argument.
    """

    outputs: int
    names: tuple[str, ...]
    passes_rest: bool

    def split(self, found: Any) -> tuple[Any, list[Any]]:
        """The outputs, as a tree, and the caches."""
        if not self.outputs:
            return found, []
        first, rest = found[: self.outputs], [*found[self.outputs :]]
        return (first[0] if self.outputs == 1 else first), rest if self.passes_rest else []


def read_outputs(found: Any, backward: Function) -> Outputs:
    """What of forward's results is an output, by their number, by what they are, and by backward's signature.

    >>> read_outputs((np.ones(2), np.ones(3)), lambda dh, dc: None).names
    ('dh', 'dc')
    >>> read_outputs((np.ones(2), np.ones(3)), lambda dout, cache: None)
    Outputs(outputs=1, names=(), passes_rest=True)
    """
    names, is_open = _positional(backward)
    required = required_count(backward)
    if not isinstance(found, tuple) or hasattr(found, "_fields"):
        return _spread(found, names, required, 0, False)
    n = len(found)
    if is_open and len(names) < n:  # *args: a name alone tells nothing
        return Outputs(n - 1 if n > 2 else 1, (), True) if n > 1 else Outputs(1, (), False)
    if required <= n <= len(names):
        count = 1
        while count < n and _may_be_output(found[count]) and _is_upstream(names[count], names[0]):
            count += 1
        return Outputs(count, tuple(names[:count]) if count > 1 else (), count < n)
    if n == 1 or (len(names) == 1 and not any(map(_may_be_output, found[1:]))):
        return Outputs(1, (), False)
    if n == 2 and required > 2 and isinstance(found[0], (tuple, list)):
        return _spread(found[0], names, required, 1, True)
    if len(names) == 1:
        return Outputs(n, (), False)
    if required <= 2 <= len(names) and n > 2:
        return Outputs(n - 1, (), True)
    raise UnusableCode(
        f"forward gives {n} results, but {name_of(backward)}{_signature(backward)} takes {len(names)} arguments: it"
        " must take an upstream gradient for each output, then what else forward gives, as (dh, dc, cache)"
    )


def _spread(found: Any, names: list[str], required: int, count: int, passes_rest: bool) -> Outputs:
    """One result, or the outputs in a tuple of their own: each its own argument where backward asks for so many."""
    asked = required - passes_rest
    if isinstance(found, (tuple, list)) and asked == len(found) > 1:
        return Outputs(count, tuple(names[: len(found)]), passes_rest)
    return Outputs(count, (), passes_rest)


def _positional(function: Function) -> tuple[list[str], bool]:
    """The names of the positional parameters, and whether there may be more."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return [], True
    places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return [p.name for p in places], any(p.kind is p.VAR_POSITIONAL for p in parameters)


def _may_be_output(x: Any) -> bool:
    return is_recorded(x) or (isinstance(x, (list, tuple)) and bool(x) and all(map(_may_be_output, x)))


_NO_UPSTREAM = re.compile(r"(data|dims?|diff|dict|drop|den|depth|dist|diag|gain|gamma|gate|groups?|geo)", re.IGNORECASE)


def _is_upstream(name: str, first: str) -> bool:
    """Whether a parameter of backward is an upstream gradient, as the first one is."""
    if "grad" in name.lower() or name.lower().startswith(("upstream", "delta")):
        return True
    alike = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(name, first, strict=False)))
    return not _NO_UPSTREAM.match(name) and (alike > 1 or (alike == 1 and name[0] in "dg"))


def refuse_call(function: Function, count: int, keywords: Mapping[str, Any], hint: str) -> None:
    """Raise UnusableCode where a function does not take so many arguments."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(*range(count), **keywords)
    except TypeError as problem:
        name, _, where = placed(function).partition(" (")
        given = f"{count} argument{'s' * (count != 1)}" + (f" and {', '.join(keywords)}" if keywords else "")
        raise UnusableCode(
            f"{name}{signature}{where and f' ({where}'} cannot be called with {given}, {problem}: {hint}"
        ) from None


def _signature(function: Function) -> str:
    try:
        return str(inspect.signature(function))
    except (TypeError, ValueError):
        return "()"


def as_it_was(x: Any, original: Any) -> Any:
    """Floats in the type that the user's own array or number has, as far as it can hold them."""
    if not isinstance(original, (np.ndarray, np.generic, int, float)):
        return np.array(x)
    dtype = np.asarray(original).dtype
    holds = dtype.kind in "iuf" and np.array_equal(np.asarray(x).astype(dtype), x)
    array = np.array(x, dtype if holds else float)
    if isinstance(original, np.ndarray):
        return array.view(np.matrix) if isinstance(original, np.matrix) else array
    return array[()] if isinstance(original, np.generic) else array.item()


def upstream_leaves(outputs: Any, names: tuple[str, ...]) -> dict[str, Any]:
    """The outputs that have an upstream gradient, by its name."""
    root = "dout"
    found: dict[str, Any]
    if is_tree(outputs) and not (isinstance(outputs, list) and is_array_like(outputs) and not names):
        found = {}
        for k, (key, x) in enumerate(children(outputs)):
            name = names[k] if names else below(outputs, root, key)
            found |= {name: x} if is_array_like(x) and not isinstance(x, tuple) else dict(flat(x, name))
    else:
        found = {root: outputs}
    return {name: np.asarray(x) for name, x in found.items() if np.asarray(x).dtype.kind == "f"}


def is_array_like(x: Any) -> bool:
    """Whether NumPy makes an array of numbers of it."""
    if isinstance(x, Value):
        return True
    try:
        return np.asarray(x).dtype.kind in "fiub"
    except ValueError:
        return False


def at(tree: Any, name: str, wanted: str, names: tuple[str, ...] = ()) -> Any:
    """What stands under a name in a tree of outputs."""
    if (name == wanted and not names) or not is_tree(tree):  # the first of many may have the name of them all
        return tree
    for k, (key, x) in enumerate(children(tree)):
        child = names[k] if names else below(tree, name, key)
        if wanted == child or wanted.startswith((f"{child}.", f"{child}[")):
            return at(x, child, wanted)
    return tree
