"""What cannot be checked is told in a sentence: the user's line, the names and shapes there, and what to do."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compare import UnusableCode, check_vjp, derive, gradcheck, proofread
from compare.subject.seen import shorter

rng = np.random.default_rng(0)
P = {"W": rng.normal(size=(3, 2)), "b": rng.normal(size=(2, 1))}
X, Y = rng.normal(size=(3, 5)), rng.normal(size=(2, 5))
x, w = rng.normal(size=(4, 3)), rng.normal(size=(3, 2))


def cost(p: Any, X: Any, Y: Any) -> Any:
    z = np.dot(p["W"].T, X) + p["b"]
    return np.mean((z - Y) ** 2)


def grads(p: Any, X: Any, Y: Any) -> Any:
    dz = 2 * (np.dot(p["W"].T, X) + p["b"] - Y) / Y.size
    return {"W": np.dot(X, dz.T), "b": np.sum(dz, axis=1, keepdims=True)}


def forward(x: Any, w: Any) -> Any:
    return x @ w, (x, w)


def backward(dout: Any, cache: Any) -> Any:
    x, w = cache
    return dout @ w.T, x.T @ dout


def no_return(p: Any, X: Any, Y: Any) -> Any:
    np.mean((np.dot(p["W"].T, X) + p["b"] - Y) ** 2)


def forward_no_return(x: Any, w: Any) -> Any:
    x @ w


def line(function: Callable[..., Any], offset: int = 0) -> str:
    return f"line {function.__code__.co_firstlineno + offset} of test_messages.py"


def a_key(p: Any, X: Any, Y: Any) -> Any:
    return np.mean((np.dot(p["w"].T, X) - Y) ** 2)


def a_shape(p: Any, X: Any, Y: Any) -> Any:
    return np.mean((p["W"] @ X - Y) ** 2)


def an_array(p: Any, X: Any, Y: Any) -> Any:
    return (np.dot(p["W"].T, X) + p["b"] - Y) ** 2


def rows(p: Any, X: Any, Y: Any) -> Any:
    return np.mean(np.sum(Y * np.log(np.dot(p["W"].T, X) ** 2), axis=0))


def other_shapes(dout: Any, cache: Any) -> Any:
    x, w = cache
    return dout @ w, x.T @ dout


Table = type("DataFrame", (), {"__module__": "pandas.core.frame"})  # as one looks

MESSAGES: dict[str, tuple[Callable[[], Any], list[str]]] = {
    "an argument is forgotten": (
        lambda: gradcheck(cost, grads, P, X),
        [
            f"cost(p: 'Any', X: 'Any', Y: 'Any') -> 'Any' ({line(cost)})",
            "missing a required argument: 'Y'",
            "params, X, y",
        ],
    ),
    "one too many": (lambda: gradcheck(cost, grads, P, X, Y, 3), [line(cost), "4 arguments", "too many"]),
    "an input is forgotten": (lambda: check_vjp(forward, backward, (x,)), [line(forward), "'w'", "what forward takes"]),
    "the inputs are one array": (lambda: check_vjp(forward, backward, x[:1]), [line(forward), "'w'"]),
    "cost and gradients swapped": (
        lambda: gradcheck(grads, cost, P, X, Y),
        ["grads gave a dict, and cost one number: are the two swapped?"],
    ),
    "forward and backward swapped": (
        lambda: check_vjp(backward, forward, (x, w)),
        [line(backward, 1), "`x, w = cache`", "Are backward and forward swapped?"],
    ),
    "no cache": (
        lambda: check_vjp(lambda x, w: x @ w, backward, (x, w)),
        [line(backward, 1), "<lambda> gives no cache: return out, cache"],
    ),
    "a cost gives None": (lambda: gradcheck(no_return, grads, P, X, Y), [f"no_return ({line(no_return)}) gave None"]),
    "gradients give None": (lambda: gradcheck(cost, no_return, P, X, Y), [f"no_return ({line(no_return)}) gave None"]),
    "forward gives None": (
        lambda: check_vjp(forward_no_return, backward, (x, w)),
        [f"forward_no_return ({line(forward_no_return)}) gave None: is its return missing?"],
    ),
    "backward gives None": (
        lambda: check_vjp(forward, lambda dout, cache: None, (x, w)),
        ["<lambda> (line ", "gave None: is its return missing?"],
    ),
    "a cost that is an array": (
        lambda: gradcheck(an_array, grads, P, X, Y),
        [f"an_array ({line(an_array)})", "an array of shape (2, 5): take np.sum or np.mean"],
    ),
    "what it returns for a function": (
        lambda: gradcheck(cost, grads(P, X, Y), P, X, Y),
        ["gradients is a dict: hand over the function itself, not what it returns"],
    ),
    "a number for a function": (lambda: gradcheck(3, grads, P, X, Y), ["cost is an int: hand over the function"]),  # type: ignore[arg-type]
    "an array for a layer": (
        lambda: check_vjp(forward, x, (x, w)),  # type: ignore[arg-type]
        ["backward is an array of shape (4, 3): hand over the function itself"],
    ),
    "a table": (lambda: gradcheck(cost, grads, P, Table(), Y), ["X is a DataFrame of pandas: hand over X.to_numpy()"]),
    "a table among the parameters": (
        lambda: gradcheck(cost, grads, {**P, "W": Table()}, X, Y),
        ["W is a DataFrame of pandas: hand over", "W.to_numpy()"],
    ),
    "numbers of classes": (
        lambda: gradcheck(rows, grads, P, X, np.array([0, 1, 2, 0])),
        [line(rows, 1), "Y has shape (4,) and dtype int64", "np.eye(3)[y] makes rows of 0 and 1"],
    ),
    "names of classes": (
        lambda: gradcheck(rows, grads, P, X, np.array(list("ababa"))),
        [line(rows, 1), "Y holds strings, not numbers"],
    ),
    "a string for data": (
        lambda: gradcheck(cost, grads, P, "X.npy", Y),
        [line(cost, 1), "Here X is the string 'X.npy': hand over an array of numbers"],
    ),
    "a string for a parameter": (
        lambda: gradcheck(cost, grads, {**P, "W": "W.npy"}, X, Y),
        [line(cost, 1), "Here p[\"W\"] is the string 'W.npy': hand over an array of numbers"],
    ),
    "a list for a parameter": (
        lambda: gradcheck(cost, grads, {**P, "W": P["W"].tolist()}, X, Y),
        [line(cost, 1), 'Here p["W"] is a list of 3: hand over np.array(p["W"])'],
    ),
    "params a string": (lambda: gradcheck(cost, grads, "params", X, Y), ["it is str", '{"W": W, "b": b}']),
    "params None": (lambda: gradcheck(cost, grads, None, X, Y), ["it is NoneType", '{"W": W, "b": b}']),
    "params empty": (lambda: gradcheck(cost, grads, {}, X, Y), ["it is an empty dict", '{"W": W, "b": b}']),
    "inputs None": (lambda: check_vjp(forward, backward, None), ["inputs holds no array", "it is NoneType"]),  # type: ignore[arg-type]
    "inputs a string": (lambda: check_vjp(forward, backward, "xw"), ["inputs holds no array", "it is str"]),
    "complex numbers": (lambda: gradcheck(cost, grads, {**P, "W": P["W"] + 0j}, X, Y), ["W is complex", "W.real"]),
    "an empty batch": (lambda: gradcheck(cost, grads, P, X[:, :0], Y[:, :0]), ["J is nan", "X has shape (3, 0)"]),
    "an empty batch of a layer": (
        lambda: check_vjp(forward, backward, (x[:0], w)),
        [line(forward), "an array of shape (0, 2), without an entry", "x has shape (0, 3)"],
    ),
    "nan in the data": (lambda: gradcheck(cost, grads, P, X * np.nan, Y), ["J is nan", "X holds nan at [0, 0]"]),
    "a key that is not there": (
        lambda: gradcheck(a_key, grads, P, X, Y),
        [line(a_key, 1), "'w', which p lacks: it has the keys W, b"],
    ),
    "shapes that do not fit": (
        lambda: gradcheck(a_shape, grads, P, X, Y),
        [line(a_shape, 1), 'the inner sizes are 2 and 3. Here p["W"] has shape (3, 2) and X has shape (3, 5)'],
    ),
    "shapes that do not fit in backward": (
        lambda: check_vjp(forward, other_shapes, (x, w)),
        [line(other_shapes, 2), "Here dout has shape (4, 2) and w has shape (3, 2)"],
    ),
    "proofread": (lambda: proofread(cost, no_return, P, X, Y), [f"no_return ({line(no_return)}) gave None"]),
    "derive without an argument": (lambda: derive(cost, P, X), [line(cost), "'Y'", "derive(cost, params, X, y)"]),
    "derive without a return": (lambda: derive(no_return, P, X, Y), [f"no_return ({line(no_return)}) gave None"]),
    "derive a layer without a return": (lambda: derive(forward_no_return, (x, w)), [line(forward_no_return), "None"]),
    "derive what is no function": (lambda: derive(3, P, X), ["cost is an int"]),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("case", MESSAGES)
def test_one_sentence_says_where_what_and_what_to_do(case: str) -> None:
    call, texts = MESSAGES[case]
    with pytest.raises(UnusableCode) as raised:
        call()
    said = str(raised.value)
    assert "\n" not in said
    for text in texts:
        assert text in said, said


REPORTED: dict[str, tuple[Callable[..., Any], str, str]] = {
    "by name": (
        lambda p, X, Y: {"W": grads(p, X, Y)["b"], "b": grads(p, X, Y)["W"]},
        "two parts are in each other's place",
        "your gradient has shape (2, 1), but W has shape (3, 2)",
    ),
    "in order": (
        lambda p, X, Y: (grads(p, X, Y)["b"], grads(p, X, Y)["W"]),
        "two parts are in each other's place",
        "your gradient has shape (2, 1), but W has shape (3, 2)",
    ),
}


@pytest.mark.parametrize("case", REPORTED)
def test_gradients_in_each_others_place_are_said_to_be_that(case: str) -> None:
    function, reason, shapes = REPORTED[case]
    report = gradcheck(cost, function, P, X, Y, raise_exception=False)
    assert not report and reason in report.headline and shapes in str(report)


def softmax(p: Any, X: Any, y: Any) -> Any:
    e = np.exp(p["W"].T @ X + p["b"])
    return -np.mean(np.sum(y * np.log(e / e.sum(axis=0)), axis=0))


def softmax_grads(p: Any, X: Any, y: Any) -> Any:
    e = np.exp(p["W"].T @ X + p["b"])
    dz = (e / e.sum(axis=0) - y) / X.shape[1]
    return {"W": X @ dz.T, "b": dz.sum(axis=1, keepdims=True)}


def squares(p: Any, X: Any, y: Any) -> Any:
    return np.mean((X.T @ p["W"] - y) ** 2)


def squares_grads(p: Any, X: Any, y: Any) -> Any:
    return {"W": 2 * X @ (X.T @ p["W"] - y) / len(y)}


LABELS = np.array([0, 1, 1, 0, 1])


@pytest.mark.parametrize(
    ("functions", "params", "y", "instead"),
    [
        ((softmax, softmax_grads), P, LABELS, "holds numbers of classes: with np.eye(2)[y].T, of shape (2, 5),"),
        (
            (softmax, softmax_grads),
            P,
            LABELS * 1.0,
            "holds numbers of classes: with np.eye(2)[y.astype(int)].T, of shape (2",
        ),
        (
            (squares, squares_grads),
            {"W": P["W"][:, :1]},
            Y[0],
            "is broadcast to a matrix: with y[:, None], of shape (5",
        ),
    ],
)
def test_labels_that_need_one_hot_and_vectors_that_need_an_axis_are_the_reason(
    functions: tuple[Any, Any], params: Any, y: Any, instead: str
) -> None:
    report = gradcheck(*functions, params, X, y, raise_exception=False)
    assert f"The argument y of shape (5,) {instead}" in report.headline
    lines = str(report).splitlines()
    assert lines[2].startswith("The argument y of shape (5,)")  # above the table
    assert not report.mistakes
    reading = proofread(*functions, params, X, y)
    assert not reading and instead in str(reading)


def test_a_wrong_line_is_not_blamed_on_the_data() -> None:
    def wrong(p: Any, X: Any, y: Any) -> Any:
        return {"W": X @ (X.T @ p["W"] - y) / len(y)}

    assert not gradcheck(squares, wrong, {"W": P["W"][:, 0]}, X, Y[0], raise_exception=False).remarks


@pytest.mark.parametrize("case", ["no_return", "a_key", "a_shape"])
def test_the_command_says_the_same_with_status_2(case: str, tmp_path: Path) -> None:
    functions = {
        "no_return": "np.mean(p['W'] @ X)",
        "a_key": "return np.mean(p['w'] @ X)",
        "a_shape": "return np.mean(p['W'] @ X)",
    }
    texts = {
        "no_return": "cost (line 2 of mine.py) gave None",
        "a_key": "p lacks: it has the keys W",
        "a_shape": "p['W'] has shape (3, 2)",
    }
    shape = (3, 2) if case == "a_shape" else (2, 3)
    (tmp_path / "mine.py").write_text(
        f"import numpy as np\ndef cost(p, X):\n    {functions[case]}\ndef gradients(p, X):\n    return p\n"
        f"params, args = {{'W': np.ones({shape})}}, (np.ones((3, 5)),)\n"
    )
    done = subprocess.run([sys.executable, "-m", "compare", "mine.py"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert (
        texts[case] in done.stderr and re.search("line [23] of mine.py", done.stderr) and "Traceback" not in done.stderr
    )


def test_a_message_of_numpy_that_is_no_gibberish_stays() -> None:
    assert shorter("x: size 3 is different from 2") == "x: size 3 is different from 2"


def test_two_entries_of_one_name_are_refused() -> None:
    params = {"W": [np.ones(2)], "W[0]": np.ones(3)}
    with pytest.raises(UnusableCode, match=r"two entries would be called W\[0\], .*: rename a key"):
        gradcheck(lambda p: np.sum(p["W"][0]) + np.sum(p["W[0]"]), lambda p: p, params)


def test_an_input_with_the_name_of_an_upstream_gradient_is_another_array() -> None:
    def forward(x: Any, dout: Any) -> Any:
        return x * dout, (x, dout)

    x, dout = np.array([1.0, -2.0]), np.array([0.5, 3.0])
    assert check_vjp(forward, lambda g, cache: (cache[1] * g, cache[0] * g), (x, dout))
    wrong = check_vjp(forward, lambda g, cache: (2 * cache[0] * g * g, cache[0] * g), (x, dout), raise_exception=False)
    assert [(row.name, row.verdict) for row in wrong.rows if not row.ok] == [("x", "different")]
