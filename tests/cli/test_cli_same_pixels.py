"""The same picture from files of several kinds gives the same results, by the real command line."""

import json
from pathlib import Path

from command_line import run_cli

from nuseg.datasets.synthetic import synthetic_field
from picture_files import FILES


def test_the_command_line_writes_the_same_bytes(tmp_path: Path) -> None:
    """With its default options, of which some differ between images and slides."""
    pixels = synthetic_field(300, 276, 3, 0.25, 5000.0)[0]
    tables, drawn = [], []
    for name in ("png", "pyramid", "pages", "SVS"):
        path, out = FILES[name](tmp_path, pixels), tmp_path / name
        done = run_cli("segment", path, "-o", out)
        assert done.code == 0, done.err
        (table,), (outlines,) = (out / "csv").iterdir(), (out / "geojson").iterdir()
        assert table.name == f"{path.stem}.csv"
        tables.append(table.read_bytes())
        features = json.loads(outlines.read_text())["features"]
        drawn.append([{key: each[key] for key in each if key != "id"} for each in features])  # made of the file's name
    assert tables[0].count(b"\n") > 20
    assert len(set(tables)) == 1
    assert all(each == drawn[0] for each in drawn)
