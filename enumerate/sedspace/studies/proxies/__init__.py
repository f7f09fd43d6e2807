"""Zero-cost proxies: each a function of a network and a batch, registered by its name, in a module of its own.

Conventions are NAS-Bench-Suite-Zero's (arXiv 2210.03230): PyTorch's default initialisation, BatchNorm in train mode,
mean cross-entropy, float32, the weights of convolutions and linear layers only. Greater is better unless said.
"""

from sedspace.studies.proxies import (  # they register themselves
    az_nas,
    epe_nas,
    fisher,
    grad_norm,
    gradsign,
    grasp,
    incorporated,
    jacob_cov,
    l2_norm,
    linear_regions,
    meco,
    naswot,
    ntk_cond,
    plain,
    size,
    snip,
    swap,
    synflow,
    zen,
    zico,
)
from sedspace.studies.proxies.registry import Batch, Proxy, Undefined, find_proxy, known_proxies, proxy

__all__ = [
    "Batch",
    "Proxy",
    "Undefined",
    "az_nas",
    "epe_nas",
    "find_proxy",
    "fisher",
    "grad_norm",
    "gradsign",
    "grasp",
    "incorporated",
    "jacob_cov",
    "known_proxies",
    "l2_norm",
    "linear_regions",
    "meco",
    "naswot",
    "ntk_cond",
    "plain",
    "proxy",
    "size",
    "snip",
    "swap",
    "synflow",
    "zen",
    "zico",
]
