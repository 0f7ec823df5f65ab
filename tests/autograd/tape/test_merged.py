"""A recording in fewer blocks: the same nodes and edges, whatever code was recorded."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd import Tape
from autograd.number.exact import ExactArray
from autograd.number.residue import KnowingResidueArray
from autograd.number.rounded import RoundedArray
from autograd.tape.blocks import Recording
from autograd.tape.merged import merged
from autograd.tape.numbers import Fractions
from autograd.tape.tape import Run


class AsTheyAre:
    """Leaves for floats with bounds."""

    def variable(self, x: Any, name: str) -> RoundedArray:
        return RoundedArray.given(x)

    def given(self, x: Any) -> RoundedArray:
        return RoundedArray.given(x)


def recorded(rng: np.random.Generator) -> tuple[Tape, Any]:
    """A random program on arrays of several shapes, in which much does not depend on each other."""
    tape = Tape()
    shapes = [(), (3,), (2, 3), (3, 1), (0,), (2, 3)]
    arrays = [tape.array(rng.integers(1, 9, shape).astype(float), f"x{k}") for k, shape in enumerate(shapes)]
    arrays.append(tape.given(np.array([[2.0], [5.0]])))
    steps = (
        lambda x, y: x * y,
        lambda x, y: x + y,
        lambda x, y: x - 2 * y,
        lambda x, y: x / (y * y + 1),
        lambda x, y: np.maximum(x, y),
        lambda x, y: abs(x - 3) * y**2,
        lambda x, y: x * y ** int(rng.integers(2, 4)),
        lambda x, y: np.sum(x) * y,
        lambda x, y: x[..., :1] * np.mean(y),
        lambda x, y: np.dot(np.ravel(x)[:2], np.ravel(x)[:2]) + y,
        lambda x, y: np.sum(np.broadcast_to(x, np.broadcast_shapes(x.shape, (2, 3))), axis=0) + y,
    )
    while len(tape.blocks) < 40:
        x, y = (arrays[rng.integers(len(arrays))] for _ in range(2))
        try:
            found = steps[rng.integers(len(steps))](x, y)
        except (ValueError, IndexError):  # the shapes do not fit
            continue
        if found.size and np.max(np.abs(found.data)) < 1e6:
            arrays.append(found)
    J: Any = sum((np.sum(x) for x in arrays[-6:]), tape.array(0.0))
    return tape, J


def edges(recording: Recording, place_of: Any) -> Counter[Any]:
    """Each edge, between places, with its operation."""
    found: Counter[Any] = Counter()
    for block in recording.blocks:
        ends = [np.broadcast_to(ids, block.whole).reshape(block.count, -1) for ids in block.operands if block.count]
        for k, node in enumerate(range(recording.size)[block.rows]):
            operands = tuple(tuple(sorted(place_of[end[k]].tolist())) for end in ends)
            found[block.op.name, int(place_of[node]), operands] += 1
    return found


@given(st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_the_nodes_and_the_edges_of_a_random_program_are_the_same(seed: int) -> None:
    tape, _ = recorded(np.random.default_rng(seed))
    found, places = merged(tape, tape.size)
    assert places is not None and len(found.blocks) < len(tape.blocks)
    assert sorted(places.tolist()) == list(range(tape.size)) and found.size == tape.size
    assert np.array_equal(found.numbers_at(places), tape.numbers_at(np.arange(tape.size)), equal_nan=True)
    back = np.argsort(places)
    if not any(
        block.op.name == "power_n" for block in tape.blocks
    ):  # whose exponents may be another node of that number
        assert edges(found, back) == edges(tape, np.arange(tape.size))
    for block in found.blocks:  # each after what it depends on
        assert all(ids.max(initial=-1) < block.start for ids in block.operands)
    assert [found.constant_at(places[leaf.rows]) for leaf in tape.leaves] == [
        tape.constant_at(np.arange(tape.size)[leaf.rows]) for leaf in tape.leaves
    ]


@given(st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_numbers_and_gradients_of_a_random_program_are_the_same(seed: int) -> None:
    tape, J = recorded(np.random.default_rng(seed))
    run, plain = tape.replay(ExactArray), Run(tape, Fractions(tape, ExactArray, 1, None), None)
    everything = tape.array(np.zeros(J.ids.item() + 1))
    everything.ids = np.arange(J.ids.item() + 1)
    for each in (run, plain):
        each.backward(J)
    assert np.array_equal(run.data(everything).lanes[0], plain.data(everything).lanes[0])
    assert np.array_equal(run.gradients(everything).lanes[0], plain.gradients(everything).lanes[0])


def loop(tape: Tape, n: int = 20) -> Any:
    x, w = tape.array(np.arange(1.0, n + 1), "x"), tape.array(np.array([0.5, -1.0]), "w")
    return sum(np.tanh(w[k % 2] * x[k]) ** 2 for k in range(n))


def test_what_a_loop_does_entry_by_entry_is_done_at_once() -> None:
    tape = Tape()
    loop(tape)
    found, _ = merged(tape, tape.size)
    chain = sum(block.op.name == "add" for block in tape.blocks)  # each adds to the one before
    assert len(tape.blocks) == 3 * 20 + chain and len(found.blocks) == 3 + chain


def test_residues_that_know_laws_are_those_of_the_code_as_it_is_written() -> None:
    """Whole arguments are compared there, and a radicand becomes a square where it is met first."""
    tape = Tape()
    x = tape.array(np.arange(1.0, 9), "x")
    J = sum(np.logaddexp(x[k], x[k + 1]) for k in range(7))
    by_hand = [np.exp(x[k] - np.logaddexp(x[k], x[k + 1])) for k in range(7)]
    run = tape.replay(KnowingResidueArray.collecting(), 2, None, J)
    run.backward(J)
    first = run.gradients(x[:1])
    assert first.same(run.data(by_hand[0].reshape(1))).all()


def test_what_comes_after_J_stays_apart_from_what_it_depends_on() -> None:
    tape = Tape()
    x = tape.array(np.arange(30.0), "x")
    J = sum(x[k] * x[k] for k in range(30))
    by_hand = [x[k] * x[k] for k in range(30)]
    found, places = merged(tape, int(J.ids))
    assert places is not None
    assert [block.shape for block in found.blocks if block.op.name == "multiply"] == [(30,), (30,)]
    run = tape.replay(ExactArray, 1, None, J)
    run.backward(J)
    assert run.gradients(x).lanes[0].tolist() == [2 * k for k in range(30)]
    assert [run.data(y).lanes[0] for y in by_hand] == [k * k for k in range(30)]


def test_what_differs_in_more_than_its_nodes_is_not_made_one() -> None:
    tape = Tape()
    x, data = tape.array(np.arange(1.0, 9), "x"), tape.given(np.arange(1.0, 9))
    for _ in range(3):
        [x**2, x**3, x**2.0, x**0.5, np.sum(x[:3]), np.sum(x[:4]), x * data, data * x, data * data]
    found, _ = merged(tape, tape.size)
    assert [len(block.operands[0]) for block in found.blocks] == [24, 24, 24, 24, 3, 3, 24, 24, 24]


def test_small_and_large_recordings_stay_what_they_are() -> None:
    tape = Tape()
    x = tape.array(np.arange(3.0), "x")
    [x[k] * x[k] for k in range(3)]
    assert merged(tape, tape.size) == (tape, None)
    large = tape.array(np.ones(1 << 16), "y")
    [large[k] * x for k in range(20)]
    assert merged(tape, tape.size)[1] is None


def test_nodes_and_questions_after_a_run_are_in_the_next() -> None:
    tape = Tape()
    J = np.sum(tape.array(np.arange(4.0), "x")) + sum(x * 2 for x in tape.array(np.arange(20.0), "y"))
    tape.replay(ExactArray)
    assert not tape.replay(RoundedArray, 2, AsTheyAre()).doubtful
    twice = J * 2
    assert tape.replay(ExactArray).data(twice).lanes[0] == 2 * tape.replay(ExactArray).data(J).lanes[0]
    x = tape.array(0.1, "x")
    assert x * 3 > 0.3  # by a rounding
    assert tape.replay(RoundedArray, 2, AsTheyAre()).doubtful


@pytest.mark.parametrize("n", [30, 300])
def test_bounds_hold_for_a_node_that_many_add_to(n: int) -> None:
    """Each of the small contributions is lost beside a large one, and then that is taken away."""
    tape = Tape()
    w = tape.array(1.0, "w")
    J = np.sum(np.stack([w * x for x in (2.0**53, *[0.75] * n, -(2.0**53))]))
    run, exact = tape.replay(RoundedArray, 2, AsTheyAre()), tape.replay(ExactArray)
    for each in (run, exact):
        each.backward(J)
    found, true = run.gradients(w), float(exact.gradients(w).lanes[0])
    assert true == 0.75 * n and abs(found.shadow - true) > 0.7 * n
    assert abs(found.shadow - true) <= found.errors <= 3 * n * n
