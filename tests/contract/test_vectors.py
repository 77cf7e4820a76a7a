"""What every index of packed vectors must do."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from instar.adapters.vectors.packed import PackedVectors
from instar.domain.models import StorageFormat
from instar.domain.stored import Position, StoredVectors
from instar.domain.vectors import encode, row_bytes
from instar.ports import VectorIndex

DIMENSIONS = 256
AT = Position("corpus", 7)


@pytest.fixture(params=[PackedVectors], ids=["packed"])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> VectorIndex:
    made: VectorIndex = request.param(tmp_path / "vectors")
    return made


@pytest.fixture(params=[PackedVectors], ids=["packed"])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[VectorIndex, VectorIndex]:
    """Return a writer and a reader of one folder, as two processes would have them."""
    return request.param(tmp_path / "vectors"), request.param(tmp_path / "vectors")


def unit(count: int, dimensions: int = DIMENSIONS, seed: int = 0) -> NDArray[np.float32]:
    """Return random unit vectors (count, dimensions)."""
    raw = np.random.default_rng(seed).standard_normal((count, dimensions))
    vectors: NDArray[np.float32] = (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32)
    return vectors


def stored(
    ids: Sequence[int], vectors: NDArray[np.float32], storage: StorageFormat = StorageFormat.INT8
) -> StoredVectors:
    """Return vectors as a store hands them out."""
    return StoredVectors(np.array(ids, np.int64), encode(vectors, storage), storage, max(ids, default=0))


def nothing(storage: StorageFormat = StorageFormat.INT8, dimensions: int = DIMENSIONS) -> StoredVectors:
    """Return an empty tail."""
    return StoredVectors(np.empty(0, np.int64), np.empty((0, row_bytes(dimensions, storage)), np.uint8), storage, 0)


def pack(index: VectorIndex, *batches: StoredVectors, at: Position = AT) -> None:
    """Pack and open, as a search does."""
    index.pack(batches, at)
    assert index.position("corpus") == at


def ids(hits: list[tuple[int, float]]) -> list[int]:
    return [text_id for text_id, _ in hits]


def test_there_is_nothing_before_the_first_packing(index: VectorIndex) -> None:
    assert index.position("corpus") is None
    assert index.size() == 0
    assert index.search(unit(1)[0], 5, nothing(), None) == []
    assert index.verify() == []


@pytest.mark.parametrize("storage", [item for item in StorageFormat if item is not StorageFormat.BINARY])
@pytest.mark.parametrize("dimensions", [3, 64, 100, 384])
def test_every_vector_finds_itself(index: VectorIndex, storage: StorageFormat, dimensions: int) -> None:
    vectors = unit(300, dimensions)
    pack(index, stored(range(1, 201), vectors[:200], storage), stored(range(301, 401), vectors[200:], storage))
    assert index.size() == 300
    for row, text_id in ((0, 1), (199, 200), (200, 301), (299, 400)):
        best = index.search(vectors[row], 3, nothing(storage, dimensions), None)
        assert best[0][0] == text_id
        assert best[0][1] == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("dimensions", [64, 100, 384])
def test_every_vector_finds_itself_by_its_signs(index: VectorIndex, dimensions: int) -> None:
    vectors = unit(6_000, dimensions)
    pack(index, stored(range(1, 5_001), vectors[:5_000], StorageFormat.BINARY))
    tail = stored(range(5_001, 6_001), vectors[5_000:], StorageFormat.BINARY)
    for row in (0, 2_500, 4_999, 5_000, 5_999):
        (text_id, score), *_ = index.search(vectors[row], 3, tail, None)
        assert text_id == row + 1
        assert score == pytest.approx(1.0, abs=0.15)
    allowed = np.array([7, 5_500], np.int64)
    assert sorted(ids(index.search(vectors[0], 9, tail, allowed))) == [7, 5_500]


def test_a_pack_of_signs_is_small_and_checked(index: VectorIndex, tmp_path: Path) -> None:
    vectors = unit(10_000)
    pack(index, stored(range(10_000), vectors, StorageFormat.BINARY))
    assert index.verify() == []
    signs = sum(path.stat().st_size for path in tmp_path.rglob("*.npy"))
    pack(index, stored(range(10_000), vectors))
    assert signs < 0.3 * sum(path.stat().st_size for path in tmp_path.rglob("*.npy"))


def test_scores_are_cosines_and_fall(index: VectorIndex) -> None:
    vectors = unit(500)
    pack(index, stored(range(500), vectors))
    query = unit(1, seed=9)[0]
    hits = index.search(query, 500, nothing(), None)
    scores = [score for _, score in hits]
    assert scores == sorted(scores, reverse=True)
    assert len(set(ids(hits))) == 500
    np.testing.assert_allclose([vectors[i] @ query for i in ids(hits)], scores, atol=0.01)


def test_many_rows_are_nearly_as_good_as_a_full_scan(index: VectorIndex) -> None:
    """Beyond some thousands of rows only the best by their signs are compared.

    Random vectors are the hardest: nothing is near anything. Real ones agree to .97 and more, see the benchmarks.
    """
    vectors = unit(20_000)
    pack(index, stored(range(20_000), vectors))
    agreed = 0
    for query in unit(20, seed=5):
        exact = set(np.argsort(-(vectors @ query))[:10].tolist())
        agreed += len(exact & set(ids(index.search(query, 10, nothing(), None))))
    assert agreed >= 0.75 * 200


def test_the_tail_is_searched_with_the_pack(index: VectorIndex) -> None:
    vectors = unit(30)
    pack(index, stored(range(1, 21), vectors[:20]))
    tail = stored(range(21, 31), vectors[20:])
    assert ids(index.search(vectors[25], 1, tail, None)) == [26]
    assert ids(index.search(vectors[5], 1, tail, None)) == [6]
    assert len(index.search(vectors[5], 99, tail, None)) == 30


def test_a_tail_needs_no_pack(index: VectorIndex) -> None:
    vectors = unit(10)
    assert ids(index.search(vectors[3], 1, stored(range(10), vectors), None)) == [3]


@pytest.mark.parametrize("count", [200, 6_000])
def test_only_what_is_allowed_answers(index: VectorIndex, count: int) -> None:
    vectors = unit(count + 10)
    numbers = list(range(0, 2 * count, 2))
    pack(index, stored(numbers, vectors[:count]))
    tail = stored(range(2 * count, 2 * count + 10), vectors[count:])
    allowed = np.array([0, 1, 3, 10, 200, 2 * count + 3, 5 * count], np.int64)
    assert sorted(ids(index.search(vectors[5], 99, tail, allowed))) == [0, 10, 200, 2 * count + 3]
    assert index.search(vectors[5], 99, tail, np.empty(0, np.int64)) == []
    assert ids(index.search(vectors[5], 1, tail, allowed)) == [10]


def test_packing_again_replaces_everything(index: VectorIndex) -> None:
    vectors = unit(20)
    pack(index, stored(range(10), vectors[:10]))
    pack(index, stored(range(50, 60), vectors[10:]), at=Position("corpus", 9))
    assert sorted(ids(index.search(vectors[0], 99, nothing(), None))) == list(range(50, 60))


def test_nothing_can_be_packed(index: VectorIndex) -> None:
    pack(index)
    assert (index.size(), index.verify()) == (0, [])
    assert index.search(unit(1)[0], 5, nothing(), None) == []


def test_a_failed_packing_leaves_everything_as_it_was(index: VectorIndex) -> None:
    def failing() -> Iterator[StoredVectors]:
        yield stored(range(10), unit(10, seed=1))
        raise RuntimeError

    vectors = unit(10)
    pack(index, stored(range(10), vectors))
    with pytest.raises(RuntimeError):
        index.pack(failing(), Position("corpus", 8))
    assert index.position("corpus") == AT
    assert index.search(vectors[3], 1, nothing(), None)[0][1] == pytest.approx(1.0, abs=0.02)
    assert index.verify() == []


def test_the_pack_of_another_corpus_is_not_used(index: VectorIndex) -> None:
    pack(index, stored(range(10), unit(10)))
    assert index.position("other") is None
    assert index.size() == 0
    assert index.search(unit(10)[3], 5, nothing(), None) == []
    assert index.position("corpus") == AT


def test_a_reader_keeps_its_pack_until_it_asks_for_the_position(pair: tuple[VectorIndex, VectorIndex]) -> None:
    writer, reader = pair
    vectors = unit(20)
    writer.pack([stored(range(10), vectors[:10])], AT)
    assert reader.position("corpus") == AT
    writer.pack([stored(range(10, 20), vectors[10:])], Position("corpus", 9))
    assert ids(reader.search(vectors[3], 1, nothing(), None)) == [3]
    assert reader.position("corpus") == Position("corpus", 9)
    assert ids(reader.search(vectors[13], 1, nothing(), None)) == [13]


def test_a_reader_notices_that_everything_was_made_anew(pair: tuple[VectorIndex, VectorIndex]) -> None:
    writer, reader = pair
    vectors = unit(20)
    writer.pack([stored(range(10), vectors[:10])], AT)
    assert reader.position("corpus") == AT
    writer.clear()
    writer.pack([stored(range(10), vectors[10:])], AT)
    assert reader.position("corpus") == AT
    assert reader.search(vectors[13], 1, nothing(), None)[0][1] == pytest.approx(1.0, abs=0.02)


def test_clearing_drops_everything(index: VectorIndex, tmp_path: Path) -> None:
    pack(index, stored(range(10), unit(10)))
    index.clear()
    assert index.position("corpus") is None
    assert index.search(unit(10)[3], 5, nothing(), None) == []
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_packing_leaves_one_pack_behind(index: VectorIndex, tmp_path: Path) -> None:
    for sequence in range(1, 5):
        index.pack([stored(range(100), unit(100))], Position("corpus", sequence))
    assert len(list(tmp_path.rglob("codes*"))) == 1


def test_a_sound_pack_passes_its_check(index: VectorIndex) -> None:
    pack(index, stored(range(100), unit(100)))
    assert index.verify() == []
