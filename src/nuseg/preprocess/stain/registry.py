"""The methods of stain normalisation that there are, and the look that each of them aims at by itself."""

from functools import cache
from importlib.resources import files

from pydantic import TypeAdapter

from nuseg.errors import NusegError
from nuseg.preprocess.stain.fit import StainFit
from nuseg.preprocess.stain.method import StainMethod
from nuseg.registry import Registry

stain_methods: Registry[StainMethod] = Registry(
    "stain method", "nuseg.preprocess.stain.methods", "METHOD", "nuseg.stain_methods"
)
"""Other packages add to it by entry points of the group `nuseg.stain_methods`, programs by `register`."""


@cache
def shipped_targets() -> dict[str, StainFit]:
    """Read `targets.json`, which `benchmarks/stain_targets.py` makes and says of which image."""
    content = files("nuseg.preprocess.stain").joinpath("targets.json").read_bytes()
    return {fit.method: fit for fit in TypeAdapter(list[StainFit]).validate_json(content)}


def shipped_target(method: str) -> StainFit:
    """Give how an image shall be stained where the user names no other.

    Raises
    ------
    NusegError
        The method is from another package, and has none.
    """
    try:
        return shipped_targets()[method]
    except KeyError:
        raise NusegError(
            f"stain method {method}: comes without a target; name an image that is stained as wanted with reference="
        ) from None
