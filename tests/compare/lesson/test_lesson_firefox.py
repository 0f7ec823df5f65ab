"""The lesson in Firefox, which is driven by its own protocol, Marionette: one JSON message after the other."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compare.lesson import data, example, teach
from matrix_backprop import Network

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
pytestmark = pytest.mark.skipif(FIREFOX is None, reason="needs a firefox or firefox-esr on the PATH")

PATIENCE = 120  # seconds that a browser may take to start


class Firefox:
    """A Firefox without a window, with a profile of its own."""

    def __init__(self, profile: Path) -> None:
        self.connection: socket.socket | None = None
        (profile / "user.js").write_text('user_pref("marionette.port", 0);\n')
        self.process = subprocess.Popen(
            [str(FIREFOX), "--headless", "--no-remote", "--marionette", "--profile", str(profile)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        written = profile / "MarionetteActivePort"
        end = time.monotonic() + PATIENCE
        while not (written.exists() and written.read_text().strip()):
            if self.process.poll() is not None or time.monotonic() > end:
                self.close()
                pytest.skip("this firefox cannot be driven")
            time.sleep(0.1)
        self.connection = socket.create_connection(("127.0.0.1", int(written.read_text())), timeout=PATIENCE)
        self._read()  # the greeting
        self.number = 0
        self.send("WebDriver:NewSession", {})

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
        self.process.terminate()
        self.process.wait(30)

    def _read(self) -> Any:
        assert self.connection is not None
        length = b""
        while not length.endswith(b":"):
            length += self.connection.recv(1)
        message = b""
        while len(message) < int(length[:-1]):
            message += self.connection.recv(int(length[:-1]) - len(message))
        return json.loads(message)

    def send(self, command: str, parameters: dict[str, Any]) -> Any:
        self.number += 1
        message = json.dumps([0, self.number, command, parameters]).encode()
        assert self.connection is not None
        self.connection.sendall(b"%d:%s" % (len(message), message))
        _, _, error, result = self._read()
        assert error is None, error
        return result

    def run(self, script: str) -> Any:
        return self.send("WebDriver:ExecuteScript", {"script": script, "args": []})["value"]


@pytest.fixture(scope="module")
def firefox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    browser = Firefox(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


CELLS = (
    """return [...document.querySelectorAll("#explore-dJda .result-matrix button")].map((cell) => cell.textContent);"""
)


def test_the_lesson_works_in_firefox(firefox: Firefox, tmp_path: Path) -> None:
    net, X, Y = example()
    path = teach(net, X, Y).save(tmp_path / "lesson.html")
    firefox.send("WebDriver:Navigate", {"url": f"{path.as_uri()}#layer=1&entry=2,3"})
    run = data.runs(net, X, Y)["decimal"]
    assert firefox.run(CELLS) == [run.scene.number(x) for x in run.back.dJda[1].flat]
    now = 'return document.querySelector("#explore-dJda .node.now title").textContent;'
    assert firefox.run(now) == "a₃⁽⁴⁾[1]"

    # a weight that is dragged
    firefox.run("""
      const number = document.querySelector("#mover-number"), slider = document.querySelector("#mover-slider");
      number.value = "w2-1-3";
      number.dispatchEvent(new Event("change"));
      slider.value = 1.3;
      slider.dispatchEvent(new Event("input"));
    """)
    W = [None, *map(np.copy, net.W[1:])]
    W[2][0, 2] = 1.3
    other = data.runs(net.with_parameters(W, net.b), X, Y)["decimal"]
    assert firefox.run(CELLS) == [other.scene.number(x) for x in other.back.dJda[1].flat]
    assert firefox.run(CELLS) != [run.scene.number(x) for x in run.back.dJda[1].flat]

    # all parts are there, and nothing was thrown on the way to the last one
    parts = (
        "#wish",
        "#units svg",
        "#derivation .derived",
        "#film-main svg",
        "#film-c2 svg",
        "#mistakes .matrix",
        "math",
    )
    for part in parts:
        assert firefox.run(f'return document.querySelector("{part}") !== null;'), part
    steps = """
      const film = document.querySelector("#film-main");
      film.closest("details").open = true;
      for (let k = 0; k < 30; k += 1) film.querySelectorAll("button")[1].click();
      return [film.querySelector("output").textContent, film.querySelectorAll(".label.lit").length];
    """
    assert firefox.run(steps) == ["30 / 74", 1]
    wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth;"
    assert firefox.run(wide) == 0


def test_the_engine_of_the_page_gives_the_same_in_firefox(firefox: Firefox, tmp_path: Path) -> None:
    """In fractions too, which are whole numbers of any size there."""
    net = Network([2, 3, 2], ["sigmoid", "softmax"], seed=2)
    X, Y = np.array([[0.5, -1.0, 1.5], [2.0, 0.5, -0.5]]), np.array([[1, 0, 1], [0, 1, 0]])
    path = teach(net, X, Y).save(tmp_path / "other.html")
    firefox.send("WebDriver:Navigate", {"url": f"{path.as_uri()}#numbers=fraction&move=x-1-2:2"})
    firefox.run("document.querySelectorAll('.skip-guess').forEach((button) => button.click());")
    moved = X.copy()
    moved[0, 1] = 2.0
    run = data.runs(net, moved, Y)["fraction"]
    assert firefox.run(CELLS) == [run.scene.number(x) for x in run.back.dJda[1].flat]
