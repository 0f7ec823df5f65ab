"""Numbers for the eye."""

import math
import sys
from fractions import Fraction

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from autograd import Exact, Precise, Residue
from autograd.number.show import as_written, in_full, show


@pytest.mark.parametrize(
    "number, text",
    [
        (0.0, "0"),
        (-0.0, "0"),
        (2.0, "2"),
        (0.53704957, "0.5370"),
        (-0.10434, "−0.1043"),
        (0.5, "0.5"),
        (0.1 + 0.2, "0.3000"),
        (12345.678, "12346"),
        (1234567.0, "1234567"),
        (99999.96, "100000"),
        (9.99996, "10.00"),
        (12345678.0, "1.235×10⁷"),
        (0.00012345, "0.0001234"),
        (1e-5, "1×10⁻⁵"),
        (-1.23456e-20, "−1.235×10⁻²⁰"),
        (5e-324, "4.941×10⁻³²⁴"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
        (math.nan, "nan"),
        (7, "7"),
        (-7, "−7"),
        (10**400, "1×10⁴⁰⁰"),
        (True, "1"),
        (Fraction(2, 3), "2/3"),
        (Fraction(-2, 3), "−2/3"),
        (Fraction(6, 3), "2"),
        (Fraction(1, 8), "1/8"),
        (Fraction(12345, 67891), "0.1818"),
        (Fraction(1, 10**5000), "1×10⁻⁵⁰⁰⁰"),
        (Exact(1) / 3, "1/3"),
        (sympy.Rational(1, 3), "1/3"),
        (sympy.Float(0.25), "0.25"),
        (sympy.Symbol("x") ** 2 - 1, "x^2 − 1"),
        (sympy.expand((sympy.Symbol("x") + 1) ** 9), "x^9 + 9·x^8 + 36·x^7 + …"),
    ],
)
def test_show(number, text):
    assert show(number) == text


def test_show_takes_the_number_of_digits():
    assert show(math.pi, 2) == "3.1"
    assert show(math.pi, 10) == "3.141592654"


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(1, 17))
def test_show_is_the_number_rounded(number, digits):
    text = show(number, digits).replace("−", "-")
    raised = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
    mantissa, _, power = text.partition("×10")
    back = float(f"{mantissa}e{power.translate(raised) or 0}")
    assert (
        back == pytest.approx(number, rel=0.5000001 * 10.0 ** (1 - digits), abs=1e-323)
        or abs(back) > sys.float_info.max
    )


@pytest.mark.parametrize(
    "number, text",
    [
        (0.1, "0.1"),
        (Precise(0.1), "0.1"),
        (Exact(1) / 3, "1/3"),
        (Residue(7), "7"),
        (None, "None"),
    ],
)
def test_in_full(number, text):
    assert in_full(number) == text


def test_in_full_takes_the_number_of_digits_of_a_long_float():
    assert in_full(Precise(1) / 3, 2) == "0.33"


def test_as_written_in_the_notes():
    assert as_written(-0.5) == "−0.5"
    assert as_written(np.array([[Exact(-1) / 2]])) == "−1/2"
    assert as_written(np.array([[1], [-2]])) == "(1, −2)"
    assert as_written(np.array([[1, 2], [3, -4]])) == "(1, 2; 3, −4)"
