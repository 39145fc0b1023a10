"""The process of a training on corrections: `python -m nuseg.viewer.learning_job FOLDER`, started by the server.

It does what the commands of the plan do, and ends when its standard input does."""

import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any

from nuseg.datasets.assigning import EVERY_REGION
from nuseg.errors import NusegError
from nuseg.text import one_line
from nuseg.viewer.learning import COMPARED, GRACE, STEP, held, write_object
from nuseg.viewer.learning_plan import SPLIT, Plan, read_plan

STOPPED_CODE = 143  # as shells state SIGTERM
PATIENCE = 5.0  # s for the lock


def main(folder: Path) -> int:
    """Prepare, train, compare; give the exit code."""
    watch_input()
    signal.signal(signal.SIGTERM, stop)

    def step(name: str, message: str = "") -> None:
        print(f"== {name}{': ' if message else ''}{message}", flush=True)
        write_object(folder / STEP, {"step": name, "message": message})

    try:
        plan = read_plan(folder)
        with held(folder.parent, PATIENCE):
            step("preparing")
            prepare(plan)
            step("training")
            train(plan)
            step("comparing")
            compared = compare(plan)
            write_object(folder / COMPARED, compared)
            step("done", compared["verdict"])
    except ImportError as error:
        step("failed", f"training needs more packages ({error.name} is missing): pip install 'nuseg[train]'")
        return 1
    except Exception as error:
        text = str(error) if isinstance(error, NusegError) else f"unexpected {type(error).__name__}: {error}"
        step("failed", one_line(text))
        return 1
    return 0


def prepare(plan: Plan) -> None:
    """Make a dataset of the finished regions."""
    from nuseg.datasets.prepare import PrepareSettings
    from nuseg.datasets.prepare import prepare as make
    from nuseg.datasets.split import parse_fractions

    settings = PrepareSettings(
        images=plan.images, group=EVERY_REGION if plan.by_region else None, split=parse_fractions(SPLIT)
    )
    made = make(plan.home, plan.dataset, settings)
    for line in (*made.decisions, *(f"{one.level}: {one.text}" for one in made.findings)):
        print(line, flush=True)


def train(plan: Plan) -> None:
    """Train on it, from the weights of the old model."""
    from nuseg.training.config import load_config
    from nuseg.training.fit import train as fit

    fit([plan.dataset], plan.run, load_config(None, plan.settings.overrides(plan.model)))


def compare(plan: Plan) -> dict[str, Any]:
    """Score the old and the new model on the regions that were held out."""
    from nuseg.evaluation.dataset import evaluate_dataset
    from nuseg.viewer.judging import judge

    tables = []
    for model, name in ((plan.model, "old"), (plan.run, "new")):
        found = evaluate_dataset(plan.dataset, model=model)
        found.save(Path(plan.folder) / name)
        tables.append(found.table)
    return judge(*tables)


def watch_input() -> None:
    """End this process when nobody holds the other end of its standard input: the server stopped it, or is gone."""

    def watch() -> None:
        while os.read(sys.stdin.fileno(), 4096):
            pass
        signal.raise_signal(signal.SIGTERM) if os.name != "posix" else os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(GRACE / 2)
        os._exit(STOPPED_CODE)

    threading.Thread(target=watch, daemon=True).start()


def stop(_number: int, _frame: FrameType | None) -> None:
    """Leave, so that half-made folders are removed."""
    sys.exit(STOPPED_CODE)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
