"""`watch`: a name for an intermediate result of a forward pass."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from autograd import TapeArray
from autograd.record.values import holds_nodes

_passes: list[dict[str, Any]] = []  # one record for each forward pass that is being recorded


def watch(name: str, array: Any) -> Any:
    """Give an intermediate result of a forward pass a name, so that its gradient is compared too; returns the array.

    >>> import numpy as np
    >>> a1 = watch("a1", np.tanh(np.array([0.0, 1.0])))

    Outside a check it does nothing. `gradients` may return a gradient under the same name; a second array of the same
    name, in a loop say, is called name#2.
    """
    if _passes and (isinstance(array, TapeArray) or holds_nodes(array)):
        record = _passes[-1]
        count = 1 + sum(key.split("#")[0] == name for key in record)
        record[name if count == 1 else f"{name}#{count}"] = array
    return array


@contextlib.contextmanager
def watching() -> Iterator[dict[str, Any]]:
    """While the block runs, collects what the forward pass gives names to."""
    _passes.append({})
    try:
        yield _passes[-1]
    finally:
        _passes.pop()
