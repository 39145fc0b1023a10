"""What is made of every annotation on its way into a dataset, as the settings say."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from nuseg.annotations.classes import ClassNames, parse_classes
from nuseg.datasets.beside import Annotations, Masks
from nuseg.datasets.findings import Finding
from nuseg.datasets.settings import PrepareSettings

AUTO_REGIONS = "auto"


@dataclass
class Rules:
    """See `nuseg.datasets.settings.PrepareSettings`.

    Attributes
    ----------
    names : ClassNames
    unknown : frozenset of str
        Classes whose areas are not known.
    ignore_label : int or None
    masks : Masks or None
    cuts : bool
        Whether images are made of regions.
    region_classes : frozenset of str
    region_files : Annotations or None
    before : Annotations or None
        What was corrected.
    met : set of str
        Of `unknown` and `region_classes`, those that occurred.
    """

    names: ClassNames
    unknown: frozenset[str] = frozenset()
    ignore_label: int | None = None
    masks: Masks | None = None
    cuts: bool = False
    region_classes: frozenset[str] = frozenset()
    region_files: Annotations | None = None
    before: Annotations | None = None
    met: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, settings: PrepareSettings, source: Path) -> "Rules":
        """Read what the settings name.

        Raises
        ------
        NusegError
            Something is missing, or wrong.
        """
        own = settings.regions is None or settings.regions == AUTO_REGIONS
        regions = None if own else settings.regions
        return cls(
            names=parse_classes(settings.classes) if settings.classes else ClassNames({}),
            unknown=frozenset(settings.ignore_class),
            ignore_label=settings.ignore_label,
            masks=Masks("ignore", source, settings.ignore) if settings.ignore else None,
            cuts=settings.cuts,
            region_classes=frozenset(settings.region_class),
            region_files=Annotations("regions", source, regions) if regions else None,
            before=Annotations("compared_with", source, settings.compared_with) if settings.compared_with else None,
        )

    def findings(self) -> Iterator[Finding]:
        """Warn of what was named and never met."""
        for name in self.names.unseen:
            yield Finding("warning", "classes=: no nucleus has this class", name)
        for option, names in (("ignore_class", self.unknown), ("region_class", self.region_classes)):
            for name in sorted(names - self.met):
                yield Finding("warning", f"{option}=: nothing has this class", name)
        for files in (self.masks, self.region_files):
            if files is not None:
                yield from (Finding("warning", f"{files.option}=: belongs to no image", name) for name in files.unused)
