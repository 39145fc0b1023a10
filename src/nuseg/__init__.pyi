from nuseg.annotations.registry import annotation_formats as annotation_formats
from nuseg.datasets.conversion import ConvertOptions as ConvertOptions
from nuseg.datasets.conversion import convert_annotations as convert_annotations
from nuseg.datasets.dataset import Dataset as Dataset
from nuseg.datasets.prepare import PrepareSettings as PrepareSettings
from nuseg.datasets.prepare import prepare as prepare
from nuseg.datasets.public.prepare_public import prepare_public as prepare_public
from nuseg.datasets.public.registry import public_datasets as public_datasets
from nuseg.errors import NusegError as NusegError
from nuseg.evaluation import score_image as evaluate
from nuseg.evaluation.compare import compare as compare
from nuseg.evaluation.dataset import evaluate_dataset as evaluate_dataset
from nuseg.io.image import Image as Image
from nuseg.io.opening import open_slide as open_slide
from nuseg.io.opening import open_source as open_source
from nuseg.io.opening import read_image as read_image
from nuseg.io.source import Source as Source
from nuseg.model.bioimageio import export_bioimageio as export_bioimageio
from nuseg.model.store import load_model as load_model
from nuseg.preprocess.stain.normaliser import fit_stain as fit_stain
from nuseg.preprocess.stain.normaliser import normalise_stain as normalise_stain
from nuseg.preprocess.stain.registry import stain_methods as stain_methods
from nuseg.progress import Progress as Progress
from nuseg.quality.dataset_check import check_dataset as check_dataset
from nuseg.results.cohort.report import write_report as write_report
from nuseg.results.formats.spatialdata import read_spatialdata as read_spatialdata
from nuseg.results.output import Output as Output
from nuseg.results.registry import outputs as outputs
from nuseg.results.segmentation import Segmentation as Segmentation
from nuseg.segmentation.folder import segment_folder as segment_folder
from nuseg.segmentation.plan import SegmentOptions as SegmentOptions
from nuseg.segmentation.region import Region as Region
from nuseg.segmentation.region import read_region as read_region
from nuseg.segmentation.segmenter import Segmenter as Segmenter
from nuseg.segmentation.segmenter import segment as segment
from nuseg.training.config import TrainConfig as TrainConfig
from nuseg.training.fit import train as train
from nuseg.training.seeds import train_seeds as train_seeds

__all__ = [
    "ConvertOptions",
    "Dataset",
    "Image",
    "NusegError",
    "Output",
    "PrepareSettings",
    "Progress",
    "Region",
    "SegmentOptions",
    "Segmentation",
    "Segmenter",
    "Source",
    "TrainConfig",
    "annotation_formats",
    "check_dataset",
    "compare",
    "convert_annotations",
    "evaluate",
    "evaluate_dataset",
    "export_bioimageio",
    "fit_stain",
    "load_model",
    "normalise_stain",
    "open_slide",
    "open_source",
    "outputs",
    "prepare",
    "prepare_public",
    "public_datasets",
    "read_image",
    "read_region",
    "read_spatialdata",
    "segment",
    "segment_folder",
    "stain_methods",
    "train",
    "train_seeds",
    "write_report",
]
