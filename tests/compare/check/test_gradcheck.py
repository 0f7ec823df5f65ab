"""gradcheck and check_vjp: right code passes, wrong code is shown where, unusable code gets a sentence."""

# ruff: noqa: NPY002
from __future__ import annotations

import copy
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import compare
from compare import GradcheckError, Report, check_vjp, gradcheck, watch
from compare.check import UnusableCode
from compare.report.report import CONVENTION, DIFFERENT, DIGITS, INHERITED, PROVED, UNSTABLE
from tests.catalogue.layers import LAYERS, Layer

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(3, 5)), rng.normal(size=(2, 5))
params = {"W": rng.normal(size=(3, 2)), "b": rng.normal(size=(2, 1))}


def cost(p: Any, X: Any, Y: Any) -> Any:
    return np.mean((p["W"].T @ X + p["b"] - Y) ** 2)


def grads(p: Any, X: Any, Y: Any) -> Any:
    d = 2 * (p["W"].T @ X + p["b"] - Y) / Y.size
    return {"W": X @ d.T, "b": d.sum(axis=1, keepdims=True)}


def check(cost: Any, gradients: Any, *args: Any, **keywords: Any) -> Report:
    """The report, without a search for reasons unless a test asks for it."""
    return gradcheck(cost, gradients, *args, **{"raise_exception": False, "diagnose": False, **keywords})


def verdicts(report: Report) -> dict[str, str]:
    return {row.name: row.verdict for row in report.rows}


# Right code


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
def test_every_layer_is_proved_or_equal_to_many_digits(layer: Layer) -> None:
    report = (gradcheck if layer.is_cost else check_vjp)(*layer.call)
    assert {row.verdict for row in report.rows} <= {PROVED, DIGITS}


def test_params_may_have_any_structure() -> None:
    W, b = params["W"], params["b"]

    def J(W: Any, b: Any) -> Any:
        return np.sum((W.T @ X + b) ** 2)

    def d(W: Any, b: Any) -> tuple[Any, Any]:
        z = 2 * (W.T @ X + b)
        return X @ z.T, z.sum(axis=1, keepdims=True)

    nested = {"layer": {"W": W, "b": b}}
    assert gradcheck(
        lambda p: J(**p["layer"]), lambda p: {"layer": dict(zip("Wb", d(**p["layer"]), strict=True))}, nested
    )
    assert gradcheck(lambda p: J(*p), lambda p: list(d(*p)), [W, b])
    assert gradcheck(lambda p: J(*p), lambda p: d(*p), (W, b))
    assert gradcheck(lambda p: J(*p), lambda p: d(*p), [W, b])
    assert gradcheck(lambda p: J(p["l"][0], p["l"][1]), lambda p: {"l": list(d(*p["l"]))}, {"l": [W, b]})
    assert gradcheck(lambda W: J(W, b), lambda W: d(W, b)[0], W)
    assert gradcheck(lambda p: p["x"] ** 2 * p["n"], lambda p: {"x": 2 * p["x"] * p["n"]}, {"x": 0.7, "n": 3})
    assert gradcheck(lambda x: x**3, lambda x: 3 * x**2, 0.7)


@pytest.mark.parametrize("prefix", ["", "d", "dJd", "grad_", "d_"])
def test_gradients_have_the_names_of_the_parameters_or_those_with_a_d(prefix: str) -> None:
    assert gradcheck(cost, lambda *args: {prefix + name: x for name, x in grads(*args).items()}, params, X, Y)


def test_whole_numbers_and_masks_are_left_alone() -> None:
    def J(p: Any, labels: Any, mask: Any) -> Any:
        assert (labels.dtype, mask.dtype, type(p["steps"])) == (np.dtype(int), np.dtype(bool), int)
        return np.sum(p["x"][labels] * mask[labels]) * p["steps"]

    def d(p: Any, labels: Any, mask: Any) -> Any:
        dx = np.zeros_like(p["x"])
        np.add.at(dx, labels, mask[labels] * p["steps"])
        return {"x": dx}

    report = gradcheck(
        J, d, {"x": rng.normal(size=4), "steps": 2}, np.array([0, 1, 1]), np.array([True, True, False, False])
    )
    assert verdicts(report) == {"x": PROVED}


def test_nothing_of_the_callers_is_modified() -> None:
    point, data, settings = {"W": np.ones(3) * 0.3}, np.arange(3.0), {"calls": 0, "buffer": np.zeros(3)}

    def J(p: Any, data: Any, settings: Any) -> Any:
        p["W"] *= 2
        data += 1
        settings["calls"] += 1
        p["new"] = 1
        np.random.seed(5)
        return np.sum(p["W"] * data) * np.random.rand()

    def d(p: Any, data: Any, settings: Any) -> Any:
        p["W"] += 1
        np.random.seed(5)
        return {"W": 2 * (data + 1) * np.random.rand()}

    before, state = copy.deepcopy((point, data, settings)), np.random.get_state()[1].tolist()  # type: ignore[union-attr]
    assert gradcheck(J, d, point, data, settings)
    np.testing.assert_equal((point, data, settings), before)
    assert np.random.get_state()[1].tolist() == state  # type: ignore[union-attr]


def test_loss_and_gradient_may_be_one_function() -> None:
    def both(p: Any, X: Any, Y: Any) -> Any:
        return cost(p, X, Y), grads(p, X, Y)

    assert gradcheck(both, both, params, X, Y)


class Net:
    def __init__(self) -> None:
        self.cache: dict[str, Any] = {"calls": 0}

    def cost(self, W: Any) -> Any:
        self.z = W @ X
        self.cache["z"] = self.z
        self.cache["calls"] += 1
        return np.sum(np.tanh(self.z))

    def forward(self, W: Any) -> Any:
        self.z = W @ X
        return np.tanh(self.z)

    def backward(self, dout: Any) -> Any:
        return dout * (1 - np.tanh(self.z) ** 2) @ X.T

    def gradients(self, W: Any) -> Any:
        self.cost(W)
        return (1 - np.tanh(self.cache["z"]) ** 2) @ X.T


def test_methods_keep_their_state_on_self_and_it_is_as_before_afterwards() -> None:
    net, W = Net(), rng.normal(size=(2, 3))
    assert gradcheck(net.cost, net.gradients, W)
    assert check_vjp(net.forward, net.backward, (W,))
    assert vars(net) == {"cache": {"calls": 0}}


STATE: dict[str, Any] = {"count": 0}


def test_state_of_a_module_is_restored() -> None:
    def J(W: Any) -> Any:
        STATE["z"] = np.exp(W)
        STATE["count"] += 1
        return np.sum(STATE["z"])

    def d(W: Any) -> Any:
        J(W)
        return STATE["z"]

    assert gradcheck(J, d, np.array([0.3, -0.2]))
    assert STATE == {"count": 0}


def test_random_masks_that_are_seeded_are_the_same_in_every_run_and_others_are_named() -> None:
    generator = np.random.default_rng(7)

    def by_global(W: Any) -> Any:
        return np.sum(W * (np.random.rand(6) < 0.5))

    def by_seed(W: Any) -> Any:
        np.random.seed(1)
        return by_global(W)

    def by_generator(W: Any) -> Any:
        return np.sum(W * (generator.random(6) < 0.5))

    def d_global(W: Any) -> Any:
        return 1.0 * (np.random.rand(6) < 0.5)

    def d_seed(W: Any) -> Any:
        np.random.seed(1)
        return d_global(W)

    def d_generator(W: Any) -> Any:
        return 1.0 * (generator.random(6) < 0.5)

    assert gradcheck(by_seed, d_seed, rng.normal(size=6))
    for J, d in ((by_global, d_global), (by_generator, d_generator)):
        with pytest.raises(UnusableCode, match="two runs of your cost differ"):
            gradcheck(J, d, rng.normal(size=6))


# Identities that must not raise a false alarm


def _tanh_by_cosh(x: Any) -> Any:
    return 1 / np.cosh(x) ** 2


TRUE: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any], Any]] = {
    "a third": (lambda x: np.sum(x**2) / 3, lambda x: 1.0 / 3 * 2 * x, np.array([0.1, 0.7, -0.3])),
    "a product of floats": (lambda x: np.sum(0.044715 * x**3), lambda x: 0.134145 * x**2, np.array([0.1, 0.7])),
    "exp of log": (lambda p: np.sum(p * np.log(p)), lambda p: np.log(p) + np.exp(np.log(p)) / p, np.array([0.2, 0.8])),
    "softplus and sigmoid": (
        lambda x: np.sum(np.log(1 + np.exp(x))),
        lambda x: 1 / (1 + np.exp(-x)),
        np.array([0.3, -2.0]),
    ),
    "log1p": (lambda x: np.sum(np.log1p(np.exp(-x))), lambda x: -np.exp(-x) / (1 + np.exp(-x)), np.array([0.3, -2.0])),
    "sqrt and a power": (lambda v: np.sum(1 / np.sqrt(v)), lambda v: -0.5 * v**-1.5, np.array([0.3, 2.0])),
    "tanh by cosh": (lambda x: np.sum(np.tanh(x)), _tanh_by_cosh, np.array([0.3, -2.0])),
}


@pytest.mark.parametrize("name", TRUE)
def test_no_false_alarm(name: str) -> None:
    J, d, point = TRUE[name]
    assert gradcheck(J, d, point)


# Kinks and ties


def test_a_slope_at_a_kink_is_a_convention() -> None:
    x = np.array([0.0, 1.5, -0.5])
    for J, d in (
        (lambda x: np.sum(np.maximum(x, 0) ** 2 + np.maximum(x, 0)), lambda x: (2 * x + 1) * (x > 0) * 1.0),
        (lambda x: np.sum(np.where(x > 0, x, 0)), lambda x: 1.0 * (x >= 0)),
        (lambda x: np.sum(abs(x)), lambda x: np.where(x >= 0, 1.0, -1.0)),
    ):
        report = gradcheck(J, d, x)
        assert verdicts(report) == {"x": CONVENTION}
        assert "J has no derivative at this point" in str(report)
        assert (report.rows[0].equal, report.rows[0].size) == (3, 3)
    assert verdicts(gradcheck(lambda x: np.sum(np.maximum(0, x)), lambda x: 1.0 * (x > 0), x)) == {"x": PROVED}


def test_a_tie_of_a_maximum_is_a_convention() -> None:
    def shared(x: Any) -> Any:
        return (x == x.max()) / np.sum(x == x.max())

    assert verdicts(gradcheck(lambda x: np.max(x), shared, np.array([2.0, 1.0, 2.0]))) == {"x": CONVENTION}


def test_a_mistake_beside_a_kink_stays_one() -> None:
    x = np.array([0.0, 1.5, -0.5])
    assert verdicts(check(lambda x: np.sum(np.maximum(x, 0)), lambda x: 2.0 * (x >= 0), x)) == {"x": DIFFERENT}
    assert verdicts(check(lambda x: np.sum(x**2), lambda x: 2 * x + (x == 0), x)) == {"x": DIFFERENT}  # no kink at all


# Wrong code


def test_a_wrong_gradient_raises_an_assertion_error_that_is_the_report() -> None:
    def wrong(p: Any, X: Any, Y: Any) -> Any:
        found = grads(p, X, Y)
        found["W"][1, 0] += 0.5
        return found

    with pytest.raises(AssertionError) as raised:
        gradcheck(cost, wrong, params, X, Y)
    assert isinstance(raised.value, GradcheckError)
    report = raised.value.report
    assert str(raised.value).splitlines()[0] == report.headline  # what the log of a CI shows
    assert report.headline.startswith(report.summary) and report.reasons[0][1:] in report.headline
    assert str(raised.value).endswith(str(report))
    for text in ("W: 1 of 6 entries differ; at [1, 0] yours is ", ", the chain rule "):
        assert text in str(raised.value)
    report = check(cost, wrong, params, X, Y)
    assert not report
    assert verdicts(report) == {"b": PROVED, "W": DIFFERENT}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda g: {"W": g["W"]}, "there is no gradient for b in what <lambda> gives"),
        (lambda g: {**g, "b": None}, "gives None for b, but J depends on it"),
        (lambda g: {**g, "b": g["b"].T}, "your gradient has shape (1, 2), but b has shape (2, 1)"),
        (lambda g: {**g, "b": g["b"] * np.array([[1.0], [np.nan]])}, "your gradient is nan at [1, 0]"),
        (lambda g: {**g, "b": g["b"] * np.inf}, "at [0, 0]"),
        (lambda g: {**g, "b": np.array([["a"], ["b"]])}, "your gradient is no array of numbers"),
    ],
)
def test_what_is_no_gradient_is_a_red_row(change: Callable[[Any], Any], says: str) -> None:
    report = check(cost, lambda *args: change(grads(*args)), params, X, Y)
    assert verdicts(report) == {"b": DIFFERENT, "W": PROVED}
    assert says in str(report)


@pytest.mark.parametrize("arithmetic", [None, "precise", "residue", "float64"])
@pytest.mark.parametrize("change", [lambda b: b * np.nan, lambda b: b.T, lambda b: b[:1]])
def test_what_is_no_gradient_is_one_in_no_arithmetic(change: Callable[[Any], Any], arithmetic: str | None) -> None:
    def wrong(*args: Any) -> Any:
        found = grads(*args)
        return {**found, "b": change(found["b"])}

    report = check(cost, wrong, params, X, Y, arithmetic=arithmetic)
    assert report["b"].verdict == DIFFERENT and report["b"].equal == 0
    assert report["W"].ok


def test_a_cost_that_overflows_in_floats_alone_is_checked() -> None:
    """Its formula is right; the numbers of the code that overflows are not, and those of the other are."""

    def J(x: Any) -> Any:
        return np.log(np.sum(np.exp(x)))

    def shifted(x: Any) -> Any:
        e = np.exp(x - 800)
        return e / np.sum(e)

    x = np.array([800.0, 1.0])
    assert verdicts(gradcheck(J, shifted, x))["x"] in (PROVED, DIGITS)
    assert verdicts(check(J, lambda x: np.exp(x) / np.sum(np.exp(x)), x)) == {"x": UNSTABLE}


# Steps


def steps(p: Any) -> Any:
    z1 = watch("z1", p["W1"].T @ X)
    a1 = watch("a1", np.tanh(z1))
    return np.sum(watch("z2", p["W2"].T @ a1) ** 2)


def by_steps(p: Any, slip: str = "", scale: float = 2.0) -> Any:
    z1 = p["W1"].T @ X
    a1 = np.tanh(z1)
    g = {"z2": 2 * p["W2"].T @ a1}
    g["W2"] = a1 @ g["z2"].T
    g["a1"] = p["W2"] @ g["z2"]
    if slip == "a1":
        g["a1"] = g["a1"] * scale
    g["z1"] = g["a1"] * (1 - a1**2)
    g["W1"] = X @ g["z1"].T * (3 if slip == "W1" else 1)
    return {f"d{name}": x for name, x in g.items()}


two = {"W1": rng.normal(size=(3, 4)), "W2": rng.normal(size=(4, 2))}


def test_watched_steps_are_compared_in_backward_order() -> None:
    report = gradcheck(steps, by_steps, two)
    assert report.rows[0].name == "z2"
    assert {row.name for row in report.rows} == {"z2", "W2", "a1", "z1", "W1"}


def test_what_follows_a_wrong_step_is_inherited() -> None:
    report = check(steps, lambda p: by_steps(p, "a1"), two)
    assert verdicts(report) == {"z2": PROVED, "W2": PROVED, "a1": DIFFERENT, "z1": INHERITED, "W1": INHERITED}
    assert report["W1"].because == "a1"
    assert "3 of 5 gradient arrays differ from the chain rule: a1, z1, W1 (" in report.summary
    assert "W1: mismatched elements: 12 / 12 (100%), only because a1 is wrong." in str(report)


def test_a_second_mistake_is_not_inherited() -> None:
    def twice(p: Any) -> Any:
        found = by_steps(p, "a1")
        return {**found, "dW1": 3 * found["dW1"]}

    assert verdicts(check(steps, twice, two)) == {
        "z2": PROVED,
        "W2": PROVED,
        "a1": DIFFERENT,
        "z1": INHERITED,
        "W1": DIFFERENT,
    }


def test_watch_does_nothing_outside_of_a_check_and_numbers_what_recurs() -> None:
    assert watch("a", 3) == 3

    def J(x: Any) -> Any:
        for _ in range(2):
            x = watch("h", np.tanh(x))
        return np.sum(x)

    def d(x: Any) -> Any:
        h = np.tanh(x)
        g = {"h#2": np.ones(2), "h": 1 - np.tanh(h) ** 2}
        return {**g, "x": g["h"] * (1 - h**2)}

    assert [row.name for row in gradcheck(J, lambda p: d(p["x"]) if isinstance(p, dict) else d(p), np.ones(2)).rows]


# Unusable code


@pytest.mark.parametrize(
    ("J", "says"),
    [
        (lambda p, X, Y: int(cost(p, X, Y)), ["int(x) would lose the gradient", "`(lambda p, X, Y: int(cost("]),
        (lambda p, X, Y: math.floor(cost(p, X, Y)), ["math.floor has the derivative 0", "leave it out"]),
        (lambda p, X, Y: np.float64(cost(p, X, Y)), ["leave np.float64(...) out", "test_gradcheck.py"]),
        (lambda p, X, Y: np.floor(cost(p, X, Y)), ["does not depend on what it was given"]),
        (lambda p, X, Y: 1.0, ["gave float 1.0, which does not depend"]),
        (lambda p, X, Y: None, ["gave None: is its return missing?"]),
        (lambda p, X, Y: p["W"], ["must give one number, it gave an array of shape (3, 2)"]),
        (lambda p, X, Y: p["W"] @ X, ["ValueError at line ", "the inner sizes differ"]),
        (lambda p, X, Y: p["V"], ["KeyError at line ", '`(lambda p, X, Y: p["V"]']),
        (lambda p, X, Y: cost(p, X, Y) * np.nan, ["J is nan at this point"]),
        (lambda p, X, Y: np.log(0 * cost(p, X, Y)), ["J is -inf at this point", "a logarithm of 0"]),
        (lambda p, X, Y: exit(3), ["raised SystemExit at line"]),
        (lambda p, X, Y: np.sum(np.linalg.svd(p["W"])[1]), ["np.linalg.svd cannot be recorded", "at line "]),
    ],
)
def test_a_cost_that_cannot_be_checked_gets_a_sentence(J: Any, says: list[str]) -> None:
    with pytest.raises(UnusableCode) as error:
        gradcheck(J, grads, params, X, Y)
    for text in says:
        assert text in str(error.value)


def test_a_parameter_put_into_a_buffer_of_floats_keeps_its_gradient() -> None:
    buffer = np.zeros(2)

    def J(W: Any) -> Any:
        buffer[0] = W[0]
        return np.sum(buffer)

    assert gradcheck(J, lambda W: np.array([1.0, 0.0]), np.ones(2))
    assert not gradcheck(J, lambda W: np.array([1.0, 1.0]), np.ones(2), raise_exception=False)
    assert not buffer.any()


def test_float_and_copies_keep_the_gradient() -> None:
    def J(p: Any, X: Any, Y: Any) -> Any:
        W = np.array(p["W"], dtype=float)
        return float(np.squeeze(cost({"W": W.astype(np.float64), "b": p["b"].copy()}, X, Y)))

    assert gradcheck(J, grads, params, X, Y)


@pytest.mark.parametrize(
    ("gradients", "says"),
    [
        (lambda p, X, Y: None, "gave None: is its return missing?"),
        (lambda p, X, Y: X @ p["W"], "raised ValueError at line"),
        (lambda p, X, Y: (1, 2, 3), "gave 3 arrays, but there are 2 to differentiate: W, b"),
    ],
)
def test_gradients_that_cannot_be_run_get_a_sentence(gradients: Any, says: str) -> None:
    with pytest.raises(UnusableCode) as error:
        gradcheck(cost, gradients, params, X, Y)
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("point", "args", "says"),
    [
        ({**params, "W": params["W"] * np.nan}, (X, Y), r"W of shape \(3, 2\) holds nan at \[0, 0\]"),
        ({**params, "b": np.array([[1.0], [np.inf]])}, (X, Y), r"b of shape \(2, 1\) holds inf at \[1, 0\]"),
        (params, (X * np.nan, Y), "J is nan"),
        (params, (X[:, :0], Y[:, :0]), "J is nan|ZeroDivisionError"),
        ({}, (X, Y), "params holds no array"),
        ({"W": "0.5"}, (X, Y), "params holds no array or number of floats"),
    ],
)
def test_data_that_cannot_be_used_get_a_sentence(point: Any, args: Any, says: str) -> None:
    with pytest.raises(UnusableCode, match=says):
        gradcheck(cost, grads, point, *args)


def test_an_empty_parameter_is_no_problem() -> None:
    report = gradcheck(cost, grads, {"W": np.zeros((0, 2)), "b": params["b"]}, X[:0], Y)
    assert report["W"].size == 0
    assert "W of shape (0, 2) is empty" in str(report)


# Purity


def test_a_backward_pass_that_changes_its_cache_is_told() -> None:
    def forward(x: Any, w: Any) -> Any:
        return x @ w, (x, w, {"mask": np.ones(5)})

    def tidy(dout: Any, cache: Any) -> Any:
        x, w, _ = cache
        return dout @ w.T, x.T @ dout

    def untidy(dout: Any, cache: Any) -> Any:
        dout *= 2
        dout /= 2
        cache[2]["mask"][0] = 3
        return tidy(dout, cache)

    def worse(dout: Any, cache: Any) -> Any:
        found = tidy(dout, cache)
        cache[0][...] *= 2
        return found

    inputs = rng.normal(size=(4, 3)), rng.normal(size=(3, 2))
    assert "in place" not in str(check_vjp(forward, tidy, inputs))
    assert any(
        "untidy changes cache[2].mask in place: work on a copy." in x
        for x in check_vjp(forward, untidy, inputs).evidence
    )
    assert any(
        "worse changes cache[0] in place; called again with the same, it gives other gradients" in x
        for x in check_vjp(forward, worse, inputs).evidence
    )


def test_gradients_that_change_their_parameters_are_told() -> None:
    def d(p: Any, X: Any, Y: Any) -> Any:
        found = grads(p, X, Y)
        p["W"] -= 0.1 * found["W"]
        return found

    assert any("d changes p.W in place; called again" in x for x in gradcheck(cost, d, params, X, Y).evidence)


# Another point


def test_generic_checks_at_another_point() -> None:
    zeros = {"W": np.zeros((3, 2)), "b": np.zeros((2, 1))}

    def forgetful(p: Any, X: Any, Y: Any) -> Any:
        found = grads(p, X, Y)
        return {**found, "b": found["b"] + p["b"]}

    report = gradcheck(cost, forgetful, zeros, X, Y, arithmetic="float64")
    assert any("every entry of b is 0" in line for line in report.evidence)
    assert not check(cost, forgetful, zeros, X, Y, generic=True)
    assert gradcheck(cost, grads, zeros, X, Y, generic=True)
    assert zeros["W"].any() == 0


def test_the_upstream_gradient_is_not_the_input_of_people_who_take_the_same_seed() -> None:
    """With dout equal to x the true gradient of this cosine's direction is zero, and so is a wrong one."""

    def forward(x: Any) -> Any:
        norm = np.sqrt(np.sum(x**2))
        return x / norm, (x, norm)

    def backward(dout: Any, cache: Any) -> Any:
        return 0 * dout

    x = np.random.default_rng(0).normal(size=5)
    report = check_vjp(forward, backward, (x,), raise_exception=False)
    assert report["x"].verdict == "different"
    assert report["x"].equal == 0


def test_numbers_are_printed_with_percent_too(capsys: pytest.CaptureFixture[str]) -> None:
    def gradients(w: Any) -> Any:
        print("%.3f" % np.sum(w))  # noqa: UP031
        return 2 * w

    assert gradcheck(lambda w: np.sum(w**2), gradients, np.array([0.5, 1.0]))
    assert "1.500" in capsys.readouterr().out


def test_pytest_shows_the_line_of_the_test_and_not_ours() -> None:
    with pytest.raises(GradcheckError) as raised:
        check_vjp(lambda x: x**2, lambda dout: dout, (np.array([0.5, 2.0]),))
    package = str(Path(compare.__file__).parent)
    ours = [entry for entry in raised.traceback if str(entry.path).startswith(package)]
    assert ours
    assert all(entry.ishidden(raised) for entry in ours)
