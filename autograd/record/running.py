"""Running NumPy code so that it leaves a graph: what NumPy needs while Values, or exact numbers, go through it.

Most of NumPy works on a `ValueArray` as it is. `recording` takes care of the rest while code runs: allocators give
arrays that can hold Values, and a few functions that insist on floats get a version for Values. What cannot be recorded
raises a TypeError that names the function.
"""

from __future__ import annotations

import builtins
import contextlib
import functools
import inspect
import math
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

import numpy as np

from autograd.number.carrier import FUNCTIONS, Carrier
from autograd.number.plane import Complex
from autograd.number.threads import elsewhere, only_here
from autograd.number.vocabulary import MATH, QUESTIONS, REFUSED, STEPS, Refused, array_of, refusal, shadows
from autograd.record.kinds import BUILTINS, answering, dispatching, is_dispatching, is_scalar
from autograd.record.libraries import of_library
from autograd.record.linalg import LINEAR_ALGEBRA
from autograd.record.places import is_users
from autograd.record.scientific import SCIENTIFIC, Normal
from autograd.record.values import OF_OTHERS, ValueArray, holds_nodes, of_data, on_floats

Function = Callable[..., Any]


@contextlib.contextmanager
def recording(*functions: Function) -> Iterator[None]:
    """While the block runs, NumPy code works on Values and on the numbers of this package.

    >>> from autograd import values
    >>> x = values([1.0, 2.0], "x")
    >>> with recording():
    ...     h = np.zeros(2)               # elsewhere an array of floats, which cannot hold Values
    ...     h[0] = 3 * x[1]
    >>> h[0]
    Value(6.0)

    NumPy itself is not changed, only what the user's modules see under its name: those of `functions`, of their
    caller, and every other loaded module that is the user's. They are restored afterwards, also when the block raises.
    Threads that were there before see NumPy as it is; but two recordings at once disturb each other. One inside of
    another of the same functions costs nothing.
    """
    global _recorded, _loaded
    its_own = [f.__globals__ for f in map(inspect.unwrap, functions) if hasattr(f, "__globals__")]
    if its_own and _recorded.issuperset(map(id, its_own)) and len(sys.modules) == _loaded:
        yield
        return
    substitutes = _substitutes()
    namespaces = _users_namespaces(its_own)
    users, before = set(map(id, namespaces)), (_recorded, _loaded)
    places = [
        (namespace, name, new)
        for namespace in namespaces
        for name, x in namespace.items()
        if id(x) in substitutes or (isinstance(x, _SEEN_OTHERWISE) and not _is_own(x, users))  # of most names all
        for new in _seen(x, substitutes)
    ]
    places += [
        (namespace, name, new) for namespace in namespaces for name, new in BUILTINS.items() if name not in namespace
    ]
    originals = [(namespace, name, namespace.get(name)) for namespace, name, _ in places]
    import_ = builtins.__import__

    def importing(name: str, globals: Any = None, *rest: Any, **keywords: Any) -> Any:
        """An import inside of a user's function."""
        module = import_(name, globals, *rest, **keywords)
        return substitutes.get(id(module)) or of_library(module) if id(globals) in users else module

    try:
        for namespace, name, substitute in places:
            namespace[name] = substitute
        builtins.__import__, _recorded, _loaded = importing, users, len(sys.modules)
        with answering(), only_here():
            yield
    finally:
        builtins.__import__, (_recorded, _loaded) = import_, before
        for namespace, name, original in originals:
            if original is None:
                del namespace[name]
            else:
                namespace[name] = original


_recorded: set[int] = set()  # the namespaces of users that see NumPy otherwise now
_loaded = 0  # how many modules there were when that began
_CHECKS = f"{Path(__file__).parents[2] / 'compare'}{os.sep}"  # what runs the user's code asks for itself


_SEEN_OTHERWISE = (FunctionType, BuiltinFunctionType, ModuleType, np.vectorize)


def _is_own(x: Any, users: set[int]) -> bool:
    """Whether x is a function that the user's code defines, as most names are, and no copy of another's name."""
    return type(x) is FunctionType and id(x.__globals__) in users and x.__module__ == x.__globals__.get("__name__")


def _seen(x: Any, substitutes: dict[int, Any]) -> Iterator[Any]:
    """What a user's code sees for a function or a module while it is recorded, the last of it; nothing if it is x."""
    if id(x) in substitutes:
        yield substitutes[id(x)]
    elif type(x) is np.vectorize:
        yield _vectorized(x)
    else:
        if is_dispatching(x):
            yield dispatching(x)
        if (new := of_library(x)) is not x:
            yield new


class _Substitute(ModuleType):
    """A module with some of its functions replaced, for a user's code to see."""

    def __init__(self, module: ModuleType, replaced: dict[str, Any]) -> None:
        super().__init__(module.__name__)
        vars(self).update(replaced, _module=module)

    def __getattr__(self, name: str) -> Any:
        return of_library(getattr(vars(self)["_module"], name))


def _substitutes() -> dict[int, Any]:
    """For the id of each function and module that is replaced: what stands for it."""
    return _substitutes_of(frozenset(name for name in (*SCIENTIFIC, "scipy.stats", "numpy.fft") if name in sys.modules))


@functools.cache
def _substitutes_of(loaded: frozenset[str]) -> dict[int, Any]:
    """The same, with these modules loaded."""
    found: dict[int, Any] = {}
    members: dict[str, dict[str, Any]] = {}
    for module, name, new in _replacements():
        found[id(getattr(module, name))] = new
        members.setdefault(module.__name__, {})[name] = new
    for name in [*members]:
        while (name := name.rpartition(".")[0]) in sys.modules:  # scipy.spatial, which holds scipy.spatial.distance
            members.setdefault(name, {})
    for name in sorted(members, key=len, reverse=True):  # numpy.linalg before numpy, which holds it
        parent, _, child = name.rpartition(".")
        found[id(sys.modules[name])] = substitute = _Substitute(sys.modules[name], members[name])
        if parent in sys.modules:
            members.setdefault(parent, {})[child] = substitute
    for name in members.keys() & sys.modules.keys():
        found.setdefault(id(sys.modules[name]), _Substitute(sys.modules[name], members[name]))
    return found


def _users_namespaces(namespaces: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """These, that of the caller, and those of all modules of users."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename in (__file__, contextlib.__file__):
        frame = frame.f_back
    namespaces = [*namespaces, frame.f_globals]
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None) or ""
        if file and is_users(file) and "-packages" not in file:
            namespaces.append(vars(module))
    found = {id(namespace): namespace for namespace in namespaces}
    return [x for x in found.values() if not str(x.get("__file__", "")).startswith(_CHECKS)]


def _replacements() -> Iterator[tuple[ModuleType, str, Function]]:
    """(module, name, replacement) of every function that is replaced while recording."""
    for name in (
        "zeros",
        "ones",
        "empty",
        "full",
        "eye",
        "identity",
        "zeros_like",
        "ones_like",
        "empty_like",
        "full_like",
        "arange",
        "linspace",
    ):
        yield np, name, _allocator(getattr(np, name))
    for name in ("array", "asarray", "asanyarray", "ascontiguousarray"):
        yield np, name, _array_maker(getattr(np, name))
    yield np, "nan_to_num", _for_nodes(np.nan_to_num, FUNCTIONS["nan_to_num"])
    for name in (*QUESTIONS, *STEPS, "allclose", "isclose", "array_equal"):
        yield np, name, _for_nodes(getattr(np, name), _on_shadows(getattr(np, name)))
    yield np, "isscalar", is_scalar
    yield np, "finfo", lambda x: np.finfo(_as_float(x))
    yield np, "issubdtype", lambda x, kind: np.issubdtype(_as_float(x), kind)
    for name in REFUSED:
        path, _, function = name.replace("np", "numpy").rpartition(".")
        yield sys.modules[path], function, _for_nodes(getattr(sys.modules[path], function), _refusing(name))
    for name, own in MATH.items():
        yield math, name, _for_nodes(getattr(math, name), own)
    for name, own in LINEAR_ALGEBRA.items():
        if hasattr(np.linalg, name):
            yield np.linalg, name, _for_nodes(getattr(np.linalg, name), own)
    for name in _FOR_FLOATS:
        path, _, function = f"numpy.{name}".rpartition(".")
        if path not in sys.modules:  # numpy.fft is loaded when it is asked for
            continue
        yield sys.modules[path], function, _for_nodes(getattr(sys.modules[path], function), FUNCTIONS[name])
    for path, functions in SCIENTIFIC.items():
        for name, own in functions.items() if path in sys.modules else ():
            if hasattr(sys.modules[path], name):
                yield sys.modules[path], name, _for_nodes(getattr(sys.modules[path], name), own)
    if "scipy.stats" in sys.modules:
        yield sys.modules["scipy.stats"], "norm", Normal(sys.modules["scipy.stats"].norm, _for_nodes)
    yield np, "vectorize", _Vectorized
    yield np, "nditer", _iteration
    yield np, "ndenumerate", _for_nodes(np.ndenumerate, _enumerated)


# of NumPy's functions those that take only floats, also where they are given a lone node or a list of them
_STRICT = ("interp", "gradient", "bincount", "cov", "corrcoef", "i0")
_FOR_FLOATS = [name for name in OF_OTHERS if name.startswith(("fft.", "linalg.matrix_power")) or name in _STRICT]


class _Vectorized(np.vectorize):
    """np.vectorize, whose results may be nodes whatever type it was told to expect."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not any(map(_holds_ours, args)) or kwargs or self.signature is not None:
            return super().__call__(*args, **kwargs)
        arrays = np.broadcast_arrays(*map(array_of, args)) if len(args) > 1 else [array_of(args[0])]
        shape = np.shape(arrays[0])
        flat = [x.reshape(-1) for x in arrays]
        found = [self.pyfunc(*(x[k] for x in flat)) for k in range(math.prod(shape))]
        return array_of(found).reshape(shape)


def _vectorized(x: np.vectorize) -> _Vectorized:
    found = _Vectorized(x.pyfunc)
    vars(found).update(vars(x))
    return found


class _iteration:
    """np.nditer over one array of what stands for floats, to be read; else NumPy's own."""

    def __new__(cls, op: Any, *args: Any, **kwargs: Any) -> Any:
        return super().__new__(cls) if _holds_ours(op) else np.nditer(op, *args, **kwargs)

    def __init__(self, op: Any, flags: Any = (), *args: Any, **kwargs: Any) -> None:
        if isinstance(op, (list, tuple)):
            raise refusal("np.nditer over several arrays")
        self._array = array_of(op)
        places = np.arange(self._array.size).reshape(self._array.shape)
        self._places = np.nditer(places, [flag for flag in flags if flag != "refs_ok"])

    def __getattr__(self, name: str) -> Any:
        return getattr(self._places, name)

    def __getitem__(self, k: int) -> Any:
        place: Any = self._places[k]
        return self._array.reshape(-1)[place]

    def __iter__(self) -> Iterator[Any]:
        flat = self._array.reshape(-1)
        return (flat[k] for k in self._places)


def _enumerated(x: Any) -> Iterator[tuple[tuple[int, ...], Any]]:
    x = array_of(x)
    return ((place, x[place]) for place in np.ndindex(*x.shape))


def _for_nodes(original: Function, own: Function) -> Function:
    """`own` where an argument holds Values or exact numbers, elsewhere the original; on data it may take floats."""

    @functools.wraps(original)
    def function(*args: Any, **kwargs: Any) -> Any:
        given = [*args, *kwargs.values()]
        if not _holds_ours(given):
            in_objects = any(isinstance(x, ValueArray) for x in given)
            return on_floats(original, *args, **kwargs) if in_objects else original(*args, **kwargs)
        try:
            return own(*args, **kwargs)
        except Refused:
            if not of_data(args, kwargs):
                raise
            return on_floats(original, *args, **kwargs)

    return function


def _holds_ours(x: Any) -> bool:
    """Whether something stands for floats in it: a Value, a number, or an array of a tape or of numbers."""
    return (
        isinstance(x, (Carrier, Complex))
        or holds_nodes(x)
        or (isinstance(x, (list, tuple)) and any(map(_holds_ours, x)))
    )


def _is_float(dtype: Any) -> bool:
    return dtype is not None and np.dtype(dtype).kind == "f"


def _as_float(dtype: Any) -> Any:
    """The dtype that code would see without us: that of Values is object."""
    return float if dtype == np.dtype(object) else dtype


def _allocator(original: Function) -> Function:
    """np.zeros and its kind: an array of floats becomes one of objects, which can hold Values."""

    @functools.wraps(original)
    def allocate(*args: Any, **kwargs: Any) -> Any:
        if elsewhere():
            return original(*args, **kwargs)
        if holds_nodes([*args, *kwargs.values()]) and original is np.full:
            kwargs["dtype"] = object
        array = original(*args, **kwargs)
        return _holders[-1](array) if array.dtype.kind in "fO" else array

    return allocate


def _of_objects(array: Any) -> Any:
    return array.astype(object).view(ValueArray)


_holders: list[Function] = [_of_objects]  # the last one makes, of an array of floats, one that can hold nodes


@contextlib.contextmanager
def allocating(holder: Function) -> Iterator[None]:
    """While the block runs, `recording` gives arrays that `holder` makes of arrays of floats: those of a tape, say."""
    _holders.append(holder)
    try:
        yield
    finally:
        _holders.pop()


def _array_maker(original: Function) -> Function:
    """np.array and its kind: Values stay Values whatever float type is asked for, copied where NumPy copies."""

    @functools.wraps(original)
    def make(x: Any, *args: Any, **kwargs: Any) -> Any:
        if elsewhere():
            return original(x, *args, **kwargs)
        dtype = args[0] if args else kwargs.get("dtype")
        x = _stacked(x)
        if isinstance(x, Carrier):
            found = x.astype(float if dtype is None else dtype, copy=False)
            return found.copy() if original is np.array and found is x and kwargs.get("copy", True) else found
        in_floats = holds_nodes(x) and _is_float(dtype)
        if in_floats:
            args, kwargs = args[1:], {**kwargs, "dtype": object}
        array = original(x, *args, **kwargs)
        if in_floats and np.dtype(dtype) != np.dtype(float) and np.may_share_memory(array, x):
            array = array.copy()
        if isinstance(x, (list, tuple)) and array.dtype.kind == "f":
            array = array.astype(object)  # Values may be put into it
        return array.view(ValueArray) if array.dtype == object else array

    return make


def _stacked(x: Any) -> Any:
    """A list of arrays of a tape or of numbers as one of them; other things as they are."""
    if not isinstance(x, (list, tuple)):
        return x
    parts = [_stacked(y) for y in x]
    return np.stack(parts) if any(isinstance(y, Carrier) for y in parts) else x


def _on_shadows(function: Function) -> Function:
    """A function of which only the numbers matter, not where they came from."""

    def own(*args: Any, **kwargs: Any) -> Any:
        return function(*map(shadows, args), **kwargs)

    return own


def _refusing(name: str) -> Function:
    def own(*_args: Any, **_keywords: Any) -> Any:
        raise refusal(name)

    return own
