"""Stains told apart and brought to one look: how an image is stained, fitted once, and applied pixel by pixel."""
