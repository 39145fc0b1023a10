"""New names of classes: given as text or file, mapped and merged."""

from pathlib import Path

import numpy as np
import pytest

from nuseg.annotations.annotation import Annotation
from nuseg.annotations.classes import parse_classes
from nuseg.errors import NusegError

WRITTEN = Annotation(
    np.array([[1, 2, 3, 4]]),
    classes=("tumour", "benign", None, "stroma"),
    vocabulary=("stroma", "benign", "tumour"),
    colours={"tumour": (1, 2, 3), "stroma": (4, 5, 6)},
)


def test_names_are_mapped_and_merged() -> None:
    names = parse_classes("tumour=epithelial, benign=epithelial,stroma=,typo=x")
    found = names.renamed(WRITTEN)
    assert found.classes == ("epithelial", "epithelial", None, None)
    assert found.vocabulary == ("epithelial",)
    assert found.colours == {"epithelial": (1, 2, 3)}
    assert names.unseen == ["typo"]


@pytest.mark.parametrize("text", ["epithelial: [tumour, benign]", "tumour: epithelial\nbenign: epithelial\n"])
def test_a_file_lists_them_either_way(text: str, tmp_path: Path) -> None:
    (tmp_path / "names.yaml").write_text(text)
    found = parse_classes(str(tmp_path / "names.yaml")).renamed(WRITTEN)
    assert found.classes == ("epithelial", "epithelial", None, "stroma")


@pytest.mark.parametrize("given", ["", "a", "=b", "a=b,c", "a=b,a=c"])
def test_what_is_no_list_of_names(given: str) -> None:
    with pytest.raises(NusegError, match="classes="):
        parse_classes(given)


@pytest.mark.parametrize("text", ["- a", "a: {b: c}", "a: [", "a: [[1]]", "!!python/object/apply:os.system ['x']"])
def test_what_is_no_file_of_names(text: str, tmp_path: Path) -> None:
    (tmp_path / "names.yml").write_text(text)
    with pytest.raises(NusegError, match=r"names\.yml"):
        parse_classes(str(tmp_path / "names.yml"))
