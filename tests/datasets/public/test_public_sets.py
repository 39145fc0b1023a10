"""Every public dataset, read from the tree that its authors distribute."""

import json
import re
import shutil
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from annotated import field
from nuseg import NusegError, PrepareSettings, prepare_public, public_datasets
from nuseg.datasets.dataset import Dataset, Item, load_item
from nuseg.datasets.findings import gather
from nuseg.datasets.prepare import Prepared
from nuseg.datasets.public.tables import read_rows
from nuseg.datasets.public.tree import Tree, read_tree
from public_trees import TREES, Expected, zipped

AS_AUTHORS = PrepareSettings(split=(1, 0, 0))


@dataclass(frozen=True)
class Made:
    """A public dataset that was prepared of its tree."""

    name: str
    prepared: Prepared
    expected: Expected

    @property
    def items(self) -> tuple[Item, ...]:
        """Images of the dataset on disk."""
        return Dataset.load(self.prepared.dataset.root).items


@pytest.fixture(scope="module", params=list(TREES))
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Every dataset in turn, with all of the authors' training part."""
    folder = tmp_path_factory.mktemp(request.param)
    expected = TREES[request.param](folder / "given")
    prepared = prepare_public(request.param, folder / "out", folder / "given", settings=AS_AUTHORS)
    return Made(request.param, prepared, expected)


def read(tmp_path: Path, name: str) -> Tree:
    return read_tree([tmp_path / "given"], ExitStack(), tmp_path)


def test_all_that_are_known_are_tried() -> None:
    assert set(public_datasets) == set(TREES)


def test_images_nuclei_splits_and_groups_are_the_authors(made: Made) -> None:
    expected = made.expected
    assert {item.name: item.nuclei for item in made.items} == dict.fromkeys(expected.splits, 3)
    groups = {item.name: item.group for item in made.items}
    assert groups == {name: expected.groups.get(name, name) for name in expected.splits}
    if any(expected.splits.values()):
        assert {item.name: item.split for item in made.items} == expected.splits
        assert any("split: the authors'" in decision for decision in made.prepared.decisions)
    else:
        assert {item.split for item in made.items} == {"train"}
    if expected.mpp:
        assert {item.mpp for item in made.items} == {expected.mpp}


def test_pixels_and_labels_are_those_of_the_files(made: Made) -> None:
    size = (48, 48) if made.name == "pannuke" else (48, 56)
    drawn = [field(seed, *size) for seed in range(20)]
    for item in made.items:
        pixels, labels = load_item(item)
        true = next(true for own, true in drawn if np.array_equal(own, pixels))
        numbers = [np.unique(labels[true == number]).tolist() for number in (1, 2, 3)]
        assert sorted(numbers) == [[1], [2], [3]]
        assert np.array_equal(labels > 0, true > 0)


def test_licence_source_and_use_are_recorded(made: Made) -> None:
    record = json.loads((made.prepared.dataset.root / "dataset.json").read_text())
    dataset = public_datasets[made.name]
    assert record["licence"] == dataset.licence
    assert dataset.citation in record["source"]
    assert dataset.address in record["source"]
    assert record["public"]["name"] == record["name"] == made.name
    assert record["public"]["commercial_use"] == dataset.commercial
    warned = [line for level, line in gather(made.prepared.findings) if level == "warning"]
    assert any("forbids commercial use" in line for line in warned) == (dataset.commercial == "forbidden")
    assert any("no licence is stated" in line for line in warned) == (dataset.commercial == "not stated")


@pytest.mark.parametrize("name", [name for name in TREES if public_datasets[name].classes])
def test_classes_have_the_authors_names(tmp_path: Path, name: str) -> None:
    expected = TREES[name](tmp_path / "given")
    content = public_datasets[name].read(read(tmp_path, name))
    for item in content.items:
        annotation = content.format.load(item.annotation.path, item.annotation.image or item.name, None)
        assert annotation.classes == expected.classes
        assert set(annotation.classes or ()) <= set(public_datasets[name].classes)


@pytest.mark.parametrize("name", TREES)
@pytest.mark.parametrize("way", ["deeper", "zip", "zips in a folder"])
def test_reads_it_however_it_was_unpacked(tmp_path: Path, name: str, way: str) -> None:
    expected = TREES[name](tmp_path / "tree")
    if way == "deeper":
        given = tmp_path / "given"
        shutil.move(tmp_path / "tree", given / "data" / "unpacked here")
    elif way == "zip":
        given = zipped(tmp_path / "tree", tmp_path / "archive.zip")
    else:
        given = tmp_path / "given"
        given.mkdir()
        for folder in sorted((tmp_path / "tree").iterdir()):
            if folder.is_dir():
                zipped(folder, given / f"{folder.name}.zip")
            else:
                shutil.copy(folder, given)
    before = set(tmp_path.iterdir())
    prepare_public(name, tmp_path / "out", given, settings=AS_AUTHORS)
    dataset = Dataset.load(tmp_path / "out")
    splits = {item.name: item.split for item in dataset.items}
    if any(expected.splits.values()):
        assert splits == expected.splits
    assert set(splits) == set(expected.splits)
    assert set(tmp_path.iterdir()) == before | {tmp_path / "out"}, "nothing that was unpacked is left"


@pytest.mark.parametrize("name", TREES)
def test_another_tree_is_refused_with_what_is_expected_and_found(tmp_path: Path, name: str) -> None:
    other = tmp_path / "given"
    (other / "holiday").mkdir(parents=True)
    (other / "holiday" / "notes.doc").write_text("x")
    with pytest.raises(NusegError) as problem:
        prepare_public(name, tmp_path / "out", other)
    text = str(problem.value)
    assert "\n" not in text
    assert public_datasets[name].layout in text
    assert "found 1 file such as given/holiday/notes.doc" in text
    assert not (tmp_path / "out").exists()


def test_vague_regions_are_no_nuclei(tmp_path: Path) -> None:
    sizes = {"monusac": 64.0, "nucls": 100.0, "nuinsseg": 8.0 * 16}
    for name, size in sizes.items():
        shutil.rmtree(tmp_path / "given", ignore_errors=True)
        TREES[name](tmp_path / "given")
        content = public_datasets[name].read(read(tmp_path, name))
        last = sorted(content.items, key=lambda item: item.split == "test")[-1]
        annotation = content.format.load(last.annotation.path, last.name, None)
        assert [area.area for area in annotation.vague] == [size], name
        assert len(annotation.areas) == 3


def test_cpm15_has_two_resolutions_by_number_counted_from_0_or_1(tmp_path: Path) -> None:
    TREES["cpm15"](tmp_path / "given")
    prepare_public("cpm15", tmp_path / "out", tmp_path / "given", settings=AS_AUTHORS)
    found = {item.name: item.mpp for item in Dataset.load(tmp_path / "out").items}
    assert found == {"image01": 0.5, "image08": 0.25, "image09": 0.25}
    for old, new in (("01", "00"), ("08", "07")):
        for file in (tmp_path / "given").rglob(f"image{old}*"):
            file.rename(file.with_name(file.name.replace(f"image{old}", f"image{new}")))
    prepare_public("cpm15", tmp_path / "again", tmp_path / "given", settings=AS_AUTHORS)
    found = {item.name: item.mpp for item in Dataset.load(tmp_path / "again").items}
    assert found == {"image00": 0.5, "image07": 0.25, "image09": 0.25}


def test_monuseg_and_kumar_know_their_images_where_no_folder_tells_the_split(tmp_path: Path) -> None:
    TREES["monuseg"](tmp_path / "given")
    flat = tmp_path / "flat"
    flat.mkdir()
    for file in (tmp_path / "given").rglob("TCGA-*"):
        shutil.copy(file, flat)
    splits = {}
    for name in ("monuseg", "kumar"):
        prepare_public(name, tmp_path / name, flat, settings=AS_AUTHORS)
        splits[name] = {item.name[:12]: item.split for item in Dataset.load(tmp_path / name).items}
    assert splits["monuseg"]["TCGA-2Z-A9J9"] == "test"
    assert splits["monuseg"]["TCGA-B0-5710"] == "train"
    assert splits["kumar"]["TCGA-B0-5710"] == "test"
    assert splits["kumar"]["TCGA-A7-A13E"] == "train"


def test_the_lists_of_official_images_have_the_published_numbers(real_data: Path) -> None:
    from nuseg.datasets.public.sets.kumar import TRAIN
    from nuseg.datasets.public.sets.monuseg import TEST

    names = {path.stem for path in (real_data / "monuseg-train" / "images").iterdir()}
    assert len(names) == 30
    assert (len(TEST), len(TRAIN)) == (14, 16)
    assert names >= TRAIN
    assert not names & TEST


def test_stained_images_of_the_bowl_are_those_with_colour(real_data: Path) -> None:
    from nuseg.datasets.public.sets.dsb2018 import is_stained
    from nuseg.io.opening import read_image

    files = [
        file
        for folder in ("dsb2018-stained", "dsb2018-stage1test")
        for file in (real_data / folder / "images").iterdir()
    ]
    assert files
    assert all(is_stained(read_image(file).pixels) for file in files)


def test_puma_reads_the_real_files(real_data: Path) -> None:
    content = public_datasets["puma"].content
    files = sorted((real_data / "formats" / "qupath_geojson").glob("*_nuclei.geojson"))
    if not files:
        pytest.skip("no GeoJSON of PUMA in the real data")
    kind = content(Tree((), ())).format
    annotation = kind.load(files[0], files[0].stem, (1024, 1024))
    assert annotation.classes is not None
    assert set(annotation.classes) <= set(public_datasets["puma"].classes)


@pytest.mark.parametrize(
    ("runs", "says"),
    [("1 5 3", "leave the image"), ("0 4", "leave the image"), ("2688 2", "leave the image"), ("1 x", "whole number")],
)
def test_runs_that_are_wrong_are_named(tmp_path: Path, runs: str, says: str) -> None:
    TREES["dsb2018"](tmp_path / "given")
    table = tmp_path / "given" / "stage1_solution.csv"
    table.write_text(f"ImageId,EncodedPixels,Height,Width,Usage\nb1,{runs},48,56,Public\n")
    with pytest.raises(NusegError, match=says) as problem:
        prepare_public("dsb2018", tmp_path / "out", tmp_path / "given")
    assert str(table) in str(problem.value)


def test_text_labels_of_another_size_are_named(tmp_path: Path) -> None:
    TREES["cpm15"](tmp_path / "given")
    file = tmp_path / "given" / "training" / "image01_mask.txt"
    for text in ("56 48\n0\n1\n", "a b\n", "2 2\n0\n-1\n0\n0\n"):
        file.write_text(text)
        with pytest.raises(NusegError, match=re.escape(str(file))):
            prepare_public("cpm15", tmp_path / "out", tmp_path / "given")


def test_a_table_with_a_row_that_ends_early_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "folds.csv"
    table.write_text("number,slide_name\n0,A\n1\n")
    with pytest.raises(NusegError, match=r"folds\.csv: line 3: 1 value for 2 columns; download it again"):
        read_rows(table, ("slide_name",))
    table.write_text("number, slide_name\n0, A\n1,B\n")
    assert [row["slide_name"] for row in read_rows(table, ("slide_name",))] == ["A", "B"]
