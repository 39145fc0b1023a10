"""Options of the long run, and its table."""

from collections import Counter, defaultdict
from collections.abc import Iterator

import pytest

from fuzz.worker import Worker

COLUMNS = ("read", "refused", "raised", "message", "died", "hung", "memory", "escaped")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("fuzz", "files from strangers (pytest tests/fuzz)")
    group.addoption("--fuzz-inputs", type=int, help="how many inputs in all, shared out among the kinds of files")
    group.addoption("--fuzz-seed", type=int, default=0, help="another one gives other inputs")
    group.addoption("--fuzz-only", type=int, metavar="NUMBER", help="only this input of each kind (choose it with -k)")


@pytest.fixture(scope="session")
def worker() -> Iterator[Worker]:
    """A process for all inputs of this session."""
    with Worker() as process:
        yield process


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many inputs of each kind came to what, after a long run."""
    if terminalreporter.config.getoption("--fuzz-inputs", None) is None:
        return
    rows: dict[str, Counter[str]] = defaultdict(Counter)
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, []):
            for name, counts in report.user_properties:
                if name.startswith("fuzz "):
                    rows[name.removeprefix("fuzz ")].update(counts)
    rows = dict(sorted(rows.items()))
    total = sum(rows.values(), Counter())
    wide = max(map(len, [*rows, "all"]))
    terminalreporter.section("files from strangers")
    terminalreporter.line(" ".join([" " * wide, *(f"{name:>8}" for name in COLUMNS)]))
    for name, counts in [*rows.items(), ("all", total)]:
        terminalreporter.line(" ".join([name.ljust(wide), *(f"{counts[column] or '':>8}" for column in COLUMNS)]))
    terminalreporter.line(f"{total.total():,} inputs")
