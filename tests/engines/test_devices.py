"""Names of devices."""

import pytest

from nuseg.engines.devices import kind_of, number_of


@pytest.mark.parametrize(
    ("device", "kind", "number"),
    [
        ("cuda", "cuda", None),
        ("cuda:0", "cuda", 0),
        ("cuda:12", "cuda", 12),
        ("mps", "mps", None),
        ("cpu", "cpu", None),
        ("cpu:0", "cpu:0", None),
        ("auto:1", "auto:1", None),
        ("cuda:", "cuda:", None),
        ("cuda:-1", "cuda:-1", None),
        ("cuda:1:2", "cuda:1:2", None),
        ("cuda:\u0661", "cuda:\u0661", None),
        ("", "", None),
    ],
)
def test_kind_and_number(device: str, kind: str, number: int | None) -> None:
    assert (kind_of(device), number_of(device)) == (kind, number)
