"""The node and the sweep: every gradient is the sum over the consumers, on any graph, in any type of number."""

import copy
import math
import operator
import random
import sys
from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd import Contribution, Exact, Value, contributions, graph, values
from autograd.number.ops import OPS

small = st.fractions(-6, 6, max_denominator=7)


class Dual(NamedTuple):
    """Forward mode, by hand: a value and its derivative in one direction. Shares nothing with the engine."""

    x: Fraction
    dx: Fraction


RULES: dict[str, tuple[int, Callable[..., Dual]]] = {
    "add": (2, lambda a, b: Dual(a.x + b.x, a.dx + b.dx)),
    "subtract": (2, lambda a, b: Dual(a.x - b.x, a.dx - b.dx)),
    "multiply": (2, lambda a, b: Dual(a.x * b.x, a.dx * b.x + a.x * b.dx)),
    "divide": (2, lambda a, b: Dual(a.x / b.x, (a.dx * b.x - a.x * b.dx) / (b.x * b.x))),
    "maximum": (2, lambda a, b: a if a.x >= b.x else b),
    "minimum": (2, lambda a, b: a if a.x <= b.x else b),
    "negative": (1, lambda a: Dual(-a.x, -a.dx)),
    "square": (1, lambda a: Dual(a.x * a.x, 2 * a.x * a.dx)),
    "relu": (1, lambda a: a if a.x > 0 else Dual(Fraction(0), Fraction(0))),
    "absolute": (1, lambda a: a if a.x > 0 else Dual(-a.x, -a.dx) if a.x < 0 else Dual(Fraction(0), Fraction(0))),
    "third": (1, lambda a: Dual(a.x / 3, a.dx / 3)),
    "cube": (1, lambda a: Dual(a.x**3, 3 * a.x**2 * a.dx)),
}
NODES: dict[str, Callable[..., Value]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "negative": operator.neg,
    "absolute": abs,
    "maximum": lambda a, b: a.maximum(b),
    "minimum": lambda a, b: a.minimum(b),
    "square": lambda a: a.square(),
    "relu": lambda a: a.relu(),
    "third": lambda a: a / 3,
    "cube": lambda a: a**3,
}


@st.composite
def programs(draw: st.DrawFn) -> tuple[list[Fraction], list[tuple[str, tuple[int, ...]]]]:
    """Leaves, and steps that each apply an operation to what is there already: a random graph with shared nodes."""
    leaves = draw(st.lists(small, min_size=1, max_size=4))
    numbers, steps = list(leaves), []
    for _ in range(draw(st.integers(1, 9))):
        name = draw(st.sampled_from(sorted(RULES)))
        arity, rule = RULES[name]
        operands = tuple(draw(st.integers(0, len(numbers) - 1)) for _ in range(arity))
        if name == "divide" and numbers[operands[1]] == 0:
            continue
        numbers.append(rule(*(Dual(numbers[k], Fraction(0)) for k in operands)).x)
        steps.append((name, operands))
    return leaves, steps


def run(leaves: list[Any], steps: list[tuple[str, tuple[int, ...]]], table: dict[str, Any]) -> list[Any]:
    results = list(leaves)
    for name, operands in steps:
        results.append(table[name](*(results[k] for k in operands)))
    return results


FORWARD = {name: rule for name, (_, rule) in RULES.items()}


@pytest.mark.parametrize("number", [Fraction, Exact])
@settings(deadline=None)
@given(program=programs())
def test_gradients_on_any_graph_are_those_of_forward_mode(number: Any, program: Any) -> None:
    leaves, steps = program
    nodes = run([Value(number(x)) for x in leaves], steps, NODES)
    J = nodes[-1]
    J.backward()
    for k, leaf in enumerate(nodes[: len(leaves)]):
        duals = [Dual(x, Fraction(j == k)) for j, x in enumerate(leaves)]
        expected = run(duals, steps, FORWARD)[-1]
        assert J.data == expected.x
        assert leaf.grad == expected.dx
        assert not isinstance(leaf.grad, float)


@settings(deadline=None)
@given(programs())
def test_contributions_of_every_node_sum_to_its_gradient(program: Any) -> None:
    leaves, steps = program
    *nodes, J = run([Value(x) for x in leaves], steps, NODES)
    for node in nodes:
        if node is not J:
            products = [c.product for c in contributions(J, node)]
            assert sum(products) == node.grad


@given(programs())
def test_the_graph_lists_operands_before_their_consumers_and_each_node_once(program: Any) -> None:
    leaves, steps = program
    J = run([Value(x) for x in leaves], steps, NODES)[-1]
    place = {node: k for k, node in enumerate(graph(J))}
    assert len(place) == len(graph(J))
    assert list(place)[-1] is J
    assert all(place[operand] < place[node] for node in place for operand in node.operands)


def test_a_square_is_two_contributions_of_one_consumer() -> None:
    x = Value(3)
    J = x * x
    assert contributions(J, x) == [Contribution(J, 3, 1, 3)] * 2
    assert x.grad == 6


def test_a_diamond_adds_up_both_ways() -> None:
    x = Value(2)
    left, right = 3 * x, x**2
    J = left * right  # 3 x**3
    J.backward()
    assert (J.data, x.grad, left.grad, right.grad) == (24, 36, 4, 6)


def test_a_contribution_says_who_and_by_how_much() -> None:
    x = Value(3.0, label="x")
    square = x**2
    J = 2 * square + x
    assert contributions(J, x) == [(square, 6.0, 2.0, 12.0), (J, 1, 1.0, 1.0)]


def test_a_node_without_influence_has_no_contribution_and_the_gradient_zero() -> None:
    x, other = Value(1.0), Value(1.0)
    (other * 5).backward()
    assert contributions(x * 2, other) == []
    assert other.grad == 0


def test_a_second_sweep_gives_the_same() -> None:
    x = Value(3.0)
    J = x * x + x
    for _ in range(3):
        J.backward()
        assert x.grad == 7.0


def test_another_root_starts_from_zero() -> None:
    x, y = Value(3), Value(5)
    shared = x * y
    first, second = shared * 2 + x, shared * shared
    first.backward()
    assert (x.grad, y.grad, shared.grad) == (11, 6, 2)
    second.backward()
    assert (x.grad, y.grad, shared.grad) == (150, 90, 30)
    shared.backward()  # an inner node as root
    assert (x.grad, y.grad, shared.grad) == (5, 3, 1)
    first.backward()
    assert (x.grad, y.grad, shared.grad) == (11, 6, 2)


def test_a_leaf_is_its_own_gradient() -> None:
    x = Value(5.0)
    x.backward()
    assert x.grad == 1.0


@pytest.mark.slow
def test_a_million_additions_need_no_recursion() -> None:
    n, limit = 1_000_000, sys.getrecursionlimit()
    x = J = Value(1)
    for _ in range(n):
        J = J + x
    J.backward()
    assert (J.data, x.grad) == (n + 1, n + 1)
    assert sys.getrecursionlimit() == limit
    del J  # nor does the end of the graph


def test_a_deep_graph_of_functions_has_the_gradient_of_its_recurrence() -> None:
    x = J = Value(0.5)
    gradient = 1.0
    for _ in range(20_000):
        gradient *= math.cos(J.data)
        J = J.sin()
    J.backward()
    assert x.grad == pytest.approx(gradient)


def test_paths_are_summed_not_walked() -> None:
    x = J = Value(1)
    for _ in range(200):  # 2**200 paths
        J = J + J
    J.backward()
    assert x.grad == 2**200


def test_one_program_gives_one_gradient_to_the_last_bit() -> None:
    def gradient() -> list[float]:
        rng = random.Random(0)
        nodes = [Value(rng.uniform(-1, 1)) for _ in range(30)]
        leaves = nodes[:]
        for _ in range(500):
            nodes.append(rng.choice(nodes) * rng.choice(leaves) + rng.choice(nodes).tanh())
        sum(nodes).backward()  # type: ignore[union-attr]
        return [leaf.grad for leaf in leaves]

    first = gradient()
    rubbish = [object() for _ in range(10_000)]  # other addresses in memory
    assert gradient() == first
    del rubbish


@pytest.mark.parametrize("one", [1, True, np.int64(1), np.bool_(True)])
def test_a_third_is_a_third(one: Any) -> None:
    for third in (Value(one) / 3, one / Value(3), Value(one) / Value(3), Value(3) ** -1, Value(3).reciprocal()):
        assert third.data == Fraction(1, 3)


def test_ints_and_fractions_stay_exact_in_value_and_gradient() -> None:
    x, y = Value(2), Value(Fraction(3, 7))
    J = (x / y - y**2 * 5 + 1 / x) ** 3 - abs(-x) + x.relu() * x.maximum(y)
    J.backward()
    assert all(isinstance(n.data, (int, Fraction)) and isinstance(n.grad, (int, Fraction)) for n in graph(J))


@given(st.floats(allow_subnormal=False, width=32), st.floats(0.125, 8, width=32))
def test_a_quotient_is_the_float_that_division_gives(x: float, y: float) -> None:
    assert (Value(x) / Value(y)).data == x / y or math.isnan(x)
    assert (x / Value(y)).data == x / y or math.isnan(x)


def test_sympy_on_the_left_leaves_the_operation_to_the_number() -> None:
    x = sympy.Symbol("x")
    node = Value(x)
    J = (x + 1) * node
    J.backward()
    assert isinstance(J, Value) and sympy.expand(node.grad) == x + 1
    assert sympy.Rational(1, 3) == Exact(1) / 3 and sympy.Rational(1, 2) != Exact(1) / 3
    assert isinstance(sympy.Rational(1, 3) * Exact(3), Exact)


def test_sympy_expressions_give_the_formula_of_the_derivative() -> None:
    x = sympy.Symbol("x")
    node = Value(x)
    J = 2 * node**2 + node
    J.backward()
    assert sympy.expand(node.grad) == 4 * x + 1
    assert sympy.simplify((Value(x).tanh() * 3).data - 3 * sympy.tanh(x)) == 0


def test_sympy_expressions_of_known_sign_know_their_branch() -> None:
    x = sympy.Symbol("x", positive=True)
    for J in (Value(x).relu(), abs(Value(x)), Value(x).maximum(-1)):
        J.backward()
        assert (J.data, J.operands[0].grad) == (x, 1)


OPERATORS = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]


@pytest.mark.parametrize("f", OPERATORS)
@pytest.mark.parametrize("other", [2, 2.0, True, Fraction(2), np.float64(2), np.float32(2), np.int64(2), np.array(2.0)])
def test_operators_take_every_plain_number_on_both_sides(f: Callable[[Any, Any], Any], other: Any) -> None:
    x = Value(3.0)
    plain = other if isinstance(other, Fraction) else np.asarray(other).item()
    for node, expected in ((f(x, other), f(3.0, plain)), (f(other, x), f(plain, 3.0))):
        assert type(node) is Value
        assert type(node.data) is float
        assert node.data == pytest.approx(float(expected))
        node.backward()
        assert type(x.grad) is float


@pytest.mark.parametrize("f", OPERATORS)
def test_an_array_beside_a_node_becomes_an_array_of_nodes(f: Callable[[Any, Any], Any]) -> None:
    x, array = Value(3.0), np.array([[1.0, 2.0], [3.0, 4.0]])
    for nodes, expected in ((f(x, array), f(3.0, array)), (f(array, x), f(array, 3.0))):
        assert nodes.shape == (2, 2)
        assert all(type(node) is Value for node in nodes.flat)
        assert [node.data for node in nodes.flat] == pytest.approx(list(expected.flat))


@pytest.mark.parametrize("f", [operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne])
def test_comparisons_are_those_of_the_numbers(f: Callable[[Any, Any], Any]) -> None:
    for other in (2, 3.0, np.float64(4), Fraction(3), math.inf, math.nan):
        assert bool(f(Value(3.0), other)) is bool(f(3.0, other))
        assert bool(f(other, Value(3.0))) is bool(f(other, 3.0))
        assert f(Value(3.0), Value(other)) is bool(f(3.0, other))
    assert f(values([1.0, 3.0]), 2).tolist() == f(np.array([1.0, 3.0]), 2).tolist()


def test_a_node_is_itself_in_sets_and_dicts_though_equal_to_others() -> None:
    x, y = Value(1.0), Value(1.0)
    assert x == y
    assert len({x, y, x}) == 2
    assert {x: "x", y: "y"}[y] == "y"
    assert x != "1"
    assert x is not None
    assert (x == None) is False  # noqa: E711


def test_a_copy_is_the_node_itself() -> None:
    x = Value(1.0)
    assert copy.copy(x) is x
    assert copy.deepcopy([x, {"x": x}]) == [x, {"x": x}]
    assert copy.deepcopy([x])[0] is x
    W = values([1.0, 2.0])
    assert all(a is b for a, b in zip(copy.deepcopy(W), W, strict=True))


def test_truth_and_text() -> None:
    assert [bool(Value(x)) for x in (0, 0.0, -0.0, 1, -0.5, math.nan)] == [False, False, False, True, True, True]
    assert repr(Value(3.0, label="x")) == str(Value(3.0, label="x")) == f"{Value(3.0, label='x')}"
    assert repr(Value(Fraction(1, 3))) == "Value(Fraction(1, 3))"
    texts = [f"{Value(x):.2f}" for x in (1 / 3, Fraction(1, 3), 1, Exact(1) / 3)]
    assert texts == ["0.33", "0.33", "1.00", "0.33"]


def test_nodes_are_light() -> None:
    assert not hasattr(Value(1.0), "__dict__")
    with pytest.raises(AttributeError):
        Value(1.0).colour = "red"  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["__int__", "__index__", "__complex__", "__len__", "__getitem__"])
def test_nothing_lets_numpy_drop_the_gradient(name: str) -> None:
    assert not hasattr(Value, name)


@pytest.mark.parametrize("to", [float, int, complex, math.exp, round, list, np.float64, np.array([1.0]).fill])
def test_a_node_does_not_turn_into_a_number(to: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError):
        to(Value(2.0))


def test_a_float_array_refuses_a_node() -> None:
    array, x = np.zeros(3), values([1.0, 2.0, 3.0])
    with pytest.raises(TypeError):
        array[0] = x[0]
    with pytest.raises(TypeError):
        array[:] = x
    with pytest.raises(TypeError):
        array += x
    with pytest.raises(TypeError):
        np.add.at(array, [0], x[0])
    assert array.tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("2", "one real number, not str '2'"),
        (None, "one real number, not NoneType None"),
        (1j, "one real number, not complex 1j"),
        (np.complex128(1), "one real number, not complex128"),
        ([1.0], "one real number, not list"),
        (np.ones((2, 3)), r"not an array of shape \(2, 3\): values\(array, name\) makes one"),
        (Value(1.0), "not another Value"),
    ],
)
def test_data_that_are_no_number_are_refused(data: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        Value(data)


@pytest.mark.parametrize("other", ["2", None, 1j, [1.0], object()])
def test_operands_that_are_no_number_are_refused(other: Any) -> None:
    x = Value(2.0)
    for f in OPERATORS:
        with pytest.raises(TypeError):
            f(x, other)
        with pytest.raises(TypeError):
            f(other, x)
    for name in ("maximum", "power", "add"):
        with pytest.raises(TypeError, match="one real number"):
            getattr(x, name)(other)


def test_infinities_and_nan_come_without_exceptions() -> None:
    x = Value(0.0)
    results = {
        1 / x: math.inf,
        -1 / x: -math.inf,
        x.log(): -math.inf,
        (x + 1000).exp(): math.inf,
        Value(10.0) ** 400: math.inf,
        Value(1e308) * 10: math.inf,
        Value(0.0) ** -1: math.inf,
    }
    for node, expected in results.items():
        assert node.data == expected
        node.backward()
    for node in (x / 0, x * math.inf, Value(-2.0) ** 0.5, Value(-1.0).sqrt(), Value(math.inf).sin()):
        assert math.isnan(node.data)
        node.backward()


@pytest.mark.parametrize("f", [lambda x: x.log(), lambda x: x.sqrt(), lambda x: x**0.5, lambda x: x * 1.0 / 0])
def test_a_whole_zero_beside_floats_has_an_infinite_slope(f: Callable[[Value], Value]) -> None:
    x = Value(0)
    f(x).backward()
    assert x.grad == math.inf


@pytest.mark.parametrize("x", [Value(1), Value(Fraction(1, 2))])
def test_a_division_of_exact_numbers_by_zero_raises(x: Value) -> None:
    for divide in (lambda: x / 0, lambda: 1 / (x - x), lambda: (x - x) ** -1):
        with pytest.raises(ZeroDivisionError):
            divide()


def test_a_variable_exponent_has_a_gradient_a_plain_one_is_a_constant() -> None:
    x, n = Value(2.0), Value(3.0)
    J = x**n
    J.backward()
    assert (x.grad, n.grad) == (12.0, pytest.approx(8 * math.log(2)))
    J = 2**n
    J.backward()
    assert n.grad == pytest.approx(8 * math.log(2))
    J = Value(-2.0) ** 2
    J.backward()
    assert (J.operands[0].grad, J.operands[1].grad, J.operands[1].constant) == (-4.0, 0, True)
    for J in (x**2, x.power(2), np.power(x, 2)):
        assert J.op is OPS["power_n"]


def test_a_number_that_code_brings_in_is_exact_beside_exact_numbers() -> None:
    x = Value(Exact(1) / 3)
    nodes = [x * 0.1, 0.1 + x, x.maximum(0.4), x.minimum(0.1), x / 1e-5, np.sum(np.array([0.1, 0.2, x], object))]
    J = nodes[2] * nodes[3] + sum(nodes)
    J.backward()
    assert all(isinstance(node.data, Exact) for node in graph(J))
    assert nodes[2].data * nodes[3].data == Fraction(1, 25)
    assert x.grad == Fraction(1, 10) + 1 + 100_000 + 1


def test_the_slope_of_a_power_is_exact_beside_exact_numbers() -> None:
    x = Value(Exact(10) ** 9)
    J = x**1.1
    J.backward()
    assert x.grad == J.data * 11 / 10**10  # not 1.1 * x**0.10000000000000009


def test_every_row_is_a_method_under_its_numpy_name() -> None:
    for op in OPS.values():
        if op.arity and op.name != "power_n":
            node = getattr(Value(0.5), op.name)(*[0.25] * (op.arity - 1))
            assert node.op.name.removesuffix("_n") == op.name


def test_gradient_descent_may_move_the_data_of_a_leaf() -> None:
    x = Value(1.0)
    for _ in range(50):
        J = (x - 3) ** 2
        J.backward()
        x.data -= 0.25 * x.grad
    assert x.data == pytest.approx(3.0)
