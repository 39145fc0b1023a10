"""Public datasets by name: what their authors distribute, read as it is."""
