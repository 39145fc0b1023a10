"""The documentation as a site: pages as the site's Markdown wants them, every page in the navigation, strict."""

import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def site() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "docs" / "site.py"))


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("[a](README.md#b) and [c](../README.md)", "[a](index.md#b) and [c](../index.md)"),
        ("Text:\n- one\n- two\n", "Text:\n\n- one\n- two\n"),
        ("Text:\n\n- one\n  more\n- two\n", "Text:\n\n- one\n  more\n- two\n"),
        (r"| `a \| b <c>` | `d` |", "| <code>a &#124; b &lt;c&gt;</code> | `d` |"),
        ("`--mpp` and `nuseg --mpp`", "`--mpp`{.option} and `nuseg --mpp`"),
        ("# A\n\n- [B](#b)\n- [C](#c)\n\n## B\n", "# A\n\n## B\n"),
        ("```\nText:\n- [a](README.md) `a \\| b`\n```\n", "```\nText:\n- [a](README.md) `a \\| b`\n```\n"),
    ],
)
def test_pages_are_brought_to_the_markdown_of_the_site(site: dict[str, Any], written: str, shown: str) -> None:
    assert site["as_page"](written) == shown
    assert site["as_page"](shown) == shown


@pytest.mark.parametrize(
    ("name", "text", "section"),
    [
        ("how-to-squidpy.md", "# Squidpy\n", "How-to"),
        ("tutorial-slides.md", "# Slides\n", "Tutorials"),
        ("viewer.md", "# Viewer\n", "How-to"),
        ("viewer.md", "# Viewer\n\n<!-- section: Reference -->\n", "Reference"),
        ("viewer.md", "# Viewer\n\n<!-- section: Other things -->\n", "Other things"),
    ],
)
def test_a_new_page_is_in_the_navigation(
    site: dict[str, Any], tmp_path: Path, name: str, text: str, section: str
) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / name).write_text(text)
    (tmp_path / "docs" / "reference.md").write_text("# Reference\n")
    found = {place: pages for entry in site["navigation"](tmp_path) for place, pages in entry.items()}
    assert {text.splitlines()[0].removeprefix("# "): f"docs/{name}"} in found[section]


def test_the_site_has_every_page_and_what_they_link_to(site: dict[str, Any], tmp_path: Path) -> None:
    site["prepare"](tmp_path)
    pages = {path.relative_to(tmp_path / "pages").as_posix() for path in (tmp_path / "pages").rglob("*.md")}
    here = {f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")}
    assert pages == here | {"index.md", "docs/api.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"}
    assert (tmp_path / "pages" / "docs" / "images" / "overlay.jpg").is_file()
    api = (tmp_path / "pages" / "docs" / "api.md").read_text(encoding="utf-8")
    assert "::: nuseg.segmentation.segmenter.segment\n" in api
    assert "::: nuseg.evaluation.score_image\n" in api


def test_a_link_that_leads_nowhere_ends_the_build(tmp_path: Path) -> None:
    pytest.importorskip("zensical", reason="of the extra docs, which `make docs` installs")
    for name in ("docs", "src"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("*.onnx", "images"))
    for page in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"):
        (tmp_path / page).write_text(f"# {page}\n")
    for page in (tmp_path / "docs").glob("*.md"):
        page.write_text("# A\n\n## Here\n")
    build = [sys.executable, str(tmp_path / "docs" / "site.py"), str(tmp_path / "site")]
    (tmp_path / "docs" / "a.md").write_text("# A\n\n[b](reference.md#here)\n")
    (tmp_path / "README.md").write_text("# R\n\n## Python\n")
    (tmp_path / "docs" / "reference.md").write_text("# A\n\n## Here\n\n## Python\n")
    assert subprocess.run(build, capture_output=True).returncode == 0
    (tmp_path / "docs" / "a.md").write_text("# A\n\n[b](reference.md#there)\n")
    done = subprocess.run(build, capture_output=True, text=True)
    assert done.returncode != 0
    assert "anchor does not exist" in done.stderr
