"""Imports go down the layers only, and within a layer in no circle."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parent.parent / "src" / "nuseg"
NAME = "nuseg"
LAYERS = (
    ("cli", "viewer", "napari_plugin"),
    ("training", "evaluation", "quality"),
    ("segmentation",),
    ("engines", "results", "datasets"),
    ("annotations", "model", "preprocess", "plot", "report"),
    ("measure", "io"),
)
DEPTH = {package: depth for depth, layer in enumerate(LAYERS) for package in layer}
ENTRANCES = ("__init__.py", "__main__.py")  # the public API and `python -m nuseg`: they may name every package


@dataclass(frozen=True)
class Import:
    """A module of nuseg, named by another: `package` is where it is imported, "" in a top-level module."""

    file: str
    line: int
    package: str
    target: str

    @property
    def to(self) -> str:
        """The package or top-level module that is imported; "" for nuseg itself."""
        return self.target.removeprefix(NAME).removeprefix(".").split(".")[0]

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: imports {self.target}"


def named_modules(node: ast.AST, module: str) -> list[str]:
    """Dotted names of the modules, or of what lies in them, that a statement of `module` imports."""
    match node:
        case ast.Import(names=names):
            return [name.name for name in names]
        case ast.ImportFrom(module=source, names=names, level=level):
            above = module.split(".")[:-level] if level else []
            base = ".".join([*above, *([source] if source else [])])
            # `from nuseg import io` names a package, `from nuseg.io import image` a package and a module.
            return [f"{base}.{name.name}" for name in names] if base == NAME else [base]
        case ast.Call(
            func=ast.Name(id="import_module") | ast.Attribute(attr="import_module"),
            args=[ast.Constant(value=str(target)), *_],
        ):
            return [target]
    return []


def read_imports(root: Path) -> Iterator[Import]:
    """Find all imports of nuseg's own modules, those inside functions and those for type checkers included."""
    for file in sorted(root.rglob("*.py")):
        inside = file.relative_to(root)
        if str(inside) in ENTRANCES:
            continue
        module = ".".join([NAME, *inside.with_suffix("").parts])
        package = inside.parts[0] if len(inside.parts) > 1 else ""
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            for target in named_modules(node, module):
                if target.split(".")[0] == NAME:
                    yield Import(inside.as_posix(), getattr(node, "lineno", 0), package, target)


def why_not(found: Import, modules: set[str]) -> str | None:
    """Say which rule an import breaks, or None; `modules` are the top-level ones."""
    if found.to in modules or found.to == found.package != "":
        return None
    if found.to not in DEPTH:
        return "import from the module where a name lives, not from the public API, which needs every package"
    if not found.package:
        return "a top-level module imports no package"
    if found.package not in DEPTH:
        return f"the package {found.package} has no layer"
    if DEPTH[found.to] < DEPTH[found.package]:
        below = [package for layer in LAYERS[DEPTH[found.package] :] for package in layer]
        return f"{found.package} may only import {', '.join(below)}"
    return None


def find_circles(imports: list[Import]) -> Iterator[str]:
    """Name the imports of a circle between the packages of one layer, if there is one."""
    for depth, layer in enumerate(LAYERS):
        level = [found for found in imports if found.package in layer and DEPTH.get(found.to) == depth]
        steps = {(found.package, found.to): found for found in level if found.package != found.to}
        order: TopologicalSorter[str] = TopologicalSorter()
        for package, to in steps:
            order.add(to, package)
        try:
            order.prepare()
        except CycleError as error:
            circle = error.args[1]
            names = "; ".join(str(steps[pair]) for pair in pairwise(circle))
            yield f"{names}: packages of one layer import one another in a circle ({' -> '.join(circle)})"


def violations(root: Path) -> list[str]:
    """All that breaks the layers in the package at `root`, each with file, import and rule."""
    imports = list(read_imports(root))
    modules = {file.stem for file in root.glob("*.py")} - {"__init__", "__main__"}
    broken = [f"{found}: {rule}" for found in imports if (rule := why_not(found, modules))]
    return [*broken, *find_circles(imports)]


def test_imports_go_down_the_layers() -> None:
    found = violations(SOURCE)
    assert not found, "\n".join(found)


def test_every_package_has_a_layer() -> None:
    assert {folder.name for folder in SOURCE.iterdir() if (folder / "__init__.py").is_file()} == set(DEPTH)


def test_all_imports_are_read() -> None:
    files = {found.file for found in read_imports(SOURCE)}
    assert len(files) > 50
    assert {found.to for found in read_imports(SOURCE)} >= set(DEPTH) - {"cli", "viewer", "training"}


def write_tree(root: Path, **files: str) -> Path:
    """A package of top-level modules `errors` and `text`, and of the given files; `__` in a name is a folder."""
    for name, text in {"errors": "", "text": "", **files}.items():
        path = root / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def test_a_sound_tree_passes(tmp_path: Path) -> None:
    root = write_tree(
        tmp_path,
        cli__main="from nuseg.training import fit\nfrom nuseg import io\nfrom nuseg.errors import NusegError\n",
        results__csv="from nuseg.engines.loading import load\nfrom . import other\nfrom .other import more\n",
        datasets__split="import nuseg.results.csv\nimport numpy\n",
        text="from nuseg.errors import NusegError\n",
    )
    assert violations(root) == []


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"io__find": "from nuseg.cli.command import Command"}, ("io/find.py:1", "nuseg.cli.command", "measure, io")),
        ({"io__find": "def f():\n    import nuseg.results.csv"}, ("io/find.py:2", "nuseg.results.csv")),
        ({"io__find": "if TYPE_CHECKING:\n    from nuseg import plot"}, ("io/find.py:2", "nuseg.plot")),
        ({"io__find": "from importlib import import_module\nimport_module('nuseg.plot')"}, ("io/find.py:2",)),
        ({"io__find": "from ..plot import density"}, ("io/find.py:1", "nuseg.plot")),
        ({"text": "from nuseg.io import atomic"}, ("text.py:1", "nuseg.io", "a top-level module imports no package")),
        ({"io__find": "import nuseg"}, ("io/find.py:1: imports nuseg:", "public API")),
        ({"io__find": "from nuseg import segment"}, ("io/find.py:1", "nuseg.segment", "public API")),
        ({"new__part": "from nuseg.io import find"}, ("new/part.py:1", "new has no layer")),
        (
            {"results__csv": "from nuseg.engines import a", "engines__b": "\nfrom nuseg.results import csv"},
            ("results/csv.py:1: imports nuseg.engines", "engines/b.py:2: imports nuseg.results", "circle"),
        ),
        (
            {
                "engines__a": "import nuseg.results",
                "results__b": "import nuseg.datasets",
                "datasets__c": "import nuseg.engines",
            },
            ("engines/a.py:1", "results/b.py:1", "datasets/c.py:1", "circle"),
        ),
    ],
)
def test_a_violation_is_named(tmp_path: Path, files: dict[str, str], words: tuple[str, ...]) -> None:
    found = violations(write_tree(tmp_path, **files))
    assert len(found) == 1, found
    for word in words:
        assert word in found[0]
