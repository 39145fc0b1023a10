"""Measures of nuclei: outline, shape, stain, density. Functions on arrays: no files, no networks."""
