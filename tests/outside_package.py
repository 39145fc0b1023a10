"""A package outside nuseg, as pip would install it, for tests of entry points."""

import os
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent / "src"


def install(folder: Path, module: Path, entry_points: dict[str, str]) -> None:
    """Put a module into a folder, with metadata that register its objects.

    Parameters
    ----------
    folder
        To be put on the path.
    module
        Its source.
    entry_points
        Group: name of the object in the module.
    """
    (folder / module.name).write_text(module.read_text())
    metadata = folder / f"{module.stem}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module.stem}\nVersion: 1.0\n")
    lines = (f"[{group}]\n{thing.lower()} = {module.stem}:{thing}\n" for group, thing in entry_points.items())
    (metadata / "entry_points.txt").write_text("\n".join(lines))


def run_python(folder: Path, script: str, *arguments: object) -> str:
    """Run a script in a process that has the folder's packages; gives what it prints."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(SOURCE)])}
    command = [sys.executable, "-c", script, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
