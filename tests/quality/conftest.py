"""A clean dataset of generated fields, and copies of it to plant faults in."""

from pathlib import Path

import pytest
from planted import Planted, write_clean


@pytest.fixture(scope="session")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of eight generated fields in two splits, without a fault; not to be changed."""
    return write_clean(tmp_path_factory.mktemp("clean"))


@pytest.fixture
def planted(clean: Path, tmp_path: Path) -> Planted:
    """A copy of the clean dataset, whose images and labels can be changed."""
    return Planted.copy_of(clean, tmp_path / "dataset")
