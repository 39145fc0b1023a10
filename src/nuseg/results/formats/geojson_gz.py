"""Nuclei as QuPath detections, compressed: QuPath opens the file as it is."""

from dataclasses import replace

from nuseg.results.formats import geojson

OUTPUT = replace(
    geojson.OUTPUT,
    name="geojson-gz",
    suffix=".geojson.gz",
    folder="geojson",
    help="the file of geojson, compressed",
    default_for=(),
)
