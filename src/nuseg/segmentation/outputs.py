"""Which results are written of images and of slides."""

from collections.abc import Sequence
from typing import get_args

from nuseg.errors import NusegError
from nuseg.results.slide import DEFAULT_SLIDE_OUTPUTS, SlideOutput, check_slide_outputs
from nuseg.segmentation.segmenter import DEFAULT_OUTPUTS, Output, check_outputs


def choose_outputs(
    words: Sequence[str] | None, images: bool, slides: bool
) -> tuple[tuple[Output, ...], tuple[SlideOutput, ...]]:
    """Give images and slides the outputs out of one list that they have, or their defaults where there is none.

    Parameters
    ----------
    words : sequence of str, optional
        What the user asked for.
    images, slides : bool
        Whether there are any.

    Raises
    ------
    NusegError
        One is unknown to both, one needs a package that is missing, or nothing is left for images or slides
        that are there.
    """
    if words is None:
        return DEFAULT_OUTPUTS, DEFAULT_SLIDE_OUTPUTS
    of_images, of_slides = get_args(Output), get_args(SlideOutput)
    unknown = [word for word in words if word not in (*of_images, *of_slides)]
    if unknown:
        raise NusegError(
            f"outputs: expected some of {', '.join(of_images)} for images, {', '.join(of_slides)} for slides; "
            f"found {', '.join(unknown)}"
        )
    chosen = [word for word in words if word in of_images]
    chosen_slide = [word for word in words if word in of_slides]
    return check_outputs(chosen) if images else (), check_slide_outputs(chosen_slide) if slides else ()
