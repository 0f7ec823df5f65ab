"""SymPy expressions in a node: the elementary functions under their SymPy names.

SymPy is optional; nothing here imports it before an expression has been made with it.
"""

from __future__ import annotations

import sys
from typing import Any

# NumPy's names that SymPy spells differently; sums and quotients for those that it does not have
_NAMES = {f"arc{name}": f"a{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")} | {
    "absolute": "Abs",
    "gammaln": "loggamma",
}


def is_expression(x: Any) -> bool:
    """Whether x is a SymPy expression."""
    sympy = sys.modules.get("sympy")
    return sympy is not None and isinstance(x, sympy.Basic)


def elementary(name: str, x: Any) -> Any:
    """The elementary function `name` of a SymPy expression."""
    import sympy

    match name:
        case "sigmoid":
            return 1 / (1 + sympy.exp(-x))
        case "softplus":
            return sympy.log(1 + sympy.exp(x))
        case "log1p":
            return sympy.log(1 + x)
        case "expm1":
            return sympy.exp(x) - 1
        case "ndtr":
            return sympy.erfc(-x / sympy.sqrt(2)) / 2
        case "log_ndtr":
            return sympy.log(sympy.erfc(-x / sympy.sqrt(2)) / 2)
        case "ndtri":
            return sympy.sqrt(2) * sympy.erfinv(2 * x - 1)
        case "i0" | "i1":
            return sympy.besseli(int(name[1]), x)
        case "trigamma" | "tetragamma" | "pentagamma" | "hexagamma":
            return sympy.polygamma(("trigamma", "tetragamma", "pentagamma", "hexagamma").index(name) + 1, x)
    return getattr(sympy, _NAMES.get(name, name))(x)


def leave_alone(number: Any) -> Any:
    """As the method `_sympy_`: SymPy, which would ask for a float otherwise, leaves what it does to the number."""
    import sympy

    raise sympy.SympifyError(number)
