"""Aperio XML: layers, holes, classes, what has no area; and a real file beside its label image."""

from pathlib import Path

import numpy as np
import pytest
from skimage.draw import polygon as fill

from nuseg.annotations.formats.aperio import FORMAT
from nuseg.annotations.raster import read_raw


def region(corners: list[tuple[float, float]], **attributes: object) -> str:
    given = "".join(f' {name}="{value}"' for name, value in attributes.items())
    vertices = "".join(f'<Vertex X="{x}" Y="{y}"/>' for x, y in corners)
    return f"<Region{given}><Vertices>{vertices}</Vertices></Region>"


def box(left: float, top: float, side: float) -> list[tuple[float, float]]:
    return [(left, top), (left + side, top), (left + side, top + side), (left, top + side)]


def save(path: Path, *layers: tuple[str, str]) -> Path:
    text = "".join(f"<Annotation {about}><Regions>{regions}</Regions></Annotation>" for about, regions in layers)
    path.write_text(f"<Annotations>{text}</Annotations>")
    return path


def test_classes_come_from_region_layer_or_description(tmp_path: Path) -> None:
    described = '<Annotation LineColor="65280"><Attributes><Attribute Name="Description" Value="stroma"/></Attributes>'
    path = tmp_path / "a.xml"
    path.write_text(
        '<Annotations MicronsPerPixel="0.5"><Annotation Name="tumour" LineColor="255"><Regions>'
        f"{region(box(0, 0, 4))}{region(box(5, 0, 4), Text='mitosis')}</Regions></Annotation>"
        f"{described}<Regions>{region(box(0, 5, 2))}</Regions></Annotation></Annotations>"
    )
    found = FORMAT.load(path, "a")
    assert found.classes == ("tumour", "mitosis", "stroma")
    assert found.colours == {"tumour": (255, 0, 0), "stroma": (0, 255, 0)}
    assert found.canvas.mpp == 0.5


def test_negative_regions_are_holes_in_the_smallest_region_around_them(tmp_path: Path) -> None:
    regions = region(box(0, 0, 20), Id=1) + region(box(2, 2, 8), Id=2) + region(box(4, 4, 2), NegativeROA=1)
    other = region(box(3, 3, 4), Id=1)
    found = FORMAT.load(save(tmp_path / "a.xml", ("", regions), ("", other)), "a")
    assert [nucleus.area for nucleus in found.areas] == [400, 60, 16]


def test_a_nucleus_that_fills_a_hole_is_not_cut_away(tmp_path: Path) -> None:
    regions = region(box(0, 0, 9), Id=1) + region(box(3, 3, 3), NegativeROA=1) + region(box(3, 3, 3), Id=2)
    found = FORMAT.load(save(tmp_path / "a.xml", ("", regions)), "a")
    assert [nucleus.area for nucleus in found.areas] == [72, 9]


def test_rulers_arrows_and_points_are_left_out_with_a_note(tmp_path: Path) -> None:
    regions = region(box(0, 0, 4), Type=4) + region([(1, 1), (5, 5)]) + region(box(0, 0, 3), Type=0)
    found = FORMAT.load(save(tmp_path / "a.xml", ('Type="4"', regions)), "a")
    assert [nucleus.area for nucleus in found.areas] == [9]
    assert found.notes == ("2 regions without an area: left out",)


def test_a_real_file_beside_the_label_image_made_of_it(real_data: Path) -> None:
    """The label image was drawn in the order of the file, vertices moved by -1 px, by another rule for borders."""
    name = "TCGA-B0-5710-01Z-00-DX1"
    found = FORMAT.load(real_data / "formats" / "aperio_xml" / f"{name}.xml", name)
    given = read_raw(real_data / "monuseg-train" / "labels" / f"{name}.png").astype(np.int32)
    assert len(found.areas) == given.max() == 359
    drawn = found.label_image((1000, 1000))
    assert len(np.unique(drawn)) == 360
    overlap = ((drawn > 0) & (given > 0)).sum() / ((drawn > 0) | (given > 0)).sum()
    assert overlap == pytest.approx(0.886, abs=0.002)
    again = np.zeros_like(given)
    for number, nucleus in enumerate(found.areas, start=1):
        for part in getattr(nucleus, "geoms", [nucleus]):
            x, y = np.array(part.exterior.coords).T - 1
            again[fill(y, x, again.shape)] = number
    assert (again != given).mean() < 0.001


def test_the_class_of_a_layer_may_be_the_name_of_an_attribute_without_a_value(tmp_path: Path) -> None:
    layers = (("Epithelial", ""), ("Description", ""), ("Description", "stroma"), ("Zoom", "20"))
    text = "".join(
        f'<Annotation Name=""><Attributes><Attribute Name="{name}" Value="{value}"/></Attributes>'
        f"<Regions>{region(box(1, 1, 4))}</Regions></Annotation>"
        for name, value in layers
    )
    path = tmp_path / "a.xml"
    path.write_text(f"<Annotations>{text}</Annotations>")
    assert FORMAT.load(path, "a").classes == ("Epithelial", None, "stroma", None)
