"""linear_regions."""

from __future__ import annotations

from sedspace.studies.proxies.base import proxy
from sedspace.studies.proxies.forward_pass import Agreements, relu_agreements


@proxy("linear_regions", needs=(relu_agreements,))
def linear_regions(agreements: Agreements) -> float:
    """Return how many different patterns of firing ReLUs the images have.

    TE-NAS, Chen et al., arXiv 2102.11535. At most the batch size, and on networks of ordinary size it is just that for
    nearly every architecture: TE-NAS counts on networks of one channel and many more images. Two images have one
    pattern if they agree in every ReLU.
    """
    same = (agreements.counts == agreements.inputs).cpu().numpy()
    return float(sum(not row[:number].any() for number, row in enumerate(same)))
