"""The proxies that come with sedspace, and the names of all that are registered."""

from __future__ import annotations

import importlib

from sedspace.errors import unknown
from sedspace.studies.proxies.base import REGISTERED, Proxy

MODULES = (
    "az_nas",
    "dss",
    "epe_nas",
    "fisher",
    "grad_norm",
    "gradsign",
    "grasp",
    "incorporated",
    "jacob_cov",
    "l2_norm",
    "linear_regions",
    "meco",
    "naswot",
    "ntk_cond",
    "plain",
    "rbflex",
    "size",
    "snip",
    "swap",
    "synflow",
    "vkdnw",
    "wrcor",
    "zen",
    "zico",
)
"""One line for each file beside this one that holds proxies; they register themselves when they are imported."""

for _module in MODULES:
    importlib.import_module(f"sedspace.studies.proxies.{_module}")


def known_proxies() -> dict[str, Proxy]:
    """Return every proxy by its name.

    Examples
    --------
    >>> from sedspace.studies.proxies import known_proxies
    >>> known_proxies()["ntk_cond"].better
    'less'
    """
    return dict(REGISTERED)


def find_proxy(name: str) -> Proxy:
    """Return a proxy by its name; raise `BadInput` that names the nearest."""
    if name not in REGISTERED:
        raise unknown("proxy", name, REGISTERED)
    return REGISTERED[name]
