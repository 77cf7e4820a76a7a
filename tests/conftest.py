"""What tests of whole data folders share: trees to index, and the command line in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import instar

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # for the tests that load it themselves; Instar sets it for its users

SOURCES = Path(instar.__file__).parents[1]
COMMAND = (sys.executable, "-c", "from instar.entrypoints.cli.main import run; run()")
WORDS = [
    "amber",
    "basin",
    "cedar",
    "delta",
    "ember",
    "fjord",
    "grove",
    "haven",
    "inlet",
    "jetty",
    "knoll",
    "ledge",
    "marsh",
    "north",
    "ochre",
    "plain",
    "quay",
    "ridge",
    "shoal",
    "terrace",
    "upland",
    "vale",
    "wharf",
    "yonder",
]
WITHOUT_PRIVILEGES = (
    "setpriv",
    "--bounding-set=-dac_override,-dac_read_search",
    "--inh-caps=-dac_override,-dac_read_search",
)
PARTS = 6
LINES = 22


def _content(name: str, generation: int) -> str:
    """Return a module of six functions, about 870 characters and one chunk each, that all name their generation."""
    functions = []
    for part in range(PARTS):
        lines = [
            f"    {WORDS[(part * 7 + i) % len(WORDS)]}_{name} = combine({WORDS[(i * 5 + part) % len(WORDS)]!r}, {i})\n"
            for i in range(LINES)
        ]
        head = f'def part_{part}(value):\n    """Generation gen{generation}x of {name}, part {part}."""\n'
        functions.append(f"{head}{''.join(lines)}    return value\n")
    return "\n\n".join(functions)


@pytest.fixture(scope="session", autouse=True)
def _own_cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what tests embed out of the cache of whoever runs them, and what that one embedded out of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def content() -> Callable[[str, int], str]:
    """Return the text of a file `name` in a generation (its number stands in each of its six chunks)."""
    return _content


@pytest.fixture(scope="session")
def write_tree() -> Callable[[Path, range, int], None]:
    """Write the files of these numbers, in one generation, below a folder."""

    def write(folder: Path, numbers: range, generation: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for number in numbers:
            name = f"f{number:04}"
            (folder / f"{name}.py").write_text(_content(name, generation), "utf-8")

    return write


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a child process: this package, an empty home and one data folder."""
    home = tmp_path / "home"
    home.mkdir()
    return {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(SOURCES),
        "INSTAR_DATA": str(tmp_path / "data"),
    }


@pytest.fixture
def instar_command(environment: dict[str, str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `instar` with these arguments and return what came of it.

    `cwd` is the current folder; `unprivileged` takes from root the right to pass over the bits of permission.
    """

    def run(
        *arguments: str | Path, cwd: Path | str = "/", unprivileged: bool = False
    ) -> subprocess.CompletedProcess[str]:
        prefix = WITHOUT_PRIVILEGES if unprivileged and os.geteuid() == 0 else ()
        return subprocess.run(
            [*prefix, *COMMAND, *map(str, arguments)],
            env=environment,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    return run
