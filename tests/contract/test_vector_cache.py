"""What every cache of vectors must do, and what the one in a file must survive."""

import hashlib
import os
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instar.adapters.caches.vectors import SqliteVectorCache
from instar.ports import KeptVector, VectorCache
from instar.testing import DictVectorCache

MODEL, OTHER = "a" * 32, "b" * 32
DIMENSIONS = 384
MEGABYTE = 1_000_000
HOUR = 3_600.0
MOST_ROWS = 1_200  # more than fit into one statement


def vectors(numbers: range) -> dict[bytes, KeptVector]:
    """A vector for each number, every third one of a text that was cut."""
    rows = np.random.default_rng(numbers.start).standard_normal((len(numbers), DIMENSIONS)).astype(np.float32)
    return {
        hashlib.sha256(str(number).encode()).digest(): KeptVector(row, number % 3 == 0)
        for number, row in zip(numbers, rows, strict=True)
    }


def same(left: dict[bytes, KeptVector], right: dict[bytes, KeptVector]) -> bool:
    return left.keys() == right.keys() and all(
        np.array_equal(left[key].vector, right[key].vector) and left[key].cut == right[key].cut for key in left
    )


@pytest.fixture(params=["sqlite", "dict"])
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> VectorCache:
    return SqliteVectorCache(tmp_path / "cache", 10 * MEGABYTE) if request.param == "sqlite" else DictVectorCache()


def test_a_vector_comes_back_exactly_and_a_cut_one_as_cut(cache: VectorCache) -> None:
    kept = vectors(range(MOST_ROWS))
    cache.keep(MODEL, kept)
    assert same(cache.find(MODEL, list(kept)), kept)


def test_what_is_not_kept_is_not_found(cache: VectorCache) -> None:
    kept = vectors(range(10))
    assert cache.find(MODEL, list(kept)) == {}
    cache.keep(MODEL, kept)
    assert cache.find(MODEL, list(vectors(range(10, 20)))) == {}
    assert cache.find(MODEL, []) == {}


def test_models_do_not_see_each_others_vectors(cache: VectorCache) -> None:
    kept = vectors(range(10))
    cache.keep(MODEL, kept)
    assert cache.find(OTHER, list(kept)) == {}
    others = {text: KeptVector(-vector, not cut) for text, (vector, cut) in kept.items()}
    cache.keep(OTHER, others)
    assert same(cache.find(MODEL, list(kept)), kept)
    assert same(cache.find(OTHER, list(kept)), others)


def test_a_vector_that_is_kept_again_replaces_the_former(cache: VectorCache) -> None:
    kept = vectors(range(10))
    cache.keep(MODEL, kept)
    renewed = {text: KeptVector(vector + 1, cut) for text, (vector, cut) in kept.items()}
    cache.keep(MODEL, renewed)
    assert same(cache.find(MODEL, list(kept)), renewed)


def test_one_model_can_be_forgotten(cache: VectorCache) -> None:
    kept = vectors(range(10))
    cache.forget(MODEL)
    cache.keep(MODEL, kept)
    cache.keep(OTHER, kept)
    cache.forget(MODEL)
    assert cache.find(MODEL, list(kept)) == {}
    assert same(cache.find(OTHER, list(kept)), kept)


def test_single_texts_can_be_forgotten(cache: VectorCache) -> None:
    kept = vectors(range(10))
    gone = [*list(kept)[:3], b"never kept"]
    cache.keep(MODEL, kept)
    cache.keep(OTHER, kept)
    cache.forget(MODEL, gone)
    assert cache.find(MODEL, list(kept)).keys() == kept.keys() - set(gone)
    assert same(cache.find(OTHER, list(kept)), kept)
    cache.forget(MODEL, [])
    assert len(cache.find(MODEL, list(kept))) == 7


def test_everything_can_be_dropped(cache: VectorCache) -> None:
    kept = vectors(range(10))
    cache.clear()
    cache.keep(MODEL, kept)
    cache.clear()
    assert cache.find(MODEL, list(kept)) == {}
    cache.keep(MODEL, kept)
    assert same(cache.find(MODEL, list(kept)), kept)


# The file


class Clock:
    """A clock that stands where it is put."""

    def __init__(self) -> None:
        self.seconds = 1e9

    def __call__(self) -> float:
        return self.seconds


def the_file(folder: Path) -> Path:
    return next(path for path in folder.iterdir() if path.suffix == ".db")


def test_what_one_process_kept_another_finds(tmp_path: Path) -> None:
    kept = vectors(range(10))
    SqliteVectorCache(tmp_path / "cache", MEGABYTE).keep(MODEL, kept)
    assert same(SqliteVectorCache(tmp_path / "cache", MEGABYTE).find(MODEL, list(kept)), kept)


def test_only_the_user_can_read_it(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        SqliteVectorCache(tmp_path / "deep" / "cache", MEGABYTE).keep(MODEL, vectors(range(3)))
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "deep" / "cache").stat().st_mode) == 0o700
    assert [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "deep" / "cache").iterdir()] == [0o600]


def test_it_stays_within_its_bound_and_lets_the_longest_unused_go(tmp_path: Path) -> None:
    clock = Clock()
    cache = SqliteVectorCache(tmp_path, 2 * MEGABYTE, clock)
    first, unused = vectors(range(300)), vectors(range(300, 600))
    cache.keep(MODEL, first)
    cache.keep(MODEL, unused)
    clock.seconds += HOUR
    assert same(cache.find(MODEL, list(first)), first)
    clock.seconds += HOUR
    cache.keep(MODEL, vectors(range(600, 1_300)))
    assert the_file(tmp_path).stat().st_size <= 2 * MEGABYTE
    assert same(cache.find(MODEL, list(first)), first)
    assert len(cache.find(MODEL, list(unused))) < len(unused)


def test_a_lower_bound_makes_the_file_smaller(tmp_path: Path) -> None:
    SqliteVectorCache(tmp_path, 4 * MEGABYTE).keep(MODEL, vectors(range(2_000)))
    assert the_file(tmp_path).stat().st_size > 3 * MEGABYTE
    SqliteVectorCache(tmp_path, MEGABYTE).keep(MODEL, vectors(range(2_000, 2_001)))
    assert the_file(tmp_path).stat().st_size <= MEGABYTE


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("whole")
    SqliteVectorCache(folder, MEGABYTE).keep(MODEL, vectors(range(40)))
    return the_file(folder).read_bytes()


def cache_of(content: bytes, folder: Path) -> SqliteVectorCache:
    """A cache whose file has this content."""
    for path in folder.iterdir():
        path.unlink()
    cache = SqliteVectorCache(folder, MEGABYTE)
    cache.keep(MODEL, {})
    the_file(folder).write_bytes(content)
    return cache


Damage = Callable[[bytes], bytes]


@pytest.mark.parametrize(
    "damage",
    [lambda data: b"", lambda data: b"no database" * 1_000, lambda data: data[:9_000], lambda data: b"\0" * len(data)],
    ids=["empty", "foreign", "truncated", "zeros"],
)
def test_a_damaged_file_is_replaced(whole: bytes, tmp_path: Path, damage: Damage) -> None:
    cache = cache_of(damage(whole), tmp_path)
    kept = vectors(range(40))
    cache.find(MODEL, list(kept))
    cache.keep(MODEL, kept)  # it may be here that the damage comes to light
    cache.keep(MODEL, kept)
    assert same(cache.find(MODEL, list(kept)), kept)


def test_a_damaged_name_of_a_table_costs_only_the_hits(whole: bytes, tmp_path: Path) -> None:
    """SQLite quotes it in its message, which then is no text."""
    kept = vectors(range(40))
    cache = cache_of(whole.replace(b"tablevectorsvectors", b"tablevect\xcfrsvectors"), tmp_path)
    assert cache.find(MODEL, list(kept)) == {}
    cache.keep(MODEL, kept)
    assert same(cache.find(MODEL, list(kept)), kept)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(flips=st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 255)), min_size=1, max_size=40))
def test_no_damaged_vector_is_ever_served(whole: bytes, tmp_path: Path, flips: list[tuple[int, int]]) -> None:
    content = bytearray(whole)
    for place, bits in flips:
        content[place % len(content)] ^= bits
    cache = cache_of(bytes(content), tmp_path)
    kept = vectors(range(40))
    found = cache.find(MODEL, list(kept))
    assert same(found, {text: kept[text] for text in found})
    cache.keep(OTHER, kept)


def test_a_locked_file_costs_only_the_hits(tmp_path: Path) -> None:
    kept, more = vectors(range(10)), vectors(range(10, 20))
    cache = SqliteVectorCache(tmp_path, MEGABYTE)
    cache.keep(MODEL, kept)
    holder = sqlite3.connect(the_file(tmp_path), isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    assert cache.find(MODEL, list(kept)) == {}
    cache.keep(MODEL, more)
    holder.close()
    assert same(cache.find(MODEL, [*kept, *more]), kept)


def test_a_folder_that_cannot_be_had_costs_only_the_hits(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = SqliteVectorCache(tmp_path / "file" / "cache", MEGABYTE)
    cache.keep(MODEL, vectors(range(3)))
    assert cache.find(MODEL, list(vectors(range(3)))) == {}
