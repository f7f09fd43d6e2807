"""NASWOT."""

from __future__ import annotations

import numpy as np

from sedspace.studies.proxies.base import Undefined, proxy
from sedspace.studies.proxies.forward_pass import Agreements, relu_agreements


@proxy("naswot", needs=(relu_agreements,))
def naswot(agreements: Agreements) -> float:
    """Return the logarithm of the determinant of how many ReLU inputs every two images agree in the sign of.

    Mellor et al., arXiv 2006.04647. Each ReLU counts once per call (hooks on both a block and its ReLU would count it
    twice). Where two images agree in all, the determinant is 0 and there is no value. One product of matrices instead
    of the authors' two: counts are exact, so that it is the same to the bit.
    """
    sign, value = np.linalg.slogdet(agreements.counts.cpu().numpy())
    if sign <= 0 or not np.isfinite(value):
        raise Undefined("two images agree in every ReLU")
    return float(value)
