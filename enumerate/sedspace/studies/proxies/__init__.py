"""Zero-cost proxies: each a function of a network and a batch, registered by its name, in a module of its own.

Conventions are NAS-Bench-Suite-Zero's (arXiv 2210.03230): PyTorch's default initialisation, BatchNorm in train mode,
mean cross-entropy, float32, the weights of convolutions and linear layers only. Greater is better unless said. Each
says where it departs from its authors.

Left out: L-SWAG (arXiv 2505.07300) sums over an interval of layers that its authors read off a plot of each benchmark,
and publish neither intervals nor code; NASGraph (arXiv 2405.01306) takes a list of layers written for each space.
"""

from sedspace.studies.proxies.base import Batch, Proxy, Undefined, proxy
from sedspace.studies.proxies.registry import find_proxy, known_proxies

__all__ = ["Batch", "Proxy", "Undefined", "find_proxy", "known_proxies", "proxy"]
