"""Every layer of examples/layers is derived from its forward pass alone, proved, and as short as a person writes it."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

from compare import Derivation, check_vjp, gradcheck
from compare.derive.derivation import derive_functions
from compare.derive.proof import as_layer
from tests.catalogue.layers import LAYERS, Layer, load, source_of
from tests.compare.derive.page import PAGE, by_hand, code_lines, derived, page


class Derived(dict[str, Derivation]):
    """The layers of the examples by name, derived when they are asked for."""

    def __missing__(self, name: str) -> Derivation:
        self[name] = derived(load(name, source_of(name)))  # a module of its own: some keep what a run leaves behind
        return self[name]


@pytest.fixture(scope="module")
def all_of_them() -> dict[str, Derivation]:
    return Derived()


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
def test_a_layer_is_derived_and_proved_here_and_at_other_sizes(
    layer: Layer, all_of_them: dict[str, Derivation]
) -> None:
    found = all_of_them[layer.name]
    assert found, found.report
    assert found.report is not None
    assert found.elsewhere
    assert len(found.report.rows) == sum(np.asarray(x).dtype.kind == "f" for x in layer.point.values())
    assert "held against the chain rule over scalars, at these sizes and at others" in str(found)


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
def test_the_derived_code_needs_numpy_alone_and_gives_the_numbers_of_the_hand_written(
    layer: Layer, all_of_them: dict[str, Derivation]
) -> None:
    found, module = all_of_them[layer.name], layer.module
    scope: dict[str, Any] = {}
    exec(found.code, scope)
    assert found.code.count("import") == 1
    point = layer.point
    if layer.is_cost:
        ours = scope["gradients"](module.params, *getattr(module, "args", ()))
        theirs = {k: x for k, x in module.gradients(module.params, *getattr(module, "args", ())).items() if k in point}
    else:
        out, cache = module.forward(*module.inputs)
        dout = np.random.default_rng(1).normal(size=np.shape(out))
        names = list(point)
        ours = scope["backward"](dout.copy(), *module.inputs)
        theirs = module.backward(dout.copy(), cache)
        theirs = theirs if isinstance(theirs, dict) else dict(zip(names, _tuple(theirs), strict=True))
        ours = dict(zip(names, _tuple(ours), strict=True))
    assert ours.keys() == theirs.keys()
    for name in ours:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-8, atol=1e-10)


def _tuple(x: Any) -> tuple[Any, ...]:
    return x if isinstance(x, tuple) else (x,)


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
def test_it_is_no_longer_than_what_a_person_wrote(layer: Layer, all_of_them: dict[str, Derivation]) -> None:
    """The derived function runs the forward pass again; so the example's lines are those of both passes."""
    assert code_lines(all_of_them[layer.name].code) <= 1.5 * code_lines(by_hand(layer.name))
    assert max(map(len, all_of_them[layer.name].code.splitlines())) <= 120


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
def test_a_wrong_line_in_the_derived_code_would_be_noticed(layer: Layer, all_of_them: dict[str, Derivation]) -> None:
    """The proof is that of a hand-written pass: with one gradient doubled it fails."""
    made, module = all_of_them[layer.name].function, layer.module
    if layer.is_cost:

        def gradients(params: Any, *args: Any) -> Any:
            grads = made(params, *args)
            first = next(iter(grads))
            return {**grads, first: 2 * grads[first]}

        args = getattr(module, "args", ())
        report = gradcheck(module.cost, gradients, module.params, *args, raise_exception=False, diagnose=False)
    else:
        forward, right = as_layer(module.forward, made, module.inputs)

        def backward(dout: Any, cache: Any) -> Any:
            grads = right(dout, cache)
            return (2 * grads[0], *grads[1:]) if isinstance(grads, tuple) else 2 * grads

        report = check_vjp(forward, backward, module.inputs, raise_exception=False, diagnose=False)
    assert sum(not row.ok for row in report.rows) == 1


def test_an_lstm_over_3_and_over_30_steps_has_the_same_text(all_of_them: dict[str, Derivation]) -> None:
    source = source_of("lstm").replace("size=(3, 2, 5)", "size=(30, 2, 5)")
    module = load("lstm", source).module
    assert module.inputs[0].shape == (30, 2, 5)
    longer = derive_functions(module.forward, module.inputs, prove=False)
    assert longer.code == all_of_them["lstm"].code
    assert inspect.signature(longer.function) == inspect.signature(all_of_them["lstm"].function)


def test_the_page_of_derivations_is_up_to_date(all_of_them: dict[str, Derivation]) -> None:
    assert PAGE.read_text("utf-8") == page({layer.name: all_of_them[layer.name] for layer in LAYERS}), (
        "python -m tests.compare.derive.page writes it"
    )
