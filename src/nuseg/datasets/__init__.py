"""Datasets: their layout, preparation, checks, splits, targets and augmentation."""
