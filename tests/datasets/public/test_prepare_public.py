"""What `prepare_public` decides beside reading: validation, warnings, names, settings that do not apply."""

import zipfile
from contextlib import ExitStack
from pathlib import Path

import pytest

from nuseg import NusegError, PrepareSettings, prepare_public, public_datasets
from nuseg.datasets.dataset import Dataset
from nuseg.datasets.findings import gather
from nuseg.datasets.public import tree as trees
from nuseg.datasets.public.tree import read_tree
from public_trees import SQUARES, TREES, aperio, image, zipped

NAMES = [f"TCGA-A{number}-000{number}-01Z-00-DX{slide}" for number in range(5) for slide in (1, 2)]


@pytest.fixture
def monuseg(tmp_path: Path) -> Path:
    """Five patients of two images each to train on, and the test part of the usual tree."""
    TREES["monuseg"](tmp_path / "given")
    training = tmp_path / "given" / "MoNuSeg 2018 Training Data"
    for seed, name in enumerate(NAMES, 20):
        image(training / "Tissue Images" / f"{name}.tif", seed)
        aperio(training / "Annotations" / f"{name}.xml", {"": list(SQUARES)})
    return tmp_path / "given"


def test_whole_patients_of_the_training_part_are_held_out_for_validation(monuseg: Path, tmp_path: Path) -> None:
    prepared = prepare_public("monuseg", tmp_path / "out", monuseg)
    items = prepared.dataset.items
    assert {item.name for item in items if item.split == "test"} == {
        "TCGA-2Z-A9J9-01A-01-TS1",
        "TCGA-ZZ-0001-01Z-00-DX1",
    }
    parts = {split: {item.group for item in items if item.split == split} for split in ("train", "validation", "test")}
    assert all(parts.values())
    assert not parts["train"] & parts["validation"]
    rule = next(decision for decision in prepared.decisions if decision.startswith("split:"))
    held_out = len(prepared.dataset.split("validation"))
    assert "(13 train, 2 test)" in rule
    assert f"{held_out} are held out" in rule


def test_shares_say_how_many_are_held_out(monuseg: Path, tmp_path: Path) -> None:
    counts = []
    for place, shares in enumerate([(1.0, 0.0, 0.0), (0.8, 0.2, 0.0), (0.4, 0.4, 0.2)]):
        prepared = prepare_public("monuseg", tmp_path / f"o{place}", monuseg, settings=PrepareSettings(split=shares))
        counts.append(len(prepared.dataset.split("validation")))
        assert len(prepared.dataset.split("test")) == 2
    assert counts[0] == 0 < counts[1] < counts[2]


def test_an_official_validation_part_is_kept(tmp_path: Path) -> None:
    expected = TREES["lizard"](tmp_path / "given")
    prepared = prepare_public("lizard", tmp_path / "out", tmp_path / "given")
    assert {item.name: item.split for item in prepared.dataset.items} == expected.splits


def test_without_the_table_of_folds_shares_decide_and_that_is_said(tmp_path: Path) -> None:
    for name, table in (("lizard", "info.csv"), ("nucls", "fold_1_*.csv")):
        TREES[name](tmp_path / name)
        for file in list((tmp_path / name).rglob(table)):
            file.unlink()
        prepared = prepare_public(name, tmp_path / f"{name}-out", tmp_path / name)
        assert any("split by shares instead" in line for _, line in gather(prepared.findings))
        assert {item.split for item in prepared.dataset.items} == {"train", "validation", "test"}


def test_a_patient_in_both_official_parts_is_warned_of_and_never_held_out(monuseg: Path, tmp_path: Path) -> None:
    both = "TCGA-A0-0000-01Z-00-DX9"
    image(monuseg / "MoNuSegTestData" / f"{both}.tif", 50)
    aperio(monuseg / "MoNuSegTestData" / f"{both}.xml", {"": list(SQUARES)})
    prepared = prepare_public("monuseg", tmp_path / "out", monuseg)
    assert ("warning", "the authors' split has images of one patient in several parts: TCGA-A0-0000") in gather(
        prepared.findings
    )
    splits = {item.name: item.split for item in prepared.dataset.items}
    assert splits[both] == "test"
    assert splits[NAMES[0]] == splits[NAMES[1]] == "train"


def test_the_resolution_can_be_given(tmp_path: Path) -> None:
    TREES["puma"](tmp_path / "given")
    settings = PrepareSettings(mpp=0.226, name="mine")
    dataset = prepare_public("puma", tmp_path / "out", tmp_path / "given", settings=settings).dataset
    assert {item.mpp for item in dataset.items} == {0.226}
    assert dataset.name == "mine"


@pytest.mark.parametrize(
    ("setting", "value"), [("licence", "CC0"), ("group", "^(.)"), ("format", "labels"), ("images", "x")]
)
def test_what_is_known_cannot_be_given(tmp_path: Path, setting: str, value: str) -> None:
    with pytest.raises(NusegError, match=f"^{setting}=: is known of the public dataset tnbc"):
        prepare_public("tnbc", tmp_path / "out", tmp_path, settings=PrepareSettings(**{setting: value}))


def test_files_without_partner_are_named_or_left_out(monuseg: Path, tmp_path: Path) -> None:
    alone = monuseg / "MoNuSegTestData" / "TCGA-2Z-A9J9-01A-01-TS1.xml"
    alone.unlink()
    with pytest.raises(NusegError, match=r"TCGA-2Z-A9J9-01A-01-TS1.tif: image without annotation"):
        prepare_public("monuseg", tmp_path / "out", monuseg)
    settings = PrepareSettings(skip_unpaired=True)
    prepared = prepare_public("monuseg", tmp_path / "out", monuseg, settings=settings)
    assert len(prepared.dataset.items) == 14


def test_two_copies_are_refused(monuseg: Path, tmp_path: Path) -> None:
    with pytest.raises(NusegError, match=r"is there twice, also as .*; name the folder of one copy"):
        prepare_public("monuseg", tmp_path / "out", [monuseg, monuseg])


def test_other_things_in_the_folder_do_not_matter(monuseg: Path) -> None:
    for number in (1, 2):
        image(monuseg / f"holiday{number}" / "beach.png", number)
    (monuseg / "settings.xml").write_text("<settings/>")
    prepare_public("monuseg", monuseg / "made", monuseg)
    settings = PrepareSettings(overwrite=True)
    prepared = prepare_public("monuseg", monuseg / "made", monuseg, settings=settings)
    assert len(prepared.dataset.items) == 15
    warned = [line for level, line in gather(prepared.findings) if level == "warning" and "left out" in line]
    beach = monuseg / "holiday1" / "beach.png"
    assert warned == [f"2 images in folders without any annotation of the dataset, such as {beach}: left out: monuseg"]


def test_links_to_folders_are_followed_once(monuseg: Path, tmp_path: Path) -> None:
    given = tmp_path / "links"
    given.mkdir()
    for folder in monuseg.iterdir():
        (given / folder.name).symlink_to(folder)
    (given / "again").symlink_to(given)
    assert len(prepare_public("monuseg", tmp_path / "out", given).dataset.items) == 15


def test_an_archive_beside_its_unpacked_folder_is_not_read_again(monuseg: Path, tmp_path: Path) -> None:
    for folder in list(monuseg.iterdir()):
        zipped(folder, monuseg / f"{folder.name}.zip")
    assert len(prepare_public("monuseg", tmp_path / "out", monuseg).dataset.items) == 15


def test_archives_of_the_parts_can_be_given_one_by_one_or_as_one(monuseg: Path, tmp_path: Path) -> None:
    parts = [zipped(folder, tmp_path / f"{folder.name}.zip") for folder in sorted(monuseg.iterdir())]
    one_by_one = prepare_public("monuseg", tmp_path / "a", parts).dataset
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for part in parts:
            archive.write(part, part.name)
    as_one = prepare_public("monuseg", tmp_path / "b", tmp_path / "all.zip").dataset
    assert one_by_one.fingerprint == as_one.fingerprint
    assert len(as_one.split("test")) == 2


def test_problems_name_the_archive_and_not_where_it_was_unpacked(monuseg: Path, tmp_path: Path) -> None:
    bad = monuseg / "MoNuSegTestData" / "TCGA-2Z-A9J9-01A-01-TS1.xml"
    bad.write_text("<Annotations")
    archive = zipped(monuseg, tmp_path / "a.zip")
    with pytest.raises(NusegError) as problem:
        prepare_public("monuseg", tmp_path / "out", archive)
    assert str(problem.value).startswith(f"{archive}/MoNuSegTestData/{bad.name}")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "given"]


def test_names_that_leave_the_archive_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("../../TCGA-A0.xml", "x")
    with pytest.raises(NusegError, match="lies outside of the archive"):
        prepare_public("monuseg", tmp_path / "out", tmp_path / "a.zip")


def test_archives_too_large_together_or_too_deep_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = tmp_path / "given"
    given.mkdir()
    for name in "ab":
        with zipfile.ZipFile(given / f"{name}.zip", "w") as archive:
            archive.writestr("x.png", b"0" * 600)
    monkeypatch.setattr(trees, "MOST_UNPACKED", 1000)
    with ExitStack() as stack, pytest.raises(NusegError, match=r"b\.zip: more than"):
        read_tree([given], stack, tmp_path)
    monkeypatch.undo()
    inner = given / "a.zip"
    for level in range(3):
        outer = tmp_path / f"{level}.zip"
        with zipfile.ZipFile(outer, "w") as archive:
            archive.write(inner, f"in{level}.zip")
        inner = outer
    with ExitStack() as stack, pytest.raises(NusegError, match="archives within archives"):
        read_tree([inner], stack, tmp_path)


@pytest.mark.parametrize("given", ["missing", "notes.txt"])
def test_what_is_neither_folder_nor_archive_is_refused(tmp_path: Path, given: str) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(NusegError, match="expected a folder or a zip archive"):
        prepare_public("tnbc", tmp_path / "out", tmp_path / given)


def test_the_output_is_checked_first_and_may_be_replaced(tmp_path: Path) -> None:
    TREES["tnbc"](tmp_path / "given")
    prepare_public("tnbc", tmp_path / "out", tmp_path / "given")
    with pytest.raises(NusegError, match="give overwrite= to replace it"):
        prepare_public("tnbc", tmp_path / "out", tmp_path / "given")
    prepare_public("tnbc", tmp_path / "out", tmp_path / "given", settings=PrepareSettings(overwrite=True))
    with pytest.raises(NusegError, match="holds the source"):
        prepare_public("tnbc", tmp_path, tmp_path / "given")
    assert Dataset.load(tmp_path / "out").annotation == "instance"


def test_every_dataset_says_what_it_must() -> None:
    for dataset in public_datasets.values():
        for fact in (
            "title",
            "organs",
            "magnification",
            "licence",
            "citation",
            "address",
            "split",
            "layout",
            "by_hand",
        ):
            assert getattr(dataset, fact).strip(), (dataset.name, fact)
        assert "doi:" in dataset.citation
        assert "NC" not in dataset.licence or dataset.commercial == "forbidden"
        assert dataset.images > 0
        assert dataset.mpp is None or 0.1 < dataset.mpp < 1
        assert not dataset.by_hand.endswith(".")
        for download in dataset.downloads:
            assert download.url.startswith("https://")
            assert download.sha256 is None or len(download.sha256) == 64
