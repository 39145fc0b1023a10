"""The scores against other implementations: loops from the papers' text, brute force, torchmetrics, scikit-image."""

from fractions import Fraction
from itertools import permutations
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.draw import disk
from skimage.metrics import contingency_table
from torchmetrics.classification import (
    BinaryAccuracy,
    BinaryF1Score,
    BinaryJaccardIndex,
    BinaryPrecision,
    BinaryRecall,
)
from torchmetrics.detection import PanopticQuality

from nuseg.evaluation.contingency import find_overlaps
from nuseg.evaluation.object import object_scores
from nuseg.evaluation.pixel import pixel_scores
from nuseg.evaluation.report import score_image

few = settings(max_examples=50, deadline=None)
# Few numbers on few pixels: overlaps, ties, splits, merges and empty images all happen.
label_images = arrays(np.int32, (4, 6), elements=st.integers(0, 3))


def nuclei(labels: np.ndarray) -> list[np.ndarray]:
    """Masks of the nuclei, in the order of their first pixel."""
    order = dict.fromkeys(labels.ravel().tolist())
    return [labels == number for number in order if number != 0]


def shared(true: np.ndarray, pred: np.ndarray) -> tuple[int, int]:
    return int((true & pred).sum()), int((true | pred).sum())


def naive_aji(true_labels: np.ndarray, pred_labels: np.ndarray) -> Fraction:
    """Algorithm 1 of Kumar et al. 2017, line by line."""
    true, pred = nuclei(true_labels), nuclei(pred_labels)
    if not true and not pred:
        return Fraction(1)
    correct, union, used = 0, 0, set()
    for nucleus in true:
        jaccard = [Fraction(*shared(nucleus, other)) for other in pred]
        best = jaccard.index(max(jaccard)) if jaccard else None
        if best is None or jaccard[best] == 0:
            union += int(nucleus.sum())
            continue
        intersection, together = shared(nucleus, pred[best])
        correct, union = correct + intersection, union + together
        used.add(best)
    union += sum(int(other.sum()) for index, other in enumerate(pred) if index not in used)
    return Fraction(correct, union)


def possible_aji_plus(true_labels: np.ndarray, pred_labels: np.ndarray) -> set[Fraction]:
    """AJI+ of every one-to-one pairing that has the highest sum of IoU, found by trying all."""
    true, pred = nuclei(true_labels), nuclei(pred_labels)
    if not true and not pred:
        return {Fraction(1)}
    found: dict[Fraction, set[Fraction]] = {}
    for pairing in permutations([*range(len(pred)), *[None] * len(true)], len(true)):
        total, correct = Fraction(0), 0
        union = sum(int(n.sum()) for n in true) + sum(int(n.sum()) for n in pred)
        for index, partner in enumerate(pairing):
            if partner is None:
                continue
            intersection, together = shared(true[index], pred[partner])
            total += Fraction(intersection, together)
            correct, union = correct + intersection, union - intersection
        found.setdefault(total, set()).add(Fraction(correct, union))
    return found[max(found)]


@few
@given(label_images, label_images)
def test_aji_is_the_papers(true: np.ndarray, pred: np.ndarray) -> None:
    assert object_scores(true, pred)["aji"] == pytest.approx(float(naive_aji(true, pred)))


@few
@given(label_images, label_images)
def test_aji_plus_is_a_best_pairing(true: np.ndarray, pred: np.ndarray) -> None:
    score = object_scores(true, pred)["aji_plus"]
    assert any(score == pytest.approx(float(possible)) for possible in possible_aji_plus(true, pred))


@few
@given(label_images, label_images)
def test_contingency_table_is_scikit_images(true: np.ndarray, pred: np.ndarray) -> None:
    table = contingency_table(true, pred).toarray()[1:, 1:]
    overlaps = find_overlaps(true, pred)
    assert sorted(table[table > 0]) == sorted(overlaps.intersection)
    assert sorted(np.bincount(true.ravel())[1:][np.unique(true[true > 0]) - 1]) == sorted(overlaps.true_areas)


def field(seed: int) -> np.ndarray:
    """Label image of round nuclei, many of them touching."""
    random = np.random.default_rng(seed)
    labels = np.zeros((160, 200), np.int32)
    for number in range(1, 80):
        centre = random.integers(labels.shape)
        labels[disk(centre, random.integers(4, 10), shape=labels.shape)] = number
    return labels


@pytest.fixture(scope="module")
def pairs() -> list[tuple[np.ndarray, np.ndarray]]:
    """Crowded fields, and what a faulty segmentation makes of them: shifted, some missing, some merged."""
    found = []
    for seed in range(2):
        true = field(seed)
        pred = np.roll(true, (seed, 2), axis=(0, 1))
        pred[pred % 5 == 1] = 0
        pred[(pred % 7 == 2) & (pred > 1)] -= 1
        found.append((true, pred))
    return found


def test_real_shapes_against_the_loop(pairs: list[tuple[np.ndarray, np.ndarray]]) -> None:
    for true, pred in pairs:
        scores = object_scores(true, pred)
        assert scores["aji"] == pytest.approx(float(naive_aji(true, pred)))
        assert 0.2 < scores["aji"] < 0.95, "the pair tests nothing"


def test_panoptic_quality_is_torchmetrics(pairs: list[tuple[np.ndarray, np.ndarray]]) -> None:
    for true, pred in pairs:
        metric = PanopticQuality(things={1}, stuffs={0}, return_sq_and_rq=True, return_per_class=True)
        # (1, h, w, 2): category (nucleus 1, background 0) and number
        given, expected = (torch.from_numpy(np.stack([x > 0, x], -1)[None].astype(np.int64)) for x in (pred, true))
        pq, sq, rq = metric(given, expected)[0].tolist()
        scores = object_scores(true, pred)
        assert (scores["pq"], scores["sq"], scores["dq"]) == pytest.approx((pq, sq, rq), abs=1e-6)


def test_pixel_scores_are_torchmetrics(pairs: list[tuple[np.ndarray, np.ndarray]]) -> None:
    metrics = {
        "dice": BinaryF1Score(),
        "iou": BinaryJaccardIndex(),
        "accuracy": BinaryAccuracy(),
        "precision": BinaryPrecision(),
        "recall": BinaryRecall(),
    }
    for true, pred in pairs:
        given, expected = torch.from_numpy((pred > 0).astype(int)), torch.from_numpy((true > 0).astype(int))
        theirs = {name: float(metric(given, expected)) for name, metric in metrics.items()}
        assert pixel_scores(true, pred) == pytest.approx(theirs, abs=1e-6)


def test_real_nuclei_against_the_loop(real_data: Path) -> None:
    file = sorted((real_data / "tnbc" / "labels").glob("*.png"))[0]
    true = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)[:256, :256]
    pred = np.roll(true, 4, axis=1)
    assert object_scores(true, pred)["aji"] == pytest.approx(float(naive_aji(true, pred)))


RATIOS = [name for name in score_image(np.zeros((1, 1), int), np.zeros((1, 1), int)) if "count" not in name]
RATIOS.remove("matched")


@few
@given(label_images, label_images)
def test_ratios_lie_between_0_and_1(true: np.ndarray, pred: np.ndarray) -> None:
    scores = score_image(true, pred)
    assert all(0 <= scores[name] <= 1 for name in RATIOS)


@few
@given(label_images)
def test_the_truth_itself_is_perfect(labels: np.ndarray) -> None:
    scores = score_image(labels, labels)
    assert all(scores[name] == 1 for name in RATIOS)
    assert scores["count_error"] == 0


@few
@given(label_images, label_images, st.permutations([5, 900, 70000]), st.permutations([1, 2, 3]))
def test_numbers_carry_no_meaning(true: np.ndarray, pred: np.ndarray, new_pred: list[int], new_true: list[int]) -> None:
    renumbered = score_image(np.array([0, *new_true])[true], np.array([0, *new_pred])[pred])
    assert renumbered == score_image(true, pred)


@few
@given(label_images, label_images)
def test_swapping_truth_and_prediction(true: np.ndarray, pred: np.ndarray) -> None:
    there, back = score_image(true, pred), score_image(pred, true)
    for name in ("dice", "iou", "accuracy", "pq", "dq", "sq", "f1", "matched"):
        assert there[name] == pytest.approx(back[name])
    assert (there["precision"], there["object_precision"]) == (back["recall"], back["object_recall"])
    assert there["count_error"] == -back["count_error"]
