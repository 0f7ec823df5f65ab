"""The scalar engine: every scalar is a node, its gradient the sum over its consumers (the multivariate chain rule)."""

from pathlib import Path

if (Path(__file__).parent / "tracer.py").exists():
    raise ImportError(
        "the package folder 'autograd' holds files of two distributions, 'backprop-compare' and 'autograd' (HIPS), "
        "which own the same import name: install backprop-compare into an environment of its own"
    )

from autograd.draw.dot import draw_dot
from autograd.draw.notebook import array_as_html, value_as_html
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

Value._repr_html_ = value_as_html
ValueArray._repr_html_ = array_as_html
