"""`derive`: one door for a user's functions and for a network."""

from __future__ import annotations

from typing import Any

from compare.derive.derivation import Derivation, derive_functions
from compare.derive.network import derive_network
from compare.subject.functions import Gradients
from compare.subject.layer import Layer
from compare.subject.subject import UserCode
from compare.subject.usercode import Function
from matrix_backprop import Network


def derive(function: Function | Network, *point: Any, is_cost: bool | None = None, outputs: int = 1) -> Derivation:
    """The backward pass written out in NumPy, in the names of the forward pass, a reason for each line, and proved.

    >>> def cost(params, X, y):
    ...     r = X @ params["w"] - y
    ...     return np.sum(r**2)
    >>> import numpy as np
    >>> X, y = np.array([[1.0, 2.0], [0.0, 1.0], [3.0, -1.0]]), np.array([1.0, 0.0, 2.0])
    >>> print(derive(cost, {"w": np.array([0.5, -1.0])}, X, y))
    import numpy as np
    <BLANKLINE>
    <BLANKLINE>
    def gradients(params, X, y):
        r = X @ params["w"] - y
    <BLANKLINE>
        # return np.sum(r**2)
        dr = 2 * r  # the slope of x² is 2x
        # r = X @ params["w"] - y
        dw = X.T @ dr  # entry j of w takes part in every r[i], times X[i, j]: sum over i
        return {"w": dw}
    <BLANKLINE>
    # held against the chain rule over scalars, at these sizes and at others: dw: proved
    # line by line, what comes back to each: dr

    `derive(forward, inputs)` is for a layer, `inputs` a tuple or a dict of keyword arguments; `derive(cost, params,
    *args)` for a cost, where `params` is a dict, a list, a tuple or an array; `derive(net)` for a Network, whose lines
    are the notes' formulas with their ids. A layer that returns `h, c, cache` has `outputs=2`: its backward pass is a
    function of dh and dc; of outputs in a dict it is one of a dict. The result has `.code`, `.lines` and `.function`,
    which is function(dout, *inputs) or function(params, *args), and it is true where it was proved. Raises
    CannotDerive (a ValueError), which names the line, where there is no rule.
    """
    if isinstance(function, Network):
        return derive_network(function, *point)
    return derive_functions(function, *point, is_cost=is_cost, outputs=outputs)


def derived_lines(subject: UserCode) -> list[tuple[str, str]]:
    """The derived lines of a subject's forward pass with their reasons, not proved; none where it cannot be derived."""
    try:
        if isinstance(subject, Layer):
            found = derive_functions(subject.forward_function, subject.tree, is_cost=False, prove=False, simplify=False)
        elif isinstance(subject, Gradients):
            cost, point, args = subject.cost_function, subject.tree, subject.args
            found = derive_functions(cost, point, *args, is_cost=True, prove=False, simplify=False)
        else:
            return []
    except Exception:  # a forward pass may do anything
        return []
    return [(line.text.strip(), line.why) for line in found.lines if line.text.strip().startswith("d")]
