"""Answers: arms, filters, citations."""

import pytest

from instar.domain.generations import Weights
from instar.domain.search import Mode, Place, Scope, SearchRequest
from instar.ports import SilentProgress
from instar.settings import Settings
from instar.wiring import Workspace

FILES = {
    "src/retry.py": "def retry_delay(attempt):\n    '''Seconds before the next one.'''\n    return 2**attempt\n",
    "src/login.py": "def check_password(name, password):\n    return users[name].matches(password)\n",
    "web/retry.js": "export function retryDelay(attempt) {\n  return 2 ** attempt;\n}\n",
    "docs/retries.md": "# Retries\n\nFailed requests are sent again after a growing pause.\n",
    "docs/deep/penguins.md": "# Penguins\n\nBirds that do not fly.\n",
}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("search")
    root = folder / "project"
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (root / ".git").mkdir()
    (root / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    opened = Workspace(Settings(data=folder / "data"))
    opened.index([root], SilentProgress())
    yield opened
    opened.close()


def ask(workspace, query, mode=Mode.HYBRID, limit=10, weights=None, **scope):
    return workspace.search(SearchRequest(query, Scope(**scope), mode, limit, weights or Weights())).hits


def test_an_identifier_is_found_exactly(workspace):
    hit = ask(workspace, "retry_delay")[0]
    assert (hit.path, hit.start_line, hit.end_line, hit.symbol) == ("src/retry.py", 1, 3, "retry_delay")
    assert (hit.rank, hit.source, hit.language) == (1, "code", "python")
    assert hit.text == FILES["src/retry.py"].rstrip("\n")


def test_words_find_identifiers_of_any_style(workspace):
    assert {"src/retry.py", "web/retry.js"} <= {hit.path for hit in ask(workspace, "retry delay", Mode.LEXICAL)[:3]}


def test_meaning_finds_what_shares_no_word(workspace):
    hits = ask(workspace, "authenticate user credentials", Mode.VECTOR)
    assert hits[0].path == "src/login.py"
    assert ask(workspace, "authenticate credentials", Mode.LEXICAL) == ()


@pytest.mark.parametrize(
    ("mode", "ranked", "empty"), [(Mode.LEXICAL, "lexical", "vector"), (Mode.VECTOR, "vector", "lexical")]
)
def test_an_arm_can_be_switched_off(workspace, mode, ranked, empty):
    hits = ask(workspace, "retry delay", mode)
    assert hits
    for hit in hits:
        assert getattr(hit, f"{ranked}_rank") is not None
        assert getattr(hit, f"{empty}_rank") is None
        assert getattr(hit, f"{empty}_score") is None


def test_weights_turn_the_order(workspace):
    query = "seconds to pause before sending again"
    lexical = {hit.path: hit.score for hit in ask(workspace, query, weights=Weights(1.0, 0.1))}
    vector = {hit.path: hit.score for hit in ask(workspace, query, weights=Weights(0.1, 1.0))}
    assert vector["src/login.py"] > lexical["src/login.py"]  # which shares no word with the question


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ({"language": "javascript"}, {"web/retry.js"}),
        ({"source": "docs"}, {"docs/retries.md", "docs/deep/penguins.md"}),
        ({"path": "*.js"}, {"web/retry.js"}),
        ({"path": "src/**"}, {"src/retry.py", "src/login.py"}),
        ({"path": "docs/*.md"}, {"docs/retries.md"}),
        ({"repository": "project", "language": "python"}, {"src/retry.py", "src/login.py"}),
        ({"repository": "another"}, set()),
        ({"places": ()}, set()),
        ({"places": (Place(1, "docs"),)}, {"docs/retries.md", "docs/deep/penguins.md"}),
        ({"places": (Place(1, "docs/deep"), Place(1, "web"))}, {"docs/deep/penguins.md", "web/retry.js"}),
        ({"places": (Place(99),)}, set()),
    ],
)
def test_filters_hold_in_every_mode(workspace, mode, scope, expected):
    found = {hit.path for hit in ask(workspace, "retry delay attempt password penguins failed birds", mode, **scope)}
    assert found <= expected
    assert mode is Mode.LEXICAL or found == expected


def test_the_limit_is_kept_and_ranks_count_up(workspace):
    hits = ask(workspace, "retry", limit=2)
    assert [hit.rank for hit in hits] == [1, 2]


@pytest.mark.parametrize("query", ["???", "zzzzqqqq", "{", "a" * 5_000, "é", "\x00", "AND OR NOT (", 'body:"x"'])
def test_odd_questions_are_answered(workspace, query):
    for mode in Mode:
        ask(workspace, query, mode)


def test_pasted_code_is_a_question_too(workspace):
    assert ask(workspace, FILES["src/login.py"] * 200)[0].path == "src/login.py"


def test_the_same_question_has_the_same_answer(workspace):
    assert ask(workspace, "retry delay") == ask(workspace, "retry delay")
