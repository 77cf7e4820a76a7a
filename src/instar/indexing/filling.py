"""Filling a generation: batches that fit the time, every vector checked, the model known again by its canaries."""

import time
from collections.abc import Callable, Sequence

from instar.domain.canaries import CANARIES, FEW
from instar.domain.catalogue import STATIC
from instar.domain.generations import Generation
from instar.embedding.asking import Checked, embed_checked
from instar.embedding.caching import CachedModel, forget_cached
from instar.embedding.pace import Pace
from instar.embedding.recognition import agreement, embed_canaries, least_agreement
from instar.errors import BusyError, ModelChangedError, ModelUnsoundError
from instar.indexing.clock import Deadline
from instar.indexing.parts import Access
from instar.ports import CorpusWriter, Embedder, Progress, VectorIndex

CANARY_INTERVAL = 1_000
"""Texts after which the model is looked at again: what an exchanged one can spoil, 40 s of work at 25 texts a second. A
canary has a tenth of the words of a chunk or less, so a dozen of them cost a thousandth of that."""
CACHED_AT_ONCE = 64
"""Texts at once while the cache knows all of them: each transaction costs some milliseconds, but the next batch may be
one that the cache does not know, and must not take a slow model longer than a few seconds."""


def fill_generation(
    access: Access,
    generation: Generation,
    embedder: Embedder,
    pack: VectorIndex,
    progress: Progress,
    deadline: Deadline,
    go_on: Callable[[int], bool] = lambda _: True,
) -> None:
    """Embed what has no vector yet, batch by batch, until none is left or the deadline has passed.

    Each batch is stored before the next one is begun, and while a model is at work others may write. `go_on` is asked
    before each batch, with the number of texts of the last one. Raises `ModelError` where the model cannot be had, with
    what is stored kept; `ModelUnsoundError` where it gives plain sentences no sound vectors, and `ModelChangedError`
    where it is another one now, both with what was stored since it was last known again dropped.
    """
    watch = _Watch(access, generation, embedder, brief=deadline.limited)
    try:
        _fill(access, generation, embedder, watch, progress, deadline, go_on)
    except ModelUnsoundError as error:
        with access.writing() as writer:
            if isinstance(error, ModelChangedError):
                forget_cached(embedder)
                writer.note_changed(generation.id, error.message)
            pack.clear()  # before the rows go, for it may hold them too
            writer.drop_unproved(generation.id)
        raise


def empty_generation(access: Access, generation: Generation, embedder: Embedder, pack: VectorIndex) -> None:
    """Drop all vectors of a generation, so that they are made anew by the model as it is now.

    Nothing is dropped before it has shown that it answers: raises `ModelError` where it does not.
    """
    canaries = embed_canaries(embedder, CANARIES)
    with access.writing() as writer:
        pack.clear()
        writer.empty_generation(generation.id)
        writer.put_canaries(generation.id, canaries)


def _fill(
    access: Access,
    generation: Generation,
    embedder: Embedder,
    watch: "_Watch",
    progress: Progress,
    deadline: Deadline,
    go_on: Callable[[int], bool],
) -> None:
    with access.reading() as view:
        corpus = view.version.corpus
        missing = view.backlog_size(generation.id)
        # Counting all takes a short run too long; in a long one that goes on, what was done before counts.
        total = missing if deadline.limited else view.completeness(generation.id).texts
    pace = Pace()
    cached = embedder if isinstance(embedder, CachedModel) else None
    from_cache = False
    last, done = 0, total - missing
    while go_on(last) and not deadline.passed():
        least = CACHED_AT_ONCE if from_cache and not deadline.limited else 1
        with access.reading() as view:
            batch = view.backlog(generation.id, max(least, pace.size(deadline.left())))
        if not batch:
            watch.finish()
            with access.writing() as writer:
                writer.note_filled(generation.id)
            break
        watch.look_before()
        kept = cached.counts.misses if cached else 0
        started = time.monotonic()
        answer = embed_checked(embedder, [text for _, text in batch])
        asked = cached.counts.misses - kept if cached else len(batch)
        watch.count(asked)
        from_cache = not asked
        if asked:  # what the cache gave says nothing of how long the next batch takes
            pace.took(asked, time.monotonic() - started)
        with access.writing() as writer:
            _check_same(writer, corpus)
            _store(writer, generation, [text_id for text_id, _ in batch], answer)
        last = len(batch)
        done += last
        progress.step(f"embedding ({generation.model.called})", done, max(total, done))


def _check_same(writer: CorpusWriter, corpus: str) -> None:
    """Raise `BusyError` where the corpus was replaced while the model was at work: its ids name other texts now."""
    if writer.view().version.corpus != corpus:
        raise BusyError("another process has replaced the corpus meanwhile", "run the command again")


def _store(writer: CorpusWriter, generation: Generation, text_ids: Sequence[int], answer: Checked) -> None:
    sound = [i for i in range(len(text_ids)) if i not in answer.unsound]
    writer.put_vectors(
        generation.id,
        [text_ids[i] for i in sound],
        answer.vectors[sound],
        {text_ids[i]: reason for i, reason in answer.unsound.items()},
        [text_ids[i] for i in answer.cut],
    )


class _Watch:
    """Looks at the canaries first, every `CANARY_INTERVAL` texts asked for and last; `brief`: at few, and not last.

    What a brief run stores is proved by the next one.
    """

    def __init__(self, access: Access, generation: Generation, embedder: Embedder, *, brief: bool) -> None:
        self._access = access
        self._generation = generation
        self._embedder = embedder
        self._brief = brief
        self._since: int | None = None
        """Texts the model was asked for since the last look, None before the first."""

    def look_before(self) -> None:
        """Look, where it is time to, before more texts are embedded."""
        if self._since is None or self._since >= CANARY_INTERVAL:
            self._look()
            self._since = 0

    def count(self, asked: int) -> None:
        """Note how many texts the model was asked for; what its cache knew is no reason to look."""
        self._since = (self._since or 0) + asked

    def finish(self) -> None:
        """Look once more; the only time where nothing was to be stored."""
        if not self._brief:
            self._look()

    def _look(self) -> None:
        """Raise `ModelChangedError` where the model is another one than before, else take its vectors for proved.

        Raises `ModelUnsoundError` where it gives no sound vectors: a fault that may pass says nothing of which it is.
        """
        if self._generation.model.provider == STATIC:
            return
        with self._access.reading() as view:
            stored = view.canaries(self._generation.id)
        if not stored:
            stored = embed_canaries(self._embedder, CANARIES)
            with self._access.writing() as writer:
                writer.put_canaries(self._generation.id, stored)
        asked = tuple(stored)[: FEW if self._brief else None]
        found = agreement(stored, embed_canaries(self._embedder, asked))
        least = least_agreement(self._embedder)
        if found < least:
            raise self._changed(
                f"its vectors are not those of the model that began the generation (cosine {found:.4f}, at least"
                f" {least:.4f} is the same model)"
            )
        with self._access.writing() as writer:
            writer.note_proved(self._generation.id)

    def _changed(self, what: str) -> ModelChangedError:
        name = self._generation.model.called
        return ModelChangedError(
            f"{name} has changed: {what}; nothing more is stored of it, and nothing since it was last known again",
            "put the former model back and run `instar index`, or have all of its vectors made anew by"
            " `instar index --rebuild`",
        )
