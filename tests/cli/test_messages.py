"""Names of parameters in messages become options of the command line."""

import pytest

from nuseg.cli.messages import as_options


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("give mpp=", "give --mpp"),
        ("or resume=True to go on", "or --resume to go on"),
        ("train without resume=True", "train without --resume"),
        ("give mpp= with the right value", "give --mpp with the right value"),
        ("mpp=: expected", "--mpp: expected"),
        ("(skip_unpaired=) or overwrite=, or tile=.", "(--skip-unpaired) or --overwrite, or --tile."),
        ("give format='labels' or 'binary'", "give --format labels or 'binary'"),
        ("by group='^(.+?)_x'", "by --group ^(.+?)_x"),
        ("region='': no", "--region : no"),
        ("one\nmpp=\ntwo", "one\n--mpp\ntwo"),
    ],
)
def test_parameters(text: str, expected: str) -> None:
    assert as_options(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "optimiser.lr=0.0005",
        "/data/x= 3/a.png: no such file",
        "scans/stain=he/a.png",
        "a == b and c != d, x <= 3",
        "MPP= is no parameter",
        "settings.mpp= is a field",
        "x=3",
        "x=Trueish",
    ],
)
def test_everything_else_stays(text: str) -> None:
    assert as_options(text) == text
