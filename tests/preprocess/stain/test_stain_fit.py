"""How an image is stained, as a file."""

import json
from pathlib import Path

import pytest

from nuseg.errors import NusegError
from nuseg.preprocess.stain.fit import StainFit
from nuseg.preprocess.stain.registry import shipped_target, shipped_targets, stain_methods


def test_comes_back_from_its_file(tmp_path: Path) -> None:
    fit = shipped_target("macenko")
    fit.save(tmp_path / "a" / "fit.json")
    assert StainFit.load(tmp_path / "a" / "fit.json") == fit


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"white": [0, 255, 255]}, "white"),
        ({"haematoxylin": [0.5, 0.5]}, "haematoxylin"),
        ({"values": {"amounts": ["much"]}}, "values.amounts"),
        ({"values": {"amounts": [float("nan"), 1]}}, "values.amounts"),
        ({"pixels": -1}, "pixels"),
        ({"colour": 1}, "colour"),
        ({"method": None}, "method"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, change: dict[str, object], word: str) -> None:
    path = tmp_path / "fit.json"
    path.write_text(json.dumps(shipped_target("macenko").model_dump() | change))
    with pytest.raises(NusegError, match=rf"fit\.json.*expected stain statistics.*{word}") as error:
        StainFit.load(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff\x00", b"{" * 5000])
def test_another_file_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "fit.json"
    path.write_bytes(content)
    with pytest.raises(NusegError, match="expected stain statistics"):
        StainFit.load(path)
    with pytest.raises(NusegError, match="cannot be read"):
        StainFit.load(tmp_path / "none.json")


def test_each_method_comes_with_a_target() -> None:
    assert set(shipped_targets()) == {"macenko", "vahadane", "reinhard"} <= set(stain_methods)
    assert not any(fit.blank for fit in shipped_targets().values())
