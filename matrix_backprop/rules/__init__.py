"""The matrix derivative of each function of NumPy's vocabulary by each operand: as text, as code, and why.

>>> line = RULES["dot"].line(Call.of("dot", x=(4, 3), y=(3, 5)), "y")
>>> line.code
'np.dot(x.T, dout)'
>>> print(line.why)
entry [j, k] of y takes part in out[i, k] for every i, times x[i, j]: sum over i
>>> print(substituted(line.code, x="W.T", y="a", dout="dJdz"))
np.dot(W, dJdz)
"""

from . import algebra, elementwise, places, products, reductions
from .row import RULES, Call, Line, NoRule, Rule, filled, parsed, substituted, summed, tidied, without_sign, written

__all__ = [
    "RULES",
    "Call",
    "Line",
    "NoRule",
    "Rule",
    "algebra",
    "elementwise",
    "filled",
    "parsed",
    "places",
    "products",
    "reductions",
    "substituted",
    "summed",
    "tidied",
    "without_sign",
    "written",
]
