"""One list of outputs for images and slides: defaults, choices, what is missing."""

from pathlib import Path

import pytest

import nuseg
from nuseg.errors import NusegError
from nuseg.io.reader import Kind
from nuseg.results.registry import check_outputs, choose_outputs, default_outputs


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("image", {"mask", "labels", "geojson", "csv", "overlay"}),
        ("slide", {"geoparquet", "geojson", "csv", "summary", "density", "overview", "tissue"}),
    ],
)
def test_none_gives_the_defaults(kind: Kind, expected: set[str]) -> None:
    assert {output.name for output in choose_outputs(None, kind)} == expected
    assert choose_outputs(None, kind) == default_outputs(kind)


def test_each_once_whatever_the_kind() -> None:
    """Every output is there for images and for slides."""
    words = ["csv", "density", "mask", "csv"]
    for kind in ("image", "slide"):
        assert [output.name for output in choose_outputs(words, kind)] == ["csv", "density", "mask"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["csv", "pdf"], "outputs: expected some of .*geoparquet.* found pdf$"),
        (["pdf", "CSV"], "found pdf, CSV$"),
        ([], "outputs: expected some of .*mask.* found none$"),
    ],
)
def test_nothing_fits(words: list[str], message: str) -> None:
    with pytest.raises(NusegError, match=message):
        choose_outputs(words, "image")
    with pytest.raises(NusegError, match=message):
        check_outputs(words)


@pytest.mark.parametrize(
    ("output", "package", "extra"),
    [("zarr", "zarr", "zarr"), ("anndata", "anndata", "anndata"), ("geoparquet", "pyarrow", "parquet")],
)
def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, output: str, package: str, extra: str) -> None:
    monkeypatch.setattr("nuseg.results.output.find_spec", lambda name: None)
    with pytest.raises(
        NusegError, match=rf"output {output} needs the package \w+: pip install 'nuseg\[{extra}\]'"
    ) as no:
        check_outputs(["csv", output])
    assert package in str(no.value)


@pytest.mark.parametrize("kind", ["image", "slide"])
def test_the_defaults_leave_out_what_needs_a_missing_package(monkeypatch: pytest.MonkeyPatch, kind: Kind) -> None:
    before = default_outputs(kind)
    monkeypatch.setattr("nuseg.results.output.find_spec", lambda name: None)
    assert default_outputs(kind) == [output for output in before if not output.needs]
    assert {"csv", "geojson"} <= {output.name for output in default_outputs(kind)}


def test_places_differ() -> None:
    places = [output.path(Path("out"), "a") for output in nuseg.outputs.values()]
    assert len(set(places)) == len(places) >= 14
