"""Speed of indexing, of refreshing and of the command line: one core, durable, secrets redacted.

    INSTAR_TEST_DATA=… python benchmarks/indexing.py --corpus FOLDER --work WORK [--json FILE]

Every folder in `--corpus` becomes a root. WORK/data is made anew and kept: the search benchmark uses it.
"""

import argparse
import json
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import measuring

from instar.adapters.embedders.static import StaticEmbedder
from instar.adapters.lexical.tantivy_index import TantivyIndex
from instar.adapters.sources.tree import TreeSource
from instar.adapters.stores.sqlite.writer import SqliteWriter
from instar.indexing import indexer, reading
from instar.ports import SilentProgress
from instar.settings import Settings
from instar.wiring import Workspace

SMALL_ROOT_FILES = 2_000
REPEATS = 20
QUESTION = "where is the retry delay decided"
FOLLOWING = (
    ("store documents (SQLite)", SqliteWriter, "write_documents"),
    ("finish scan (SQLite)", SqliteWriter, "finish_scan"),
    ("BM25 (Tantivy)", indexer, "follow_lexically"),
    ("read texts (SQLite)", SqliteWriter, "backlog"),
    ("embed", StaticEmbedder, "embed_documents"),
    ("store vectors (SQLite)", SqliteWriter, "put_vectors"),
    ("pack vectors", indexer, "follow_packed"),
)
"""Stages behind the reading, the same for files and for transcripts."""
STAGES = (
    ("compare with what is stored", indexer, "compare"),
    ("read files", TreeSource, "read"),
    ("redact", reading, "redact"),
    ("chunk", reading, "chunk"),
    *FOLLOWING,
)
REFRESH_STAGES = (*STAGES, ("position of BM25", TantivyIndex, "position"))
IMPORTS = ("instar", "instar.entrypoints.cli.main", "typer", "numpy", "tantivy", "tokenizers", "sqlite3")
VERSIONS = ("numpy", "tantivy", "tokenizers", "tree-sitter", "typer")
STARTER = "import sys; from instar.entrypoints.cli.main import run; sys.argv[0] = 'instar'; run()"


def command(*arguments: str) -> list[str]:
    """Return the command line of `instar` in this environment."""
    return [sys.executable, "-c", STARTER, *arguments]


def end_to_end(roots: Sequence[Path], data: Path) -> dict[str, float]:
    """Index everything from nothing by the command line, in a process of its own."""
    shutil.rmtree(data, ignore_errors=True)
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        command("index", *map(str, roots), "--yes", "--json", "--data", str(data)),
        capture_output=True,
        text=True,
        check=True,
    )
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    chunks = sum(root["chunks"] for root in json.loads(done.stdout)["roots"])
    return {
        "chunks": chunks,
        "wall_s": round(wall, 2),
        "processor_s": round(processor, 2),
        "chunks_per_wall_s": round(chunks / wall),
        "chunks_per_processor_s": round(chunks / processor),
        "disk_bytes": measuring.folder_bytes(data),
    }


def by_stage(roots: Sequence[Path], data: Path) -> dict[str, float]:
    """Index everything once more in this process and return the processor seconds of each stage."""
    shutil.rmtree(data, ignore_errors=True)
    stages, clock = measuring.Stages(), measuring.Clock()
    workspace = Workspace(Settings(data=data))
    with stages.timing(STAGES), clock.running():
        workspace.index(roots, SilentProgress())
    workspace.close()
    stages.seconds["everything else"] = clock.processor[0] - sum(stages.seconds.values())
    return {name: round(seconds, 2) for name, seconds in sorted(stages.seconds.items(), key=lambda item: -item[1])}


def small_root(roots: Sequence[Path], target: Path) -> Path:
    """Copy a root of 2,000 Python files."""
    shutil.rmtree(target, ignore_errors=True)
    files = (path for root in roots for path in sorted(root.rglob("*.py")) if path.stat().st_size)
    for number, path in zip(range(SMALL_ROOT_FILES), files, strict=False):
        copy = target / f"part{number // 100:02}" / f"{number:04}_{path.name}"
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    return target


def change(root: Path, number: int) -> None:
    """Add a function to one file, and let the clock of the file system tick."""
    chosen = sorted(root.rglob("*.py"))[number * 7]
    with chosen.open("a", encoding="utf-8") as file:
        file.write(f"\n\ndef added_by_change_{number}():\n    return {number}\n")
    measuring.settle()


def refresh(root: Path, data: Path) -> dict[str, Any]:
    """Change one file, refresh as a search does; in process, by the command line, and with nothing changed."""
    workspace = Workspace(Settings(data=data))
    workspace.index([root], SilentProgress())
    inside, nothing, outside = measuring.Clock(), measuring.Clock(), []
    stages = measuring.Stages()
    for number in range(REPEATS):
        change(root, number)
        with stages.timing(STAGES), inside.running():
            workspace.index([root], SilentProgress(), build_wanted=False)
        with nothing.running():
            workspace.index([root], SilentProgress(), build_wanted=False)
    workspace.close()
    for number in range(REPEATS):
        change(root, REPEATS + number)
        outside.append(timed(command("search", QUESTION, str(root), "--data", str(data))))
    return {
        "in_process": inside.summary(),
        "nothing_changed": nothing.summary(),
        "stages_ms": {name: round(s / REPEATS * measuring.MILLISECONDS, 2) for name, s in stages.seconds.items()},
        "search_by_command_line_s": summary(outside),
    }


def timed(arguments: Sequence[str]) -> tuple[float, float]:
    """Run a command and return its seconds on the wall and of the processor."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(arguments, capture_output=True, check=True)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def summary(times: Sequence[tuple[float, float]]) -> dict[str, float]:
    """Return medians of (wall, processor) seconds and the least wall."""
    walls, processors = zip(*times, strict=True)
    return {
        "wall": round(statistics.median(walls), 3),
        "least_wall": round(min(walls), 3),
        "processor": round(statistics.median(processors), 3),
    }


def start_to_answer(root: Path, data: Path) -> dict[str, Any]:
    """Time the command line without a refresh, and what its imports take of it."""
    asked = command("search", QUESTION, str(root), "--no-refresh", "--data", str(data))
    everywhere = command("search", QUESTION, "--everywhere", "--no-refresh", "--data", str(data))
    timed(asked)
    return {
        "one_root_s": summary([timed(asked) for _ in range(REPEATS)]),
        "everywhere_s": summary([timed(everywhere) for _ in range(REPEATS)]),
        "help_s": summary([timed(command("--help")) for _ in range(REPEATS)]),
        "python_alone_s": summary([timed([sys.executable, "-c", ""]) for _ in range(REPEATS)]),
        "import_s": {name: summary([timed([sys.executable, "-c", f"import {name}"])] * 1) for name in IMPORTS},
    }


def main() -> None:
    """Measure everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--core", type=int, default=1)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", choices=("index", "stages", "refresh", "start"), nargs="*")
    arguments = parser.parse_args()
    measuring.one_core(arguments.core)
    arguments.work.mkdir(parents=True, exist_ok=True)
    roots = sorted(path.absolute() for path in arguments.corpus.iterdir() if path.is_dir())
    data = arguments.work.absolute() / "data"
    chosen = arguments.only or ("index", "stages", "refresh", "start")
    result: dict[str, Any] = {"facts": measuring.facts(VERSIONS)}
    if "index" in chosen:
        result["index"] = end_to_end(roots, data)
    if "stages" in chosen:
        result["stages_s"] = by_stage(roots, arguments.work.absolute() / "data-by-stage")
    if "start" in chosen:
        result["start"] = start_to_answer(roots[0], data)
    if "refresh" in chosen:
        changed = arguments.work.absolute() / "data-refreshed"
        shutil.rmtree(changed, ignore_errors=True)
        shutil.copytree(data, changed)
        result["refresh"] = refresh(small_root(roots, arguments.work.absolute() / "small-root"), changed)
    text = json.dumps(result, indent=1)
    print(text)
    if arguments.json:
        arguments.json.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
