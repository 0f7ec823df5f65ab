"""Whether the mistake is in the data: labels that are to be rows of 0 and 1, a vector that is broadcast to a matrix."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compare.subject.functions import Gradients
from compare.subject.runs import CANNOT, Runs
from compare.subject.subject import UserCode
from compare.subject.usercode import parameter_names

Array = NDArray[Any]

CLOSE = 1e-9


def meant(subject: UserCode) -> str:
    """Which form of an argument makes every gradient right, as a sentence; "" where there is none.

    A vector is tried as a row, as a column and, if it may be numbers of classes, as rows of 0 and 1. The code is run
    with it.
    """
    if not isinstance(subject, Gradients):
        return ""
    names = parameter_names(subject.cost_function, 1 + len(subject.args))[1:]
    sizes = {size for x in subject.arrays.values() for size in np.shape(x)}
    for k, (name, given) in enumerate(zip(names, subject.args, strict=True)):
        if not isinstance(given, np.ndarray) or given.ndim != 1 or given.size < 2 or given.dtype.kind not in "fiu":
            continue
        for text, why, instead in _forms(name, given, sizes):
            if _agrees(subject, (*subject.args[:k], instead, *subject.args[k + 1 :])):
                return (
                    f"the argument {name} of shape {given.shape} {why}: with {text}, of shape {instead.shape}, in its"
                    " place every gradient of yours is right"
                )
    return ""


def _forms(name: str, given: Array, sizes: set[int]) -> Iterator[tuple[str, str, Array]]:
    """How it may be meant: as text, why, and the array."""
    if given.dtype.kind in "iu" or (given == np.round(given)).all():
        whole = given.astype(int)
        labels = whole if given.dtype.kind in "iu" else f"{name}.astype(int)"
        text = name if labels is whole else str(labels)
        for count in sorted(size for size in sizes | {int(whole.max()) + 1} if size > max(whole.max(), 1)):
            if whole.min() >= 0:
                rows = np.eye(count)[whole]
                yield f"np.eye({count})[{text}].T", "holds numbers of classes", rows.T
                yield f"np.eye({count})[{text}]", "holds numbers of classes", rows
    yield f"{name}[:, None]", "is broadcast to a matrix", given[:, None]
    yield f"{name}[None, :]", "is broadcast to a matrix", given[None, :]


def _agrees(subject: Gradients, args: tuple[Any, ...]) -> bool:
    try:
        other = Gradients(subject.cost_function, subject.gradients, subject.tree, args, subject.seed)
        found = Runs(other, lambda step: None).floats
    except CANNOT:
        return False
    return bool(found.chain) and all(_close(found.ours.get(name), x) for name, x in found.chain.items())


def _close(ours: Any, chain: Any) -> bool:
    if ours is None or np.shape(ours) != np.shape(chain):
        return False
    size = float(np.max(np.abs(chain), initial=0))
    return size > 0 and bool(np.allclose(np.asarray(ours, float), np.asarray(chain, float), rtol=0, atol=CLOSE * size))
