"""`backprop-compare derive`: a file's forward pass, a network, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

LAYERS = Path(__file__).parents[3] / "examples" / "layers"
FOURIER = "import numpy as np\ndef forward(x):\n    y = np.fft.fft(x)\n    return np.abs(y)\ninputs = (np.ones(4),)\n"

COST = "import numpy as np\ndef cost(w, X):\n    return np.sum((X @ w) ** 2)\nparams, args = np.ones(2), (np.eye(2),)\n"


def command(*words: str) -> subprocess.CompletedProcess[str]:
    call = [sys.executable, "-m", "compare", "derive", *words]
    return subprocess.run(call, capture_output=True, text=True, encoding="utf-8", timeout=120)


def test_a_file_needs_a_forward_pass_alone(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text(COST)
    done = command(str(tmp_path / "x.py"))
    assert done.returncode == 0, done.stderr
    assert "def gradients(w, X):" in done.stdout
    assert "dw: proved" in done.stdout


def test_the_code_is_written_to_a_file_that_runs(tmp_path: Path) -> None:
    out = tmp_path / "back.py"
    assert command(str(LAYERS / "gelu.py"), "-o", str(out)).returncode == 0
    scope: dict[str, object] = {}
    exec(out.read_text("utf-8"), scope)
    assert callable(scope["backward"])


def test_steps_show_what_was_simplified() -> None:
    done = command(str(LAYERS / "softmax_cross_entropy.py"), "--steps")
    assert "dprobs[np.arange(N), y] = dpart" in done.stdout
    assert "is probs - 1 at [np.arange(N), y] / N" in done.stdout


def test_a_network_gives_the_notes_formulas() -> None:
    done = command("--layers", "3,1")
    assert "dJdW[1] = (1/m) * np.dot(X, dJdz[1].T)" in done.stdout
    assert "A6: " in done.stdout


def test_what_cannot_be_derived_is_one_sentence_with_the_line(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text(FOURIER)
    done = command(str(tmp_path / "x.py"))
    assert done.returncode == 2
    says = "backprop-compare: line 3, `y = np.fft.fft(x)`: an array of complex numbers cannot be derived"
    assert " ".join(done.stderr.split()) == says


def test_a_file_without_a_forward_pass_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("a = 1\n")
    done = command(str(tmp_path / "x.py"))
    assert done.returncode == 2
    assert "must define cost and params, or forward and inputs; it has a" in " ".join(done.stderr.split())
