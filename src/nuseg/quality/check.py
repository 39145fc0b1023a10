"""What a check is, and the registry of all checks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from nuseg.datasets.dataset import ANNOTATIONS, Item, Kind
from nuseg.quality.finding import Finding
from nuseg.quality.sample import Sample
from nuseg.registry import Registry

Facts = TypeVar("Facts")
INSTANCES: tuple[Kind, ...] = ("instance",)
OUTLINED: tuple[Kind, ...] = ("instance", "binary")
EVERY_KIND = ANNOTATIONS


@dataclass(frozen=True, eq=False)
class Measured(Generic[Facts]):
    """What a check measured in one image."""

    item: Item
    facts: Facts


@dataclass(frozen=True)
class Check(Generic[Facts]):
    """One kind of fault, and how it is found.

    Images are measured one after the other; then all of them are judged together, because what is odd depends on the
    other images. What `measure` gives is kept for every image, so it must be small.

    Attributes
    ----------
    name : str
    title : str
        Heading on the page.
    help : str
        What is looked for, in one sentence.
    position : int
        Place on the page: lower is higher up.
    measure : callable
        From a `Sample` to facts.
    judge : callable
        From the facts of all images, in the order of the dataset, to findings.
    needs_model : bool
        Whether it can only be done where the model was run.
    kinds : tuple of str
        Kinds of annotation that it can be done on: "instance", "binary", "points" (which are seen as discs).
    """

    name: str
    title: str
    help: str
    position: int
    measure: Callable[[Sample], Facts]
    judge: Callable[[Sequence[Measured[Facts]]], list[Finding]]
    needs_model: bool = False
    kinds: tuple[Kind, ...] = OUTLINED


checks: Registry[Check[Any]] = Registry("check", "nuseg.quality.checks", "CHECK", "nuseg.checks")
