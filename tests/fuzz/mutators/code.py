"""Files that hold code: whoever runs it makes a folder, and is found out."""

import io
import os
import pickle
import zipfile
import zlib
from random import Random

from fuzz.mutators import numbers


class Code:
    """Unpickled, it makes a folder where the process is."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (numbers.ESCAPED,)


def checkpoint(content: bytes, random: Random) -> bytes:
    """Put code into a file of PyTorch: in the place of its pickle, or as a pickle alone."""
    code = pickle.dumps(
        random.choice((Code(), {"state_dict": Code()}, {"epoch": 1, "callbacks": [Code()]})), protocol=2
    )
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as old:
            files = {name: code if name.endswith("data.pkl") else old.read(name) for name in old.namelist()}
    except (OSError, ValueError, zipfile.BadZipFile, zlib.error, NotImplementedError):
        return code
    if random.random() < 0.3:
        return code
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as new:
        for name, held in files.items():
            new.writestr(zipfile.ZipInfo(name), held)
    return made.getvalue()


def array(content: bytes, random: Random) -> bytes:
    """An array of objects, one of which is code."""
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
    header = header.ljust(117) + b"\n"
    return b"\x93NUMPY\x01\0" + len(header).to_bytes(2, "little") + header + pickle.dumps([Code()])


def arrays(content: bytes, random: Random) -> bytes:
    """Several arrays in a zip, one of which is code."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as old:
            files = {name: old.read(name) for name in old.namelist()}
    except (OSError, ValueError, zipfile.BadZipFile, zlib.error, NotImplementedError):  # damaged by another mutator
        files = {}
    files = files or {"a.npy": b""}
    files[random.choice(list(files))] = array(b"", random)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as new:
        for name, held in files.items():
            new.writestr(zipfile.ZipInfo(name), held)
    return made.getvalue()


def yaml(content: bytes, random: Random) -> bytes:
    """YAML that makes a folder where it is read without care."""
    line = f"seed: !!python/object/apply:os.mkdir [{numbers.ESCAPED}]\n".encode()
    return random.choice((line, content + line))
