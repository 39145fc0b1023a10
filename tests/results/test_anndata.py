"""The `.h5ad` file, read back by the anndata package."""

from pathlib import Path

import numpy as np
import pytest

from slide_results import as_batch, cut, label_field

pytest.importorskip("h5py", reason="needs nuseg[anndata]")
reader = pytest.importorskip("anndata", reason="the package anndata reads the file back")

from nuseg.results import anndata  # noqa: E402
from nuseg.results.batch import NucleiBatch  # noqa: E402

ABOUT = {"slide": "é.svs", "mpp": "0.5"}
BATCH = as_batch(label_field(100, 150))


def write(path: Path, batches: list[NucleiBatch]) -> None:
    with anndata.opened(path, ABOUT) as add:
        for batch in batches:
            add(batch)


def test_anndata_reads_it(tmp_path: Path) -> None:
    write(tmp_path / "n.h5ad", list(cut(BATCH, 7))[:2])
    read = reader.read_h5ad(tmp_path / "n.h5ad")
    assert read.shape == (len(BATCH), len(anndata.VARIABLES))
    assert list(read.var_names) == anndata.VARIABLES
    assert list(read.obs_names) == [str(number) for number in BATCH.table["id"]]
    assert np.allclose(read.X, BATCH.table[anndata.VARIABLES], rtol=1e-6)
    assert np.array_equal(read.obsm["spatial"], BATCH.table[["x_px", "y_px"]])
    assert np.array_equal(read.obsm["spatial_um"], BATCH.table[["x_um", "y_um"]])
    assert read.uns["nuseg"] == ABOUT
    assert read.var["meaning"]["area_um2"] == "area (um2)"


def test_no_nuclei(tmp_path: Path) -> None:
    write(tmp_path / "n.h5ad", [])
    assert reader.read_h5ad(tmp_path / "n.h5ad").shape == (0, len(anndata.VARIABLES))


def test_same_nuclei_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path / name, [BATCH])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
