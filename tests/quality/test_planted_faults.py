"""A clean dataset has no finding, and a planted fault of each kind is found in the image that has it."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from planted import FIELDS, SIDE, Planted, cut_through, large_and_whole, moved

from nuseg.datasets.synthetic import synthetic_field
from nuseg.io.image import write_png
from nuseg.quality.check import checks
from nuseg.quality.finding import Finding
from nuseg.quality.touching import contacts

EVERY = [f"f{number}" for number in range(FIELDS)]


def only_finding(found: list[Finding], check: str, *images: str, level: str = "warning") -> Finding:
    """The finding, which must be the only one, with check, level and images as expected."""
    assert [(one.check, one.level, set(one.images)) for one in found] == [(check, level, set(images))], found
    return found[0]


def cut_nuclei(planted: Planted, name: str, count: int) -> list[int]:
    """Cut some nuclei that touch no other through their centres; gives their numbers."""
    sample = planted.sample(name)
    touching = {number for contact in contacts(sample.labels) for number in (contact.first, contact.second)}
    chosen = [number for number in large_and_whole(sample) if number not in touching][:count]
    labels = sample.labels
    for place, number in enumerate(chosen):
        labels = cut_through(labels, number, angle=place)
    planted.write(name, labels=labels)
    return chosen


def test_clean_dataset_has_no_finding(planted: Planted) -> None:
    assert planted.found() == []


class TestShift:
    @pytest.mark.parametrize("shift", [(3, -2), (-9, 0), (5, 20)])
    def test_one_image(self, planted: Planted, shift: tuple[int, int]) -> None:
        planted.change_labels(lambda labels: moved(labels, *shift), ["f2"])
        found = only_finding(planted.found("shift"), "shift", "f2")
        back = found.views[1].shift
        assert back == pytest.approx((-shift[0], -shift[1]), abs=0.5)
        assert found.views[0].shift == (0, 0)

    def test_all_images_by_less_than_a_pixel(self, planted: Planted) -> None:
        """Images drawn twice as fine, moved by one pixel, and made small again: half a pixel."""
        for name in EVERY:
            pixels, _ = planted.read(name)
            fine = cv2.resize(pixels, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
            planted.write(name, pixels=cv2.resize(np.roll(fine, 1, axis=0), (SIDE, SIDE), interpolation=cv2.INTER_AREA))
        found = only_finding(planted.found("shift"), "shift", *EVERY)
        down, right = found.views[1].shift
        assert down == pytest.approx(0.5, abs=0.15)
        assert right == pytest.approx(0, abs=0.15)
        assert "px too high" in found.text

    @pytest.mark.parametrize(
        ("turn", "words"),
        [
            (np.fliplr, "mirrored left to right"),
            (np.flipud, "mirrored top to bottom"),
            (np.transpose, "transposed"),
            (lambda labels: np.rot90(labels, 1), "turned by 270 degrees"),
        ],
    )
    def test_turned(self, planted: Planted, turn: Callable[[np.ndarray], np.ndarray], words: str) -> None:
        planted.change_labels(turn, ["f5"])
        assert words in only_finding(planted.found("shift"), "shift", "f5").text


class TestResolution:
    @pytest.mark.parametrize(("stated", "advice"), [(0.5, "smaller"), (0.125, "larger")])
    def test_all_images(self, planted: Planted, stated: float, advice: str) -> None:
        planted.change_items(EVERY, mpp=stated)
        assert advice in only_finding(planted.found("resolution"), "resolution", *EVERY).advice

    def test_one_image(self, planted: Planted) -> None:
        planted.change_items(["f3"], mpp=0.5)
        only_finding(planted.found("resolution"), "resolution", "f3")


class TestNuclei:
    def test_many_cut(self, planted: Planted) -> None:
        chosen = cut_nuclei(planted, "f1", 6)
        found = only_finding(planted.found("cut"), "cut", "f1")
        shown = {number for view in found.views for number in view.nuclei}
        assert len(shown & set(chosen)) >= 4

    def test_one_cut_is_a_note(self, planted: Planted) -> None:
        (chosen,) = cut_nuclei(planted, "f4", 1)
        found = only_finding(planted.found("cut"), "cut", "f4", level="note")
        assert chosen in found.views[0].nuclei

    def test_merged(self, planted: Planted) -> None:
        pixels, labels = synthetic_field(2 * SIDE, 2 * SIDE, 7, touching=0.5)
        merged: set[int] = set()
        for contact in contacts(labels):
            pair = {contact.first, contact.second}
            if len(contact.points) > 8 and not pair & merged:
                labels[labels == contact.second] = contact.first
                merged |= pair
        planted.write("f0", pixels=pixels, labels=labels)
        found = only_finding(planted.found("merged"), "merged", "f0")
        assert int(found.text.split()[0]) > 0.5 * len(merged) / 2
        assert {number for view in found.views for number in view.nuclei} <= merged

    def test_map_of_classes(self, planted: Planted) -> None:
        planted.change_labels(lambda labels: np.where(labels > 0, labels % 3 + 1, 0), ["f6"])
        assert "map of classes" in only_finding(planted.found("pieces"), "pieces", "f6").text

    def test_one_number_on_two_nuclei(self, planted: Planted) -> None:
        sample = planted.sample("f2")
        first, *_, last = large_and_whole(sample)
        planted.change_labels(lambda labels: np.where(labels == last, first, labels), ["f2"])
        assert only_finding(planted.found("pieces"), "pieces", "f2", level="note").views[0].nuclei == (first,)

    def test_a_nucleus_parted_by_another_is_one(self, planted: Planted) -> None:
        labels = planted.read("f2")[1].copy()
        labels[20:40, 20:70] = labels.max() + 1
        labels[10:60, 38:48] = labels.max() + 1
        planted.write("f2", labels=labels)
        assert planted.found("pieces") == []

    def test_holes(self, planted: Planted) -> None:
        sample = planted.sample("f7")
        labels = sample.labels.copy()
        chosen = large_and_whole(sample)[:3]
        for number in chosen:
            self.pierce(labels, number)
        planted.write("f7", labels=labels)
        found = only_finding(planted.found("holes"), "holes", "f7")
        assert {number for view in found.views for number in view.nuclei} >= set(chosen)

    @staticmethod
    def pierce(labels: np.ndarray, number: int) -> None:
        """Make a hole of 3 x 3 px where a nucleus is widest."""
        depth = cv2.distanceTransform((labels == number).astype(np.uint8), cv2.DIST_L2, 5)
        row, column = np.unravel_index(depth.argmax(), depth.shape)
        labels[row - 1 : row + 2, column - 1 : column + 2] = 0

    def test_specks(self, planted: Planted) -> None:
        labels = planted.read("f3")[1].copy()
        free = cv2.erode((labels == 0).astype(np.uint8), np.ones((9, 9)))
        free[:8], free[-8:], free[:, :8], free[:, -8:] = 0, 0, 0, 0
        rows, columns = np.nonzero(free)
        for place in np.linspace(0, len(rows) - 1, 4).astype(int):
            labels[rows[place] : rows[place] + 3, columns[place] : columns[place] + 3] = labels.max() + 1
        planted.write("f3", labels=labels)
        only_finding(planted.found("specks"), "specks", "f3")

    def test_annotation_on_glass_without_the_model(self, planted: Planted) -> None:
        pixels, labels = (part.copy() for part in planted.read("f5"))
        pixels[100:180, 100:180], labels[100:180, 100:180] = 245, 0
        for place in range(3):
            labels[110 + 20 * place : 120 + 20 * place, 120:135] = labels.max() + 1
        planted.write("f5", pixels=pixels, labels=labels)
        only_finding(planted.found("unfounded"), "unfounded", "f5")


class TestImages:
    @pytest.mark.parametrize("sigma", [2.0, 3.5])
    def test_blur(self, planted: Planted, sigma: float) -> None:
        soft = cv2.GaussianBlur(planted.read("f1")[0], (0, 0), sigma)
        _, file = cv2.imencode(".jpg", soft, [cv2.IMWRITE_JPEG_QUALITY, 85])
        planted.write("f1", pixels=cv2.imdecode(file, cv2.IMREAD_COLOR))
        only_finding(planted.found("blur"), "blur", "f1")

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (lambda pixels: pixels[..., ::-1], "red and blue swapped"),
            (lambda pixels: pixels.mean(axis=2, keepdims=True).astype(np.uint8).repeat(3, axis=2), "no colour"),
            (lambda pixels: 255 - pixels, "inverted"),
            (lambda pixels: (255 * (pixels / 255) ** 0.35).astype(np.uint8), "paler"),
            (lambda pixels: (255 * (pixels / 255) ** [0.4, 1, 1]).astype(np.uint8), "less red absorbed"),
        ],
    )
    def test_stain(self, planted: Planted, change: Callable[[np.ndarray], np.ndarray], words: str) -> None:
        planted.write("f4", pixels=change(planted.read("f4")[0]))
        assert words in only_finding(planted.found("stain"), "stain", "f4").text

    @pytest.mark.parametrize("colour", [(30, 25, 28), (25, 70, 170), (20, 110, 60)])
    def test_ink(self, planted: Planted, colour: tuple[int, int, int]) -> None:
        pixels = planted.read("f3")[0].copy()
        cv2.line(pixels, (0, 40), (SIDE, 90), colour, 12)
        planted.write("f3", pixels=pixels)
        only_finding(planted.found("ink"), "ink", "f3")
        assert not planted.found("stain")

    def test_all_images_swapped(self, planted: Planted) -> None:
        for name in EVERY:
            planted.write(name, pixels=planted.read(name)[0][..., ::-1])
        assert "red and blue swapped" in only_finding(planted.found("stain"), "stain", *EVERY).text


COPIES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "as it is": lambda pixels: pixels,
    "mirrored": np.fliplr,
    "turned": np.rot90,
    "mirrored and turned": lambda pixels: np.rot90(np.flipud(pixels)),
    "cut out": lambda pixels: pixels[40:240, 50:250],
    "cut out and mirrored": lambda pixels: np.fliplr(pixels[40:240, 50:250]),
    "smaller": lambda pixels: cv2.resize(pixels, None, fx=0.8, fy=0.8, interpolation=cv2.INTER_AREA),
    "darker": lambda pixels: (pixels * 0.85).astype(np.uint8),
}


class TestLeakage:
    @pytest.mark.parametrize("copy", COPIES)
    @pytest.mark.parametrize("compressed", [False, True])
    def test_copy_in_another_split(self, planted: Planted, copy: str, compressed: bool) -> None:
        train, test = planted.names("train")[0], planted.names("test")[0]
        pixels = np.ascontiguousarray(COPIES[copy](planted.read(train)[0]))
        if compressed:
            pixels = cv2.imdecode(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 60])[1], cv2.IMREAD_COLOR)
        planted.write(test, pixels=pixels, labels=np.zeros(pixels.shape[:2], np.int32))
        assert "leakage" in only_finding(planted.found("duplicates"), "duplicates", train, test).text

    def test_copy_in_the_same_split_is_a_note(self, planted: Planted) -> None:
        first, second, *_ = planted.names("train")
        planted.write(second, pixels=np.fliplr(planted.read(first)[0]))
        only_finding(planted.found("duplicates"), "duplicates", first, second, level="note")

    def test_group_in_two_splits(self, planted: Planted) -> None:
        names = planted.names("train")[0], planted.names("test")[0]
        planted.change_items(names, group="patient 7")
        assert "patient 7" in only_finding(planted.found("duplicates"), "duplicates", *names).text


class TestSplits:
    def test_split_without_nuclei(self, planted: Planted) -> None:
        names = planted.names("test")
        planted.change_labels(np.zeros_like, names)
        only_finding(planted.found("splits"), "splits", *names)

    def test_splits_of_other_sizes(self, planted: Planted) -> None:
        names = EVERY[:3]
        planted.change_items(names, split="validation", mpp=0.36)
        only_finding(planted.found("splits"), "splits", *names, level="note")


class TestClasses:
    def test_sound_classes(self, planted: Planted) -> None:
        planted.set_classes(lambda _, number: ("tumour", "lymphocyte")[number % 2])
        assert planted.found() == []

    def test_one_class_spelt_twice(self, planted: Planted) -> None:
        planted.set_classes(lambda name, number: "Tumour cell" if name == "f2" and number == 3 else "tumour_cell")
        found = only_finding(planted.found("classes"), "classes", *EVERY)
        assert "Tumour cell, tumour_cell" in found.text or "tumour_cell, Tumour cell" in found.text

    def test_nucleus_without_class(self, planted: Planted) -> None:
        planted.set_classes(lambda name, number: None if name == "f1" and number < 4 else "tumour")
        found = only_finding(planted.found("classes"), "classes", "f1", level="note")
        assert found.text.startswith("3 nuclei of 207 without a class")

    def test_class_that_a_split_lacks(self, planted: Planted) -> None:
        test = planted.names("test")
        planted.set_classes(lambda name, number: "tumour" if name in test or number % 2 else "lymphocyte")
        found = only_finding(planted.found("classes"), "classes", *test, level="note")
        assert "test has no nucleus of the class lymphocyte" in found.text


class TestOtherAnnotations:
    def test_points_without_fault(self, planted: Planted) -> None:
        planted.as_points()
        assert planted.found() == []

    def test_leakage_among_points(self, planted: Planted) -> None:
        train, test = planted.names("train")[0], planted.names("test")[0]
        pixels = planted.read(train)[0][:, ::-1]
        planted.as_points()
        planted.write(test, pixels=pixels)
        only_finding(planted.found("duplicates"), "duplicates", train, test)

    def test_what_is_ignored_is_not_checked(self, planted: Planted) -> None:
        cut_nuclei(planted, "f2", 4)
        sample = planted.sample("f2")
        first, *_, last = large_and_whole(sample)
        planted.write("f2", labels=np.where(sample.labels == last, first, sample.labels))
        assert {one.check for one in planted.found("cut", "pieces")} == {"cut", "pieces"}
        (planted.root / "ignore").mkdir()
        write_png(planted.root / "ignore" / "f2.png", np.full((SIDE, SIDE), 255, np.uint8))
        planted.change_items(["f2"], ignore="ignore/f2.png")
        assert planted.found("cut", "pieces") == []


def test_every_check_is_planted() -> None:
    """What a check looks for is planted above, or in the tests with a model."""
    assert set(checks) == {
        *("shift", "resolution", "cut", "merged", "pieces", "holes", "specks", "blur", "stain", "ink"),
        *("duplicates", "unannotated", "unfounded", "splits", "classes"),
    }
