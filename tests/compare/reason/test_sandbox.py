"""Corrections are tried where they can do no harm: no endless loop, no memory, no file, nothing changed here."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compare import check_vjp
from compare.reason.sandbox import TookTooLong, apart, limited
from tests.compare.reason.test_repair import defined

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no process can be copied here")


def refused(action: Callable[[], Any]) -> bool:
    def work() -> bool:
        try:
            action()
        except PermissionError:
            return True
        return False

    return bool(apart(work, 300))


def test_what_the_work_gives_comes_back_and_what_it_changes_does_not() -> None:
    numbers = [1.0]

    def work() -> list[float]:
        numbers.append(2.0)
        return numbers

    assert apart(work, 300) == [1.0, 2.0]
    assert numbers == [1.0]


def test_work_that_raises_or_crashes_gives_nothing() -> None:
    assert apart(lambda: 1 // 0, 300) is None
    assert apart(lambda: os._exit(3), 300) is None
    assert apart(os.abort, 300) is None


def test_work_that_does_not_end_is_ended() -> None:
    def sleeping() -> int:
        time.sleep(100)
        return 1

    assert apart(sleeping, 0.2) is None


def test_a_limited_block_ends_also_where_the_code_catches_what_is_raised() -> None:
    def work() -> str:
        try:
            with limited(0.05):
                while True:
                    with contextlib.suppress(Exception):
                        while True:
                            pass
        except TookTooLong:
            return "ended"
        return "went on"

    assert apart(work, 300) == "ended"


def test_memory_has_an_end() -> None:
    def work() -> str:
        try:
            np.ones(1 << 33)
        except MemoryError:
            return "refused"
        return "given"

    if Path("/proc/self/statm").exists():
        assert apart(work, 300) == "refused"


def test_nothing_outside_is_touched(tmp_path: Path) -> None:
    there = tmp_path / "there.txt"
    there.write_text("kept")
    handle = there.open("a")
    for action in (
        lambda: (tmp_path / "new.txt").write_text("x"),
        lambda: there.open("r+"),
        there.unlink,
        lambda: there.rename(tmp_path / "other.txt"),
        lambda: (tmp_path / "folder").mkdir(),
        lambda: np.save(tmp_path / "array.npy", np.ones(2)),
        lambda: subprocess.run(["true"], check=False),
        lambda: os.system("true"),
        lambda: socket.create_connection(("127.0.0.1", 9)),
        input,
    ):
        assert refused(action)
    assert not refused(there.read_text)

    def through_an_open_file() -> None:
        handle.write("x")
        handle.flush()

    assert apart(through_an_open_file, 300) is None
    handle.close()
    assert list(tmp_path.iterdir()) == [there]
    assert there.read_text() == "kept"


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    apart(lambda: (print("x", flush=True), os.write(1, b"y"), os.write(2, b"z")), 300)
    assert capfd.readouterr() == ("", "")


LOOP = """
import numpy as np

def forward(xs, w):
    h = np.zeros(xs.shape[1])
    for x in xs:
        h = np.tanh(x + h * w)
    return h, (xs, w)

def backward(dout, cache):
    xs, w = cache
    h = np.zeros(xs.shape[1])
    hs = [h]
    for x in xs:
        h = np.tanh(x + h * w)
        hs.append(h)
    dxs, dw = [], 0 * w
    for i in reversed(range(len(xs))):
        dz = dout * (1 - hs[i + 1])
        dw += dz * hs[i]
        dout = dz * w
        dxs.append(dz)
    return np.array(dxs[::-1]), dw
"""


def test_corrections_that_make_a_loop_endless_are_survived() -> None:
    """With `hs` in place of `xs` the loop would append to the list that it walks along, until the memory is full."""
    names = defined(LOOP)
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(3, 4)), rng.normal(size=4)
    report = check_vjp(names["forward"], names["backward"], inputs, raise_exception=False)
    for row in report.differing:
        assert any("reads `dz = dout * (1 - hs[i + 1] ** 2)`" in reason for reason in row.reasons), row.reasons


def test_code_that_writes_a_file_gets_no_corrections_and_writes_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "log.txt"
    lines = "    with open(FILE, 'a') as file:\n        file.write('x')\n"
    source = LOOP.replace("    dxs, dw", lines + "    dxs, dw").replace("1 - hs[i + 1]", "1 - hs[i + 1]**3")
    names = defined(f"FILE = {str(file)!r}\n{source}")
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(3, 4)), rng.normal(size=4)
    report = check_vjp(names["forward"], names["backward"], inputs, raise_exception=False)
    assert not report
    assert not any("exactly right" in reason for row in report.rows for reason in row.reasons)
    assert 0 < len(file.read_text()) < 100
    assert list(tmp_path.iterdir()) == [file]
