"""Labels in disguise: the same nuclei stored in many ways are the same nuclei, or one line says what they are."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from disguises import as_jpeg, grid, indexed, save
from nuseg.annotations.meaning import judge
from nuseg.annotations.registry import annotation_formats, format_of
from nuseg.errors import NusegError

LABELS = grid(20)
MASK = LABELS > 0
GREY = (MASK * 255).astype(np.uint8)
RNG = np.random.default_rng(0)
TABLE = np.vstack([[(0, 0, 0)], RNG.permutation(200)[:20, None] + [0, 20, 55]]).astype(np.uint8)
ON_WHITE = np.where(MASK[..., None], TABLE[LABELS], 255).astype(np.uint8)
CLASSES = np.where(MASK, 1 + LABELS % 3, 0).astype(np.uint8)
PAGES = np.stack([number == LABELS for number in range(1, 21)])
WHITE, BLACK, RED = (255, 255, 255), (0, 0, 0), (200, 0, 0)
SOLID = np.full_like(GREY, 255)

NUMBERED: dict[str, tuple[str, Any]] = {
    "colours on black": ("a.png", TABLE[LABELS]),
    "colours on white": ("a.tif", ON_WHITE),
    "colours on transparent white": ("a.png", np.dstack([ON_WHITE, GREY])),
    "number in red and green": ("a.png", np.dstack([LABELS % 7 + 1 * MASK, LABELS // 7, 0 * LABELS]).astype(np.uint8)),
    "three equal channels": ("a.png", np.dstack([LABELS] * 3).astype(np.uint8)),
    "four channels": ("a.png", np.dstack([*[LABELS.astype(np.uint8)] * 3, SOLID])),
    "float": ("a.tif", LABELS.astype(np.float32)),
    "signed": ("a.tif", LABELS.astype(np.int16)),
    "colour table": ("a.png", indexed(LABELS, WHITE, *map(tuple, TABLE[1:].tolist()))),
    "colour table in TIFF": ("a.tif", indexed(LABELS, WHITE, *map(tuple, TABLE[1:].tolist()))),
    "page per nucleus": ("a.tif", PAGES.astype(np.uint8) * 255),
    "two pages": ("a.tif", PAGES[:2].astype(np.uint8)),
    "three pages": ("a.tif", PAGES[:3].astype(np.uint8) * 255),
    "planes in front": ("a.npy", PAGES),
    "planes behind": ("a.npy", np.moveaxis(PAGES, 0, 2)),
    "numbers and types": ("a.npy", np.dstack([LABELS, CLASSES])),
}


def nuclei(labels: np.ndarray) -> set[bytes]:
    """The pixels of every nucleus, whatever their numbers."""
    return {(labels == number).tobytes() for number in np.unique(labels[labels > 0])}


@pytest.mark.parametrize("kind", NUMBERED)
def test_numbers_in_any_dress_are_the_same_nuclei(tmp_path: Path, kind: str) -> None:
    name, content = NUMBERED[kind]
    path = save(tmp_path / name, content)
    found = format_of(path)
    assert found.name == "labels"
    annotation = found.load(path, "a", LABELS.shape)
    count = {"two pages": 2, "three pages": 3}.get(kind, 20)
    assert annotation.instance
    assert annotation.labels is not None
    assert nuclei(annotation.labels) == nuclei(np.where(count >= LABELS, LABELS, 0))
    assert bool(annotation.notes) == ("page" in kind or "planes" in kind)


MASKS: dict[str, tuple[str, Any]] = {
    "red on white": ("a.png", np.where(MASK[..., None], RED, WHITE).astype(np.uint8)),
    "one and two": ("a.png", (MASK + 1).astype(np.uint8)),
    "JPEG in PNG": ("a.png", as_jpeg(GREY)),
    "alpha": ("a.png", np.dstack([0 * GREY, 0 * GREY, 0 * GREY, GREY])),
    "QuPath, white and red": ("a.png", indexed(MASK, WHITE, RED)),
    "QuPath, white and black": ("a.png", indexed(MASK, WHITE, BLACK)),
    "black and white": ("a.png", indexed(MASK, BLACK, WHITE)),
    "QuPath in TIFF": ("a.tif", indexed(MASK, WHITE, RED)),
    "white first": ("a.png", indexed(~MASK, WHITE, BLACK)),
    "GIF": ("a.gif", indexed(MASK, WHITE, RED)),
}
INVERTED: dict[str, tuple[str, Any]] = {
    "PNG": ("a.png", 255 - GREY),
    "bool": ("a.npy", ~MASK),
    "JPEG in PNG": ("a.png", as_jpeg(255 - GREY)),
}


@pytest.mark.parametrize("kind", MASKS)
def test_masks_in_any_dress(tmp_path: Path, kind: str) -> None:
    path = save(tmp_path / MASKS[kind][0], MASKS[kind][1])
    assert format_of(path).name == "binary"
    annotation = format_of(path).load(path, "a", LABELS.shape)
    assert not annotation.instance
    assert annotation.labels is not None
    different = np.count_nonzero((annotation.labels > 0) != MASK)
    assert annotation.labels.max() == 20
    assert different <= (0.2 * MASK.sum() if "JPEG" in kind else 0)


@pytest.mark.parametrize("kind", INVERTED)
def test_inverted_masks(tmp_path: Path, kind: str) -> None:
    path = save(tmp_path / INVERTED[kind][0], INVERTED[kind][1])
    assert format_of(path).name == "inverted"
    found = format_of(path).load(path, "a", LABELS.shape).labels
    assert found is not None
    assert found.max() == 20
    with pytest.raises(NusegError, match=r"looks inverted: .* format='inverted'"):
        annotation_formats["binary"].load(path, "a")
    save(tmp_path / "b.png", GREY)
    with pytest.raises(NusegError, match="found bright ones on dark ground; give format='binary'"):
        annotation_formats["inverted"].load(tmp_path / "b.png", "b")


def spread(numbers: np.ndarray) -> np.ndarray:
    """Draw one round nucleus per entry, with that number."""
    return np.concatenate([[0], numbers])[grid(len(numbers), columns=20)]


REFUSED: dict[str, tuple[str, Any, str]] = {
    "classes": ("a.png", CLASSES, "the numbers 1, 2, 3 lie on 20 separate pieces: these are classes"),
    "classes with 255": ("a.tif", np.where(CLASSES == 3, 255, CLASSES), "the numbers 1, 2, 255 lie on 20 separate"),
    "classes in a table": ("a.png", indexed(CLASSES, WHITE, RED, BLACK, (0, 0, 9)), "these are classes"),
    "classes in colours": ("a.png", TABLE[CLASSES], "these are classes"),
    "classes on pages": ("a.tif", np.stack([k == CLASSES for k in (1, 2, 3)]).astype(np.uint8), "these are classes"),
    "clipped": (
        "a.png",
        spread(np.minimum(np.arange(1, 301), 255)).astype(np.uint8),
        "the number 255 lies on 46 separate pieces: numbers above it were clipped to 8 bits",
    ),
    "clipped and widened": ("a.tif", spread(np.minimum(np.arange(1, 301), 255)), "clipped to 8 bits"),
    "clipped to 127": ("a.tif", spread(np.minimum(np.arange(1, 150), 127)).astype(np.int8), "clipped to 8 bits"),
    "wrapped": (
        "a.png",
        spread(np.arange(1, 301) % 256).astype(np.uint8),
        "44 numbers of 255 lie on several separate pieces, such as 1 on 2: numbers above 255 began again at 0 in 8",
    ),
    "wrapped twice": ("a.png", spread(np.arange(1, 601) % 256).astype(np.uint8), r"\(wrapped\)"),
    "one wrapped": ("a.png", spread(np.arange(1, 258) % 256).astype(np.uint8), r"\(wrapped\)"),
    "used again": ("a.png", spread(np.arange(80) % 40 + 1).astype(np.uint8), "numbers are used again"),
    "one on many": (
        "a.tif",
        spread(np.where(np.arange(60) < 30, 9, np.arange(60))),
        "the number 9 lies on 30",
    ),
    "background -1": ("a.tif", np.where(MASK, LABELS, -1).astype(np.int16), r"negative label -1 \(\d\d% of its pixels"),
    "background 65535": ("a.tif", np.where(MASK, LABELS, -1).astype(np.uint16), "65535 covers .* is it the background"),
    "background 1": ("a.png", (LABELS + 1).astype(np.uint8), "number 1 covers .* is it the background"),
    "shares": ("a.tif", (LABELS / 20).astype(np.float32), "fractions"),
    "numbers with JPEG": ("a.png", as_jpeg((LABELS * 12).astype(np.uint8)), "export it without compression losses"),
    "pages of numbers": ("a.tif", np.stack([LABELS, LABELS[::-1]]), "2 pages of which 2"),
    "bright pages": ("a.tif", (~PAGES).astype(np.uint8), "bright all over"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_are_no_nuclei_is_said_by_its_cause(tmp_path: Path, kind: str) -> None:
    name, content, says = REFUSED[kind]
    path = save(tmp_path / name, content)
    with pytest.raises(NusegError, match=says) as caught:
        format_of(path).load(path, "a", None)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "names"),
    [
        ("a.png", CLASSES, {"1", "2", "3"}),
        ("a.tif", indexed(CLASSES, WHITE, RED, BLACK, (0, 0, 9)), {"1", "2", "3"}),
        ("a.png", np.array([BLACK, RED, WHITE, (0, 9, 255)], np.uint8)[CLASSES], {"#c80000", "#ffffff", "#0009ff"}),
    ],
)
def test_classes_are_parted_where_that_is_asked_for(tmp_path: Path, name: str, content: Any, names: set[str]) -> None:
    annotation = annotation_formats["classes"].load(save(tmp_path / name, content), "a")
    assert annotation.labels is not None
    assert nuclei(annotation.labels) == nuclei(LABELS)
    assert annotation.classes is not None
    assert set(annotation.classes) == names
    for number, own in enumerate(annotation.classes, start=1):
        inside = CLASSES[annotation.labels == number]
        assert (inside == inside[0]).all()
        assert annotation.classes.count(own) == len(nuclei(np.where(inside[0] == CLASSES, LABELS, 0)))
    assert not annotation.instance
    with pytest.raises(NusegError, match="at most 20 classes, found 30"):
        annotation_formats["classes"].load(save(tmp_path / "b.tif", spread(np.arange(1, 31))), "b")


def test_sound_numbers_are_not_suspected() -> None:
    cut = LABELS.copy()
    cut[:, 7] = 0  # through the first column: these nuclei have two pieces each
    for labels in (LABELS, cut, grid(255, columns=20), np.where(LABELS == 3, 0, LABELS), spread(np.arange(1, 601))):
        meaning = judge(labels)
        assert (meaning.kind, meaning.problem) == ("labels", None)


def test_a_file_of_several_frames_or_sizes(tmp_path: Path) -> None:
    frames = [indexed(MASK, WHITE, RED), indexed(~MASK, WHITE, RED)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    with pytest.raises(NusegError, match=r"a\.gif: expected one picture, found 2 frames"):
        annotation_formats["labels"].load(tmp_path / "a.gif", "a")
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(LABELS[::2, ::2].astype(np.uint16))
        file.write(LABELS.astype(np.uint16))
    annotation = format_of(tmp_path / "a.tif").load(tmp_path / "a.tif", "a")
    assert np.array_equal(annotation.label_image(LABELS.shape), LABELS)
    assert annotation.notes == ("the largest picture is read, 1 page of another size left out",)
    with pytest.raises(NusegError, match="the pages are 84x34 but the image is 9x8"):
        annotation_formats["labels"].load(save(tmp_path / "b.tif", PAGES.astype(np.uint8)), "b", (8, 9))
