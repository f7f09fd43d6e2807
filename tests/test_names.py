"""Names: one for each thing."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

import pytest

import sedspace
import sedspace_kernels


def packages(package):
    """Return a package and all within it."""
    within = [importlib.import_module(f"{package.__name__}.{m.name}") for m in pkgutil.iter_modules(package.__path__)
              if m.ispkg]  # fmt: skip
    return [package, *(one for child in within for one in packages(child))]


@pytest.mark.parametrize("package", [*packages(sedspace), *packages(sedspace_kernels)], ids=lambda p: p.__name__)
def test_nothing_has_the_name_of_a_module_beside_it(package):
    names = [module.name for module in pkgutil.iter_modules(package.__path__)]
    assert [name for name in names if not isinstance(getattr(package, name, package), ModuleType)] == []
