"""`nuseg.segment`: a model with its engine, and one call for arrays, images and slides."""

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from nuseg.engines.engine import Engine, notes_of
from nuseg.engines.loading import Device, choose_device, load_engine
from nuseg.engines.quality import AskedQuality, choose_quality
from nuseg.io.opening import Picture, open_source
from nuseg.model.store import Model, Quality, choose_model
from nuseg.notebook import with_bars
from nuseg.progress import ProgressCallback
from nuseg.results.early import EarlyOutputs
from nuseg.results.segmentation import Segmentation
from nuseg.segmentation.pipeline import segment_source
from nuseg.segmentation.plan import SegmentOptions
from nuseg.segmentation.region import Region, read_region


@dataclass(frozen=True)
class Segmenter:
    """A model with the engine that runs it, loaded once for many images and slides.

    Attributes
    ----------
    model : Model
        Resolution, margin, thresholds.
    engine : Engine
        Any function from `(n, h, w, 3)` uint8 to maps `(n, k, h, w)` float32 in 0..1.
    threads : int, optional
        CPU threads for all that is done beside the engine; None = all.
    quality, device : str, optional
        What was asked for and where the engine runs, for the record.
    notes : tuple of str
        What every result should say of how the model was chosen.

    Examples
    --------
    >>> segmenter = nuseg.Segmenter.load("fast", threads=4)  # doctest: +SKIP
    >>> for path in paths:  # doctest: +SKIP
    ...     segmenter(path).save("results")
    """

    model: Model
    engine: Engine
    threads: int | None = None
    quality: Quality | None = None
    device: Device | None = None
    notes: tuple[str, ...] = ()

    @classmethod
    def load(
        cls,
        model: str | Path | Model | None = None,
        device: Device = "auto",
        threads: int | None = None,
        quality: AskedQuality | None = None,
    ) -> "Segmenter":
        """Load a model and its engine; `segment` explains the parameters."""
        device = choose_device(device)
        chosen, notes = choose_quality(quality, model, device)
        found = choose_model(model, chosen)
        return cls(found, load_engine(found, device, threads), threads, chosen, device, notes)

    @with_bars
    def __call__(
        self,
        source: Picture,
        mpp: float | None = None,
        progress: ProgressCallback | None = None,
        *,
        options: SegmentOptions | None = None,
        checkpoint: str | Path | None = None,
        early: EarlyOutputs | None = None,
    ) -> Segmentation:
        """Segment one image or slide; `segment` explains the parameters.

        `mpp` goes before that of `options`. `early` says which outputs of a slide are written while its nuclei are
        being found, for a result that is saved.
        """
        chosen = options or SegmentOptions()
        if mpp is not None:
            chosen = replace(chosen, mpp=mpp)
        opened = open_source(source)
        try:
            found = segment_source(
                opened, self.model.config, self.engine, chosen, checkpoint, self.threads, progress, early
            )
            found.info.settings.update(quality=self.quality, device=self.device)
            if notes := (*self.notes, *notes_of(self.engine)):
                found.info = replace(found.info, notes=(*found.info.notes, *notes))
            return found
        except BaseException:
            if opened is not source:
                opened.close()
            raise


@lru_cache(maxsize=2)
def remembered_engine(
    folder: Path, _files: tuple[str, ...], quality: Quality | None, device: Device, threads: int | None
) -> Engine:
    """Load an engine, or give the one loaded before: `segment` in a loop would load it for every image."""
    return load_engine(choose_model(folder, quality), device, threads)


@with_bars
def segment(
    source: Picture,
    mpp: float | None = None,
    model: str | Path | Model | None = None,
    *,
    quality: AskedQuality | None = None,
    region: str | Path | Region | None = None,
    tissue: bool | None = None,
    device: Device = "auto",
    threads: int | None = None,
    tile: int | None = None,
    stain: str | None = None,
    engine: Engine | None = None,
    checkpoint: str | Path | None = None,
    progress: ProgressCallback | None = None,
) -> Segmentation:
    """Segment, count and measure the nuclei of an H&E image or slide.

    Parameters
    ----------
    source : path, array, Pillow picture, Image or Source
        An image file, a slide, or pixels as `nuseg.io.pixels.to_rgb_uint8` takes them: grey, RGB or RGBA, of 8 or 16
        bits or float. An array of dask or zarr is computed or fetched part by part. Of a Pillow picture the pixels
        count, as Pillow shows them; its metadata do not.
    mpp : float, optional
        Resolution (um/px), over what the file says. Where neither says it, 0.25 is taken, and a note says so.
    model : str, path or Model
        Name of a shipped model, a model folder, or a run folder; default: the quality's.
    quality : {"auto", "fast", "light", "default", "best"}, optional
        How much time to spend; "best" sees every image in eight views (test-time augmentation), "auto" takes "light" on
        CPUs on which "default" is slow, and "fast" on very slow ones, with a note.
    region : str, path or Region, optional
        Count nuclei only in "x,y,width,height" (px of level 0), or in the areas of an annotation file.
    tissue : bool, optional
        Look for nuclei in tissue alone; default: for sources of more than 1 mm2.
    device : {"auto", "cpu", "cuda", "mps"}
        Where to run.
    threads : int, optional
        CPU threads of everything that is done; default: all.
    tile : int, optional
        Side of the tiles that the source is cut into (px of the model's grid); memory grows with it, the result is
        the same. Default: the largest that keep a slide under 2 GB, of which there are some in every source.
    stain : str, optional
        Normalise the stain for the network by "macenko", "vahadane" or "reinhard" (`nuseg.stain_methods`), fitted on
        the whole source; measures stay those of the source as it is. Default: not at all.
    engine : function, optional
        Runs the network instead of the model's own engine: `(n, h, w, 3)` uint8 to maps `(n, k, h, w)` float32.
    checkpoint : path, optional
        Folder to keep what is done of a slide in: after an interruption the same call goes on from there.
    progress : function, optional
        Called with a `nuseg.Progress` after each tile; default: bars in notebooks, else nothing.

    Returns
    -------
    Segmentation
        `.nuclei`, `.polygons`, `.labels`, `.mask`, `.summary`, `.save(folder)`; a picture and a table in notebooks.

    Raises
    ------
    NusegError
        The source, the resolution or the model cannot be used; the message says why.

    Examples
    --------
    >>> result = nuseg.segment("biopsy.png", mpp=0.25)  # doctest: +SKIP
    >>> result.nuclei["area_um2"].mean()  # doctest: +SKIP
    """
    where = choose_device(device) if engine is None else None
    chosen, notes = choose_quality(quality, model, where or "")
    found = choose_model(model, chosen)
    if engine is None:
        assert where is not None  # as said above
        files = tuple(sorted(found.config.files.values()))
        best: Quality | None = "best" if found.config.orientations > 1 else None
        engine = remembered_engine(found.path, files, best, where, threads)
    area = region if region is None or isinstance(region, Region) else read_region(str(region))
    options = SegmentOptions(mpp, area, tissue, tile, stain)
    segmenter = Segmenter(found, engine, threads, chosen, where, notes)
    return segmenter(source, options=options, checkpoint=checkpoint, progress=progress)
