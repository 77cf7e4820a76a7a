"""What must hold before a generation is made active; each gate reads figures, never a model."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from instar.domain.generations import Generation
from instar.domain.migrations import Figure
from instar.domain.stored import StoredVectors
from instar.domain.vectors import stored_lengths
from instar.errors import DamagedError
from instar.ports import CorpusWriter

LENGTH_TOLERANCE = 0.05
"""By how much the length of a stored vector may differ from 1: int8 and 16 bits round, binary has unit length again."""


@dataclass(frozen=True, slots=True)
class Gate:
    """A condition with what was found: `figure` against `bound`, in words where it is not a number."""

    name: str
    passed: bool
    figure: Figure
    bound: str


def check_gates(writer: CorpusWriter, generation: Generation) -> list[Gate]:
    """Look at everything that is stored of a generation, under the writer's lock, so that nothing moves meanwhile."""
    return [gate for look in _LOOKS for gate in look(writer, generation)]


def _completeness(writer: CorpusWriter, generation: Generation) -> Iterator[Gate]:
    state = writer.view().completeness(generation.id)
    yield Gate("completeness", state.missing == 0, state.missing, f"0 of {state.texts} texts without a vector")


def _vectors(writer: CorpusWriter, generation: Generation) -> Iterator[Gate]:
    """Read every vector: its checksum, then its numbers."""
    unsound = 0
    try:
        for batch in writer.vector_batches(generation.id):
            unsound += _unsound(batch)
    except DamagedError as error:
        yield Gate("checksums", passed=False, figure=error.message, bound="each vector fits its own")
        return
    yield Gate("checksums", passed=True, figure=0, bound="each vector fits its own")
    yield Gate("integrity", unsound == 0, unsound, "0 vectors that are not finite and of unit length")


def _unsound(batch: StoredVectors) -> int:
    with np.errstate(invalid="ignore"):  # what is no number is not within the tolerance either
        return int(np.sum(~(np.abs(stored_lengths(batch.data, batch.storage) - 1.0) <= LENGTH_TOLERANCE)))


def _canary(writer: CorpusWriter, generation: Generation) -> Iterator[Gate]:
    changed = next(each.changed for each in writer.view().generations() if each.id == generation.id)
    yield Gate("canary", not changed, changed or "the same model", "the model is the one that began it")


_LOOKS: tuple[Callable[[CorpusWriter, Generation], Iterator[Gate]], ...] = (_completeness, _vectors, _canary)
