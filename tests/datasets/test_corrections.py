"""What somebody changed in nuclei that were found."""

import numpy as np
import shapely
from hypothesis import given
from hypothesis import strategies as st

from nuseg.annotations.annotation import Annotation
from nuseg.datasets.corrections import Corrections, compare, total


def row(count: int, *, ids: bool = True) -> Annotation:
    """Squares of 10 px, 20 px apart."""
    boxes = tuple(shapely.box(20 * k, 0, 20 * k + 10, 10) for k in range(count))
    return Annotation(polygons=boxes, ids=tuple(map(str, range(count))) if ids else None)


def test_by_ids() -> None:
    before = row(6)
    assert before.polygons is not None
    moved = shapely.box(500, 500, 510, 510)
    after = Annotation(
        polygons=(
            before.polygons[0],
            shapely.box(20, 0, 30, 9),
            moved,
            before.polygons[4],
            shapely.box(300, 0, 310, 9),
        ),
        ids=("0", "1", "3", "4", None),
    )
    found = compare(before, after)
    assert found == Corrections(before=6, kept=2, redrawn=2, deleted=2, added=1)
    assert str(found) == "of 6 nuclei 2 deleted, 1 added, 2 redrawn"


def test_rounded_coordinates_are_no_change() -> None:
    random = np.random.default_rng(0)
    discs = [shapely.Point(xy).buffer(4) for xy in random.uniform(0, 1000, (50, 2))]
    rounded = [shapely.transform(disc, lambda xy: xy.round(2)) for disc in discs]
    found = compare(Annotation(polygons=tuple(discs)), Annotation(polygons=tuple(rounded)))
    assert found == Corrections(before=50, kept=50)


def test_without_ids_by_overlap_one_to_one() -> None:
    """A nucleus parted in two: the larger half is the redrawn one, the other is new."""
    after = Annotation(polygons=(shapely.box(0, 0, 3, 10), shapely.box(3, 0, 10, 10), shapely.box(20, 0, 30, 10)))
    assert compare(row(3, ids=False), after) == Corrections(before=3, kept=1, redrawn=1, deleted=1, added=1)


def test_ids_go_before_overlap() -> None:
    """Two nuclei changed places with their ids."""
    before = row(2)
    assert before.polygons is not None
    after = Annotation(polygons=before.polygons[::-1], ids=("0", "1"))
    assert compare(before, after) == Corrections(before=2, redrawn=2)


def test_another_class() -> None:
    before = Annotation(polygons=row(3).polygons, classes=("a", None, "b"))
    after = Annotation(polygons=row(3).polygons, classes=("a", "c", None))
    found = compare(before, after)
    assert found == Corrections(before=3, kept=3, reclassified=2)
    assert str(found).endswith("0 redrawn, 2 with another class")


def test_within_regions_alone() -> None:
    """Beside the regions everything was deleted, because only the regions were exported."""
    before = row(10)
    assert before.polygons is not None
    left = [0, 1, 3, 6]
    after = Annotation(polygons=tuple(before.polygons[k] for k in left), ids=tuple(str(k) for k in left))
    regions = [shapely.box(-5, -5, 75, 15), shapely.box(115, -5, 135, 15)]
    assert compare(before, after, regions) == Corrections(before=5, kept=4, deleted=1)


def test_a_nucleus_that_was_moved_over_the_border_is_redrawn() -> None:
    before = Annotation(polygons=(shapely.box(0, 0, 10, 10),), ids=("a",))
    after = Annotation(polygons=(shapely.box(6, 0, 16, 10),), ids=("a",))
    region = [shapely.box(-5, -5, 10, 15)]
    assert compare(before, after, region) == Corrections(before=1, redrawn=1)


def test_nothing_on_one_side() -> None:
    nothing = Annotation(polygons=())
    assert compare(nothing, row(3)) == Corrections(added=3)
    assert compare(row(3), nothing) == Corrections(before=3, deleted=3)
    assert compare(nothing, nothing) == Corrections()
    assert total([]) == Corrections()


@given(
    count=st.integers(0, 12),
    data=st.data(),
    ids=st.booleans(),
)
def test_every_nucleus_is_counted_once(count: int, data: st.DataObject, ids: bool) -> None:
    before = row(count, ids=ids)
    fates = data.draw(st.lists(st.sampled_from(["kept", "redrawn", "deleted"]), min_size=count, max_size=count))
    new = data.draw(st.integers(0, 3))
    boxes = [
        shapely.box(20 * k, 0, 20 * k + 10, 8 if fate == "redrawn" else 10)
        for k, fate in enumerate(fates)
        if fate != "deleted"
    ]
    names = [str(k) for k, fate in enumerate(fates) if fate != "deleted"]
    boxes += [shapely.box(20 * k, 50, 20 * k + 10, 60) for k in range(new)]
    after = Annotation(polygons=tuple(boxes), ids=(*names, *(f"new {k}" for k in range(new))) if ids else None)
    found = compare(before, after)
    assert found.before == found.kept + found.redrawn + found.deleted == count
    assert (found.kept, found.redrawn, found.deleted) == tuple(map(fates.count, ("kept", "redrawn", "deleted")))
    assert found.added == new
    assert total([found, found]).added == 2 * new
