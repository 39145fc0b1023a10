"""What an output is: one kind of file that a result can be written to."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from nuseg.errors import NusegError
from nuseg.io.atomic import readable_errors
from nuseg.io.reader import Kind
from nuseg.results.batch import NucleiBatch

if TYPE_CHECKING:
    from nuseg.results.segmentation import Segmentation

Add = Callable[[NucleiBatch], None]
Open = Callable[[Path, "Segmentation"], AbstractContextManager[Add]]


@dataclass(frozen=True)
class Output:
    """One kind of file, for images and slides alike.

    Attributes
    ----------
    name : str
        As the user writes it.
    suffix : str
        Of the file, with its dot.
    help : str
        What it holds, in a few words.
    open : function
        From path and result to a context manager, which gives a function that adds a batch of nuclei. The file appears
        under its name when the context ends well. All outputs of a result see its nuclei in one pass; `written_whole`
        makes one of a function that wants the whole result.
    folder : str
        Folder in the results; default: the name.
    default_for : tuple
        The kinds of source ("image", "slide") that it is written for unless asked otherwise, where what it needs is
        installed.
    needs : tuple of str
        Packages that have to be installed.
    extra : str
        The extra of nuseg that installs them.
    beside : bool
        Whether it is one file, of whose result no more than `info.about()`, `info.columns` and `info.annotations` is
        looked at: it may then be written while nuclei are still being found, also by another process.
    """

    name: str
    suffix: str
    help: str
    open: Open
    folder: str = ""
    default_for: tuple[Kind, ...] = ()
    needs: tuple[str, ...] = ()
    extra: str = ""
    beside: bool = False

    def path(self, folder: Path, name: str) -> Path:
        """Say where the file of a result goes: `folder/OUTPUT/NAME.suffix`."""
        return folder / (self.folder or self.name) / f"{name}{self.suffix}"

    @contextmanager
    def opened(self, path: Path, result: "Segmentation") -> Iterator[Add]:
        """Open the file; what the system refuses is told of this one, whichever others are open."""
        with self.open(path, result) as add:

            def add_there(batch: NucleiBatch) -> None:
                with readable_errors(path):
                    add(batch)

            yield add if add is pass_over else add_there

    @property
    def installed(self) -> bool:
        """Whether the packages that it needs are there."""
        return all(find_spec(package) is not None for package in self.needs)

    def require(self) -> None:
        """Check that what writes it is installed.

        Raises
        ------
        NusegError
            A package is missing; says how to install it.
        """
        require_packages(f"output {self.name}", self.needs, self.extra)


def require_packages(what: str, packages: tuple[str, ...], extra: str) -> None:
    """Say which package is missing for something, and how to install it.

    Raises
    ------
    NusegError
        One is missing.
    """
    for package in packages:
        if find_spec(package) is None:
            raise NusegError(f"{what} needs the package {package}: pip install 'nuseg[{extra}]'")


def pass_over(_batch: NucleiBatch) -> None:
    """What an output does with each batch that does not look at them."""


def written_whole(write: Callable[[Path, "Segmentation"], None]) -> Open:
    """Make the `open` of an output that is written at once, after all nuclei were seen."""

    @contextmanager
    def open_(path: Path, result: "Segmentation") -> Iterator[Add]:
        yield pass_over
        write(path, result)

    return open_
