"""Each line of the backward pass stands beside the line of the forward pass that it belongs to."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compare import proofread
from compare.report.lines import Reading
from tests.catalogue.layers import load, source_of


def read(name: str, old: str = "", new: str = "") -> Reading:
    layer = load(name)
    if old:
        source = source_of(name)
        assert old in source
        layer = load(name, source.replace(old, new))
    return proofread(*layer.call)


def pairs(reading: Reading) -> dict[str, str]:
    """For each backward line the forward line that it belongs to."""
    forward = {line.number: line.source.strip() for line in reading.forward}
    return {line.source: forward.get(line.of, "") for line in reading}


def board(reading: Reading) -> list[tuple[str, list[str]]]:
    """The sources on the board."""
    groups = reading.beside().groups
    return [(line[1].plain if line else "", [source.plain for _, source, _ in rows]) for line, rows in groups]


def test_a_gradient_belongs_to_the_line_that_makes_what_it_is_the_gradient_of() -> None:
    found = pairs(read("two_layer_net"))
    z1 = 'z1 = params["b1"] + np.dot(params["W1"].T, X)'
    z2 = 'z2 = params["b2"] + np.dot(params["W2"].T, a1)'
    assert found["dJdz2 = a2 - Y"] == found["dJdb2 = np.mean(dJdz2, axis=1, keepdims=True)"] == z2
    assert found['dJda1 = np.dot(params["W2"], dJdz2)'] == 'a1 = watch("a1", np.tanh(z1))'
    assert found["dJdz1 = dJda1 * (1 - a1**2)"] == found["dJdW1 = (1 / m) * np.dot(X, dJdz1.T)"] == z1


def test_an_input_belongs_to_the_first_line_that_uses_or_moves_it() -> None:
    assert pairs(read("affine"))["dx = dout.dot(W.T).reshape(x.shape)"] == "rows = x.reshape(N, -1)"
    found = pairs(read("conv_loops"))
    assert found["dx = dx_pad[:, :, pad : pad + H, pad : pad + W]"].startswith("x_pad = np.pad(")
    assert found["db[f] += g"].startswith("out[n, f, i, j] = ")
    found = pairs(read("lstm"))
    assert found["df = dc * c_prev"] == "f = sigmoid(z[:, H : 2 * H])"  # by its name: it is 0 in the last pass
    assert found["dWx += x.T.dot(dz)"] == "z = x[t].dot(Wx) + h_prev.dot(Wh) + b"


@pytest.mark.parametrize(
    "name", ["attention", "batch_norm", "deep_net", "embedding", "info_nce", "lstm", "max_pool", "svm_hinge"]
)
def test_every_line_stands_on_the_board_once_and_the_forward_lines_from_the_end(name: str) -> None:
    reading = read(name)
    shown = board(reading)
    sources = [source for _, rows in shown for source in rows]
    assert sorted(sources) == sorted(line.source for line in reading)
    forward = [source for source, _ in shown if source]
    assert sorted(forward) == sorted(line.source for line in reading.forward)
    heads = [source for source in forward if source.endswith(":")]
    simple = [source for source in forward if not source.endswith(":")]
    order = [line.source for line in reading.forward if not line.source.endswith(":")]
    assert simple == order[::-1]
    for head in heads:  # a block stays below its head
        below = forward[forward.index(head) + 1]
        assert len(below) - len(below.lstrip()) > len(head) - len(head.lstrip())
    for line in reading:
        assert line.of == 0 or any(other.number == line.of for other in reading.forward)


def test_what_only_prepares_comes_first_and_a_helper_below_its_caller() -> None:
    shown = board(read("logistic_regression"))
    assert shown[0] == ("", ["m = X.shape[1]"])
    assert [source for source, _ in shown[1:]] == [
        "return -np.mean(Y * np.log(a) + (1 - Y) * np.log(1 - a))",
        "a = forward_propagation(params, X)",
        "return 1 / (1 + np.exp(-z))",
        'z = params["b"] + np.dot(params["w"].T, X)',
    ]
    shown = board(read("lstm"))
    assert shown[0][1][0] == "steps, Wx, Wh = cache" and "dx = np.zeros((T, N, Wx.shape[0]))" in shown[0][1]
    assert not any("record" in source or "append" in source for source, _ in shown)


def test_a_mistaken_line_stands_where_the_right_one_would_with_what_it_ought_to_be() -> None:
    reading = read("two_layer_net", "dJda1 * (1 - a1**2)", "dJda1 * (1 - a1)")
    assert not reading
    rows = next(rows for line, rows in reading.beside().groups if line and line[1].plain.startswith("z1 = "))
    assert [source.plain for _, source, _ in rows][:2] == ["dJdz1 = dJda1 * (1 - a1)", "dJdz1 = dJda1 * (1 - a1 * a1)"]
    assert rows[0][2].plain.startswith("✗ ") and rows[1][2].plain == "  ought to be"


def test_forward_and_backward_in_one_function_stand_in_their_own_columns() -> None:
    def loss(params: Any, X: Any, y: Any) -> Any:
        r = X @ params["w"] - y
        dr = 2 * r
        return np.sum(r**2), {"w": X.T @ dr}

    rng = np.random.default_rng(0)
    reading = proofread(
        lambda params, X, y: loss(params, X, y)[0],
        lambda params, X, y: loss(params, X, y)[1],
        {"w": rng.normal(size=3)},
        rng.normal(size=(5, 3)),
        rng.normal(size=5),
    )
    shown = board(reading)
    assert ('r = X @ params["w"] - y') in [source for source, _ in shown]
    assert sum("dr = 2 * r" in (source, *rows) for source, rows in shown) == 1


def test_a_helper_in_another_file_is_no_line_of_the_forward_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "curves.py").write_text("\n" * 40 + "import numpy as np\ndef slow(x):\n    return np.tanh(x)\n")
    (tmp_path / "mine.py").write_text(
        "from curves import slow\n"
        "def forward(x, w):\n    z = x * w\n    a = slow(z)\n    return a, (x, w, a)\n"
        "def backward(da, cache):\n    x, w, a = cache\n    dz = da * (1 - a**2)\n    return dz * w, dz * x\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    mine = importlib.import_module("mine")
    reading = proofread(mine.forward, mine.backward, (np.array([0.3, -1.2]), np.array([0.7, 0.4])))
    assert [line.source for line in reading.forward] == ["z = x * w", "a = slow(z)"]
    assert pairs(reading)["dz = da * (1 - a**2)"] == "z = x * w"
    for name in ("mine", "curves"):
        sys.modules.pop(name)
