import numpy as np
import pytest

from annotated import field, write_source
from nuseg.datasets.pairing import find_pairs
from nuseg.errors import NusegError
from nuseg.io.image import write_png


def touch(*paths):
    for path in paths:
        write_png(path, np.zeros((4, 4), np.uint8))


@pytest.mark.parametrize("ending", ["", "_mask", "-labels", "_label", ".mask", "_cp_masks", "_Inst", "_binary_mask"])
def test_endings_of_annotations(tmp_path, ending):
    touch(tmp_path / "images/p1_a.png", tmp_path / f"masks/p1_a{ending}.png")
    pairs = find_pairs(tmp_path)
    assert [(pair.name, pair.annotation.name) for pair in pairs.pairs] == [("p1_a", f"p1_a{ending}.png")]
    assert pairs.unpaired_images == pairs.unpaired_annotations == ()


@pytest.mark.parametrize("folder", ["labels", "masks", "annotations", "GT"])
def test_usual_folder_names_and_suffixes(tmp_path, folder):
    touch(tmp_path / "Images/a_img.png", tmp_path / folder / "a_mask.png", tmp_path / folder / ".hidden.png")
    assert [pair.name for pair in find_pairs(tmp_path).pairs] == ["a_img"]


def test_exact_name_wins_over_ending(tmp_path):
    touch(*(tmp_path / "images" / f"{n}.png" for n in ("a", "a_mask")))
    touch(*(tmp_path / "labels" / f"{n}.png" for n in ("a", "a_mask")))
    assert [pair.annotation.path.stem for pair in find_pairs(tmp_path).pairs] == ["a", "a_mask"]


def test_both_in_one_folder(tmp_path):
    touch(*(tmp_path / name for name in ("a.png", "a_mask.png", "b.png", "b_mask.png")))
    assert [(p.name, p.annotation.name) for p in find_pairs(tmp_path).pairs] == [
        ("a", "a_mask.png"),
        ("b", "b_mask.png"),
    ]


def test_given_folders_by_name_and_path(tmp_path):
    touch(tmp_path / "src/HE/a.png", tmp_path / "elsewhere/a.png")
    pairs = find_pairs(tmp_path / "src", "HE", str(tmp_path / "elsewhere"))
    assert pairs.pairs[0].annotation.path == tmp_path / "elsewhere/a.png"
    with pytest.raises(NusegError, match="images='zz': no such folder"):
        find_pairs(tmp_path / "src", "zz")


def test_one_mask_per_nucleus_layouts(tmp_path):
    for name in ("id1", "id2"):
        touch(tmp_path / "dsb" / name / "images" / f"{name}.png", tmp_path / "dsb" / name / "masks/1.png")
        touch(tmp_path / "flat/images" / f"{name}.png", tmp_path / "flat/masks" / name / "1.png")
    for layout in ("dsb", "flat"):
        found = find_pairs(tmp_path / layout)
        pairs = found.pairs
        assert [(pair.name, pair.annotation.path.is_dir()) for pair in pairs] == [("id1", True), ("id2", True)]
        assert found.format.name == "folders"


def test_annotations_of_another_kind_beside_the_images(tmp_path):
    touch(tmp_path / "a.png", tmp_path / "b.png")
    for name in ("a.geojson", "b.geojson", "notes.geojson.txt"):
        (tmp_path / name).write_text('{"type": "FeatureCollection", "features": []}')
    pairs = find_pairs(tmp_path)
    assert [(pair.name, pair.annotation.name) for pair in pairs.pairs] == [("a", "a.geojson"), ("b", "b.geojson")]
    assert (pairs.format.name, pairs.format_reason) == ("geojson", "because a.geojson holds GeoJSON objects")
    touch(tmp_path / "a_mask.png", tmp_path / "b_mask.png")
    assert find_pairs(tmp_path).pairs[0].annotation.name == "a_mask.png"


def test_a_given_format_is_looked_for_among_others(tmp_path):
    touch(tmp_path / "images/a.png", tmp_path / "labels/a.png")
    (tmp_path / "labels/a.geojson").write_text('{"type": "FeatureCollection", "features": []}')
    for name, file in (("labels", "a.png"), ("geojson", "a.geojson")):
        pairs = find_pairs(tmp_path, format=name)
        assert [pair.annotation.name for pair in pairs.pairs] == [file]
        assert (pairs.format.name, pairs.format_reason) == (name, "as given")
    with pytest.raises(NusegError, match="annotation format boxes: expected one of"):
        find_pairs(tmp_path, format="boxes")


def test_files_without_partner(tmp_path):
    touch(tmp_path / "images/a.png", tmp_path / "images/b.png", tmp_path / "labels/b.png", tmp_path / "labels/c.png")
    pairs = find_pairs(tmp_path)
    assert [path.name for path in pairs.unpaired_images] == ["a.png"]
    assert [entry.name for entry in pairs.unpaired_annotations] == ["c.png"]


def test_ambiguous_names_are_refused(tmp_path):
    touch(tmp_path / "1/images/a.png", tmp_path / "1/labels/a_mask.png", tmp_path / "1/labels/a_label.png")
    with pytest.raises(NusegError, match="several annotations fit"):
        find_pairs(tmp_path / "1")
    touch(tmp_path / "2/images/a.png", tmp_path / "2/images/a.bmp", tmp_path / "2/labels/a.png")
    with pytest.raises(NusegError, match="same name"):
        find_pairs(tmp_path / "2")


def test_nothing_found(tmp_path):
    with pytest.raises(NusegError, match="no such folder"):
        find_pairs(tmp_path / "none")
    with pytest.raises(NusegError, match="no images found"):
        find_pairs(tmp_path)
    touch(tmp_path / "images/a.png")
    (tmp_path / "labels").mkdir()
    with pytest.raises(NusegError, match=r"a_mask\.png"):
        find_pairs(tmp_path)


def detect(source):
    found = find_pairs(source)
    return found.format.name, found.format_reason


def test_detects_labels_and_binary_with_the_reason(tmp_path):
    source = write_source(tmp_path / "labels", ["a", "b"])
    assert detect(source) == ("labels", "because a.tif has 3 different labels")
    pixels, labels = field(0)
    write_png(tmp_path / "b/images/a.png", pixels)
    write_png(tmp_path / "b/labels/a.png", (labels > 0).astype(np.uint8) * 255)
    assert detect(tmp_path / "b") == ("binary", "because a.png has one value for all nuclei")
    write_png(tmp_path / "b/labels/a.png", (labels > 0)[..., None] * np.array([255, 0, 0], np.uint8))
    assert detect(tmp_path / "b")[0] == "binary"
    write_png(tmp_path / "b/labels/a.png", (labels == 1).astype(np.uint8))
    assert detect(tmp_path / "b")[0] == "labels"
