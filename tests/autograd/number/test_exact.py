"""Exact rational numbers: what enters, what a float in code means, and that nothing turns into a float in silence."""

import copy
import math
import operator
import pickle
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import gmpy2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd import Exact, Value, gradients, graph, numbers, values
from autograd.number.ops import OPS, SLOPELESS
from autograd.number.rational import simplest
from tests.autograd.record.test_recording import EVERYTHING, RATIONAL

rationals = st.fractions(max_denominator=10**6)
finite = st.floats(allow_nan=False, allow_infinity=False)


def fraction(x: Any) -> Fraction:
    return Fraction(int(x.numerator), int(x.denominator))


@given(finite)
def test_a_float_of_the_data_enters_exactly(x: float) -> None:
    assert fraction(Exact(x)) == Fraction(x)
    assert Exact(np.float64(x)) == Fraction(x)
    assert Value(Exact(x)).data == Fraction(x)


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (3, 3),
        (True, 1),
        (np.int64(-3), -3),
        (np.bool_(True), 1),
        (np.float32(0.1), Fraction(float(np.float32(0.1)))),
        (Fraction(1, 3), Fraction(1, 3)),
        (gmpy2.mpq(1, 3), Fraction(1, 3)),
        (gmpy2.mpz(3), 3),
        ("-2/6", Fraction(-1, 3)),
        (Exact(5), 5),
        (10**40, 10**40),
    ],
)
def test_all_kinds_of_rational_numbers_enter(x: Any, expected: Any) -> None:
    assert fraction(Exact(x)) == expected


@pytest.mark.parametrize("x", [math.inf, -math.inf, math.nan, np.float32("inf"), np.float64("nan"), "abc", ""])
def test_what_is_no_rational_number_is_a_value_error(x: Any) -> None:
    with pytest.raises(ValueError, match=r"rational number|invalid digits"):
        Exact(x)


@pytest.mark.parametrize("x", [None, 1j, [1], np.ones(2), Value(1), object()])
def test_what_is_no_number_is_a_type_error(x: Any) -> None:
    with pytest.raises(TypeError, match="Exact holds a rational number"):
        Exact(x)


@pytest.mark.parametrize(
    ("x", "meant"),
    [
        (0.0, 0),
        (-0.0, 0),
        (0.2, Fraction(1, 5)),
        (-0.1, Fraction(-1, 10)),
        (1e-5, Fraction(1, 10**5)),
        (1 / 3, Fraction(1, 3)),
        (2 / 3, Fraction(2, 3)),
        (0.044715, Fraction(44715, 10**6)),
        (0.5, Fraction(1, 2)),
        (1 / 49, Fraction(1, 49)),
        (1e-12, Fraction(1, 10**12)),
        (1e22, 10**22),
        (2.0**60, 2**60),
    ],
)
def test_a_float_in_code_means_the_simplest_fraction(x: float, meant: Fraction) -> None:
    assert fraction(simplest(x)) == meant
    assert Exact(1) * x == meant
    assert float(meant) == x


def test_a_float_that_no_short_fraction_rounds_to_means_itself_nearly() -> None:
    meant = fraction(simplest(0.1 + 0.2))
    assert float(meant) == 0.1 + 0.2 != 0.3
    assert meant != Fraction(3, 10)


@given(st.floats(1e-3, 1e3) | st.builds(operator.truediv, st.integers(-200, 200), st.integers(1, 200)))
def test_no_fraction_with_a_smaller_denominator_rounds_to_the_float(x: float) -> None:
    meant = fraction(simplest(x))
    assert float(meant) == x
    for q in range(1, min(meant.denominator, 2000)):
        near = round(Fraction(x) * q)  # only the nearest can
        assert float(Fraction(near, q)) != x


@given(finite)
def test_the_simplest_fraction_rounds_to_its_float(x: float) -> None:
    meant = fraction(simplest(x))
    assert float(meant) == x
    assert meant.denominator <= Fraction(x).denominator


@pytest.mark.parametrize("x", [5e-324, -5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, math.nextafter(1, 2)])
def test_the_simplest_fraction_at_the_ends_of_the_floats(x: float) -> None:
    assert float(fraction(simplest(x))) == x
    assert fraction(simplest(x)).denominator <= Fraction(x).denominator


@given(rationals, rationals)
def test_arithmetic_is_that_of_fractions(p: Fraction, q: Fraction) -> None:
    for f in (operator.add, operator.sub, operator.mul, operator.truediv):
        if f is operator.truediv and q == 0:
            continue
        for out in (f(Exact(p), Exact(q)), f(Exact(p), q), f(p, Exact(q))):
            assert type(out) is Exact
            assert fraction(out) == f(p, q)
    for f in (operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne):
        assert f(Exact(p), Exact(q)) is f(Exact(p), q) is f(p, Exact(q)) is f(p, q)
    assert (fraction(-Exact(p)), fraction(abs(Exact(p))), bool(Exact(p))) == (-p, abs(p), bool(p))


@pytest.mark.parametrize("f", [operator.add, operator.sub, operator.mul, operator.truediv])
@pytest.mark.parametrize("other", [2, True, 2.0, np.int64(2), np.float64(2), np.float32(2), gmpy2.mpq(2), np.array(2)])
def test_every_plain_number_mixes_on_both_sides(f: Callable[[Any, Any], Any], other: Any) -> None:
    third, plain = Exact(1) / 3, int(other)
    assert fraction(f(third, other)) == f(Fraction(1, 3), plain)
    assert fraction(f(other, third)) == f(plain, Fraction(1, 3))
    assert type(f(third, other)) is type(f(other, third)) is Exact


@pytest.mark.parametrize("f", [operator.add, operator.mul, operator.lt, operator.pow])
@pytest.mark.parametrize("other", ["1", None, 1j, [1]])
def test_what_is_no_number_does_not_mix(f: Callable[[Any, Any], Any], other: Any) -> None:
    with pytest.raises(TypeError):
        f(Exact(1), other)
    assert Exact(1) != other


@pytest.mark.parametrize("x", [Exact(0), Exact(-1) / 3, Exact(10) ** 400, -(Exact(10) ** 400)])
def test_every_number_lies_between_the_infinities(x: Exact) -> None:
    for infinity in (math.inf, np.float64("inf"), np.float32("inf")):
        assert -infinity < x < infinity
        assert x <= infinity
        assert not x > infinity
        assert x != infinity
    for f in (operator.lt, operator.le, operator.gt, operator.ge, operator.eq):
        assert f(x, math.nan) is f(math.nan, x) is False
    assert x != math.nan


@pytest.mark.parametrize("f", [operator.add, operator.sub, operator.mul, operator.truediv])
@pytest.mark.parametrize("x", [Fraction(1, 3), Fraction(-2), Fraction(0)])
@pytest.mark.parametrize("infinity", [math.inf, -math.inf, math.nan])
def test_infinities_stay_floats_and_one_over_them_is_zero(f: Any, x: Fraction, infinity: float) -> None:
    with np.errstate(all="ignore"):
        pairs = [
            (f(Exact(x), infinity), float(f(np.float64(x), infinity))),
            (f(infinity, Exact(x)), float(f(np.float64(infinity), float(x)))),
        ]
    for out, expected in pairs:
        assert type(out) is (Exact if math.isfinite(expected) else float)
        assert out == expected or math.isnan(expected)


@pytest.mark.parametrize(
    ("x", "n", "power"),
    [
        (Fraction(2, 3), 3, Fraction(8, 27)),
        (Fraction(2, 3), -2, Fraction(9, 4)),
        (Fraction(-2, 3), 3, Fraction(-8, 27)),
        (0, 0, 1),
        (0, 2, 0),
        (0, 0.5, 0),
        (7, 0, 1),
        (4, 0.5, 2),
        (4, -1.5, Fraction(1, 8)),
        (Fraction(9, 4), Fraction(3, 2), Fraction(27, 8)),
        (5, 2.0, 25),
        (1, 10**15, 1),
        (-1, 10**15 + 1, -1),
    ],
)
def test_powers(x: Any, n: Any, power: Any) -> None:
    assert Exact(x) ** n == Exact(x) ** Exact(n) == power
    assert type(Exact(x) ** n) is Exact
    if isinstance(n, int):
        assert x ** Exact(n) == power
        assert OPS["power"].value(Fraction(x), Exact(n)) == power


def test_a_root_is_an_atom_times_whole_powers() -> None:
    x = Exact(2) / 3
    assert x**0.5 == x.sqrt() == np.sqrt(x)
    assert x**1.5 == x * x.sqrt()
    assert x**-0.5 == x.sqrt() / x
    assert (x**0.5) * (x**0.5) != x  # an atom obeys only its derivative rule


def test_a_fraction_stays_exact_under_an_exact_exponent() -> None:
    base = Fraction(1, 10**20 + 1)
    assert OPS["power"].value(base, Exact(2)) == base**2
    assert (Value(base) ** Value(Exact(2))).data == base**2


@pytest.mark.parametrize(
    ("code", "error", "message"),
    [
        (lambda: Exact(1) / 0, ZeroDivisionError, "zero"),
        (lambda: 1.0 / Exact(0), ZeroDivisionError, "zero"),
        (lambda: Exact(OPS["divide"].value(1.0, Exact(0))), ValueError, "a rational number, not inf"),
        (lambda: Exact(0) ** -1, ZeroDivisionError, "negative exponent"),
        (lambda: Exact(-2) ** 0.5, ValueError, r"\(-2\) \*\* \(1/2\) is no real number"),
        (lambda: np.log(Exact(0)), ValueError, r"log\(0\) is -inf: no exact number"),
        (lambda: np.sqrt(Exact(-1)), ValueError, r"sqrt\(-1\) is nan: no exact number"),
        (lambda: np.exp(Exact(1000)), ValueError, r"exp\(1000\) is inf: no exact number"),
        (lambda: np.exp(Exact(10) ** 400), ValueError, "no exact number"),
        (lambda: Exact(2) ** 10**15, OverflowError, "too many digits"),
    ],
)
def test_errors_say_what_has_no_exact_value(code: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        code()


def test_a_division_by_an_exact_zero_in_recorded_code_is_what_floats_give_and_stays_beside_what_is_used() -> None:
    x, zero = Exact(2), Exact(0)
    found = [OPS["divide"].value(x, zero), OPS["divide"].value(-1, zero), OPS["power"].value(zero, -1)]
    assert found == [np.inf, -np.inf, np.inf]
    assert np.where([True, False], [x / 2, x], [found[0], found[1]]).tolist() == [1, -np.inf]


@given(rationals)
def test_equal_numbers_have_equal_hashes(p: Fraction) -> None:
    assert hash(Exact(p)) == hash(p) == hash(Exact(p) * 2 / 2)
    assert {Exact(p): 1}[p] == 1  # type: ignore[index]
    assert len({Exact(p), p, Exact(p)}) == 1


@pytest.mark.parametrize("name", [op.name for op in OPS.values() if op.in_floats and op.name != SLOPELESS])
def test_atoms_are_exact_numbers_from_the_float_function(name: str) -> None:
    third = Fraction(4 if name == "arccosh" else 1, 3)
    x = Exact(third.numerator) / 3
    atom = getattr(x, name)()
    assert type(atom) is Exact
    assert Fraction(OPS[name].value(float(third))) == atom
    assert getattr(Exact(str(third)), name)() == atom
    node = getattr(Value(x), name)()
    node.backward()
    assert node.data == atom
    assert type(node.operands[0].grad) is Exact
    if isinstance(getattr(np, name, None), np.ufunc):
        assert getattr(np, name)(np.array([x, 2 * x / 2], object)).tolist() == [atom, atom]


def test_numbers_beyond_the_floats_saturate() -> None:
    huge = Exact(10) ** 400
    assert np.array([huge, -huge]).tolist() == [huge, -huge]
    assert [np.tanh(huge), np.tanh(-huge), np.exp(-huge), huge.sigmoid(), huge.relu()] == [1, -1, 0, 1, huge]


def test_local_derivatives_are_rational_in_results_and_operands() -> None:
    x = Value(Exact(2) / 7)
    for J, slope in (
        (x.tanh(), lambda a: 1 - a * a),
        (x.sigmoid(), lambda a: a * (1 - a)),
        (x.exp(), lambda a: a),
        (x.log(), lambda a: 1 / x.data),
        (x.sqrt(), lambda a: 1 / (2 * a)),
    ):
        J.backward()
        assert x.grad == slope(J.data)


def test_a_copy_is_the_number_itself_and_pickles() -> None:
    x = Exact(1) / 3
    assert copy.copy(x) is copy.deepcopy(x) is x
    assert pickle.loads(pickle.dumps(x)) == x


def test_text() -> None:
    x = Exact(-1) / 3
    assert (repr(x), str(x), f"{x}", f"{x:.3f}") == ("Exact(-1/3)", "-1/3", "-1/3", "-0.333")


def exact(array: Any) -> Any:
    return np.frompyfunc(Exact, 1, 1)(array)


def parts(out: Any) -> list[Any]:
    return list(np.asarray(out, object).flat)


W0, X0 = np.array([[3, -5, 7], [2, 4, -9]]) / 8, np.array([[1, -7, 5, 3], [-2, 9, 4, -6], [8, -3, -1, 2]]) / 16
# these hand on numbers of the code as they are: np.clip(X, -0.5, 0.5) holds a plain 0.5
PLAIN = ("clip", "clip on one side", "minimum", "full_like", "assignment of numbers")


@pytest.mark.parametrize("name", EVERYTHING)
def test_numpy_code_on_exact_numbers_gives_exact_numbers(name: str) -> None:
    code = EVERYTHING[name]
    W, X = exact(W0), exact(X0)
    plainly, recorded = code(W, X), code(values(W), values(X))
    if name not in PLAIN:
        assert not any(isinstance(x, float) and x % 1 for x in parts(plainly) + parts(numbers(recorded)))
    if name in RATIONAL:  # in another order of summation: equal only if nothing was rounded
        assert all(x == y for x, y in zip(parts(plainly), parts(numbers(recorded)), strict=True))
    floats = [x.shadow() if isinstance(x, Exact) else float(x) for x in parts(numbers(recorded))]
    np.testing.assert_allclose(floats, np.ravel(code(W0, X0)), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", EVERYTHING)
def test_gradients_of_numpy_code_on_exact_numbers_are_exact(name: str) -> None:
    W, X = values(exact(W0), "w"), values(exact(X0), "x")
    J = np.sum(EVERYTHING[name](W, X))
    J.backward()
    assert type(J.data) is Exact
    for nodes in (W, X):
        assert all(isinstance(x, (Exact, int)) for x in gradients(nodes).flat)
    for node in graph(J):
        assert isinstance(node.grad, (Exact, int))
        assert isinstance(node.data, (Exact, int)) or node.constant  # the constant 1.5 in x**1.5


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-4, 4), min_size=6, max_size=6), st.sampled_from(sorted(RATIONAL.keys() - {"whole powers"})))
def test_the_order_of_exact_sums_does_not_matter(data: list[float], name: str) -> None:
    W, X = exact(np.reshape(data, (2, 3))), exact(np.arange(12).reshape(3, 4) - 5)
    try:
        plainly = RATIONAL[name](W, X)
    except ZeroDivisionError:
        return
    recorded = RATIONAL[name](values(W), values(X))
    assert all(x == y for x, y in zip(parts(plainly), parts(numbers(recorded)), strict=True))


def test_there_is_no_way_into_an_array_of_floats() -> None:
    x = Exact(1) / 3
    array = np.zeros(2)
    for into_floats in (
        lambda: array.__setitem__(0, x),
        lambda: array.fill(x),
        lambda: np.array([x], float),
        lambda: exact([0.5]).astype(float),
        lambda: np.add(exact([0.5]), 1, out=np.zeros(1)),
        lambda: float(x),
        lambda: int(x),
        lambda: math.exp(x),
    ):
        with pytest.raises(TypeError):
            into_floats()
    assert not array.any()
