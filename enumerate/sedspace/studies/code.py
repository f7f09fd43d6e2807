"""By what a study knows a proxy that is not sedspace's: a hash of its code, and of the user's code that it leads to."""

from __future__ import annotations

import functools
import hashlib
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from pathlib import Path
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

_PLAIN = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis))
_SHARED = (tuple, frozenset, CodeType, np.ndarray)  # equal ones may or may not be the same object
_OF_PYTHON = {"__dict__", "__weakref__", "__doc__", "__module__", "__firstlineno__", "__static_attributes__"}
_LIBRARIES = tuple(Path(sysconfig.get_path(name)) for name in ("stdlib", "purelib", "platlib"))


def code_of(function: Callable[..., object], *settings: object) -> str | None:
    """Return a hash of the bytecode of a user's function, and settings; None of one that comes with sedspace.

    What it leads to by name counts too, as it is now: functions and classes of the user's, numbers, texts, arrays and
    containers of these. Libraries count by the names of what is used of them. Comments do not count, and Python's
    version does.

    Examples
    --------
    >>> from sedspace.studies.proxies import find_proxy
    >>> code_of(find_proxy("zen").function) is None
    True
    """
    if _package(function) == "sedspace":
        return None
    digest = hashlib.sha256()
    for part in _parts((function, settings), {}):
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()[:16]


def _parts(thing: Any, seen: dict[int, Any]) -> Iterator[str]:
    """Yield all that a thing is made of, as texts that are the same in every process."""
    if isinstance(thing, _PLAIN):
        yield repr(thing)
    elif id(thing) not in seen:  # a function may call itself
        if not isinstance(thing, _SHARED):
            seen[id(thing)] = thing
        yield str(getattr(thing, "__qualname__", type(thing).__qualname__))
        for one in _inside(thing):
            yield from _parts(one, seen)


@functools.singledispatch
def _inside(thing: Any) -> Iterable[Any]:
    """Return what an object is made of; nothing of a library's."""
    if hasattr(thing, "detach"):  # a tensor
        return (str(thing.dtype), thing.detach().cpu().tolist())
    if _is_users(type(thing)):
        return (type(thing), getattr(thing, "__dict__", {}))
    return (type(thing).__module__, getattr(thing, "__wrapped__", None))  # of functools.cache, say


@_inside.register
def _(thing: FunctionType) -> Iterable[Any]:
    if not _is_users(thing):
        return (thing.__module__,)
    cells = [cell.cell_contents for cell in thing.__closure__ or () if cell != CellType()]
    text = tuple(one for one in thing.__code__.co_consts if one != thing.__doc__ or one is None)
    given = thing.__defaults__, thing.__kwdefaults__, vars(thing)  # with the passes that it needs
    return (thing.__code__.replace(co_consts=text), *given, cells, _global(thing))


@_inside.register
def _(thing: type) -> Iterable[Any]:
    if not _is_users(thing):
        return (thing.__module__,)
    own = {name: one for name, one in vars(thing).items() if name not in _OF_PYTHON}
    return (*thing.__bases__, own)


_inside.register(np.ndarray, lambda array: (str(array.dtype), array.shape, array.tobytes()))
_inside.register(CodeType, lambda code: (code.co_code, code.co_names, code.co_freevars, code.co_consts))
_inside.register(tuple, iter)
_inside.register(list, iter)
_inside.register(set, lambda some: sorted(some, key=repr))
_inside.register(frozenset, lambda some: sorted(some, key=repr))
_inside.register(dict, lambda some: [part for item in some.items() for part in item])
_inside.register(ModuleType, lambda module: (module.__name__,))
_inside.register(Enum, lambda one: (one.name,))
_inside.register(functools.partial, lambda partial: (partial.func, partial.args, partial.keywords))
_inside.register(MethodType, lambda method: (method.__func__, method.__self__))
_inside.register(property, lambda one: (one.fget, one.fset))
_inside.register(staticmethod, lambda one: (one.__func__,))
_inside.register(classmethod, lambda one: (one.__func__,))


def _global(function: FunctionType) -> list[Any]:
    """Return what the global names in a function lead to, and of a user's modules what it names of them."""
    names, found = _names(function.__code__), []
    for name in names:
        if name in function.__globals__:
            found.append(thing := function.__globals__[name])
            if isinstance(thing, ModuleType) and _is_users(thing):
                found += [vars(thing)[inner] for inner in names if inner in vars(thing)]
    return found


def _names(code: CodeType) -> list[str]:
    """Return the names that a function and those in it look up, in a fixed order."""
    inner = [name for one in code.co_consts if isinstance(one, CodeType) for name in _names(one)]
    return list(dict.fromkeys([*code.co_names, *inner]))


def _package(thing: Any) -> str:
    name = thing.__name__ if isinstance(thing, ModuleType) else getattr(thing, "__module__", None) or ""
    return str(name).partition(".")[0]


def _is_users(thing: Any) -> bool:
    """Return whether a thing comes neither with Python nor with an installed package nor with sedspace."""
    package = _package(thing)
    if package in ("sedspace", "sedspace_kernels") or package in sys.stdlib_module_names - {"__main__"}:
        return False
    file = getattr(sys.modules.get(package), "__file__", None)
    return package == "__main__" or file is None or not any(path in Path(file).parents for path in _LIBRARIES)
