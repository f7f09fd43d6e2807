"""What a measurement ran on."""

from __future__ import annotations

import functools
import hashlib
import platform
from importlib.metadata import version
from pathlib import Path

from sedspace.version import __version__


def cpu_name() -> str:
    """Return the processor's name, where the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


@functools.cache
def code_version() -> str:
    """Return what two processes that are to write the same bytes must have in common: versions, a hash of sources.

    Examples
    --------
    >>> code_version().split()[0]
    'sedspace'
    """
    import sedspace_kernels

    digest = hashlib.sha256()
    for package in (Path(__file__).parent, Path(sedspace_kernels.__path__[0])):
        for path in sorted(package.rglob("*.py")):
            digest.update(path.relative_to(package).as_posix().encode() + path.read_bytes())
    others = ", ".join(f"{name} {version(name)}" for name in ("numpy", "pyarrow"))
    return f"sedspace {__version__} (code {digest.hexdigest()[:12]}, {others})"
