"""The sample: a generated H&E field, and its nuclei."""

from nuseg.datasets.synthetic import synthetic_field
from nuseg.napari_plugin.layers import LayerData, labels_layer, placed

SIDE, SEED, MPP, DENSITY = 768, 5, 0.25, 6000.0


def sample_field() -> list[LayerData]:
    """Make the field: an image of 768 x 768 px at 0.25 um/px, and the label image of its true nuclei."""
    pixels, truth = synthetic_field(SIDE, SIDE, SEED, MPP, DENSITY)
    place = placed(MPP)
    return [
        (pixels, {"name": "H&E field", "rgb": True, **place}, "image"),
        labels_layer(truth, "H&E field true nuclei", place | {"visible": False}),
    ]
