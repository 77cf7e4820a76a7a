"""What follows the corpus: the lexical index by its change log, the packed vectors by sequence."""

from collections.abc import Iterable

from instar.domain.generations import Generation
from instar.domain.stored import Position
from instar.errors import DerivedDamageError
from instar.ports import CorpusWriter, LexicalIndex, VectorIndex

TAIL_THOROUGH = 256
TAIL_LEAST = 2_048
TAIL_SHARE = 20
"""Unpacked vectors up to the first, or one in so many of the packed, are searched as they are: packing 100,000 takes
0.3 s, which a small change should not cost."""


def follow_lexically(writer: CorpusWriter, index: LexicalIndex) -> None:
    """Bring the lexical index to the end of the change log, filling it anew where it cannot be continued."""
    end = writer.log_position()
    at = index.position()
    changes = writer.changed_documents(at.sequence) if at is not None and at.corpus == end.corpus else None
    if changes is not None:
        documents, end = changes
    if changes is None or (documents and not _continued(writer, index, documents, end)):
        index.clear()
        index.apply({}, writer.lexical_rows(None), end)
    writer.prune_log(end.sequence)


def _continued(writer: CorpusWriter, index: LexicalIndex, documents: dict[int, int], end: Position) -> bool:
    """Apply changes; False where the index cannot take them, as after a kill that left half of a commit behind."""
    try:
        index.apply(documents, writer.lexical_rows(documents), end)
    except DerivedDamageError:
        return False
    return True


def part_from_later(writer: CorpusWriter, lexical: LexicalIndex, packs: Iterable[VectorIndex]) -> None:
    """Give the corpus a new identity where a follower is ahead of it: then an older database was put back.

    To be called before anything is written: new rows take the ids and sequences that the follower knows with other
    content, and afterwards its position would look like one of this corpus.
    """
    view = writer.view()
    end, vectors_end = view.version, view.vector_position
    positions = [(lexical.position(), end), *((pack.position(end.corpus), vectors_end) for pack in packs)]
    if any(at is not None and at.corpus == its.corpus and at.sequence > its.sequence for at, its in positions):
        writer.renew_identity()


def follow_packed(writer: CorpusWriter, generation: Generation, index: VectorIndex, *, thorough: bool = False) -> None:
    """Pack the vectors anew where too many of them stand outside the pack, or too many of the pack are gone.

    A `thorough` run, which nobody waits for with a question, leaves few of either.
    """
    end, count = writer.vector_position(generation.id)
    at = index.position(end.corpus)
    tail = writer.vectors_stored_after(generation.id, at.sequence if at else 0)
    dead = index.size() + tail - count
    if max(tail, dead) > (TAIL_THOROUGH if thorough else max(TAIL_LEAST, count // TAIL_SHARE)):
        index.pack(writer.vector_batches(generation.id), end)
