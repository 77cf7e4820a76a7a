"""The check of a model: each fault is one finding with its remedy, and a sound model has none."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from instar.adapters.embedders.static import StaticEmbedder, builtin_folder
from instar.domain.catalogue import ModelEntry
from instar.domain.checks import Check, Room
from instar.domain.models import EncoderFacts, StorageFormat
from instar.embedding.checking import END_TOKEN, check
from instar.embedding.encoding import EncodedModel
from instar.errors import ModelAwayError, ModelMissingError
from instar.ports import Embedded, Embedder, Matrix
from instar.testing import HashEmbedder

DIMENSIONS = 64
PROBES = ("wait before the next attempt", "bread", "close the file and return what was read", "retry later " * 9)
SAMPLE = ("a chunk of the corpus", "another one", "the last of them")
ENTRY = ModelEntry("fake", "onnx", dimensions=DIMENSIONS, context_tokens=512, pooling="mean")
ROOM = Room(10_000, StorageFormat.INT8, free_disk_bytes=10**9, weights_bytes=10**7, free_memory_bytes=10**9)


class SoundEncoder:
    """A model in two texts a batch; the classes below it are wrong in one way each."""

    batch = 2
    agreement = 0.999

    def __init__(self) -> None:
        self.facts = EncoderFacts("onnx", "fake", "r1", DIMENSIONS, "float32", "mean", 512)
        self.words = HashEmbedder(DIMENSIONS)

    def encode(self, texts: Sequence[str]) -> Embedded:
        return Embedded(3 * self.words.embed_documents(texts).vectors)

    def familiarity(self, text: str) -> float:
        return self.words.embed_query(text).familiarity

    def close(self) -> None:
        """Nothing is held."""


class Changed(SoundEncoder):
    """Says other facts of itself."""

    def __init__(self, **facts) -> None:
        super().__init__()
        self.facts = replace(self.facts, **facts)


class Away(SoundEncoder):
    def encode(self, texts):
        raise ModelAwayError("no answer from localhost", "start the server")


class Narrow(SoundEncoder):
    def encode(self, texts):
        return Embedded(super().encode(texts).vectors[:, 1:])


class Spoiled(SoundEncoder):
    """Gives one value in all components of every vector."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def encode(self, texts):
        return Embedded(np.full((len(texts), DIMENSIONS), self.value, np.float32))


class SpoiledBySome(SoundEncoder):
    def encode(self, texts):
        vectors = super().encode(texts).vectors
        vectors[[i for i, text in enumerate(texts) if "corpus" in text], 0] = np.nan
        return Embedded(vectors)


class Forgetful(SoundEncoder):
    """Never gives the same vector twice."""

    asked = 0

    def encode(self, texts):
        self.asked += 1
        self.words = HashEmbedder(DIMENSIONS, revision=str(self.asked))
        return super().encode(texts)


class Exchanged(SoundEncoder):
    """Has another file than its checksum says."""

    def verify(self) -> None:
        raise ModelMissingError("model.onnx has another checksum", "install the model again")


class Verified(SoundEncoder):
    def verify(self) -> None:
        """All files fit."""


class Mixing(SoundEncoder):
    """Lets the texts of a batch into each other."""

    def encode(self, texts):
        vectors = super().encode(texts).vectors
        return Embedded(vectors + 0.5 * vectors.mean(axis=0))


class LastToken(SoundEncoder):
    """A text is its last token; nobody appends an end."""

    def encode(self, texts):
        return super().encode([text.split()[-1] for text in texts])


class EndedLastToken(LastToken):
    def encode(self, texts):
        return super().encode([text.removesuffix(END_TOKEN) + END_TOKEN for text in texts])


def run(encoder: SoundEncoder, entry: ModelEntry = ENTRY, room: Room = ROOM, reference: Matrix | None = None):
    return list(check(lambda: EncodedModel(encoder, entry), entry, PROBES, SAMPLE, room, reference))


def findings(checks: list[Check]) -> list[str]:
    assert all(bool(found.finding) == bool(found.remedy) for found in checks)
    return [found.name for found in checks if found.finding]


REFERENCE = EncodedModel(SoundEncoder(), ENTRY).embed_documents(PROBES).vectors
NAMES = [
    "model", "memory", "first vector", "dimensions", "context", "pooling", "vectors", "repetition", "batches",
    "reference", "speed", "disk",
]  # fmt: skip


def test_a_sound_model_passes_every_check():
    checks = run(SoundEncoder(), reference=REFERENCE)
    assert findings(checks) == []
    assert [found.name for found in checks] == NAMES
    figures = {found.name: found.figures for found in checks}
    assert figures["vectors"]["texts"] == len(PROBES)
    assert figures["reference"]["cosine"] == pytest.approx(1.0)
    assert figures["speed"]["texts"] == len(SAMPLE)
    assert "corpus_seconds" in figures["speed"]
    assert figures["disk"]["binary_bytes"] < figures["disk"]["int8_bytes"] < figures["disk"]["float32_bytes"]


def test_the_built_in_model_is_sound():
    model: Embedder = StaticEmbedder(builtin_folder())
    assert findings(list(check(lambda: model, ModelEntry("static", "static"), PROBES, SAMPLE, ROOM))) == []


@pytest.mark.parametrize(
    ("make", "name", "said"),
    [
        (Away, "answer", "no answer from localhost"),
        (Narrow, "answer", "shape"),
        (lambda: Changed(dimensions=DIMENSIONS + 1), "answer", "shape"),
        (lambda: Changed(context_tokens=128), "context", "128 tokens"),
        (lambda: Changed(pooling="cls"), "pooling", "by cls"),
        (lambda: Spoiled(np.nan), "vectors", "not finite"),
        (lambda: Spoiled(np.inf), "vectors", "not finite"),
        (lambda: Spoiled(0.0), "vectors", "zero"),
        (lambda: Spoiled(0.3), "vectors", "same vector"),
        (SpoiledBySome, "speed", "1 of 3 texts"),
        (Forgetful, "repetition", "from time to time"),
        (Mixing, "batches", "among others"),
    ],
)
def test_each_fault_is_one_finding(make: Callable[[], SoundEncoder], name, said):
    checks = run(make(), replace(ENTRY, dimensions=None), reference=None)
    assert findings(checks) == [name]
    assert said in next(found.finding for found in checks if found.name == name)


def test_other_dimensions_than_are_known_are_one_finding():
    assert findings(run(SoundEncoder(), replace(ENTRY, dimensions=128))) == ["dimensions"]


def test_what_is_not_there_is_one_finding_with_its_own_remedy():
    def missing() -> Embedder:
        raise ModelMissingError("the model is not pulled", "ollama pull bge-m3")

    (found,) = check(missing, ENTRY, PROBES, SAMPLE, ROOM)
    assert (found.finding, found.remedy) == ("the model is not pulled", "ollama pull bge-m3")


def test_files_are_compared_with_their_checksums():
    assert [found.finding for found in run(Exchanged())] == ["", "model.onnx has another checksum"]
    checks = run(Verified())
    assert findings(checks) == []
    assert "files" in [found.name for found in checks]


def test_a_truncation_beyond_the_running_model_is_one_finding():
    assert findings(run(SoundEncoder(), replace(ENTRY, dimensions=None, truncation=65))) == ["answer"]


def test_a_model_too_large_for_the_memory_is_not_loaded():
    checks = run(Away(), room=replace(ROOM, weights_bytes=10**9))
    assert findings(checks) == ["memory"]
    assert checks[-1].name == "memory"


@pytest.mark.parametrize(("size", "found"), [(10**7, []), (10**7 // 2, ["size"]), (int(1.06e7), ["size"])])
def test_weights_of_another_size_than_is_known_are_not_loaded(size, found):
    checks = run(SoundEncoder(), replace(ENTRY, weights_bytes=10**7), room=replace(ROOM, weights_bytes=size))
    assert findings(checks) == found
    assert (checks[-1].name == "size") == bool(found)


def test_vectors_too_large_for_the_disk_are_one_finding():
    small = replace(ROOM, free_disk_bytes=500_000)
    assert findings(run(SoundEncoder(), room=small)) == ["disk"]
    assert findings(run(SoundEncoder(), room=replace(small, texts=100))) == []


def test_a_missing_end_token_is_one_finding():
    entry = replace(ENTRY, appends_eos=True)
    assert findings(run(LastToken(), entry)) == ["end token"]
    assert findings(run(EndedLastToken(), entry)) == []
    assert findings(run(LastToken(), ENTRY)) == []


def test_vectors_of_another_model_are_one_finding():
    assert findings(run(LastToken(), reference=REFERENCE)) == ["reference"]


def test_a_truncated_model_is_compared_with_the_beginning_of_the_reference():
    assert findings(run(SoundEncoder(), replace(ENTRY, truncation=16), reference=REFERENCE)) == []


def test_a_slight_change_of_the_weights_is_within_the_bound():
    noise = np.random.default_rng(0).standard_normal(REFERENCE.shape).astype(np.float32) / np.sqrt(DIMENSIONS)
    for share, expected in ((0.1, []), (0.4, ["reference"])):
        moved = REFERENCE + share * noise
        moved /= np.linalg.norm(moved, axis=1, keepdims=True)
        assert findings(run(SoundEncoder(), reference=moved)) == expected
