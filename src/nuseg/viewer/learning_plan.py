"""What a training on corrections is told, and the same as commands."""

import shlex
from pathlib import Path

from pydantic import Field, ValidationError

from nuseg.datasets.assigning import EVERY_REGION
from nuseg.errors import NusegError
from nuseg.io.documents import DocumentError, read_json
from nuseg.strict import Strict, problems_of

PLAN = "plan.json"
SPLIT = "0.5,0.25,0.25"


class TrainingSettings(Strict):
    """What can be told of a training on corrections."""

    epochs: int = Field(15, ge=1, le=1000)
    steps: int = Field(75, ge=1, le=10_000)
    lr: float = Field(3e-4, gt=0, le=1)
    share: float = Field(0.5, ge=0, lt=1)
    window: int = Field(256, ge=64, le=1024, multiple_of=32)
    batch: int = Field(8, ge=1, le=64)
    workers: int = Field(1, ge=0, le=16)

    def overrides(self, model: str) -> list[str]:
        """The configuration of the training, as `nuseg train --set` takes it."""
        return [
            f"network.init={model}",
            f"network.init_share={self.share:g}",
            f"optimiser.lr={self.lr:g}",
            f"optimiser.epochs={self.epochs}",
            f"optimiser.steps={self.steps}",
            f"data.window={self.window}",
            f"data.batch={self.batch}",
            f"data.workers={self.workers}",
        ]


class Plan(Strict):
    """All that a training on corrections needs to know.

    Attributes
    ----------
    home : str
        Folder of results, with the corrections.
    folder : str
        What it makes.
    model : str
        What it starts from, and is compared with.
    images : str or None
        Folder of the images, where they are not where they were segmented.
    by_region : bool
        Whether the regions of one image may be in different splits: where there are too few images.
    settings : TrainingSettings
    """

    home: str
    folder: str
    model: str
    images: str | None
    by_region: bool
    settings: TrainingSettings

    @property
    def dataset(self) -> Path:
        """The dataset that is made of the finished regions."""
        return Path(self.folder) / "dataset"

    @property
    def run(self) -> Path:
        """The run folder."""
        return Path(self.folder) / "run"

    def commands(self) -> list[str]:
        """The same by command line."""
        prepare = ["nuseg", "prepare", self.home, "-o", str(self.dataset), "--split", SPLIT]
        prepare += ["--group", EVERY_REGION] if self.by_region else []
        prepare += ["--images", self.images] if self.images else []
        overrides = [word for text in self.settings.overrides(self.model) for word in ("--set", text)]
        train = ["nuseg", "train", str(self.dataset), "-o", str(self.run), *overrides]
        pairs = ((self.model, "old"), (str(self.run), "new"))
        compare = [
            ["nuseg", "evaluate", str(self.dataset), "--model", model, "-o", str(Path(self.folder) / name)]
            for model, name in pairs
        ]
        return [shlex.join(words) for words in (prepare, train, *compare)]


def read_plan(folder: Path) -> Plan:
    """Read the plan in a folder.

    Raises
    ------
    NusegError
        It is missing or damaged.
    """
    try:
        return Plan.model_validate(read_json(folder / PLAN))
    except DocumentError as error:
        raise NusegError(f"{folder / PLAN}: no plan of a training ({error}); train again") from error
    except ValidationError as error:
        raise NusegError(f"{folder / PLAN}: no plan of a training ({problems_of(error)}); train again") from error
