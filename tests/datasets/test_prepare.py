import json
import shutil

import numpy as np
import pytest
import shapely
import tifffile

from annotated import field, write_source
from nuseg.annotations.annotation import Annotation
from nuseg.annotations.registry import annotation_formats
from nuseg.datasets import prepare as module
from nuseg.datasets.dataset import Dataset, load_item
from nuseg.datasets.prepare import PrepareSettings, prepare
from nuseg.errors import NusegError
from nuseg.io.image import write_png

NAMES = [f"p{patient}_{index}" for patient in range(4) for index in range(2)]
THIRDS = (0.5, 0.25, 0.25)


@pytest.fixture
def source(tmp_path):
    return write_source(tmp_path / "source", NAMES)


def texts(prepared):
    return " | ".join(f"{finding.level} {finding.name} {finding.text}" for finding in prepared.findings)


def test_groups_are_never_divided_and_everything_is_recorded(source, tmp_path):
    settings = PrepareSettings(mpp=0.5, group=r"^(p\d)_", split=THIRDS, licence="CC0", source="tests")
    prepared = prepare(source, tmp_path / "set", settings)
    dataset = Dataset.load(tmp_path / "set")
    assert prepared.dataset == dataset
    by_group = {(item.group, item.split) for item in dataset.items}
    assert len(by_group) == 4
    record = json.loads((tmp_path / "set/dataset.json").read_text())
    assert record["counts"]["nuclei"] == 24
    assert record["counts"]["splits"]["train"] == {
        "images": 4,
        "groups": 2,
        "nuclei": 12,
        "median_area_um2": 16.0,
    }
    assert record["counts"]["groups"]["p1"]["images"] == 2
    assert record["resolution"] == {"min": 0.5, "max": 0.5, "sources": {"given by the user": 8}}
    assert (record["licence"], record["source"]) == ("CC0", "tests")
    assert (tmp_path / "set/contact_sheet.png").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["set", "source"]


def test_fingerprint_follows_content_alone(source, tmp_path):
    settings = PrepareSettings(mpp=0.5, split=THIRDS)
    first = prepare(source, tmp_path / "one", settings).dataset
    again = prepare(source, tmp_path / "two", PrepareSettings(mpp=0.5, split=THIRDS, name="x", licence="y"))
    assert first.fingerprint == again.dataset.fingerprint
    other = [PrepareSettings(mpp=0.4, split=THIRDS), PrepareSettings(mpp=0.5, split=(0, 0, 1))]
    labels = tifffile.imread(source / "labels/p0_0.tif")
    fingerprints = {first.fingerprint} | {
        prepare(source, tmp_path / f"other{k}", settings).dataset.fingerprint for k, settings in enumerate(other)
    }
    labels[0, 0] = 1
    tifffile.imwrite(source / "labels/p0_0.tif", labels)
    fingerprints.add(prepare(source, tmp_path / "changed", settings).dataset.fingerprint)
    assert len(fingerprints) == 4


def test_binary_masks_become_components(tmp_path):
    for seed, name in enumerate("abc"):
        pixels, labels = field(seed)
        write_png(tmp_path / f"src/images/{name}.png", pixels)
        write_png(tmp_path / f"src/masks/{name}_mask.png", (labels > 0).astype(np.uint8) * 255)
    prepared = prepare(tmp_path / "src", tmp_path / "set", PrepareSettings(mpp=0.5))
    assert prepared.dataset.annotation == "binary"
    assert any("format: binary, because a_mask.png" in decision for decision in prepared.decisions)
    np.testing.assert_array_equal(load_item(prepared.dataset.items[0])[1] > 0, field(0)[1] > 0)
    assert [item.nuclei for item in prepared.dataset.items] == [3, 3, 3]
    given = PrepareSettings(mpp=0.5, annotation="instance")
    assert prepare(tmp_path / "src", tmp_path / "set2", given).dataset.annotation == "instance"
    with pytest.raises(NusegError, match=r"binary mask \(values \{0, 255\}.*format='binary'"):
        prepare(tmp_path / "src", tmp_path / "set3", PrepareSettings(mpp=0.5, format="labels"))


def test_bowl_layout(tmp_path):
    for seed, name in enumerate("abc"):
        pixels, labels = field(seed)
        write_png(tmp_path / f"src/{name}/images/{name}.png", pixels)
        for nucleus in (1, 2, 3):
            write_png(tmp_path / f"src/{name}/masks/{nucleus}.png", (labels == nucleus).astype(np.uint8) * 255)
    dataset = prepare(tmp_path / "src", tmp_path / "set", PrepareSettings(mpp=0.5)).dataset
    assert dataset.annotation == "instance"
    np.testing.assert_array_equal(load_item(dataset.items[1])[1], field(1)[1])


@pytest.mark.parametrize("name", ["a.geojson", "a.geojson.gz"])
def test_polygons_become_label_images(tmp_path, name):
    source = write_source(tmp_path / "source", ["a"])
    (source / "labels/a.tif").unlink()
    boxes = [shapely.box(1, 2, 5, 6), shapely.box(2, 3, 4, 5), shapely.box(90, 90, 95, 95)]
    annotation_formats["geojson"].write(Annotation(polygons=tuple(boxes)), source / "labels" / name)
    prepared = prepare(source, tmp_path / "set", PrepareSettings(mpp=0.5, split=(0, 0, 1)))
    assert any(f"format: geojson, because {name} holds GeoJSON objects" in text for text in prepared.decisions)
    assert "note a 1 polygon outside of the image" in texts(prepared)
    labels = load_item(prepared.dataset.items[0])[1]
    assert np.bincount(labels.ravel())[1:].tolist() == [12, 4]
    assert (labels[3:5, 2:4] == 2).all()


def test_progress_is_told_after_every_image(source, tmp_path):
    states = []
    prepare(source, tmp_path / "set", PrepareSettings(mpp=0.5), states.append)
    assert [(state.done, state.total) for state in states] == [(done, 8) for done in range(1, 9)]


def test_gaps_are_closed_and_said(source, tmp_path):
    labels = tifffile.imread(source / "labels/p0_0.tif")
    tifffile.imwrite(source / "labels/p0_0.tif", labels * 900)
    prepared = prepare(source, tmp_path / "set", PrepareSettings(mpp=0.5))
    assert "note p0_0 labels have gaps" in texts(prepared)
    np.testing.assert_array_equal(load_item(prepared.dataset.items[0])[1], labels)


def test_more_nuclei_than_16_bits_hold(tmp_path, monkeypatch):
    source = write_source(tmp_path / "source", ["a", "b", "c"])
    many = np.zeros((600, 600), np.int32)
    many[::2, ::2] = np.arange(1, 90001).reshape(300, 300)
    tifffile.imwrite(source / "labels/a.tif", many)
    write_png(source / "images/a.png", field(0, 600, 600)[0])
    dataset = prepare(source, tmp_path / "set", PrepareSettings(mpp=0.5)).dataset
    assert dataset.items[0].label.name == "a.tif"
    np.testing.assert_array_equal(load_item(dataset.items[0])[1], many)


def test_all_problems_are_listed_together(source, tmp_path):
    (source / "images/p0_0.png").write_bytes(b"")
    tifffile.imwrite(source / "labels/p0_1.tif", np.zeros((9, 8), np.uint8))
    tifffile.imwrite(source / "labels/p1_0.tif", np.full((48, 56), -1, np.int16))
    tifffile.imwrite(source / "labels/p1_1.tif", np.zeros((56, 48), np.uint8))
    with pytest.raises(NusegError) as caught:
        prepare(source, tmp_path / "set", PrepareSettings(mpp=0.5))
    lines = str(caught.value).splitlines()
    assert "4 files cannot be used" in lines[0]
    assert len(lines) == 5
    assert "p0_0.png" in lines[1]
    assert "8x9" in lines[2]
    assert "negative" in lines[3]
    assert "transposed" in lines[4]
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_a_long_list_of_problems_is_cut(tmp_path):
    source = write_source(tmp_path / "source", [f"n{k:02d}" for k in range(25)])
    for path in (source / "images").iterdir():
        path.write_bytes(b"x")
    with pytest.raises(NusegError) as caught:
        prepare(source, tmp_path / "set", PrepareSettings(mpp=0.5))
    lines = str(caught.value).splitlines()
    assert (len(lines), lines[-1].strip()) == (22, "and 5 more")


def test_unpaired_files(source, tmp_path):
    (source / "labels/p0_0.tif").unlink()
    write_png(source / "labels/extra.png", field(0)[1].astype(np.uint16))
    with pytest.raises(NusegError, match=r"2 files without partner.*skip_unpaired=") as caught:
        prepare(source, tmp_path / "set", PrepareSettings(mpp=0.5))
    assert "p0_0.png: image without annotation" in str(caught.value)
    assert "extra.png: annotation without image" in str(caught.value)
    prepared = prepare(source, tmp_path / "set", PrepareSettings(mpp=0.5, skip_unpaired=True))
    assert len(prepared.dataset.items) == 7
    assert "warning p0_0.png image without annotation, left out" in texts(prepared)


def test_the_same_image_never_lands_in_two_splits(source, tmp_path):
    shutil.copy(source / "images/p0_0.png", source / "images/p3_1.png")
    prepared = prepare(source, tmp_path / "set", PrepareSettings(mpp=0.5, group="^(p.)", split=THIRDS))
    assert "warning p0_0 = p3_1 the same image under several names, in several groups: these are joined" in texts(
        prepared
    )
    assert len({item.split for item in prepared.dataset.items if item.name[:2] in ("p0", "p3")}) == 1


def test_a_given_split_that_divides_a_duplicate_is_refused(source, tmp_path):
    shutil.copy(source / "images/p0_0.png", source / "images/p3_1.png")
    rows = [f"{name},{'test' if name == 'p3_1' else 'train'}" for name in NAMES]
    (tmp_path / "t.csv").write_text("name,part\n" + "\n".join(rows))
    with pytest.raises(NusegError, match="divided: p0_0 is in train, p3_1 in test"):
        prepare(source, tmp_path / "set", PrepareSettings(mpp=0.5, table=tmp_path / "t.csv", split_column="part"))


def test_table_gives_groups_splits_and_resolutions(source, tmp_path):
    rows = [f"{name},{name[:2]},{'test' if name < 'p2' else 'train'},0.{name[1]}5" for name in NAMES]
    (tmp_path / "t.csv").write_text("name,patient,part,um\n" + "\n".join(rows))
    settings = PrepareSettings(table=tmp_path / "t.csv", group_column="patient", split_column="part", mpp_column="um")
    with pytest.raises(NusegError, match=r"p0_0: resolution of 0\.05"):
        prepare(source, tmp_path / "set", settings)
    (tmp_path / "t.csv").write_text((tmp_path / "t.csv").read_text().replace("0.05", "0.45"))
    dataset = prepare(source, tmp_path / "set", settings).dataset
    assert {(i.group, i.split, i.mpp) for i in dataset.items} == {
        ("p0", "test", 0.45),
        ("p1", "test", 0.15),
        ("p2", "train", 0.25),
        ("p3", "train", 0.35),
    }


def test_resolution_from_the_file_the_user_or_a_stated_default(tmp_path):
    source = write_source(tmp_path / "source", ["a", "b", "c"])
    (source / "images/a.png").unlink()
    tifffile.imwrite(
        source / "images/a.tif", field(0)[0], resolution=(20000, 20000), resolutionunit="CENTIMETER"
    )  # 0.5 um
    prepared = prepare(source, tmp_path / "set", PrepareSettings())
    assert [item.mpp for item in prepared.dataset.items] == pytest.approx([0.5, 0.25, 0.25])
    assert "b no resolution in the file, taken as 0.25 um/px" in texts(prepared)
    prepared = prepare(source, tmp_path / "set2", PrepareSettings(mpp=0.3))
    assert {item.mpp for item in prepared.dataset.items} == {0.3}
    assert "a the file states 0.5 um/px, but 0.3 was given" in texts(prepared)
    near, far = (prepare(source, tmp_path / name, PrepareSettings(mpp=mpp)) for name, mpp in (("3", 0.52), ("4", 0.53)))
    assert "but 0.52 was given" not in texts(near)
    assert "a the file states 0.5 um/px, but 0.53 was given" in texts(far), "5 % and more are a contradiction"


def test_a_wrong_resolution_is_suspected(source, tmp_path):
    assert "resolution is probably wrong" not in texts(prepare(source, tmp_path / "a", PrepareSettings(mpp=0.5)))
    assert "give a smaller mpp=" in texts(prepare(source, tmp_path / "b", PrepareSettings(mpp=2)))


def test_odd_images_and_labels_are_warned_of(source, tmp_path):
    write_png(source / "images/p0_0.png", np.full((48, 56, 3), 255, np.uint8))
    tifffile.imwrite(source / "labels/p0_1.tif", np.zeros((48, 56), np.uint8))
    said = texts(prepare(source, tmp_path / "set", PrepareSettings(mpp=0.5)))
    assert "warning p0_0 image is almost all white" in said
    assert "warning p0_1 annotation is empty" in said


def test_no_nuclei_at_all_is_an_error(tmp_path):
    source = write_source(tmp_path / "source", ["a", "b"])
    for path in (source / "labels").iterdir():
        tifffile.imwrite(path, np.zeros((48, 56), np.uint8))
    with pytest.raises(NusegError, match="no annotation has any nucleus"):
        prepare(source, tmp_path / "set")


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (PrepareSettings(mpp=5), "mpp="),
        (PrepareSettings(mpp=0.5, mpp_column="x"), "give one of them"),
        (PrepareSettings(group="(a)", group_column="x"), "give one of them"),
        (PrepareSettings(group_column="x"), "give it with table="),
        (PrepareSettings(split_column="x"), "give it with table="),
        (PrepareSettings(format="folders"), "is a file, expected a folder of masks"),
        (
            PrepareSettings(format="boxes"),
            "annotation format boxes: expected one of aperio, binary, .*labels, .*folders",
        ),
        (PrepareSettings(images="nowhere"), "no such folder"),
        (PrepareSettings(group="^(p)"), "need at least 3 groups, found 1"),
    ],
)
def test_bad_settings(source, tmp_path, settings, says):
    with pytest.raises(NusegError, match=says):
        prepare(source, tmp_path / "set", settings)
    assert not (tmp_path / "set").exists()


def test_output_is_protected(source, tmp_path):
    settings = PrepareSettings(mpp=0.5)
    for bad, says in ((source, "holds the source"), (tmp_path, "holds the source")):
        with pytest.raises(NusegError, match=says):
            prepare(source, bad, settings)
    (tmp_path / "full").mkdir()
    (tmp_path / "full/precious.txt").write_text("x")
    with pytest.raises(NusegError, match="is no dataset"):
        prepare(source, tmp_path / "full", PrepareSettings(mpp=0.5, overwrite=True))
    with pytest.raises(NusegError, match="is a file"):
        prepare(source, tmp_path / "full/precious.txt", settings)
    prepare(source, tmp_path / "set", settings)
    with pytest.raises(NusegError, match="overwrite="):
        prepare(source, tmp_path / "set", settings)
    prepare(source, tmp_path / "set", PrepareSettings(mpp=0.4, overwrite=True))
    assert Dataset.load(tmp_path / "set").items[0].mpp == 0.4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["full", "set", "source"]


def test_failure_at_the_end_leaves_the_old_dataset(source, tmp_path, monkeypatch):
    before = prepare(source, tmp_path / "set", PrepareSettings(mpp=0.5)).dataset

    def full_disk(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "write_contact_sheet", full_disk)
    with pytest.raises(NusegError, match="No space left"):
        prepare(source, tmp_path / "set", PrepareSettings(mpp=0.4, overwrite=True))
    assert Dataset.load(tmp_path / "set") == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["set", "source"]


def test_real_patients_stay_together(real_data, tmp_path):
    folder = tmp_path / "source"
    for kind in ("images", "labels"):
        (folder / kind).mkdir(parents=True)
        for path in sorted((real_data / "tnbc" / kind).glob("0[1-3]_[12].png")):
            (folder / kind / path.name).symlink_to(path)
    prepared = prepare(folder, tmp_path / "set", PrepareSettings(mpp=0.25, group=r"^(\d+)_"))
    assert {count.groups for count in prepared.counts.values()} == {1}
    assert [finding for finding in prepared.findings if finding.level == "warning"] == []
    assert all(10 < count.median_area_um2 < 40 for count in prepared.counts.values())
