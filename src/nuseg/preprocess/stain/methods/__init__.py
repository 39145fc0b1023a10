"""One module per method of stain normalisation; each holds a `METHOD`."""
