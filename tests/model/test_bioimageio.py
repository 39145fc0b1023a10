"""Packages for bioimage.io, read and run by bioimageio.core, and by nuseg as a model."""

import zipfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

import nuseg
from class_model import CLASSES, save_class_model
from dark_model import dark_network, save_dark_model
from nuseg.errors import NusegError
from nuseg.measure.classes import MAP
from nuseg.model import bioimageio
from nuseg.model.bioimageio import example_side, export_bioimageio, halo, smallest_side
from nuseg.model.store import Model, load_model

EXAMPLE = np.full((280, 260, 3), 240, np.uint8)
EXAMPLE[85:115, 88:120] = (90, 60, 130)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A model with a margin that is no multiple of its stride, and a name and licence that the zoo does not know."""
    saved = save_dark_model(tmp_path_factory.mktemp("model"))
    named = {"name": "dark: kidney/2", "licence": "for us alone", "margin": 5, "stride": 4}
    return replace(saved, config=saved.config.model_copy(update=named))


@pytest.fixture(scope="module")
def package(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("bioimageio.core", reason="needs nuseg[bioimageio]")
    path = tmp_path_factory.mktemp("package") / "dark.zip"
    export_bioimageio(model, path, EXAMPLE, ["A. Author"])
    return path


def test_bioimageio_runs_it_on_other_images(package: Path) -> None:
    from bioimageio.core import load_model as load
    from bioimageio.core import predict

    described = load(package)
    pixels = np.random.default_rng(0).integers(0, 256, (1, 28, 32, 3), np.uint8)
    maps = predict(model=described, inputs={"image": pixels}).members["maps"]
    assert maps.dims == ("batch", "channel", "y", "x")
    assert np.array_equal(maps.data.data, dark_network(pixels))


def test_what_the_description_says(package: Path) -> None:
    with zipfile.ZipFile(package) as archive:
        described = yaml.safe_load(archive.read("bioimageio.yaml"))
        assert set(archive.namelist()) == {
            "bioimageio.yaml", "README.md", "cover.png", "sample.png", "model.json", "model.onnx", "test_image.npy",
            "test_maps.npy",
        }  # fmt: skip
        card = archive.read("README.md").decode()
    assert described["name"] == "nuseg dark- kidney-2"
    assert described["authors"] == [{"name": "A. Author"}]
    assert "license" not in described
    assert "for us alone" in card
    assert "## Validation" in card
    (image,), (maps,) = described["inputs"], described["outputs"]
    assert [axis.get("size") for axis in image["axes"]] == [None, *[{"min": 20, "step": 4}] * 2, None]
    assert [axis.get("halo") for axis in maps["axes"]] == [None, None, 8, 8]
    assert {axis["scale"] for axis in image["axes"] if axis["type"] == "space"} == {0.25}
    assert described["config"]["nuseg"]["thresholds"]["mask"] == 0.5


def test_unpacked_it_is_a_model_of_nuseg(package: Path, model: Model, tmp_path: Path) -> None:
    with zipfile.ZipFile(package) as archive:
        archive.extractall(tmp_path)
    unpacked = load_model(tmp_path)
    assert unpacked.config.thresholds == model.config.thresholds
    found = nuseg.segment(EXAMPLE, 0.25, tmp_path, threads=1, device="cpu")
    assert np.array_equal(found.labels > 0, EXAMPLE.mean(axis=2) < 128)


def test_a_model_with_classes_names_their_maps(tmp_path: Path) -> None:
    pytest.importorskip("bioimageio.core", reason="needs nuseg[bioimageio]")
    export_bioimageio(save_class_model(tmp_path / "model"), tmp_path / "package", EXAMPLE)
    described = yaml.safe_load((tmp_path / "package" / "bioimageio.yaml").read_text())
    names = next(axis["channel_names"] for axis in described["outputs"][0]["axes"] if axis["type"] == "channel")
    assert names == ["mask", "distance", *(MAP + name for name in CLASSES)]
    assert np.load(tmp_path / "package" / "test_maps.npy").shape[1] == len(names)
    assert "the largest is its class" in (tmp_path / "package" / "README.md").read_text()
    assert load_model(tmp_path / "package").config.classes == CLASSES


def test_the_cover_shows_the_image_and_its_mask(package: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(package) as archive:
        cover = cv2.imdecode(np.frombuffer(archive.read("cover.png"), np.uint8), cv2.IMREAD_COLOR)
    assert cover.shape[1] == 2 * cover.shape[0]
    green = (cover == (0, 255, 0)).all(axis=2)
    half = cover.shape[1] // 2
    assert not green[:, :half].any()
    assert green[:, half:].any()


@pytest.mark.parametrize(("margin", "stride"), [(0, 1), (0, 16), (288, 16), (93, 16), (5, 4)])
def test_windows_of_the_stated_sizes_begin_at_strides_and_keep_the_margin(
    model: Model, margin: int, stride: int
) -> None:
    config = model.config.model_copy(update={"margin": margin, "stride": stride})
    assert halo(config) >= max(1, margin)
    assert halo(config) % stride == 0
    assert smallest_side(config) - 2 * halo(config) == stride
    side = example_side(config)
    assert side >= max(256, smallest_side(config))
    assert (side - smallest_side(config)) % stride == 0
    assert side < max(256, smallest_side(config)) + stride


def test_a_small_example_is_refused(model: Model, tmp_path: Path) -> None:
    pytest.importorskip("bioimageio.core", reason="needs nuseg[bioimageio]")
    with pytest.raises(
        NusegError, match=r"^example=: expected at least 256 px a side for this model, found 260 x 255 px$"
    ):
        export_bioimageio(model, tmp_path / "a.zip", EXAMPLE[:255])
    assert list(tmp_path.iterdir()) == []


def test_a_fault_that_bioimageio_finds_leaves_nothing(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("bioimageio.core", reason="needs nuseg[bioimageio]")
    wrong = lambda graph, pixels: np.full((2, *pixels.shape[:2]), 0.5, np.float32)  # noqa: E731
    monkeypatch.setattr(bioimageio, "run_graph", wrong)
    for name in ("a.zip", "a"):
        with pytest.raises(
            NusegError, match=rf"{name}: expected a package that bioimageio\.core accepts, found .*maps"
        ):
            export_bioimageio(model, tmp_path / name, EXAMPLE)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_is_named(model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(bioimageio, "import_module", missing)
    with pytest.raises(NusegError, match=r"needs bioimageio\.core: pip install 'nuseg\[bioimageio\]'$"):
        export_bioimageio(model, tmp_path / "a.zip", EXAMPLE)
