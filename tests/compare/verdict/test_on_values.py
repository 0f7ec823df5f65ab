"""What the checks promise holds as well where no tape can record the code, and every scalar is a Value."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compare import check_network
from compare.subject import runs
from compare.verdict import chance
from matrix_backprop import Network
from tests.compare.check import test_check_network, test_gradcheck
from tests.compare.check.test_check_network import check, data, network, networks


def share(test: Callable[..., None]) -> Callable[..., None]:
    """The test with a third of the rows of each of its tables."""

    @functools.wraps(test)
    def again(*args: Any, **fixtures: Any) -> None:
        test(*args, **fixtures)

    again.pytestmark = [thinned(mark) for mark in getattr(test, "pytestmark", [])]  # type: ignore[attr-defined]
    return again


def thinned(mark: pytest.Mark) -> pytest.Mark:
    if mark.name != "parametrize" or len(cases := list(mark.args[1])) < 4:
        return mark
    options = {key: x[::3] if isinstance(x, list) else x for key, x in mark.kwargs.items()}
    return pytest.Mark(mark.name, (mark.args[0], cases[::3], *mark.args[2:]), options, _ispytest=True)


# Every test of the checks of code and of a network runs again
AGAIN = [
    (name, share(test))
    for module in (test_gradcheck, test_check_network)
    for name, test in vars(module).items()
    if name.startswith("test_") and not hasattr(test, "hypothesis")
]
globals().update(AGAIN)


@pytest.fixture(autouse=True, scope="module")
def on_values() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "FEWEST_EDGES", sys.maxsize)
        yield


def test_all_of_them_run_again_and_on_values() -> None:
    assert len(AGAIN) == len(dict(AGAIN)) > 50
    net = network("square")
    steps: list[str] = []
    check_network(net, *data(net), progress=steps.append)
    assert "residues" in steps and "residues, 1 of 1" not in steps


@given(networks(), st.integers(1, 4), st.integers(0, 1000))
@settings(max_examples=20)
def test_every_entry_of_some_right_networks_is_exact(net: Network, m: int, seed: int) -> None:
    test_check_network.test_every_entry_of_every_right_network_is_exact.hypothesis.inner_test(net, m, seed)


def test_a_chance_of_error_is_computed_and_small() -> None:
    (evidence,) = [line for line in check(network("square")).evidence if "chance" in line]
    assert "modulo 2^61 - 1" in evidence
    assert 0 < float(evidence.split("below ")[1].split()[0]) < chance.CHANCE
