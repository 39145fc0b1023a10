"""What of folders and files is shown, and what of it is of one image."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from skimage.measure import label

from nuseg.datasets.prepare import PrepareSettings, prepare
from nuseg.errors import NusegError
from nuseg.io.image import write_png
from nuseg.viewer.contents import MISSING, gather
from nuseg.viewer.items import Item
from shown import DISCS, MPP, SIZE, client_of, discs, save_results, save_shown, shelf_of

links = pytest.mark.skipif(os.name == "nt", reason="links need rights that users of Windows lack")


def layers(item: Item) -> list[tuple[str, str]]:
    return [(layer.id, layer.kind) for layer in item.layers]


def save_dataset(folder: Path, name: str = "a") -> Path:
    """A dataset of one image with its truth, of which a nucleus is missing."""
    images, labels = folder / "source" / "images", folder / "source" / "labels"
    write_png(images / f"{name}.png", discs())
    write_png(labels / f"{name}.png", label(discs(DISCS[:-1])[..., 0] < 128).astype(np.uint16))
    prepare(folder / "source", folder / "dataset", PrepareSettings(mpp=MPP, split=(0, 0, 1)))
    return folder / "dataset"


def test_results_come_with_their_image(tmp_path: Path) -> None:
    (item,) = gather([save_shown(tmp_path)]).items
    assert item.image == (tmp_path / "images" / "a.png").resolve()
    assert (item.name, item.width, item.height, item.mpp, item.warnings) == ("a", *SIZE, MPP, ())
    assert layers(item) == [("result", "result")]
    assert item.editable_layer() is item.layers[0]


def test_ids_tell_nothing_and_stay(tmp_path: Path) -> None:
    results = save_shown(tmp_path)
    first, second = (gather([results]).items[0].id for _ in range(2))
    assert first == second
    assert first.isalnum()


def test_images_results_and_truth_of_one_image_are_one_item(tmp_path: Path) -> None:
    results, dataset = save_shown(tmp_path), save_dataset(tmp_path)
    (item,) = gather([dataset, tmp_path / "images", results]).items
    assert layers(item) == [("result", "result"), ("truth", "truth")]
    assert item.home == results.resolve()
    assert item.image == (tmp_path / "images" / "a.png").resolve()


def test_truth_and_result_are_compared(tmp_path: Path) -> None:
    shelf = shelf_of(save_shown(tmp_path), save_dataset(tmp_path))
    told = client_of(shelf).get(f"/api/items/{shelf.items[0].id}/compare?a=truth&b=result").json()
    assert told["counts"] == {"matched": len(DISCS) - 1, "missed": 0, "false": 1, "split": 0, "merged": 0}


def test_a_dataset_alone_is_shown(tmp_path: Path) -> None:
    (item,) = gather([save_dataset(tmp_path)]).items
    assert (layers(item), item.mpp, item.editable_layer()) == ([("truth", "truth")], MPP, None)


def test_two_results_are_two_layers_and_the_first_is_corrected(tmp_path: Path) -> None:
    first = save_shown(tmp_path)
    save_results(tmp_path / "images" / "a.png", tmp_path / "other")
    (item,) = gather([first, tmp_path / "other"]).items
    assert layers(item) == [("result", "result"), ("result2", "result")]
    assert [layer.editable for layer in item.layers] == [True, False]
    assert item.home == first.resolve()


def test_images_of_one_name_in_two_folders_stay_two(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        write_png(tmp_path / folder / "a.png", discs())
    assert len(gather([tmp_path / "one", tmp_path / "two"]).items) == 2


def test_results_whose_image_moved_are_shown_without_and_find_it_when_it_is_named(tmp_path: Path) -> None:
    results = save_shown(tmp_path)
    (tmp_path / "images").rename(tmp_path / "moved")
    (item,) = gather([results]).items
    assert (item.image, item.warnings) == (None, (MISSING,))
    (item,) = gather([results, tmp_path / "moved"]).items
    assert (item.image, item.warnings) == ((tmp_path / "moved" / "a.png").resolve(), ())
    assert layers(item) == [("result", "result")]


def test_an_image_that_changed_is_opened_only_where_it_was_named(tmp_path: Path) -> None:
    results = save_shown(tmp_path)
    write_png(tmp_path / "images" / "a.png", discs(DISCS[:1]))
    (item,) = gather([results]).items
    assert (item.image, item.warnings) == (None, (MISSING,))
    (item,) = gather([results, tmp_path / "images"]).items
    assert item.image is not None
    assert "changed" in item.warnings[0]


def state(results: Path) -> tuple[Path, dict[str, dict[str, object]]]:
    (file,) = (results / ".nuseg" / "images").glob("*.json")
    return file, json.loads(file.read_text())


@pytest.mark.parametrize("place", ["/etc/passwd", "../secret.png", "", "\x00", "/" + "a" * 5000])
def test_results_of_a_stranger_open_no_other_file(tmp_path: Path, place: str) -> None:
    results = save_shown(tmp_path)
    write_png(tmp_path / "secret.png", discs())
    file, record = state(results)
    record["row"]["image"] = place
    file.write_text(json.dumps(record))
    assert [item.image for item in gather([results]).items] == [None]


def test_a_secret_of_another_content_is_not_opened(tmp_path: Path) -> None:
    results = save_shown(tmp_path)
    write_png(tmp_path / "secret.png", discs(DISCS[:2]))
    file, record = state(results)
    record["row"]["image"] = str(tmp_path / "secret.png")
    file.write_text(json.dumps(record))
    assert gather([results]).items[0].image is None


@pytest.mark.parametrize("name", ["../a", "x/../../a", "/etc/passwd", "a/b", ".hidden"])
def test_names_in_results_become_no_paths(tmp_path: Path, name: str) -> None:
    results = save_shown(tmp_path)
    file, record = state(results)
    record["row"]["name"] = name
    file.write_text(json.dumps(record))
    with pytest.raises(NusegError, match="no name of results"):
        gather([results])


@links
def test_links_out_of_results_are_left_out(tmp_path: Path) -> None:
    results = save_shown(tmp_path)
    parquet = results / "geoparquet" / "a.parquet"
    shutil.move(parquet, tmp_path / "elsewhere.parquet")
    parquet.symlink_to(tmp_path / "elsewhere.parquet")
    with pytest.raises(NusegError, match="a link out of the folder"):
        gather([results])


@links
def test_links_out_of_folders_of_images_are_left_out_but_may_be_named(tmp_path: Path) -> None:
    write_png(tmp_path / "secret.png", discs())
    write_png(tmp_path / "open" / "own.png", discs(DISCS[:1]))
    link = tmp_path / "open" / "link.png"
    link.symlink_to(tmp_path / "secret.png")
    found = gather([tmp_path / "open"])
    assert [item.name for item in found.items] == ["own"]
    assert any("a link out" in note for note in found.notes)
    assert [item.name for item in gather([link]).items] == ["link"]


@links
def test_links_out_of_a_dataset_are_refused(tmp_path: Path) -> None:
    dataset = save_dataset(tmp_path)
    image = dataset / "images" / "a.png"
    shutil.move(image, tmp_path / "elsewhere.png")
    image.symlink_to(tmp_path / "elsewhere.png")
    with pytest.raises(NusegError, match="a link out of the dataset"):
        gather([dataset])


def test_patterns_name_images(tmp_path: Path) -> None:
    for name in ("a1", "a2", "b1"):
        write_png(tmp_path / "deep" / f"{name}.png", discs())
    assert [item.name for item in gather([tmp_path / "*" / "a*.png"]).items] == ["a1", "a2"]


@pytest.mark.parametrize("mpp", [-1.0, 0.0, 1e-300, 1e300])
def test_a_resolution_that_cannot_be_is_none(tmp_path: Path, mpp: float) -> None:
    results = save_shown(tmp_path)
    file, record = state(results)
    record["row"]["mpp"] = mpp
    file.write_text(json.dumps(record))
    shelf = shelf_of(results)
    client, item = client_of(shelf), shelf.items[0]
    assert item.mpp is None
    body = {"polygon": [[0, 0], [300, 0], [300, 300]]}
    told = client.post(f"/api/items/{item.id}/layers/result/region", json=body).json()
    assert (told["area_um2"], told["density_per_mm2"]) == (None, None)
    assert client.get("/api/items").status_code == 200


@pytest.mark.parametrize("size", [10**9, 2**62])
def test_a_size_beyond_any_slide_is_noted(tmp_path: Path, size: int) -> None:
    """The page would have to make room for all of it."""
    results = save_shown(tmp_path)
    write_png(tmp_path / "other.png", discs())
    file, record = state(results)
    record["row"] |= {"width": 100, "height": size}
    file.write_text(json.dumps(record))
    found = gather([results, tmp_path / "other.png"])
    assert [item.name for item in found.items] == ["other"]
    assert any("a states a size beyond any slide" in note for note in found.notes)


@pytest.mark.parametrize("wrong", ['{"row": {"name": "b", "image": "b.png", "nuclei": -5}}', "[", ""])
def test_a_record_that_cannot_be_read_is_noted(tmp_path: Path, wrong: str) -> None:
    results = save_shown(tmp_path)
    (results / ".nuseg" / "images" / "b.json").write_text(wrong)
    found = gather([results])
    assert [item.name for item in found.items] == ["a"]
    assert found.notes == (f"{results}: the record of b is damaged: left out; segment it again",)


@pytest.mark.parametrize("size", [1, 10**6])
def test_a_size_that_lies_costs_nothing(tmp_path: Path, size: int) -> None:
    results = save_shown(tmp_path)
    file, record = state(results)
    record["row"] |= {"width": size, "height": size}
    file.write_text(json.dumps(record))
    shelf = shelf_of(results)
    client, item = client_of(shelf), shelf.items[0]
    for level in (0, 5, 10, 29, 62):
        answer = client.get(f"/api/items/{item.id}/tiles/{level}/0_0.jpg")
        assert answer.status_code in (400, 404)
    assert client.get(f"/api/items/{item.id}/thumbnail.jpg").status_code == 400
    assert client.get("/api/items").status_code == 200


def test_bad_images_are_noted_and_the_others_shown(tmp_path: Path) -> None:
    write_png(tmp_path / "good.png", discs())
    (tmp_path / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    found = gather([tmp_path])
    assert [item.name for item in found.items] == ["good"]
    assert any("bad.png" in note for note in found.notes)


def test_nothing_to_look_at_is_said(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("no image")
    for given in (tmp_path, tmp_path / "none", tmp_path / "text.txt"):
        with pytest.raises(NusegError, match=str(given.name)):
            gather([given])


def test_the_resolution_of_images_can_be_given(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", discs())
    assert gather([tmp_path]).items[0].mpp is None
    assert "no resolution" in gather([tmp_path]).items[0].warnings[0]
    assert gather([tmp_path], 0.5).items[0].mpp == 0.5
