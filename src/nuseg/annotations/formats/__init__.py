"""The annotation formats that come with nuseg, one module each, found by its attribute `FORMAT`."""
