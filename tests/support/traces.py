"""Looking for what must not be stored: in every byte of a data folder, its rows and its terms."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import tantivy
from planted import ALL

from instar.domain.tokens import tokens

LEAST_PIECE = 8
"""Shorter pieces of a secret could stand in binary files by chance."""
TEXT_FIELDS = ("body", "symbol", "path", "repository", "branch", "mark")


def pieces() -> Iterator[str]:
    """Yield every planted secret and its halves."""
    for planted in ALL:
        half = len(planted.secret) // 2
        for piece in (planted.secret, planted.secret[:half], planted.secret[half:]):
            if len(piece) >= LEAST_PIECE:
                yield piece


def assert_nowhere(data: Path, printed: Sequence[str], witness: str) -> None:
    """Assert that no piece is in a data folder nor in what was printed, but that a word that was planted beside is."""
    stored = b"\0".join(path.read_bytes() for path in data.rglob("*") if path.is_file())
    rows = _decoded_rows(data / "instar.db")
    terms = _lexical_terms(data / "lexical")
    assert witness in terms
    assert witness in rows
    for piece in pieces():
        assert piece.encode() not in stored
        assert piece not in rows
        assert all(piece not in text for text in printed)
        for token in tokens(piece).split():
            assert len(token) < LEAST_PIECE or token not in terms


def _decoded_rows(database: Path) -> str:
    with closing(sqlite3.connect(database)) as db:  # one that stays open loses its locks when the file is read
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return "\n".join(str(row) for table in tables for row in db.execute(f"SELECT * FROM {table}"))


def _lexical_terms(folder: Path) -> set[str]:
    searcher = tantivy.Index.open(str(folder)).searcher()
    return {term for field in TEXT_FIELDS for term, _ in searcher.terms_with_prefix(field, "")}
