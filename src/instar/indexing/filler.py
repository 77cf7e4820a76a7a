"""Bringing the vectors up to date: what answers, and what would answer after a rollback."""

from collections.abc import Callable
from contextlib import suppress

from instar.domain.catalogue import STATIC
from instar.domain.generations import Generation, QuerySide
from instar.domain.migrations import State, Wanted
from instar.errors import DamagedError, ModelAwayError, ModelChangedError, ModelError, ModelMissingError
from instar.indexing.clock import Deadline
from instar.indexing.filling import empty_generation, fill_generation
from instar.indexing.followers import follow_packed
from instar.indexing.parts import Access, Indexing
from instar.ports import CorpusSnapshot, CorpusWriter, Progress

Going = Callable[[int], bool]
"""Asked before each batch, with the number of texts of the one before: whether to go on."""


def first_generation(writer: CorpusWriter, parts: Indexing) -> Generation:
    """Return the active generation; in a new corpus that of the first model, complete because nothing is live."""
    active = writer.view().active_generation()
    if active is None:
        active = writer.create_generation(parts.first().spec, parts.storage)
        query = QuerySide(active.model.query_prompt, parts.weights)
        # Before the pointer: a corpus that has one was begun as the settings, or their first step, wanted it.
        writer.migrations.note_wanted(Wanted(active.model.called, active.fingerprint, query))
        writer.activate(active.id, query)
    return active


def followed(view: CorpusSnapshot) -> list[Generation]:
    """Return what is kept filled: the active generation, and the one before it until its migration is settled."""
    active = view.active_generation()
    former = {each.former.generation_id for each in view.migrations()[-1:] if each.state is State.ACTIVE}
    rest = [each for each in view.generations() if each.id in former and (active is None or each.id != active.id)]
    return [active, *rest] if active is not None else rest


class Filler:
    """Fills generations and packs what is stored."""

    def __init__(self, access: Access, parts: Indexing, progress: Progress) -> None:
        self._access = access
        self._parts = parts
        self._progress = progress

    def fill(self, deadline: Deadline, *, proved: bool, renew: bool = False) -> None:
        """Embed what is missing in the generations that are followed, the active one first; see `bring` for the rest.

        Raises the `ModelError` of the active one after all is done. That of the former one is no failure: what it lacks
        is pending after a rollback, and found by words.
        """
        with self._access.reading() as view:
            active, *others = followed(view)
        failure = self.bring(active, deadline, proved=proved, renew=renew)
        for generation in others:
            self.bring(generation, deadline, proved=proved)
        if failure is not None:
            raise failure

    def bring(
        self,
        generation: Generation,
        deadline: Deadline,
        *,
        proved: bool,
        renew: bool = False,
        go_on: Going = lambda _: True,
    ) -> ModelError | None:
        """Fill a generation and pack what is stored; returns why it could not be filled.

        `proved` compares by set in the end, asks again for what was given up, and does not rely on the hint where the
        backlog begins. `renew` has a generation made anew whose model has changed.
        """
        failure: ModelError | None = None
        try:
            if proved:
                with self._access.writing() as writer:
                    writer.release_quarantined(generation.id)
            if (
                self._embed_missing(generation, deadline, renew=renew, go_on=go_on)
                and proved
                and self._lacks(generation)
            ):
                with self._access.writing() as writer:
                    writer.forget_hints()
                self._embed_missing(generation, deadline, renew=renew, go_on=go_on)
        except ModelError as error:
            failure = error
        with self._access.writing() as writer:
            follow_packed(writer, generation, self._parts.vectors_of(generation), thorough=proved)
        return failure

    def _lacks(self, generation: Generation) -> bool:
        with self._access.reading() as view:
            state = view.completeness(generation.id)
        return state.missing > state.quarantined

    def _embed_missing(self, generation: Generation, deadline: Deadline, *, renew: bool, go_on: Going) -> bool:
        """Fill a generation; returns False where its model is another one now, which nothing is asked of.

        Where nothing is missing, a model that may change under its name is looked at, unless time is short or it is
        not there.
        """
        with self._access.reading() as view:
            backlog = view.backlog(generation.id, 1)
        if backlog:
            return self._embed(generation, deadline, renew=renew, go_on=go_on)
        with self._access.writing() as writer:
            writer.note_filled(generation.id)
        if not (deadline.limited or generation.model.provider == STATIC):
            with suppress(ModelAwayError, ModelMissingError):
                self._embed(generation, deadline, renew=renew, go_on=go_on)
        return True

    def _embed(self, generation: Generation, deadline: Deadline, *, renew: bool, go_on: Going) -> bool:
        embedder = self._parts.embedder_of(generation)
        if embedder is None:
            return False
        pack = self._parts.vectors_of(generation)
        try:
            fill_generation(self._access, generation, embedder, pack, self._progress, deadline, go_on)
        except (ModelChangedError, DamagedError):  # a damaged canary
            if not renew:
                raise
            empty_generation(self._access, generation, embedder, pack)
            fill_generation(self._access, generation, embedder, pack, self._progress, deadline, go_on)
        return True
