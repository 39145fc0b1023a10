"""Maps of classes: one number or colour per class; every connected piece of one becomes a nucleus of that class."""

from pathlib import Path

import numpy as np

from nuseg.annotations.annotation import Annotation
from nuseg.annotations.colours import colour_names, drop_alpha
from nuseg.annotations.format import Sniff
from nuseg.annotations.formats.label_image import numbers_of
from nuseg.annotations.labels import components, present_labels
from nuseg.annotations.meaning import MAX_CLASSES
from nuseg.annotations.pictures import PictureFormat
from nuseg.annotations.raster import ANNOTATION_SUFFIXES, LOSSY_SUFFIXES, Stored
from nuseg.errors import NusegError


class ClassMap(PictureFormat):
    """A picture in which every class has its own number; touching nuclei of one class are one."""

    name = "classes"
    help = "one number or colour per class, every connected piece of it becomes a nucleus"
    suffixes = tuple(suffix for suffix in ANNOTATION_SUFFIXES if suffix not in LOSSY_SUFFIXES)
    kept = "where nuclei are, classes"
    lost = "which pixels are one nucleus where those of one class touch"
    convention = "pixels of the image"
    has_classes = True

    def sniff(self, path: Path) -> Sniff | None:
        """Take nothing for its own: whether numbers are classes is for the user to say."""
        return None

    def of_picture(self, picture: Stored, path: Path) -> Annotation:
        """Number the 4-connected components of each class, one class after the other.

        Raises
        ------
        NusegError
            As a label image; or there are more numbers than classes can be.
        """
        values = drop_alpha(picture.values)
        numbers = numbers_of(picture.values, path)
        present = present_labels(numbers).tolist()
        if len(present) > MAX_CLASSES:
            raise NusegError(
                f"{path}: expected at most {MAX_CLASSES} classes, found {len(present)} different numbers; give "
                "format='labels' if these are nuclei"
            )
        names = colour_names(values, numbers) if values.ndim == 3 else {number: str(number) for number in present}
        labels = np.zeros(numbers.shape, np.int32)
        classes: list[str] = []
        for number in present:
            parts = components(numbers == number)
            count = int(parts.max(initial=0))
            labels[parts > 0] = parts[parts > 0] + len(classes)
            classes += [names[number]] * count
        return Annotation(labels, classes=tuple(classes), instance=False, notes=picture.notes)


FORMAT = ClassMap()
