"""A number for the eye: rounded in pictures, in full in reports, as people write it in the notes."""

from __future__ import annotations

import numbers
from decimal import MAX_EMAX, MIN_EMIN, Decimal, localcontext
from typing import Any

import numpy as np

from autograd.number.number import Number

RAISED = "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"
SUPERSCRIPT = str.maketrans("-0123456789", RAISED)


def show(number: Any, digits: int = 4) -> str:
    """A number rounded for the eye.

    >>> from fractions import Fraction
    >>> show(0.53704957), show(-0.25), show(1.5e-9), show(Fraction(2, 3))
    ('0.5370', '−0.25', '1.5×10⁻⁹', '2/3')

    A zero at the end stands only where something was rounded away. Fractions are p/q when that is short, decimal
    otherwise; what is not a number (a SymPy expression) is written out, up to 24 characters.
    """
    with localcontext(prec=digits + 20, Emax=MAX_EMAX, Emin=MIN_EMIN):
        if hasattr(number, "numerator") and hasattr(number, "denominator"):
            p, q = int(number.numerator), int(number.denominator)
            if q == 1 and abs(p) < 10**7:
                return _minus(str(p))
            if q != 1 and max(abs(p), q) < 10**4:
                return _minus(f"{p}/{q}")
            exact = Decimal(p) / Decimal(q)
        elif isinstance(number, numbers.Real):
            exact = Decimal(float(number))
        elif isinstance(number, Number):
            exact = Decimal(number.shadow())
        else:
            text = _minus(str(number).replace("**", "^").replace("*", "·"))
            return clip(text, 24)
        if exact.is_nan():
            return "nan"
        if exact.is_infinite():
            return "−∞" if exact < 0 else "∞"
        if exact == 0:
            return "0"
        mantissa, exponent = f"{exact:.{digits - 1}e}".split("e")
        power = int(exponent)
        fixed = -5 < power < 7
        text = f"{exact:.{max(0, digits - 1 - power)}f}" if fixed else mantissa
        rounded = Decimal(text) if fixed else Decimal(f"{mantissa}e{exponent}")
        if "." in text and (rounded == exact or (isinstance(number, float) and float(rounded) == number)):
            text = text.rstrip("0").rstrip(".")
        return _minus(text if fixed else f"{text}×10{str(power).translate(SUPERSCRIPT)}")


def in_full(x: Any, figures: int = 17) -> str:
    """A number with all of its digits, or the content of one that is no real number.

    >>> from fractions import Fraction
    >>> from autograd import Precise
    >>> in_full(Precise(0.1)), in_full(Fraction(1, 3))
    ('0.1', '1/3')
    """
    if hasattr(x, "content"):
        return str(x.content)
    if isinstance(x, Number):
        from autograd.number.precise import Precise  # with its library, which few pictures need

        if isinstance(x, Precise):
            return repr(x.shadow()) if figures == 17 else format(x, f".{figures}g")
    return str(x)


def as_written(x: Any) -> str:
    """A number or a small array as people write it.

    >>> as_written(np.array([[-0.5], [3]])), as_written(np.array([[1, 0], [0, 1]]))
    ('(−0.5, 3.0)', '(1, 0; 0, 1)')
    """
    if isinstance(x, np.ndarray) and x.size == 1:
        return as_written(x.item())
    if isinstance(x, np.ndarray):
        rows = [", ".join(map(as_written, row)) for row in (x.T if x.shape[1:] == (1,) else x)]
        return f"({'; '.join(rows)})"
    return _minus(f"{x}")


def clip(text: str, length: int) -> str:
    """A text of at most so many characters."""
    return text if len(text) <= length else text[: length - 1] + "…"


def _minus(text: str) -> str:
    return text.replace("-", "−")
