import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from nuseg.datasets.checks import (
    check_area,
    check_labels,
    describe_labels,
    find_duplicates,
    pieces_per_nucleus,
)
from nuseg.datasets.findings import Finding, gather
from nuseg.measure.colours import check_image


def pink(height=64, width=64):
    noise = np.random.default_rng(0).integers(-25, 25, (height, width, 1))
    return np.clip(np.array([220, 160, 200]) + noise, 0, 255).astype(np.uint8)


def squares(values, side=6, gap=3):
    labels = np.zeros((side + 2 * gap, len(values) * (side + gap) + gap), np.int32)
    for k, value in enumerate(values):
        x = gap + k * (side + gap)
        labels[gap : gap + side, x : x + side] = value
    return labels


def test_stained_tissue_raises_nothing():
    assert check_image(pink()) == []


@pytest.mark.parametrize(
    ("pixels", "says"),
    [
        (np.full((40, 40, 3), 250, np.uint8), "white"),
        (np.zeros((40, 40, 3), np.uint8), "black"),
        (np.full((40, 40, 3), 90, np.uint8), "flat"),
        (np.repeat(np.arange(100, 200, dtype=np.uint8)[:, None, None].repeat(50, 1), 3, 2), "no colour"),
        (np.where(np.arange(60)[:, None, None] < 10, (0, 0, 255), (5, 5, 10)).repeat(40, 1).astype(np.uint8), "dark"),
    ],
)
def test_images_unlike_he(pixels, says):
    assert any(says in text for text in check_image(pixels))


def test_facts_of_known_squares():
    facts = describe_labels(squares([1, 2, 1, 3]), mpp=0.5)
    np.testing.assert_allclose(facts.areas_um2, [18, 9, 9])
    assert (facts.split, facts.specks) == (1, 0)
    assert facts.covered == pytest.approx(144 / (12 * 39))
    assert describe_labels(squares([1, 2]), mpp=0.1).specks == 2


def test_label_warnings():
    def texts(labels, mpp=0.5, **options):
        return " ".join(check_labels(describe_labels(labels, mpp), **options))

    assert texts(squares([1, 2, 3])) == ""
    assert "empty" in texts(np.zeros((9, 9), np.int32))
    assert "one nucleus only" in texts(squares([1]))
    assert "inverted" in texts(np.ones((9, 9), np.int32))
    background_labelled = squares([2, 3])
    background_labelled[background_labelled == 0] = 1
    assert "background labelled" in texts(background_labelled)
    assert "several pieces" in texts(squares([1, 1, 2, 2, 3, 3]))
    assert "specks" in texts(squares([1, 2, 3]), mpp=0.1)


def test_labels_cut_to_eight_bits_are_suspected():
    wrapped = (np.arange(510) % 255 + 1).tolist()
    facts = describe_labels(squares(wrapped, side=2, gap=1), 0.5)
    assert any("8 bits" in text for text in check_labels(facts, eight_bit=True))
    assert not any("8 bits" in text for text in check_labels(facts))


@given(hnp.arrays(np.int32, (6, 7), elements=st.integers(0, 3)))
@settings(deadline=None, max_examples=50)
def test_pieces_agree_with_scipy(labels):
    pieces = pieces_per_nucleus(labels)
    assert pieces.shape == (labels.max(),)
    for nucleus in range(1, labels.max() + 1):
        assert pieces[nucleus - 1] == ndimage.label(labels == nucleus, np.ones((3, 3)))[1]


def test_duplicates():
    assert find_duplicates({"c": "1", "a": "1", "b": "2", "d": "1"}) == [["a", "c", "d"]]


def test_implausible_area_says_which_way():
    assert check_area(40, "train") == []
    assert "smaller mpp=" in check_area(400, "train")[0].text
    assert "larger mpp=" in check_area(3, "train")[0].text


def test_equal_findings_are_joined():
    findings = [Finding("warning", "odd", name) for name in "abcde"] + [Finding("note", "odd", "x")]
    assert gather(findings) == [("warning", "odd: a, b, c and 2 more"), ("note", "odd: x")]
