"""All public datasets, by name."""

from nuseg.datasets.public.public_dataset import PublicDataset
from nuseg.registry import Registry

public_datasets: Registry[PublicDataset] = Registry(
    "public dataset", "nuseg.datasets.public.sets", "DATASET", "nuseg.public_datasets"
)
"""Other packages add to it by entry points of the group `nuseg.public_datasets`, programs by `register`."""
