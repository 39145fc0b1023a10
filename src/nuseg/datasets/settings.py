"""What the user decides about a new dataset."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nuseg.datasets.find import AUTO


@dataclass(frozen=True)
class PrepareSettings:
    """How a dataset is made of a folder of images and annotations.

    Attributes
    ----------
    images, labels : str or None
        Folder of the images, and folder or file of the annotations: a path, or a name inside the source; None:
        usual names.
    format : str
        Name of a registered annotation format, or "auto" to recognise it.
    classes : str or None
        New names of classes: see `nuseg.annotations.classes.parse_classes`.
    ignore_class : tuple of str
        Classes (by their new names) that mean "not known": their areas are ignored.
    ignore_label : int or None
        Number in label images and masks that means "not known".
    ignore : str or None
        Folder of masks of what is not known, named like the images: a path, or a name inside the source.
    regions : str or None
        One image is made of every region of interest. "auto": regions are areas larger than any nucleus among the
        annotations; else folder or file of the regions' annotations, named like the images.
    region_class : tuple of str
        Classes of the annotations that are regions.
    compared_with : str or None
        Annotations as they were before they were corrected, such as a folder of results: the changes are counted.
    annotation : "instance", "binary" or None
        Whether touching nuclei are told apart; "binary" trains the mask alone. None: as the format does.
    mpp : float or None
        Resolution of all images (um/px); None: what the files say, else 0.25 with a warning.
    group : str or None
        Regular expression with one capture group, searched in every name: what it captures is the patient or slide,
        which is never divided between splits. None: every image is its own group.
    table : Path or None
        CSV file with a column `name` and those that the next three name.
    group_column, split_column, mpp_column : str or None
        Columns of `table`: patient or slide; train, validation or test; um/px.
    split : (float, float, float)
        Shares of train, validation and test, of sum 1; without effect where `split_column` is given.
    seed : int
        Another one gives another split.
    name : str or None
        Name of the dataset; None: its folder's.
    licence, source : str
        Recorded in the dataset: licence of the data, where they come from and how to cite them.
    skip_unpaired : bool
        Leave out images without annotation and annotations without image; otherwise they are an error.
    overwrite : bool
        Replace a dataset that exists.
    """

    images: str | None = None
    labels: str | None = None
    format: str = AUTO
    classes: str | None = None
    ignore_class: tuple[str, ...] = ()
    ignore_label: int | None = None
    ignore: str | None = None
    regions: str | None = None
    region_class: tuple[str, ...] = ()
    compared_with: str | None = None
    annotation: Literal["instance", "binary"] | None = None
    mpp: float | None = None
    group: str | None = None
    table: Path | None = None
    group_column: str | None = None
    split_column: str | None = None
    mpp_column: str | None = None
    split: tuple[float, float, float] = (0.7, 0.15, 0.15)
    seed: int = 0
    name: str | None = None
    licence: str = "not stated"
    source: str = "not stated"
    skip_unpaired: bool = False
    overwrite: bool = False

    @property
    def cuts(self) -> bool:
        """Whether images are made of regions."""
        return self.regions is not None or bool(self.region_class)
