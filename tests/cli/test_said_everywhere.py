"""What contradicts, and what was asked for, is said by every output of `nuseg segment`, of images and slides alike."""

import hashlib
import json
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from command_line import run_cli

from dark_model import save_dark_model
from nuseg.measure.counts import CountError
from nuseg.model.store import save_config
from slide_files import save_pyramid

OUTPUTS = "csv,geojson,parquet,geoparquet,summary,anndata"
REGION = {"type": "Polygon", "coordinates": [[[0, 0], [200, 0], [200, 150], [0, 150], [0, 0]]]}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that says how far its counts are off."""
    made = save_dark_model(tmp_path_factory.mktemp("model"))
    error = CountError(images=9, bias=0, mean_absolute=0.1, low=0.5, high=2)
    return save_config(made.config.model_copy(update={"count_error": error}), made.path).path


@pytest.fixture(params=["image", "slide"])
def scan(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A file that states 0.5 um/px, with two nuclei in pale tissue."""
    pixels = np.full((300, 310, 3), (226, 170, 205), np.uint8)
    pixels[100:110, 50:60] = pixels[200:210, 250:260] = 0
    return save_pyramid(tmp_path / "a.tif", pixels, (1, 2) if request.param == "slide" else (1,), mpp=0.5,
                        compression=None)  # fmt: skip


def test_a_contradicting_resolution(scan: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = scan, "-o", out, "--model", model, "--output", OUTPUTS, "--no-tissue"
    result = run_cli("segment", *words, "--mpp", 0.25)
    assert result.code == 0, result.err
    assert result.err.count("warning: ") == 1
    assert "the file states 0.5 um/px (" in result.err
    assert "but --mpp says 0.25" in result.err
    assert "areas 0.25 times those by the file" in result.err
    said = "areas 0.25 times those by the file"
    (row,) = pd.read_csv(out / "summary.csv").to_dict("records")
    assert said in row["warning"]
    assert (row["mpp"], row["mpp_given"], row["mpp_stated"]) == (0.25, 0.25, 0.5)
    assert (row["nuclei"], row["nuclei_low"], row["nuclei_high"]) == (2, 1, 4)
    summary = json.loads((out / "summary" / "a.json").read_text())
    assert said in summary["notes"][0]
    assert said in json.loads((out / "geojson" / "a.geojson").read_text())["nuseg"]["notes"][0]
    for output in ("parquet", "geoparquet"):
        metadata = pq.read_schema(out / output / "a.parquet").metadata
        assert said in json.loads(metadata[b"notes"])[0]
        assert (float(metadata[b"mpp"]), metadata[b"model"]) == (0.25, b"dark")
    about = anndata.read_h5ad(out / "anndata" / "a.h5ad").uns["nuseg"]
    assert said in about["notes"]
    assert about["mpp"] == 0.25
    assert about["settings"]["tile"] == 2048
    assert about["settings"]["thresholds"]["mask"] == 0.5
    assert "the file states 0.5 um/px" in run_cli("info", scan, "--mpp", 0.25, "--model", model).out.replace("\n", "")
    near = run_cli("segment", *words, "--mpp", 0.52, "--overwrite")
    assert (near.code, near.err) == (0, "")


def test_what_was_asked_for(scan: Path, model: Path, tmp_path: Path) -> None:
    out, region = tmp_path / "out", tmp_path / "roi.geojson"
    region.write_text(json.dumps(REGION))
    words = scan, "-o", out, "--model", model, "--output", "csv,summary"
    result = run_cli("segment", *words, "--region", region, "--tissue", "--tile", 512, "--quality", "best")
    assert result.code == 0, result.err
    (row,) = pd.read_csv(out / "summary.csv").to_dict("records")
    settings = json.loads((out / "summary" / "a.json").read_text())["settings"]
    for record in (row, settings):
        assert record["region"] == "roi.geojson"
        assert record["region_sha256"] == hashlib.sha256(region.read_bytes()).hexdigest()
        assert (record["tissue_only"], record["tile"], record["quality"], record["views"]) == (True, 512, "best", 8)
        assert record["device"] == "cpu"
        assert len(record["model_fingerprint"]) == 16
    assert "mask 0.5" in row["thresholds"]
    assert "min_area_um2 1" in row["thresholds"]
    assert settings["thresholds"]["min_area_um2"] == 1
    assert settings["tissue"] is True
    assert (settings["mpp"], settings["mpp_stated"]) == (None, 0.5)
    assert run_cli("segment", *words, "--region", "0,0,100,120", "--overwrite").code == 0
    (plain,) = pd.read_csv(out / "summary.csv").to_dict("records")
    assert (plain["region"], plain["tissue_only"], plain["views"], plain["tile"]) == ("0,0,100,120", False, 1, 2048)
    assert plain["settings"] != row["settings"]
    assert plain["model_fingerprint"] != row["model_fingerprint"], "eight views are another model"
    assert plain["nuclei"] == 1


def test_each_kind_of_warning_is_printed_once(model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    pixels = np.full((40, 50, 3), 255, np.uint8)
    for name in ("a", "b"):
        save_pyramid(folder / f"{name}.tif", pixels, (1,), mpp=0.5, compression=None)
        save_pyramid(folder / f"{name}-slide.tif", pixels, (1, 2), mpp=0.4, compression=None)
        save_pyramid(folder / f"{name}-none.tif", pixels, (1,), mpp=None, compression=None)
    result = run_cli("segment", folder, "-o", tmp_path / "out", "--model", model, "--output", "csv")
    assert result.err.count("warning: ") == 1
    assert "2 images with a warning like the one above" in result.out
    result = run_cli("segment", folder, "-o", tmp_path / "out", "--model", model, "--output", "csv", "--mpp", 0.25)
    assert result.err.count("warning: ") == 1
    assert "4 images with a warning like the one above" in result.out


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_a_device_that_is_not_there_is_one_plain_line(
    scan: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str
) -> None:
    words = "segment", scan, "-o", tmp_path / "out", "--model", model, "--device", device
    monkeypatch.setattr("nuseg.engines.backends.pytorch.is_there", lambda _device: False)
    result = run_cli(*words)
    assert result.code == 1
    found = "no such device on this machine; use --device cpu"
    assert result.err == f"error: --device {device}: PyTorch finds {found}\n"
    monkeypatch.setitem(__import__("sys").modules, "nuseg.model.export", None)  # as where PyTorch is not installed
    result = run_cli(*words)
    assert result.code == 1
    assert result.err == f"error: --device {device} needs PyTorch: pip install 'nuseg[train]', or use --device cpu\n"
    assert not (tmp_path / "out").exists()
