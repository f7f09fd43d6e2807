"""What poolings, convolutions and skip connections do to the local entropy of random feature maps.

    python bench run propositions

The SED paper (arXiv 2411.06236) proves that pooling lowers a feature map's local one-dimensional entropy (Proposition
3), and that larger convolution kernels (4) and skip connections (5) raise its local Gaussian entropy. Its Definitions 1
to 3 were not available in type, so the quantities here are our reading of them:

- local one-dimensional entropy: Shannon's, in bits, of the histogram (32 bins of equal width over the values of the
  input map) of a 7 x 7 window, the mean over windows;
- local Gaussian entropy: ``log det(2 pi e S) / 2`` in nats per pixel, S the covariance of the pixels of 3 x 3 windows.

Maps are Gaussian noise, smoothed so that neighbours correlate as in natural images, of 16 channels; convolutions have
random normal weights, either all of one variance, or scaled by their fan-in (Kaiming) as networks with BatchNorm are.
Needs ``pip install "sedspace[bench]"``.
"""

from __future__ import annotations

import statistics
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.ndimage import convolve, gaussian_filter, maximum_filter, uniform_filter

from bench.measuring import markdown_table
from sedspace.figures import COLORS, finish, new_grid

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CHANNELS, SIDE, MAPS = 16, 48, 12
SMOOTH = 0.0, 1.0, 2.0
KERNELS = 1, 3, 5, 7
POOLS = 3, 5, 7
BINS, WINDOW = 32, 7

Array = np.ndarray[Any, np.dtype[np.float64]]


def maps(smooth: float, random: np.random.Generator) -> Array:
    """Return a feature map of unit variance: float64[channels, side, side]."""
    noise = random.normal(size=(CHANNELS, SIDE, SIDE))
    if smooth:
        noise = gaussian_filter(noise, (0, smooth, smooth), mode="wrap")
    return np.asarray(noise / noise.std())


def histogram_entropy(features: Array, of: Array) -> float:
    """Return the mean entropy of windows in bits, by bins over the range of the values of a map."""
    edges = np.linspace(of.min(), of.max(), BINS + 1)[1:-1]
    bins = np.digitize(features, edges)
    windows = sliding_window_view(bins, (WINDOW, WINDOW), axis=(1, 2))[:, ::3, ::3].reshape(-1, WINDOW**2)
    counts = np.apply_along_axis(np.bincount, 1, windows, minlength=BINS)
    shares = counts / WINDOW**2
    return float(-(shares * np.log2(np.where(shares > 0, shares, 1))).sum(axis=1).mean())


def gaussian_entropy(features: Array) -> float:
    """Return the Gaussian entropy of 3 x 3 windows, in nats per pixel."""
    windows = sliding_window_view(features, (3, 3), axis=(1, 2)).reshape(-1, 9)
    return float(np.linalg.slogdet(2 * np.pi * np.e * np.cov(windows.T))[1] / 18)


def convolution(features: Array, kernel: int, scaled: bool, random: np.random.Generator) -> Array:
    """Return a random convolution of all channels, its weights of variance 1 or scaled by the fan-in."""
    weights = random.normal(size=(CHANNELS, kernel, kernel)) / np.sqrt(CHANNELS * (kernel**2 if scaled else 1))
    planes = [convolve(one, weight, mode="wrap") for one, weight in zip(features, weights, strict=True)]
    return np.sum(planes, axis=0, keepdims=True)


def measure() -> dict[str, dict[str, dict[str, float]]]:
    """Return for each smoothness the mean entropies of every operation."""
    random = np.random.default_rng(0)
    out: dict[str, dict[str, dict[str, float]]] = {}
    for smooth in SMOOTH:
        found: dict[str, dict[str, list[float]]] = {"bits": {}, "variance": {}, "fan-in": {}}
        for _ in range(MAPS):
            x = maps(smooth, random)
            found["bits"].setdefault("input", []).append(histogram_entropy(x, x))
            for size in POOLS:
                average, largest = (f(x, (0, size, size), mode="wrap") for f in (_average, maximum_filter))
                found["bits"].setdefault(f"average pooling {size}x{size}", []).append(histogram_entropy(average, x))
                found["bits"].setdefault(f"max pooling {size}x{size}", []).append(histogram_entropy(largest, x))
            for name in ("variance", "fan-in"):
                for kernel in KERNELS:
                    y = convolution(x, kernel, name == "fan-in", random)
                    found[name].setdefault(f"convolution {kernel}x{kernel}", []).append(gaussian_entropy(y))
                    with_skip = gaussian_entropy(y + x[:1])
                    found[name].setdefault(f"convolution {kernel}x{kernel} + skip", []).append(with_skip)
        out[f"{smooth:g}"] = {
            kind: {name: statistics.mean(values) for name, values in operations.items()}
            for kind, operations in found.items()
        }
    return out


def _average(x: Array, size: tuple[int, int, int], mode: str) -> Array:
    return np.asarray(uniform_filter(x, tuple(max(one, 1) for one in size), mode=mode))


def verdicts(results: dict[str, dict[str, dict[str, float]]]) -> list[tuple[str, str]]:
    """Return each proposition and in how many of the cases it holds."""
    pooled, larger, skips = [], {"variance": [], "fan-in": []}, {"variance": [], "fan-in": []}  # type: ignore[var-annotated]
    for one in results.values():
        pooled += [value < one["bits"]["input"] for name, value in one["bits"].items() if name != "input"]
        for kind in ("variance", "fan-in"):
            plain = [one[kind][f"convolution {kernel}x{kernel}"] for kernel in KERNELS]
            larger[kind] += [b > a for a, b in pairwise(plain)]
            skips[kind] += [
                one[kind][f"convolution {kernel}x{kernel} + skip"] > one[kind][f"convolution {kernel}x{kernel}"]
                for kernel in KERNELS
            ]
    said = {"variance": "weights of one variance", "fan-in": "weights scaled by their fan-in"}
    rows = [("3: pooling lowers local one-dimensional entropy", pooled)]
    rows += [(f"4: larger kernels raise local Gaussian entropy, {said[kind]}", larger[kind]) for kind in larger]
    rows += [(f"5: skip connections raise it, {said[kind]}", skips[kind]) for kind in skips]
    return [
        (what, f"{'confirmed' if all(held) else 'refuted' if not any(held) else 'in part'}: {sum(held)} of {len(held)}")
        for what, held in rows
    ]


def picture(results: dict[str, dict[str, dict[str, float]]]) -> Figure:
    """Draw entropies by the size of poolings and kernels, of the maps smoothed by 1."""
    figure, all_axes = new_grid(10, 4.4, 1, 3, style="text")
    one = results["1"]
    bits = one["bits"]
    for kind, style, color in (("average", "o-", COLORS["pool"]), ("max", "s-", COLORS["conv"])):
        pooled = [bits[f"{kind} pooling {k}x{k}"] for k in POOLS]
        all_axes[0].plot([1, *POOLS], [bits["input"], *pooled], style, color=color, label=kind)
    finish(all_axes[0], xlabel="size of the pooling", ylabel="local 1-D entropy, bits", title="proposition 3:\npooling")
    for axes, kind, title in zip(
        all_axes[1:], ("variance", "fan-in"), ("of one variance", "scaled by fan-in"), strict=True
    ):
        for skip, style, color in (("", "o-", COLORS["pool"]), (" + skip", "s-", COLORS["conv"])):
            values = [one[kind][f"convolution {k}x{k}{skip}"] for k in KERNELS]
            axes.plot(KERNELS, values, style, color=color, label=f"convolution{skip}")
        finish(axes, xlabel="size of the kernel", title=f"propositions 4, 5:\nweights {title}")
    all_axes[1].set_ylabel("local Gaussian entropy, nats")
    for axes in (all_axes[0], all_axes[2]):
        axes.legend(frameon=False)
    return figure


def markdown(results: dict[str, dict[str, dict[str, float]]]) -> str:
    """Return the results as tables."""
    smooth = list(results)
    lines = [
        *markdown_table(("proposition", "cases in which it holds"), verdicts(results), words=2),
    ]
    for kind, what in (
        ("bits", "local one-dimensional entropy, bits"),
        ("variance", "local Gaussian entropy, nats; weights of one variance"),
        ("fan-in", "local Gaussian entropy, nats; weights scaled by their fan-in"),
    ):
        rows = [(name, *(f"{results[one][kind][name]:.2f}" for one in smooth)) for name in results[smooth[0]][kind]]
        lines += ["", *markdown_table((f"{what}; input smoothed by", *smooth), rows)]
    return "\n".join(lines)
