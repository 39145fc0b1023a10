"""PUMA: melanoma, primary and metastatic, ten classes as QuPath GeoJSON."""

from nuseg.annotations.formats.geojson import FORMAT as GEOJSON
from nuseg.datasets.public.named import Named
from nuseg.datasets.public.public_dataset import Content, Download, PublicDataset, pictures
from nuseg.datasets.public.tree import Tree

CLASSES = (
    "tumor",
    "lymphocyte",
    "plasma_cell",
    "histiocyte",
    "melanophage",
    "neutrophil",
    "stroma",
    "endothelium",
    "epithelium",
    "apoptosis",
)
_BEFORE, _AFTER = "nuclei_", "_nuclei"
_ADDRESS = "https://zenodo.org/records/15050523"


class Puma(PublicDataset):
    """One region per patient."""

    name = "puma"
    title = "PUMA"
    images = 206
    nuclei = 97429
    organs = "skin and metastases (melanoma)"
    mpp = 0.23
    magnification = "40x"
    licence = "CC0 1.0"
    commercial = "allowed"
    citation = "Schuiveling et al., GigaScience 14 (2025) giaf011, doi:10.1093/gigascience/giaf011"
    address = _ADDRESS
    split = "only the challenge's training part has public annotations"
    layout = (
        "'01_training_dataset_tif_ROIs/training_set_primary_roi_001.tif' with "
        "'01_training_dataset_geojson_nuclei/training_set_primary_roi_001_nuclei.geojson'"
    )
    by_hand = (
        "download 01_training_dataset_tif_ROIs.zip and 01_training_dataset_geojson_nuclei.zip from "
        "https://zenodo.org/records/15050523"
    )
    note = "the outlines were made by a network and corrected by hand"
    classes = CLASSES
    downloads = (
        Download(
            "01_training_dataset_tif_ROIs.zip",
            f"{_ADDRESS}/files/01_training_dataset_tif_ROIs.zip",
            "af48b879f8ff7e74b84a7114924881606f13f108aa0f9bcc21d3593b717ee022",
        ),
        Download(
            "01_training_dataset_geojson_nuclei.zip",
            f"{_ADDRESS}/files/01_training_dataset_geojson_nuclei.zip",
            "eda271225900d6de0759e0281f3731a570e09f2adab58bd36425b9d2dfad91a0",
        ),
    )

    def content(self, tree: Tree) -> Content:
        """Match images with GeoJSON of their name and `_nuclei`, beside the wider context and the tissue."""
        outlines = [file for file in tree.select((".geojson",)) if file.stem.endswith(_AFTER)]
        images = [file for file in pictures(tree, without=".*context.*") if not file.stem.endswith("_context")]
        kind = Named(GEOJSON, {f"{_BEFORE}{name}": name for name in CLASSES})
        return self.matched(images, outlines, kind, lambda file: file.stem.removesuffix(_AFTER))


DATASET = Puma()
