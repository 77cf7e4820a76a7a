"""Sessions at scale: indexing, what is read, memory, refreshing after a turn, and searching among 10,000 sessions.

    INSTAR_TEST_DATA=… python benchmarks/sessions.py --work WORK [--sessions-count 10000] [--json FILE]

WORK must not be there or have been made by this script with the same count: it is filled with a project, sessions made
from the transcripts in INSTAR_TEST_DATA (1 GB for 10,000) and a data folder. `claude-session-search` is measured on the
same sessions where it is installed.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import indexing
import measuring
import transcripts

from instar.adapters.lexical.tantivy_index import TantivyIndex
from instar.adapters.sources.transcripts import encoded
from instar.adapters.stores.sqlite.writer import SqliteWriter
from instar.domain.corpus import SessionChoice
from instar.domain.search import Scope, SearchRequest
from instar.indexing import session_folders, sessions
from instar.indexing.sessions import SessionReader
from instar.ports import SilentProgress
from instar.settings import Settings
from instar.wiring import Workspace

APPENDS = 20
QUESTIONS = 45
PASSES = 5
STAGES = (
    ("compare with what is stored", session_folders, "compare"),
    ("find the folder of a session", sessions, "folder_of"),
    ("read turns", sessions, "read_transcript"),
    ("redact", sessions, "redact"),
    ("chunk", sessions, "chunk"),
    ("where reading goes on (SQLite)", SqliteWriter, "resume_of"),
    ("known documents (SQLite)", SqliteWriter, "document_states"),
    *indexing.FOLLOWING,
)
REFRESH_STAGES = (*STAGES, ("position of BM25", TantivyIndex, "position"))
WATCHED = (  # its own peak: the one that the system counts for children includes that of the parent before the exec
    "import atexit, pathlib, sys;"
    " atexit.register(lambda: sys.stderr.write(pathlib.Path('/proc/self/status').read_text()));"
)
PEER = "claude-session-search"
ASK_PEER = """
import json, pathlib, sys, time
from cc_search import indexer, server
def timed(work):
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor
if sys.argv[1] == "index":
    times = timed(indexer.reindex)
    status = pathlib.Path("/proc/self/status").read_text().split()
    print(json.dumps([*times, int(status[status.index("VmHWM:") + 1]) * 1024]))
else:
    ask = lambda words: server.api_search({"q": words, "limit": 10})
    print(json.dumps([timed(lambda: ask(words)) for words in json.load(sys.stdin)]))
"""


class Place:
    """The folders of a run."""

    def __init__(self, work: Path) -> None:
        self.home = work.absolute()
        self.root = self.home / "project"
        self.projects = self.home / ".claude" / "projects"
        self.sessions = self.projects / encoded(str(self.root))
        self.data = self.home / "data"

    def files(self) -> list[Path]:
        """Return all transcripts, in order."""
        return sorted(self.projects.rglob("*.jsonl"))

    def workspace(self) -> Workspace:
        """Open the data folder."""
        return Workspace(Settings(data=self.data))

    def command(self, *arguments: str) -> list[str]:
        """Return a command line of `instar` on the data folder."""
        return indexing.command(*arguments, "--data", str(self.data))


def generate(place: Place, count: int) -> dict[str, int]:
    """Make project and sessions where they are not there yet; returns how many there are and their size."""
    main, agents = transcripts.read_sources(Path(os.environ["INSTAR_TEST_DATA"]) / "sessions")
    if not place.sessions.exists():
        transcripts.write_files(main, place.root)
        transcripts.Copies(main, agents, place.root).write(place.sessions, count)
    files = place.files()
    of_agents = sum(path.parent.name == "subagents" for path in files)
    size = sum(path.stat().st_size for path in files)
    return {"sessions": len(files) - of_agents, "sub_agents": of_agents, "bytes": size}


def floor(place: Place) -> dict[str, float]:
    """Return the seconds that parsing every line as JSON takes, in the same processor and the same state of caches."""
    clock = measuring.Clock()
    with clock.running():
        for path in place.files():
            with path.open("rb") as file:
                for line in file:
                    json.loads(line)
    return {"wall_s": round(clock.wall[0], 2), "processor_s": round(clock.processor[0], 2)}


def index(place: Place) -> dict[str, Any]:
    """Index everything from nothing by the command line, in a process of its own; memory includes mapped files."""
    shutil.rmtree(place.data, ignore_errors=True)
    arguments = place.command("index", str(place.root), "--sessions-from", str(place.projects), "--yes", "--json")
    arguments[2] = f"{WATCHED}{arguments[2]}"
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    (report,) = json.loads(done.stdout)["roots"]
    size = sum(path.stat().st_size for path in place.files())
    return {
        "transcripts": report["transcripts"],
        "turns": report["turns"],
        "chunks": report["chunks"],
        "wall_s": round(wall, 2),
        "processor_s": round(processor, 2),
        "turns_per_s": round(report["turns"] / wall),
        "megabytes_per_s": round(size / 1e6 / wall, 1),
        "peak_resident_bytes": measuring.peak_resident_bytes(done.stderr),
        "disk_bytes": measuring.folder_bytes(place.data),
    }


def bytes_read() -> int:
    """Return the bytes this process has read by system calls so far."""
    return int(Path("/proc/self/io").read_text("ascii").split()[1])


@contextmanager
def reads_counted() -> Iterator[dict[str, int]]:
    """Count the bytes that are read of each transcript while the block runs."""
    read: dict[str, int] = {}
    asking = -bytes_read() + bytes_read()
    whole = SessionReader.read

    def counted(self: SessionReader, source: Any, state: Any, *rest: Any, **named: Any) -> Any:
        before = bytes_read()
        try:
            return whole(self, source, state, *rest, **named)
        finally:
            read[state.path] = read.get(state.path, 0) + bytes_read() - before - asking

    with patch.object(SessionReader, "read", counted):
        yield read


def by_stage(place: Place) -> dict[str, Any]:
    """Index once more in this process: processor seconds of each stage, and bytes read of each transcript."""
    shutil.rmtree(place.data, ignore_errors=True)
    stages, clock = measuring.Stages(), measuring.Clock()
    workspace = place.workspace()
    workspace.choose_sessions([place.root], SessionChoice((str(place.projects),)))
    with reads_counted() as read, stages.timing(STAGES), clock.running():
        workspace.index([place.root], SilentProgress())
    workspace.close()
    sizes = {str(path): path.stat().st_size for path in place.files()}
    stages.seconds["everything else"] = clock.processor[0] - sum(stages.seconds.values())
    return {
        "stages_s": {name: round(s, 2) for name, s in sorted(stages.seconds.items(), key=lambda item: -item[1])},
        "read_of_transcripts": sum(read.values()),
        "size_of_transcripts": sum(sizes.values()),
        "most_read_beyond_the_size": max(read.get(path, 0) - size for path, size in sizes.items()),
    }


class Appending:
    """Appends a turn to one transcript after another, spread over all sizes, the longest last."""

    def __init__(self, place: Place) -> None:
        files = sorted(
            (path for path in place.files() if path.parent == place.sessions), key=lambda p: p.stat().st_size
        )
        self._files = [files[(2 * i + 1) * len(files) // (2 * APPENDS + 2)] for i in range(APPENDS)] + files[-1:]
        self._root = str(place.root)
        self._done = 0

    def append(self) -> None:
        """Append a prompt and its answer, and let the clock of the file system tick."""
        path = self._files[self._done]
        self._done += 1
        prompt, answer = str(uuid.uuid4()), str(uuid.uuid4())
        common = {"cwd": self._root, "sessionId": path.stem, "timestamp": datetime.now(UTC).isoformat()}
        text = f"Question {self._done}, asked at {common['timestamp']}: where is the retry delay decided?"
        with path.open("a", encoding="utf-8") as file:
            for kind, own, content in (
                ("user", prompt, text),
                ("assistant", answer, [{"type": "text", "text": f"Answer {answer}: in the worker that retries."}]),
            ):
                record = {"type": kind, "uuid": own, "message": {"role": kind, "content": content}}
                file.write(json.dumps(record | common) + "\n")
        measuring.settle()


def refresh(place: Place) -> dict[str, Any]:
    """Append a turn and refresh as a search does, and refresh with nothing appended."""
    workspace, appending = place.workspace(), Appending(place)
    seconds = workspace.settings.refresh_seconds
    inside, nothing, stages = measuring.Clock(), measuring.Clock(), measuring.Stages()
    bytes_of: list[int] = []
    transcripts_read = 0
    appending.append()
    workspace.index([place.root], SilentProgress())  # what was left of other steps, and the model is loaded
    for _ in range(APPENDS):
        appending.append()
        with reads_counted() as read, stages.timing(REFRESH_STAGES), inside.running():
            (report,) = workspace.index([place.root], SilentProgress(), seconds=seconds, build_wanted=False)
        transcripts_read += report.transcripts
        bytes_of.append(sum(read.values()))
        with nothing.running():
            workspace.index([place.root], SilentProgress(), seconds=seconds, build_wanted=False)
    workspace.close()
    return {
        "in_process_ms": _worst(inside.wall, inside.processor),
        "nothing_appended_ms": _worst(nothing.wall, nothing.processor),
        "stages_ms": {
            name: round(s / APPENDS * measuring.MILLISECONDS, 2)
            for name, s in sorted(stages.seconds.items(), key=lambda item: -item[1])
        },
        "appended": APPENDS,
        "read_in_time": transcripts_read,
        "most_bytes_read_after_an_append": max(bytes_of),
    }


def command_line(place: Place) -> dict[str, Any]:
    """Append a turn and time `instar search` from the shell, with and without a refresh."""
    appending = Appending(place)
    asked = place.command("search", indexing.QUESTION, str(place.root), "--source", "sessions")
    outside = []
    for _ in range(APPENDS):
        appending.append()
        outside.append(indexing.timed(asked))
    unrefreshed = [indexing.timed([*asked, "--no-refresh"]) for _ in range(APPENDS)]
    return {
        "with_refresh_ms": _worst(*map(list, zip(*outside, strict=True))),
        "without_refresh_ms": _worst(*map(list, zip(*unrefreshed, strict=True))),
    }


def _worst(wall: list[float], processor: list[float]) -> dict[str, dict[str, float]]:
    return {
        name: {
            "p50": measuring.percentiles(seconds)["p50"],
            "worst": round(max(seconds) * measuring.MILLISECONDS, 3),
        }
        for name, seconds in (("wall", wall), ("processor", processor))
    }


def search(place: Place) -> dict[str, Any]:
    """Answer prompts of the transcripts, in sessions alone and in everything."""
    workspace = place.workspace()
    asked = questions()
    result: dict[str, Any] = {"questions": len(asked)}
    for name, scope in (
        ("sessions", Scope(source="sessions")),
        ("code", Scope(source="code")),
        ("everything", Scope()),
    ):
        clock = measuring.Clock()
        for number in range(PASSES + 1):
            for question in asked:
                with clock.running() if number else measuring.Clock().running():
                    workspace.search(SearchRequest(question, scope))
        result[name] = clock.summary()
    workspace.close()
    return result


def questions() -> list[str]:
    """Return the beginnings of prompts in the transcripts the sessions are made from."""
    main, _ = transcripts.read_sources(Path(os.environ["INSTAR_TEST_DATA"]) / "sessions")
    return transcripts.questions(main, QUESTIONS)


def peer(place: Place) -> dict[str, Any]:
    """Let the peer index the same sessions, go on after an appended turn, and answer the same questions."""
    environment = {**os.environ, "HOME": str(place.home)}
    shutil.rmtree(place.home / ".cc-search", ignore_errors=True)

    def run(what: str, asked: str = "") -> Any:
        command = [sys.executable, "-c", ASK_PEER, what]
        done = subprocess.run(command, env=environment, input=asked, capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    wall, processor, resident = run("index")
    refreshed, appending = [], Appending(place)
    for _ in range(APPENDS // 4):
        appending.append()
        refreshed.append(run("index")[:2])
    times = run("search", json.dumps(questions()))
    return {
        "wall_s": round(wall, 2),
        "processor_s": round(processor, 2),
        "peak_resident_bytes": resident,
        "disk_bytes": measuring.folder_bytes(place.home / ".cc-search"),
        "refresh_ms": _worst(*map(list, zip(*refreshed, strict=True))),
        "search_ms": measuring.percentiles([wall for wall, _ in times]),
    }


STEPS: dict[str, Callable[[Place], dict[str, Any]]] = {
    "floor": floor,
    "stages": by_stage,
    "index": index,
    "refresh": refresh,
    "command_line": command_line,
    "search": search,
    "peer": peer,
}


def of_its_own(step: str) -> dict[str, Any]:
    """Take a step in a process of its own."""
    done = subprocess.run([sys.executable, *sys.argv, "--step", step], stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def main() -> None:
    """Measure everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--sessions-count", type=int, default=10_000)
    parser.add_argument("--core", type=int, default=1)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", choices=STEPS, nargs="*", default=list(STEPS))
    parser.add_argument("--step", choices=STEPS, help="only print the figures of one step, and the peak of memory")
    arguments = parser.parse_args()
    measuring.one_core(arguments.core)
    place = Place(arguments.work)
    if arguments.step:
        figures = STEPS[arguments.step](place)
        status = Path("/proc/self/status").read_text("utf-8")
        print(json.dumps(figures | {"peak_resident_bytes_of_the_step": measuring.peak_resident_bytes(status)}))
        return
    result: dict[str, Any] = {"facts": measuring.facts((*indexing.VERSIONS, PEER))}
    result["sessions"] = generate(place, arguments.sessions_count)
    steps = [step for step in arguments.only if step != "peer" or measuring.version_of(PEER)]
    result |= {step: of_its_own(step) for step in steps}
    text = json.dumps(result, indent=1)
    print(text)
    if arguments.json:
        arguments.json.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
