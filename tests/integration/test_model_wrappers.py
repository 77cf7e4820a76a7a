"""What stands around a model that is named: a second run asks it nothing, and it is loaded only to be asked."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from instar.domain.catalogue import ModelEntry
from instar.domain.models import EncoderFacts
from instar.ports import Embedded, Embedder, SilentProgress
from instar.settings import Settings, cache_folder
from instar.testing import HashEmbedder
from instar.wiring import Workspace
from instar.wiring.models import ENCODERS, SERVERS, Models

TEXTS = ["open the file", "close the file"]


class Words:
    """An encoder that counts what it is asked."""

    batch = 32
    agreement = 1.0

    def __init__(self, entry: ModelEntry) -> None:
        self._model = HashEmbedder()
        self.facts = EncoderFacts(entry.provider, entry.source, "1", self._model.spec.dimensions, "float32", "mean")
        self.asked: list[str] = []
        self.closed = 0

    def encode(self, texts: Sequence[str]) -> Embedded:
        self.asked += texts
        return self._model.embed_documents(texts)

    def familiarity(self, text: str) -> float:
        return self._model.embed_query(text).familiarity

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Words]:
    """The encoders made so far; the cache folder is one of its own."""
    encoders: list[Words] = []

    def make(entry: ModelEntry) -> Words:
        encoders.append(Words(entry))
        return encoders[-1]

    monkeypatch.setitem(ENCODERS, "onnx", make)
    monkeypatch.setitem(SERVERS, "openai", lambda entry, _: make(entry))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return encoders


def model(tmp_path: Path, cache_megabytes: int = 1) -> Embedder:
    """A model as another process would have it."""
    return Models(tmp_path, Settings(data=tmp_path, cache_megabytes=cache_megabytes)).named("onnx:words")


def test_documents_are_embedded_once_on_a_machine(made: list[Words], tmp_path: Path) -> None:
    first = model(tmp_path).embed_documents(TEXTS).vectors
    np.testing.assert_array_equal(model(tmp_path).embed_documents(TEXTS).vectors, first)
    assert [encoder.asked for encoder in made] == [TEXTS, []]


def test_the_cache_can_be_switched_off(made: list[Words], tmp_path: Path) -> None:
    for _ in range(2):
        model(tmp_path, cache_megabytes=0).embed_documents(TEXTS)
    assert [encoder.asked for encoder in made] == [TEXTS, TEXTS]
    assert not cache_folder().exists()


def test_documents_of_a_model_known_by_its_name_alone_are_not_kept(made: list[Words], tmp_path: Path) -> None:
    for _ in range(2):
        Models(tmp_path, Settings(data=tmp_path)).named("openai:words").embed_documents(TEXTS)
    assert [encoder.asked for encoder in made] == [TEXTS, TEXTS]
    assert not cache_folder().exists()


def test_questions_are_embedded_once_in_a_process_and_counted(made: list[Words], tmp_path: Path) -> None:
    models = Models(tmp_path, Settings(data=tmp_path))
    for _ in range(3):
        models.named("onnx:words").embed_query("where is it")
    assert made[0].asked == ["where is it"]
    assert (models.questions.counts.hits, models.questions.counts.misses) == (2, 1)


def test_what_is_forgotten_is_not_kept_in_the_cache(made: list[Words], tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "a.txt").write_text("open the file\n")
    workspace = Workspace(Settings(data=tmp_path / "data"))
    workspace.index([tmp_path / "root"], SilentProgress())
    model(tmp_path).embed_documents(TEXTS)
    assert any(cache_folder().iterdir())
    workspace.forget(workspace.roots()[0])
    assert not any(cache_folder().iterdir())


def test_a_folder_is_the_same_model_wherever_it_is_named_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    models = Models(tmp_path, Settings(data=tmp_path))
    for provider in ("static", "onnx", "gguf", "st"):
        whole = f"{provider}:{tmp_path}/mine"
        assert {models.resolved(f"{provider}:{name}").name for name in ("mine", "./mine", "~/mine")} == {whole}
        assert models.resolved(f"{provider}:~/mine").source == str(tmp_path / "mine")
    assert models.resolved("ollama:mine").source == "mine"
    assert models.resolved("st:owner/none").source == "owner/none"


def test_a_name_that_stands_for_another_provider_now_is_wanted_anew(made: list[Words], tmp_path: Path) -> None:
    data = tmp_path / "data"
    (tmp_path / "root").mkdir()
    workspace = Workspace(Settings(data=data))
    workspace.models.user_file = tmp_path / "models.toml"
    workspace.index([tmp_path / "root"], SilentProgress())
    with workspace.store.snapshot() as snapshot:
        (generation,) = snapshot.generations()
    assert workspace.is_wanted(generation)
    changed = Workspace(Settings(data=data))
    changed.models.user_file = tmp_path / "models.toml"
    changed.models.user_file.write_text('["static"]\nprovider = "onnx"\nsource = "words"\n')
    assert not changed.is_wanted(generation)


def test_a_name_that_leads_to_another_place_now_is_wanted_anew_until_the_next_index(
    made: list[Words], tmp_path: Path
) -> None:
    settings = Settings(data=tmp_path / "data", model="mine")
    (tmp_path / "root").mkdir()

    def opened(table: str) -> Workspace:
        workspace = Workspace(settings)
        workspace.models.user_file = tmp_path / "models.toml"
        workspace.models.user_file.write_text(f'["mine"]\n{table}\n')
        return workspace

    first = opened('provider = "openai"\nsource = "words"\nbase_url = "http://me:secret@here/v1"')
    first.index([tmp_path / "root"], SilentProgress())
    with first.store.snapshot() as snapshot:
        generation = snapshot.generations()[-1]
    assert first.is_wanted(generation)
    assert "secret" not in repr(generation)
    asked = len(made)
    assert not opened('provider = "openai"\nsource = "others"\nbase_url = "http://here/v1"').is_wanted(generation)
    moved = opened('provider = "openai"\nsource = "words"\nbase_url = "http://there/v1"')
    assert not moved.is_wanted(generation)
    assert [workspace.is_moved(generation) for workspace in (first, moved)] == [False, True]
    before = replace(generation, model=replace(generation.model, place=""))  # as it was noted before places were
    assert [workspace.is_wanted(before) for workspace in (first, moved)] == [True, True]
    assert len(made) == asked  # no model was opened
    moved.index([tmp_path / "root"], SilentProgress())
    with moved.store.snapshot() as snapshot:
        same = snapshot.generations()[-1]
    assert same.id == generation.id
    assert moved.is_wanted(same)


def test_a_workspace_closes_the_models_it_opened(made: list[Words], tmp_path: Path) -> None:
    workspace = Workspace(Settings(data=tmp_path / "data"))
    workspace.models.named("onnx:words")
    workspace.models.bare(workspace.models.resolved("onnx:words"))
    workspace.close()
    assert [encoder.closed for encoder in made] == [1, 1]
