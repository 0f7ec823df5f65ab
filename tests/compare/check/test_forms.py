"""The forms in which people keep parameters, return gradients and write layers: each of them right and wrong."""

from __future__ import annotations

import collections
import re
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest

from compare import Report, check_vjp, gradcheck
from compare.check import UnusableCode

rng = np.random.default_rng(5)
X, y = rng.normal(size=(6, 3)), rng.normal(size=6)
W0, B0 = rng.normal(size=3), 0.4


class Pair(NamedTuple):
    w: Any
    b: Any


@dataclass
class Line:
    w: Any
    b: Any


@dataclass(frozen=True)
class Frozen:
    w: Any
    b: Any


class Attributes(dict[str, Any]):
    __getattr__ = dict.__getitem__


def cost(w: Any, b: Any) -> Any:
    return np.sum((X @ w + b - y) ** 2)


def slopes(w: Any, b: Any, factor: float = 2) -> tuple[Any, Any]:
    d = X @ w + b - y
    return 2 * X.T @ d, factor * np.sum(d)


def check(J: Any, gradients: Any, *args: Any) -> Report:
    return gradcheck(J, gradients, *args, raise_exception=False, diagnose=False)


def layer(forward: Any, backward: Any, inputs: Any) -> Report:
    return check_vjp(forward, backward, inputs, raise_exception=False, diagnose=False)


def wrong(report: Report) -> list[str]:
    return [row.name for row in report.rows if not row.ok]


def said(report: Report) -> str:
    return "\n".join(report.evidence)


# Parameters

FIELDS = [Pair, Line, Frozen, lambda w, b: SimpleNamespace(w=w, b=b), lambda w, b: Attributes(w=w, b=b)]


@pytest.mark.parametrize("make", FIELDS)
def test_parameters_may_have_fields(make: Any) -> None:
    def J(p: Any) -> Any:
        assert type(p) is type(make(0, 0))
        return cost(p.w, p.b)

    point = make(W0, B0)
    assert check(J, lambda p: make(*slopes(p.w, p.b)), point)
    report = check(J, lambda p: make(*slopes(p.w, p.b, 1)), point)
    assert (wrong(report), {row.name for row in report.rows}) == (["b"], {"w", "b"})
    assert check(J, lambda p: dict(zip(("dw", "db"), slopes(p.w, p.b), strict=True)), point)


def test_parameters_may_be_nested_in_any_way() -> None:
    point = Frozen(w=[(W0, {"b": B0})], b=Pair(np.ones(2) * 0.3, 1.5))

    def J(p: Any) -> Any:
        ((w, inner),) = p.w
        return cost(w, inner["b"]) + np.sum(p.b.w**2) * p.b.b

    def gradients(p: Any, factor: float) -> Any:
        ((w, inner),) = p.w
        dw, db = slopes(w, inner["b"])
        return Frozen(w=[(dw, {"b": db})], b=Pair(2 * p.b.w * p.b.b, factor * np.sum(p.b.w**2)))

    report = check(J, lambda p: gradients(p, 1), point)
    assert report
    assert {row.name for row in report.rows} == {"w[0][0]", "w[0][1].b", "b.w", "b.b"}
    assert wrong(check(J, lambda p: gradients(p, 2), point)) == ["b.b"]


def rosenbrock(x: Any) -> Any:
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


def of_rosenbrock(x: Any, factor: float = 400) -> Any:
    a = x[1] - x[0] ** 2
    return np.array([-2 * (1 - x[0]) - factor * x[0] * a, 200 * a])


@pytest.mark.parametrize("start", [[-1.2, 1.0], (-1.2, 1.0), [-1.2, 1]])
def test_a_list_of_floats_is_a_vector_where_the_gradient_is_one(start: Any) -> None:
    report = check(rosenbrock, of_rosenbrock, start)
    assert (bool(report), report["x"].shape) == (True, (2,))
    assert wrong(check(rosenbrock, lambda x: of_rosenbrock(x, 200), start)) == ["x"]
    assert check(lambda x: np.sum((x - 1) ** 3), lambda x: 3 * (x - 1) ** 2, start)  # as for an array
    apart = check(rosenbrock, lambda x: list(of_rosenbrock(x)), [-1.2, 1.0])
    assert {row.name for row in apart.rows} == {"x[0]", "x[1]"}


def test_an_integer_with_a_gradient_is_a_float() -> None:
    def J(p: Any) -> Any:
        return cost(p["w"], p["b"])

    def gradients(p: Any, factor: float = 2) -> Any:
        return dict(zip("wb", slopes(p["w"], p["b"], factor), strict=True))

    for point in ({"w": W0, "b": 0}, {"w": np.array([1, 0, -2]), "b": 0.5}, {"w": np.arange(3), "b": np.int64(1)}):
        report = check(J, gradients, point)
        assert (bool(report), len(report.rows)) == (True, 2)
        assert wrong(check(J, lambda p: gradients(p, 1), point)) == ["b"]


def test_an_integer_without_a_gradient_is_said_to_be_left_out() -> None:
    def J(p: Any) -> Any:
        return np.sum(p["w"] ** 2) * p["n"]

    report = check(J, lambda p: {"w": 2 * p["w"] * p["n"]}, {"w": W0, "n": 3})
    assert (bool(report), [row.name for row in report.rows]) == (True, ["w"])
    assert "not compared: n, an integer, for which <lambda> gives no gradient." in said(report)


def test_an_integer_that_must_be_one_is_said_to_be_left_out() -> None:
    def J(p: Any) -> Any:
        return sum(np.sum(p["w"] ** 2) for _ in range(p["n"]))

    report = check(J, lambda p: {"w": 2 * p["w"] * p["n"], "n": 0}, {"w": W0, "n": 3})
    assert (bool(report), [row.name for row in report.rows]) == (True, ["w"])
    assert "not compared: n, which J needs as integers." in said(report)


@pytest.mark.parametrize("make", [lambda w: np.full(3, 0), lambda w: np.zeros_like(np.arange(3)), np.zeros_like])
def test_a_gradient_of_integers_is_truncated(make: Any) -> None:
    def gradients(w: Any) -> Any:
        g = make(w)
        for j in range(3):
            g[j] = 2 * X[:, j] @ (X @ w - y)
        return g

    start = np.array([2, -1, 3]) if make is np.zeros_like else W0
    report = check(lambda w: np.sum((X @ w - y) ** 2), gradients, start)
    assert wrong(report) == ["w"]
    assert "your dw has dtype int64: what was written into it was truncated" in str(report)
    assert check(lambda w: np.sum(w), lambda w: np.ones(3, int), W0)  # whole numbers lose nothing


# Gradients


def test_a_misspelt_key_is_named() -> None:
    def J(p: Any) -> Any:
        return np.sum((p["gamma"] * X + p["out"]["beta"]) ** 2)

    def gradients(p: Any, gamma: str, beta: str) -> Any:
        d = 2 * (p["gamma"] * X + p["out"]["beta"])
        return {gamma: (d * X).sum(axis=0), "out": {beta: d.sum()}}

    point = {"gamma": W0, "out": {"beta": B0}}
    assert check(J, lambda p: gradients(p, "dgamma", "d_beta"), point)
    report = check(J, lambda p: gradients(p, "gama", "Beta"), point)
    assert set(wrong(report)) == {"gamma", "out.beta"}
    assert "there is no gradient for gamma in what <lambda> gives; the dict has gama: is that it?" in str(report)
    assert "the dict has Beta: is that it?" in str(report)
    assert wrong(check(J, lambda p: gradients(p, "gama", "beta"), {**point, "gamma": np.arange(3)})) == ["gamma"]


def test_a_surplus_key_is_remarked_on() -> None:
    def gradients(p: Any) -> Any:
        dw, db = slopes(**p)
        return {"loss": cost(**p), "w": dw, "b": db}

    report = check(lambda p: cost(**p), gradients, {"w": W0, "b": B0})
    assert report
    assert "not compared: loss, which gradients gives as well." in said(report)


def test_none_is_a_gradient_of_what_is_not_used() -> None:
    point = {"w": W0, "b": B0, "spare": np.ones(2)}
    report = check(lambda p: cost(p["w"], p["b"]), lambda p: {**gradients_of(p), "spare": None}, point)
    assert report
    assert "spare: its gradient is None, and J does not depend on it." in said(report)
    report = check(lambda p: cost(p["w"], p["b"]), lambda p: {**gradients_of(p), "b": None, "spare": None}, point)
    assert wrong(report) == ["b"]
    assert "gives None for b, but J depends on it" in str(report)


def gradients_of(p: Any) -> dict[str, Any]:
    return dict(zip("wb", slopes(p["w"], p["b"]), strict=True))


def test_gradients_may_be_lists_and_tuples() -> None:
    def J(p: Any) -> Any:
        return np.sum(p["A"] ** 3) + np.sum(np.exp(p["c"]))

    def gradients(p: Any, power: int) -> Any:
        return {"A": (3 * p["A"] ** power).tolist(), "c": tuple(np.exp(v) for v in p["c"])}

    point = {"A": rng.normal(size=(2, 3)), "c": rng.normal(size=4)}
    assert check(J, lambda p: gradients(p, 2), point)
    assert wrong(check(J, lambda p: gradients(p, 1), point)) == ["A"]
    ragged = check(J, lambda p: {**gradients(p, 2), "A": [[1.0], [1.0, 2.0]]}, point)
    assert wrong(ragged) == ["A"]


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(
    ("J", "dJ", "point"),
    [
        (lambda p: cost(**p), gradients_of, {"w": W0, "b": B0}),
        (lambda p: cost(*p), lambda p: slopes(*p), (W0, B0)),
        (lambda p: cost(*p), lambda p: list(slopes(*p)), [W0, B0]),
        (lambda x: x**3, lambda x: 3 * x**2, 0.7),
        (lambda x: np.sum(x**3), lambda x: 3 * x**2, W0),
        (lambda x: np.sum(x**3), lambda x: 3 * x**2, W0[:2]),
        (lambda p: p[0] ** 2 * p[1], lambda p: [2 * p[0] * p[1], p[0] ** 2], (1.5, 0.5)),
    ],
)
def test_one_function_may_give_the_cost_and_the_gradients(J: Any, dJ: Any, point: Any, order: int) -> None:
    def both(p: Any) -> Any:
        return (J(p), dJ(p))[::order]

    if isinstance(point, float):
        order = 1  # of two numbers the first one is the cost
    assert check(both, both, point)
    assert check(J, both, point)
    assert not check(both, lambda p: (J(p), _scaled(dJ(p)))[::order], point)


def _scaled(g: Any) -> Any:
    if isinstance(g, dict):
        return {key: 3 * x for key, x in g.items()}
    return type(g)(3 * x for x in g) if isinstance(g, (list, tuple)) else 3 * g


def test_a_number_and_a_list_of_numbers_are_gradients_where_the_parameters_are_so() -> None:
    def J(p: Any) -> Any:
        s, (u, v) = p
        return s * (u**2 + 3 * v)

    def gradients(p: Any, factor: float) -> Any:
        s, (u, v) = p
        return u**2 + factor * v, [2 * s * u, 3 * s]

    point = (1.5, [0.3, 0.2])
    assert check(J, lambda p: gradients(p, 3), point)
    assert wrong(check(J, lambda p: gradients(p, 2), point)) == ["p[0]"]


def test_one_vector_for_many_parameters_is_cut_in_their_order() -> None:
    def vector(p: Any) -> Any:
        dw, db = slopes(**p)
        return np.concatenate([dw, [db]])

    point = {"w": W0, "b": B0}
    report = check(lambda p: cost(**p), vector, point)
    assert report
    assert "gives one vector: it was cut into w, b, in this order" in said(report)
    assert not check(lambda p: cost(**p), lambda p: vector(p)[::-1], point)
    with pytest.raises(UnusableCode, match=r"one array of shape \(3,\), but there are 2 arrays of 4 numbers"):
        check(lambda p: cost(**p), lambda p: vector(p)[:3], point)


# Layers

x0, v0 = rng.normal(size=(4, 3)), rng.normal(size=(3, 2))


def test_a_layer_may_give_a_scalar() -> None:
    def forward(scores: Any, targets: Any) -> Any:
        r = scores - targets
        return 0.5 * np.mean(r**2), r

    def backward(dout: Any, r: Any) -> Any:
        assert np.ndim(dout) == 0
        g = dout * r / r.size
        return g, -g

    targets = rng.normal(size=(4, 3))
    assert layer(forward, backward, (x0, targets))
    assert wrong(layer(forward, lambda dout, r: (r / r.size, -dout * r / r.size), (x0, targets))) == ["scores"]


class Moments:
    def forward(self, x: Any) -> Any:
        self.x, self.mean = x, x.mean(axis=0)
        return self.mean, np.mean((x - self.mean) ** 2, axis=0)

    def backward(self, dmean: Any, dvar: Any) -> Any:
        return (dmean + 2 * (self.x - self.mean) * dvar) / len(self.x)

    def mistaken(self, dmean: Any, dvar: Any) -> Any:
        return (dmean + (self.x - self.mean) * dvar) / len(self.x)

    def as_one(self, dout: Any) -> Any:
        return self.backward(*dout)


def test_two_outputs_and_no_cache_are_both_compared() -> None:
    moments = Moments()
    assert layer(moments.forward, moments.backward, (x0,))
    assert layer(moments.forward, moments.as_one, (x0,))
    assert wrong(layer(moments.forward, moments.mistaken, (x0,))) == ["x"]


def squares(x: Any) -> Any:
    return x**2, 3 * x, x


@pytest.mark.parametrize(
    ("forward", "backward"),
    [
        (squares, lambda f: lambda dh, dc, cache: 2 * dh * cache + f * dc),
        (squares, lambda f: lambda dout, cache: 2 * dout[0] * cache + f * dout[1]),
        (lambda x: (squares(x)[:2], x), lambda f: lambda dh, dc, cache: 2 * dh * cache + f * dc),
        (lambda x: (squares(x)[:2], x), lambda f: lambda douts, cache: 2 * douts[0] * cache + f * douts[1]),
        (lambda x: ({"h": x**2, "c": 3 * x}, x), lambda f: lambda d, cache: 2 * d["h"] * cache + f * d["c"]),
        (lambda x: (Pair(x**2, {"c": 3 * x}), x), lambda f: lambda d, cache: 2 * d.w * cache + f * d.b["c"]),
        (lambda x: (x**2, 3 * x, x, "kept"), lambda f: lambda dh, dc, x, word: 2 * dh * x + f * dc),
    ],
)
def test_every_output_is_compared(forward: Any, backward: Any) -> None:
    assert layer(forward, backward(3), (x0,))
    for factor in (0, 1):
        assert wrong(layer(forward, backward(factor), (x0,))) == ["x"]


@pytest.mark.parametrize("factor", [1, 2])
def test_the_first_upstream_gradient_may_be_called_dout(factor: int) -> None:
    def forward(x: Any, v: Any) -> Any:
        z = x @ v
        return 2 * z, np.tanh(z), (x, v, z)

    def backward(dout: Any, dside: Any, cache: Any) -> Any:
        x, v, z = cache
        dz = dout * 2 + factor * dside * (1 - np.tanh(z) ** 2)
        return dz @ v.T, x.T @ dz

    assert wrong(layer(forward, backward, (x0, v0))) == ([] if factor == 1 else ["x", "v"])


def test_what_is_kept_for_the_way_back_is_no_output() -> None:
    assert layer(lambda x: (x**2, x), lambda dout, x: 2 * dout * x, (x0,))
    assert layer(lambda x: (x**2, x), lambda dout, *cache: 2 * dout * cache[0], (x0,))
    assert layer(lambda x, *, width=1: (x.reshape(4, 3) * width, width), lambda dout, width: dout * width, (x0,))
    assert layer(lambda x: (2 * x, x), lambda dout, data: 2 * dout, (x0,))
    assert layer(lambda x: np.repeat(x, 2, axis=0), lambda dout: dout[::2] + dout[1::2], (x0,))


def test_hyper_parameters_among_the_inputs_are_not_compared() -> None:
    @dataclass(frozen=True)
    class Settings:
        leak: float
        mode: str = "train"

    def forward(x: Any, v: Any, settings: Any) -> Any:
        leak = settings["leak"] if isinstance(settings, dict) else getattr(settings, "leak", settings)
        z = x @ v
        return np.where(z > 0, z, leak * z), (x, v, z, leak)

    def backward(dout: Any, cache: Any) -> Any:
        x, v, z, leak = cache
        dz = dout * np.where(z > 0, 1.0, leak)
        return dz @ v.T, x.T @ dz

    def mistaken(dout: Any, cache: Any) -> Any:
        x, v, z, _ = cache
        dz = dout * (z > 0)
        return dz @ v.T, x.T @ dz

    named = {0.1: "settings, a number", 2: "settings, an integer"}
    for settings in (0.1, 2, {"leak": 0.1, "mode": "train"}, Settings(0.1)):
        report = layer(forward, backward, (x0, v0, settings))
        assert (bool(report), {row.name for row in report.rows}) == (True, {"x", "v"})
        what = named.get(settings, "settings.leak, a number") if isinstance(settings, (int, float)) else "settings.leak"
        assert f"not compared: {what}" in said(report)
        assert set(wrong(layer(forward, mistaken, (x0, v0, settings)))) == {"x", "v"}
    by_name = {"x": x0, "v": v0, "settings": 0.1}
    assert layer(forward, lambda *a: dict(zip(("dx", "dv"), backward(*a), strict=True)), by_name)
    assert layer(forward, lambda *a: (*backward(*a), None), (x0, v0, 0.1))


def test_a_number_that_gets_a_gradient_is_compared() -> None:
    def forward(x: Any, scale: Any) -> Any:
        return x * scale, (x, scale)

    report = layer(forward, lambda d, c: (d * c[1], np.sum(d * c[0])), (x0, 0.3))
    assert (bool(report), {row.name for row in report.rows}) == (True, {"x", "scale"})
    assert wrong(layer(forward, lambda d, c: (d * c[1], np.sum(d)), (x0, 0.3))) == ["scale"]
    report = layer(forward, lambda d, c: {"x": d * c[1], "dsclae": np.sum(d * c[0])}, (x0, 0.3))
    assert wrong(report) == ["scale"]


def test_none_for_an_unused_input_and_for_a_used_one() -> None:
    def forward(x: Any, bias: Any, use: bool) -> Any:
        return (x + bias if use else 2 * x), use

    def backward(dout: Any, use: bool) -> Any:
        return (dout if use else 2 * dout), None

    report = layer(forward, backward, (x0, np.ones(3), False))
    assert report
    assert "bias: its gradient is None, and J does not depend on it." in said(report)
    assert wrong(layer(forward, backward, (x0, np.ones(3), True))) == ["bias"]


def test_labels_stay_integers() -> None:
    def forward(scores: Any, labels: Any) -> Any:
        e = np.exp(scores)
        p = e / e.sum(axis=1, keepdims=True)
        return -np.mean(np.log(p[np.arange(4), labels])), (p, labels)

    def backward(dout: Any, cache: Any) -> Any:
        p, labels = cache
        return dout * (p - np.eye(3)[labels]) / 4

    labels = np.array([0, 2, 1, 1])
    for given in (lambda d, c: backward(d, c), lambda d, c: (backward(d, c), None), lambda d, c: (backward(d, c), 0)):
        report = layer(forward, given, (x0, labels))
        assert (bool(report), [row.name for row in report.rows]) == (True, ["scores"])
        assert "not compared: labels" in said(report)


# Sentences


class Table:
    """What a table of pandas looks like from here."""


Table.__module__, Table.__name__ = "pandas.core.frame", "DataFrame"


@pytest.mark.parametrize(
    ("run", "says"),
    [
        (
            lambda: check(lambda p, X, y: 0.0, lambda p, X, y: p, W0),
            [
                r"\(p, X, y\) \(line \d+ of test_forms.py\) cannot be called with 1 argument, missing",
                "args = ",
            ],
        ),
        (lambda: check(gradients_of, lambda p: cost(**p), {"w": W0, "b": B0}), ["gave a dict", "swapped"]),
        (lambda: check(lambda w: None, lambda w: w, W0), ["gave None: is its return missing"]),
        (lambda: check(lambda w, X: 0.0, lambda w, X: w, W0, Table()), [r"X is a DataFrame of pandas.*to_numpy\(\)"]),
        (
            lambda: check(lambda w, T: np.sum(T * (X @ w)), lambda w, T: w, W0, np.array([0, 2, 1])),
            ["line \\d+ of test_forms.py", r"np\.eye\(3\)\[y\] makes rows of 0 and 1"],
        ),
        (lambda: layer(lambda x: None, lambda dout: dout, (x0,)), ["gave None: is its return missing"]),
        (lambda: layer(lambda x: 2 * x, lambda dout, cache: dout * cache[0], (x0,)), ["gives no cache: return out, c"]),
        (lambda: layer(lambda x: (x, x, x, x), lambda dout, a, b: dout, (x0,)), ["gives 4 results", "takes 3 arg"]),
        (lambda: layer(lambda x: 2 * x, lambda dout: dout, (x0, x0)), ["cannot be called with 2 arguments"]),
        (lambda: layer(lambda x: "out", lambda dout: dout, (x0,)), ["gives no floats, it is str"]),
        (lambda: layer(lambda x, v: (x @ v, (x, v)), lambda d, c: (d,), (x0, v0)), ["gave 1 array", "x, v"]),
    ],
)
def test_what_cannot_be_checked_says_what_to_write(run: Any, says: list[str]) -> None:
    with pytest.raises(UnusableCode) as problem:
        run()
    for text in says:
        assert re.search(text, str(problem.value)), str(problem.value)


def test_a_sentence_names_the_users_line_and_none_of_ours_or_of_a_librarys() -> None:
    special = pytest.importorskip("scipy.special")

    def J(w: Any) -> Any:
        return np.sum(special.jv(0.5, w, w, w, w))  # too many arguments

    with pytest.raises(UnusableCode, match=r"line \d+ of test_forms\.py, `return np\.sum\(special\.jv"):
        check(J, lambda w: w, W0)
    with pytest.raises(UnusableCode) as problem:
        check(collections.OrderedDict, lambda w: w, W0)
    assert " at line" not in str(problem.value)
