"""Many cases: bad ones are said and passed over, the worst are kept."""

import numpy as np

from nuseg.errors import NusegError
from nuseg.evaluation.cases import Case
from nuseg.evaluation.comparison import Compared
from nuseg.evaluation.scoring import score_cases

TRUE = np.array([[1, 1, 1, 1, 0]])


def case(name: str, found: int, instance: bool = True, parted: bool = False) -> Case:
    """`found` of the 4 pixels of the nucleus are predicted."""
    pred = TRUE * (np.arange(5) < found)
    return Case(name, lambda: Compared(TRUE, pred, None, instance, parted))


def broken() -> Compared:
    raise NusegError("c.png: damaged")


def test_a_bad_case_does_not_end_the_rest() -> None:
    said: list[str] = []
    other_size = Case("b", lambda: Compared(TRUE, TRUE.T))
    scores = score_cases([case("a", 4), other_size, Case("c", broken), case("d", 2)], failed=said.append)
    assert [row["name"] for row in scores.rows] == ["a", "d"]
    assert list(scores.errors) == ["b", "c"]
    assert said == list(scores.errors.values())
    assert said[0].startswith("b: truth is 5x1 but prediction is 1x5")
    assert said[1] == "c.png: damaged"


def test_the_worst_are_kept_lowest_first() -> None:
    scores = score_cases([case("a", 3), case("b", 1), case("c", 4), case("d", 2)], keep_worst=2)
    assert [(scored.name, scored.score, scored.value) for scored in scores.worst] == [
        ("b", "aji", 0.25),
        ("d", "aji", 0.5),
    ]


def test_masks_are_ranked_by_dice() -> None:
    (worst,) = score_cases([case("a", 2, instance=False)]).worst
    assert (worst.score, round(worst.value, 3)) == ("dice", 0.667)


def test_parted_predictions_are_named() -> None:
    assert score_cases([case("a", 2, parted=True), case("b", 2)]).parted == ["a"]


def test_table_has_a_row_per_image() -> None:
    table = score_cases([case("a", 2), case("b", 4)]).table.set_index("name")
    assert table.loc["b", "aji"] == 1
