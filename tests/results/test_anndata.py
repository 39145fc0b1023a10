"""The `.h5ad` file, read back by the anndata package."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nuseg.errors import NusegError
from nuseg.measure.nuclei import COLUMNS
from nuseg.results.formats import anndata
from nuseg.results.segmentation import Segmentation
from slide_results import as_batch, as_result, cut, image_info, label_field

pytest.importorskip("h5py", reason="needs nuseg[anndata]")
reader = pytest.importorskip("anndata", reason="needs nuseg[anndata]")

BATCH = as_batch(label_field(100, 150))
INFO = image_info(100, 150)
RESULT = as_result(list(cut(BATCH, 7))[:2], INFO)


def write(path: Path, result: Segmentation) -> None:
    with anndata.OUTPUT.open(path, result) as add:
        for batch in result.batches():
            add(batch)


def test_anndata_reads_it(tmp_path: Path) -> None:
    write(tmp_path / "n.h5ad", RESULT)
    read = reader.read_h5ad(tmp_path / "n.h5ad")
    assert read.shape == (len(BATCH), len(anndata.VARIABLES))
    assert list(read.var_names) == anndata.VARIABLES
    assert list(read.obs_names) == [str(number) for number in BATCH.table["id"]]
    assert np.allclose(read.X, BATCH.table[anndata.VARIABLES], rtol=1e-6)
    assert np.array_equal(read.obsm["spatial"], BATCH.table[["x_px", "y_px"]])
    assert np.array_equal(read.obsm["spatial_um"], BATCH.table[["x_um", "y_um"]])
    about = read.uns["nuseg"]
    assert {key: about[key] for key in ("source", "mpp", "model", "fingerprint")} == {
        "source": "case 1.png",
        "mpp": 0.5,
        "model": "m",
        "fingerprint": "abc",
    }
    assert about["version_numpy"] == np.__version__
    assert read.var["meaning"]["area_um2"] == "area (um2)"


def test_every_measure_is_a_variable_and_every_place_a_coordinate() -> None:
    places = {name for columns in anndata.PLACES.values() for name in columns}
    assert set(anndata.VARIABLES) == set(COLUMNS) - places - {"id", "area_px"}


def test_object_in_memory_is_the_file(tmp_path: Path) -> None:
    write(tmp_path / "n.h5ad", RESULT)
    read, made = reader.read_h5ad(tmp_path / "n.h5ad"), RESULT.to_anndata()
    assert isinstance(made, reader.AnnData)
    assert np.array_equal(read.X, made.X)
    assert list(read.obs_names) == list(made.obs_names)
    assert all(np.array_equal(read.obsm[name], made.obsm[name]) for name in anndata.PLACES)
    assert dict(read.uns["nuseg"]) == dict(made.uns["nuseg"])


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nuseg.results.output.find_spec", lambda name: None)
    with pytest.raises(NusegError, match=r"^to_anndata needs the package anndata: pip install 'nuseg\[anndata\]'$"):
        RESULT.to_anndata()


def test_no_nuclei(tmp_path: Path) -> None:
    write(tmp_path / "n.h5ad", as_result([], INFO))
    assert reader.read_h5ad(tmp_path / "n.h5ad").shape == (0, len(anndata.VARIABLES))


def test_same_nuclei_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / name, as_result([BATCH], INFO))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_names_that_a_store_does_not_take_are_written_otherwise() -> None:
    table = pd.DataFrame([[0] * 5], columns=["probability_a/b", "probability_A/B", "probability_a_b", "class", "é ü"])
    slashes = ["probability_a_b", "probability_A_B_2", "probability_a_b_3", "class", "é ü"]
    assert list(anndata.stored_names(table, anndata.SLASH)) == slashes
    assert list(anndata.stored_names(table)) == [*slashes[:4], "é_ü"]
