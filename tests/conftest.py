"""Fixtures that every test may use."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real annotated images (`NUSEG_DATA`, else `../shared/data` beside the repository)."""
    folder = Path(os.environ.get("NUSEG_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real images not found at {folder}: set NUSEG_DATA to their folder")
    return folder
