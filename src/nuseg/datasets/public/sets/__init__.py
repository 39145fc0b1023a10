"""Public datasets, one module each with an attribute `DATASET`."""
