"""A device for tests: `dark_network` behind the calls by which batches are run on a GPU."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from dark_model import dark_network
from nuseg.engines.maps import quantise


class DarkDevice:
    """A device that computes at once."""

    name = "dark:0"

    def measure(self) -> tuple[int | None, float]:
        return None, 0.0

    def start(self, windows: Sequence[np.ndarray], bytes_out: bool, precise: bool = False) -> Any:
        maps = dark_network(np.stack(windows))
        return np.stack([quantise(each) for each in maps]) if bytes_out else maps

    def finish(self, running: Any) -> tuple[np.ndarray, np.ndarray]:
        return running, np.ones(len(running), bool)

    def clear(self) -> None:
        """Nothing to do."""
