"""Classes, ids, points and what is not known, from the user's files into datasets and out again."""

import json
from pathlib import Path

import numpy as np
import pytest
import shapely

from annotated import field, write_source
from nuseg.annotations.annotation import Annotation
from nuseg.annotations.registry import annotation_formats
from nuseg.datasets.conversion import convert_annotations
from nuseg.datasets.dataset import Dataset, load_ignore, load_item, load_points, load_table
from nuseg.datasets.prepare import Prepared, PrepareSettings, prepare
from nuseg.errors import NusegError
from nuseg.io.image import write_png

SHAPE = (48, 56)
CLASSES = ("tumour", "stroma", "unclear")
ALL_TEST = PrepareSettings(mpp=0.5, split=(0, 0, 1))


def settings(**values: object) -> PrepareSettings:
    return PrepareSettings(**({"mpp": 0.5, "split": (0, 0, 1)} | values))  # type: ignore[arg-type]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Two images with GeoJSON of three nuclei with classes and ids."""
    folder = tmp_path / "source"
    for seed, name in enumerate("ab"):
        pixels, labels = field(seed)
        write_png(folder / "images" / f"{name}.png", pixels)
        (folder / "labels").mkdir(exist_ok=True)
        drawn = Annotation(labels, classes=CLASSES, ids=tuple(f"{name}{k}" for k in range(3)))
        annotation_formats["geojson"].write(drawn, folder / "labels" / f"{name}.geojson")
    return folder


def texts(prepared: Prepared) -> str:
    return " | ".join(f"{one.level}: {one.text}: {one.name}" for one in prepared.findings)


def record(dataset: Dataset) -> dict[str, object]:
    found: dict[str, object] = json.loads((dataset.root / "dataset.json").read_text())
    return found


def test_classes_and_ids_are_kept_per_nucleus(source: Path, tmp_path: Path) -> None:
    prepared = prepare(source, tmp_path / "set", ALL_TEST)
    dataset = prepared.dataset
    assert dataset.classes == CLASSES
    assert prepared.counts["test"].classes == {"tumour": 2, "stroma": 2, "unclear": 2}
    table = load_table(dataset.items[1])
    labels = load_item(dataset.items[1])[1]
    np.testing.assert_array_equal(labels, field(1)[1])
    assert (table.labels.tolist(), table.classes, table.ids) == ([1, 2, 3], CLASSES, ("b0", "b1", "b2"))
    assert record(dataset)["classes"] == list(CLASSES)
    assert dataset.items[0].ignore is None
    assert not (dataset.root / "ignore").exists()


def test_without_classes_and_ids_there_is_no_table(tmp_path: Path) -> None:
    dataset = prepare(write_source(tmp_path / "source", ["a"]), tmp_path / "set", ALL_TEST).dataset
    assert dataset.classes == ()
    assert dataset.items[0].table is None
    assert not (dataset.root / "nuclei").exists()
    assert "classes" not in record(dataset)["counts"]["splits"]["test"]  # type: ignore[index]


def test_classes_are_mapped_and_merged(source: Path, tmp_path: Path) -> None:
    mapped = prepare(source, tmp_path / "set", settings(classes="stroma=other,unclear=other,tumour=,lymph=x"))
    assert mapped.dataset.classes == ("other",)
    assert load_table(mapped.dataset.items[0]).classes == (None, "other", "other")
    assert "warning: classes=: no nucleus has this class: lymph" in texts(mapped)


def test_the_plain_class_of_results_is_none(tmp_path: Path, source: Path) -> None:
    named = prepare(source, tmp_path / "set", settings(classes="stroma=Nucleus")).dataset
    assert named.classes == ("tumour", "unclear")
    assert load_table(named.items[0]).classes == ("tumour", None, "unclear")


def test_a_class_that_is_ignored(source: Path, tmp_path: Path) -> None:
    prepared = prepare(source, tmp_path / "set", settings(ignore_class=("unclear", "artefact")))
    dataset = prepared.dataset
    assert dataset.classes == ("tumour", "stroma")
    assert "warning: ignore_class=: nothing has this class: artefact" in texts(prepared)
    assert "note: px of 2 images are not known: ignored by training and scores: 128" in texts(prepared)
    for seed, item in enumerate(dataset.items):
        expected = field(seed)[1]
        np.testing.assert_array_equal(load_item(item)[1], np.where(expected == 3, 0, expected))
        np.testing.assert_array_equal(load_ignore(item, SHAPE), expected == 3)
        assert load_table(item).classes == ("tumour", "stroma")
        assert item.nuclei == 2


def test_a_new_name_may_be_ignored(source: Path, tmp_path: Path) -> None:
    given = settings(classes="unclear=skip,stroma=skip", ignore_class=("skip",))
    dataset = prepare(source, tmp_path / "set", given).dataset
    assert dataset.classes == ("tumour",)
    np.testing.assert_array_equal(load_ignore(dataset.items[0], SHAPE), field(0)[1] > 1)


def test_a_number_that_is_ignored(tmp_path: Path) -> None:
    source = write_source(tmp_path / "source", ["a", "b"])
    unknown = np.zeros(SHAPE, bool)
    unknown[40:, 40:] = unknown[:4, :4] = unknown[30:34, 50:] = True
    write_png(source / "labels" / "c.png", np.where(unknown, 255, field(2)[1]).astype(np.uint8))
    write_png(source / "images" / "c.png", field(2)[0])
    dataset = prepare(source, tmp_path / "set", settings(ignore_label=255)).dataset
    assert [item.ignore is not None for item in dataset.items] == [False, False, True]
    np.testing.assert_array_equal(load_ignore(dataset.items[2], SHAPE), unknown)
    np.testing.assert_array_equal(load_item(dataset.items[2])[1], field(2)[1])


def test_a_folder_of_masks(source: Path, tmp_path: Path) -> None:
    """The mask covers the first nucleus of a: it stays, that is said, and its pixels are known."""
    mask = np.zeros(SHAPE, np.uint8)
    mask[:20, :20] = 255
    write_png(source / "unsure" / "a_mask.png", mask)
    write_png(source / "unsure" / "z.png", mask)
    prepared = prepare(source, tmp_path / "set", settings(ignore="unsure"))
    first, second = prepared.dataset.items
    np.testing.assert_array_equal(load_ignore(first, SHAPE), (mask > 0) & (field(0)[1] == 0))
    assert (first.nuclei, second.ignore) == (3, None)
    assert "note: 1 nucleus in ignored areas: kept, what is annotated is known: a" in texts(prepared)
    assert "warning: ignore=: belongs to no image: z.png" in texts(prepared)


def test_a_mask_of_another_size(source: Path, tmp_path: Path) -> None:
    write_png(source / "unsure" / "a.png", np.zeros((5, 6), np.uint8))
    with pytest.raises(NusegError, match=r"unsure/a\.png: the mask is 6x5 but the image a is 56x48"):
        prepare(source, tmp_path / "set", settings(ignore="unsure"))
    with pytest.raises(NusegError, match="ignore='nowhere': no such folder"):
        prepare(source, tmp_path / "set", settings(ignore="nowhere"))


def test_crowds_are_ignored(tmp_path: Path) -> None:
    source = write_source(tmp_path / "source", ["a"])
    (source / "labels" / "a.tif").unlink()
    drawn = Annotation(field(0)[1], vague=(shapely.box(40, 40, 56, 48),), classes=CLASSES)
    annotation_formats["coco"].write_images([drawn], source / "labels" / "coco.json")
    content = json.loads((source / "labels" / "coco.json").read_text())
    content["images"][0]["file_name"] = "a.png"
    (source / "labels" / "coco.json").write_text(json.dumps(content))
    (item,) = prepare(source, tmp_path / "set", ALL_TEST).dataset.items
    expected = np.zeros(SHAPE, bool)
    expected[40:, 40:] = True
    np.testing.assert_array_equal(load_ignore(item, SHAPE), expected)
    assert item.nuclei == 3


def test_the_fingerprint_follows_classes_and_what_is_not_known(source: Path, tmp_path: Path) -> None:
    given = [
        settings(),
        settings(classes="stroma=other"),
        settings(ignore_class=("unclear",)),
        settings(classes="stroma=,tumour=,unclear="),
    ]
    prints = [prepare(source, tmp_path / f"set{k}", one).dataset.fingerprint for k, one in enumerate(given)]
    assert len(set(prints)) == len(given)
    plain = prepare(write_source(tmp_path / "plain", ["a", "b"]), tmp_path / "plain_set", settings()).dataset
    assert plain.fingerprint == prints[3]  # the same pixels and labels; ids make no difference


def write_points(source: Path, second: str = "x,y,class\n5.5,6.5,2\n") -> Path:
    for seed, name in enumerate("ab"):
        write_png(source / "images" / f"{name}.png", field(seed)[0])
    (source / "points").mkdir()
    (source / "points" / "a.csv").write_text("y,x,class\n8,9,1\n24,34,2\n47,55,3\n0,70,1\n")
    (source / "points" / "b.csv").write_text(second)
    return source


def test_points(tmp_path: Path) -> None:
    source = write_points(tmp_path / "source")
    given = settings(classes="1=lymphocyte,2=tumour,3=unclear", ignore_class=("unclear",))
    prepared = prepare(source, tmp_path / "set", given)
    dataset = prepared.dataset
    assert (dataset.annotation, dataset.classes) == ("points", ("lymphocyte", "tumour"))
    first, second = dataset.items
    assert (first.label, first.nuclei, second.nuclei) == (None, 2, 1)
    found = load_points(first)
    assert found.xy.tolist() == [[9.5, 8.5], [34.5, 24.5]]
    assert found.classes == ("lymphocyte", "tumour")
    assert prepared.counts["test"].nuclei == 3
    assert prepared.counts["test"].classes == {"lymphocyte": 1, "tumour": 2}
    assert "note: 1 point outside of the image: left out: a" in texts(prepared)
    disc = load_ignore(first, SHAPE)  # a quarter of one of 12 px
    assert disc[47, 55]
    assert 90 < disc.sum() < 150
    assert (dataset.root / "contact_sheet.png").is_file()


def test_points_beside_outlines_are_refused(source: Path, tmp_path: Path) -> None:
    points = Annotation(points=np.array([[3.0, 4.0]]))
    annotation_formats["geojson"].write(points, source / "labels" / "b.geojson")
    with pytest.raises(NusegError, match=r"^b: is annotated by points, which do not go with outlines, as of a;"):
        prepare(source, tmp_path / "set", ALL_TEST)


def test_points_are_no_instances(tmp_path: Path) -> None:
    source = write_points(tmp_path / "source")
    with pytest.raises(NusegError, match="points, which do not go with annotation='instance'"):
        prepare(source, tmp_path / "set", settings(annotation="instance"))


def test_the_fingerprint_follows_points(tmp_path: Path) -> None:
    one = prepare(write_points(tmp_path / "one"), tmp_path / "set1", ALL_TEST).dataset
    two = prepare(write_points(tmp_path / "two", "x,y,class\n5.5,7.5,2\n"), tmp_path / "set2", ALL_TEST).dataset
    assert one.fingerprint != two.fingerprint


def test_a_dataset_goes_out_again_with_its_classes(source: Path, tmp_path: Path) -> None:
    prepare(source, tmp_path / "set", settings(ignore_class=("unclear",)))
    done = convert_annotations(tmp_path / "set", tmp_path / "out", "geojson")
    assert done.formats == ["dataset"]
    assert [path.name for path in done.written] == ["a.geojson", "b.geojson"]
    found = annotation_formats["geojson"].load(tmp_path / "out" / "b.geojson", "b")
    assert (found.classes, found.ids) == (("tumour", "stroma"), ("b0", "b1"))
    np.testing.assert_array_equal(found.label_image(SHAPE), np.where(field(1)[1] == 3, 0, field(1)[1]))
    convert_annotations(tmp_path / "set", tmp_path / "coco.json", "coco")
    crowd = annotation_formats["coco"].load(tmp_path / "coco.json", "a.png").vague
    assert [region.area for region in crowd] == [64]


def test_points_go_out_again(tmp_path: Path) -> None:
    prepare(write_points(tmp_path / "source"), tmp_path / "set", ALL_TEST)
    convert_annotations(tmp_path / "set", tmp_path / "out", "geojson")
    found = annotation_formats["geojson"].load(tmp_path / "out" / "b.geojson", "b")
    assert found.points is not None
    assert (found.points.tolist(), found.classes) == ([[5.5, 6.5]], ("2",))
    with pytest.raises(NusegError, match=r"nuclei are points, which aperio has no place for; give to='geojson'"):
        convert_annotations(tmp_path / "out" / "b.geojson", tmp_path / "b.xml", "aperio")


def test_a_dataset_is_prepared_again_with_all_that_it_has(source: Path, tmp_path: Path) -> None:
    first = prepare(source, tmp_path / "one", settings(ignore_class=("unclear",), mpp=0.3)).dataset
    again = prepare(tmp_path / "one", tmp_path / "two", PrepareSettings(split=(0, 0, 1)))
    assert again.dataset.fingerprint == first.fingerprint
    assert again.dataset.classes == first.classes
    assert {item.mpp for item in again.dataset.items} == {0.3}
    assert load_table(again.dataset.items[0]).ids == ("a0", "a1")
    merged = prepare(tmp_path / "one", tmp_path / "three", settings(classes="stroma=tumour")).dataset
    assert merged.classes == ("tumour",)
