"""Conversion from any format to any other, and datasets made of any; what is refused, and what a batch survives."""

import json
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest

from annotated import field
from nuseg.annotations.annotation import Annotation, Canvas
from nuseg.annotations.formats.coco import FORMAT as COCO
from nuseg.annotations.formats.pannuke import FORMAT as PANNUKE
from nuseg.annotations.registry import annotation_formats
from nuseg.datasets.conversion import ConvertOptions, convert_annotations
from nuseg.datasets.dataset import Dataset, load_item
from nuseg.datasets.prepare import PrepareSettings, prepare
from nuseg.datasets.targets import safe_name
from nuseg.errors import NusegError
from nuseg.io.image import write_png

NAMES = ("a", "b")
CLASSES = ("Neoplastic", "Dead", "Neoplastic")
# Points are no outlines: their format refuses these, and has tests of its own.
WRITABLE = [kind.name for kind in annotation_formats.values() if kind.writable and kind.name != "points"]


def annotation(seed: int, name: str) -> Annotation:
    labels = field(seed)[1]
    return Annotation(labels, classes=CLASSES, canvas=Canvas(f"{name}.png", (labels.shape[0], labels.shape[1])))


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder of two images."""
    for seed, name in enumerate(NAMES):
        write_png(tmp_path / "images" / f"{name}.png", field(seed)[0])
    return tmp_path / "images"


@pytest.fixture
def coco(tmp_path: Path) -> Path:
    """One file with the nuclei of both."""
    COCO.write_images([annotation(seed, name) for seed, name in enumerate(NAMES)], tmp_path / "all.json")
    return tmp_path / "all.json"


@pytest.mark.parametrize("name", WRITABLE)
def test_to_every_format_and_back(name: str, images: Path, coco: Path, tmp_path: Path) -> None:
    kind = annotation_formats[name]
    options = ConvertOptions(images=images, mpp=0.5)
    there = convert_annotations(coco, tmp_path / "there", name, options)
    assert (there.images, there.nuclei, there.failed) == (2, 6, [])
    assert there.formats == ["coco"]
    back = convert_annotations(tmp_path / "there", tmp_path / "back.json", "coco", replace(options, from_format=name))
    assert (back.images, back.nuclei, back.failed) == (2, 6, [])
    images_found = COCO.index(tmp_path / "back.json")  # PanNuke's have no names of their own
    found = dict(zip(NAMES, images_found, strict=True))
    assert name == "pannuke" or [Path(image).stem for image in images_found] == list(NAMES)
    for seed, image in enumerate(NAMES):
        read = COCO.load(tmp_path / "back.json", found[image]).numbered(field(seed)[1].shape)
        assert read.labels is not None
        expected = field(seed)[1]
        order = [int(expected[read.labels == number][0]) for number in (1, 2, 3)]
        assert all(np.array_equal(read.labels == n, expected == k) for n, k in enumerate(order, start=1))
        if kind.has_classes:
            assert read.classes == tuple(CLASSES[k - 1] for k in order)
    lost = [finding.text for finding in there.findings if "classes" in finding.text]
    assert lost == ([] if kind.has_classes else [f"{name} has no place for classes: lost"] * 2)


@pytest.mark.parametrize("name", WRITABLE)
def test_prepare_takes_every_format(name: str, images: Path, coco: Path, tmp_path: Path) -> None:
    target = tmp_path / "source" / "annotations"
    convert_annotations(coco, target, name, ConvertOptions(images=images, mpp=0.5))
    labels = "annotations/labels" if name == "yolo" else None
    if name == "pannuke":
        (target.parent / "masks").mkdir()
        target.rename(target.parent / "masks" / "fold1")
    else:
        images.rename(tmp_path / "source" / "images")
    settings = PrepareSettings(labels=labels, images="images" if labels else None, mpp=0.5, split=(1, 0, 0))
    prepared = prepare(tmp_path / "source", tmp_path / "set", settings)
    assert any(decision.startswith(f"format: {name}") for decision in prepared.decisions), prepared.decisions
    for seed, item in enumerate(Dataset.load(tmp_path / "set").items):
        pixels, found = load_item(item)
        assert np.array_equal(pixels, field(seed)[0])
        assert item.nuclei == 3
        assert np.array_equal(found > 0, field(seed)[1] > 0)


def test_prepare_takes_annotations_beside_images_and_one_file_for_all(images: Path, coco: Path, tmp_path: Path) -> None:
    coco.rename(images / "_annotations.coco.json")
    prepared = prepare(images, tmp_path / "one", PrepareSettings(mpp=0.5, split=(1, 0, 0)))
    assert "format: coco, because _annotations.coco.json has COCO's images and annotations" in prepared.decisions[1]
    convert_annotations(images / "_annotations.coco.json", images, "aperio")
    (images / "_annotations.coco.json").unlink()
    prepared = prepare(images, tmp_path / "two", PrepareSettings(mpp=0.5, split=(1, 0, 0)))
    assert "format: aperio" in prepared.decisions[1]
    assert [item.nuclei for item in prepared.dataset.items] == [3, 3]


def test_classes_have_one_number_in_all_files(tmp_path: Path) -> None:
    """The first image has the second class alone."""
    labels = field(0)[1]
    named = [("a", ("late",) * 3), ("b", ("early", "late", "early"))]
    COCO.write_images(
        [Annotation(labels, classes=own, canvas=Canvas(name)) for name, own in named], tmp_path / "all.json"
    )
    content = json.loads((tmp_path / "all.json").read_text())
    content["categories"].reverse()
    (tmp_path / "all.json").write_text(json.dumps(content))
    convert_annotations(tmp_path / "all.json", tmp_path / "mat", "hovernet")
    kind = annotation_formats["hovernet"]
    known = {kind.load(tmp_path / "mat" / f"{name}.mat", name).vocabulary for name in "ab"}
    assert known == {("early", "late")}


def test_names_of_classes_are_mapped_and_those_that_never_occur_said(coco: Path, tmp_path: Path) -> None:
    options = ConvertOptions(classes="Neoplastic=tumour,Dead=tumour,typo=x")
    done = convert_annotations(coco, tmp_path / "o", "geojson", options)
    assert done.classes == {"tumour": 6}
    assert [finding.text for finding in done.findings] == ["classes=: no nucleus has the class typo"]


def test_archives_and_folders_in_folders_are_read(images: Path, coco: Path, tmp_path: Path) -> None:
    convert_annotations(coco, tmp_path / "deep" / "er" / "geo", "geojson")
    with ZipFile(tmp_path / "all.zip", "w") as archive:
        for file in sorted((tmp_path / "deep").rglob("*.geojson")):
            archive.write(file, file.relative_to(tmp_path))
    for given in (tmp_path / "deep", tmp_path / "all.zip"):
        done = convert_annotations(given, tmp_path / f"o-{given.stem}", "labels", ConvertOptions(images=images))
        assert [path.name for path in done.written] == ["a.tif", "b.tif"]


def test_a_bad_file_does_not_end_the_batch(coco: Path, tmp_path: Path) -> None:
    convert_annotations(coco, tmp_path / "geo", "geojson")
    (tmp_path / "geo" / "c.geojson").write_text("{")
    done = convert_annotations([tmp_path / "geo", tmp_path / "nowhere"], tmp_path / "o", "aperio")
    assert [path.name for path in done.written] == ["a.xml", "b.xml"]
    said = [finding.text for finding in done.failed]
    assert len(said) == 2
    assert said[0].startswith(f"{tmp_path / 'nowhere'}: no such file")
    assert said[1].startswith(f"{tmp_path / 'geo' / 'c.geojson'}: ")
    whole = convert_annotations(tmp_path / "geo", tmp_path / "o.json", "coco")
    assert (whole.images, len(whole.failed)) == (2, 1)


def test_messages_name_the_archive(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("x/a.geojson", "{")
    with pytest.raises(NusegError, match=r"all\.zip/x/a\.geojson") as caught:
        convert_annotations(tmp_path / "all.zip", tmp_path / "o", "coco")
    assert "nuseg-" not in str(caught.value)


def test_names_in_a_file_write_nothing_outside(tmp_path: Path) -> None:
    names = ["../../evil.png", "/etc/evil2.png", "..", "C:\\x\\evil3.png", "a\n<b>:c.png", "x" * 300 + ".png"]
    given = [Annotation(field(0)[1], canvas=Canvas(name)) for name in names]
    COCO.write_images(given, tmp_path / "in" / "all.json")
    done = convert_annotations(tmp_path / "in" / "all.json", tmp_path / "out" / "o", "geojson")
    assert {path.parent for path in done.written} == {tmp_path / "out" / "o"}
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["o"]
    assert {"evil.geojson", "evil2.geojson", "evil3.geojson"} <= {path.name for path in done.written}
    assert len(done.written) == 6


@pytest.mark.parametrize("name", ["", ".", "..", "...", "a/b", "\x00", "CON:", "x" * 400])
def test_safe_names(name: str) -> None:
    safe = safe_name(name)
    assert safe
    assert Path(safe).name == safe
    assert safe not in (".", "..")
    assert len(safe) <= 200


def test_nothing_is_replaced_unless_told(coco: Path, tmp_path: Path) -> None:
    (tmp_path / "o.xml").write_text("mine")
    with pytest.raises(NusegError, match=r"o\.xml: exists; give overwrite="):
        convert_annotations(coco, tmp_path / "o.xml", "cvat")
    assert (tmp_path / "o.xml").read_text() == "mine"
    convert_annotations(coco, tmp_path / "o.xml", "cvat", ConvertOptions(overwrite=True))
    again = convert_annotations(tmp_path / "o.xml", tmp_path / "again.json", "coco")
    assert again.nuclei == 6


@pytest.mark.parametrize("to", ["yolo", "pannuke", "folders"])
def test_a_folder_with_other_things_is_never_replaced(to: str, images: Path, coco: Path, tmp_path: Path) -> None:
    place = tmp_path / "o" / "a" if to == "folders" else tmp_path / "o"
    place.mkdir(parents=True)
    (place / "thesis.tex").write_text("mine")
    with pytest.raises(NusegError, match=r"holds thesis\.tex"):
        convert_annotations(coco, tmp_path / "o", to, ConvertOptions(images=images, overwrite=True))
    assert (place / "thesis.tex").read_text() == "mine"


def test_what_is_read_is_never_written_over(coco: Path, tmp_path: Path) -> None:
    with pytest.raises(NusegError, match="is what is read"):
        convert_annotations(coco, coco, "coco", ConvertOptions(overwrite=True))
    (tmp_path / "labels").mkdir()
    coco.rename(tmp_path / "labels" / "all.json")
    with pytest.raises(NusegError, match="is what is read, or holds it"):
        convert_annotations(tmp_path / "labels" / "all.json", tmp_path, "yolo", ConvertOptions(overwrite=True))


@pytest.mark.parametrize(
    ("output", "to", "options", "says"),
    [
        ("o", "boxes", {}, "annotation format boxes: expected one of"),
        ("o", "nuseg", {}, "to='nuseg': this format is only read"),
        ("o.geojson", "geojson", {}, "holds one image, found 2"),
        ("o.geojson", "coco", {}, "ends as geojson, but to='coco' writes .json"),
        ("o", "geojson", {"suffix": ".xml"}, "suffix='.xml': expected one of .geojson, .geojson.gz for geojson"),
        ("o", "geojson", {"images": Path("nowhere")}, "images='nowhere': no such folder"),
        ("o", "geojson", {"classes": "a"}, "expected old=new"),
        ("o", "geojson", {"mpp": -1.0}, "mpp="),
    ],
)
def test_options_that_do_not_fit(output: str, to: str, options: dict, says: str, coco: Path, tmp_path: Path) -> None:
    with pytest.raises(NusegError) as caught:
        convert_annotations(coco, tmp_path / output, to, ConvertOptions(**options))
    assert says in str(caught.value)
    assert not (tmp_path / output).exists()


def test_sizes_that_contradict_are_said(coco: Path, images: Path, tmp_path: Path) -> None:
    write_png(images / "a.png", field(0)[0][:20])
    done = convert_annotations(coco, tmp_path / "o", "geojson", ConvertOptions(images=images))
    assert [path.name for path in done.written] == ["b.geojson"]
    assert "the annotation is 56x48 but the image a.png is 56x20" in done.failed[0].text


def test_equal_names_are_not_written_over_one_another(coco: Path, tmp_path: Path) -> None:
    convert_annotations(coco, tmp_path / "geo", "geojson")
    done = convert_annotations([coco, tmp_path / "geo"], tmp_path / "o", "aperio")
    assert len(done.written) == 2
    assert ["has the same name as" in finding.text for finding in done.failed] == [True, True]


def test_results_of_nuseg_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    (folder / "labels").mkdir(parents=True)
    rows = ["name,image,width,height,mpp,error", "a,/x/a.png,56,48,0.5,", "b,/x/b.png,56,48,0.5,cannot be read"]
    (folder / "summary.csv").write_text("\n".join(rows))
    annotation_formats["labels"].write(Annotation(field(0)[1]), folder / "labels" / "a.tiff")
    done = convert_annotations(folder, tmp_path / "o.json", "coco")
    assert (done.formats, done.images, done.nuclei) == (["nuseg"], 1, 3)
    assert COCO.load(tmp_path / "o.json", "a.png").shape == (48, 56)


def test_suffixes_choose_the_kind_of_file(coco: Path, tmp_path: Path) -> None:
    for suffix in (".png", ".npy", ".tif"):
        done = convert_annotations(coco, tmp_path / suffix[1:], "labels", ConvertOptions(suffix=suffix))
        assert [path.name for path in done.written] == [f"a{suffix}", f"b{suffix}"]
        assert np.array_equal(annotation_formats["labels"].load(done.written[0], "a").labels, field(0)[1])


def test_pannuke_folders_are_prepared_with_their_pixels(tmp_path: Path) -> None:
    labels, pixels = field(0)[1], field(0)[0]
    write_png(tmp_path / "x.png", pixels)
    given = Annotation(labels, classes=CLASSES, canvas=Canvas("x.png", None, None, tmp_path / "x.png"))
    PANNUKE.write_images([given] * 3, tmp_path / "fold1")
    prepared = prepare(tmp_path / "fold1", tmp_path / "set", PrepareSettings(mpp=0.25, split=(1, 0, 0)))
    items = prepared.dataset.items
    assert [item.name for item in items] == ["fold1_0000", "fold1_0001", "fold1_0002"]
    assert all(np.array_equal(load_item(item)[0], pixels) for item in items)
