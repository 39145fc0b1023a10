"""What the CPU computes fast, and what "auto" makes of it."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import nuseg
from nuseg.engines import processor, quality
from nuseg.engines.backends import openvino
from nuseg.engines.engine import arithmetic_of
from nuseg.engines.loading import load_engine
from nuseg.engines.processor import products_by
from nuseg.engines.quality import choose_quality
from nuseg.engines.tta import EightViews
from nuseg.model.store import load_model
from nuseg.segmentation.folder import segment_folder

SCRIPT = "from nuseg.engines.processor import products_of_8_bits; print(products_of_8_bits())"


@pytest.mark.parametrize(
    ("kernels", "products"),
    [
        (["brgconv_avx512_1x1_I8", "brgconv_avx512_dw_I8", "unknown_f32"], "vnni"),
        (["brgconv_avx512_1x1_I8", "jit_avx512_I8", "jit_uni_I8"], "avx2"),
        (["jit_avx2_1x1_I8", "jit_avx2_I8", "unknown_i8"], "avx2"),
        (["brgconv_avx2_1x1_I8", "jit_avx2_I8"], "vnni"),
        (["brgconv_avx512_amx_I8", "jit_avx512_I8"], "vnni"),
        (["jit_sse42_1x1_I8", "jit_sse42_i8", "jit_avx512_f32"], "sse"),
        (["gemm_acl_I8", "jit_uni_I8", "unknown_i8"], "unknown"),
        ([], "unknown"),
    ],
)
def test_kernels_tell_how_products_are_added(kernels: list[str], products: str) -> None:
    assert products_by(kernels) == products


def flags() -> set[str]:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    return set(next((line for line in lines if line.startswith("flags")), "").split())


def printed(code: str, held_to: str) -> str:
    """What a Python program prints where oneDNN is held to some instructions."""
    environment = {**os.environ, "ONEDNN_MAX_CPU_ISA": held_to}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("held_to", "needs", "products"),
    [
        ("", {"avx512_vnni", "avx512bw"}, "vnni"),
        ("AVX512_CORE", {"avx512bw"}, "avx2"),
        ("AVX2", {"avx2"}, "avx2"),
        ("SSE41", {"avx2"}, "sse"),
    ],
)
def test_openvinos_own_kernels_tell_it_on_this_cpu(held_to: str, needs: set[str], products: str) -> None:
    if not needs <= flags():
        pytest.skip(f"this CPU lacks {', '.join(needs - flags())}")
    assert printed(SCRIPT, held_to) == products


@pytest.mark.parametrize("held_to", ["AVX2", "SSE41"])
def test_the_network_runs_where_onednn_is_held_to_older_instructions(held_to: str) -> None:
    """Computing in bfloat16, as OpenVINO would by itself on a processor that can, ends the process there."""
    code = (
        "import numpy; from nuseg.engines.loading import load_engine; from nuseg.model.store import load_model;"
        "print(load_engine(load_model('fast'), 'cpu')(numpy.zeros((1, 64, 64, 3), numpy.uint8)).shape)"
    )
    assert printed(code, held_to) == "(1, 2, 64, 64)"


@pytest.mark.parametrize(
    ("products", "stated", "taken"),
    [("vnni", "int8", "int8"), ("avx2", "int8", "int8"), ("unknown", "int8", "int8"), ("sse", "int8", "f32"),
     ("sse", "bf16", "bf16")],
)  # fmt: skip
def test_8_bits_are_left_where_32_are_faster(
    monkeypatch: pytest.MonkeyPatch, products: str, stated: str, taken: str
) -> None:
    monkeypatch.setattr(openvino, "products_of_8_bits", lambda: products)
    shipped = load_model("fast")
    model = replace(shipped, config=shipped.config.model_copy(update={"precision": stated}))
    loaded = []
    monkeypatch.setattr(openvino, "OpenVinoEngine", lambda graph, *_args, **_more: loaded.append(graph.name))
    monkeypatch.setattr(openvino, "check_maps", lambda *_: None)
    openvino.load(model, "cpu", 1, None)
    openvino.load(model, "cpu", 1, "int8")
    assert loaded == ["model.int8.onnx" if taken == "int8" else "model.onnx", "model.int8.onnx"]


def test_engines_say_what_their_maps_depend_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """In 8 bits on the instructions of the CPU, in 32 bits not; also of eight views."""
    model = load_model("fast")
    said = {}
    for products in ("vnni", "avx2"):
        monkeypatch.setattr(openvino, "products_of_8_bits", lambda products=products: products)
        for precision in ("int8", "f32"):
            engine = load_engine(model, "cpu", 1, precision)
            said[products, precision] = arithmetic_of(engine)
            assert arithmetic_of(EightViews(engine, 16)) == said[products, precision] != ""
    assert len(set(said.values())) == 3
    assert said["vnni", "f32"] == said["avx2", "f32"]
    assert arithmetic_of(lambda batch: batch) == arithmetic_of(None) == ""


@pytest.mark.parametrize(
    ("asked", "model", "device", "products", "chosen"),
    [
        ("auto", None, "cpu", "vnni", "default"),
        ("auto", None, "cpu", "unknown", "default"),
        ("auto", None, "cpu", "avx2", "light"),
        ("auto", None, "cpu", "sse", "fast"),
        ("auto", None, "cuda:1", "avx2", "default"),
        ("auto", "mine", "cpu", "avx2", None),
        ("best", None, "cpu", "avx2", "best"),
        ("default", None, "cpu", "avx2", "default"),
        (None, None, "cpu", "avx2", None),
    ],
)
def test_auto_is_a_cheaper_model_where_default_is_slow(
    monkeypatch: pytest.MonkeyPatch, asked: str, model: str | None, device: str, products: str, chosen: str | None
) -> None:
    monkeypatch.setattr(quality, "products_of_8_bits", lambda: products)
    found, notes = choose_quality(asked, model, device)  # type: ignore[arg-type]
    assert found == chosen
    assert bool(notes) == (found in ("fast", "light"))
    assert all("this CPU has n" in note and "quality=default takes" in note for note in notes)


PIXELS = np.full((64, 64, 3), 220, np.uint8)


def test_the_choice_is_said_in_every_result(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import cv2

    monkeypatch.setattr(quality, "products_of_8_bits", lambda: "avx2")
    for result in (nuseg.segment(PIXELS, 0.5, quality="auto"), nuseg.Segmenter.load(quality="auto")(PIXELS, 0.5)):
        assert (result.info.model, result.info.settings["quality"]) == ("light", "light")
        assert any("quality=auto took light" in note for note in result.notes)
    cv2.imwrite(str(tmp_path / "a.png"), PIXELS)
    (row,) = segment_folder(tmp_path / "a.png", tmp_path / "out", ["csv"], mpp=0.5, quality="auto").rows
    assert (row.model, row.quality) == ("light", "light")
    assert "quality=auto took light" in row.warning
    monkeypatch.setattr(quality, "products_of_8_bits", lambda: "vnni")
    result = nuseg.segment(PIXELS, 0.5, quality="auto")
    assert (result.info.model, result.info.settings["quality"]) == ("default", "default")
    assert not any("quality=" in note for note in result.notes)


def test_the_probe_is_asked_once() -> None:
    assert processor.products_of_8_bits() == processor.products_of_8_bits()
    assert processor.products_of_8_bits.cache_info().currsize == 1
