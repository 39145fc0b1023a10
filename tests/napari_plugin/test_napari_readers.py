"""What napari opens through nuseg, as layer data: no napari is needed."""

from pathlib import Path

import numpy as np
import pytest

import nuseg
from annotated import field, write_source
from dark_model import save_dark_model
from nuseg.datasets.dataset import Dataset, load_item
from nuseg.datasets.prepare import PrepareSettings, prepare
from nuseg.errors import NusegError
from nuseg.io.image import write_png

dask = pytest.importorskip("dask.array", reason="needs nuseg[napari]")
from nuseg.napari_plugin import readers, stacks  # noqa: E402
from nuseg.napari_plugin.layers import LayerData  # noqa: E402
from nuseg.napari_plugin.readers import folder_reader, outline_reader, slide_reader  # noqa: E402
from nuseg.napari_plugin.sample import sample_field  # noqa: E402
from slide_files import save_pyramid, scene  # noqa: E402
from slide_results import MPP, as_batch, as_result, image_info, label_field  # noqa: E402

UM = ("um", "um")


def opened(reader: object, path: Path) -> list[LayerData]:
    """Open a path as napari does."""
    read = reader(str(path))  # type: ignore[operator]
    assert read is not None
    return read(str(path))


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of two images of two sizes, beside them."""
    place = tmp_path_factory.mktemp("results")
    for seed, (height, width) in enumerate([(48, 56), (60, 50)]):
        write_png(place / "images" / f"{seed}.png", field(seed, height, width)[0])
    model = save_dark_model(place / "model")
    outputs = ["geojson", "geojson-gz", "geoparquet", "labels"]
    nuseg.segment_folder(place / "images", place / "out", outputs, mpp=0.5, model=model.path, device="cpu", threads=1)
    return place


def found(place: Path, number: int) -> np.ndarray:
    """The label image of a result, from its outlines."""
    pixels = nuseg.read_image(place / "images" / f"{number}.png").pixels
    return nuseg.segment(pixels, 0.5, place / "model", device="cpu", threads=1).labels


def test_a_slide_is_a_pyramid_in_um(tmp_path: Path) -> None:
    pixels = scene(2200, 300)
    save_pyramid(tmp_path / "a.svs", pixels, (1, 2), 0.5, compression=None)
    ((levels, properties, kind),) = opened(slide_reader, tmp_path / "a.svs")
    assert kind == "image"
    assert properties["multiscale"]
    assert properties["rgb"]
    assert (properties["scale"], properties["units"]) == (pytest.approx((0.5, 0.5)), UM)
    assert [level.shape for level in levels[:2]] == [(2200, 300, 3), (1100, 150, 3)]
    assert np.array_equal(levels[0][2000:2100, 10:90].compute(), pixels[2000:2100, 10:90])
    assert properties["metadata"]["nuseg"]["path"] == str(tmp_path / "a.svs")


@pytest.mark.parametrize("place", ["geojson/0.geojson", "geojson/0.geojson.gz", "geoparquet/0.parquet"])
def test_outlines_of_results_are_labels_in_um(results: Path, place: str) -> None:
    ((labels, properties, kind),) = opened(outline_reader, results / "out" / place)
    assert (kind, properties["name"]) == ("labels", "0")
    assert (properties["scale"], properties["units"]) == ((0.5, 0.5), UM)
    assert np.array_equal(np.pad(labels, [(0, 48 - labels.shape[0]), (0, 56 - labels.shape[1])]), found(results, 0))


def test_outlines_of_others_are_in_px(results: Path, tmp_path: Path) -> None:
    (tmp_path / "x.geojson").write_text((results / "out" / "geojson" / "0.geojson").read_text())
    ((_, properties, _),) = opened(outline_reader, tmp_path / "x.geojson")
    assert properties["scale"] == (1, 1)
    assert "units" not in properties


def test_outlines_that_are_too_far_away_are_refused(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "LARGEST", 100)
    with pytest.raises(NusegError, match=r"0\.geojson: its outlines lie over .* too many to draw .* output zarr"):
        opened(outline_reader, results / "out" / "geojson" / "0.geojson")


def test_a_label_pyramid(tmp_path: Path) -> None:
    pytest.importorskip("zarr", reason="needs nuseg[zarr]")
    labels = label_field(1100, 80)
    path = as_result([as_batch(labels)], image_info(1100, 80)).save(tmp_path, ["zarr"])["zarr"]
    ((levels, properties, kind),) = opened(folder_reader, path)
    assert (kind, properties["name"], properties["scale"]) == ("labels", "case 1", (MPP, MPP))
    assert np.array_equal(levels[0].compute(), labels)
    assert np.array_equal(levels[1].compute(), labels[::2, ::2])


def test_results_of_several_images_are_a_stack(results: Path) -> None:
    (pixels, about, image), (labels, properties, kind) = opened(folder_reader, results / "out")
    assert (image, kind) == ("image", "labels")
    assert pixels.shape == (2, 60, 56, 3)
    assert labels.shape == (2, 60, 56)
    assert properties["scale"] == (1.0, 0.5, 0.5)
    assert about["metadata"]["nuseg"]["images"] == ["0", "1"]
    for number, (height, width) in enumerate([(48, 56), (60, 50)]):
        shown = pixels[number].compute()
        assert np.array_equal(shown[:height, :width], field(number, height, width)[0])
        assert (shown[height:] == 255).all()
        assert (shown[:, width:] == 255).all()
        drawn = labels[number].compute()
        assert np.array_equal(drawn[:height, :width] > 0, found(results, number) > 0)
        assert not drawn[height:].any()


def test_results_of_one_image_can_be_edited_and_of_none_are_refused(results: Path, tmp_path: Path) -> None:
    model = results / "model"
    nuseg.segment_folder(results / "images" / "0.png", tmp_path / "one", ["labels"], mpp=0.5, model=model, device="cpu")
    (pixels, about, _), (labels, _, _) = opened(folder_reader, tmp_path / "one")
    assert about["scale"] == (0.5, 0.5)
    assert np.array_equal(pixels, field(0)[0])
    assert isinstance(labels, np.ndarray)
    assert np.array_equal(labels > 0, found(results, 0) > 0)
    nuseg.segment_folder(results / "images" / "0.png", tmp_path / "none", ["csv"], mpp=0.5, model=model, device="cpu")
    with pytest.raises(NusegError, match="expected results with outlines or labels, found none"):
        opened(folder_reader, tmp_path / "none")


def test_large_results_make_no_stack(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stacks, "MIN_SLIDE_PIXELS", 48 * 56)
    with pytest.raises(NusegError, match="2 images, and 1 has 50 x 60 px, too many for a stack"):
        opened(folder_reader, results / "out")


def test_a_dataset(tmp_path: Path) -> None:
    write_source(tmp_path / "source", ["a", "b", "c"])
    prepare(tmp_path / "source", tmp_path / "data", PrepareSettings(mpp=0.25))
    (pixels, _, _), (labels, properties, _) = opened(folder_reader, tmp_path / "data")
    assert properties["scale"] == (1.0, 0.25, 0.25)
    for number, item in enumerate(Dataset.load(tmp_path / "data").items):
        expected = load_item(item)
        assert np.array_equal(pixels[number].compute(), expected[0])
        assert np.array_equal(labels[number].compute(), expected[1])


def test_points_lie_on_the_pixels_that_hold_them(tmp_path: Path) -> None:
    write_png(tmp_path / "source" / "images" / "a.png", field(0)[0])
    (tmp_path / "source" / "points").mkdir()
    (tmp_path / "source" / "points" / "a.csv").write_text("x,y\n9.5,8.5\n34.5,24.5\n")
    prepare(tmp_path / "source", tmp_path / "data", PrepareSettings(mpp=0.25, labels="points", split=(0, 0, 1)))
    (_, _, _), (points, properties, kind) = opened(folder_reader, tmp_path / "data")
    assert kind == "points"
    assert points.tolist() == [[0, 8, 9], [0, 24, 34]]
    assert properties["scale"] == (1.0, 0.25, 0.25)


def test_other_folders_and_lists_are_not_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "napari_reader", lambda path: None)
    assert folder_reader(str(tmp_path)) is None
    for reader in (folder_reader, outline_reader, slide_reader):
        assert reader(["a.svs", "b.svs"]) is None


def test_the_sample_is_a_field_with_its_nuclei() -> None:
    (pixels, about, _), (labels, properties, _) = sample_field()
    assert pixels.shape == (*labels.shape, 3)
    assert about["scale"] == properties["scale"] == (0.25, 0.25)
    dark = pixels[labels > 0].mean(), pixels[labels == 0].mean()
    assert labels.max() > 100
    assert dark[0] < dark[1]
