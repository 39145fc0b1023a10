"""Annotations from any format to any other."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

from nuseg.annotations.annotation import Annotation
from nuseg.annotations.classes import ClassNames, parse_classes
from nuseg.annotations.format import AnnotationFormat
from nuseg.annotations.labels import present_labels
from nuseg.annotations.registry import annotation_formats
from nuseg.datasets.find import AUTO
from nuseg.datasets.findings import Finding, listed
from nuseg.datasets.gathering import Canvases, Given, gather
from nuseg.datasets.targets import Target, find_target, safe_name
from nuseg.errors import NusegError
from nuseg.io.pixels import check_size
from nuseg.io.resolution import check_mpp
from nuseg.notebook import with_bars
from nuseg.progress import ProgressCallback, tracked
from nuseg.text import plural


@dataclass(frozen=True)
class ConvertOptions:
    """How annotations are converted.

    Attributes
    ----------
    from_format : str
        Name of the format to read, or "auto" to recognise it.
    images : Path or None
        Folder of the images or slides, for their sizes and resolutions.
    mpp : float or None
        Resolution of all images (um/px); None: what files say.
    classes : str or None
        New names of classes: see `nuseg.annotations.classes.parse_classes`.
    suffix : str or None
        Ending of the files, where the format has several; None: its usual one.
    overwrite : bool
        Replace files that exist.
    """

    from_format: str = AUTO
    images: Path | None = None
    mpp: float | None = None
    classes: str | None = None
    suffix: str | None = None
    overwrite: bool = False


@dataclass
class ConvertedAnnotations:
    """What was converted.

    Attributes
    ----------
    written : list of Path
        Files and folders.
    formats : list of str
        Names of the formats that were read.
    images, nuclei : int
    classes : Counter of str
        Nuclei by class, those without one under "".
    findings : list of Finding
        Errors of files that were left out, warnings of what the format has no place for, notes.
    """

    written: list[Path] = field(default_factory=list)
    formats: list[str] = field(default_factory=list)
    images: int = 0
    nuclei: int = 0
    classes: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)

    @property
    def failed(self) -> list[Finding]:
        """The errors."""
        return [finding for finding in self.findings if finding.level == "error"]

    def note(self, level: str, text: str, name: str) -> None:
        """Add a finding."""
        self.findings.append(Finding(level, text, name))  # type: ignore[arg-type]

    def count(self, annotation: Annotation) -> None:
        """Count an image that was converted."""
        self.images += 1
        count = len(present_labels(annotation.labels)) if annotation.labels is not None else annotation.count
        names = annotation.classes or (None,) * count
        self.nuclei += len(names)
        self.classes.update(name or "" for name in names)


@with_bars
def convert_annotations(
    inputs: str | Path | Sequence[str | Path],
    output: str | Path,
    to: str,
    options: ConvertOptions | None = None,
    progress: ProgressCallback | None = None,
) -> ConvertedAnnotations:
    """Convert annotations from any format to any other.

    A file that cannot be read or written is left out, and said in the findings. Files appear under their names when
    they are whole.

    Parameters
    ----------
    inputs : path or sequence of paths
        Files, folders and zip archives.
    output : path
        A file, where its name ends as the format's do, else a folder.
    to : str
        Name of the format to write.
    options : ConvertOptions, optional
    progress : function, optional
        Told after every image.

    Returns
    -------
    ConvertedAnnotations

    Raises
    ------
    NusegError
        Nothing was converted, something exists that is not to be replaced, or an option is wrong.
    """
    options = options or ConvertOptions()
    kind = _writable(to)
    if options.from_format != AUTO:
        annotation_formats[options.from_format].require()
    names = parse_classes(options.classes) if options.classes else ClassNames({})
    if options.mpp is not None:
        check_mpp(options.mpp, "mpp=", "give mpp=")
    canvases = Canvases(options.images, options.mpp)
    done = ConvertedAnnotations()
    given = [inputs] if isinstance(inputs, str | Path) else list(inputs)
    with ExitStack() as stack:
        paths = [Path(path).expanduser() for path in given]
        found = list(
            gather(paths, options.from_format, options.images, stack, lambda text: done.note("error", text, ""))
        )
        if not found:
            raise _nothing(done)
        target = find_target(Path(output).expanduser(), kind, options.suffix, len(found))
        found = _without_twins(found, target, done)
        target.check(found, options.overwrite)
        done.formats = list(dict.fromkeys(one.format.name for one in found))
        reader = _Reader(kind, canvases, names, done)
        if kind.numbers_classes and not target.whole:
            reader.collect(found)
        read = reader.read(tracked(found, "convert", progress))
        if target.whole:
            _write_whole(read, target, done)
        else:
            _write_each(read, target, done)
    for name in names.unseen:
        done.note("warning", f"classes=: no nucleus has the class {name}", name)
    if not done.written:
        raise _nothing(done)
    return done


def _nothing(done: ConvertedAnnotations) -> NusegError:
    """Make the error that nothing was converted."""
    texts = [finding.text for finding in done.failed]
    if len(texts) == 1:
        return NusegError(texts[0])
    return NusegError(
        listed("nothing was converted", texts) if texts else "no annotations given; name files or folders"
    )


def _writable(to: str) -> AnnotationFormat:
    kind = annotation_formats[to]
    if not kind.writable:
        listed = ", ".join(one.name for one in annotation_formats.values() if one.writable)
        raise NusegError(f"to='{to}': this format is only read; expected one of {listed}")
    kind.require()
    return kind


def _without_twins(found: list[Given], target: Target, done: ConvertedAnnotations) -> list[Given]:
    """Leave out what has the name of an earlier one, whose file it would replace."""
    seen: dict[str, Given] = {}
    for one in found:
        twin = seen.setdefault(safe_name(one.entry.stem).casefold(), one)
        if twin is not one:
            done.note("error", f"{one}: has the same name as {twin}; convert them to different folders", one.entry.stem)
    return list(seen.values())


@dataclass
class _Reader:
    """Reads annotations and makes them fit for the format that is written."""

    kind: AnnotationFormat
    canvases: Canvases
    names: ClassNames
    done: ConvertedAnnotations
    vocabulary: tuple[str, ...] = ()

    def collect(self, found: Sequence[Given]) -> None:
        """Collect the classes of all files, so that one number means one class in all of them."""
        known: dict[str, None] = {}
        for one in found:
            try:
                known |= dict.fromkeys(self._load(one).all_classes)
            except NusegError:  # is said when it is read
                continue
        self.vocabulary = tuple(known)

    def read(self, found: Iterator[Given]) -> Iterator[tuple[Given, Annotation]]:
        """Give what was read; an error becomes a finding."""
        for one in found:
            try:
                annotation = self._fit(one, self._load(one))
            except NusegError as problem:
                self.done.note("error", one.named(str(problem)), one.entry.stem)
            except ValueError as problem:
                self.done.note("error", f"{one}: {problem}; export it again", one.entry.stem)
            else:
                yield one, annotation

    def _load(self, one: Given) -> Annotation:
        canvas = self.canvases.of(one.entry)
        annotation = one.format.load(one.entry.path, one.entry.image or one.entry.stem, canvas.shape, canvas)
        joined = self.canvases.on(annotation, canvas)
        if joined.name is None:
            joined = replace(joined, name=one.entry.image or f"{one.entry.stem}.png")
        return self.names.renamed(replace(annotation, canvas=joined))

    def _fit(self, one: Given, annotation: Annotation) -> Annotation:
        """Draw polygons where pixels are written, and say what is lost."""
        kind, name = self.kind, one.entry.stem
        shape = annotation.shape
        if annotation.points is not None and not kind.has_points:
            raise NusegError(f"{one}: nuclei are points, which {kind.name} has no place for; give to='geojson'")
        if (kind.raster or kind.needs_shape) and shape is None:
            raise NusegError(f"{one}: does not say how large the image is, which {kind.name} needs: give images=")
        if kind.raster and shape is not None:
            check_size(shape[1], shape[0], str(one))
            annotation = annotation.numbered(shape)
        if annotation.classes is not None and not kind.has_classes:
            self.done.note("warning", f"{kind.name} has no place for classes: lost", name)
        for text in annotation.notes:
            self.done.note("note", text, name)
        if kind.keeps_shape and shape is None:
            self.done.note("note", "the size of the image is not known, and not written: give images= for it", name)
        if self.vocabulary:
            annotation = replace(annotation, vocabulary=self.vocabulary)
        return annotation


def _write_each(read: Iterator[tuple[Given, Annotation]], target: Target, done: ConvertedAnnotations) -> None:
    """Write one file or folder per image."""
    for one, annotation in read:
        path = target.path(one)
        try:
            target.format.write(annotation, path)
        except NusegError as problem:
            done.note("error", str(problem), one.entry.stem)
        else:
            done.written.append(path)
            done.count(annotation)


def _write_whole(read: Iterator[tuple[Given, Annotation]], target: Target, done: ConvertedAnnotations) -> None:
    """Write all images as one file or folder; a file of a format for one image where there is one."""

    def counted() -> Iterator[Annotation]:
        for _, annotation in read:
            done.count(annotation)
            yield annotation

    annotations = counted()
    first = next(annotations, None)
    if first is None:  # a file without images would look as if there were none
        return
    if target.format.many_written:
        target.format.write_images(chain([first], annotations), target.output)
    else:
        target.format.write(first, target.output)
    done.written.append(target.output)


def summary_line(done: ConvertedAnnotations, to: str) -> str:
    """Say what was converted."""
    named = {name: count for name, count in done.classes.items() if name}
    classes = ", ".join(f"{name} {count:,}" for name, count in sorted(named.items(), key=lambda pair: -pair[1]))
    text = f"{plural(done.images, 'image')}, {plural(done.nuclei, 'nucleus', 'nuclei')}"
    return f"{', '.join(done.formats)} to {to}: {text}{f' ({classes})' if classes else ''}"
