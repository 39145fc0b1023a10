"""Build the documentation as a site, strictly: a link or a name that leads nowhere is an error.

    python docs/site.py [FOLDER]      # default: site; `make docs` does it

The pages are README.md, all of docs/*.md and the pages about the project beside them, as they are, and the API from
the docstrings of what `nuseg` makes public. They are copied with everything that they link to, in the places that they
have here, so the same links hold on the site and in the repository.

A new page in docs/ is in the navigation without a further step. Its section is the one whose words its file's name
begins with, see `SECTIONS`, else the one named by a line `<!-- section: NAME -->` in it, else `OTHER`.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SETTINGS, STYLE = Path(__file__).with_name("site.toml"), Path(__file__).with_name("site.css")
# Sections in their order, with how the names of their pages begin.
SECTIONS = {
    "Tutorials": ("tutorial", "small-data"),
    "How-to": ("how-to",),
    "Reference": ("reference", "api"),
    "Explanation": ("explanation", "accuracy", "comparison"),
    "Gallery": ("gallery",),
    "Project": ("CONTRIBUTING", "CHANGELOG", "SECURITY"),
}
OTHER = "How-to"
PROJECT_PAGES = ("CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")
LINK = re.compile(r"(!?\[[^\]]*\]\()([^)\s]+)(\))")
FENCE = re.compile(r"(^```.*?^```)", re.MULTILINE | re.DOTALL)
README_LINK = re.compile(r"\]\(((?:\.\./)?)README\.md")
OPTION = re.compile(r"(?<!`)`--[^`|]{1,40}`(?![`{])")  # is not broken after its hyphens, see site.css
TABLE_ROW = re.compile(r"^\|.*$", re.MULTILINE)
BAR_IN_CODE = re.compile(r"`([^`]*\\\|[^`]*)`")
# A list of links to the page's own headings, which the site shows beside it.
CONTENTS = re.compile(r"^(?:- \[.+\]\(#.+\)\n){2,}\n", re.MULTILINE)
# Python-Markdown wants an empty line before a list, GitHub does not.
UNSEPARATED_LIST = re.compile(r"^((?![-*|>#\s]|\d+\.).+)\n(?=(?:[-*]|\d+\.) )", re.MULTILINE)


def source_pages() -> list[Path]:
    """List the pages of the repository that the site shows, beside README.md."""
    return [*sorted((ROOT / "docs").glob("*.md")), *(ROOT / name for name in PROJECT_PAGES)]


def as_html(code: "re.Match[str]") -> str:
    """Write code of a table as HTML: Python-Markdown would show the backslash before a bar, GitHub does not."""
    return f"<code>{escape(code[1]).replace(chr(92) + '|', '&#124;')}</code>"


def as_page(text: str) -> str:
    """Bring a page as GitHub shows it to what the site's Markdown needs: README.md is the first page there."""
    parts = FENCE.split(CONTENTS.sub("", text, count=1))
    return "".join(part if part.startswith("```") else as_prose(part) for part in parts)


def as_prose(text: str) -> str:
    """Bring what is not in a fenced block to the site's Markdown, see `as_page`."""
    text = README_LINK.sub(r"](\1index.md", text)
    text = OPTION.sub(r"\g<0>{.option}", text)
    text = TABLE_ROW.sub(lambda row: BAR_IN_CODE.sub(as_html, row[0]), text)
    return UNSEPARATED_LIST.sub(r"\1\n\n", text)


def linked_files(page: Path) -> Iterator[Path]:
    """Give the files, other than pages, that a page links to."""
    for part in FENCE.split(page.read_text(encoding="utf-8")):
        if part.startswith("```"):
            continue
        for _, link, _ in LINK.findall(part):
            path = (page.parent / link.partition("#")[0]).resolve()
            if ":" not in link and path.is_file() and path.suffix != ".md":
                yield path


def copy_pages(folder: Path) -> None:
    """Copy all pages, and what they link to, to a folder."""
    for page in [ROOT / "README.md", *source_pages()]:
        inside = page.relative_to(ROOT)
        target = folder / ("index.md" if inside.name == "README.md" else inside)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(as_page(page.read_text(encoding="utf-8")), encoding="utf-8")
        for path in linked_files(page):
            (folder / path.relative_to(ROOT)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, folder / path.relative_to(ROOT))


def api_page() -> str:
    """Write the page whose content the docstrings are."""
    sys.path.insert(0, str(ROOT / "src"))
    import nuseg

    lines = [
        "# Python API",
        "All that `import nuseg` makes public, from its docstrings. The [reference](reference.md#python) has it as one "
        "table, the [README](../index.md#python) shows it in use.",
    ]
    for kind, wanted in (("Functions and registries", str.islower), ("Classes", lambda name: not name.islower())):
        lines.append(f"## {kind}")
        for name in filter(wanted, nuseg.__all__):
            place = f"{nuseg.HOMES[name]}.{nuseg.NAMES_THERE.get(name, name)}"
            lines.append(f"::: {place}\n    options:\n      heading: nuseg.{name}\n      toc_label: {name}")
    return "\n\n".join(lines) + "\n"


def title(text: str) -> str:
    """Give the heading of a page."""
    return re.search(r"^# (.+)$", text, re.MULTILINE)[1].replace("`", "")  # type: ignore[index]


def section_of(page: Path) -> str:
    """Say to which section a page belongs."""
    for section, words in SECTIONS.items():
        if page.name.startswith(words):
            return section
    named = re.search(r"^<!-- section: (.+) -->$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return named[1] if named else OTHER


def navigation(folder: Path) -> list[dict[str, object]]:
    """List the pages of a folder by section; within one in the order of its words, then by name."""
    pages = [page for page in folder.rglob("*.md") if page.name != "index.md"]
    sections: dict[str, list[Path]] = {section: [] for section in SECTIONS}
    for page in sorted(pages, key=lambda page: page.name):
        sections.setdefault(section_of(page), []).append(page)

    def place(section: str, page: Path) -> int:
        words = SECTIONS.get(section, ())
        return next((number for number, word in enumerate(words) if page.name.startswith(word)), len(words))

    found: list[dict[str, object]] = [{"Start": "index.md"}]
    for section, members in sections.items():
        ordered = sorted(members, key=lambda page: place(section, page))
        entries = [{title(page.read_text(encoding="utf-8")): page.relative_to(folder).as_posix()} for page in ordered]
        if entries:
            found.append({section: entries})
    return found


def as_toml(value: object) -> str:
    """Write lists, dicts and texts as TOML on one line."""
    match value:
        case dict():
            return "{" + ", ".join(f"{json.dumps(key)} = {as_toml(held)}" for key, held in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(as_toml, value)) + "]"
    return json.dumps(value)


def prepare(folder: Path) -> Path:
    """Lay out the pages and the settings in a folder; gives the settings' file."""
    pages = folder / "pages"
    copy_pages(pages)
    shutil.copy(STYLE, pages / "docs")
    (pages / "docs" / "api.md").write_text(api_page(), encoding="utf-8")
    settings = SETTINGS.read_text(encoding="utf-8")
    more = f"[project]\nnav = {as_toml(navigation(pages))}\n"
    sources = f"\n[project.plugins.mkdocstrings.handlers.python]\npaths = [{json.dumps(str(ROOT / 'src'))}]\n"
    file = folder / "zensical.toml"
    file.write_text(settings.replace("[project]\n", more, 1) + sources, encoding="utf-8")
    return file


def main() -> None:
    out = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "site").resolve()
    with tempfile.TemporaryDirectory() as name:
        settings = prepare(Path(name))
        built = subprocess.run(
            [sys.executable, "-m", "zensical", "build", "--strict", "-f", str(settings)], check=False
        )
        if built.returncode:
            sys.exit(built.returncode)
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(settings.parent / "site", out)
    print(f"site: {out / 'index.html'}")


if __name__ == "__main__":
    main()
