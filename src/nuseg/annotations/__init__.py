"""Readers of nuclei annotations, one module per format; each gives a label image."""
