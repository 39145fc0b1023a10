"""Every figure: outlines, contact sheets, curves, densities."""
