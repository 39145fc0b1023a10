"""Open lists: things of one kind, by name, from this package and from others."""

import logging
from collections.abc import Iterator
from functools import cached_property
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules
from typing import Generic, Protocol, TypeVar

from nuseg.errors import NusegError

log = logging.getLogger("nuseg")


class Named(Protocol):
    """What a registry can hold."""

    @property
    def name(self) -> str: ...


Item = TypeVar("Item", bound=Named)


class Registry(Generic[Item]):
    """Things of one kind, by name.

    They come from three places: every module of `package` that has the attribute `attribute`; the entry points of
    `group`, by which another installed package adds its own; and `register`, at run time. Modules are imported when
    the registry is first asked, so they should import what is large inside their functions.

    Parameters
    ----------
    kind : str
        What one of them is called, for messages: "output".
    package : str
        Dotted name of the package whose modules hold one each.
    attribute : str
        Name under which a module holds it; a module (or an entry point) may also hold a tuple of them.
    group : str
        Name of the entry-point group.
    """

    def __init__(self, kind: str, package: str, attribute: str, group: str) -> None:
        self.kind, self.package, self.attribute, self.group = kind, package, attribute, group
        self._registered = set[str]()

    @cached_property
    def _items(self) -> dict[str, Item]:
        found: list[Item] = []
        for module in sorted(iter_modules(import_module(self.package).__path__), key=lambda module: module.name):
            found += as_items(getattr(import_module(f"{self.package}.{module.name}"), self.attribute, ()))
        for point in entry_points(group=self.group):
            try:
                found += as_items(point.load())
            except Exception as error:  # another package's fault must not end nuseg
                log.warning("%s %s of %s cannot be loaded: %s", self.kind, point.name, point.value, error)
        return {item.name: item for item in found}

    def register(self, item: Item) -> Item:
        """Add one, or replace the one of its name; returns it."""
        self._items[item.name] = item
        self._registered.add(item.name)
        return item

    def unregister(self, name: str) -> None:
        """Take one out again."""
        self._items.pop(name, None)

    def found_anywhere(self, name: str) -> bool:
        """Whether other processes find the same one by this name, since no program registered it at run time."""
        return name in self._items and name not in self._registered

    def __getitem__(self, name: str) -> Item:
        """Find one by name.

        Raises
        ------
        NusegError
            There is none of this name; the message lists those there are.
        """
        try:
            return self._items[name]
        except KeyError:
            raise NusegError(f"{self.kind} {name}: expected one of {', '.join(self)}") from None

    def __contains__(self, name: object) -> bool:
        return name in self._items

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def values(self) -> list[Item]:
        """All of them, in the order of their modules' names; those from elsewhere last."""
        return list(self._items.values())


def as_items(held: Item | tuple[Item, ...]) -> tuple[Item, ...]:
    """What a module holds, as a tuple: one, or several already."""
    return held if isinstance(held, tuple) else (held,)
