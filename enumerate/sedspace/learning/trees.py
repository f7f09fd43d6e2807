"""Ensembles of regression trees, grown by scikit-learn and kept as arrays: no pickle, and no scikit-learn to predict.

The standard deviation is that over the ensemble's members, which have seen different resamples of the measurements: the
trees of a random forest, or several gradient boosting machines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sedspace import draws
from sedspace.errors import BadInput, needs
from sedspace_kernels.trees import predictions

FOREST = {"n_estimators": 300, "max_features": 1 / 3}
BOOSTING = {"n_estimators": 200, "learning_rate": 0.05, "max_depth": 4, "subsample": 0.5, "max_features": 0.2}
MACHINES = 5  # of gradient boosting


@dataclass(frozen=True, eq=False)
class Trees:
    """Regression trees, as `sedspace_kernels.trees.predictions` has them; the prior is the last feature."""

    feature: NDArray[np.int32]
    threshold: NDArray[np.float64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: NDArray[np.float64]
    roots: NDArray[np.int64]
    members: NDArray[np.int64]

    @property
    def width(self) -> int:
        """How many features and priors there must be at least."""
        return int(self.feature.max(initial=0)) + 1

    def predicted(
        self, x: NDArray[np.float64], prior: NDArray[np.float64], *, deviation: bool = True
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return means and standard deviations, as normal scores."""
        mean, spread = np.empty(len(x)), np.empty(len(x))
        features = np.concatenate([x, prior[:, None]], axis=1).astype(np.float32)
        parts = (self.feature, self.threshold, self.left, self.right, self.value, self.roots, self.members)
        predictions(features, *parts, mean, spread)
        return mean, spread if deviation else spread[:0]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return what a file holds of it."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Return the ensemble that a file holds; raise `BadInput` if it would lead astray."""
        found = cls(*(np.ascontiguousarray(arrays[field.name]) for field in fields(cls)))
        node = np.arange(len(found.left))
        inner = found.left >= 0
        onward = np.concatenate([found.left[inner], found.right[inner]])
        if not (
            len(found.feature) == len(found.threshold) == len(found.right) == len(found.value) == len(node)
            and (onward > np.tile(node[inner], 2)).all()
            and (onward < len(node)).all()
            and ((found.roots >= 0) & (found.roots < len(node))).all()
            and (found.feature >= 0).all()
            and found.members[0] == 0
            and (np.diff(found.members) >= 0).all()
            and found.members[-1] == len(found.roots)
        ):
            raise BadInput("its trees are none")
        return found

    def described(self) -> dict[str, int]:
        """Return how large it is."""
        return {"trees": len(self.roots), "nodes": len(self.feature)}


def forest(x: NDArray[np.float64], prior: NDArray[np.float64], y: NDArray[np.float64], seed: int) -> Trees:
    """Return a random forest that has seen features x, priors and normal scores y."""
    ensemble = _sklearn("forest").RandomForestRegressor(**FOREST, random_state=seed)
    ensemble.fit(np.concatenate([x, prior[:, None]], axis=1).astype(np.float32), y)
    return _joined([[tree.tree_] for tree in ensemble.estimators_], [0.0] * len(ensemble.estimators_), 1.0)


def boosting(x: NDArray[np.float64], prior: NDArray[np.float64], y: NDArray[np.float64], seed: int) -> Trees:
    """Return gradient boosting machines: each has seen a resample of features x, priors and normal scores y."""
    kind = _sklearn("boosting").GradientBoostingRegressor
    features = np.concatenate([x, prior[:, None]], axis=1).astype(np.float32)
    random = draws.arrays(seed)
    trees, begins = [], []
    for _ in range(MACHINES):
        rows = random.integers(0, len(y), len(y))
        machine = kind(**BOOSTING, random_state=int(random.integers(1 << 31)))
        machine.fit(features[rows], y[rows])
        trees.append([tree.tree_ for (tree,) in machine.estimators_])
        begins.append(float(y[rows].mean()))
    return _joined(trees, begins, BOOSTING["learning_rate"])


def _sklearn(model: str) -> Any:
    try:
        import sklearn.ensemble
    except ModuleNotFoundError:
        raise needs("scikit-learn", "learn", f"model {model!r} needs") from None
    return sklearn.ensemble


def _joined(members: Sequence[Sequence[Any]], begins: Sequence[float], rate: float) -> Trees:
    """Return the trees of scikit-learn of each member, whose sum times a rate, and a beginning, is its prediction."""
    feature: list[NDArray[Any]] = []
    threshold: list[NDArray[Any]] = []
    left: list[NDArray[Any]] = []
    right: list[NDArray[Any]] = []
    value: list[NDArray[Any]] = []
    roots: list[NDArray[Any]] = []
    nodes = 0
    for trees, begin in zip(members, begins, strict=True):
        for number, tree in enumerate(trees):
            inner = tree.children_left >= 0
            feature.append(np.where(inner, tree.feature, 0))
            threshold.append(np.where(inner, tree.threshold, 0.0))
            left.append(np.where(inner, tree.children_left + nodes, -1))
            right.append(np.where(inner, tree.children_right + nodes, -1))
            value.append(rate * tree.value[:, 0, 0] + (begin if number == 0 else 0.0))
            roots.append(np.array([nodes]))
            nodes += tree.node_count
    starts = np.cumsum([0, *(len(trees) for trees in members)])
    return Trees(
        np.concatenate(feature).astype(np.int32),
        np.concatenate(threshold),
        np.concatenate(left).astype(np.int32),
        np.concatenate(right).astype(np.int32),
        np.concatenate(value),
        np.concatenate(roots),
        starts.astype(np.int64),
    )
