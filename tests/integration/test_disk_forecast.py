"""What `instar model check` says vectors will take on disk is what they take."""

from pathlib import Path

import numpy as np
import pytest

from instar.adapters.stores.sqlite.store import SqliteStore
from instar.adapters.vectors.packed import PackedVectors
from instar.domain.chunks import Chunk
from instar.domain.corpus import Document, SourceKind
from instar.domain.models import ModelSpec, StorageFormat
from instar.domain.vectors import stored_and_packed_bytes

TEXTS = 2_000
LEAST, MOST = 0.995, 1.06
"""The forecast over what is taken: hardly less, and more where smaller ids let one more row into a page."""


def on_disk(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("storage", "dimensions"),
    [(storage, dimensions) for storage in ("int8", "binary") for dimensions in (256, 384, 1024)]
    + [("float16", 1024), ("int8", 2048), ("int8", 4096)],  # a row a page, and rows longer than a page
)
def test_vectors_take_what_was_forecast(tmp_path: Path, storage: str, dimensions: int) -> None:
    store = SqliteStore(tmp_path)
    chunks = tuple(Chunk(f"text {number}", number, number, "", "") for number in range(1, TEXTS + 1))
    with store.writing() as writer:
        document = Document("a.txt", 1, 1, b"h", "1", SourceKind.DOCS, None, "", chunks)
        writer.write_documents(writer.add_root("/r").id, [document], [])
    before = on_disk(tmp_path)
    with store.writing() as writer:
        spec = ModelSpec("fake", "some", "1", dimensions, "float32", "mean")
        generation = writer.create_generation(spec, StorageFormat(storage))
        ids = [text_id for text_id, _ in writer.view().backlog(generation.id, TEXTS)]
        vectors = np.random.default_rng(0).standard_normal((TEXTS, dimensions)).astype(np.float32)
        writer.put_vectors(generation.id, ids, vectors, {})
        PackedVectors(tmp_path / "pack").pack(
            writer.vector_batches(generation.id), writer.vector_position(generation.id)[0]
        )
    taken = on_disk(tmp_path) - before
    assert LEAST < TEXTS * stored_and_packed_bytes(dimensions, StorageFormat(storage)) / taken < MOST
