"""The full check: the database is reported on, derived files are rebuilt."""

from dataclasses import dataclass

from instar.domain.generations import Generation
from instar.errors import ModelError
from instar.indexing.clock import Deadline
from instar.indexing.filling import fill_generation
from instar.indexing.followers import follow_lexically, follow_packed, part_from_later
from instar.indexing.parts import Access, Indexing
from instar.ports import CorpusWriter, Progress


@dataclass(frozen=True, slots=True)
class Verdict:
    """`damage` cannot be mended here; `mended` was wrong and has been put right."""

    damage: tuple[str, ...]
    mended: tuple[str, ...]


def verify(writer: CorpusWriter, parts: Indexing, progress: Progress) -> Verdict:
    """Check the database, then every derived file against it; rebuild what does not hold."""
    check = writer.check()
    if check.problems:
        return Verdict(check.problems, ())
    mended = []
    generations, active = writer.view().generations(), writer.view().active_generation()
    part_from_later(writer, parts.lexical, map(parts.vectors_of, generations))
    if check.bad_vectors:
        writer.drop_vectors(check.bad_vectors)
        for generation in generations:
            parts.vectors_of(generation).clear()  # it holds the bad rows too
        mended.append(f"{len(check.bad_vectors)} vectors did not fit their checksums and are made anew")
    for generation_id in check.bad_canaries:
        writer.drop_bad_canaries(generation_id)
        mended.append(f"canaries of generation {generation_id} did not fit their checksums and were dropped")
    lexical = parts.lexical.verify()
    if lexical:
        parts.lexical.mark_damaged()
        mended += lexical
    follow_lexically(writer, parts.lexical)
    for generation in generations:
        packed = parts.vectors_of(generation)
        problems = packed.verify()
        if problems:
            packed.clear()
            mended += problems
        if generation == active:  # one that is being built is left to `instar index`, which says how far it is
            mended += _filled(writer, generation, parts, progress)
        follow_packed(writer, generation, packed)
    return Verdict((), tuple(mended))


def _filled(writer: CorpusWriter, generation: Generation, parts: Indexing, progress: Progress) -> list[str]:
    """Make the missing vectors of a generation; returns why they are still missing where they are."""
    if not writer.view().backlog(generation.id, 1):
        return []
    try:
        embedder = parts.embedder_of(generation)
        if embedder is not None:
            fill_generation(
                Access.under_lock(writer), generation, embedder, parts.vectors_of(generation), progress, Deadline()
            )
    except ModelError as error:
        return [f"vectors are missing still ({error.message}): `instar index` makes them"]
    return []
