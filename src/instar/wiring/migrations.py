"""Migrations of a data folder: where one is to lead, who works on it, and what the settings ask for."""

import getpass
import os
import socket
from collections.abc import Callable
from functools import partial

from instar.domain.generations import Generation, QuerySide
from instar.domain.migrations import Cutover, Migration, Side
from instar.indexing.parts import Access, Indexing
from instar.migration.build import Builder
from instar.migration.commands import Migrations, begin, side_of
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
        """Write a migration to a model, under the settings' storage and weights."""
        with self.access.writing() as writer:
            target, made = self._target(writer, model)
            return begin(writer, target, made=made, cutover=cutover, throttle=throttle, actor=actor(), cause=cause)

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
        return noted.model == model and noted.generation_id != pointer.generation.id

    def follow_settings(self) -> None:
        """Start a migration where the settings name another model than answers, and end one they named before.

        What they named once is not begun again: who rolled back, or aborted, has decided. Raises `ModelError` where the
        model cannot be had.
        """
        wanted = self._parts().wanted()
        with self.access.writing() as writer:
            target, made = self._target(writer, wanted)
        self._end_former(target)
        with self.access.writing() as writer:
            pointer = writer.view().pointer()
            decided = writer.migrations.note_wanted(target) or pointer is None or side_of(pointer) == target
            if not decided and not any(each.is_open for each in writer.view().migrations()):
                begin(writer, target, made=made, cutover=Cutover.AUTO, throttle="", actor=actor(), cause=BY_SETTINGS)

    def _end_former(self, target: Side) -> None:
        with self.access.reading() as view:
            opened = next((each for each in view.migrations() if each.is_open), None)
            stale = opened is not None and opened.target != target and view.steps(opened.id)[0].cause == BY_SETTINGS
        if stale:
            self.commands.abort(f"the settings name {target.model} now")

    def _target(self, writer: CorpusWriter, model: Embedder) -> tuple[Side, bool]:
        parts = self._parts()
        known = {each.id for each in writer.view().generations()}
        generation = writer.create_generation(model.spec, parts.storage)
        query = QuerySide(model.spec.query_prompt, parts.weights)
        return Side(generation.id, model.spec.called, query), generation.id not in known
