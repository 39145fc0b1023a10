"""One list of outputs for images and slides together."""

import pytest
from nuseg.results.slide import DEFAULT_SLIDE_OUTPUTS, PLACES, SlideOutput, check_slide_outputs
from nuseg.segmentation.outputs import choose_outputs

from nuseg.errors import NusegError
from nuseg.segmentation.segmenter import DEFAULT_OUTPUTS


def test_none_gives_the_defaults() -> None:
    assert choose_outputs(None, images=True, slides=True) == (DEFAULT_OUTPUTS, DEFAULT_SLIDE_OUTPUTS)


def test_each_takes_what_it_has() -> None:
    words = ["csv", "density", "mask", "csv"]
    assert choose_outputs(words, images=True, slides=True) == (("mask", "csv"), ("csv", "density"))
    assert choose_outputs(["density"], images=False, slides=True) == ((), ("density",))
    assert choose_outputs(["mask"], images=True, slides=False) == (("mask",), ())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["csv", "pdf"], "geoparquet.* found pdf$"),
        (["density"], "outputs: expected some of mask.* found none"),
        (["mask"], "outputs of a slide: .* found none"),
        ([], "found none"),
    ],
)
def test_nothing_fits(words: list[str], message: str) -> None:
    with pytest.raises(NusegError, match=message):
        choose_outputs(words, images=True, slides=True)


@pytest.mark.parametrize(("output", "package"), [("zarr", "zarr"), ("anndata", "h5py")])
def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, output: SlideOutput, package: str) -> None:
    monkeypatch.setattr("nuseg.results.slide.find_spec", lambda name: None)
    with pytest.raises(NusegError, match=rf"needs the package {package}: pip install 'nuseg\[{output}\]'"):
        check_slide_outputs(["csv", output])


def test_places_differ() -> None:
    assert len(set(PLACES.values())) == len(PLACES)
