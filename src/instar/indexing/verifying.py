"""The full check: the database is reported on, derived files are rebuilt."""

from dataclasses import dataclass

from instar.indexing.clock import Deadline
from instar.indexing.followers import fill_generation, follow_lexically, follow_packed, part_from_later
from instar.indexing.parts import Indexing
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
    generations = writer.view().generations()
    part_from_later(writer, parts.lexical, map(parts.vectors_of, generations))
    if check.bad_vectors:
        writer.drop_vectors(check.bad_vectors)
        for generation in generations:
            parts.vectors_of(generation).clear()  # it holds the bad rows too
        mended.append(f"{len(check.bad_vectors)} vectors did not fit their checksums and were embedded again")
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
        embedder = parts.embedder_of(generation)
        if embedder is not None:
            fill_generation(writer, generation, embedder, progress, Deadline())
        follow_packed(writer, generation, packed)
    return Verdict((), tuple(mended))
