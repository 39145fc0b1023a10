"""What a notebook shows of a result."""

import base64
import re
from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
import pytest

from nuseg.measure.counts import CountError
from nuseg.plot.outlines import draw_outlines
from nuseg.results.batch import NucleiBatch
from nuseg.results.segmentation import Segmentation
from nuseg.results.store import Box
from slide_results import PINK, as_batch, as_result, cut, image_info, label_field, slide_info

LABELS = label_field(120, 180)
BATCH = as_batch(LABELS)
ERROR = CountError(images=9, bias=0, mean_absolute=0.1, low=0.9, high=1.2)


def shown_picture(html: str) -> np.ndarray:
    found = re.search(r'src="data:image/jpeg;base64,([^"]+)"', html)
    assert found is not None
    return cv2.imdecode(np.frombuffer(base64.b64decode(found[1]), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def test_picture_numbers_and_first_rows() -> None:
    info = replace(image_info(120, 180), count_error=ERROR, notes=("<pale> & thick",))
    html = as_result(list(cut(BATCH, 10)), info)._repr_html_()
    pink = np.full((*LABELS.shape, 3), PINK, np.uint8)
    assert np.abs(shown_picture(html).astype(int) - draw_outlines(pink, LABELS)).mean() < 6, "JPEG"
    facts = dict(re.findall(r"<th [^>]*>(.*?)</th><td [^>]*>(.*?)</td>", html))
    area = 120 * 180 * 0.5**2 / 1e6
    assert facts["image"] == "case 1.png"
    assert facts["nuclei"] == "35 (31 to 42 expected)"
    assert facts["nuclei per mm²"] == f"{35 / area:,.0f} over the image"
    assert facts["mean area"] == f"{BATCH.table['area_um2'].mean():.1f} µm²"
    assert facts["size"] == "180 × 120 px at 0.5 µm/px (aperio.MPP)"
    assert "<li>&lt;pale&gt; &amp; thick</li>" in html
    cells = re.findall(r"<td>(.*?)</td>", html)
    assert np.array_equal(np.array(cells, float).reshape(5, -1), BATCH.table.head(5).round(2))
    assert "and 30 more" in html


def test_no_nuclei() -> None:
    html = as_result([], image_info(40, 60))._repr_html_()
    assert '>nuclei</th><td style="text-align: left">0</td>' in html
    assert "area_um2" not in html
    assert "mean area" not in html


def test_names_cannot_write_html() -> None:
    info = replace(image_info(40, 60), model="<script>x</script>", name="<img>", path=None)
    html = as_result([], info)._repr_html_()
    assert "<script" not in html
    assert "<img>" not in html


def test_of_a_slide_the_overview_and_one_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    read = []

    class Store:
        """Counts the batches that are read once the statistics are made."""

        def batches(self, box: Box | None = None) -> Iterator[NucleiBatch]:
            for batch in cut(BATCH, 1, 10, 10):
                read.append(len(batch))
                yield batch

        def close(self) -> None: ...

    info = replace(slide_info(1300, 1300), kind="slide")
    result = as_result(Store(), info)
    assert result.statistics.count == 35
    read.clear()
    monkeypatch.setattr(Segmentation, "nuclei", property(lambda self: pytest.fail("all nuclei were read")))
    html = result._repr_html_()
    assert read == [1, 10]
    assert "and 30 more" in html
    assert max(shown_picture(html).shape) <= 1200
