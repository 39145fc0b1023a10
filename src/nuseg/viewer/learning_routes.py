"""The addresses under which the page trains on corrections."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any

from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from nuseg.strict import problems_of
from nuseg.text import plural
from nuseg.viewer.corrections.routes import finished_regions
from nuseg.viewer.items import Item
from nuseg.viewer.learning import NEEDED, Learning
from nuseg.viewer.learning_plan import TrainingSettings
from nuseg.viewer.security import Refused, json_body
from nuseg.viewer.shelf import Shelf

PACKAGES = ("torch", "lightning")


def routes(shelf: Shelf) -> list[Route]:
    """Give the addresses of training, under `/api/training`."""
    school = School(shelf)
    return [
        Route("/api/training", school.status, methods=["GET"]),
        Route("/api/training", school.start, methods=["POST"]),
        Route("/api/training/stop", school.stop, methods=["POST"]),
        Route("/api/training/use", school.use, methods=["POST"]),
    ]


def can_train(shelf: Shelf) -> bool:
    """Whether there are results that can be corrected, and what trains is installed."""
    return not shelf.read_only and bool(_homes(shelf)) and not _missing()


@dataclass
class School:
    """Where trainings are asked for.

    Attributes
    ----------
    shelf : Shelf
    """

    shelf: Shelf
    _learning: dict[Path, Learning] = field(default_factory=dict)
    _used: str | None = None
    _guard: Lock = field(default_factory=Lock)

    def status(self, request: Request) -> Response:
        """Say how far the training is."""
        return JSONResponse(self._status())

    async def start(self, request: Request) -> Response:
        """Begin a training."""
        body = await json_body(request)
        try:
            settings = TrainingSettings.model_validate(body)
        except ValidationError as error:
            raise Refused(400, f"no training: {problems_of(error)}") from error
        return await run_in_threadpool(self._start, settings)

    def stop(self, request: Request) -> Response:
        """End the training."""
        self._refuse_reading()
        self._of_home(self._home()).stop()
        return JSONResponse(self._status())

    def use(self, request: Request) -> Response:
        """Take the new model for segmentation on demand."""
        self._refuse_reading()
        model = self._of_home(self._home()).compared_model()
        self.shelf.model, self._used = model, str(model)
        return JSONResponse(self._status())

    def _start(self, settings: TrainingSettings) -> Response:
        self._refuse_reading()
        missing = _missing()
        if missing:
            raise Refused(400, f"training needs more packages ({missing[0]} is missing): pip install 'nuseg[train]'")
        home = self._home()
        regions = self._regions(home)
        if regions < NEEDED:
            raise Refused(400, f"{plural(regions, 'finished region')}, expected {NEEDED} or more: mark further ones")
        self._of_home(home).start(*self._circumstances(home), settings)
        return JSONResponse(self._status())

    def _circumstances(self, home: Path) -> tuple[str, str | None, bool]:
        """The model to start from, the folder of images if it is needed, and whether regions are split one by one."""
        images = [item for item in _homes(self.shelf)[home] if finished_regions(self.shelf, item)]
        model = "default" if self.shelf.model is None else str(self.shelf.model)
        return model, _images_folder(images), len(images) < NEEDED

    def _status(self) -> dict[str, Any]:
        homes = _homes(self.shelf)
        if not homes:
            return {"state": "none", "regions": 0, "needed": NEEDED, "used": False}
        home = self._home()
        learning, regions = self._of_home(home), self._regions(home)
        told = learning.status()
        if told["state"] == "none":  # what would be done
            commands = learning.plan(*self._circumstances(home), TrainingSettings()).commands()
            told |= {"command": "\n".join(commands), "commands": commands}
        used = told["model"] is not None and told["model"] == self._used
        return told | {"regions": regions, "needed": NEEDED, "used": used}

    def _home(self) -> Path:
        """The folder of results that is learned from: one that is trained on already, else that with most regions."""
        homes = _homes(self.shelf)
        if not homes:
            raise Refused(400, "there are no results that could be corrected and learned from")
        running = next((home for home, one in self._learning.items() if home in homes and one.is_running()), None)
        if running is not None:
            return running
        return max(homes, key=self._regions)

    def _regions(self, home: Path) -> int:
        return sum(finished_regions(self.shelf, item) for item in _homes(self.shelf)[home])

    def _of_home(self, home: Path) -> Learning:
        with self._guard:
            return self._learning.setdefault(home, Learning(home))

    def _refuse_reading(self) -> None:
        if self.shelf.read_only:
            raise Refused(403, "nothing can be changed: the viewer was started for reading alone")


def _homes(shelf: Shelf) -> dict[Path, list[Item]]:
    """The images that can be corrected, by their folders of results."""
    found: dict[Path, list[Item]] = {}
    for item in shelf.items:
        layer = item.editable_layer()
        if item.home is not None and layer is not None and layer.writable:
            found.setdefault(item.home, []).append(item)
    return found


def _images_folder(images: Sequence[Item]) -> str | None:
    """Name the folder of the images where they are not where they were segmented; None where they are."""
    moved = [one for one in images if one.image is not None and one.row is not None and str(one.image) != one.row.image]
    folders = {one.image.parent for one in images if one.image is not None}
    return str(folders.pop()) if moved and len(folders) == 1 else None


def _missing() -> list[str]:
    return [package for package in PACKAGES if find_spec(package) is None]
