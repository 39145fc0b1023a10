"""Scores of classes against scikit-learn, and calibration against known answers."""

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from nuseg.classification.learn import Examples, calibrate, learn
from nuseg.classification.scores import calibration_error, score
from nuseg.errors import NusegError


@pytest.mark.parametrize("seed", range(3))
def test_scores_are_those_of_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, 50)
    probabilities = rng.dirichlet(np.ones(3), 50)
    found = score(("x", "y", "z"), truth, probabilities, 5, True)
    told = probabilities.argmax(axis=1)
    wanted = precision_recall_fscore_support(truth, told, labels=[0, 1, 2])
    own = [(one.precision, one.recall, one.f1, one.examples) for one in found.classes.values()]
    np.testing.assert_allclose(own, np.array(wanted).T)
    assert found.confusion == confusion_matrix(truth, told).tolist()
    assert found.accuracy == pytest.approx(np.mean(truth == told))


def test_a_class_that_is_never_told_has_no_precision() -> None:
    found = score(("x", "y"), np.array([0, 1]), np.array([[1.0, 0.0], [0.9, 0.1]]), 2, False)
    assert (found.classes["y"].precision, found.classes["y"].recall, found.classes["y"].f1) == (None, 0.0, 0.0)


def test_the_calibration_error_of_known_answers() -> None:
    assert calibration_error(np.array([0.75, 0.75, 0.75, 0.75]), np.array([True, True, True, False])) == 0
    assert calibration_error(np.array([1.0, 1.0]), np.array([True, False])) == pytest.approx(0.5)


def test_too_sure_probabilities_become_less_sure() -> None:
    told = np.tile([[0.99, 0.01], [0.01, 0.99]], (50, 1))
    truth = np.tile([0, 1], 50)
    wrong = truth.copy()
    wrong[:30] = 1 - wrong[:30]
    assert calibrate(told, wrong).temperature > 1
    assert calibrate(np.clip(told, 0.4, 0.6), truth).temperature < 1


def made(images: list[int], truth: list[int], seed: int = 0) -> Examples:
    places = np.array(truth)
    values = np.random.default_rng(seed).normal(size=(len(truth), 3)) + 4 * places[:, None]
    return Examples(values.astype(np.float32), places, np.array(images), tuple("xyz"[: max(truth) + 1]))


def test_examples_of_one_image_stay_in_one_fold_where_that_is_possible() -> None:
    learned = learn(made([0, 1, 2] * 10, [0] * 15 + [1] * 15), 0)
    assert (learned.scores.by_image, learned.scores.folds) == (True, 3)
    assert learned.scores.macro_f1 > 0.9
    alone = learn(made([0] * 15 + [1] * 15, [0] * 15 + [1] * 15), 0)
    assert not alone.scores.by_image
    assert any("not by image" in text for text in alone.warnings)
    one = learn(made([0] * 30, [0] * 15 + [1] * 15), 0)
    assert any("of one image" in text for text in one.warnings)
    assert any("fewer than 20 examples of x (15), y (15)" in text for text in one.warnings)


def test_the_same_seed_gives_the_same_classifier() -> None:
    first, again, other = (learn(made([0, 1] * 12, [0] * 12 + [1] * 12), seed) for seed in (1, 1, 2))
    assert first.forest.store() == again.forest.store() != other.forest.store()
    assert first.scores == again.scores


@pytest.mark.parametrize("truth", [[0] * 9, [0] * 9 + [1] * 2])
def test_too_few_examples_are_refused(truth: list[int]) -> None:
    with pytest.raises(NusegError, match="examples: expected"):
        learn(made([0] * len(truth), truth), 0)
