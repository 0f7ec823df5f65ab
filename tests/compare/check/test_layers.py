"""The example layers are right, and every planted mistake is one: shown by differences, without the checker."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.catalogue.layers import FOLDER, LAYERS, Layer, load
from tests.catalogue.mistakes import MISTAKES, Mistake, mistaken, mutated_source


def differences(J: Callable[[dict[str, Any]], float], point: dict[str, Any], h: float = 1e-4) -> dict[str, Any]:
    """Central differences of sixth order: on smooth functions of this size, right to about 1e-11."""
    slopes = {}
    for name, array in point.items():
        slopes[name] = np.zeros(np.shape(array))
        for index in np.ndindex(np.shape(array)):

            def at(step: float, name: str = name, array: Any = array, index: tuple[int, ...] = index) -> float:
                moved = np.array(array, dtype=float)
                moved[index] += step
                return J({**point, name: moved})

            near, far, farthest = ((at(k * h) - at(-k * h)) / (2 * h) for k in (1, 2, 3))
            slopes[name][index] = 1.5 * near - 0.3 * far + farthest / 30
    return slopes


def error(claimed: Any, true: Any) -> float:
    """Largest difference relative to the largest true entry; infinite where the shapes differ."""
    if np.shape(claimed) != np.shape(true):
        return np.inf
    return float(np.max(np.abs(claimed - true)) / np.max(np.abs(true)))


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
def test_every_layer_is_right(layer: Layer) -> None:
    J, gradients = layer.scalar()
    true, claimed = differences(J, layer.point), gradients(layer.point)
    assert claimed.keys() >= true.keys()
    assert {name: error(claimed[name], true[name]) for name in true if error(claimed[name], true[name]) > 1e-7} == {}


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
def test_every_layer_says_what_it_is_in_one_line(layer: Layer) -> None:
    assert layer.module.__doc__
    assert "\n" not in layer.module.__doc__
    assert layer.module.__doc__.endswith(".")
    assert f"| `{layer.name}` | {layer.module.__doc__} |" in (FOLDER.parent / "README.md").read_text("utf-8")


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_every_mistake_changes_a_gradient(mistake: Mistake) -> None:
    layer, right = mistaken(mistake), load(mistake.layer)
    (J, gradients), (J_right, gradients_right) = layer.scalar(), right.scalar()
    assert J(layer.point) == J_right(right.point), "the mistake must leave the forward pass as it is"
    claimed, true = gradients(layer.point), gradients_right(right.point)
    assert claimed.keys() == true.keys()
    assert max(error(claimed[name], true[name]) for name in true) > 1e-3


def test_the_catalogue_is_in_order() -> None:
    names = [str(mistake) for mistake in MISTAKES]
    assert len(set(names)) == len(names) >= 230
    assert {mistake.layer for mistake in MISTAKES} == {layer.name for layer in LAYERS}


def test_an_edit_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'gone' occurs 0 times in affine.py, not once"):
        mutated_source("affine", Mistake("affine", "invented", [("gone", "")]))


def test_the_source_of_an_edited_layer_can_be_read() -> None:
    mistake = MISTAKES[0]
    layer = mistaken(mistake)
    assert inspect.getsource(layer.call[1]) in mutated_source(mistake.layer, mistake)
