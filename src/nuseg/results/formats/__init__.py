"""One module for each output; each has an `OUTPUT`."""
