"""The types of number besides fractions: residues, long floats, degrees, rounding bounds, expressions."""

from __future__ import annotations

import math
import warnings
from fractions import Fraction
from typing import Any

import gmpy2
import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd import Exact, Value, gradients, values
from autograd.number.degree import Degree
from autograd.number.expression import Expression
from autograd.number.modulo import PRIME
from autograd.number.number import Number
from autograd.number.ops import OPS, SLOPELESS
from autograd.number.precise import Precise
from autograd.number.residue import Residue, ResidueArray, ZeroResidue
from autograd.number.rounded import Rounded, RoundedArray

ELEMENTARY = [op.name for op in OPS.values() if op.in_floats and op.name != SLOPELESS]
TYPES: list[type[Number]] = [Exact, Residue, Precise, Precise.with_bits(200), Rounded]
fractions = st.fractions(min_value=-50, max_value=50, max_denominator=60)


MAKERS: list[type[Number]] = [*TYPES, Expression, Degree]


@pytest.mark.parametrize("make", MAKERS)
def test_arithmetic_with_plain_numbers_keeps_the_type(make: Any) -> None:
    x = make(0.75)
    for other in (2, True, 0.5, np.float64(0.5), np.int64(3), np.float32(0.25), Fraction(1, 3), make(2)):
        for result in (x + other, other + x, x - other, other - x, x * other, other * x, x / other, other / x):
            assert type(result) is type(x), (other, result)
    assert (
        type(x**2) is type(x**-1) is type(x**0.5) is type(x**1.5) is type(2**x) is type(-x) is type(abs(x)) is type(x)
    )


@pytest.mark.parametrize("make", MAKERS)
def test_elementary_functions_have_their_name_and_keep_the_type(make: Any) -> None:
    for name in ELEMENTARY:
        x = make(1.5 if name == "arccosh" else 0.5)
        result = (
            getattr(np, name)(np.array([x], object))[0]
            if isinstance(getattr(np, name, None), np.ufunc)
            else getattr(x, name)()
        )
        assert type(result) is type(x), name
        assert result.shadow() == pytest.approx(OPS[name].value(x.shadow()), rel=1e-12), name
    x = make(0.5)
    assert x.relu() > 0
    assert (-x).relu() == 0


@pytest.mark.parametrize("make", MAKERS)
def test_comparisons_are_those_of_real_numbers_with_infinities_too(make: Any) -> None:
    assert make(0.5) < 1 < make(1.5) <= 2 and make(0.5) < make(0.75) and make(1) == 1 and make(1) != 2
    assert -math.inf < make(3) < math.inf and make(3) != math.inf and make(3) > np.float64(-math.inf)
    assert max(make(1), make(2)) > 1.5
    assert bool(make(1)) and not make(0)
    assert hash(make(2)) == hash(make(2))


@pytest.mark.parametrize("make", MAKERS)
def test_no_number_turns_into_a_float_in_silence(make: Any) -> None:
    with pytest.raises(TypeError):
        float(make(1))
    with pytest.raises((TypeError, ValueError)):
        np.zeros(1)[0] = make(1)


def idioms(x: Any) -> list[Any]:
    """What NumPy code does to an array (2, 3), each with results that must stay of the type of its entries."""
    mask = np.array([[True, False, True], [False, True, True]])
    filled = np.zeros_like(x)
    filled[0] = x[1]
    shifted = x.copy()
    shifted += x[:, :1]
    return [
        np.dot(x.T, x), x @ x.T, np.einsum("ij,kj->ik", x, x), np.tensordot(x, x, axes=2), np.outer(x[0], x[1]),
        np.sum(x), np.mean(x, axis=1, keepdims=True), np.mean(x), np.var(x, axis=0), np.var(x, ddof=1), np.cumsum(x),
        np.pad(x, 1)[1:-1, 1:-1], np.where(mask, x, 2 * x), np.max(x, axis=1), np.sort(x, axis=1), np.clip(x, -1, 1),
        x[[0, 1, 1]], x[mask], filled[0], shifted, np.concatenate([x, x]), x.T.reshape(-1), np.maximum(x, x[0]), x**2,
    ]  # fmt: skip


@pytest.mark.parametrize("make", [*TYPES, Expression])
@pytest.mark.parametrize("as_nodes", [False, True], ids=["numbers", "Values"])
def test_numpy_idioms_keep_the_type_and_the_value(make: Any, as_nodes: bool) -> None:
    numbers = np.array([[0.5, -1.25, 3.0], [2.0, 0.75, -0.5]])
    x = np.frompyfunc(make, 1, 1)(numbers)
    for result, expected in zip(idioms(values(x) if as_nodes else x), idioms(numbers), strict=True):
        entries = np.asarray(result, object)
        for entry, wanted in zip(entries.flat, np.asarray(expected).flat, strict=True):
            number = entry.data if isinstance(entry, Value) else entry
            assert isinstance(number, (Number, int)), number  # an int where clip gave its own bound
            assert number.shadow() == pytest.approx(wanted) if isinstance(number, Number) else number == wanted


@given(a=fractions, b=fractions, c=fractions)
def test_residues_obey_the_laws_of_fractions(a: Fraction, b: Fraction, c: Fraction) -> None:
    x, y, z = Residue(a), Residue(b), Residue(c)
    assert (x * (y + z)).same(x * y + x * z)
    assert (x - y).same(Residue(a - b))
    assert (x * y).content == a.numerator * b.numerator * pow(a.denominator * b.denominator, -1, PRIME) % PRIME
    if b:
        assert (x / y).same(Residue(a / b))
        assert (y**-2).same(Residue(b**-2))
    assert (x**3).same(Residue(a**3))


@given(a=st.floats(-1e6, 1e6), b=st.floats(-1e6, 1e6))
def test_long_floats_are_right_where_fractions_say_so(a: float, b: float) -> None:
    difference = Precise(a) * Precise(b) - Precise(Fraction(a) * Fraction(b))
    assert abs(difference) <= 1e-280


def test_a_float_that_code_brings_in_is_the_simplest_fraction() -> None:
    assert (Residue(1) * 0.2).same(Residue(Fraction(1, 5)))
    assert Precise(1) * 0.2 * 5 == 1
    assert (Expression(1) * 0.2).content == sympy.Rational(1, 5)


def test_atoms_are_the_same_for_the_same_argument_and_differ_for_others() -> None:
    x = Residue.random(0.5, np.random.default_rng(1))
    assert x.exp().same((x + 1 - 1).exp())
    assert not x.exp().same((x + 1).exp()) and not x.exp().same(x.tanh())
    assert not (x.exp() * x.exp()).same((2 * x).exp())  # of exp only the derivative rule is known
    assert (x**1.5).same(x * x.sqrt())


def test_random_residues_follow_the_seed() -> None:
    first, again, other = (Residue.random(1.0, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first.same(again) and not first.same(other)
    assert first == other == 1  # the floats that they stand for


@pytest.mark.parametrize("shape", [(), (0,), (1,), (64,), (65,), (7, 11), (130,), (3, 43, 2)])
def test_quotients_of_residues_times_the_divisors_are_the_dividends_in_arrays_of_any_size(
    shape: tuple[int, ...],
) -> None:
    rng = np.random.default_rng(0)
    x, y = (ResidueArray.random(rng.standard_normal(shape), 3, rng) for _ in range(2))
    assert (x / y * y).same(x).all()
    for place in range(0, y.size, 5):  # one of them 0 modulo a prime
        y.lanes[1].flat[place], before = 0, y.lanes[1].flat[place]
        with pytest.raises(ZeroResidue, match="draw another point"):
            x / y
        y.lanes[1].flat[place] = before


def test_a_division_by_a_residue_that_happens_to_be_zero_is_named() -> None:
    unlucky = Residue.of((0, 0.5))
    with pytest.raises(ZeroResidue, match="draw another point"):
        1 / unlucky
    with pytest.raises(ZeroResidue):
        unlucky**-1


def test_long_floats_decide_what_atoms_cannot() -> None:
    p = 0.3
    assert abs(Precise(p).log().exp() - Precise(p)) < 1e-295
    wide = Precise.with_bits(2000)
    assert abs(wide(p).log().exp() - wide(p)).raw < gmpy2.mpfr("1e-595")
    assert abs(Precise(p).log().exp() - Precise(p) * (1 + Fraction(1, 10**40))) > 1e-42


def test_long_floats_have_all_their_bits_after_every_operation() -> None:
    for bits in (200, 1000):
        x = Precise.with_bits(bits)(Fraction(1, 3))
        results = [x + 1, x - 1, x * 3, x / 7, x**2, x**0.5, -x, abs(-x), 2 - x, *(getattr(x, n)() for n in ELEMENTARY)]
        assert {result.raw.precision for result in results} == {bits}


@settings(deadline=None)
@given(st.data())
def test_degrees_bound_those_of_the_rational_function(data: st.DataObject) -> None:
    """Random expressions in two variables: the numerator and denominator that SymPy finds are no larger."""
    symbols = sympy.symbols("x y")
    stack = [(symbol, Degree.variable(0.5)) for symbol in symbols] + [(sympy.Integer(2), Degree(2))]
    for _ in range(data.draw(st.integers(1, 6))):
        (f, d), (g, e) = (data.draw(st.sampled_from(stack)) for _ in range(2))
        match data.draw(st.sampled_from("+-*/")):
            case "+":
                stack.append((f + g, d + e))
            case "-":
                stack.append((f - g, d - e))
            case "*":
                stack.append((f * g, d * e))
            case "/" if sympy.cancel(g) != 0:
                stack.append((f / g, d / e))
    f, d = stack[-1]
    numerator, denominator = sympy.fraction(sympy.cancel(f))
    if numerator != 0:
        assert sympy.Poly(numerator, *symbols).total_degree() <= d.content[0]
        assert sympy.Poly(denominator, *symbols).total_degree() <= d.content[1]


@settings(deadline=None)
@given(st.lists(st.floats(-100, 100).filter(lambda x: abs(x) > 1e-3), min_size=2, max_size=30))
def test_rounding_bounds_hold_and_are_no_fantasies(data: list[float]) -> None:
    def code(x: Any) -> Any:
        return np.sum(np.tanh(x / 7) * x) / np.sqrt(np.sum(x * x) + 1) - np.exp(-(np.mean(x) ** 2)) * (1 / 3)

    x = np.array(data)
    bounded = code(np.frompyfunc(Rounded, 1, 1)(x))
    true = code(np.frompyfunc(Precise, 1, 1)(x) + 0)
    true_constant = true + np.exp(-(np.mean(np.frompyfunc(Precise, 1, 1)(x)) ** 2)) * (1 / 3 - Fraction(1, 3))
    error = abs(true_constant - Precise(float(code(x))))
    assert error <= bounded.error
    assert bounded.error <= 1e-10


def test_expressions_are_those_one_would_write() -> None:
    x = values(np.array([Expression.symbol("x", 3.0)]))
    J = np.sum(2 * x**2 + x)
    J.backward()
    assert gradients(x)[0].content == 4 * sympy.Symbol("x") + 1
    relu = Expression.symbol("z", -1.0).relu()
    assert relu.content == 0 and Expression.symbol("z", 1.0).relu().content == sympy.Symbol("z")


def test_constants_from_memory_that_nobody_filled_warn_of_nothing() -> None:
    signalling = np.array([0x7FF0000000000001], np.uint64).view(float)  # a nan that warns where it is computed with
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = RoundedArray.given(np.zeros(())).constant(np.append(signalling, [0.1, 5e-324]))
    assert np.isnan(found.errors[0]) and found.errors[1] > 0
