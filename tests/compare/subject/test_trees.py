"""Trees of arrays: names, rebuilding, and gradients matched by their structure; the outputs of a layer."""

from __future__ import annotations

import types
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest

from compare.subject.forms import as_it_was, read_outputs
from compare.subject.trees import Matched, fits, flat, joined, leaves, place_of_gradients, rebuilt
from compare.subject.usercode import UnusableCode


class Pair(NamedTuple):
    first: Any
    second: Any


@dataclass(frozen=True)
class Settings:
    eps: Any
    mode: str = "train"


TREE = {"a": [np.ones(2), (0.5, 3)], "p": Pair(np.zeros((1, 2)), {"k": 1.0}), "s": Settings(1e-5)}


def test_leaves_have_names_that_read_like_code() -> None:
    assert [name for name, _ in flat(TREE, "")] == [
        *("a[0]", "a[1][0]", "a[1][1]", "p.first", "p.second.k"),
        *("s.eps", "s.mode"),
    ]
    assert [name for name, _ in leaves(TREE, "")] == ["a[0]", "a[1][0]", "p.first", "p.second.k", "s.eps"]


def test_a_tree_is_rebuilt_in_its_own_types_and_shares_nothing() -> None:
    new = rebuilt(TREE, {"p.second.k": 7.0, "s.eps": 0.0}, "")
    assert (new["p"].second, new["s"]) == ({"k": 7.0}, Settings(0.0))
    assert type(new["p"]) is Pair and type(new["a"][1]) is tuple
    new["a"][0][:] = 9
    assert TREE["a"][0].tolist() == [1, 1]  # type: ignore[index]
    assert TREE["s"].eps == 1e-5  # type: ignore[attr-defined]
    assert rebuilt(types.SimpleNamespace(w=1.0), {"w": 2.0}, "").w == 2.0


@pytest.mark.parametrize(
    ("found", "params", "place"),
    [
        ((0.5, {"w": 1.0}), {"w": 2.0}, 1),
        (({"w": 1.0}, 0.5), {"w": 2.0}, 0),
        ((0.5, [1.0, 2.0]), (3.0, [1.0, 1.0]), None),
        ((0.5, [1.0, 2.0]), [3.0, 1.0], 1),
        ((0.5, np.ones(2)), np.ones(2), 1),
        ((0.5, 1.0), np.ones(2), None),
        ((0.5, 1.0), 2.0, 1),
        ((0.5, {"w": np.ones(3)}), {"w": np.ones(2)}, 1),  # of a wrong shape
        ((np.ones(2), np.ones(2)), [np.ones(2), np.ones(2)], None),
    ],
)
def test_loss_and_gradients_are_told_apart_by_structure(found: Any, params: Any, place: int | None) -> None:
    assert place_of_gradients(found, params) == place


def test_gradients_fit_under_their_names_or_those_with_a_d() -> None:
    assert fits({"dw": np.ones(2), "grad_b": 1.0}, {"w": np.ones(2), "b": 0.0})
    assert not fits({"dw": np.ones(2)}, {"w": np.ones(2), "b": 0.0})
    assert not fits([np.ones(2), 1.0], np.ones(2))


def test_matched_gradients() -> None:
    tree, names = {"w": np.ones(2), "n": 3, "b": 0.5}, ["w", "b"]
    for found in ([np.ones(2), 1.0], (np.ones(2), None, 1.0), {"dw": np.ones(2), "b": 1.0}, np.ones(3)):
        given = Matched(found, tree, names, "", "backward").by_name()
        assert (np.shape(given["w"]), given["b"]) == ((2,), 1.0)
    with pytest.raises(UnusableCode, match="gave 4 arrays, but there are 2 to differentiate: w, b"):
        Matched([1, 2, 3, 4], tree, names, "", "backward")
    lacking = Matched({"w": np.ones(2), "B": 1.0}, tree, names, "", "backward")
    assert lacking.problems == {"b": "there is no gradient for b in what backward gives; the dict has B: is that it?"}


def test_nested_lists_are_one_array() -> None:
    assert joined([[1.0, 2.0], (3.0, 4.0)]).tolist() == [[1, 2], [3, 4]]
    assert joined([[1.0], [1.0, 2.0]]).dtype == object


@pytest.mark.parametrize(
    ("original", "kind"),
    [(np.array(2.0), np.ndarray), (np.float64(2), np.float64), (2, int), (2.0, float), (np.float32(2), np.float32)],
)
def test_numbers_are_as_they_were(original: Any, kind: type) -> None:
    assert type(as_it_was(np.array(2.0), original)) is kind
    assert as_it_was(np.array(0.3), original) == 0.3  # what the type cannot hold


@pytest.mark.parametrize(
    ("signature", "found", "outputs"),
    [
        ("dout", (1.0,), (1, (), False)),
        ("dout", (1.0, 2.0), (2, (), False)),
        ("dout", (1.0, "kept"), (1, (), False)),
        ("dout, cache", (1.0, 2.0), (1, (), True)),
        ("dout, x", (1.0, 2.0), (1, (), True)),
        ("dout, data", (1.0, 2.0), (1, (), True)),
        ("dh, dc", (1.0, 2.0), (2, ("dh", "dc"), False)),
        ("gh, gc", (1.0, 2.0), (2, ("gh", "gc"), False)),
        ("grad_h, grad_c", (1.0, 2.0), (2, ("grad_h", "grad_c"), False)),
        ("dh, dc", (1.0, {"x": 2.0}), (1, (), True)),
        ("dh, dc, cache", (1.0, 2.0, 3.0), (2, ("dh", "dc"), True)),
        ("dh, dc, cache", ((1.0, 2.0), 3.0), (1, ("dh", "dc"), True)),
        ("dout, cache", (1.0, 2.0, 3.0), (2, (), True)),
        ("dout, cache=None", 1.0, (0, (), False)),
        ("*douts", (1.0, 2.0), (1, (), True)),
    ],
)
def test_the_signature_of_backward_tells_the_outputs(signature: str, found: Any, outputs: Any) -> None:
    assert tuple(read_outputs(found, eval(f"lambda {signature}: None"))) == outputs
