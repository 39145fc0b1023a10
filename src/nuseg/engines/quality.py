"""How much time to spend, chosen by the machine: quality "auto"."""

from pathlib import Path
from typing import Literal

from nuseg.engines.devices import kind_of
from nuseg.engines.loading import choose_device
from nuseg.engines.processor import Products, products_of_8_bits
from nuseg.model.store import Model, Quality

AskedQuality = Literal["auto"] | Quality
# What a CPU lacks on which default is slow, and the quality to take in its place.
SLOW: dict[Products, tuple[str, Quality]] = {
    "avx2": ("no instructions for networks of 8 bits (VNNI)", "light"),
    "sse": ("not even AVX2", "fast"),
}
NOTE = (
    "quality=auto took {chosen}: this CPU has {lacks}, and default would take much longer; quality=default takes the "
    "more accurate model"
)


def choose_quality(
    asked: AskedQuality | None, model: str | Path | Model | None, device: str
) -> tuple[Quality | None, tuple[str, ...]]:
    """Say what "auto" is: a cheaper model on CPUs on which default is slow, else default; a named one stays as it is.

    Parameters
    ----------
    asked
        Of `nuseg.segment`.
    model
        That was named, if any.
    device
        Where it runs.

    Returns
    -------
    quality
        What to load.
    notes
        What the user should know of the choice.
    """
    if asked != "auto":
        return asked, ()
    if model is not None:
        return None, ()
    products: Products = products_of_8_bits() if kind_of(choose_device(device)) == "cpu" else "unknown"
    if products in SLOW:
        lacks, chosen = SLOW[products]
        return chosen, (NOTE.format(chosen=chosen, lacks=lacks),)
    return "default", ()
