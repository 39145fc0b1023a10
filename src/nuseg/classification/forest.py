"""A forest of decision trees as plain arrays: grown by scikit-learn, asked by numpy, kept as text."""

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field

from nuseg.strict import Strict
from nuseg.types import Floats, Integers

if TYPE_CHECKING:
    from sklearn.ensemble import ExtraTreesClassifier

MOST_NODES, MOST_TREES = 1_000_000, 1000
DEEPEST = 64  # levels; those grown here have at most half of it
BLOCK = 8192  # nuclei asked at once
ROUNDING = 1e-3  # by which shares may miss a sum of 1


class Stored(Strict):
    """A forest as text: arrays in base64, little-endian, all trees one after the other."""

    feature: Annotated[str, Field(description="int32, which feature each node asks for; -1 in a leaf")]
    threshold: Annotated[str, Field(description="float64, values up to it go left")]
    left: Annotated[str, Field(description="int32, node for those")]
    right: Annotated[str, Field(description="int32, node for the others")]
    shares: Annotated[str, Field(description="float32, share of each class in each node")]
    roots: Annotated[str, Field(description="int32, first node of each tree")]


KINDS = {"feature": "<i4", "threshold": "<f8", "left": "<i4", "right": "<i4", "shares": "<f4", "roots": "<i4"}


@dataclass(frozen=True, eq=False)
class Forest:
    """Extremely randomised trees (Geurts, Ernst and Wehenkel, "Extremely randomized trees", Machine Learning 63, 2006).

    Attributes
    ----------
    feature : (nodes,) int32
        Column that a node asks for; -1 in a leaf.
    threshold : (nodes,) float64
        Values up to it go left.
    left, right : (nodes,) int32
        Following nodes, always behind their own.
    shares : (nodes, classes) float32
        Share of each class among the examples of a node.
    roots : (trees,) int32
        First node of each tree.
    """

    feature: Integers
    threshold: Floats
    left: Integers
    right: Integers
    shares: Floats
    roots: Integers

    def predict(self, values: Floats) -> Floats:
        """Mean share of each class over the trees, `(n, classes)` float64, of features `(n, m)` float32."""
        values = np.asarray(values, np.float32)
        found = np.zeros((len(values), self.shares.shape[1]))
        for start in range(0, len(values), BLOCK):
            block = slice(start, start + BLOCK)
            for root in self.roots:
                found[block] += self.shares[self._leaves(values[block], root)]
        return found / len(self.roots)

    def _leaves(self, values: Floats, root: int) -> Integers:
        """The leaf of one tree that each row comes to."""
        node = np.full(len(values), root)
        going = np.flatnonzero(self.feature[node] >= 0)
        while len(going):
            here = node[going]
            goes_left = values[going, self.feature[here]] <= self.threshold[here]
            node[going] = np.where(goes_left, self.left[here], self.right[here])
            going = going[self.feature[node[going]] >= 0]
        return node

    def store(self) -> Stored:
        """Give it as text."""
        return Stored(**{name: _text(getattr(self, name), kind) for name, kind in KINDS.items()})

    @classmethod
    def of(cls, grown: "ExtraTreesClassifier") -> "Forest":
        """Take the trees of scikit-learn."""
        trees = [tree.tree_ for tree in grown.estimators_]
        starts = np.cumsum([0, *(tree.node_count for tree in trees)])[:-1]
        leaf = np.concatenate([tree.children_left for tree in trees]) < 0
        moved = [
            np.concatenate([children + start for children, start in zip(side, starts, strict=True)])
            for side in ([tree.children_left for tree in trees], [tree.children_right for tree in trees])
        ]
        counts = np.concatenate([tree.value[:, 0] for tree in trees])
        left, right = (np.where(leaf, 0, side).astype(np.int32) for side in moved)
        return cls(
            np.where(leaf, -1, np.concatenate([tree.feature for tree in trees])).astype(np.int32),
            np.where(leaf, 0, np.concatenate([tree.threshold for tree in trees])),
            left,
            right,
            (counts / counts.sum(axis=1, keepdims=True)).astype(np.float32),
            starts.astype(np.int32),
        )

    @classmethod
    def restore(cls, stored: Stored, features: int, classes: int) -> "Forest":
        """Make it of text, for so many features and classes.

        Raises
        ------
        ValueError
            It is no such forest: a number is out of its range, or a tree has no end.
        """
        held: dict[str, Any] = {name: _array(name, getattr(stored, name), kind) for name, kind in KINDS.items()}
        nodes = len(held["feature"])
        if not 1 <= nodes <= MOST_NODES or any(len(held[name]) != nodes for name in ("threshold", "left", "right")):
            raise ValueError(f"expected 1 to {MOST_NODES:,} nodes, with as many of each array, found {nodes:,}")
        if len(held["shares"]) != nodes * classes:
            raise ValueError(f"expected {nodes * classes:,} shares, found {len(held['shares']):,}")
        held["shares"] = held["shares"].reshape(nodes, classes)
        forest = cls(**held)
        forest._check(features)
        return forest

    def _check(self, features: int) -> None:
        inner = np.flatnonzero(self.feature >= 0)
        if (self.feature >= features).any() or (self.feature < -1).any():
            raise ValueError(f"a node asks for a feature beyond the {features} there are")
        if not np.isfinite(self.threshold).all():
            raise ValueError("a threshold that is not finite")
        for side in (self.left, self.right):
            if (side[inner] <= inner).any() or (side[inner] >= len(self.feature)).any():
                raise ValueError("a node that leads back, or nowhere")
        if not 1 <= len(self.roots) <= MOST_TREES:
            raise ValueError(f"expected 1 to {MOST_TREES:,} trees, found {len(self.roots):,}")
        if (self.roots < 0).any() or (self.roots >= len(self.feature)).any():
            raise ValueError("a tree without nodes")
        if not (np.abs(self.shares.sum(axis=1) - 1) <= ROUNDING).all() or (self.shares < 0).any():
            raise ValueError("shares of classes that do not add up to 1")
        reached = np.unique(self.roots)
        for _ in range(DEEPEST):
            reached = reached[self.feature[reached] >= 0]
            if not len(reached):
                return
            reached = np.unique(np.concatenate([self.left[reached], self.right[reached]]))
        raise ValueError(f"a tree of more than {DEEPEST} levels")


def _text(values: np.ndarray, kind: str) -> str:
    return base64.b64encode(np.ascontiguousarray(values, kind).tobytes()).decode("ascii")


def _array(name: str, text: str, kind: str) -> np.ndarray:
    try:
        raw = base64.b64decode(text, validate=True)
        return np.frombuffer(raw, kind).astype(kind[1:])
    except (ValueError, binascii.Error) as error:
        raise ValueError(f"{name}: expected an array in base64") from error
