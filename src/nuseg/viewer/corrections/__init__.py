"""Corrections in the viewer: checked, kept in a journal, read back, exported."""
