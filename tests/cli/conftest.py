"""Fixtures for tests of the command line."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dark_model import save_dark_model
from nuseg.results.records import MARKER


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound model folder; tests that damage one copy it first."""
    return save_dark_model(tmp_path_factory.mktemp("models") / "dark").path


@pytest.fixture
def nothing_half_written(tmp_path: Path) -> Iterator[None]:
    """Check after the test that no temporary file, which is a hidden one, was left behind."""
    yield
    assert [path for path in tmp_path.rglob(".*") if path.name != MARKER] == []
