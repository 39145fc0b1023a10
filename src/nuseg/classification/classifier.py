"""A classifier as a file: JSON that holds numbers and texts alone."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, ValidationError

from nuseg.classification.features import ALL, PLAIN
from nuseg.classification.forest import Forest, Stored
from nuseg.classification.likeness import Reach
from nuseg.classification.scores import Count, Scores
from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_path
from nuseg.io.documents import read_object
from nuseg.io.file_state import content_hash
from nuseg.measure.classes import ClassCalibration, ClassNames, class_probabilities, most_probable
from nuseg.strict import Strict, problems_of
from nuseg.types import Floats, Integers

FILE = "classifier.json"
ADVICE = "learn it anew from the examples"
Resolution = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Text = Annotated[str, Field(max_length=1000)]


class Learning(Strict):
    """What a classifier was learned from."""

    examples: dict[str, dict[str, Count]] = Field(description="marked nuclei by image and class")
    files: dict[str, Text] = Field(description="files of examples, with the first 16 digits of their SHA-256")
    results: dict[str, Text] = Field(description="images, with the settings by which they were segmented")
    model: list[Text] = Field(description="models that found the nuclei")
    mpp: list[Resolution] = Field(description="resolutions of the images (um/px)")
    seed: int = Field(ge=0, lt=2**63)
    versions: dict[str, Text] = Field(description="of packages")
    warnings: list[Text] = Field(description="why scores, or a class, should not be trusted")


class Content(Strict):
    """What the file holds."""

    kind: Literal["nuseg classifier"] = "nuseg classifier"
    version: Literal[1] = 1
    classes: ClassNames = Field(min_length=2, max_length=100)
    features: tuple[Text, ...] = Field(description="what it sees of a nucleus, in its order")
    reach: Reach
    calibration: ClassCalibration
    scores: Scores
    learning: Learning
    forest: Stored


@dataclass(frozen=True, eq=False)
class Classifier:
    """Tells the class of nuclei by their features.

    Attributes
    ----------
    content : Content
        Classes, features, scores, what it was learned from.
    fingerprint : str
        Tells it from all others: the first digits of the SHA-256 of its file.
    """

    content: Content
    fingerprint: str = ""

    @cached_property
    def forest(self) -> Forest:
        """Its trees."""
        return Forest.restore(self.content.forest, len(self.content.features), len(self.content.classes))

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self.content.classes

    @property
    def scores(self) -> Scores:
        """Scores by cross-validation."""
        return self.content.scores

    @property
    def needs_pixels(self) -> bool:
        """Whether it sees pixels, beside the tables of results."""
        return self.content.features != PLAIN

    def predict(self, values: Floats) -> tuple[Integers, Floats]:
        """Tell classes.

        Parameters
        ----------
        values : (n, m) float32
            Features, in the order of `content.features`.

        Returns
        -------
        classes : (n,) int64
            Place of the most probable one.
        probabilities : (n, classes) float64
            Calibrated; rows add up to 1.
        """
        probabilities = class_probabilities(self.forest.predict(values), self.content.calibration)
        return most_probable(probabilities), probabilities

    def save(self, path: Path) -> "Classifier":
        """Write it, whole or not at all; gives it with its fingerprint."""
        with atomic_path(path) as temporary:
            temporary.write_text(json.dumps(self.content.model_dump(mode="json"), indent=1) + "\n", encoding="utf-8")
        return Classifier(self.content, fingerprint(path))

    @classmethod
    def load(cls, path: Path) -> "Classifier":
        """Read one; of a folder its `classifier.json`.

        Raises
        ------
        NusegError
            It is none, damaged, or of another version of nuseg.
        """
        path = path / FILE if path.is_dir() else path
        tree = read_object(path, "classifier", ADVICE)
        if tree.get("kind") != "nuseg classifier":
            raise NusegError(f"{path}: expected a classifier by nuseg classify, found other JSON; name its {FILE}")
        try:
            content = Content.model_validate_json(json.dumps(tree))
            found = cls(content, fingerprint(path))
            if content.features not in (PLAIN, ALL):
                raise ValueError("it sees features that this version of nuseg does not measure")
            if not len(content.features) == len(content.reach.middle) == len(content.reach.spread):
                raise ValueError("expected a middle and a spread of every feature")
            if not content.scores.are_of(content.classes):
                raise ValueError("expected scores of every class")
            found.forest.predict(np.zeros((1, len(content.features)), np.float32))
        except ValidationError as error:
            raise NusegError(f"{path}: damaged classifier ({problems_of(error)}): {ADVICE}") from error
        except ValueError as error:
            raise NusegError(f"{path}: damaged classifier ({error}): {ADVICE}") from error
        return found


def fingerprint(path: Path) -> str:
    """The first digits of the SHA-256 of a file."""
    return content_hash(path)[:16]
