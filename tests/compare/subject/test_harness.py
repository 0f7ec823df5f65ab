"""The world is as it was after a check, threads do not disturb each other, and runs that differ are named."""

from __future__ import annotations

import builtins
import collections
import os
import random
import secrets
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compare import UnusableCode, check_vjp, gradcheck

rng = np.random.default_rng(12)
X, w = rng.normal(size=(6, 3)), rng.normal(size=3)


def square(w: Any) -> Any:
    return np.sum((X @ w) ** 2)


def slope(w: Any) -> Any:
    return 2 * X.T @ (X @ w)


# the world


def test_what_belongs_to_the_process_is_as_it_was(tmp_path: Path) -> None:
    def cost(w: Any) -> Any:
        os.chdir(tmp_path)
        os.environ["MADE_HERE"], os.environ["HOME"] = "1", "elsewhere"
        sys.setrecursionlimit(12_345)
        np.seterr(all="raise")
        np.set_printoptions(precision=2)
        warnings.simplefilter("error")
        np.random.seed(3)  # noqa: NPY002
        random.seed(3)
        return square(w)

    def world() -> Any:
        options = {key: str(x) for key, x in np.get_printoptions().items()}
        state = np.random.get_state()[1].tolist()  # type: ignore[index, union-attr]  # noqa: NPY002
        own = Path.cwd(), dict(os.environ), sys.getrecursionlimit(), builtins.__import__, np.random.default_rng
        return own, np.geterr(), options, list(warnings.filters), state, random.getstate()

    before = world()
    assert gradcheck(cost, slope, w)
    assert world() == before
    assert not gradcheck(cost, lambda w: slope(w) / 2, w, raise_exception=False)
    assert world() == before


def test_attributes_of_functions_and_of_classes_are_as_they_were() -> None:
    class Model:
        calls, seen = 0, collections.OrderedDict(first=1)

        def cost(self, w: Any) -> Any:
            type(self).calls += 1
            Model.made = w  # type: ignore[attr-defined]
            self.seen["second"] = w
            Model.seen.move_to_end("first")
            return square(w)

    def gradients(w: Any) -> Any:
        gradients.calls = getattr(gradients, "calls", 0) + 1  # type: ignore[attr-defined]
        return slope(w)

    assert gradcheck(Model().cost, gradients, w)
    assert (Model.calls, list(Model.seen.items())) == (0, [("first", 1)])
    assert not hasattr(Model, "made")
    assert not hasattr(gradients, "calls")


def test_each_run_begins_with_the_same_state() -> None:
    class Remembers:
        """Works only where the weights have changed; an array among the attributes is a subclass of a list."""

        def __init__(self) -> None:
            self.key: Any = None
            self.log = type("Log", (list,), {})()
            self.calls = 0

        def both(self, w: Any) -> Any:
            self.calls += 1
            self.log.append(w)
            if self.key is None or not np.array_equal(self.key, w):
                self.key, self.found = np.copy(w), (square(w), slope(w))
            return self.found

    memo, wrong = Remembers(), Remembers()
    assert gradcheck(lambda w: memo.both(w)[0], lambda w: memo.both(w)[1], w)
    assert (memo.key, memo.calls, memo.log) == (None, 0, [])
    assert not gradcheck(lambda w: wrong.both(w)[0], lambda w: 2 * wrong.both(w)[1], w, raise_exception=False)


def test_a_counter_in_a_closure_is_as_it_was() -> None:
    calls = 0

    def cost(w: Any) -> Any:
        nonlocal calls
        calls += 1
        return square(w)

    assert gradcheck(cost, slope, w)
    assert calls == 0


# threads


def test_two_checks_in_two_threads_do_not_disturb_each_other() -> None:
    found: dict[int, Any] = {}

    def check(k: int) -> None:
        factor = 2 + (k % 2)
        for _ in range(3):
            report = gradcheck(square, lambda w: factor * X.T @ (X @ w), w, raise_exception=False, diagnose=False)
            found.setdefault(k, []).append(bool(report))

    threads = [threading.Thread(target=check, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {k: [k % 2 == 0] * 3 for k in range(4)}


def test_a_thread_that_does_no_check_sees_floats() -> None:
    here, there, stop, seen = threading.Event(), threading.Event(), threading.Event(), []

    def elsewhere() -> None:
        here.wait(300)
        made = np.zeros(3)
        seen.append((made.dtype, np.array([1.5]).dtype, np.asarray([2.5]).dtype, square(w), slope(w).dtype))
        seen.append(np.sort(X, axis=0).dtype)
        there.set()
        stop.wait(300)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    expected = square(w), np.sort(X, axis=0).dtype

    def cost(w: Any) -> Any:
        total = np.zeros(1)
        total[0] = square(w)
        if not isinstance(w, np.ndarray) or w.dtype != float:
            here.set()
            there.wait(300)
        return total[0]

    try:
        assert gradcheck(cost, slope, w)
    finally:
        here.set()
        stop.set()
        thread.join()
    floats = np.dtype(float)
    assert seen[0] == (floats, floats, floats, pytest.approx(expected[0]), floats)
    assert seen[1] == floats


# runs that differ


def noisy(draw: Any) -> Any:
    return lambda w: np.sum((X @ w + draw(6)) ** 2)


GLOBAL, LEGACY = np.random.default_rng(4), np.random.RandomState(4)


def by_numpy(w: Any) -> Any:
    return np.sum((X @ w + np.random.normal(size=6)) ** 2)  # noqa: NPY002


def by_generator(w: Any) -> Any:
    return np.sum((X @ w + np.random.default_rng().normal(size=6)) ** 2)


def by_global_generator(w: Any) -> Any:
    return np.sum((X @ w + GLOBAL.normal(size=6)) ** 2)


def by_legacy(w: Any) -> Any:
    return np.sum((X @ w + LEGACY.normal(size=6)) ** 2)


def by_python(w: Any) -> Any:
    return square(w) * random.random()


def by_the_system(w: Any) -> Any:
    return square(w) * (1 + secrets.randbelow(10**9))


@pytest.mark.parametrize(
    ("cost", "name"),
    [
        (by_numpy, "np.random.normal"),
        (by_generator, "np.random.default_rng"),
        (by_global_generator, "GLOBAL.normal"),
        (by_legacy, "LEGACY.normal"),
        (by_python, "random.random"),
        (by_the_system, "secrets.randbelow"),
    ],
)
def test_a_cost_that_draws_is_named_with_its_line(cost: Any, name: str) -> None:
    line = cost.__code__.co_firstlineno + 1
    for _ in range(2):
        with pytest.raises(UnusableCode, match=r"two runs of your cost differ") as error:
            gradcheck(cost, slope, w)
        if "GLOBAL" not in name and "LEGACY" not in name:
            assert f"({name}, line {line} of test_harness.py)" in str(error.value)


def test_a_cost_that_seeds_itself_is_checked() -> None:
    def cost(w: Any) -> Any:
        return np.sum((X @ w + np.random.default_rng(5).normal(size=6)) ** 2)

    def gradients(w: Any) -> Any:
        return 2 * X.T @ (X @ w + np.random.default_rng(5).normal(size=6))

    assert gradcheck(cost, gradients, w)
    assert not gradcheck(cost, slope, w, raise_exception=False, diagnose=False)


def test_a_cost_that_depends_on_the_run_before_is_named() -> None:
    state = {"calls": 0}

    def cost(w: Any) -> Any:
        state["calls"] += 1
        return square(w) * state["calls"]

    with pytest.raises(UnusableCode, match="an earlier run left behind"):
        gradcheck(cost, slope, w)
    assert state == {"calls": 0}


@pytest.mark.parametrize("seeded", [False, True])
def test_a_mask_that_is_kept_is_right_for_itself(seeded: bool) -> None:
    def forward(x: Any, v: Any) -> Any:
        mask = (np.random.default_rng(1 if seeded else None).random(x.shape) < 0.7) / 0.7
        return (x * mask) @ v, (x, v, mask)

    def backward(dout: Any, cache: Any) -> Any:
        x, v, mask = cache
        return np.outer(dout, v) * mask, (x * mask).T @ dout

    def forgets(dout: Any, cache: Any) -> Any:
        x, v, mask = cache
        return np.outer(dout, v) * (mask > 0), (x * mask).T @ dout

    for _ in range(2):
        assert check_vjp(forward, backward, (X, w))
        assert not check_vjp(forward, forgets, (X, w), raise_exception=False, diagnose=False)


def test_a_gradient_that_runs_the_cost_has_its_mask() -> None:
    def cost(w: Any) -> Any:
        cost.mask = np.random.random(X.shape) < 0.7  # type: ignore[attr-defined]  # noqa: NPY002
        return np.sum(((X * cost.mask) @ w) ** 2)  # type: ignore[attr-defined]

    def gradients(w: Any, factor: float = 2) -> Any:
        cost(w)
        A = X * cost.mask  # type: ignore[attr-defined]
        return factor * A.T @ (A @ w)

    assert gradcheck(cost, gradients, w)
    assert not gradcheck(cost, lambda w: gradients(w, 3), w, raise_exception=False, diagnose=False)
