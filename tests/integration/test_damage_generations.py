"""Vectors of two document fingerprints never meet: the active generation answers, or nothing of its kind does."""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from instar.domain.generations import Generation
from instar.domain.models import ModelSpec, document_fingerprint
from instar.domain.search import Hit, Mode, SearchAnswer, SearchRequest
from instar.entrypoints.cli.generations import blocked, generations_as_json, in_words, troubles
from instar.errors import DamagedError, ModelAwayError, ModelChangedError, ModelError
from instar.indexing.parts import Indexing
from instar.ports import Embedded, EmbeddedQuery, Embedder, SilentProgress
from instar.settings import Settings
from instar.testing import HashEmbedder
from instar.wiring import Workspace

FILES = 6
QUESTION = "part_3 ember combine"
REMEDY = "`instar index` builds the generation of the wanted model"

Write = Callable[[Path, range, int], None]


class Described:
    """A hash model under another description. With a truncation it gives so many dimensions only."""

    def __init__(self, **changes: Any) -> None:
        self._model = HashEmbedder(revision=str(changes.get("revision", "1")))
        self._spec = replace(self._model.spec, **changes)

    @property
    def spec(self) -> ModelSpec:
        return self._spec

    @property
    def agreement(self) -> float:
        return self._model.agreement

    def _shaped(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        kept = vectors[..., : self._spec.stored_dimensions]
        unit: NDArray[np.float32] = (kept / np.linalg.norm(kept, axis=-1, keepdims=True)).astype(np.float32)
        return unit

    def embed_documents(self, texts: Sequence[str]) -> Embedded:
        texts = [self._spec.document_prompt + text for text in texts]
        return Embedded(self._shaped(self._model.embed_documents(texts).vectors))

    def embed_query(self, text: str) -> EmbeddedQuery:
        vector, familiarity = self._model.embed_query(self._spec.query_prompt + text)
        return EmbeddedQuery(self._shaped(vector), familiarity)


class Refusing(Described):
    """A model that fails, after some batches."""

    def __init__(self, batches: int, **changes: Any) -> None:
        super().__init__(**changes)
        self._batches = batches

    def embed_documents(self, texts: Sequence[str]) -> Embedded:
        if not self._batches:
            raise ModelError("the model is out of order", "mend it")
        self._batches -= 1
        return super().embed_documents(texts)


# Everything that decides a stored vector makes another generation; the last one is a setting of the folder.
CHANGES = [
    {"revision": "2"},
    {"name": "other"},
    {"provider": "elsewhere"},
    {"precision": "int8"},
    {"pooling": "cls"},
    {"document_prompt": "passage: "},
    {"truncation": 32},
    {"storage": "float16"},
    {"storage": "float32"},
    {"storage": "binary"},
]


def opened(data: Path, **changes: Any) -> Workspace:
    """Open a folder as a process with other settings would."""
    storage = str(changes.pop("storage", "int8"))
    return Workspace(Settings(data=data, storage=storage), Described(**changes))


def answer(workspace: Workspace, mode: Mode = Mode.HYBRID) -> SearchAnswer:
    return workspace.search(SearchRequest(QUESTION, mode=mode, limit=200))


def scores(hits: Sequence[Hit]) -> dict[str, float | None]:
    return {hit.text: hit.vector_score for hit in hits}


def generations(workspace: Workspace) -> list[tuple[Generation, int, bool]]:
    """Return each generation with what it lacks, and whether it is active."""
    with workspace.store.snapshot() as snapshot:
        active = snapshot.active_generation()
        return [
            (generation, snapshot.completeness(generation.id).missing, generation == active)
            for generation in snapshot.generations()
        ]


@pytest.fixture
def root(tmp_path: Path, write_tree: Write) -> Path:
    write_tree(tmp_path / "root", range(FILES), 1)
    return tmp_path / "root"


@pytest.fixture
def data(tmp_path: Path, root: Path) -> Path:
    """Return a folder whose generation is that of the plain model, as int8."""
    workspace = opened(tmp_path / "data")
    workspace.index([root], SilentProgress())
    workspace.close()
    return tmp_path / "data"


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_another_model_or_format_is_built_beside_and_then_answers(
    data: Path, root: Path, change: dict[str, object], tmp_path: Path
) -> None:
    wanted = opened(data, **change)
    ((first, _, _),) = generations(wanted)
    before = answer(wanted)
    assert before.generation == first
    assert before.hits
    if "storage" in change:  # the model is there, so its vectors answer in the format they have
        assert before.degraded is None
    else:
        assert before.degraded is not None
        assert REMEDY in before.degraded
        assert {hit.vector_rank for hit in before.hits} == {None}
        assert answer(wanted, Mode.VECTOR).hits == ()

    wanted.index([root], SilentProgress())
    assert [(missing, active) for _, missing, active in generations(wanted)] == [(0, False), (0, True)]
    after = answer(wanted)
    assert after.degraded is None
    assert after.generation is not None
    assert after.generation.fingerprint == document_fingerprint(wanted.wanted.spec, wanted.storage)
    fresh = opened(tmp_path / "fresh", **change)
    fresh.index([root], SilentProgress())
    assert scores(answer(wanted, Mode.VECTOR).hits) == pytest.approx(scores(answer(fresh, Mode.VECTOR).hits), abs=1e-6)
    for workspace in (wanted, fresh):
        workspace.close()


@pytest.mark.parametrize("change", [{"query_prompt": "question: "}], ids=str)
def test_what_belongs_to_questions_alone_changes_no_generation(
    data: Path, root: Path, change: dict[str, object]
) -> None:
    workspace = opened(data, **change)
    assert answer(workspace).degraded is None
    workspace.index([root], SilentProgress())
    assert len(generations(workspace)) == 1
    workspace.close()


def test_the_former_model_still_answers_while_the_wanted_one_is_incomplete(data: Path, root: Path) -> None:
    failing = Workspace(Settings(data=data), Refusing(0, revision="2"))
    with pytest.raises(ModelError):
        failing.index([root], SilentProgress())
    assert [(missing > 0, active) for _, missing, active in generations(failing)] == [(False, True), (True, False)]
    failing.close()
    former = opened(data)
    found = answer(former)
    assert found.degraded is None
    assert found.generation is not None
    assert found.generation.model.revision == "1"
    assert all(hit.vector_rank for hit in answer(former, Mode.VECTOR).hits)
    former.close()
    wanted = opened(data, revision="2")
    wanted.index([root], SilentProgress())
    assert [(missing, active) for _, missing, active in generations(wanted)] == [(0, False), (0, True)]
    assert answer(wanted).degraded is None
    wanted.close()


class Unsound(Described):
    """A model that gives the texts of one file no vector that may be stored."""

    def embed_documents(self, texts: Sequence[str]) -> Embedded:
        vectors = super().embed_documents(texts).vectors
        vectors[["f0002" in text for text in texts]] = np.nan
        return Embedded(vectors)


def test_the_wanted_generation_does_not_answer_before_it_is_complete(data: Path, root: Path) -> None:
    """Neither where nobody has worked on it yet, nor where texts were given up."""
    wanted = opened(data, revision="2")
    wanted.migrations.follow_settings()
    assert [(missing > 0, active) for _, missing, active in generations(wanted)] == [(False, True), (True, False)]
    wanted.close()
    unsound = Workspace(Settings(data=data), Unsound(revision="3"))
    unsound.index([root], SilentProgress())
    # What the settings named before, and nobody has finished, is gone.
    assert [active for _, _, active in generations(unsound)] == [True, False]
    with unsound.store.snapshot() as snapshot:
        assert snapshot.completeness(generations(unsound)[-1][0].id).quarantined == 6
    unsound.close()


def test_what_a_generation_lacks_is_named_with_its_places(data: Path, root: Path) -> None:
    class Short(Unsound):
        def embed_documents(self, texts: Sequence[str]) -> Embedded:
            vectors = super().embed_documents(texts).vectors
            return Embedded(vectors, tuple(i for i, text in enumerate(texts) if "f0004" in text))

    workspace = Workspace(Settings(data=data), Short(revision="2", context_tokens=256))
    workspace.index([root], SilentProgress())
    first, second = generations_as_json(workspace)
    assert (first["unsound"], first["cut"]) == ([], {"chunks": 0, "first": []})
    (kind,) = second["unsound"]
    lines = [start for start, _ in kind["files"][0]["lines"]]
    assert (kind["reason"], kind["chunks"], len(kind["texts"]), len(lines)) == ("not finite", 6, 6, 6)
    assert kind["files"][0]["path"] == str(root / "f0002.py")
    assert (second["cut"]["chunks"], len(second["cut"]["first"])) == (6, 3)
    assert second["cut"]["first"][0]["path"] == str(root / "f0004.py")
    head, unsound = in_words(second)
    assert head.endswith("wanted, 6 of 36 texts missing")
    places = ", ".join(f"f0002.py:{start}" for start in lines[:3])
    assert unsound.endswith(f"6 texts given up, for the vector was not finite: {places} and 3 more (--json)")
    (cut,) = troubles(second | {"active": True, "unsound": []})
    assert cut.startswith(
        "6 chunks longer than the 256 tokens the model reads: what stands behind that is found by words"
    )
    assert cut.endswith("and 3 more)")
    (reason,) = blocked([first, second])
    assert "run `instar index` again" in reason
    workspace.close()


def test_texts_that_were_given_up_are_asked_for_once_more_by_the_next_run(data: Path, root: Path) -> None:
    unsound = Workspace(Settings(data=data), Unsound(revision="2"))
    unsound.index([root], SilentProgress())
    unsound.close()
    mended = opened(data, revision="2")
    mended.index([root], SilentProgress(), build_wanted=False)  # as a search does, which leaves them
    assert [missing for _, missing, _ in generations(mended)] == [0, 6]
    mended.index([root], SilentProgress())
    assert [(missing, active) for _, missing, active in generations(mended)] == [(0, False), (0, True)]
    mended.close()


def test_everything_else_is_done_before_the_wanted_model_is_missed(data: Path, root: Path, write_tree: Write) -> None:
    """The active generation is filled, the wanted one goes on from where it was."""
    parted = Parted(data)
    write_tree(root, range(FILES, FILES + 40), 1)
    with pytest.raises(ModelError, match="out of order"):
        parted.index([root], SilentProgress())
    first, second = generations(parted)
    assert (first[1], first[2], second[2]) == (0, True, False)
    held = second[1]
    assert 0 < held < 6 * (FILES + 40)
    assert "f0040.py" in {hit.path for hit in answer(parted, Mode.VECTOR).hits}
    parted.slow = Described(revision="2")
    parted.index([root], SilentProgress())
    assert [(missing, active) for _, missing, active in generations(parted)] == [(0, False), (0, True)]
    parted.close()


class Parted(Workspace):
    """A folder of which the active model is there while the wanted one fails after three batches."""

    def __init__(self, data: Path) -> None:
        super().__init__(Settings(data=data), Described())
        self.slow: Described = Refusing(5, revision="2")

    def embedder_of(self, generation: Generation) -> Embedder | None:
        return self.slow if generation.model.revision == "2" else super().embedder_of(generation)

    @property
    def parts(self) -> Indexing:
        return replace(super().parts, wanted=lambda: self.slow)


def test_a_changed_model_is_refused_until_all_is_made_anew(data: Path, root: Path, write_tree: Write) -> None:
    """A model exchanged under its name, with the generation that answers."""
    write_tree(root, range(FILES, FILES + 2), 1)
    changed = Workspace(Settings(data=data), Reversed())
    with pytest.raises(ModelChangedError):
        changed.index([root], SilentProgress())
    ((_, missing, _),) = generations(changed)
    assert missing == 12
    with pytest.raises(ModelChangedError):
        changed.fill(SilentProgress())
    changed.fill(SilentProgress(), renew=True)
    assert [(missing, active) for _, missing, active in generations(changed)] == [(0, True)]
    fresh = Workspace(Settings(data=data.with_name("fresh")), Reversed())
    fresh.index([root], SilentProgress())
    found, expected = (scores(answer(workspace, Mode.VECTOR).hits) for workspace in (changed, fresh))
    assert found == pytest.approx(expected, abs=1e-6)
    for workspace in (changed, fresh):
        workspace.close()


class Reversed(Described):
    """Another model under the same description."""

    def _shaped(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        return super()._shaped(vectors[..., ::-1])


def test_a_model_that_changed_while_nothing_was_missing_is_found_and_not_asked(data: Path, root: Path) -> None:
    changed = Workspace(Settings(data=data), Reversed())
    with pytest.raises(ModelChangedError):
        changed.index([root], SilentProgress())
    found = answer(changed)
    assert found.degraded is not None
    assert "has changed" in found.degraded
    assert "`instar index --rebuild`" in found.degraded
    assert found.hits  # by words
    assert {hit.vector_rank for hit in found.hits} == {None}
    changed.close()
    former = opened(data)
    assert answer(former).degraded is not None  # until it is known again
    former.index([root], SilentProgress())
    assert answer(former).degraded is None
    former.close()


def test_all_vectors_of_a_changed_model_are_made_anew_though_none_is_missing(data: Path, root: Path) -> None:
    changed = Workspace(Settings(data=data), Reversed())
    with pytest.raises(ModelChangedError):
        changed.fill(SilentProgress())
    changed.fill(SilentProgress(), renew=True)
    assert answer(changed).degraded is None
    fresh = Workspace(Settings(data=data.with_name("fresh")), Reversed())
    fresh.index([root], SilentProgress())
    found, expected = (scores(answer(workspace, Mode.VECTOR).hits) for workspace in (changed, fresh))
    assert found == pytest.approx(expected, abs=1e-6)
    for workspace in (changed, fresh):
        workspace.close()


def test_a_model_that_is_away_is_not_missed_while_nothing_is_missing(data: Path, root: Path) -> None:
    class Away(Described):
        def embed_documents(self, texts: Sequence[str]) -> Embedded:
            raise ModelAwayError("the server does not answer")

    away = Workspace(Settings(data=data), Away())
    away.index([root], SilentProgress())
    assert answer(away).degraded is None
    away.close()


def damage_canaries(data: Path, count: int) -> None:
    with closing(sqlite3.connect(data / "instar.db")) as db:
        db.execute(
            "UPDATE canaries SET data = zeroblob(256) WHERE text IN (SELECT text FROM canaries LIMIT ?)", (count,)
        )
        db.commit()


def test_a_damaged_canary_is_reported_and_dropped_and_the_others_still_know_the_model(data: Path, root: Path) -> None:
    damage_canaries(data, 1)
    workspace = opened(data)
    with pytest.raises(DamagedError, match="`instar verify`"):
        workspace.index([root], SilentProgress())
    assert answer(workspace).degraded is None
    found = workspace.verify()
    assert (found.damage, len(found.mended)) == ((), 1)
    assert workspace.verify().mended == ()
    workspace.index([root], SilentProgress())
    workspace.close()
    changed = Workspace(Settings(data=data), Reversed())
    with pytest.raises(ModelChangedError):
        changed.fill(SilentProgress())
    changed.close()


def test_a_generation_with_damaged_canaries_can_be_made_anew(data: Path, root: Path) -> None:
    damage_canaries(data, 100)
    workspace = opened(data)
    before = scores(answer(workspace, Mode.VECTOR).hits)
    workspace.fill(SilentProgress(), renew=True)
    assert workspace.verify().mended == ()
    workspace.index([root], SilentProgress())
    assert scores(answer(workspace, Mode.VECTOR).hits) == pytest.approx(before, abs=1e-6)
    workspace.close()


@pytest.mark.parametrize("fault", ["unsound", "away"])
def test_vectors_are_not_dropped_for_a_model_that_cannot_make_others(
    data: Path, root: Path, write_tree: Write, fault: str
) -> None:
    class Broken(Described):
        """Another model; it breaks down when it is asked a second time."""

        asked = 0

        def embed_documents(self, texts: Sequence[str]) -> Embedded:
            self.asked += 1
            if fault == "away" and self.asked > 1:
                raise ModelAwayError("the server does not answer")
            vectors = super().embed_documents(texts).vectors[:, ::-1]
            return Embedded(vectors * np.float32(np.nan) if fault == "unsound" else vectors)

    write_tree(root, range(FILES, FILES + 2), 1)
    broken = Workspace(Settings(data=data), Broken())
    with pytest.raises(ModelError):  # reads the new files too
        broken.index([root], SilentProgress())
    broken.close()
    broken = Workspace(Settings(data=data), Broken())
    with pytest.raises(ModelError):
        broken.fill(SilentProgress(), renew=True)
    broken.close()
    former = opened(data)
    assert [missing for _, missing, _ in generations(former)] == [12]
    former.index([root], SilentProgress())
    assert [missing for _, missing, _ in generations(former)] == [0]
    former.close()


def test_a_search_does_not_begin_another_generation(data: Path, root: Path, write_tree: Write) -> None:
    """A refresh keeps the active generation filled; another one is left to `instar index`."""
    wanted = opened(data, revision="2")
    write_tree(root, range(FILES, FILES + 2), 1)
    wanted.index([root], SilentProgress(), build_wanted=False)
    ((generation, missing, active),) = generations(wanted)
    assert (generation.model.revision, missing > 0, active) == ("1", True, True)
    found = answer(wanted)
    assert found.degraded is not None
    assert REMEDY in found.degraded
    assert "f0007.py" in {hit.path for hit in found.hits}  # by its words
    assert found.pending == 2
    wanted.close()


def test_going_back_to_the_former_model_is_one_run(data: Path, root: Path, write_tree: Write) -> None:
    for revision in ("2", "1", "2"):
        write_tree(root, range(int(revision), 4), 3)
        workspace = opened(data, revision=revision)
        workspace.index([root], SilentProgress())
        found = answer(workspace)
        assert found.degraded is None
        assert found.generation is not None
        assert found.generation.model.revision == revision
        assert len(generations(workspace)) == 2
        assert {hit.path for hit in answer(workspace, Mode.VECTOR).hits} == {path.name for path in root.iterdir()}
        workspace.close()


def test_vectors_of_generations_lie_apart(data: Path, root: Path) -> None:
    """The same text has other vectors under another revision; each generation hands out its own."""
    wanted = opened(data, revision="2")
    wanted.index([root], SilentProgress())
    stored = {}
    with wanted.store.writing() as writer:
        for generation, _, _ in generations(wanted):
            (batch,) = writer.vector_batches(generation.id)
            wanted.vectors_of(generation).pack([batch], writer.vector_position(generation.id)[0])
            stored[generation.model.revision] = batch
    assert stored["1"].text_ids.tolist() == stored["2"].text_ids.tolist()
    assert (stored["1"].data != stored["2"].data).any(axis=1).all()
    packs = sorted(path.name for path in (data / "vectors").iterdir())
    assert packs == sorted(generation.fingerprint for generation, _, _ in generations(wanted))
    before = scores(answer(wanted, Mode.VECTOR).hits)
    wanted.close()
    again = opened(data, revision="2")
    assert scores(answer(again, Mode.VECTOR).hits) == before
    again.close()
