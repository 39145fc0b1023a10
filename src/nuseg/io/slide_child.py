"""The process in which OpenSlide runs: a damaged slide may end it, but not the process that asked.

It reads one task a line from its standard input, as JSON, and answers on its standard output: a line of JSON, and as
many bytes as this line says. `nuseg.io.slide_processes` talks to it. Little is imported: it has to start at once.
"""

import json
import signal
import sys
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import openslide

from nuseg.io.child_processes import begin_child

KEPT_OPEN = 4  # slides; opening one takes up to a second
CPU_SECONDS = 8  # of one task; a part of a slide takes a few hundredths
MEMORY_BYTES = 2**30  # OpenSlide needs a tenth of it; a header that lies asks for more

Answer = tuple[dict[str, Any], bytes]
slides: OrderedDict[int, openslide.OpenSlide] = OrderedDict()


def main() -> None:
    """Do tasks until the standard input ends."""
    bound_memory()
    answers = begin_child()
    for line in sys.stdin.buffer:
        facts, content = do(json.loads(line))
        answers.write(json.dumps(facts | {"bytes": len(content)}).encode() + b"\n")
        answers.write(content)
        answers.flush()


def do(task: list[Any]) -> Answer:
    """Do a task, which may take `CPU_SECONDS` of computing time; waiting for a disk does not count."""
    name, *given = task
    bound_time(CPU_SECONDS)
    try:
        return TASKS[name](*given)
    except Exception as error:  # the process that asks says it in its own words
        return {"error": f"{error}" or type(error).__name__}, b""
    finally:
        bound_time(0)


def detect(path: str) -> Answer:
    """Name the format of a file; None where OpenSlide does not know it."""
    return {"vendor": openslide.OpenSlide.detect_format(path)}, b""


def describe(number: int, path: str) -> Answer:
    """Say what a slide is."""
    slide = opened(number, path)
    return {
        "sizes": slide.level_dimensions,
        "downsamples": slide.level_downsamples,
        "associated": sorted(slide.associated_images),
        "properties": dict(slide.properties),
    }, b""


def read(number: int, path: str, level: int, x: int, y: int, width: int, height: int) -> Answer:
    """Read a region as RGBA."""
    slide = opened(number, path)
    try:
        return {}, slide.read_region((x, y), level, (width, height)).tobytes()
    except openslide.OpenSlideError:  # which makes a slide useless for good
        forget(number)
        raise


def forget(number: int) -> Answer:
    """Close a slide."""
    if number in slides:
        slides.pop(number).close()
    return {}, b""


TASKS: dict[str, Callable[..., Answer]] = {"detect": detect, "describe": describe, "read": read, "forget": forget}


def opened(number: int, path: str) -> openslide.OpenSlide:
    """Give the slide that is open under a number, or open it."""
    if number not in slides:
        slides[number] = openslide.OpenSlide(path)
        while len(slides) > KEPT_OPEN:
            slides.popitem(last=False)[1].close()
    slides.move_to_end(number)
    return slides[number]


def bound_memory() -> None:
    """Let the system refuse more than `MEMORY_BYTES`, where it can."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    except (ImportError, ValueError, OSError):  # Windows has no such limits
        pass


def bound_time(seconds: float) -> None:
    """Let the system end this process after so much computing time; 0 = no limit."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, seconds)
