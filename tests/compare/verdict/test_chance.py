"""The chance of a false agreement: one bound for scalars and arrays, from what one run collected."""

import numpy as np
import pytest

from autograd.number.degree import Atoms, Degree, DegreeArray
from autograd.number.residue import PRIME, SMALL_PRIME, Residue, ResidueArray
from compare.subject.arithmetic import degrees
from compare.verdict.chance import CHANCE, chance_of_error, enough_points


def scalars(*contents):
    array = np.empty(len(contents), object)
    array[:] = [Degree.of((content, 1.0)) for content in contents]
    return array


def array(size, degree):
    return DegreeArray(np.ones(size), degree=degree)


def test_without_functions_it_is_the_lemma_for_scalars_and_arrays():
    sides = [(scalars((3, 1), (0, 0)), scalars((2, 5), (1, 0)))]
    assert chance_of_error(sides, [], 2, Residue) == pytest.approx(2 * (8 / PRIME) ** 2)
    sides = [(array(2, (3, 1)), array(2, (2, 5)))]
    assert chance_of_error(sides, [], 2, ResidueArray) == pytest.approx(2 * (8 / SMALL_PRIME) ** 2)


def test_arguments_of_the_same_function_may_be_confused():
    sides = [(scalars((1, 0)), scalars((1, 0)))]
    few, many = [Atoms("exp", 3, 5), Atoms("tanh", 4, 2)], [Atoms("exp", 7, 5)]
    assert chance_of_error(sides, few, 2, Residue) == pytest.approx(((1 + (9 + 16) / 2 * 2 * 5) / PRIME) ** 2)
    assert chance_of_error(sides, many, 2, Residue) > chance_of_error(sides, few, 2, Residue)
    # an array knows an argument by all points together, and by a hash of 64 bits at each
    known = 12.5 * (2 * 5 / SMALL_PRIME) ** 2 + (1 / SMALL_PRIME + 12.5 / 2**64) ** 2
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
    first: list[Atoms] = []
    second: list[Atoms] = []
    x, y = (DegreeArray.collecting(atoms).variable(np.ones((2, 3))) for atoms in (first, second))
    np.exp(np.dot(x, x.T))
    np.tanh(y[0] / (1 + y[0]))
    assert first == [Atoms("exp", 4, 2)] and second == [Atoms("tanh", 3, 2)]
    with pytest.raises(TypeError, match="beside"):
        x + y
