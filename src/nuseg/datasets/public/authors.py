"""Groups, resolutions and splits as the authors of a public dataset say."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nuseg.datasets.assigning import assign_splits, group_sizes
from nuseg.datasets.convert import Converted
from nuseg.datasets.findings import Finding
from nuseg.datasets.public.public_dataset import Content, PublicDataset
from nuseg.datasets.settings import PrepareSettings
from nuseg.datasets.split import split_groups
from nuseg.io.resolution import check_mpp


@dataclass(frozen=True)
class ByAuthors:
    """The plan of a public dataset.

    Where the authors name a test part but no validation part, whole groups of their training part are held out for
    validation, by the shares of train and validation in the settings. Where they name no parts, shares decide.
    """

    dataset: PublicDataset
    content: Content
    settings: PrepareSettings

    def groups(self, names: Sequence[str]) -> tuple[dict[str, str], str]:
        """Give patients or slides as far as the authors' names tell them."""
        groups = {item.name: item.group for item in self.content.items}
        known = any(group != name for name, group in groups.items())
        rule = "by the names of the authors" if known else "every image is its own, patients are not stated"
        return {name: groups[name] for name in names}, f"groups: {rule}"

    def resolutions(self, names: Sequence[str]) -> dict[str, float]:
        """Give the stated resolutions, or that of the settings."""
        if self.settings.mpp is not None:
            return dict.fromkeys(names, check_mpp(self.settings.mpp, "mpp="))
        stated = {item.name: item.mpp for item in self.content.items}
        return {name: mpp for name in names if (mpp := stated[name]) is not None}

    def splits(self, done: Sequence[Converted], groups: Mapping[str, str]) -> tuple[dict[str, str], str]:
        """Give the official splits, with images held out for validation where the authors name none."""
        official = {item.name: item.split for item in self.content.items}
        split = {one.name: name for one in done if (name := official[one.name]) is not None}
        if len(split) < len(done):
            shared, rule = assign_splits(done, groups, self.settings)
            return shared, f"{rule}; {self.dataset.split}"
        counts = Counter(split.values())
        parts = ", ".join(f"{counts[name]} {name}" for name in ("train", "validation", "test") if counts[name])
        rule = f"split: the authors' ({parts})"
        held_out = set() if counts["validation"] else self._held_out(done, groups, split)
        if held_out:
            rule += (
                f"; they name no validation part: of theirs for training {len(held_out)} are held out, in whole groups "
                "(split='1,0,0' for none)"
            )
        return {name: "validation" if name in held_out else part for name, part in split.items()}, rule

    def _held_out(self, done: Sequence[Converted], groups: Mapping[str, str], split: Mapping[str, str]) -> set[str]:
        """Choose images of the training part for validation."""
        train, validation, _ = self.settings.split
        training = [one for one in done if split[one.name] == "train"]
        tested = {groups[one.name] for one in done if split[one.name] != "train"}
        sizes = {group: size for group, size in group_sizes(training, groups).items() if group not in tested}
        if validation <= 0 or train <= 0 or len(sizes) < 2:
            return set()
        share = validation / (train + validation)
        chosen = split_groups(sizes, (1 - share, share, 0.0), self.settings.seed)
        return {one.name for one in training if chosen.get(groups[one.name]) == "validation"}

    def findings(self) -> list[Finding]:
        """Warn of the licence, and of patients whose images the authors put in several parts; say what else matters."""
        found = [Finding("note", text, self.dataset.name) for text in self.content.notes]
        found += [Finding("warning", text, self.dataset.name) for text in self.content.warnings]
        if self.dataset.note:
            found.append(Finding("note", self.dataset.note, self.dataset.name))
        if self.dataset.commercial != "allowed":
            known = self.dataset.commercial == "forbidden"
            licence = f"the licence {self.dataset.licence} forbids commercial use" if known else "no licence is stated"
            then = "check it before you use for that what you train on the data" if known else "ask the authors first"
            found.append(Finding("warning", f"{licence}; {then}", self.dataset.name))
        parts: dict[str, set[str | None]] = {}
        for item in self.content.items:
            parts.setdefault(item.group, set()).add(item.split)
        found += [
            Finding("warning", "the authors' split has images of one patient in several parts", group)
            for group, splits in sorted(parts.items())
            if len(splits) > 1
        ]
        return found

    @property
    def record(self) -> Mapping[str, Any]:
        """What dataset.json says of the public dataset."""
        dataset = self.dataset
        return {
            "public": {
                "name": dataset.name,
                "title": dataset.title,
                "address": dataset.address,
                "citation": dataset.citation,
                "commercial_use": dataset.commercial,
                "official_split": dataset.split,
            }
        }
