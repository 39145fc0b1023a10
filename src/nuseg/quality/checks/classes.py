"""Classes of nuclei: names that are spelt in two ways, nuclei without a class, classes that a split lacks."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from nuseg.datasets.dataset import SPLITS
from nuseg.quality.check import EVERY_KIND, Check, Measured
from nuseg.quality.finding import Finding
from nuseg.quality.sample import Sample
from nuseg.text import plural

FEW = 10  # nuclei of a class that are worth a word where another split lacks it

Counts = Mapping[str | None, int]


def measure(sample: Sample) -> Counts:
    """Count the nuclei of each class; None where they have none."""
    return Counter(sample.classes)


def judge(measured: Sequence[Measured[Counts]]) -> list[Finding]:
    """Tell of what is odd about classes, where there are any."""
    total: Counter[str | None] = Counter()
    splits: dict[str, Counter[str | None]] = defaultdict(Counter)
    for one in measured:
        total.update(one.facts)
        splits[one.item.split].update(one.facts)
    if not any(name is not None for name in total):
        return []
    return [*_spelt_twice(measured, total), *_without(measured, total), *_lacking(measured, splits)]


def _spelt_twice(measured: Sequence[Measured[Counts]], total: Counts) -> list[Finding]:
    spellings: dict[str, list[str]] = defaultdict(list)
    for name in total:
        if name is not None:
            spellings["".join(name.casefold().replace("_", " ").replace("-", " ").split())].append(name)
    return [
        Finding(
            "classes",
            "warning",
            _having(measured, names),
            f"one class is spelt in several ways: {', '.join(names)}",
            "make the dataset again with classes merged",
        )
        for names in spellings.values()
        if len(names) > 1
    ]


def _without(measured: Sequence[Measured[Counts]], total: Counts) -> list[Finding]:
    lacking = total.get(None, 0)
    if not lacking:
        return []
    text = f"{plural(lacking, 'nucleus', 'nuclei')} of {sum(total.values()):,} without a class, where others have one"
    advice = "give them a class, or ignore them if it is not known"
    return [Finding("classes", "note", _having(measured, [None]), text, advice)]


def _lacking(measured: Sequence[Measured[Counts]], splits: Mapping[str, Counts]) -> list[Finding]:
    """Tell of classes that a split lacks: such are never learned, or never tested."""
    found = []
    for split in (name for name in SPLITS if name in splits):
        others = [counts for name, counts in splits.items() if name != split]
        common = Counter({name: sum(counts.get(name, 0) for counts in others) for counts in others for name in counts})
        gone = [name for name, count in common.items() if name is not None and count >= FEW and not splits[split][name]]
        if gone:
            images = tuple(one.item.name for one in measured if one.item.split == split)
            text = f"the split {split} has no nucleus of the class {' and none of '.join(sorted(gone))}"
            found.append(Finding("classes", "note", images, text, "split again, with more groups"))
    return found


def _having(measured: Sequence[Measured[Counts]], names: Sequence[str | None]) -> tuple[str, ...]:
    return tuple(one.item.name for one in measured if any(one.facts.get(name) for name in names))


CHECK = Check(
    name="classes",
    title="Classes",
    help="Classes that are spelt in several ways, nuclei without one, and splits that lack one.",
    position=88,
    measure=measure,
    judge=judge,
    kinds=EVERY_KIND,
)
