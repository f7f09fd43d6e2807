"""Zero-cost proxies: each a function of a network and a batch, registered by its name."""

from sedspace.crosscheck.proxies import jacobians, patterns, per_sample, saliency, zen  # noqa: F401  they register themselves
from sedspace.crosscheck.proxies.proxy import Batch, Proxy, Undefined, find_proxy, known_proxies, proxy

__all__ = ["Batch", "Proxy", "Undefined", "find_proxy", "known_proxies", "proxy"]
