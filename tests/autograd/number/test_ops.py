"""The table of operations: every row's value is NumPy's, every local derivative is the derivative."""

import itertools
import math
import warnings
from fractions import Fraction

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd.graph.value import Value, apply
from autograd.number.ops import OPS, SLOPELESS

SMOOTH = {  # where the local derivatives are looked at; one interval for each operand
    "add": [(-20, 20), (-20, 20)],
    "subtract": [(-20, 20), (-20, 20)],
    "multiply": [(-20, 20), (-20, 20)],
    "divide": [(-20, 20), (0.01, 20)],
    "negative": [(-20, 20)],
    "square": [(-20, 20)],
    "reciprocal": [(-20, -0.01)],
    "power": [(0.01, 20), (-4, 4)],
    "sum": [(-20, 20)] * 5,
    "dot": [(-20, 20)] * 6,
    "logaddexp": [(-20, 20)] * 2,
    "xlogy": [(0.01, 20)] * 2,
    "exp": [(-20, 20)],
    "expm1": [(-20, 20)],
    "log": [(0.01, 50)],
    "log1p": [(-0.99, 50)],
    "sqrt": [(0.01, 50)],
    "cbrt": [(0.01, 50)],
    "sin": [(-20, 20)],
    "cos": [(-20, 20)],
    "tan": [(-1.5, 1.5)],
    "arcsin": [(-0.99, 0.99)],
    "arccos": [(-0.99, 0.99)],
    "arctan": [(-20, 20)],
    "arcsinh": [(-20, 20)],
    "arccosh": [(1.01, 50)],
    "arctanh": [(-0.99, 0.99)],
    "sinh": [(-20, 20)],
    "cosh": [(-20, 20)],
    "tanh": [(-20, 20)],
    "sigmoid": [(-20, 20)],
    "softplus": [(-20, 20)],
    "erf": [(-5, 5)],
    "erfc": [(-5, 5)],
    "erfinv": [(-0.99, 0.99)],
    "ndtr": [(-5, 5)],
    "log_ndtr": [(-5, 5)],
    "ndtri": [(0.01, 0.99)],
    "gammaln": [(0.01, 50)],
    "gamma": [(0.01, 9)],
    "digamma": [(0.01, 50)],
    "trigamma": [(0.01, 50)],
    "tetragamma": [(0.01, 50)],
    "pentagamma": [(0.01, 50)],
    "i0": [(-9, 9)],
    "i1": [(0.01, 9)],
}
PIECEWISE = ["relu", "absolute", "maximum", "minimum"]
RATIONAL = {"add": 2, "subtract": 2, "multiply": 2, "divide": 2, "negative": 1, "square": 1, "reciprocal": 1}
RATIONAL |= {"sum": 3, "dot": 4}
SPECIAL = [0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 2.0, -2.0, 3.0, 1000.0, -1000.0, 1e308, -1e308, 5e-324]
SPECIAL += [math.inf, -math.inf, math.nan]

rationals = st.fractions(-50, 50, max_denominator=60)


def symbols(n: int) -> list[sympy.Symbol]:
    return list(sympy.symbols(f"x:{n}", real=True))


def test_every_row_is_tested_here() -> None:
    assert {*SMOOTH, *PIECEWISE, "power_n", SLOPELESS} == set(OPS)


@pytest.mark.parametrize("name", SMOOTH)
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_value_and_local_derivatives_are_those_of_calculus(name: str, data: st.DataObject) -> None:
    op, xs = OPS[name], symbols(len(SMOOTH[name]))
    point = [data.draw(st.integers(int(100 * low), int(100 * high))) / 100 for low, high in SMOOTH[name]]
    precisely = {x: sympy.Float(number, 40) for x, number in zip(xs, point, strict=True)}
    formula = op.value(*xs)
    out = op.value(*point)
    assert out == pytest.approx(float(formula.subs(precisely)), rel=1e-13, abs=1e-13)
    for local_derivative, x in zip(op.partials(out, *point), xs, strict=True):
        expected = float(sympy.diff(formula, x).subs(precisely))
        assert local_derivative == pytest.approx(expected, rel=1e-11, abs=1e-13)


@pytest.mark.parametrize("name", SMOOTH)
def test_rows_run_on_sympy_expressions(name: str) -> None:
    op, xs = OPS[name], symbols(len(SMOOTH[name]))
    at = {x: (1.3 if name == "arccosh" else 0.3) + 0.1 * k for k, x in enumerate(xs)}
    out = op.value(*xs)
    for local_derivative, x in zip(op.partials(out, *xs), xs, strict=True):
        expected = sympy.diff(out, x).subs(at)
        assert sympy.sympify(local_derivative).subs(at).evalf() == pytest.approx(float(expected))


@pytest.mark.parametrize("name", RATIONAL)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_rational_operations_are_exact(name: str, data: st.DataObject) -> None:
    op, n = OPS[name], RATIONAL[name]
    nonzero = rationals.filter(bool)
    point = data.draw(st.lists(nonzero | st.integers(1, 9), min_size=n, max_size=n))
    xs = symbols(n)
    exactly = {x: sympy.Rational(p.numerator, p.denominator) for x, p in zip(xs, point, strict=True)}
    formula = op.value(*xs)
    out = op.value(*point)
    for number, expected in [(out, formula), *zip(op.partials(out, *point), map(formula.diff, xs), strict=True)]:
        expected = expected.subs(exactly)
        assert isinstance(number, (int, Fraction))
        assert number == Fraction(expected.p, expected.q)


@given(rationals.filter(bool) | st.integers(-9, -1), st.integers(-4, 4))
def test_a_whole_power_is_exact_and_so_is_its_slope(x: Fraction, n: int) -> None:
    op = OPS["power_n"]
    out = op.value(x, n)
    slope, nothing = op.partials(out, x, n)
    assert out == Fraction(x) ** n
    assert slope == n * Fraction(x) ** (n - 1)
    assert nothing == 0
    assert all(isinstance(number, (int, Fraction)) for number in (out, slope))


@pytest.mark.parametrize("name", PIECEWISE)
@given(x=rationals, y=rationals)
def test_between_the_kinks_a_piecewise_operation_is_linear(name: str, x: Fraction, y: Fraction) -> None:
    op, h = OPS[name], Fraction(1, 10**6)
    point = [x, y][: op.arity]
    if abs(point[0] - (y if op.arity == 2 else 0)) <= h:
        return
    for k, local_derivative in enumerate(op.partials(op.value(*point), *point)):
        right, left = ([p + s * (j == k) for j, p in enumerate(point)] for s in (h, -h))
        assert local_derivative == (op.value(*right) - op.value(*left)) / (2 * h)


@pytest.mark.parametrize("zero", [0, 0.0, -0.0, Fraction(0)])
def test_the_slope_at_the_kink_is_zero(zero: float) -> None:
    assert OPS["relu"].partials(zero, zero) == (0,)
    assert OPS["absolute"].partials(zero, zero) == (0,)


@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_the_first_operand_wins_a_tie(name: str) -> None:
    x, y = Value(2.0), Value(2.0)
    J = apply(OPS[name], x, y)
    J.backward()
    assert (J.data, x.grad, y.grad) == (2.0, 1.0, 0.0)


def test_maximum_and_minimum_pass_nan_on_and_send_the_gradient_to_it() -> None:
    for name, swapped in itertools.product(["maximum", "minimum"], [False, True]):
        x, y = Value(math.nan), Value(1.0)
        J = apply(OPS[name], *((y, x) if swapped else (x, y)))
        J.backward()
        assert math.isnan(J.data)
        assert (x.grad, y.grad) == (1.0, 0.0)


@pytest.mark.parametrize("name", [name for name in OPS if hasattr(np, name) and name not in ("sum", "dot")])
def test_infinities_nan_and_overflow_are_numpys_without_a_warning(name: str) -> None:
    op = OPS[name]
    for point in itertools.product(SPECIAL, repeat=op.arity):
        if (name, point) == ("power", (-math.inf, 0.5)):  # NumPy takes the square root here, C's pow gives inf
            continue
        out = op.value(*point)
        with np.errstate(all="ignore"):
            expected = getattr(np, name)(*point)
        assert isinstance(out, float)
        np.testing.assert_allclose(out, expected, rtol=1e-14, err_msg=f"{name}{point}")
        if expected == 0 and name not in ("maximum", "minimum", "power"):  # there NumPy's choice of -0.0 varies
            assert math.copysign(1, out) == math.copysign(1, expected), f"{name}{point}"


@pytest.mark.parametrize("name", ["relu", "sigmoid", "softplus"])
def test_our_own_functions_stay_finite_where_they_should(name: str) -> None:
    value = OPS[name].value
    assert [value(x) for x in (-math.inf, -1e308, -800.0)] == [0, 0, 0]
    assert [value(x) for x in (800.0, math.inf)] == ([1, 1] if name == "sigmoid" else [800, math.inf])
    assert math.isnan(value(math.nan))


@pytest.mark.parametrize("name", [name for name in OPS if OPS[name].arity and name != SLOPELESS])
@pytest.mark.parametrize("x", [0.0, 1.0, -2.0, 1000.0, math.inf, math.nan])
def test_local_derivatives_of_floats_never_raise(name: str, x: float) -> None:
    op = OPS[name]
    for y in (0.0, -1.0, 0.5, 1e308, math.inf, math.nan)[: 1 if op.arity == 1 else None]:
        point = (x, y)[: op.arity]
        assert all(isinstance(d, (int, float)) for d in op.partials(op.value(*point), *point))


@pytest.mark.parametrize(
    ("name", "operands"),
    [
        ("divide", (1, 0)),
        ("divide", (Fraction(1, 2), 0)),
        ("divide", (0, Fraction(0))),
        ("reciprocal", (0,)),
        ("power", (0, -1)),
        ("power", (Fraction(0), -2)),
    ],
)
def test_exact_numbers_have_no_infinity(name: str, operands: tuple[Fraction, ...]) -> None:
    with pytest.raises(ZeroDivisionError, match="has no exact value"):
        OPS[name].value(*operands)


@pytest.mark.parametrize(
    ("x", "n", "out", "slope"),
    [
        (0, 0, 1, 0),
        (0.0, 0, 1.0, 0),
        (0, 1, 0, 1),
        (0.0, 1, 0.0, 1.0),
        (0.0, 2, 0.0, 0.0),
        (0.0, 0.5, 0.0, math.inf),
        (0.0, -1, math.inf, -math.inf),
        (-2, 3, -8, 12),
        (-2, -1, Fraction(-1, 2), Fraction(-1, 4)),
        (-2.0, 2.0, 4.0, -4.0),
        (-2.0, -2, 0.25, 0.25),
        (7.0, 1, 7.0, 1.0),
        (7.0, 0, 1.0, 0),
        (Fraction(4, 9), Fraction(1, 2), 2 / 3, 3 / 4),
        (4, 0.5, 2.0, 0.25),
        (4, 1.5, 8.0, 3.0),
    ],
)
def test_powers_at_the_edges(x: float, n: float, out: float, slope: float) -> None:
    assert OPS["power_n"].value(x, n) == out
    assert OPS["power_n"].partials(out, x, n)[0] == pytest.approx(slope)
    if slope != math.inf:
        assert type(OPS["power_n"].value(x, n)) is type(out)


@pytest.mark.parametrize("x", [-2.0, -2, Fraction(-1, 3)])
def test_a_root_of_a_negative_number_is_nan(x: float) -> None:
    for n in (0.5, Fraction(1, 3), -1.5):
        assert math.isnan(OPS["power"].value(x, n))


def test_the_exponent_of_zero_has_the_gradient_zero() -> None:
    x, n = Value(0.0), Value(2.0)
    (x**n).backward()
    assert (x.grad, n.grad) == (0.0, 0.0)


def test_cbrt_is_odd() -> None:
    assert OPS["cbrt"].value(-8.0) == pytest.approx(-2)
    assert OPS["cbrt"].partials(-2.0, -8.0) == (pytest.approx(1 / 12),)


def test_apply_computes_with_plain_numbers_and_refuses_what_is_none() -> None:
    assert apply(OPS["divide"], np.int64(1), np.int64(3)) == Fraction(1, 3)
    assert apply(OPS["exp"], np.int64(0)) == 1.0
    with pytest.raises(TypeError, match="one real number, not NoneType"):
        apply(OPS["exp"], None)


def test_no_row_warns_on_numpy_scalars() -> None:
    with warnings.catch_warnings(), np.errstate(all="raise"):
        assert apply(OPS["divide"], np.float64(1), np.float64(0)) == math.inf
        assert apply(OPS["exp"], np.float32(1000)) == math.inf


@pytest.mark.parametrize("name", ["sum", "dot"])
def test_a_sum_is_added_from_left_to_right_on_every_python(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builtins.sum", lambda *_: pytest.fail("the built-in sum rounds otherwise from Python 3.12 on"))
    terms = (1.0, 1e100, 1.0, -1e100, 0.5)
    operands = terms if name == "sum" else terms + (1.0,) * len(terms)
    assert OPS[name].value(*operands) == 0.5  # 2.5 without any rounding
