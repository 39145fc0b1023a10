"""Generated H&E fields with known truth: to test on, to learn with, to show what nuseg does."""

from nuseg.data.synthetic.field import synthetic_field
from nuseg.data.synthetic.nuclei import POPULATIONS, Population

__all__ = ["POPULATIONS", "Population", "synthetic_field"]
