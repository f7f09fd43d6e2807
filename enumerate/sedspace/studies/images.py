"""The batches that proxies are given: random images, or a user's own."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from sedspace import draws
from sedspace.errors import BadInput, as_path, first_line, needs
from sedspace.spaces.skeleton import Skeleton
from sedspace.studies.proxies import Batch

TORCHVISION = {"cifar10": "CIFAR10", "cifar100": "CIFAR100"}
_LARGEST = 100.0  # beyond it numbers are bytes that were not scaled


class Batches:
    """Batches of one size for one network: every repeat has its own, the same for all architectures.

    Parameters
    ----------
    skeleton : Skeleton
        What the network takes: the side of an image in pixels, and how many classes there are.
    size, seed : int
    repeats : int
        How many batches there are.
    images : str or Path, optional
        A ``.npy`` file of n images, uint8[n, 3, side, side] (made to have mean 0 and standard deviation 1 in each
        channel) or float32 of that shape (taken as they are); or ``cifar10:DIRECTORY``, ``cifar100:DIRECTORY``, where
        torchvision finds the data set on disk. Default: standard normal numbers.
    labels : str or Path, optional
        A ``.npy`` file of n integers. Default: random ones, or the data set's.

    Raises
    ------
    BadInput
        If there is no such file, or it holds something else, or fewer images than a batch.
    """

    def __init__(
        self,
        skeleton: Skeleton,
        size: int,
        seed: int,
        repeats: int = 1,
        images: str | Path | None = None,
        labels: str | Path | None = None,
    ) -> None:
        if not (skeleton.side and skeleton.classes):
            raise BadInput("proxies need networks of images with a classifier: those of the space take words")
        self.skeleton, self.size, self.seed = skeleton, size, seed
        self.source = "random"
        self._given: list[tuple[NDArray[np.float32], NDArray[np.int64] | None]] | None = None
        if images is None and labels is not None:
            raise BadInput(f"labels {labels} without images: expected both, or images alone")
        if images is not None:
            pixels, known = _read(images, labels, skeleton, size)
            self.source = _digest(pixels, known)
            drawn = [torch.randperm(len(pixels), generator=self._random(r))[:size].numpy() for r in range(repeats)]
            self._given = [(pixels[rows], None if known is None else known[rows]) for rows in drawn]

    def _random(self, repeat: int) -> torch.Generator:
        return torch.Generator().manual_seed(draws.mixed_seed(self.seed, repeat))

    def of(self, repeat: int) -> Batch:
        """Return the batch of a repeat."""
        random, side = self._random(repeat), self.skeleton.side
        labels = torch.randint(0, self.skeleton.classes, (self.size,), generator=random)
        if self._given is None:
            return Batch(torch.randn((self.size, 3, side, side), generator=random), labels)
        pixels, known = self._given[repeat]
        return Batch(torch.from_numpy(pixels), labels if known is None else torch.from_numpy(known))


def _read(
    images: str | Path, labels: str | Path | None, skeleton: Skeleton, size: int
) -> tuple[NDArray[np.float32], NDArray[np.int64] | None]:
    given: NDArray[np.generic]
    known: NDArray[np.generic] | None
    name, colon, directory = str(images).partition(":")
    if colon and name in TORCHVISION:
        given, known = _data_set(name, directory)
    else:
        given, known = _array(as_path(images, "images"), "images"), None
    pixels = _images(given, images, skeleton, size)
    if labels is not None:
        known = _array(as_path(labels, "labels"), "labels")
    return pixels, None if known is None else _labels(known, labels or images, skeleton, len(pixels))


def _digest(*arrays: NDArray[np.generic] | None) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(b"" if array is None else array.tobytes())
    return digest.hexdigest()


def _array(path: Path, what: str) -> NDArray[np.generic]:
    if not path.is_file():
        raise BadInput(f"{what} {path} are not there: expected a .npy file")
    try:
        array = np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise BadInput(f"{what} {path} cannot be read as .npy: {first_line(error)}") from None
    if not isinstance(array, np.ndarray):
        raise BadInput(f"{what} {path} hold several arrays: expected one, in a .npy file")
    return array


def _data_set(name: str, directory: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    try:
        from torchvision import datasets
    except ModuleNotFoundError:
        raise needs("torchvision", "images", f"images {name}:{directory} need") from None
    try:
        data = getattr(datasets, TORCHVISION[name])(directory, train=True, download=False)
    except (RuntimeError, OSError) as error:
        raise BadInput(f"images {name}:{directory}: torchvision finds no {name} there: {first_line(error)}") from None
    return np.ascontiguousarray(data.data.transpose(0, 3, 1, 2)), np.asarray(data.targets, np.int64)


def _images(given: NDArray[np.generic], where: object, skeleton: Skeleton, size: int) -> NDArray[np.float32]:
    side = skeleton.side
    if given.ndim != 4 or given.shape[1:] != (3, side, side):
        raise BadInput(f"images {where} have shape {given.shape}: expected (n, 3, {side}, {side})")
    if len(given) < size:
        raise BadInput(f"images {where} are {len(given)}: expected at least a batch of {size}")
    if given.dtype == np.uint8:
        scaled = given.astype(np.float32)
        spread = scaled.std(axis=(0, 2, 3), keepdims=True)
        scaled -= scaled.mean(axis=(0, 2, 3), keepdims=True)
        scaled /= np.where(spread > 0, spread, 1)
        return scaled
    if not np.issubdtype(given.dtype, np.floating):
        raise BadInput(f"images {where} are {given.dtype}: expected uint8, or float32")
    largest = np.abs(given).max()
    if not largest <= _LARGEST:
        raise BadInput(f"images {where} reach {largest:g}: expected uint8, or floats of about mean 0 and deviation 1")
    return np.ascontiguousarray(given, np.float32)


def _labels(given: NDArray[np.generic], where: object, skeleton: Skeleton, n: int) -> NDArray[np.int64]:
    if given.shape != (n,) or not np.issubdtype(given.dtype, np.integer):
        raise BadInput(
            f"labels {where} are {given.dtype}{list(given.shape)}: expected {n} integers, one for each image"
        )
    if not (given.min() >= 0 and given.max() < skeleton.classes):
        raise BadInput(
            f"labels {where} reach from {given.min()} to {given.max()}: expected 0 to {skeleton.classes - 1}"
        )
    return given.astype(np.int64)
