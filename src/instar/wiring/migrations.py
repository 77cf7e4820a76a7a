"""Migrations of a data folder: where one is to lead, who works on it, and what the settings ask for."""

import getpass
import os
import socket
from collections.abc import Callable
from functools import partial

from instar.domain.generations import Generation, QuerySide
from instar.domain.migrations import Cutover, Migration, Side, Wanted
from instar.domain.models import document_fingerprint
from instar.indexing.parts import Access, Indexing
from instar.migration.build import Builder
from instar.migration.commands import Migrations, begin, check_free
from instar.ports import CorpusWriter, Embedder, Progress, SilentProgress, Store, VectorIndex

FOR_EVER = -1.0
"""As long as another process writes: whoever builds for hours waits for one that reads for minutes."""
BY_SETTINGS = "the settings name it"
"""The cause of a migration that nobody asked for but the settings: it ends when they name another model."""


def actor() -> str:
    """Return who acts: user, machine and process, for the record and the lease."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user without a name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}:{os.getpid()}"


def is_gone(holder: str) -> bool:
    """Whether the process of this name ran on this machine and has ended."""
    place, _, process = holder.rpartition(":")
    if place.rpartition("@")[2] != socket.gethostname() or not process.isdigit():
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # another user's
        return False
    return False


class WorkspaceMigrations:
    """The migrations of one workspace."""

    def __init__(self, store: Store, parts: Callable[[], Indexing]) -> None:
        self._parts = parts
        self.access = Access(store.snapshot, partial(store.writing, FOR_EVER))

    @property
    def commands(self) -> Migrations:
        """What a user does with them."""
        return Migrations(self.access, self._vectors_of, actor())

    def _vectors_of(self, generation: Generation) -> VectorIndex:
        return self._parts().vectors_of(generation)

    def start(self, model: Embedder, *, cutover: Cutover, throttle: str, cause: str) -> Migration:
        """Write a migration to a model, under the settings' storage and weights.

        Raises `MigrationError` where another one is open, or the model answers already.
        """
        with self.access.writing() as writer:
            check_free(writer.view())
            return self._begun(writer, self._wanted(model), model, cutover, throttle, cause)

    def _begun(
        self, writer: CorpusWriter, wanted: Wanted, model: Embedder, cutover: Cutover, throttle: str, cause: str
    ) -> Migration:
        known = {each.fingerprint for each in writer.view().generations()}
        generation = writer.create_generation(model.spec, self._parts().storage)
        target = Side(generation.id, wanted.model, wanted.query)
        made = generation.fingerprint not in known
        return begin(writer, target, made=made, cutover=cutover, throttle=throttle, actor=actor(), cause=cause)

    def _wanted(self, model: Embedder) -> Wanted:
        parts = self._parts()
        query = QuerySide(model.spec.query_prompt, parts.weights)
        return Wanted(model.spec.called, document_fingerprint(model.spec, parts.storage), query)

    def work(self, progress: Progress, *, renew: bool = False) -> Migration | None:
        """Take the open migration as far as it goes; see `Builder.work`."""
        return Builder(self.access, self._parts(), progress, actor(), is_gone).work(renew=renew)

    def cut_over(self, cause: str) -> Migration:
        """Make a ready migration active. Raises `MigrationError` where none is, `BusyError` where one works on it."""
        return Builder(self.access, self._parts(), SilentProgress(), actor(), is_gone).cut_over(cause)

    def has_decided(self, model: str) -> bool:
        """Whether somebody decided that something else answers than the model of this name, which the settings want.

        That is so after a rollback, an abort, or a migration that was asked for: `follow_settings` begins none then.
        """
        with self.access.reading() as view:
            noted, pointer = view.noted_wanted(), view.pointer()
            opened = any(each.is_open for each in view.migrations())
        if noted is None or pointer is None or opened:
            return False
        return noted.model == model and noted.fingerprint != pointer.generation.fingerprint

    def follow_settings(self) -> None:
        """Start a migration where the settings name another model than answers, and end one they named before.

        What they named once is not begun again: who rolled back, or aborted, has decided. Then only other weights are
        taken over. Raises `ModelError` where the model cannot be had.
        """
        model = self._parts().wanted()
        wanted = self._wanted(model)
        self._end_former(wanted)
        with self.access.writing() as writer:
            view = writer.view()
            noted, pointer = view.noted_wanted(), view.pointer()
            if any(each.fingerprint == wanted.fingerprint for each in view.generations()):
                writer.create_generation(model.spec, self._parts().storage)  # noted under the name and place it has now
            if pointer is None or noted == wanted or any(each.is_open for each in view.migrations()):
                return  # one that a person began comes first
            answers = pointer.generation.fingerprint
            if (answers, pointer.query) != (wanted.fingerprint, wanted.query):
                if noted is not None and noted.fingerprint == wanted.fingerprint != answers:
                    model = self._parts().embedder_of(pointer.generation) or model
                self._begun(writer, self._wanted(model), model, Cutover.AUTO, "", BY_SETTINGS)
            writer.migrations.note_wanted(wanted)

    def _end_former(self, wanted: Wanted) -> None:
        with self.access.reading() as view:
            opened = next((each for each in view.migrations() if each.is_open), None)
            if opened is None or view.steps(opened.id)[0].cause != BY_SETTINGS:
                return
            leads_to = {each.id: each.fingerprint for each in view.generations()}.get(opened.target.generation_id)
        if (leads_to, opened.target.query) != (wanted.fingerprint, wanted.query):
            self.commands.abort(f"the settings name {wanted.model} now")
