"""Nested dicts, lists and tuples of arrays: their leaves by name, and the same nesting with others in their places."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd.record.kinds import in_the_form_of
from compare.report.report import counted
from compare.subject.usercode import UnusableCode

Array = NDArray[Any]


def is_recorded(x: Any) -> bool:
    """Whether x is an array or a number of floats."""
    return isinstance(x, (float, np.floating)) or (isinstance(x, np.ndarray) and x.dtype.kind == "f")


def leaves(tree: Any, name: str) -> Iterator[tuple[str, Array]]:
    """(name, array) of every array or number of floats in nested dicts, lists and tuples."""
    if is_recorded(tree):
        yield name or "x", np.asarray(tree, float)
    elif isinstance(tree, Mapping):
        for key, child in tree.items():
            yield from leaves(child, f"{name}.{key}" if name else str(key))
    elif isinstance(tree, (list, tuple)):
        for k, child in enumerate(tree):
            yield from leaves(child, f"{name}[{k}]")


def rebuilt(tree: Any, leaves: dict[str, Any], name: str, other: Callable[[Any], Any] | None = None) -> Any:
    """The same nesting with the recorded leaves replaced, and everything else copied."""
    if is_recorded(tree):
        return in_the_form_of(tree, leaves[name or "x"])
    if isinstance(tree, Mapping):
        return {
            key: rebuilt(child, leaves, f"{name}.{key}" if name else str(key), other) for key, child in tree.items()
        }
    if isinstance(tree, (list, tuple)):
        children = [rebuilt(child, leaves, f"{name}[{k}]", other) for k, child in enumerate(tree)]
        return children if isinstance(tree, list) else _tuple_like(tree, children)
    return (other or copied)(tree)


def _tuple_like(tree: Any, children: list[Any]) -> Any:
    return type(tree)(*children) if hasattr(tree, "_fields") else tuple(children)


def without_loss(found: Any, params: Any) -> Any:
    """The gradients, of a function that may give (loss, gradients)."""
    if not isinstance(found, tuple) or len(found) != 2:
        return found
    loss, rest = found
    nested = (Mapping, list, tuple)
    is_loss = not isinstance(loss, nested) and np.size(loss) == 1
    return rest if is_loss and (isinstance(rest, nested) or not isinstance(params, nested)) else found


def matched(found: Any, tree: Any, names: list[str], root: str, function: str) -> dict[str, Any]:
    """The user's gradients by the names of what they are gradients of."""
    if found is None:
        raise UnusableCode(f"{function} gave None: is its return missing?")
    if isinstance(found, Mapping):
        by_name = dict(flat(found, ""))
    elif isinstance(tree, Mapping):
        sequence = found if isinstance(found, (tuple, list)) else [found]
        if len(sequence) != len(names) and len(sequence) != len(tree):
            raise UnusableCode(
                f"{function} gave {counted(len(sequence), 'array')}, but there are {len(names)} to differentiate:"
                f" {', '.join(names)}; a dict with these names leaves no doubt"
            )
        keys = names if len(sequence) == len(names) else list(tree)
        by_name = dict(zip(keys, sequence, strict=True))
    elif isinstance(tree, (list, tuple)) and isinstance(found, (list, tuple)) and len(found) != len(tree):
        raise UnusableCode(f"{function} gave {counted(len(found), 'array')}, but params holds {len(tree)}")
    else:
        by_name = dict(flat(found, root))
    return {name: by_name.get(name, _alias(by_name, name)) for name in names} | {
        key.removeprefix("d") if key.removeprefix("d") not in names else key: x
        for key, x in by_name.items()
        if key not in names
    }


def _alias(by_name: dict[str, Any], name: str) -> Any:
    head, dot, last = name.rpartition(".")
    return next(
        (by_name[key] for prefix in ("d", "dJd", "grad_", "d_") if (key := f"{head}{dot}{prefix}{last}") in by_name),
        None,
    )


def flat(tree: Any, name: str) -> Iterator[tuple[str, Any]]:
    """(name, leaf) of everything in nested dicts, lists and tuples."""
    if isinstance(tree, Mapping):
        for key, child in tree.items():
            yield from flat(child, f"{name}.{key}" if name else str(key))
    elif isinstance(tree, (list, tuple)):
        for k, child in enumerate(tree):
            yield from flat(child, f"{name}[{k}]")
    else:
        yield name or "x", tree


def refuse_infinite(arrays: dict[str, Array]) -> None:
    """Raise UnusableCode for the first entry that is nan or infinite."""
    for name, array in arrays.items():
        for place in np.argwhere(~np.isfinite(array)):
            raise UnusableCode(
                f"{name} of shape {array.shape} holds {array[tuple(place)]} at {place.tolist()}: it must be finite"
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
