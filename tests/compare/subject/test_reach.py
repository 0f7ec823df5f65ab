"""Data are the same exact numbers wherever the code reaches them: right code is proved, and wrong code is not."""

from __future__ import annotations

import collections
import dataclasses
import functools
import types
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import pytest

from compare import gradcheck
from compare.report.report import DATA, PROVED
from compare.subject.source import narrow_types

rng = np.random.default_rng(11)
X, y, w = rng.normal(size=(7, 3)), rng.normal(size=7), rng.normal(size=3)
GRAM, MOMENT = X.T @ X, X.T @ y
SCALE = np.std(y)  # a NumPy scalar, computed

Reach = Callable[[Any], Any]  # the functions of a way to the data: cost(w), and gradients(w) times a factor


def residual(weights: Any, data: Any, targets: Any) -> Any:
    return data @ weights - targets


def by_global(factor: Any) -> Any:
    return lambda w: np.sum(residual(w, X, y) ** 2), lambda w: factor * X.T @ residual(w, X, y)


def by_closure(factor: Any) -> Any:
    data, targets = X.copy(), y.copy()

    def inner(w: Any) -> Any:
        return data @ w - targets

    return lambda w: np.sum(inner(w) ** 2), lambda w: factor * (data.T @ data @ w - data.T @ targets)


def by_default(factor: Any) -> Any:
    def cost(w: Any, data: Any = X, *, targets: Any = y) -> Any:
        return np.sum((data @ w - targets) ** 2)

    def gradients(w: Any, data: Any = X, *, targets: Any = y) -> Any:
        return factor * data.T @ (data @ w - targets)

    return cost, gradients


def by_partial(factor: Any) -> Any:
    def cost(data: Any, w: Any, targets: Any) -> Any:
        return np.sum((data @ w - targets) ** 2)

    def gradients(data: Any, w: Any, targets: Any) -> Any:
        return factor * data.T @ (data @ w - targets)

    return functools.partial(cost, X, targets=y), functools.partial(gradients, X, targets=y)


class OnSelf:
    gram: ClassVar[Any] = GRAM

    def __init__(self, factor: Any) -> None:
        self.factor, self.kept = factor, {"data": [(X, y)]}
        self.moment = MOMENT

    def cost(self, w: Any) -> Any:
        data, targets = self.kept["data"][0]
        return np.sum((data @ w - targets) ** 2)

    def gradients(self, w: Any) -> Any:
        data, targets = self.kept["data"][0]
        return self.factor * (data.T @ data @ w - data.T @ targets)


def on_self(factor: Any) -> Any:
    model = OnSelf(factor)
    return model.cost, model.gradients


def on_the_class(factor: Any) -> Any:
    model = OnSelf(factor)
    return lambda w: w @ OnSelf.gram @ w / 2 - model.moment @ w, lambda w: factor * (model.gram @ w - model.moment) / 2


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    data: Any
    targets: Any
    scale: Any


def in_slots(factor: Any) -> Any:
    kept = Frozen(X, y, SCALE)
    return (
        lambda w: np.sum((kept.data @ w - kept.targets) ** 2) / kept.scale,
        lambda w: factor * kept.data.T @ (kept.data @ w - kept.targets) / kept.scale,
    )


Batch = collections.namedtuple("Batch", "data targets")


def in_named_tuple(factor: Any) -> Any:
    kept = collections.deque([Batch(X, y)])
    return (
        lambda w: np.sum((kept[0].data @ w - kept[0].targets) ** 2),
        lambda w: factor * kept[0].data.T @ (kept[0].data @ w - kept[0].targets),
    )


def in_a_namespace(factor: Any) -> Any:
    config = types.SimpleNamespace(data=X, deeper=types.SimpleNamespace(targets=y))
    return (
        lambda w: np.sum((config.data @ w - config.deeper.targets) ** 2),
        lambda w: factor * config.data.T @ (config.data @ w - config.deeper.targets),
    )


def in_an_array_of_arrays(factor: Any) -> Any:
    ragged = np.empty(2, object)
    ragged[:] = [X[:3], X[3:]]
    return (
        lambda w: sum(np.sum((part @ w) ** 2) for part in ragged),
        lambda w: factor * sum(part.T @ (part @ w) for part in ragged),
    )


def behind_a_memo(factor: Any) -> Any:
    @functools.lru_cache
    def table(n: int) -> Any:
        return X[:n] * SCALE

    return lambda w: np.sum((table(5) @ w) ** 2), lambda w: factor * table(5).T @ (table(5) @ w)


def by_cached_property(factor: Any) -> Any:
    class Model:
        @functools.cached_property
        def gram(self) -> Any:
            return X.T @ X

        def cost(self, w: Any) -> Any:
            return np.sum((X @ w) ** 2)

        def gradients(self, w: Any) -> Any:
            return factor * (self.gram @ w)

    model = Model()
    return model.cost, model.gradients


WAYS = [
    by_global,
    by_closure,
    by_default,
    by_partial,
    on_self,
    on_the_class,
    in_slots,
    in_named_tuple,
    in_a_namespace,
    in_an_array_of_arrays,
    behind_a_memo,
    by_cached_property,
]


@pytest.mark.parametrize("way", WAYS)
def test_data_are_exact_wherever_they_are(way: Reach) -> None:
    cost, gradients = way(2)
    before = cost(w), gradients(w)
    report = gradcheck(cost, gradients, w)
    # a Gram matrix that was multiplied out in floats beforehand has its rounding in it
    assert [row.verdict for row in report.rows] in ([PROVED], [DATA] * (way in (on_the_class, by_cached_property)))
    assert cost(w) == before[0]
    assert np.array_equal(gradients(w), before[1])
    assert type(gradients(w)) is np.ndarray
    assert gradients(w).dtype == float


@pytest.mark.parametrize("way", WAYS)
def test_the_wrong_twin_fails(way: Reach) -> None:
    cost, gradients = way(3)
    assert not gradcheck(cost, gradients, w, raise_exception=False, diagnose=False)


@pytest.mark.parametrize("way", WAYS)
def test_everything_is_as_it_was_when_code_raises(way: Reach) -> None:
    cost, gradients = way(2)

    def raises(w: Any) -> Any:
        gradients(w)
        raise RuntimeError("no")

    with pytest.raises(ValueError, match="no"):
        gradcheck(cost, raises, w)
    assert type(gradients(w)) is np.ndarray
    assert gradients(w).dtype == float


def test_the_objects_are_the_same_afterwards() -> None:
    model, kept = OnSelf(2), Frozen(X, y, SCALE)
    pair, gram = model.kept["data"][0], OnSelf.gram
    cost = functools.partial(lambda kept, w: np.sum((kept.data @ w) ** 2) + 0 * model.cost(w), kept)
    gradcheck(cost, lambda w: 2 * kept.data.T @ (X @ w), w)
    assert model.kept["data"][0] is pair
    assert pair[0] is X is kept.data
    assert kept.scale is SCALE
    assert OnSelf.gram is gram is GRAM


def test_views_of_one_memory_stay_views() -> None:
    whole = X.copy()
    left, step = whole[:, :2], whole[::-2, 1:]

    def cost(w: Any) -> Any:
        whole[0, 1] = 2.0  # which all three see
        return np.sum(left @ w[:2]) + np.sum(step @ w[1:])

    def right(w: Any) -> Any:
        whole[0, 1] = 2.0
        return np.append(left.sum(axis=0), 0) + np.append(0, step.sum(axis=0))

    assert cost(w) == pytest.approx(right(w) @ w)
    assert gradcheck(cost, right, w)
    assert not gradcheck(cost, lambda w: right(w) - [0, whole[0, 1], 0], w, raise_exception=False, diagnose=False)


def test_a_copy_is_no_alias() -> None:
    kept = {"once": X, "again": X, "copy": X.copy()}

    def cost(w: Any) -> Any:
        kept["once"][0] = 0.0
        return np.sum(kept["again"] @ w) + np.sum(kept["copy"] @ w)

    def gradients(w: Any) -> Any:
        kept["once"][0] = 0.0
        return kept["again"].sum(axis=0) + kept["copy"].sum(axis=0)

    before = X.copy()
    assert gradcheck(cost, gradients, w)
    assert np.array_equal(X, before)
    assert not gradcheck(cost, lambda w: 2 * gradients(w) - X.sum(axis=0), w, raise_exception=False, diagnose=False)


MASK = np.triu(np.full((3, 3), -np.inf), 1)


def test_a_mask_of_infinities_is_no_hindrance() -> None:
    def softmax(w: Any) -> Any:
        scores = np.outer(w, w) + MASK
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def gradients(w: Any) -> Any:
        p = softmax(w)
        d = p * (X[:3] - np.sum(p * X[:3], axis=1, keepdims=True))
        return d @ w + d.T @ w

    assert gradcheck(lambda w: np.sum(softmax(w) * X[:3]), gradients, w)
    assert not gradcheck(
        lambda w: np.sum(softmax(w) * X[:3]), lambda w: gradients(w) / 2, w, raise_exception=False, diagnose=False
    )


# what takes only floats is given them, and its result is data again


def _spectrum(x: Any) -> Any:
    return np.abs(np.fft.rfft(x, axis=0))


FLOATS_ONLY = {
    "fft": lambda x: _spectrum(x),
    "percentile": lambda x: x - np.percentile(x, 30, axis=0),
    "svd": lambda x: np.linalg.svd(x, full_matrices=False)[0],
    "svd by name": lambda x: np.linalg.svd(x, full_matrices=False).U,
    "eigh": lambda x: np.linalg.eigh(x.T @ x)[1],
    "round": lambda x: np.round(x, 1),
    "method": lambda x: x.round(1),
    "pinv": lambda x: np.linalg.pinv(x).T,
    "whole numbers": lambda x: np.eye(3)[np.abs(x[:, 0] * 10).astype(int) % 3],
    "spacing": lambda x: x + np.spacing(x),
}


@pytest.mark.parametrize("name", FLOATS_ONLY)
def test_a_function_of_data_is_given_floats(name: str) -> None:
    prepare = FLOATS_ONLY[name]

    def cost(w: Any) -> Any:
        return np.sum(np.tanh(prepare(X) @ w))

    def gradients(w: Any) -> Any:
        return prepare(X).T @ (1 - np.tanh(prepare(X) @ w) ** 2)

    assert gradcheck(cost, gradients, w)
    assert not gradcheck(cost, lambda w: prepare(X).T @ (1 - np.tanh(prepare(X) @ w)), w, raise_exception=False)


def test_a_large_one_is_recorded_on_a_tape() -> None:
    data, weights = rng.normal(size=(150, 20)), rng.normal(size=20)

    def cost(w: Any) -> Any:
        return np.sum(np.tanh(np.round(data, 1) @ w + np.linalg.svd(data)[1][0]))

    def gradients(w: Any) -> Any:
        a = np.tanh(np.round(data, 1) @ w + np.linalg.svd(data)[1][0])
        return np.round(data, 1).T @ (1 - a * a)

    report = gradcheck(cost, gradients, weights)
    assert report
    assert "not on a tape" not in str(report)
    assert not gradcheck(cost, lambda w: gradients(w)[::-1], weights, raise_exception=False, diagnose=False)


def test_functions_of_another_library_are_given_floats_of_data() -> None:
    pytest.importorskip("scipy.linalg")

    def prepared() -> Any:
        import scipy.linalg as inside
        from scipy.linalg import cholesky

        L = cholesky(X.T @ X, lower=True)
        return inside.solve_triangular(L, X.T, lower=True).T + inside.expm(X[:3])[0]

    def cost(w: Any) -> Any:
        return np.sum(np.tanh(prepared() @ w))

    def gradients(w: Any) -> Any:
        return prepared().T @ (1 - np.tanh(prepared() @ w) ** 2)

    assert gradcheck(cost, gradients, w)
    assert not gradcheck(cost, lambda w: -gradients(w), w, raise_exception=False, diagnose=False)


def test_what_is_recorded_is_not_turned_into_floats() -> None:
    with pytest.raises(ValueError, match="eig cannot be recorded"):
        gradcheck(lambda w: np.sum(np.linalg.eig(X.T @ X * w)[0]), lambda w: w, w)
    with pytest.raises(ValueError, match="round"):
        gradcheck(lambda w: np.sum(w * w), lambda w: 2 * np.round(w, 3), w)


def test_a_sparse_matrix_is_data() -> None:
    sparse = pytest.importorskip("scipy.sparse")
    S = sparse.csr_matrix(X * (X > 0))

    def cost(w: Any) -> Any:
        return np.sum(np.tanh(S @ w))

    assert gradcheck(cost, lambda w: S.T @ (1 - np.tanh(S @ w) ** 2), w)
    assert not gradcheck(cost, lambda w: S.T @ (1 - np.tanh(S @ w)), w, raise_exception=False, diagnose=False)
    assert sparse.issparse(S)


def by_type(x: Any) -> Any:
    return np.float32(x)


def by_string(x: Any) -> Any:
    return x.astype("float32")


def in_a_function_of_its_own(x: Any) -> Any:
    def rounded(y: Any) -> Any:
        return [np.half(z) for z in y]

    return rounded(x)


def in_a_tuple(x: Any) -> Any:
    return [x.astype(kind) for kind in ("float64", "single")]


def in_full(x: Any) -> Any:
    """Not float32."""
    halves = np.float64(x) / 2
    return halves.astype("float64")


@pytest.mark.parametrize(
    ("function", "word"),
    [(by_type, "float32"), (by_string, "float32"), (in_a_function_of_its_own, "half"), (in_a_tuple, "single")],
)
def test_a_line_that_rounds_to_short_floats_is_found(function: Any, word: str) -> None:
    assert word in narrow_types([function])


def test_a_word_in_a_text_or_a_longer_name_rounds_nothing() -> None:
    assert narrow_types([in_full]) == ""


def as_its_default(p: Any, kind: Any = np.float32) -> Any:
    return np.sum(p["w"].astype(kind) ** 2)


def narrow(kind: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    return lambda function: functools.wraps(function)(lambda x: function(x.astype(kind)))


@narrow("float32")
def decorated(x: Any) -> Any:
    return x * x


def test_a_default_and_a_decorator_round_as_well() -> None:
    def gradients(p: Any, kind: Any = np.float32) -> Any:
        g = np.zeros(2)
        g[:] = 2 * p["w"].astype(kind)
        return {"w": g}

    assert "float32" in narrow_types([as_its_default]) and "float32" in narrow_types([decorated])
    assert gradcheck(as_its_default, gradients, {"w": np.array([0.1, 0.3])}).rows[0].verdict == PROVED
