"""One module per kind of fault; each holds a `CHECK`."""
