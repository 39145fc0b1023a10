"""How good a segmentation is, by scores that mean what their papers say.

>>> from nuseg.evaluation import score_image, summarise
>>> scores = score_image(true_labels, predicted_labels)
>>> scores["dice"], scores["aji"], scores["pq"]

Each score is defined in one place, with its paper: per pixel in `pixel_scores`, per nucleus in `object_scores`.
One rule holds for empty images, in `contingency.ratio`. A dataset's score is the mean over its images, each
weighing the same.
"""

from nuseg.evaluation.object import object_scores
from nuseg.evaluation.pixel import pixel_scores
from nuseg.evaluation.report import score_image, summarise, write_scores
from nuseg.evaluation.statistics import bootstrap_ci

__all__ = ["bootstrap_ci", "object_scores", "pixel_scores", "score_image", "summarise", "write_scores"]
