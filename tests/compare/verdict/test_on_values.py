"""What the checks promise holds as well where no tape can record the code, and every scalar is a Value."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from compare import check_network
from compare.subject import runs
from compare.verdict import chance
from tests.compare.check import test_check_network, test_gradcheck
from tests.compare.check.test_check_network import check, data, network

# Every test of the checks of code and of a network runs again
AGAIN = [
    (name, test)
    for module in (test_gradcheck, test_check_network)
    for name, test in vars(module).items()
    if name.startswith("test_")
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


def test_a_chance_of_error_is_computed_and_small() -> None:
    (evidence,) = [line for line in check(network("square")).evidence if "chance" in line]
    assert "modulo 2^61 - 1" in evidence
    assert 0 < float(evidence.split("below ")[1].split()[0]) < chance.CHANCE
