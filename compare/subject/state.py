"""What a user's code can reach: data in closures, globals, defaults, on `self`, in classes; and what it remembers.

A check runs the code many times. While it runs on other numbers, the float arrays in reach are those numbers, exactly
as arguments are; afterwards everything is as it was: the same objects with the same contents.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import functools
import itertools
import os
import random
import sys
import threading
import types
import warnings
from collections.abc import Callable, Iterable, Iterator
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from autograd.record.classes import entries, has_own_arithmetic, in_the_class_of

Array = NDArray[Any]
Make = Callable[[Array], Any]  # makes numbers of an array of floats: a ValueArray, an array of a tape

_OURS = {"autograd", "compare", "matrix_backprop", "numpy", "scipy", "pytest", "_pytest", *sys.stdlib_module_names}
_GENERATORS = (np.random.Generator, np.random.RandomState, random.Random)
_NAMESPACES = (types.SimpleNamespace, argparse.Namespace, collections.UserDict, collections.UserList)
_WRAPPERS = (staticmethod, classmethod, functools.cached_property, property)
_MEMO = type(functools.lru_cache(lambda: None))
_DEFAULT_RNG = np.random.default_rng
_ATOMS = {int, float, bool, complex, str, bytes, type(None)}
_SHORT = 7  # significant digits of a number that was written, not computed

#: Larger arrays stay floats. Each of their entries would be an object in each arithmetic, seconds and gigabytes of
#: them, where code mostly takes a batch out of such an array; what it takes is a float that code might have written.
LARGEST = 1 << 21


@contextlib.contextmanager
def unchanged(roots: Iterable[Any], make: Make | None = None) -> Iterator[None]:
    """While the block runs, what these functions and objects reach may change; afterwards it is as it was.

    With `make` the floats in reach are the numbers that it makes of them, one object for one array.
    """
    reach = _Reach(roots)
    try:
        reach.convert(_Numbers(make, reach.arrays))
        yield
    finally:
        reach.put_back()


def as_numbers(x: Any, make: Make) -> Any:
    """An argument with the floats in it as numbers: arrays, and those in dicts, lists and tuples.

    Objects are themselves: `unchanged` converts what they hold.
    """
    return _Numbers(make, inside=True)(x)


def floats_in_reach(roots: Iterable[Any]) -> list[tuple[str, Any]]:
    """The arrays of floats, and the numbers of NumPy's, that functions reach, with their names where they have some."""
    reach = _Reach(roots)
    found = [
        (key if isinstance(key, str) and not key.startswith("__") else "", x)
        for held in reach.held
        for key, x in held.before.items()
        if isinstance(x, (np.ndarray, np.floating)) and x.dtype.kind == "f"
    ]
    return found + [("", x) for x in reach.arrays]


class _World:
    """What belongs to the process, and user code may change: states of random numbers, the environment, ..."""

    def __init__(self) -> None:
        self.numpys, self.pythons = np.random.get_state(), random.getstate()  # noqa: NPY002 (what users may use)
        self.directory, self.environment, self.limit = _directory(), dict(os.environ), sys.getrecursionlimit()

    def put_back(self) -> None:
        """As it was."""
        np.random.set_state(self.numpys)  # noqa: NPY002
        random.setstate(self.pythons)
        sys.setrecursionlimit(self.limit)
        if dict(os.environ) != self.environment:
            for name in set(os.environ) - set(self.environment):
                del os.environ[name]
            os.environ.update(self.environment)
        if self.directory and _directory() != self.directory:
            os.chdir(self.directory)


_before_all: _World | None = None  # what each of several runs begins with


@contextlib.contextmanager
def one_world() -> Iterator[None]:
    """What belongs to the process is looked at once for all runs in this block, each of which leaves it as it was."""
    global _before_all
    before, _before_all = _before_all, _World()
    try:
        yield
    finally:
        _before_all = before


@contextlib.contextmanager
def same_world() -> Iterator[None]:
    """While the block runs, code may change what belongs to the process; afterwards it is as it was."""
    global _before_all
    before, world = _before_all, _before_all or _World()
    default_rng, np.random.default_rng = np.random.default_rng, _numbered()
    _before_all = None  # a run inside of this one begins with what this one has made of it
    try:
        with np.errstate(all="ignore"), np.printoptions(), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # what comes out is looked at anyway
            yield
    finally:
        np.random.default_rng, _before_all = default_rng, before
        world.put_back()


def _numbered() -> Callable[..., np.random.Generator]:
    """np.random.default_rng whose generators without a seed are the same ones in each run: first, second, ..."""
    count, thread = itertools.count(), threading.get_ident()

    @functools.wraps(_DEFAULT_RNG)
    def default_rng(seed: Any = None) -> np.random.Generator:
        return _DEFAULT_RNG([next(count), 2**31] if seed is None and threading.get_ident() == thread else seed)

    return default_rng


def _directory() -> str:
    try:
        return os.getcwd()
    except OSError:  # it was deleted
        return ""


class _Numbers:
    """Makes numbers of floats; the same object for the same array, and views of one memory where it is shared."""

    def __init__(self, make: Make | None, arrays: Iterable[Array] = (), inside: bool = False) -> None:
        self.make, self.inside = make, inside
        self.made: dict[int, Any] = {}
        self.memory: dict[int, Any] = {}  # the numbers of arrays that others are views of
        self.kept: list[Any] = []  # so that no id is used twice
        self.shared = collections.Counter(id(_memory(x)) for x in arrays)

    def __call__(self, x: Any) -> Any:
        if id(x) not in self.made:
            self.kept.append(x)
            self.made[id(x)] = self._number(x)
        return self.made[id(x)]

    def _number(self, x: Any) -> Any:
        if x is _DEFAULT_RNG:
            return np.random.default_rng
        make = self.make
        if make is None:
            return x
        if type(x) in (np.ndarray, np.memmap) and x.dtype.kind == "f":
            return self._array(x, make)
        if has_own_arithmetic(x):
            return in_the_class_of(x, make(entries(x)))
        if isinstance(x, np.floating):
            written = not np.isfinite(x) or x == np.round(x) or float(f"{x:.{_SHORT - 1}e}") == float(x)
            return x if written else make(np.asarray(x))[()]
        if isinstance(x, tuple):
            children = [self(child) for child in x]
            same = all(new is old for new, old in zip(children, x, strict=True))
            return x if same else _like(x, children)
        if self.inside and isinstance(x, dict):
            return {key: self(child) for key, child in x.items()}
        if self.inside and type(x) is list:
            return [self(child) for child in x]
        if isinstance(x, _MEMO):  # what it remembers are numbers of another run
            return functools.wraps(x)(functools.lru_cache(**x.cache_parameters())(x.__wrapped__))
        if type(x).__module__.startswith("scipy.sparse") and hasattr(x, "toarray") and x.dtype.kind == "f":
            return self._array(x.toarray(), make) if np.prod(x.shape) <= LARGEST else x
        return x

    def _array(self, x: Array, make: Make) -> Any:
        if x.size > LARGEST or not np.isfinite(x).all():  # no type of number holds an infinity: they are masks
            return x
        base = _memory(x)
        if self.shared[id(base)] < 2 or base.size > LARGEST or not base.flags.forc:
            return self._like(x, make(x))
        if id(base) not in self.memory:
            self.memory[id(base)] = make(base.ravel(order="K"))
        return self._like(x, _view(self.memory[id(base)], x, base))

    def _like(self, x: Array, numbers: Any) -> Any:
        if isinstance(numbers, np.ndarray) and not x.flags.writeable:
            numbers.flags.writeable = False
        return numbers


def _memory(x: Array) -> Array:
    """The array whose memory this one is a view of, or the array itself."""
    base = x
    while type(base.base) is np.ndarray and base.base.dtype == x.dtype:
        base = base.base
    return base


def _view(numbers: Any, x: Array, base: Array) -> Any:
    """The numbers in the memory of `base` seen as `x` sees its floats."""
    contents = numbers if isinstance(numbers, np.ndarray) else numbers.ids
    start = (x.__array_interface__["data"][0] - base.__array_interface__["data"][0]) // base.itemsize
    strides = [contents.itemsize * step // x.itemsize for step in x.strides]
    seen = np.lib.stride_tricks.as_strided(contents[start:], x.shape, strides, subok=True)
    return seen if isinstance(numbers, np.ndarray) else type(numbers)(numbers.tape, seen)


def _like(x: tuple[Any, ...], children: list[Any]) -> Any:
    return type(x)._make(children) if hasattr(x, "_make") else tuple(children)


class _Held(NamedTuple):
    """What something holds, by name or place, and how it is changed and put back."""

    before: dict[Any, Any]
    write: Callable[[Any, Any], None]
    put_back: Callable[[], None]


class _Reach:
    """Everything that functions and objects reach, as it is now."""

    def __init__(self, roots: Iterable[Any]) -> None:
        self.held: list[_Held] = []
        self.arrays: list[Array] = []
        self._seen: dict[int, Any] = {}  # the objects too, so that no id is used twice
        self._todo = list(roots)
        while self._todo:
            x = self._todo.pop()
            if type(x) not in _ATOMS and id(x) not in self._seen:
                self._seen[id(x)] = x
                self._find(x)

    def convert(self, number: Callable[[Any], Any]) -> None:
        """The floats in reach as numbers."""
        for held in self.held:
            for key, x in held.before.items():
                new = x if type(x) in _ATOMS else number(x)
                if new is not x:
                    held.write(key, new)

    def put_back(self) -> None:
        """Everything as it was."""
        for held in reversed(self.held):
            held.put_back()

    def _find(self, x: Any) -> None:
        if isinstance(x, FunctionType):
            self._function(x)
        elif isinstance(x, MethodType):
            self._todo += [x.__self__, x.__func__]
        elif isinstance(x, functools.partial):
            self._partial(x)
        elif isinstance(x, dict):
            self._dict(x)
        elif isinstance(x, (list, collections.deque)):
            self._list(x)
        elif isinstance(x, set):
            before = set(x)
            self._state(lambda: (set.clear(x), set.update(x, before)))
        elif isinstance(x, (tuple, frozenset)):
            self._todo += x
        elif isinstance(x, np.ndarray):
            self._array(x)
        elif isinstance(x, _GENERATORS):
            self._generator(x)
        elif isinstance(x, type):
            self._class(x)
        elif isinstance(x, _WRAPPERS):
            self._todo += [getattr(x, name, None) for name in ("__func__", "func", "fget", "fset")]
        elif isinstance(x, _MEMO):
            self._todo.append(x.__wrapped__)
        elif not isinstance(x, ModuleType) and (isinstance(x, _NAMESPACES) or _is_users_type(type(x))):
            self._object(x)

    def _state(self, put_back: Callable[[], Any]) -> None:
        self.held.append(_Held({}, lambda *_: None, put_back))

    def _hold(self, before: dict[Any, Any], write: Callable[[Any, Any], None], put_back: Callable[[], None]) -> None:
        self.held.append(_Held(before, write, put_back))
        self._todo += before.values()

    def _function(self, x: FunctionType) -> None:
        if x.__module__ and x.__module__.partition(".")[0] in _OURS:
            return
        names = _names(x.__code__)
        self._names(x.__globals__, names)
        for name in names:
            module = x.__globals__.get(name)
            if isinstance(module, ModuleType) and _is_users_module(module):
                self._names(vars(module), names)
        for name, cell in zip(x.__code__.co_freevars, x.__closure__ or (), strict=True):
            self._cell(name, cell)
        if x.__defaults__:
            before = x.__defaults__
            put_back = functools.partial(setattr, x, "__defaults__", before)
            self._hold({"__defaults__": before}, functools.partial(setattr, x), put_back)
        self._todo += [x.__kwdefaults__ or {}, vars(x)]

    def _names(self, space: dict[str, Any], names: Iterable[str]) -> None:
        """Names of a module: those that are bound, and those that the code may bind."""
        missing = object()
        before = {name: space[name] for name in names if name in space}

        def put_back() -> None:
            for name in names:
                if name not in before:
                    space.pop(name, None)
                elif space.get(name, missing) is not before[name]:
                    space[name] = before[name]

        self._hold(before, space.__setitem__, put_back)

    def _cell(self, name: str, cell: Any) -> None:
        try:
            before = {name: cell.cell_contents}
        except ValueError:  # it is still empty
            before = {}

        def put_back() -> None:
            if before:
                cell.cell_contents = before[name]
            else:
                del cell.cell_contents

        self._hold(before, lambda _, x: setattr(cell, "cell_contents", x), put_back)

    def _partial(self, x: Any) -> None:
        before = {"args": x.args}
        self._todo += [x.func, x.keywords, vars(x)]

        def write(_: str, args: Any) -> None:
            x.__setstate__((x.func, args, x.keywords, vars(x)))

        self._hold(before, write, lambda: write("", before["args"]) if x.args is not before["args"] else None)

    def _dict(self, x: dict[Any, Any]) -> None:
        before = dict(x)
        kind: Any = collections.OrderedDict if isinstance(x, collections.OrderedDict) else dict

        def put_back() -> None:
            if list(x) == list(before):
                for key, old in before.items():
                    dict.__setitem__(x, key, old)
            else:
                kind.clear(x)
                for key, old in before.items():
                    kind.__setitem__(x, key, old)

        self._hold(before, functools.partial(dict.__setitem__, x), put_back)

    def _list(self, x: Any) -> None:
        before = list(x)
        kind: Any = list if isinstance(x, list) else collections.deque

        def put_back() -> None:
            kind.clear(x)
            kind.extend(x, before)

        self._hold(dict(enumerate(before)), functools.partial(kind.__setitem__, x), put_back)

    def _array(self, x: Array) -> None:
        if x.dtype.kind == "f":
            self.arrays.append(x)
        if not x.flags.writeable:
            return
        before = np.array(x, subok=True)
        if x.dtype == object and type(x) is np.ndarray:
            self._hold(dict(np.ndenumerate(x)), x.__setitem__, lambda: x.__setitem__(..., before))
        else:
            self._state(lambda: x.__setitem__(..., before))

    def _generator(self, x: Any) -> None:
        if isinstance(x, np.random.Generator):
            state = x.bit_generator.state
            self._state(lambda: setattr(x.bit_generator, "state", state))
        elif isinstance(x, np.random.RandomState):
            legacy = x.get_state()
            self._state(lambda: x.set_state(legacy))
        else:
            pythons = x.getstate()
            self._state(lambda: x.setstate(pythons))

    def _class(self, x: type) -> None:
        if not _is_users_type(x):
            return
        self._attributes(x, functools.partial(type.__setattr__, x), functools.partial(type.__delattr__, x))
        self._todo += x.__mro__[1:]

    def _attributes(self, x: type, write: Callable[[str, Any], None], delete: Callable[[str], None]) -> None:
        """Class attributes."""

        def read() -> dict[str, Any]:
            return {name: y for name, y in vars(x).items() if not (name.startswith("__") and name.endswith("__"))}

        before = read()

        def put_back() -> None:
            now = read()
            for name in now.keys() - before.keys():
                delete(name)
            for name, old in before.items():
                if now.get(name) is not old or name not in now:
                    write(name, old)

        self._hold(before, write, put_back)
        self._todo += [y for y in vars(x).values() if isinstance(y, (FunctionType, *_WRAPPERS))]

    def _object(self, x: Any) -> None:
        self._todo.append(type(x))
        if isinstance(getattr(x, "__dict__", None), dict):
            self._todo.append(vars(x))
        slots = [
            y
            for kind in type(x).__mro__
            for y in vars(kind).values()
            if isinstance(y, types.MemberDescriptorType) and not isinstance(y, type)
        ]
        if slots and _is_users_type(type(x)):
            self._slots(x, {y.__name__: y for y in slots})

    def _slots(self, x: Any, slots: dict[str, Any]) -> None:
        before: dict[str, Any] = {}
        for name, slot in slots.items():
            with contextlib.suppress(AttributeError):  # not bound yet
                before[name] = slot.__get__(x)

        def put_back() -> None:
            for name, slot in slots.items():
                if name in before:
                    slot.__set__(x, before[name])
                else:
                    with contextlib.suppress(AttributeError):
                        slot.__delete__(x)

        self._hold(before, lambda name, new: slots[name].__set__(x, new), put_back)


def _names(code: CodeType) -> list[str]:
    """The global names of a function and of those inside of it, and the names of attributes."""
    inner = [name for x in code.co_consts if isinstance(x, CodeType) for name in _names(x)]
    return list(dict.fromkeys([*code.co_names, *inner]))


def _is_users_module(module: ModuleType) -> bool:
    file = getattr(module, "__file__", None) or ""
    return module.__name__.partition(".")[0] not in _OURS and "-packages" not in file and bool(file)


def _is_users_type(kind: type) -> bool:
    """Whether a class is the user's own: what a library keeps inside of its objects must stay as it is."""
    name = kind.__module__
    return name.partition(".")[0] not in _OURS and "-packages" not in (
        getattr(sys.modules.get(name), "__file__", None) or ""
    )
