"""Results on disk: one module for each kind of file, each with a `write`."""
