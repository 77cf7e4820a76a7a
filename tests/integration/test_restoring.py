"""A corpus that is replaced while another process makes vectors of the former one."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from instar.domain.search import Mode, SearchRequest
from instar.errors import BusyError
from instar.ports import Embedded, SilentProgress
from instar.settings import Settings
from instar.testing import HashEmbedder
from instar.wiring import Workspace

SILENT = SilentProgress()
SAME = 0.98
"""A cosine that a text stored as int8 has with itself, and no other one has."""


class Interrupted(HashEmbedder):
    """A model during whose first work a backup is restored."""

    def __init__(self, data: Path, copy: Path) -> None:
        super().__init__()
        self._data = data
        self._copy = copy

    def embed_documents(self, texts: Sequence[str]) -> Embedded:
        """Return unit vectors (n, d)."""
        if any("gamma" in text for text in texts):
            opened(self._data).restore(self._copy, SILENT)
        return super().embed_documents(texts)


def opened(data: Path, model: HashEmbedder | None = None) -> Workspace:
    return Workspace(Settings(data=data), model or HashEmbedder())


def read(workspace: Workspace, root: Path, text: str) -> None:
    """Store a file with this text, without its vector."""
    root.mkdir()
    (root / "note.md").write_text(text)
    workspace.read([root], SILENT)


def test_no_vector_of_a_former_text_is_stored_for_one_that_was_restored(tmp_path: Path) -> None:
    """The first text of either corpus has the same id."""
    data, copy = tmp_path / "data", tmp_path / "copy"
    other = opened(tmp_path / "other")
    read(other, tmp_path / "one", "alpha beta\n")
    other.backup(copy, SILENT)
    workspace = opened(data, Interrupted(data, copy))
    read(workspace, tmp_path / "two", "gamma delta\n")
    with pytest.raises(BusyError, match="replaced"):
        workspace.fill(SILENT)
    opened(data).fill(SILENT)
    (hit,) = opened(data).search(SearchRequest("alpha beta", mode=Mode.VECTOR)).hits
    assert hit.text.strip() == "alpha beta"
    assert (hit.vector_score or 0.0) > SAME


def test_who_searches_all_the_time_gets_answers_of_what_was_restored(tmp_path: Path) -> None:
    data, copy, root = tmp_path / "data", tmp_path / "copy", tmp_path / "root"
    serving = opened(data)
    read(serving, root, "alpha beta\n")
    serving.fill(SILENT)
    serving.backup(copy, SILENT)
    (root / "note.md").write_text("gamma delta\n")
    serving.index([root], SILENT)
    for mode in (Mode.LEXICAL, Mode.HYBRID):
        assert [hit.text.strip() for hit in serving.search(SearchRequest("gamma", mode=mode)).hits] == ["gamma delta"]
    opened(data).restore(copy, SILENT)
    for mode in (Mode.LEXICAL, Mode.HYBRID, Mode.VECTOR):
        answer = serving.search(SearchRequest("alpha", mode=mode))
        assert ([hit.text.strip() for hit in answer.hits], answer.degraded) == (["alpha beta"], None)
    assert serving.search(SearchRequest("gamma", mode=Mode.LEXICAL)).hits == ()
