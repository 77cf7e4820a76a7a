"""One question over files and sessions: neither drowns the other, copies take no room, caches follow the corpus."""

from collections import Counter

import pytest
from conversations import Conversation, encoded

from instar.domain.corpus import SessionChoice
from instar.domain.generations import Weights
from instar.domain.search import Mode, Place, Scope, SearchRequest
from instar.ports import SilentProgress
from instar.settings import Settings
from instar.wiring import Workspace


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture
def workspace(tmp_path, root):
    opened = Workspace(Settings(data=tmp_path / "data"))
    opened.choose_sessions([root], SessionChoice((str(tmp_path / "talks"),)))
    yield opened
    opened.close()


@pytest.fixture
def talk(tmp_path, root):
    """Begin a session of the project."""

    def begin(name):
        path = tmp_path / "talks" / encoded(root) / f"{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        return Conversation(path, root, session=name)

    return begin


def ask(workspace, query, limit=10, mode=Mode.HYBRID, weights=None, **scope):
    return workspace.search(SearchRequest(query, Scope(**scope), mode, limit, weights or Weights()))


@pytest.mark.parametrize("mode", [Mode.LEXICAL, Mode.HYBRID])
@pytest.mark.parametrize("suffix", [".py", ".md"])
def test_many_sessions_leave_room_for_files(workspace, root, talk, mode, suffix):
    for i in range(5):
        (root / f"f{i}{suffix}").write_text(f"a file with many other words, among them one walrus {i}\n" * 9)
    said = talk("s")
    for i in range(80):
        said.prompt(f"walrus {i}")
    workspace.index([root], SilentProgress())
    counts = Counter(hit.source for hit in ask(workspace, "walrus", mode=mode).hits)
    assert counts == {"sessions": 8, "code" if suffix == ".py" else "docs": 2}


def test_many_files_leave_room_for_sessions(workspace, root, talk):
    for i in range(60):
        (root / f"f{i}.py").write_text(f"def walrus_{i}(): return walrus\n")
    talk("s").prompt("a long prompt that has the walrus among many other words")
    workspace.index([root], SilentProgress())
    hits = ask(workspace, "walrus").hits
    assert Counter(hit.source for hit in hits) == {"code": 9, "sessions": 1}
    assert hits[-1].session is not None


def test_copies_of_a_turn_take_no_room_from_others(workspace, root, talk):
    for name in range(40):
        talk(f"copy{name}").prompt("walrus walrus walrus")
    for i in range(6):
        talk(f"other{i}").prompt(f"the walrus has another friend, number {i}, and a longer prompt")
    workspace.index([root], SilentProgress())
    for limit in (7, 10, 30):
        assert len(ask(workspace, "walrus", limit, Mode.LEXICAL).hits) == 7


def test_a_scope_follows_what_changes(workspace, root):
    (root / "a.py").write_text("def walrus(): pass\n")
    workspace.index([root], SilentProgress())
    (place,) = [Place(found.id, "sub") for found in workspace.roots()]
    for mode in Mode:
        assert ask(workspace, "walrus", mode=mode, places=(place,)).hits == ()
    (root / "sub").mkdir()
    (root / "sub" / "b.py").write_text("def walrus(): return 1\n")
    workspace.index([root], SilentProgress())
    for mode in Mode:
        assert [hit.path for hit in ask(workspace, "walrus", mode=mode, places=(place,)).hits] == ["sub/b.py"]


def test_an_arm_without_weight_alone_finds_something_too(workspace, root):
    (root / "a.py").write_text("def check_password(): pass\n")
    workspace.index([root], SilentProgress())
    for weights in (Weights(1.0, 0.0), Weights(0.0, 0.0)):
        answer = ask(workspace, "zebra", weights=weights)
        assert [hit.path for hit in answer.hits] == ["a.py"]


def test_what_is_missing_is_said_once(workspace, root, talk):
    (root / "a.py").write_text("def walrus(): pass\n")
    talk("s").prompt("walrus")
    workspace.index([root], SilentProgress())
    workspace.lexical.mark_damaged()
    degraded = ask(workspace, "walrus").degraded
    assert degraded is not None
    assert degraded.count("no lexical index") == 1


def test_a_question_in_a_language_the_model_never_learnt_is_left_to_the_words(workspace, root):
    (root / "a.md").write_text("Les équipes éliminées rentrent chez elles.\n")
    (root / "b.md").write_text("Something else that has no word of it.\n")
    workspace.index([root], SilentProgress())
    french, english = "équipes éliminées rentrées", "eliminated teams go home"
    scores = {hit.path: hit.score for hit in ask(workspace, french).hits}
    assert scores["a.md"] > 10 * scores["b.md"]
    assert {hit.path for hit in ask(workspace, english).hits} == {"a.md", "b.md"}
