"""What is made of other functions, NumPy's and SciPy's, is the same on all carriers, with its slopes."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import scipy.stats

from autograd import Tape, Value, gradients, values
from autograd.number.vocabulary import Refused
from autograd.record.linalg import LINEAR_ALGEBRA
from autograd.record.running import recording
from autograd.record.scientific import _NORMAL, SCIENTIFIC
from tests.autograd.number.examples import FORMS, OF_NUMPY, OF_SCIPY, REFINED
from tests.autograd.number.test_vocabulary import CARRIERS, compared, floats, parts, slopes_compared

RNG = np.random.default_rng(8)
X, V = RNG.uniform(0.2, 0.9, (3, 4)), RNG.uniform(0.2, 0.9, 4)
ALL = {**OF_NUMPY, **OF_SCIPY, **FORMS}


NOT_FINITE = {"fmax of nan", "nan among the numbers"}  # no fraction and no residue is


@pytest.mark.parametrize("name", [name for name in ALL if name not in NOT_FINITE])
def test_it_is_the_same_on_all_carriers(name: str) -> None:
    compared(ALL[name], X, V)


@pytest.mark.parametrize("name", ALL)
def test_its_slopes_are_those_of_differences(name: str) -> None:
    slopes_compared(ALL[name], X, V)


@pytest.mark.parametrize("name", REFINED)
def test_what_is_refined_is_the_same_for_nodes(name: str) -> None:
    slopes_compared(REFINED[name], X, V)
    expected = REFINED[name](X, V)
    for carrier in ("Values", "Tape"):
        tape = Tape()
        x, v = (tape.array(a) if carrier == "Tape" else CARRIERS[carrier](a) for a in (X, V))
        with recording(REFINED[name]):
            found = REFINED[name](x, v)
        for one, other in zip(parts(found), parts(expected), strict=True):
            np.testing.assert_allclose(floats(one), other, rtol=1e-9, atol=1e-12, err_msg=carrier)


def test_every_function_of_scipy_has_an_example() -> None:
    names = {f"{module}.{name}" for module, functions in SCIENTIFIC.items() for name in functions}
    ufuncs = {name for name in names if isinstance(getattr(scipy.special, name.rpartition(".")[2], None), np.ufunc)}
    assert names - ufuncs <= {*OF_SCIPY, *REFINED}
    assert {f"linalg.{name}" for name in LINEAR_ALGEBRA} <= {*OF_NUMPY, *REFINED}
    assert all(hasattr(scipy.stats.norm, name) for name in _NORMAL)


@pytest.mark.parametrize("of", ["Values", "Tape"])
@pytest.mark.parametrize(
    ("code", "says"),
    [
        (lambda x: np.linalg.eigvalsh(np.identity(3) * x[0, 0]), "np.linalg.eigh of a matrix with equal eigenvalues"),
        (lambda x: np.linalg.svd(x), "can be recorded with full_matrices=False alone"),
        (lambda x: np.linalg.pinv(np.stack([x[0], 2 * x[0]])), "np.linalg.pinv of a matrix without full rank"),
        (lambda x: np.linalg.qr(np.stack([x[0], 2 * x[0]]).T), "np.linalg.qr of a matrix without full rank"),
        (lambda x: np.linalg.lstsq(x.T, x[0], rcond=None)[3] * 2, "the fourth result of np.linalg.lstsq"),
        (lambda x: scipy.special.polygamma(5, x), "scipy.special.polygamma can be recorded up to the order 3"),
        (lambda x: np.quantile(x, 0.3, method="inverted_cdf"), "np.quantile"),
        (lambda x: np.tan(np.fft.fft(x)), "np.tan of complex numbers cannot be recorded: use its real"),
        (lambda x: scipy.linalg.sqrtm(x[:, :3]), "scipy.linalg.sqrtm cannot be recorded"),
    ],
)
def test_what_has_no_derivative_is_refused_with_its_name(code: object, says: str, of: str) -> None:
    x = CARRIERS[of](X)
    if says == "np.quantile" and of == "Values":
        return  # NumPy's own code for it runs on nodes
    with pytest.raises((Refused, TypeError), match=says.replace("(", r"\(")), recording(code):  # type: ignore[arg-type]
        code(x)  # type: ignore[operator]


def test_a_lone_node_has_the_operators_of_floats() -> None:
    x = Value(7.5)
    J = x % 2.0 + 9.0 % x + divmod(x, 2)[1]
    J.backward()
    assert (x // 2, 20 // x, J.data, x.grad) == (3.0, 2.0, 1.5 + 1.5 + 1.5, 1 - 1 + 1)


def test_nothing_of_scipy_is_loaded_by_the_engine() -> None:
    import subprocess

    program = "import sys, autograd; print([m for m in sys.modules if m.partition('.')[0] == 'scipy'])"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "[]\n"


def test_a_transform_of_complex_numbers_keeps_its_gradient() -> None:
    x = values(V)
    with recording():
        z = np.fft.fft(x)
        z = z[1:] * np.exp(1j * np.arange(3.0)) / (2 - 1j) - z[:-1].conj()
        J = np.sum(np.abs(z) ** 2) + np.sum(z).real + np.vdot(z, z).real + np.angle(z)[0] + z.mean().imag
    J.backward()
    step = 1e-6

    def cost(v: np.ndarray) -> float:
        z = np.fft.fft(v)
        z = z[1:] * np.exp(1j * np.arange(3.0)) / (2 - 1j) - z[:-1].conj()
        return float(np.sum(np.abs(z) ** 2) + np.sum(z).real + np.vdot(z, z).real + np.angle(z)[0] + z.mean().imag)

    slopes = [(cost(V + step * e) - cost(V - step * e)) / (2 * step) for e in np.eye(4)]
    np.testing.assert_allclose(gradients(x), slopes, rtol=1e-6)
