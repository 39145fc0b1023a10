"""nuseg in napari: a widget that segments layers, readers of slides, results and datasets, and a sample."""
