"""The chance of a false agreement: one bound for scalars and arrays, from what one run collected."""

import numpy as np
import pytest

from autograd.number.degree import Atoms, Bound, Degree
from autograd.number.modulo import PRIME, PRIMES
from autograd.number.residue import Residue, ResidueArray
from compare import GradcheckError, gradcheck
from compare.report.report import DIFFERENT, PROVED
from compare.subject.arithmetic import degrees
from compare.subject.tape import OnTape
from compare.verdict.chance import CHANCE, FEW_POINTS, chance_of_error, enough_points
from tests.compare.verdict.judging import judged_row


def scalars(*contents):
    array = np.empty(len(contents), object)
    array[:] = [Degree.of((content, 1.0)) for content in contents]
    return array


def array(size, degree):
    return ResidueArray(np.ones(size), bound=Bound(degree, degree[0] - degree[1], {-1: (1, degree[1])}))


def test_without_functions_it_is_the_lemma_for_scalars_and_arrays():
    sides = [(scalars((3, 1), (0, 0)), scalars((2, 5), (1, 0)))]
    assert chance_of_error(sides, [], 2, Residue) == pytest.approx(2 * (8 / PRIME) ** 2)
    sides = [(array(2, (3, 1)), array(2, (2, 5)))]
    assert chance_of_error(sides, [], 2, ResidueArray) == pytest.approx(2 * (8 / PRIMES[-1]) ** 2)


def test_arguments_of_the_same_function_may_be_confused():
    sides = [(scalars((1, 0)), scalars((1, 0)))]
    few, many = [Atoms("exp", 3, 5), Atoms("tanh", 4, 2)], [Atoms("exp", 7, 5)]
    assert chance_of_error(sides, few, 2, Residue) == pytest.approx(((1 + (9 + 16) / 2 * 2 * 5) / PRIME) ** 2)
    assert chance_of_error(sides, many, 2, Residue) > chance_of_error(sides, few, 2, Residue)
    # an array knows an argument by all points together, and by a hash of 64 bits at each
    known = 12.5 * (2 * 5 / PRIMES[-1]) ** 2 + (1 / PRIMES[-1] + 12.5 / 2**64) ** 2
    assert chance_of_error([(array(1, (1, 0)), array(1, (1, 0)))], few, 2, ResidueArray) == pytest.approx(known)


def test_what_has_another_shape_cannot_be_mistaken_for_equal():
    assert chance_of_error([(None, scalars((9, 0)))], [], 2, Residue) == 0
    assert chance_of_error([(np.ones(3), scalars((9, 0)))], [], 2, Residue) == 0


def test_it_is_never_above_1():
    assert chance_of_error([(scalars((PRIME, 0)), scalars((1, 0)))], [], 2, Residue) == 1


def test_points_are_added_until_the_chance_is_small():
    easy, hard = [(array(4, (3, 0)), array(4, (3, 0)))], [(array(4, (10**6, 0)), array(4, (1, 0)))]
    for sides in (easy, hard):
        points, chance = enough_points(sides, [])
        assert chance < CHANCE and chance == chance_of_error(sides, [], points, ResidueArray)
    assert enough_points(easy, [])[0] == 2 < enough_points(hard, [])[0] == 4


def test_degrees_beyond_all_help_take_a_few_points_and_the_chance_says_so():
    huge = [(array(4, (10**400, 0)), array(4, (1, 0)))]
    assert enough_points(huge, [Atoms("log", 1, 10**400)]) == (FEW_POINTS, 1.0)


def test_two_runs_share_no_collector():
    first: list[Atoms] = []
    second: list[Atoms] = []
    here, there = degrees(first), degrees(second)
    x, y = here.variable("x", 0.5), there.variable("x", 0.5)
    (x * x).exp()
    y.tanh()
    here.given(2.0).exp()
    assert first == [Atoms("exp", 1, 2), Atoms("exp", 1, 0)] and second == [Atoms("tanh", 1, 1)]
    assert Degree.atoms is None and Degree.variable(0.5).exp().content == (1, 0)


def test_two_runs_of_arrays_share_no_collector():
    first, second = (ResidueArray.collecting() for _ in range(2))
    x, y = (numbers.random(np.ones((2, 3)), 1, np.random.default_rng(0)) for numbers in (first, second))
    np.exp(np.dot(x, x.T))
    np.tanh(y[0] / (1 + y[0]))
    assert first.met() == [Atoms("exp", 4, 2)] and second.met() == [Atoms("tanh", 3, 2)]
    assert ResidueArray.met() == []
    with pytest.raises(TypeError, match="beside"):
        x + y


@pytest.mark.parametrize(("grad", "runs"), [(lambda x: 2000 * x**1999, [2, 3]), (lambda x: 1999 * x**1999, [2])])
def test_a_run_that_agrees_is_repeated_where_its_degrees_need_more_points(monkeypatch, grad, runs):
    taken, residues = [], OnTape.residues

    def counting(self, points, seed, numbers_of):
        taken.append(points)
        return residues(self, points, seed, numbers_of)

    monkeypatch.setattr(OnTape, "residues", counting)
    if len(runs) == 1:
        with pytest.raises(GradcheckError):
            gradcheck(lambda x: np.sum(x**2000), grad, np.ones(9))
    else:
        assert "3 random points" in "".join(gradcheck(lambda x: np.sum(x**2000), grad, np.ones(9)).evidence)
    assert taken == runs


# A constant of the code, or a number of the data, that is 0 modulo the prime

rng = np.random.default_rng(8)
A, t, w = rng.normal(size=(4, 3)), rng.normal(size=4), rng.normal(size=3)
HIDDEN = np.full(3, PRIMES[0] * 2.0**-120)  # exact in binary; 1e-27 of the gradient


def squares(w):
    return np.sum((A @ w - t) ** 2)


def slopes(w):
    return 2 * A.T @ (A @ w - t)


@pytest.mark.parametrize("p", [*PRIMES[:2], PRIME])
@pytest.mark.parametrize(
    "wrong",
    [
        lambda w, p: (1 + p) * slopes(w),
        lambda w, p: (1.0 - 3 * p) * slopes(w),
        lambda w, p: slopes(w) + p * w,
        lambda w, p: slopes(w) + p * w / 10**40,  # no float64 shows it
        lambda w, p: slopes(w) * (1 + HIDDEN),
    ],
)
def test_no_constant_hides_behind_the_prime(wrong, p):
    row = judged_row(squares, lambda w: wrong(w, p), w)
    assert row.verdict == DIFFERENT and not row.says  # no word of rounding, nor of this point


def test_no_number_of_the_data_hides_behind_the_prime():
    assert judged_row(squares, lambda w: slopes(w) + HIDDEN * w, w).verdict == DIFFERENT
    assert judged_row(lambda w: squares(w) + PRIMES[0] / 10**40 * np.sum(w**3), slopes, w).verdict == DIFFERENT


@pytest.mark.parametrize("p", [*PRIMES[:2], PRIME])
def test_constants_that_are_multiples_of_the_prime_are_no_mistake(p):
    assert judged_row(lambda w: (1 + p) * squares(w), lambda w: (1 + p) * slopes(w), w).verdict == PROVED
    assert judged_row(squares, lambda w: slopes(w) + (p - p) * w, w).verdict == PROVED


def test_nothing_hides_in_a_large_graph_where_floats_show_it():
    W, X = rng.normal(size=(20, 30)), rng.normal(size=(30, 40))

    def cost(W):
        return np.sum((W @ X) ** 2)

    for p in (*PRIMES[:2], PRIME):
        row = judged_row(cost, lambda W, p=p: (1 + p) * 2 * W @ X @ X.T, W)
        assert row.verdict == DIFFERENT
    assert judged_row(cost, lambda W: 2 * W @ X @ X.T, W).verdict == PROVED
