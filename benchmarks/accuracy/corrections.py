"""What corrections gain: a model before and after it was trained on corrected results of its own.

    python benchmarks/accuracy/corrections.py DATASET OUT [--model default] [--set optimiser.epochs=20 ...]

DATASET is made by `nuseg prepare`, with all three splits, by patient or slide. The model segments the images of `train`
and `validation`; the annotations of the dataset, with the ids of the nuclei that they correct, stand for what somebody
made of these results in QuPath; `nuseg prepare` reads them and counts the corrections; `nuseg train` starts from the
model; and both models are scored on `test`, which neither has seen, if the dataset was not trained on.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

import nuseg
from nuseg.annotations.annotation import Annotation
from nuseg.annotations.registry import annotation_formats
from nuseg.datasets.corrections import matches
from nuseg.datasets.dataset import Dataset, Item, load_item
from nuseg.datasets.prepare import Prepared, PrepareSettings, prepare
from nuseg.training.config import load_config

SCORES = ("dice", "aji", "pq", "f1")
LIST = "split.csv"


def correct(item: Item, results: Path, corrected: Path) -> None:
    """Write the true outlines of an image, each with the id of the result that it corrects."""
    truth, found = Annotation(load_item(item)[1]), annotation_formats["nuseg"].load(results, item.name)
    outlines = Annotation(polygons=truth.areas)
    ids: list[str | None] = [None] * outlines.count
    for before, after in zip(*(places.tolist() for places in matches(found, outlines)), strict=True):
        ids[after] = found.identifiers[before]
    annotation_formats["geojson"].write(replace(outlines, ids=tuple(ids)), corrected / f"{item.name}.geojson")


def corrected_dataset(dataset: Dataset, model: str, out: Path) -> Prepared:
    """Segment, correct and prepare the images that are trained on."""
    items = [*dataset.split("train"), *dataset.split("validation")]
    for item in items:
        nuseg.segment_folder(item.image, out / "results", ["geojson"], mpp=item.mpp, model=model)
        correct(item, out / "results", out / "corrected")
    rows = [f"{item.name},{item.split},{item.group},{item.mpp}" for item in items]
    (out / LIST).write_text("\n".join(["name,split,group,mpp", *rows]) + "\n")
    settings = PrepareSettings(
        images=str(items[0].image.parent),
        labels="corrected",
        skip_unpaired=True,
        table=out / LIST,
        split_column="split",
        group_column="group",
        mpp_column="mpp",
        compared_with="results",
        overwrite=True,
    )
    return prepare(out, out / "dataset" / dataset.name, settings)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", default="default")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="of `nuseg train`")
    arguments = parser.parse_args()
    dataset = Dataset.load(arguments.dataset)
    arguments.out.mkdir(parents=True, exist_ok=True)
    prepared = corrected_dataset(dataset, arguments.model, arguments.out)
    config = load_config(overrides=[f"network.init={arguments.model}", *arguments.set])
    nuseg.train([prepared.dataset], arguments.out / "run", config)
    console = Console()
    console.print(str(prepared.corrections))
    table = Table("model", "images", *SCORES)
    for name, model in (("before", arguments.model), ("after", arguments.out / "run")):
        found = nuseg.evaluate_dataset(arguments.dataset, model=model, split="test")
        shown = (found.summary.loc[score, ["mean", "low", "high"]] for score in SCORES)
        cells = [f"{mean:.3f} ({low:.3f}-{high:.3f})" for mean, low, high in shown]
        table.add_row(name, str(len(found.table)), *cells)
    console.print(table)


if __name__ == "__main__":
    main()
