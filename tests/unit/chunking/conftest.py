"""What must hold for the chunks of any text."""

from collections.abc import Callable, Sequence

import pytest

from instar.domain.chunks import Chunk

HARD_LIMIT = 4_000


def assert_sound(text: str, chunks: Sequence[Chunk]) -> None:
    """Every line that is not blank is covered, in order, without overlap, with its own text."""
    lines = text.split("\n")
    parts: dict[int, str] = {}
    end = 0
    for chunk in chunks:
        assert 0 < len(chunk.text) <= HARD_LIMIT
        assert chunk.text.strip()
        assert len(chunk.symbol) <= 200
        assert 1 <= chunk.start_line <= chunk.end_line <= len(lines)
        whole = "\n".join(lines[chunk.start_line - 1 : chunk.end_line])
        if chunk.text == whole:
            assert chunk.start_line > end
        else:
            assert chunk.start_line == chunk.end_line >= end
            parts[chunk.start_line] = parts.get(chunk.start_line, "") + chunk.text
        end = chunk.end_line
    covered = {line for chunk in chunks for line in range(chunk.start_line, chunk.end_line + 1)}
    assert [number for number, line in enumerate(lines, 1) if line.strip() and number not in covered] == []
    for number, joined in parts.items():
        assert "".join(joined.split()) == "".join(lines[number - 1].split())


@pytest.fixture(scope="session")
def sound() -> Callable[[str, Sequence[Chunk]], None]:
    return assert_sound
