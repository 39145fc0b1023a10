"""Trees of files as the authors of public datasets distribute them, with tiny images."""

import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tifffile
from scipy.io import savemat

from annotated import field as draw_field
from nuseg.io.image import write_png

SQUARES = ((5, 5), (30, 20), (12, 36))
"""Upper left corners, x and y, of the three nuclei of `annotated.field`."""
SIDE = 8


@dataclass(frozen=True)
class Expected:
    """What a dataset made of a tree must hold.

    Attributes
    ----------
    splits : mapping of image to split
        With None where the authors name none.
    groups : mapping of image to group
        Only those that are not the image itself.
    classes : tuple of str
        Of the three nuclei, where the format has classes.
    mpp : float
    """

    splits: dict[str, str | None]
    groups: dict[str, str] = field(default_factory=dict)
    classes: tuple[str | None, ...] | None = None
    mpp: float = 0.25


def image(path: Path, seed: int) -> np.ndarray:
    """Write an image of three nuclei; gives its label image."""
    pixels, labels = draw_field(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix in (".tif", ".tiff"):
        tifffile.imwrite(path, pixels)
    else:
        write_png(path, pixels)
    return labels


def aperio(path: Path, layers: dict[str, list[tuple[int, int]]]) -> None:
    """Write squares as Aperio XML, a layer per class; the class is the name of an attribute, as in MoNuSAC."""
    text = '<Annotations MicronsPerPixel="0.252000">'
    for number, (name, corners) in enumerate(layers.items(), start=1):
        attribute = f'<Attribute Name="{name or "Description"}" Id="0" Value=""/>'
        regions = "".join(_region(place, x, y) for place, (x, y) in enumerate(corners, start=1))
        text += f'<Annotation Id="{number}" Name="" Type="4"><Attributes>{attribute}</Attributes>'
        text += f"<Regions><RegionAttributeHeaders/>{regions}</Regions><Plots/></Annotation>"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "</Annotations>")


def _region(number: int, x: int, y: int) -> str:
    corners = [(x, y), (x + SIDE, y), (x + SIDE, y + SIDE), (x, y + SIDE)]
    vertices = "".join(f'<Vertex X="{a}" Y="{b}" Z="0"/>' for a, b in corners)
    return f'<Region Id="{number}" Type="0" Text="" NegativeROA="0"><Vertices>{vertices}</Vertices></Region>'


def mat(path: Path, labels: np.ndarray, **more: np.ndarray) -> None:
    """Write a MATLAB file with `inst_map`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, {"inst_map": labels.astype(np.float64), **more})


def monuseg(root: Path) -> Expected:
    train = ["TCGA-A7-A13E-01Z-00-DX1", "TCGA-AR-A1AK-01Z-00-DX1", "TCGA-B0-5710-01Z-00-DX1"]
    test = ["TCGA-2Z-A9J9-01A-01-TS1", "TCGA-ZZ-0001-01Z-00-DX1"]
    for seed, name in enumerate(train):
        image(root / f"MoNuSeg 2018 Training Data/Tissue Images/{name}.tif", seed)
        aperio(root / f"MoNuSeg 2018 Training Data/Annotations/{name}.xml", {"": list(SQUARES)})
    for seed, name in enumerate(test, 10):
        image(root / f"MoNuSegTestData/{name}.tif", seed)
        aperio(root / f"MoNuSegTestData/{name}.xml", {"": list(SQUARES)})
    splits = dict.fromkeys(train, "train") | dict.fromkeys(test, "test")
    return Expected(splits, {name: name[:12] for name in splits})


def kumar(root: Path) -> Expected:
    splits: dict[str, str | None] = {}
    images = {
        "TCGA-18-5592-01Z-00-DX1": "train",
        "TCGA-21-5784-01Z-00-DX1": "train",
        "TCGA-21-5786-01Z-00-DX1": "test_same",
        "TCGA-AY-A8YK-01A-01-TS1": "test_diff",
    }
    for seed, (name, folder) in enumerate(images.items()):
        labels = image(root / f"kumar/{folder}/Images/{name}.tif", seed)
        image(root / f"kumar/{folder}/Overlay/{name}.png", seed)
        mat(root / f"kumar/{folder}/Labels/{name}.mat", labels)
        splits[name] = "train" if folder == "train" else "test"
    return Expected(splits, {name: name[:12] for name in splits})


def tnbc(root: Path) -> Expected:
    names = ["01_1", "01_2", "02_1", "03_1"]
    for seed, name in enumerate(names):
        patient = name[:2]
        labels = image(root / f"TNBC_NucleiSegmentation/Slide_{patient}/{name}.png", seed)
        write_png(
            root / f"TNBC_NucleiSegmentation/GT_{patient}/{name}.png", np.where(labels > 0, 255, 0).astype(np.uint8)
        )
    return Expected(dict.fromkeys(names), {name: f"patient_{name[:2]}" for name in names})


def consep(root: Path) -> Expected:
    splits: dict[str, str | None] = {}
    for seed, name in enumerate(["train_1", "train_2", "test_1"]):
        part = name.split("_")[0].capitalize()
        labels = image(root / f"CoNSeP/{part}/Images/{name}.png", seed)
        image(root / f"CoNSeP/{part}/Overlay/{name}.png", seed)
        types = np.array([[2.0], [4.0], [7.0]])
        table = np.concatenate([[0], types.ravel()])
        mat(root / f"CoNSeP/{part}/Labels/{name}.mat", labels, inst_type=types, type_map=table[labels])
        splits[name] = part.lower()
    return Expected(splits, classes=("inflammatory", "malignant epithelial", "endothelial"))


def cpm15(root: Path) -> Expected:
    for seed, name in enumerate(["image01", "image08"]):
        labels = image(root / f"training/{name}.png", seed)
        image(root / f"training/{name}_poly.png", seed)
        height, width = labels.shape
        text = f"{width} {height}\n" + "\n".join(map(str, labels.ravel())) + "\n"
        (root / f"training/{name}_mask.txt").write_text(text)
    labels = image(root / "training/image09.png", 5)
    (root / "training/image09_mask.txt").write_text("56 48\r\n" + "\r\n".join(map(str, labels.ravel())))
    return Expected({"image01": None, "image08": None, "image09": None}, mpp=0.0)


def cpm17(root: Path) -> Expected:
    splits: dict[str, str | None] = {}
    for seed, (part, name) in enumerate([("train", "image_00"), ("train", "image_01"), ("test", "image_00")]):
        labels = image(root / f"cpm17/{part}/Images/{name}.png", seed)
        mat(root / f"cpm17/{part}/Labels/{name}.mat", labels)
        splits[name if name == "image_01" else f"{part}_{name}"] = part
    return Expected(splits, {"train_image_00": "image_00", "test_image_00": "image_00"})


def lizard(root: Path) -> Expected:
    rows, splits = ["Filename,Source,Split"], {}
    for seed, (name, fold) in enumerate([("consep_1", 1), ("crag_2", 2), ("glas_3", 3), ("dpath_4", 1)]):
        labels = image(root / f"lizard_images{1 + seed // 2}/Lizard_Images{1 + seed // 2}/{name}.png", seed)
        mat(
            root / f"lizard_labels/Lizard_Labels/Labels/{name}.mat",
            labels,
            **{"class": np.array([[3], [1], [6]]), "id": np.array([[1], [2], [3]])},
        )
        image(root / f"overlay/Overlay/{name}.jpg".replace(".jpg", ".png"), seed)
        rows.append(f"{name},x,{fold}")
        splits[name] = {1: "train", 2: "validation", 3: "test"}[fold]
    (root / "lizard_labels/Lizard_Labels/info.csv").write_text("\n".join(rows) + "\n")
    return Expected(splits, classes=("lymphocyte", "neutrophil", "connective"), mpp=0.5)


def pannuke(root: Path) -> Expected:
    splits: dict[str, str | None] = {}
    for fold in (1, 2, 3):
        held = [draw_field(seed, 48, 48) for seed in (fold, 10 + fold)]
        masks = np.zeros((2, 48, 48, 6))
        for place, (_, labels) in enumerate(held):
            for number, channel in ((1, 0), (2, 1), (3, 4)):
                masks[place][labels == number, channel] = number
            masks[place, ..., 5] = labels == 0
        for kind in ("images", "masks"):
            (root / f"Fold {fold}/{kind}/fold{fold}").mkdir(parents=True)
        np.save(root / f"Fold {fold}/images/fold{fold}/images.npy", np.stack([p for p, _ in held]).astype(np.float64))
        np.save(root / f"Fold {fold}/images/fold{fold}/types.npy", np.array(["Breast", "Bile-duct"]))
        np.save(root / f"Fold {fold}/masks/fold{fold}/masks.npy", masks)
        part = {1: "train", 2: "validation", 3: "test"}[fold]
        splits |= {f"fold{fold}_0000_Breast": part, f"fold{fold}_0001_Bile-duct": part}
    return Expected(splits, classes=("Neoplastic", "Inflammatory", "Epithelial"))


def nuinsseg(root: Path) -> Expected:
    groups = {}
    for seed, (organ, number) in enumerate(
        [("human bladder", 1), ("human bladder", 2), ("mouse liver", 1), ("human liver", 1)]
    ):
        name = f"{organ.replace(' ', '_')}_{number:02}"
        labels = image(root / f"{organ}/tissue images/{name}.png", seed)
        for folder in ("label masks modify", "label masks"):
            (root / organ / folder).mkdir(exist_ok=True)
            tifffile.imwrite(root / organ / folder / f"{name}.tif", labels.astype(np.uint16))
        write_png(root / f"{organ}/mask binary/{name}.png", (labels > 0).astype(np.uint8) * 255)
        vague = np.zeros(labels.shape, np.uint8)
        vague[40:, 40:] = 255
        write_png(root / f"{organ}/vague areas/mask binary/{name}.png", vague)
        (root / f"{organ}/Imagj_zips").mkdir(exist_ok=True)
        with zipfile.ZipFile(root / f"{organ}/Imagj_zips/{name}.zip", "w") as archive:
            archive.writestr("0001-0001.roi", b"Iout")
        groups[name] = organ
    return Expected(dict.fromkeys(groups), groups)


def cryonuseg(root: Path) -> Expected:
    names = ["Human_AdrenalGland_01", "Human_Larynx_02", "Human_Skin_03"]
    rounds = {
        "Annotator 1 (biologist)": 1,
        "Annotator 1 (biologist second round of manual marks up)": 2,
        "Annotator 2 (bioinformatician)": 2,
    }
    for seed, name in enumerate(names):
        labels = image(root / f"tissue images/{name}.tif", seed)
        for annotator, repeat in rounds.items():
            folder = root / "/".join([annotator] * repeat) / "label masks modify"
            folder.mkdir(parents=True, exist_ok=True)
            own = labels if repeat == 1 else np.where(labels == 1, 0, labels)
            tifffile.imwrite(folder / f"{name}.tif", own.astype(np.uint16))
    return Expected(dict.fromkeys(names))


def monusac(root: Path) -> Expected:
    train, test = "MoNuSAC_images_and_annotations", "MoNuSAC Testing Data and Annotations"
    splits: dict[str, str | None] = {}
    groups = {}
    images = {
        "TCGA-55-1594-01Z-00-DX1_001": train,
        "TCGA-69-7760-01Z-00-DX1_001": train,
        "TCGA-2Z-A9JG-01Z-00-DX1_1": test,
        "TCGA-2Z-A9JG-01Z-00-DX1_2": test,
    }
    for seed, (name, part) in enumerate(images.items()):
        slide = name.split("_")[0]
        image(root / part / slide / f"{name}.tif", seed)
        tifffile.imwrite(root / part / slide / f"{name}.svs", np.zeros((20, 20, 3), np.uint8))
        first, second, third = SQUARES
        layers = {"Epithelial": [first, second], "Neutrophil": [third]}
        aperio(root / part / slide / f"{name}.xml", layers | ({"Ambiguous": [(40, 2)]} if part == test else {}))
        splits[name] = "train" if part == train else "test"
        groups[name] = slide[:12]
    return Expected(splits, groups, ("Epithelial", "Epithelial", "Neutrophil"))


def puma(root: Path) -> Expected:
    names = ["training_set_metastatic_roi_001", "training_set_primary_roi_103", "training_set_primary_roi_104"]
    classes = ("nuclei_tumor", "nuclei_lymphocyte", "nuclei_apoptosis")
    for seed, name in enumerate(names):
        suffix = ".tiff" if name.endswith("103") else ".tif"
        image(root / f"01_training_dataset_tif_ROIs/{name}{suffix}", seed)
        image(root / f"01_training_dataset_tif_context_ROIs/{name}_context.tif", seed)
        features = [
            {
                "type": "Feature",
                "id": str(place),
                "geometry": {
                    "type": "Polygon",
                    "coordinates": [
                        [[x, y], [x + SIDE, y], [x + SIDE, y + SIDE], [x, y + SIDE], [x, y]],
                    ],
                },
                "properties": {"objectType": "annotation", "classification": {"name": kind, "color": [200, 0, 0]}},
            }
            for place, ((x, y), kind) in enumerate(zip(SQUARES, classes, strict=True))
        ]
        for kind in ("nuclei", "tissue"):
            place = root / f"01_training_dataset_geojson_{kind}/{name}_{kind}.geojson"
            place.parent.mkdir(exist_ok=True)
            place.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return Expected(dict.fromkeys(names), classes=("tumor", "lymphocyte", "apoptosis"), mpp=0.23)


def dsb2018(root: Path) -> Expected:
    splits: dict[str, str | None] = {}
    rows = ["ImageId,EncodedPixels,Height,Width,Usage"]
    for seed, name in enumerate(["a1", "a2", "b1"]):
        part = "stage1_train" if name.startswith("a") else "stage1_test"
        labels = image(root / f"{part}/{name}/images/{name}.png", seed)
        for number in (1, 2, 3):
            if part == "stage1_train":
                mask = (labels == number).astype(np.uint8) * 255
                write_png(root / f"{part}/{name}/masks/{number}.png", mask)
            else:
                rows.append(f"{name},{_runs(labels == number)},48,56,Public")
        splits[name] = "train" if part == "stage1_train" else "test"
    grey = np.repeat(np.random.default_rng(0).integers(0, 90, (48, 56, 1)), 3, axis=2).astype(np.uint8)
    write_png(root / "stage1_train/f1/images/f1.png", grey)
    write_png(root / "stage1_train/f1/masks/1.png", (grey[..., 0] > 40).astype(np.uint8) * 255)
    image(root / "stage1_test/c1/images/c1.png", 9)
    rows.append("c1,1 5,48,56,Ignored")
    (root / "stage1_solution.csv").write_text("\n".join(rows) + "\n")
    return Expected(splits)


def _runs(mask: np.ndarray) -> str:
    """Runs of start (from 1) and length down the columns, counted one by one."""
    flat = [0, *mask.ravel(order="F").astype(int).tolist(), 0]
    starts = [place for place in range(1, len(flat)) if flat[place] and not flat[place - 1]]
    ends = [place for place in range(1, len(flat)) if not flat[place] and flat[place - 1]]
    return " ".join(f"{start} {end - start}" for start, end in zip(starts, ends, strict=True))


def nucls(root: Path) -> Expected:
    slides = {"TCGA-A1-A0SP-DX1": "train", "TCGA-A2-A0D0-DX1": "train", "TCGA-GM-A2DH-DX1": "test"}
    splits: dict[str, str | None] = {}
    header = "raw_classification,main_classification,super_classification,type,xmin,ymin,xmax,ymax,coords_x,coords_y"
    for seed, (slide, part) in enumerate(slides.items()):
        name = f"{slide}_id-5ea4{seed}_left-7053_top-53967_bottom-54231_right-7311"
        image(root / f"QC/rgb/{name}.png", seed)
        image(root / f"QC/visualization/{name}.png", seed)
        rows = [header, ",fov,,rectangle,0,0,56,48,,"]
        for (x, y), kind in zip(SQUARES, ("tumor_nonMitotic", "lymphocyte", "plasma_cell"), strict=True):
            box = f"{x},{y},{x + SIDE},{y + SIDE}"
            corners = f'"{x},{x + SIDE},{x + SIDE},{x}","{y},{y},{y + SIDE},{y + SIDE}"'
            rows.append(f"raw,{kind},super,polyline,{box},{corners}")
        rows.append("tumor,tumor_nonMitotic,sTIL,rectangle,44,30,54,40,,")
        (root / "QC/csv").mkdir(exist_ok=True)
        (root / f"QC/csv/{name}.csv").write_text("\n".join(rows) + "\n")
        splits[name] = part
    (root / "QC/csv/ALL_FOV_LOCATIONS.csv").write_text("a,b\n1,2\n")
    (root / "QC/train_test_splits").mkdir()
    for part in ("train", "test"):
        rows = [f"{number},{slide}" for number, (slide, own) in enumerate(slides.items()) if own == part]
        (root / f"QC/train_test_splits/fold_1_{part}.csv").write_text("\n".join([",slide_name", *rows]) + "\n")
    groups = {name: name[:12] for name in splits}
    return Expected(splits, groups, ("tumor_nonMitotic", "lymphocyte", "plasma_cell"), mpp=0.2)


TREES: dict[str, Callable[[Path], Expected]] = {
    build.__name__: build
    for build in (
        monuseg,
        kumar,
        tnbc,
        consep,
        cpm15,
        cpm17,
        lizard,
        pannuke,
        nuinsseg,
        cryonuseg,
        monusac,
        puma,
        dsb2018,
        nucls,
    )
}


def zipped(folder: Path, archive: Path) -> Path:
    """Write a folder's content as a zip archive, with the files that macOS adds."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            out.write(file, file.relative_to(folder).as_posix())
        out.writestr("__MACOSX/._x.png", b"0")
    return archive
