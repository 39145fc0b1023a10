"""What is shown, by the ids that the page uses, and the nuclei that are in memory."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock

from nuseg.viewer.items import ON_DEMAND, Item, Layer
from nuseg.viewer.keeping import Kept
from nuseg.viewer.nuclei import Nuclei
from nuseg.viewer.pixels import Pixels
from nuseg.viewer.security import Refused

NUCLEI_BYTES = 1_000_000_000  # of all layers that are kept; a million nuclei take some 350 MB


class Shelf:
    """Everything that can be looked at.

    Attributes
    ----------
    read_only : bool
        Whether nothing may be changed.
    model : str or Path, optional
        The model for segmentation on demand; default: that of `nuseg segment`.
    title : str
    pixels : Pixels
    """

    def __init__(
        self,
        items: Sequence[Item],
        read_only: bool = False,
        model: str | Path | None = None,
        title: str = "nuseg",
    ) -> None:
        self._items = {item.id: item for item in items}
        self._nuclei: Kept[Nuclei] = Kept(NUCLEI_BYTES, lambda nuclei: nuclei.nbytes)
        self._lock = Lock()
        self.read_only, self.model, self.title, self.pixels = read_only, model, title, Pixels()

    @property
    def items(self) -> tuple[Item, ...]:
        """All items."""
        return tuple(self._items.values())

    def item(self, item_id: str) -> Item:
        """Find an item.

        Raises
        ------
        Refused
            There is none of this id.
        """
        try:
            return self._items[item_id]
        except KeyError:
            raise Refused(404, "no such image") from None

    def layer(self, item: Item, layer_id: str) -> Layer:
        """Find a layer of an item.

        Raises
        ------
        Refused
            There is none of this id.
        """
        layer = next((layer for layer in item.layers if layer.id == layer_id), None)
        if layer is None:
            raise Refused(404, f"{item.name} has no such layer of nuclei")
        return layer

    def nuclei(self, item: Item, layer_id: str) -> Nuclei:
        """Give the nuclei of a layer, read if they are not in memory.

        Raises
        ------
        Refused
            There is no such layer.
        NusegError
            They are damaged.
        """
        layer = self.layer(item, layer_id)
        return self._nuclei.get(layer, layer.read)

    def put_on_demand(self, item_id: str, name: str, read: Callable[[], Nuclei]) -> Layer:
        """Put nuclei that were found on demand on an item, in place of those before."""
        layer = Layer(ON_DEMAND, name, ON_DEMAND, read)
        with self._lock:
            item = self._items[item_id]
            before = [one for one in item.layers if one.kind == ON_DEMAND]
            others = (one for one in item.layers if one not in before)
            self._items[item_id] = replace(item, layers=(*others, layer))
        for old in before:
            self._nuclei.forget(old)
        return layer

    def close(self) -> None:
        """Close all files."""
        self.pixels.close()
