"""The scalar engine: every scalar is a node, its gradient the sum over its consumers (the multivariate chain rule)."""

import os.path
from typing import TYPE_CHECKING

if os.path.exists(os.path.join(os.path.dirname(__file__), "tracer.py")):
    raise ImportError(
        "the package folder 'autograd' holds files of two distributions, 'backprop-compare' and 'autograd' (HIPS), "
        "which own the same import name: install backprop-compare into an environment of its own"
    )

from autograd import late

if TYPE_CHECKING:
    from autograd.draw.svg import draw_dot
    from autograd.graph.value import Contribution, Value, contributions, graph
    from autograd.number.exact import Exact
    from autograd.number.precise import Precise
    from autograd.number.residue import Residue
    from autograd.record.values import ValueArray, gradients, numbers, total, values
    from autograd.tape.array import TapeArray
    from autograd.tape.tape import Tape

__all__ = [
    "Contribution",
    "Exact",
    "Precise",
    "Residue",
    "Tape",
    "TapeArray",
    "Value",
    "ValueArray",
    "contributions",
    "draw_dot",
    "gradients",
    "graph",
    "numbers",
    "total",
    "values",
]

late.BOUND["Value._repr_html_"] = "autograd.draw.notebook:value_as_html"
late.BOUND["ValueArray._repr_html_"] = "autograd.draw.notebook:array_as_html"
__getattr__, __dir__ = late.names(
    __name__,
    {
        **dict.fromkeys(["Contribution", "contributions", "graph"], "autograd.graph.value"),
        # a Value comes with the arrays that it goes into
        **dict.fromkeys(["Value", "ValueArray", "gradients", "numbers", "total", "values"], "autograd.record.values"),
        "Exact": "autograd.number.exact",
        "Precise": "autograd.number.precise",
        "Residue": "autograd.number.residue",
        "Tape": "autograd.tape.tape",
        "TapeArray": "autograd.tape.array",
        "draw_dot": "autograd.draw.svg",
    },
)
