"""The result of `nuseg.segment`: one object for images and slides."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pandas as pd

from nuseg.errors import NusegError
from nuseg.io.atomic import atomic_path
from nuseg.io.image import Image
from nuseg.io.pixels import MAX_PIXELS
from nuseg.io.source import Source, overview_shape
from nuseg.measure.class_counts import ClassCount, count_classes
from nuseg.measure.counts import CountError, count_interval
from nuseg.measure.rasterise import draw_labels
from nuseg.notebook import with_bars
from nuseg.plot.density import Overview, draw_overview
from nuseg.plot.outlines import draw_outlines
from nuseg.preprocess.tissue import tissue_area
from nuseg.progress import Progress, ProgressCallback
from nuseg.results.annotated import AnnotationRow, annotation_rows, as_table
from nuseg.results.areas import assigned
from nuseg.results.batch import NucleiBatch, outline_colours, regroup
from nuseg.results.early import ROWS, EarlyFiles
from nuseg.results.info import ResultInfo, as_record, overview_side, versions
from nuseg.results.output import Add, pass_over, require_packages
from nuseg.results.registry import choose_outputs
from nuseg.results.statistics import Statistics
from nuseg.results.store import Box, NucleiStore
from nuseg.results.views import views
from nuseg.text import plural
from nuseg.types import RGB, Floats, Mask

if TYPE_CHECKING:
    import anndata
    import geopandas
    import spatialdata

PREVIEW_SIDE = 1200  # px; a notebook shows no more


class Segmentation:
    """The nuclei of an image or a slide.

    All coordinates are px of level 0, from the source's upper left corner; x to the right, y down. Nuclei were measured
    once, at the model's resolution; outlines and label images are brought to the source's own pixels. Of a slide
    nothing is read before it is asked for; `batches` and `read_labels` work in memory that does not grow with it. It is
    a context manager, which closes the source and removes what is kept of unfinished work.

    Attributes
    ----------
    info : ResultInfo
        Size, resolution, model, notes.
    source : Source
        The pixels.
    """

    def __init__(
        self,
        info: ResultInfo,
        store: NucleiStore,
        source: Source,
        thumbnail: RGB | None = None,
        early: EarlyFiles | None = None,
    ) -> None:
        self.info: ResultInfo = info
        self.source = source
        self._store, self._thumbnail, self._early = store, thumbnail, early
        self._statistics: Statistics | None = None

    # What was found

    def batches(self, box: Box | None = None) -> Iterator[NucleiBatch]:
        """Give nuclei batch by batch in the order of their ids; with `box` those batches that may meet it."""
        return (assigned(batch, self.info.annotations) for batch in self._store.batches(box))

    @cached_property
    def _all(self) -> NucleiBatch:
        together = NucleiBatch.together(list(self._store.batches()), self.info.classes)
        return assigned(together, self.info.annotations)

    @property
    def nuclei(self) -> pd.DataFrame:
        """One row per nucleus; `nuseg.measure.nuclei.COLUMNS` explains the columns.

        A model that tells classes adds `probability_NAME` of each, and `class`. Where areas were annotated,
        `annotation` and `annotation_class` say which holds it.
        """
        return self._all.table

    @property
    def polygons(self) -> list[Floats]:
        """Outline of each nucleus, `(k, 2)` float64, x and y in px of level 0."""
        return self._all.polygons

    def __len__(self) -> int:
        return self.statistics.count

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of level 0 (px)."""
        return self.info.height, self.info.width

    @cached_property
    def labels(self) -> np.ndarray:
        """Label image of the whole source, `(h, w)` int32: 0 = background, else the nucleus' id.

        Nuclei smaller than a pixel have none.

        Raises
        ------
        NusegError
            The source has more than 1000 megapixels; `read_labels` reads it region by region.
        """
        self._check_whole("labels")
        return self.read_labels(0, 0, self.info.width, self.info.height)

    @property
    def mask(self) -> Mask:
        """Nuclei mask of the whole source, `(h, w)` bool: the union of all nuclei in `labels`."""
        return self.labels > 0

    def read_labels(self, x: int, y: int, width: int, height: int) -> np.ndarray:
        """Draw the label image of a region of level 0, `(height, width)` int32; see `labels`."""
        right, bottom = x + width, y + height
        polygons: list[Floats] = []
        numbers: list[int] = []
        for batch in self.batches((x, y, right, bottom)):
            for number, polygon in zip(batch.table["id"].tolist(), batch.polygons, strict=True):
                (x0, y0), (x1, y1) = polygon.min(axis=0), polygon.max(axis=0)
                if x0 < right and x1 > x and y0 < bottom and y1 > y:
                    polygons.append(polygon)
                    numbers.append(number)
        return draw_labels(polygons, np.array(numbers, np.int32), (height, width), (x, y))

    def read_mask(self, x: int, y: int, width: int, height: int) -> Mask:
        """Draw the nuclei mask of a region of level 0, `(height, width)` bool."""
        return self.read_labels(x, y, width, height) > 0

    def read_pixels(self, x: int, y: int, width: int, height: int) -> RGB:
        """Read a region of level 0, `(height, width, 3)` uint8 RGB."""
        return self.source.read(0, x, y, width, height)

    @property
    def image(self) -> Image:
        """The whole image with the resolution that was used; of at most 1000 megapixels."""
        return Image(self.source.read_whole(), self.mpp, self.mpp_source, self.info.path)

    def _check_whole(self, what: str) -> None:
        if self.info.width * self.info.height > MAX_PIXELS:
            raise NusegError(
                f"{self.source.where}: {self.info.width} x {self.info.height} px are too many for {what} in one piece; "
                "read them region by region (read_labels), or write the output zarr"
            )

    # Numbers

    @property
    def mpp(self) -> float:
        """Resolution of level 0 that was used (um/px)."""
        return self.info.mpp

    @property
    def mpp_source(self) -> str:
        """Where the resolution came from."""
        return self.info.mpp_source

    @property
    def model_name(self) -> str:
        """The model."""
        return self.info.model

    @property
    def count_error(self) -> CountError | None:
        """How far the model's counts were off on validation images."""
        return self.info.count_error

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know: an assumed resolution, parts that could not be read."""
        return self.info.notes

    @property
    def statistics(self) -> Statistics:
        """Counts, means and densities, from one pass over all nuclei."""
        if self._statistics is None:
            found = self.begin_statistics()
            for batch in self.batches():
                found.add(batch)
            self._statistics = found
        return self._statistics

    def begin_statistics(self) -> Statistics:
        """Make empty statistics, for whoever goes through the nuclei."""
        width, height = self.info.width, self.info.height
        shape, _ = overview_shape(width, height, overview_side(width, height, self.mpp))
        return Statistics(shape, width, height, self.info.annotations)

    @property
    def annotation_rows(self) -> list[AnnotationRow]:
        """What was counted in each annotated area of the region, in the order of its file; empty without any."""
        return annotation_rows(self.info, self.statistics)

    @property
    def annotations(self) -> pd.DataFrame:
        """One row per annotated area: name, class, count with interval, density, mean measures.

        A nucleus counts in every area that holds its centroid. `nuseg.results.annotated.AnnotationRow` explains the
        columns.
        """
        return as_table(self.annotation_rows)

    @property
    def nuclei_per_mm2(self) -> float:
        """Nuclei per mm2 of tissue, or of the region or image where it was not looked for; NaN where that is nothing.

        `info.density_area` says which it is, and `summary["tissue_area"]` how tissue is counted.
        """
        area = self.info.density_mm2
        return len(self) / area if area else float("nan")

    @property
    def count_interval(self) -> tuple[int, int] | None:
        """Between which numbers the true count is to be expected; None if the model does not say."""
        return count_interval(len(self), self.count_error)

    @property
    def classes(self) -> list[ClassCount]:
        """Nuclei of each class, with interval and density, in the order of the model; empty where it tells none."""
        counts, mm2 = self.statistics.classes, self.info.density_mm2
        return count_classes({name: counts[name] for name in self.info.classes}, mm2, self.count_error)

    @property
    def mask_fraction(self) -> float:
        """Share of the tissue, region or image that nuclei cover, 0..1; see `nuclei_per_mm2`."""
        area = self.info.density_mm2
        return self.statistics.area_um2 / 1e6 / area if area else 0.0

    @property
    def summary(self) -> dict[str, Any]:
        """Everything about the result but the nuclei, as plain values; what `summary.json` holds."""
        info, error = self.info, self.count_error
        low, high = self.count_interval or (None, None)
        area = info.density_mm2
        return as_record(info) | {
            "area_mm2": info.area_mm2,
            "counted_mm2": info.counted_mm2,
            "tissue_mm2": info.tissue_mm2,
            "tissue_area": info.least_density and tissue_area(info.least_density),
            "density_area": info.density_area,
            "nuclei": len(self),
            "nuclei_low": low,
            "nuclei_high": high,
            "nuclei_per_mm2": self.nuclei_per_mm2 if area else None,
            "mask_fraction": self.mask_fraction if area else None,
            **({"classes": [asdict(one) for one in self.classes]} if info.classes else {}),
            "mean": self.statistics.means(),
            "annotations": [row.record() for row in self.annotation_rows],
            "count_error": error and error.model_dump(),
            "settings": info.settings,
            "tiles": info.tiles,
            "damaged_tiles": info.damaged,
            "notes": list(info.notes),
            "seconds": info.seconds,
            "versions": versions(),
        }

    # Pictures

    @cached_property
    def overview(self) -> Overview:
        """The source made small, where nuclei counted, and how densely they lie."""
        if self._thumbnail is None:
            self._thumbnail = self.source.thumbnail(overview_side(self.info.width, self.info.height, self.mpp))
        thumbnail = self._thumbnail
        counted = np.ones(thumbnail.shape[:2], bool) if self.info.counted is None else self.info.counted
        cell_um = self.mpp * self.info.width / thumbnail.shape[1]
        return Overview(thumbnail, counted, self.statistics.grid.counts, cell_um, self.info.density_mm2)

    def outlined(self) -> RGB:
        """The whole image with the outline of every nucleus, in the colour of its class where there is one."""
        labels = self.labels  # which refuses what is too large, before its pixels are read
        return draw_outlines(self.image.pixels, labels, outline_colours(labels, [self._all], self.info.classes))

    def read_outlined(self, x: int, y: int, width: int, height: int) -> RGB:
        """A region of level 0 with the outlines of `outlined`, `(height, width, 3)` uint8."""
        labels = self.read_labels(x, y, width, height)
        near = self.batches((x, y, x + width, y + height))
        return draw_outlines(
            self.read_pixels(x, y, width, height), labels, outline_colours(labels, near, self.info.classes)
        )

    def picture(self) -> RGB:
        """Draw the image with its outlines, at most 1200 px wide and high; of a larger slide the overview.

        Returns
        -------
        (h, w, 3) uint8
        """
        if self.info.kind == "slide" and max(self.shape) > PREVIEW_SIDE:
            drawn = draw_overview(self.overview)
        else:
            drawn = self.outlined()
        shrink = PREVIEW_SIDE / max(drawn.shape[:2])
        if shrink < 1:
            drawn = np.asarray(cv2.resize(drawn, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA), np.uint8)
        return drawn

    def _repr_html_(self) -> str:
        """For notebooks: picture, numbers, and the first rows of the table."""
        from nuseg.results.notebook import result_html

        return result_html(self)

    def _repr_png_(self) -> bytes:
        """For what shows pictures alone."""
        return cv2.imencode(".png", self.picture()[:, :, ::-1])[1].tobytes()

    def view(self, height: int = 640, port: int = 0) -> Any:
        """Look at the result in a cell of a notebook: zoom, click on nuclei, colour and filter them, draw regions.

        A thread of this process serves the page on 127.0.0.1, until what is returned is closed. Where the notebook runs
        on another machine than the browser, choose a port, and open a tunnel to it by ssh.

        Parameters
        ----------
        height : int
            Of the cell (px).
        port : int
            To listen on; 0 = any that is free.

        Returns
        -------
        BrowserView
            With the attribute `url`, to be opened in a browser, and the method `close`.

        Raises
        ------
        NusegError
            What the extra `view` installs is missing, or the port is taken.
        """
        return views["browser"].show(self, height, port)

    def __repr__(self) -> str:
        found = plural(len(self), "nucleus", "nuclei")
        return (
            f"Segmentation({self.info.width} x {self.info.height} px at {self.mpp:g} um/px, {found}, "
            f"{self.nuclei_per_mm2:.0f} per mm2, model {self.model_name})"
        )

    # Out

    def to_geodataframe(self) -> "geopandas.GeoDataFrame":
        """Nuclei with their outlines as geometries, in px of level 0, without coordinate reference system.

        Raises
        ------
        NusegError
            geopandas is not installed.
        """
        require_packages("to_geodataframe", ("geopandas",), "geo")
        import geopandas

        from nuseg.results.formats.geoparquet import as_geometries

        return geopandas.GeoDataFrame(self.nuclei, geometry=list(as_geometries(self.polygons)))

    def to_anndata(self) -> "anndata.AnnData":
        """Nuclei as AnnData: measures in `X`, centroids in `obsm["spatial"]` (px) and `obsm["spatial_um"]`.

        Raises
        ------
        NusegError
            anndata is not installed.
        """
        require_packages("to_anndata", ("anndata",), "anndata")
        from nuseg.results.formats.anndata import as_anndata

        return as_anndata(self)

    def to_spatialdata(self, image: bool = True) -> "spatialdata.SpatialData":
        """Image, outlines and table as SpatialData; see `nuseg.results.formats.spatialdata.as_spatialdata`.

        Parameters
        ----------
        image : bool
            With the image, whose pixels are read from the source when they are asked for: keep the result open. The
            object's own `write` copies them.

        Raises
        ------
        NusegError
            spatialdata is not installed.
        """
        require_packages("to_spatialdata", ("spatialdata",), "spatialdata")
        from nuseg.results.formats.spatialdata import as_spatialdata

        return as_spatialdata(self, image)

    @with_bars
    def save(
        self,
        folder: str | Path,
        outputs: Sequence[str] | None = None,
        name: str | None = None,
        progress: ProgressCallback | None = None,
    ) -> dict[str, Path]:
        """Write results to `folder/OUTPUT/NAME.suffix`; files of the same name are replaced.

        The nuclei are read in one pass. Every file appears under its name only when it is whole.

        Parameters
        ----------
        folder : path
            Is made if it does not exist.
        outputs : sequence of str, optional
            Names of outputs (`nuseg.outputs` lists them); default: those usual for an image or a slide.
        name : str, optional
            Name of the files without suffix; default: the source's, or "image" for an array.
        progress : function, optional
            Called with a `nuseg.Progress` after each 16,384 nuclei; how many there are is not known before the end.

        Returns
        -------
        dict
            Output: file written.

        Raises
        ------
        NusegError
            An output is unknown or needs a package, or the folder cannot be written.
        """
        chosen = choose_outputs([outputs] if isinstance(outputs, str) else outputs, self.info.kind)
        name = name or self.info.name
        paths = {output.name: output.path(Path(folder), name) for output in chosen}
        early = self._take_early(name)
        with ExitStack() as stack:
            # First in, last out: the summary tells that the others are there.
            left = sorted(chosen, key=lambda output: output.name != "summary")
            adds = [
                stack.enter_context(output.opened(paths[output.name], self))
                for output in left
                if output.name not in early
            ]
            for output in chosen:
                if output.name in early:
                    with atomic_path(paths[output.name]) as temporary:
                        early[output.name].replace(temporary)
            adds = [add for add in adds if add is not pass_over]
            if adds or self._statistics is None:
                self._go_through(name, adds, progress)
        return paths

    def _take_early(self, name: str) -> dict[str, Path]:
        """Take the files that were written while nuclei were found, where there are some that fit; once."""
        if self._early is None:
            return {}
        files, statistics = self._early.fitting(self, name), self._early.statistics
        self._early = None
        if files:
            self._statistics = statistics
        return files

    def _go_through(self, name: str, adds: list[Add], progress: ProgressCallback | None) -> None:
        found = self.begin_statistics()
        for number, batch in enumerate(regroup(self.batches(), ROWS), 1):
            found.add(batch)
            for add in adds:
                add(batch)
            if progress is not None:
                progress(Progress(f"write {name}", number, number))
        self._statistics = found

    def close(self) -> None:
        """Close the source, and remove what was kept on disk; what is in memory stays of use."""
        self._store.close()
        self.source.close()

    def __enter__(self) -> "Segmentation":
        return self

    def __exit__(self, error: type[BaseException] | None, *_details: object) -> None:
        if error is None:
            self.close()
        else:  # what was done is kept, to go on from
            self.source.close()
