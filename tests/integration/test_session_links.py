"""Links between files and the turns that touched them, over real transcripts, against a simple reader of tool calls."""

import os
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import pytest
from tool_calls import read_calls

from instar.domain.corpus import SessionChoice
from instar.domain.search import Mode, Scope, SearchRequest
from instar.domain.sessions import Role
from instar.ports import SilentProgress
from instar.search.recall import MOST_RELATED
from instar.settings import Settings
from instar.testing import HashEmbedder
from instar.transcripts import read_transcript
from instar.wiring import Workspace

DATA = os.environ.get("INSTAR_TEST_DATA", "")
pytestmark = pytest.mark.skipif(not DATA, reason="INSTAR_TEST_DATA names no folder with `sessions/`")
PROJECTS = {  # Folder of transcripts, and what is said to `--project`: all these sessions began elsewhere.
    "spotter": ("marot+spotter/test/fixtures/transcripts", ("**/spotter-worktrees/*", "/home/marco/projects/spotter")),
    "example-project": ("obra+episodic-memory/test/fixtures", ("**/.worktrees/*", "**/example-org/example-project")),
}
EVERYTHING = 10_000
"""More than there are turns."""
MOST_FILES = 10


@dataclass
class Expected:
    """What the simple reader knows.

    `turns[file][turn]` is what a turn did to a file (relative to the project), `commands` are those a turn ran in a
    shell, `at` is when it began, `session` whose it is, `texts` the longest that was seen of a file.
    """

    turns: dict[str, dict[str, set[str]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(set)))
    commands: dict[str, str] = field(default_factory=lambda: defaultdict(str))
    at: dict[str, float] = field(default_factory=dict)
    session: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)

    def may_print(self, turn, file):
        """Whether a command of this turn names a file so: then it may have printed it, and be linked too."""
        return PurePosixPath(file).name in self.commands[turn]

    def ordered(self, file):
        """Return the turns that touched a file: edits before reads, the latest first."""
        turns = self.turns[file]
        return sorted(turns, key=lambda turn: (turns[turn] == {"read"}, -self.at[turn]))

    def best(self, file):
        """Return the first of these turns of each session."""
        sessions: dict[str, str] = {}
        for turn in self.ordered(file):
            sessions.setdefault(self.session[turn], turn)
        return sessions

    def edited(self):
        """Return the files that were changed."""
        return [file for file, turns in self.turns.items() if set().union(*turns.values()) - {"read"}]

    def files_of(self, turn):
        """Return what a turn touched."""
        return {file for file, turns in self.turns.items() if turn in turns}


@pytest.fixture(scope="module", params=PROJECTS)
def project(request, tmp_path_factory):
    """Return the indexed repository of a project and what is expected of it."""
    name, globs = PROJECTS[request.param]
    folder = Path(DATA, "sessions", name).resolve()
    expected = _expected(folder, globs)
    root = tmp_path_factory.mktemp("links") / request.param
    for path, text in expected.texts.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, "utf-8")
    workspace = Workspace(Settings(data=root.parent / "data"), HashEmbedder())
    workspace.choose_sessions([root], SessionChoice((str(folder),), globs))
    workspace.index([root], SilentProgress())
    yield workspace, root, expected
    workspace.close()


def _expected(folder, globs):
    expected = Expected()
    for path in sorted(folder.rglob("*.jsonl")):
        calls = read_calls(path)
        home = PurePosixPath(calls.folder)
        if not any(home.match(glob.removeprefix("**/")) for glob in globs):
            continue
        lines = path.read_bytes().splitlines(keepends=True)
        transcript = read_transcript(lines, path.name, redact=str)
        turns = [t for t in transcript.turns if t.role is Role.TOOL]
        expected.session |= dict.fromkeys((turn.id for turn in turns), transcript.session)
        expected.at |= {turn.id: turn.at or 0.0 for turn in turns}
        for line, command in calls.commands:
            expected.commands[_turn_at(turns, line)] += f"{command}\n"
        for call in calls.files:
            if PurePosixPath(call.path).is_relative_to(home):
                file, turn = str(PurePosixPath(call.path).relative_to(home)), _turn_at(turns, call.line)
                expected.turns[file][turn].add(call.action)
                expected.texts[file] = max(expected.texts.get(file, ""), call.text, key=len)
    return expected


def _turn_at(turns, line):
    """Return the id of the turn whose lines contain this one; of several, the one that began last."""
    return max((t for t in turns if t.first_line <= line <= t.last_line), key=lambda t: t.first_line).id


def _code_hit(workspace, file, text):
    """Return a hit in a file, None where it is not indexed."""
    words = " ".join(text.split()[:40])
    glob = "".join(f"[{char}]" if char in "*?[" else char for char in file)
    scope = Scope(path=f"/{glob}")
    hits = workspace.search(SearchRequest(f"{PurePosixPath(file).stem} {words}", scope, Mode.LEXICAL)).hits
    return next((hit for hit in hits if hit.path == file), None)


def test_all_turns_that_touched_a_file_are_known_and_no_others(project):
    workspace, root, expected = project
    right = wrong = missed = 0
    with workspace.store.snapshot() as snapshot:
        related = snapshot.related_sessions([str(root / file) for file in expected.turns], EVERYTHING)
    for file, turns in expected.turns.items():
        known = {item.turn for item in related.get(str(root / file), ())}
        linked = {turn for turn in known if turn in turns or not expected.may_print(turn, file)}
        right += len(linked & set(turns))
        wrong += len(linked - set(turns))
        missed += len(set(turns) - linked)
    precision, recall = right / (right + wrong), right / (right + missed)
    print(f"{len(expected.turns)} files, {right} links: precision {precision:.3f}, recall {recall:.3f}")
    assert right >= 80
    assert precision >= 0.95
    assert recall >= 0.9


def test_hits_in_edited_files_name_the_sessions_that_touched_them_each_once(project):
    workspace, _, expected = project
    edited = expected.edited()
    hits = {file: _code_hit(workspace, file, expected.texts[file]) for file in edited}
    assert len(edited) >= 20
    assert None not in hits.values()
    for file, hit in hits.items():
        turns = expected.turns[file]
        named = [item for item in hit.related_sessions if item.turn in turns or not expected.may_print(item.turn, file)]
        printed = {item.session for item in hit.related_sessions if item not in named}
        best = [turn for session, turn in expected.best(file).items() if session not in printed]
        assert [item.turn for item in named] == best[: len(named)], file
        assert all(item.action in turns[item.turn] for item in named)
        assert len({item.session for item in hit.related_sessions}) == len(hit.related_sessions)
        assert len(hit.related_sessions) == MOST_RELATED or len(named) == len(best)


def test_hits_in_sessions_name_the_files_of_their_turn(project):
    workspace, _, expected = project
    named = set()
    for file in expected.turns:
        request = SearchRequest(file, Scope(source="sessions", role=Role.TOOL), Mode.LEXICAL, limit=20)
        for hit in workspace.search(request).hits:
            wanted = expected.files_of(hit.session.turn)
            inside = {name for name in hit.files if not name.startswith("/")}
            assert all(expected.may_print(hit.session.turn, name) for name in inside - wanted)
            assert wanted <= inside or len(hit.files) == MOST_FILES
            named |= inside & wanted
    assert len(named) >= 0.9 * len(expected.turns)
