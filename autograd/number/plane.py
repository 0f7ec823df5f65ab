"""`Complex`, an array of complex numbers as two arrays of real ones, and Fourier transforms that give it.

What stands for floats is real; a transform of it is used as real and imaginary parts, as a modulus, or transformed
back. Each part is an array of nodes or of numbers, so that gradients are those of its real entries.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from autograd.number.vocabulary import MOVES, Refused, array_of, depends, shadows

Function = Callable[..., Any]
ADVICE = "use its real and imaginary parts or its modulus"


def is_complex(x: Any) -> bool:
    """Whether x is an array of complex numbers, or one.

    >>> is_complex(1j), is_complex(np.ones(2)), is_complex(Complex(np.ones(2), np.ones(2)))
    (True, False, True)
    """
    if isinstance(x, np.ndarray):
        return bool(x.dtype.kind == "c")
    return isinstance(x, (Complex, complex)) and not isinstance(x, float)


class Complex(NDArrayOperatorsMixin):
    """An array of complex numbers: its parts `real` and `imag`.

    >>> z = Complex(np.array([3.0, 0.0]), np.array([4.0, 1.0]))
    >>> abs(z), (z * z.conj()).real, (1j * z).imag
    (array([5., 1.]), array([25.,  1.]), array([3., 0.]))

    Raises TypeError, with the name, for what has no rule.
    """

    __hash__ = None  # type: ignore[assignment]
    dtype = np.dtype(complex)

    def __init__(self, real: Any, imag: Any) -> None:
        self.real, self.imag = real, imag

    shape = property(lambda self: np.shape(self.real))
    ndim = property(lambda self: np.ndim(self.real))
    size = property(lambda self: np.size(self.real))
    T = property(lambda self: self._each(np.transpose))

    def _each(self, function: Function) -> Complex:
        return Complex(function(self.real), function(self.imag))

    def __len__(self) -> int:
        return len(self.real)

    def __repr__(self) -> str:
        return f"Complex({self.real!r}, {self.imag!r})"

    def __getitem__(self, index: Any) -> Complex:
        return self._each(lambda x: x[index])

    def __setitem__(self, index: Any, other: Any) -> None:
        self.real[index], self.imag[index] = parts(other)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise Refused(f"complex numbers that depend on what is recorded cannot become floats: {ADVICE}")

    def conj(self) -> Complex:
        return Complex(self.real, -self.imag)

    conjugate = conj

    def copy(self) -> Complex:
        return self._each(np.copy)

    def reshape(self, *shape: Any) -> Complex:
        return self._each(lambda x: x.reshape(*shape))

    def ravel(self) -> Complex:
        return self.reshape(-1)

    flatten = ravel

    def sum(self, axis: Any = None, keepdims: bool = False) -> Complex:
        return self._each(lambda x: np.sum(x, axis=axis, keepdims=keepdims))

    def mean(self, axis: Any = None, keepdims: bool = False) -> Complex:
        return self._each(lambda x: np.mean(x, axis=axis, keepdims=keepdims))

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return calculated(ufunc, method, inputs, kwargs)

    def __array_function__(self, func: Function, types: Any, args: Any, kwargs: Any) -> Any:
        name = f"{func.__module__}.{func.__name__}".removeprefix("numpy.")
        if name in MOVES and isinstance(args[0], Complex):
            return args[0]._each(lambda x: func(x, *args[1:], **kwargs))
        if name in _OF_COMPLEX:
            return _OF_COMPLEX[name](*args, **kwargs)
        if name in FOURIER:
            return FOURIER[name](*args, **kwargs)
        raise Refused(f"np.{name} of complex numbers cannot be recorded: {ADVICE}")


def parts(x: Any) -> tuple[Any, Any]:
    """The real and the imaginary part."""
    if isinstance(x, (Complex, complex)) or (isinstance(x, np.ndarray) and x.dtype.kind == "c"):
        return x.real, x.imag
    return x, 0


def calculated(ufunc: np.ufunc, method: str, inputs: Any, kwargs: dict[str, Any]) -> Any:
    """A ufunc of complex numbers, by their parts."""
    name = ufunc.__name__
    if method == "reduce" and name == "add":
        return inputs[0].sum(**{"axis": 0, **{key: x for key, x in kwargs.items() if key in ("axis", "keepdims")}})
    if method != "__call__" or kwargs or name not in _ARITHMETIC:
        raise Refused(f"np.{name} of complex numbers cannot be recorded: {ADVICE}")
    return _ARITHMETIC[name](*(part for x in inputs for part in parts(x)))


def _times(a: Any, b: Any, c: Any, d: Any) -> Complex:
    return Complex(a * c - b * d, a * d + b * c)


def _over(a: Any, b: Any, c: Any, d: Any) -> Complex:
    size = c * c + d * d
    return Complex((a * c + b * d) / size, (b * c - a * d) / size)


def _products(a: Any, b: Any, c: Any, d: Any) -> Complex:
    def product(x: Any, y: Any) -> Any:
        return 0 if np.ndim(x) == 0 or np.ndim(y) == 0 else x @ y

    return Complex(product(a, c) - product(b, d), product(a, d) + product(b, c))


def _modulus(a: Any, b: Any) -> Any:
    """Its length; 0 with the slope 0 where both parts are 0."""
    squares = a * a + b * b
    nothing = np.asarray(shadows(squares)) == 0
    return np.where(nothing, 0, np.sqrt(np.where(nothing, 1, squares))) if nothing.any() else np.sqrt(squares)


def _whole_power(a: Any, b: Any, n: Any, nothing: Any) -> Complex:
    if np.ndim(n) or int(n) != n or n < 1:
        raise Refused(f"a power of complex numbers can be recorded where it is a whole number: {ADVICE}")
    return functools.reduce(lambda z, w: z * w, [Complex(a, b)] * int(n))


_ARITHMETIC: dict[str, Function] = {
    "add": lambda a, b, c, d: Complex(a + c, b + d),
    "subtract": lambda a, b, c, d: Complex(a - c, b - d),
    "multiply": _times,
    "divide": _over,
    "matmul": _products,
    "negative": lambda a, b: Complex(-a, -b),
    "positive": Complex,
    "conjugate": lambda a, b: Complex(a, -b),
    "absolute": _modulus,
    "square": lambda a, b: Complex(a * a - b * b, 2 * a * b),
    "power": _whole_power,
    "exp": lambda a, b: Complex(np.exp(a) * np.cos(b), np.exp(a) * np.sin(b)),
}


def _vdot(x: Any, y: Any) -> Complex:
    (a, b), (c, d) = parts(x), parts(y)
    return _times(a, -b, c, d).sum()


def _joined(function: Function) -> Function:
    def joined(arrays: Any, *args: Any, **kwargs: Any) -> Complex:
        both = [parts(x) for x in arrays]
        return Complex(
            function([a for a, _ in both], *args, **kwargs), function([b + a * 0 for a, b in both], *args, **kwargs)
        )

    return joined


_OF_COMPLEX: dict[str, Function] = {
    "real": lambda z: parts(z)[0],
    "imag": lambda z: parts(z)[1],
    "angle": lambda z: np.arctan2(z.imag, z.real),
    "sum": Complex.sum,
    "mean": Complex.mean,
    "dot": lambda x, y: x @ y if np.ndim(x) and np.ndim(y) else x * y,
    "vdot": _vdot,
    "concatenate": _joined(np.concatenate),
    "stack": _joined(np.stack),
    "shape": lambda z: z.shape,
    "ndim": lambda z: z.ndim,
    "size": lambda z: z.size,
    "iscomplexobj": lambda z: True,
    "isrealobj": lambda z: False,
    "where": lambda condition, x, y: Complex(
        *(np.where(condition, a, b) for a, b in zip(parts(x), parts(y), strict=True))
    ),
}


# Fourier transforms: products with the roots of unity


@functools.cache
def _roots(n: int) -> tuple[Any, Any]:
    """cos and sin of 2 pi k / n, the same bits wherever they are equal, and exact where they are whole."""

    def cosine(k: int) -> float:  # of k / n turns
        k = min(k % n, -k % n)
        if 4 * k > n:
            return -cosine_of_less(n - 2 * k, 2 * n)
        return cosine_of_less(k, n)

    def cosine_of_less(k: int, n: int) -> float:  # of at most a quarter of a turn
        exactly = {0: 1.0, n: 0.0}.get(4 * k)
        if exactly is not None:
            return exactly
        return 0.5 if 6 * k == n else math.cos(2 * math.pi * k / n)

    cosines = np.array([cosine(k) for k in range(n)])
    sines = np.array([_sine(k, n, cosines) for k in range(n)])
    return cosines, sines


def _sine(k: int, n: int, cosines: Any) -> float:
    if 2 * k > n:
        return -_sine(n - k, n, cosines)
    if n % 4 == 0:
        return float(cosines[(k - n // 4) % n])
    return 0.0 if 2 * k % n == 0 else 0.5 if 12 * k in (n, 5 * n) else math.sin(2 * math.pi * min(k, n / 2 - k) / n)


def _matrices(n: int, m: int) -> tuple[Any, Any]:
    """The tables of cos and sin of 2 pi j k / n for j below n and k below m."""
    places = np.outer(np.arange(n), np.arange(m)) % n
    cosines, sines = _roots(n)
    return cosines[places], sines[places]


def _fitted(x: Any, n: int | None, axis: int) -> tuple[Any, int]:
    """The axis moved to the end, cut or filled with zeros to n entries."""
    x = np.moveaxis(array_of(x), axis, -1)
    n = x.shape[-1] if n is None else n
    if x.shape[-1] < n:
        x = np.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, n - x.shape[-1])])
    return x[..., :n], n


def _scale(n: int, norm: Any, inverse: bool) -> Any:
    if norm == "ortho":
        return 1 / math.sqrt(n)
    return 1 if (norm in (None, "backward")) != inverse else None


def _scaled(x: Any, n: int, norm: Any, inverse: bool) -> Any:
    factor = _scale(n, norm, inverse)
    return x / n if factor is None else x if factor == 1 else x * factor


def _transform(
    inverse: bool, x: Any, n: int | None = None, axis: int = -1, norm: Any = None, half: bool = False
) -> Any:
    (a, n), imag = _fitted(parts(x)[0], n, axis), parts(x)[1]
    cosines, sines = _matrices(n, n // 2 + 1 if half else n)
    sines = -sines if inverse else sines
    real, minus = a @ cosines, a @ sines
    if is_complex(x):
        b, _ = _fitted(imag, n, axis)
        real, minus = real + b @ sines, minus - b @ cosines
    both = (np.moveaxis(_scaled(part, n, norm, inverse), -1, axis) for part in (real, -minus))
    return Complex(*both)


def _rfft(x: Any, n: int | None = None, axis: int = -1, norm: Any = None) -> Any:
    return _transform(False, x, n, axis, norm, half=True)


def _irfft(x: Any, n: int | None = None, axis: int = -1, norm: Any = None) -> Any:
    """Of half a spectrum, whose other half is the conjugate one."""
    real, imag = (array_of(part) for part in parts(x))
    n = 2 * (real.shape[axis] - 1) if n is None else n
    kept = n // 2 + 1
    a, _ = _fitted(real, kept, axis)
    cosines, sines = (table.T for table in _matrices(n, kept))  # (kept, n)
    twice = np.array([1 if k == 0 or 2 * k == n else 2 for k in range(kept)])[:, None]
    found = a @ (twice * cosines)
    if np.ndim(imag):
        b, _ = _fitted(imag, kept, axis)
        found = found - b @ (twice * sines)
    return np.moveaxis(_scaled(found, n, norm, True), -1, axis)


def _many(transform: Function, s_name: str = "s") -> Function:
    """A transform along several axes, one after the other."""

    def over_axes(x: Any, s: Any = None, axes: Any = None, norm: Any = None, default: Any = None) -> Any:
        axes = (default or range(np.ndim(parts(x)[0]))) if axes is None else axes
        for k, axis in enumerate(axes):
            x = transform(x, None if s is None else s[k], axis, norm)
        return x

    return over_axes


def _rfft2(x: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None) -> Any:
    found = _rfft(x, None if s is None else s[-1], axes[-1], norm)
    return _fft(found, None if s is None else s[0], axes[0], norm)


def _irfft2(x: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None) -> Any:
    found = _ifft(x, None if s is None else s[0], axes[0], norm)
    return _irfft(found, None if s is None else s[-1], axes[-1], norm)


_fft, _ifft = functools.partial(_transform, False), functools.partial(_transform, True)


def _shift(sign: int) -> Function:
    def shift(x: Any, axes: Any = None) -> Any:
        axes = range(np.ndim(x)) if axes is None else np.atleast_1d(axes)
        for axis in axes:
            n = np.shape(x)[axis]
            x = np.roll(x, n // 2 if sign > 0 else -(n // 2), axis)
        return x

    return shift


FOURIER: dict[str, Function] = {
    "fft.fft": _fft,
    "fft.ifft": _ifft,
    "fft.rfft": _rfft,
    "fft.irfft": _irfft,
    "fft.fft2": lambda x, s=None, axes=(-2, -1), norm=None: _many(_fft)(x, s, axes, norm),
    "fft.ifft2": lambda x, s=None, axes=(-2, -1), norm=None: _many(_ifft)(x, s, axes, norm),
    "fft.fftn": _many(_fft),
    "fft.ifftn": _many(_ifft),
    "fft.rfft2": _rfft2,
    "fft.irfft2": _irfft2,
    "fft.fftshift": _shift(1),
    "fft.ifftshift": _shift(-1),
}


@depends.register
def _(x: Complex) -> bool:
    return depends(x.real) or depends(x.imag)


@shadows.register
def _(x: Complex) -> Any:
    return np.asarray(shadows(x.real)) + 1j * np.asarray(shadows(x.imag))


@array_of.register
def _(x: Complex) -> Complex:
    return x
