"""What cannot be checked at all, refused before anything runs: in whose place it stands, what it is, what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from compare.subject.trees import described, flat
from compare.subject.usercode import Function, UnusableCode, name_of, parameter_names, placed


def refuse_no_functions(**given: Any) -> None:
    """Raise UnusableCode for what is handed over in place of a function, say what a function returned."""
    for name, x in given.items():
        if not callable(x):
            what = f"an array of shape {x.shape}" if isinstance(x, np.ndarray) else _kind(x)
            raise UnusableCode(f"{name} is {what}: hand over the function itself, not what it returns")


def _kind(x: Any) -> str:
    name = type(x).__name__
    return f"a{'n' * name.startswith(tuple('aeiou'))} {name}"


def refuse_none(function: Function, found: Any) -> None:
    """Raise UnusableCode where a function returned nothing."""
    if found is None:
        raise UnusableCode(f"{placed(function)} gave None: is its return missing?")


def refuse_nothing(what: str, x: Any) -> None:
    """Raise UnusableCode for parameters or inputs without a number that could be differentiated."""
    wanted = {
        "params": 'a dict of arrays, as {"W": W, "b": b}, a list, a tuple, a dataclass or one array',
        "inputs": 'a tuple of arrays in the order of forward, or a dict of its keyword arguments, as {"x": x, "W": W}',
    }
    empty = not isinstance(x, (str, bytes)) and hasattr(x, "__len__") and not len(x)
    is_what = f"it is an empty {type(x).__name__}" if empty else described(x)
    raise UnusableCode(
        f"{what} holds no array or number of floats to differentiate: {is_what}; hand over {wanted[what]}"
    )


def refuse_leaves(tree: Any, name: str) -> None:
    """Raise UnusableCode for complex numbers, and for two leaves whose places are written alike."""
    names = set[str]()
    for key, x in flat(tree, name):
        if key in names:
            raise UnusableCode(f"two entries would be called {key}, one by its key and one by its place: rename a key")
        names.add(key)
        if isinstance(x, complex) or (isinstance(x, np.ndarray) and x.dtype.kind == "c"):
            raise UnusableCode(f"{key} is complex: the chain rule here is that of real numbers, hand over {key}.real")


def swapped(first: Function, second: Function) -> str:
    """A question where two functions seem to stand in each other's place, "" where not."""
    starts = ("dout", "grad", "upstream", "delta", "dy", "dz")
    ones, others = (parameter_names(f, 1)[0].lower() for f in (first, second))
    by_arguments = ones.startswith(starts) and not others.startswith(starts)
    names = [name_of(f).rpartition(".")[2].lower() for f in (first, second)]
    by_names = any(word in names[0] and word not in names[1] for word in ("back", "grad"))
    if not by_arguments and not by_names:
        return ""
    return f". Are {names[0]} and {names[1]} swapped? The forward pass comes first, then its gradients"


def holes(named: Iterable[tuple[str, Any]]) -> Iterator[str]:
    """What is empty or not finite among the data, in words."""
    for name, x in named:
        if not isinstance(x, (np.ndarray, float, np.floating)) or np.asarray(x).dtype.kind != "f":
            continue
        for place in np.argwhere(~np.isfinite(np.asarray(x)))[:1]:
            at = f" at {place.tolist()}" if np.ndim(x) else ""
            yield f"{name} holds {np.asarray(x)[tuple(place)]}{at}"
        if np.size(x) == 0:
            yield f"{name} has shape {np.shape(x)}: there is no number in it"


def refuse_empty(outs: Mapping[str, Any], named: Iterable[tuple[str, Any]], function: Function) -> None:
    """Raise UnusableCode where a layer's outputs have no entry."""
    if all(np.size(x) == 0 for x in outs.values()):
        shapes = ", ".join(str(np.shape(x)) for x in outs.values())
        because = "; ".join(holes(named))
        raise UnusableCode(
            f"{placed(function)} gives an array of shape {shapes}, without an entry: nothing can be compared"
            + (f". {because}" if because else "")
        )
