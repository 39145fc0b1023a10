"""Generated H&E fields with known truth: to test on, to learn with, to show what nuseg does."""

from nuseg.datasets.synthetic.field import synthetic_field
from nuseg.datasets.synthetic.nuclei import POPULATIONS, Population

__all__ = ["POPULATIONS", "Population", "synthetic_field"]
