"""Every command that README and docs show runs as printed, page by page and in their order, on tiny images."""

import json
import re
import shlex
import shutil
from itertools import product
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import shapely
import typer
from command_line import run_cli

from annotated import field
from correcting import Page, square
from nuseg.cli import make_app
from nuseg.engines.loading import load_engine
from nuseg.io.image import write_png
from nuseg.measure.outline import outlines
from nuseg.model import export
from nuseg.model.network import Network
from nuseg.model.store import load_model, sha256
from nuseg.segmentation import segmenter
from nuseg.training import finish, tune
from nuseg.training.config import load_config, render_config
from nuseg.viewer import server
from public_trees import TREES, zipped
from qupath_edits import annotation
from slide_files import save_pyramid

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMANDS = typer.main.get_command(make_app()).commands  # type: ignore[attr-defined]
SHELL = ("", "bash", "console", "sh")  # languages of blocks that hold commands
# What is appended to every training, so that it takes a moment.
QUICK = ["optimiser.epochs=1", "optimiser.steps=1", "data.batch=1", "data.window=32", "data.workers=0"]
QUICK += ["compute.accelerator=cpu", "compute.precision=32-true"]
# Only parsed, by the real command line and, with --set, the real configuration.
PARSED_ONLY = {
    "--seeds": "trains several times; test_seeds.py and test_cli_compare.py do",
    "nuseg demo": "segments two images of full size; test_demo.py runs it",
    "--device cuda": "needs a GPU",
    "--cluster": "needs other processes; test_cluster.py starts some",
    "--download": "needs the network; test_public_download.py has a server",
    "compute.accelerator=gpu": "needs a GPU",
    "slide.ndpi.ndpa": "needs a slide of a Hamamatsu scanner",
    "--strict": "ends with an error where it finds faults, and these generated images resemble each other",
    "--to bioimageio": "needs a package that is optional; test_cli_export_bioimageio.py runs it",
    "network.preset=smp": "needs a package that is optional",
}


def shown_commands(page: Path) -> list[str]:
    """Lines of a page's shell blocks that begin with a program; a line that ends with a backslash goes on."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    lines = [line for language, text in blocks if language in SHELL for line in text.replace("\\\n", " ").splitlines()]
    return [line for line in lines if re.match(r"(nuseg|python|pip|make) ", line)]


def write_images(folder: Path, names: list[str], labels: str | None = None) -> None:
    """Small fields of nuclei, and beside them their label images where a folder for these is named."""
    for seed, name in enumerate(names):
        pixels, truth = field(seed)
        write_png(folder / f"{name}.png", pixels)
        if labels is not None:
            write_png(folder.parent / labels / f"{name}.png", truth.astype(np.uint16))


def dataset_from(folder: Path, name: str, annotation: str = "instance") -> None:
    """The dataset `dataset` under another name."""
    shutil.copytree(folder / "dataset", folder / name)
    path = folder / name / "dataset.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "name": name, "annotation": annotation, "fingerprint": name}))


def write_predictions(folder: Path, names: list[str]) -> None:
    """What another tool made: label images, masks, and outlines as QuPath exports them."""
    square = [[1, 1], [9, 1], [9, 9], [1, 9], [1, 1]]
    nucleus = {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [square]}, "properties": {}}
    for seed, name in enumerate(names):
        truth = field(seed)[1]
        write_png(folder / "labels" / f"{name}.png", truth.astype(np.uint16))
        write_png(folder / "masks" / f"{name}.png", (truth > 0).astype(np.uint8) * 255)
        (folder / "geojson").mkdir(exist_ok=True)
        (folder / "geojson" / f"{name}.geojson").write_text(
            json.dumps({"type": "FeatureCollection", "features": [nucleus]})
        )


def write_corrected(folder: Path) -> None:
    """A slide and what was drawn on it in QuPath: four regions, and a nucleus in each of them."""
    (folder / "cases").mkdir()
    save_pyramid(folder / "cases" / "s.svs", np.tile(field(3)[0], (10, 9, 1)), mpp=0.25)
    drawn = [
        annotation(shapely.box(x, y, x + side, y + side), "Region*" if side > 20 else None)
        for x in (10, 250)
        for y in (10, 240)
        for side in (220, 9)
    ]
    for place, features in (("corrected", drawn), ("areas", drawn[::2])):
        (folder / place).mkdir()
        (folder / place / "s.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    nuclei = [
        annotation(shapely.Point(left + x, top + y), "round" if number % 2 else "other")
        for number, left in enumerate(range(0, 504, 56))
        for top in range(0, 480, 48)
        for y, x in ((9, 9), (24, 34), (40, 16))
    ]
    (folder / "marked").mkdir()
    (folder / "marked" / "s.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": nuclei}))
    unsure = np.zeros(field(0)[0].shape[:2], np.uint8)
    unsure[:5] = 255
    write_png(folder / "mydata" / "unsure" / "patient0_0.png", unsure)


def write_cells(folder: Path, names: list[str]) -> None:
    """Outlines with classes, as QuPath exports them."""
    for seed, name in enumerate(names):
        pixels, truth = field(seed)
        write_png(folder / "images" / f"{name}.png", pixels)
        features = [
            annotation(shapely.Polygon(ring), ("lymphocyte", "tumour")[number % 2])
            for number, ring in enumerate(outlines(truth))
        ]
        (folder / "labels").mkdir(exist_ok=True)
        (folder / "labels" / f"{name}.geojson").write_text(
            json.dumps({"type": "FeatureCollection", "features": features})
        )


def with_class_maps(model: onnx.ModelProto, classes: int) -> onnx.ModelProto:
    """A graph that gives beside its maps one for each class: the mask, so that all are equally probable."""
    for node in model.graph.node:
        node.output[:] = ["maps without" if name == "maps" else name for name in node.output]
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([0], np.int64), "first"))
    model.graph.node.extend(
        [
            onnx.helper.make_node("Gather", ["maps without", "first"], ["of class"], axis=1),
            onnx.helper.make_node("Concat", ["maps without", *["of class"] * classes], ["maps"], axis=1),
        ]
    )
    del model.graph.output[:]
    shape = ["n", 2 + classes, "h", "w"]
    model.graph.output.append(onnx.helper.make_tensor_value_info("maps", onnx.TensorProto.FLOAT, shape))
    return model


def write_conversions(folder: Path) -> None:
    """What `nuseg convert` is shown with."""
    shutil.copytree(folder / "mydata" / "labels", folder / "labels")
    shutil.copytree(folder / "mydata" / "images", folder / "images")
    shutil.make_archive(str(folder / "export"), "zip", folder / "other-tool" / "geojson")
    write_png(folder / "img" / "tile.png", np.full((256, 256, 3), 230, np.uint8))
    ring = [[10, 10], [30, 10], [30, 30], [10, 30], [10, 10]]
    properties = {"classification": {"name": "tumor"}}
    nucleus = {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]}, "properties": properties}
    (folder / "puma").mkdir()
    (folder / "puma" / "tile.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [nucleus]}))
    (folder / "classes.yaml").write_text("Neoplastic: [tumor]\n")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All files that the commands of the pages name, but those that earlier commands make."""
    folder = tmp_path_factory.mktemp("documented")
    splits = dict.fromkeys(("patient0", "patient1", "patient2"), "train")
    splits |= {"patient3": "validation", "patient4": "test"}
    rows = [(f"{patient}_{image}", patient, split) for patient, split in splits.items() for image in range(2)]
    names = [name for name, *_ in rows]
    write_images(folder / "mydata" / "images", names, "labels")
    (folder / "list.csv").write_text("\n".join(map(",".join, [("name", "patient", "split"), *rows])) + "\n")
    words = ["--mpp", 0.25, "--table", folder / "list.csv", "--group-column", "patient", "--split-column", "split"]
    assert run_cli("prepare", folder / "mydata", "-o", folder / "dataset", *words).code == 0
    for name in ("kidney", "liver", "public", "instances"):
        dataset_from(folder, name)
    dataset_from(folder, "masks", "binary")
    write_images(folder / "demo" / "images", ["tnbc"])
    for place in ("new-images", "scans", "more/x"):
        write_images(folder / place, ["a"])
    cv2.imwrite(str(folder / "biopsy.tif"), field(1)[0])
    cv2.imwrite(str(folder / "more" / "x" / "b.tif"), field(2)[0])
    (folder / "slides").mkdir()
    for path in (folder / "slide.svs", folder / "slides" / "s.svs"):
        save_pyramid(path, np.tile(field(3)[0], (4, 4, 1)))
    write_corrected(folder)
    write_predictions(folder / "other-tool", names)
    shutil.copy(folder / "other-tool" / "geojson" / f"{names[0]}.geojson", folder / "nuclei.geojson")
    write_conversions(folder)
    write_cells(folder / "cells", names)
    write_images(folder / "brca-m2c" / "images", names)
    write_images(folder / "tissue" / "images", names)
    (folder / "brca-m2c" / "points").mkdir()
    for name in names:
        (folder / "brca-m2c" / "points" / f"{name}.csv").write_text("y,x,class\n9,9,1\n20,30,2\n")
    cv2.imwrite(str(folder / "good.png"), field(4)[0])
    ring = [[0, 0], [200, 0], [200, 200], [0, 200], [0, 0]]
    for name in ("roi", "areas"):
        (folder / f"{name}.geojson").write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    (folder / "clinical.csv").write_text("name,patient,group,grade\na,p1,treated,2\n")
    for seed, name in enumerate(("a1", "a2", "a3", "a4")):
        pixels, truth = field(seed)
        write_png(folder / "stage1_train" / name / "images" / f"{name}.png", pixels)
        for number in range(1, truth.max() + 1):
            mask = (truth == number).astype(np.uint8) * 255
            write_png(folder / "stage1_train" / name / "masks" / f"{number}.png", mask)
        write_png(folder / "HE" / f"{name}.png", pixels)
        write_png(folder / "nuclei" / f"{name}.png", (truth > 0).astype(np.uint8) * 255)
    TREES["monuseg"](folder / "Downloads" / "MoNuSeg")
    for part in (folder / "Downloads" / "MoNuSeg").iterdir():
        zipped(part, folder / f"{part.name}.zip")
    shutil.copytree(folder / "mydata" / "labels", folder / "true-labels")
    (folder / "run1").mkdir()
    (folder / "run1" / "config.yaml").write_text(render_config(load_config(overrides=QUICK)) + "\n")
    return folder


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes long and is no part of a command line is done once, or in little."""

    engines: dict[object, object] = {}

    def load(model, device="auto", threads=None, precision=None):  # type: ignore[no-untyped-def]
        # Most trainings give the same graph, and none changes one that it has written.
        how = model.config.orientations, precision or model.config.precision, device, threads
        key = sha256(model.graph()), how
        if key not in engines:
            engines[key] = load_engine(model, device, threads, precision)
        return engines[key]

    def shipped_graph(network: Network) -> onnx.ModelProto:
        # That of the same architecture: which weights it has does not matter here, and to make one takes long.
        wide = sum(value.numel() for value in network.parameters()) > 1_200_000
        graph = onnx.load(load_model("default" if wide else "fast").graph())
        return graph if network.branch is None else with_class_maps(graph, network.branch.head.out_channels)

    for module in (segmenter, finish):
        monkeypatch.setattr(module, "load_engine", load)
    for figure in ("draw_curves", "draw_predictions"):
        monkeypatch.setattr(finish, figure, lambda *_: None)
    monkeypatch.setattr(export, "to_onnx", shipped_graph)
    monkeypatch.setattr(tune, "CANDIDATES", {"mask": (0.4,)})
    monkeypatch.setattr(server.Viewer, "run", server.Viewer.close)  # else it would go on until somebody ends it


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("page", [page for page in PAGES if shown_commands(page)], ids=lambda page: page.name)
def test_the_commands_of_a_page_run_as_printed(
    page: Path, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Path(shutil.copytree(files, tmp_path / "place"))
    monkeypatch.chdir(place)
    for line in shown_commands(page):
        program, *words = shlex.split(line, comments=True)
        if program != "nuseg":
            check_other_program(program, words, page)
        elif any(part in line for part in PARSED_ONLY):
            parse(words)
        else:
            run(words, line)


def run(words: list[str], line: str) -> None:
    """Run a command; lines of a page that make the same folder are choices, unless the later one goes on."""
    name, made = words[0], Path(words[words.index("-o") + 1]) if "-o" in words else None
    aside = Path(f"{made}-before")
    if made is not None and name in ("train", "prepare", "export") and made.exists() and "--resume" not in words:
        made.rename(aside)
    if name == "train":
        words = [*words, *(word for setting in QUICK for word in ("--set", setting))]
    if name == "view":
        words = [*words, "--no-open", "--port", "0"]
    result = run_cli(*words)
    assert result.code == 0, f"{line}\n{result.output}"
    if words[:2] == ["view", "found"]:  # what somebody does there
        page = Page(Path("found"))
        for x, y in product((10, 250), (10, 240)):
            page.correct("finish", polygon=square(x, y, 220))
    if made is not None and aside.exists():
        old = aside if name != "prepare" else made  # a dataset that was there fits the other files
        shutil.rmtree(old)
        if old is made:
            aside.rename(made)


def parse(words: list[str]) -> None:
    """Check a command with the real parser; it raises what is wrong."""
    context = COMMANDS[words[0]].make_context(words[0], words[1:])
    load_config(overrides=list(context.params.get("set_") or []))


def check_other_program(program: str, words: list[str], page: Path) -> None:
    """Of programs that are not nuseg, check that what they are told to do exists."""
    if program == "make":
        assert re.search(rf"^{words[0]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    elif program == "python" and not (ROOT / words[0]).is_file():
        blocks = re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
        assert any("mydata" in block and compile(block, words[0], "exec") for block in blocks), words
    elif program == "pip":
        assert words[0] == "install"
        assert words[1].startswith("nuseg")


def test_there_are_commands_to_run() -> None:
    found = [line for page in PAGES for line in shown_commands(page)]
    assert len([line for line in found if line.startswith("nuseg ")]) > 35
    assert all(any(part in line for line in found) for part in PARSED_ONLY), "a reason that nothing needs any more"
