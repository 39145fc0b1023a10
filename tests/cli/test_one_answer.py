"""Files of the kinds that readers get wrong: one answer from every door."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command_line import run_cli

import nuseg
from dark_model import CONFIG, dark_network
from hard_files import HARD_FILES, HardFile, field
from nuseg.model.store import Model
from nuseg.results.segmentation import Segmentation

PIXELS = field()
MODEL = Model(CONFIG, Path("nowhere"))


def segmented(picture: object, mpp: float | None = None) -> Segmentation:
    """What the dark network finds."""
    return nuseg.Segmenter(MODEL, dark_network)(picture, mpp)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", HARD_FILES)
def test_info_image_slide_and_segmentation_agree(tmp_path: Path, name: str) -> None:
    hard: HardFile = HARD_FILES[name]
    path = tmp_path / hard.name
    hard.write(path, PIXELS)

    image = nuseg.read_image(path)
    with nuseg.open_slide(path) as source:
        resolution = source.resolution()
        assert np.array_equal(source.read_whole(), image.pixels)
        notes = (*source.notes, *filter(None, [resolution.note]))
    result = segmented(path)
    assert result.mpp == resolution.mpp == pytest.approx(hard.mpp, rel=1e-6)
    assert (result.mpp_source, result.notes, result.info.kind) == (resolution.source, notes, hard.kind)

    said = run_cli("info", path)
    assert (said.code, said.err) == (0, "")
    rows = (line[1:-1].split("│") for line in said.out.splitlines() if line.startswith("│"))
    facts = {key.strip(): value.strip() for key, value in rows if key.strip()}
    assert facts["format"].startswith(f"{hard.kind}, ")
    assert facts["size"] == "150 x 130 px"
    assert facts["resolution"].split(" um/px")[0] == f"{hard.mpp:g}"
    assert facts["resolution"].endswith("(assumed)") is bool(resolution.note)


@pytest.mark.parametrize("name", HARD_FILES)
def test_the_same_pixels_give_the_same_nuclei(tmp_path: Path, name: str) -> None:
    hard = HARD_FILES[name]
    path = tmp_path / hard.name
    hard.write(path, PIXELS)
    read = nuseg.read_image(path)
    found = segmented(path, 0.5)
    assert len(found) == 4
    expected = segmented(read.pixels, 0.5)
    pd.testing.assert_frame_equal(found.nuclei, expected.nuclei)
    assert all(np.array_equal(*pair) for pair in zip(found.polygons, expected.polygons, strict=True))
    pd.testing.assert_frame_equal(segmented(read, 0.5).nuclei, expected.nuclei)
    if not hard.near:
        pd.testing.assert_frame_equal(found.nuclei, segmented(PIXELS, 0.5).nuclei)


def test_the_command_says_the_note_and_records_it(tmp_path: Path, model_folder: Path) -> None:
    hard = HARD_FILES["two series"]
    path = tmp_path / hard.name
    hard.write(path, PIXELS)
    out = tmp_path / "out"
    result = run_cli("segment", path, "-o", out, "--model", model_folder, "--output", "csv,summary")
    assert result.code == 0
    (line,) = result.err.splitlines()
    assert line.startswith(f"warning: {path}: ")
    assert hard.noted in line
    row = pd.read_csv(out / "summary.csv").iloc[0]
    assert line == f"warning: {row['warning']}"
    assert (row["width"], row["height"], row["mpp"]) == (150, 130, 0.5)
