"""The forest as arrays: what scikit-learn tells, whole after a file, and refused where it is none."""

import base64

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nuseg.classification.forest import Forest, Stored
from nuseg.classification.learn import grow


def examples(seed: int, classes: int = 3, count: int = 60) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = np.arange(count) % classes
    return (rng.normal(size=(count, 4)) + truth[:, None]).astype(np.float32), truth


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 5))
def test_it_tells_what_scikit_learn_tells(seed: int, classes: int) -> None:
    values, truth = examples(seed, classes)
    grown = grow(values, truth, seed)
    others = np.random.default_rng(seed).normal(1, 3, (200, 4)).astype(np.float32)
    forest = Forest.restore(Forest.of(grown).store(), 4, classes)
    np.testing.assert_allclose(forest.predict(others), grown.predict_proba(others), atol=1e-6)


def test_no_nuclei() -> None:
    assert Forest.of(grow(*examples(0), seed=0)).predict(np.zeros((0, 4), np.float32)).shape == (0, 3)


def encoded(values: object, kind: str) -> str:
    return base64.b64encode(np.asarray(values, kind).tobytes()).decode()


def stump(**changed: str) -> Stored:
    """One question and two leaves, for two features and two classes."""
    parts = {
        "feature": encoded([1, -1, -1], "<i4"),
        "threshold": encoded([0.5, 0, 0], "<f8"),
        "left": encoded([1, 0, 0], "<i4"),
        "right": encoded([2, 0, 0], "<i4"),
        "shares": encoded([0.5, 0.5, 1, 0, 0, 1], "<f4"),
        "roots": encoded([0], "<i4"),
    }
    return Stored(**(parts | changed))


def test_known_answers() -> None:
    told = Forest.restore(stump(), 2, 2).predict(np.array([[9, 0.5], [9, 0.6]], np.float32))
    assert told.tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"left": encoded([0, 0, 0], "<i4")}, "leads back"),
        ({"right": encoded([3, 0, 0], "<i4")}, "leads back"),
        ({"feature": encoded([2, -1, -1], "<i4")}, "beyond the 2"),
        ({"feature": encoded([-2, -1, -1], "<i4")}, "beyond the 2"),
        ({"threshold": encoded([np.nan, 0, 0], "<f8")}, "not finite"),
        ({"shares": encoded([0.5, 0.6, 1, 0, 0, 1], "<f4")}, "add up to 1"),
        ({"shares": encoded([np.nan] * 6, "<f4")}, "add up to 1"),
        ({"shares": encoded([1, 0], "<f4")}, "6 shares"),
        ({"roots": encoded([3], "<i4")}, "without nodes"),
        ({"roots": ""}, "trees"),
        ({"roots": encoded(np.zeros(2000), "<i4")}, "trees"),
        ({"left": "no base64"}, "left"),
        ({"left": encoded([1, 0], "<i2")}, "nodes"),
        ({"feature": ""}, "nodes"),
    ],
)
def test_what_is_no_forest_is_refused(changed: dict[str, str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Forest.restore(stump(**changed), 2, 2)


def test_a_tree_without_end_is_refused() -> None:
    """A chain of nodes would let every nucleus take as many steps."""
    nodes = 5001
    after = np.minimum(np.arange(nodes) + 1, nodes - 1)
    chain = Stored(
        feature=encoded(np.where(np.arange(nodes) < nodes - 1, 0, -1), "<i4"),
        threshold=encoded(np.zeros(nodes), "<f8"),
        left=encoded(after, "<i4"),
        right=encoded(after, "<i4"),
        shares=encoded(np.full(2 * nodes, 0.5), "<f4"),
        roots=encoded([0], "<i4"),
    )
    with pytest.raises(ValueError, match="levels"):
        Forest.restore(chain, 1, 2)
