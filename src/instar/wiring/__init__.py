"""Puts the parts together: the only place that names concrete adapters."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from instar.adapters.lexical.tantivy_index import TantivyIndex
from instar.adapters.sources.roots import check_root
from instar.adapters.stores.sqlite.store import SqliteStore
from instar.adapters.vectors.packed import PackedVectors
from instar.domain.catalogue import STATIC, ModelEntry
from instar.domain.corpus import Root, SessionChoice
from instar.domain.generations import Generation, Weights
from instar.domain.migrations import State
from instar.domain.models import StorageFormat, document_fingerprint
from instar.domain.search import Scope, SearchAnswer, SearchRequest
from instar.errors import ModelAwayError, ModelError, SettingError, UnknownModelError
from instar.indexing.clock import Deadline
from instar.indexing.filler import Filler
from instar.indexing.followers import follow_lexically, follow_packed
from instar.indexing.parts import Access, Indexing, RootReport
from instar.indexing.verifying import Verdict, verify
from instar.ports import CorpusWriter, Embedder, Progress, SilentProgress
from instar.search.engine import SearchEngine
from instar.settings import Settings, user_folder
from instar.wiring.migrations import FOR_EVER, WorkspaceMigrations
from instar.wiring.models import Models
from instar.wiring.sources import session_reader, transcript_source, tree_source

if TYPE_CHECKING:
    from instar.indexing.indexer import Indexer

LEXICAL_FOLDER = "lexical"
VECTORS_FOLDER = "vectors"
LOCK_SECONDS = 10.0
"""How long an explicit command waits for another writer: a search that refreshes is done by then."""


class Workspace:
    """One data folder with everything that works on it. One for a search is `brief` with the servers of models.

    `model_place` and `storage_place` are where the wanted model and its format were set, for errors about them.
    """

    def __init__(
        self,
        settings: Settings,
        embedder: Embedder | None = None,
        *,
        brief: bool = False,
        model_place: str = "the settings",
        storage_place: str = "the settings",
    ) -> None:
        self.settings = settings
        self._model_place = model_place
        self._storage_place = storage_place
        self.store = SqliteStore(settings.data)
        self.lexical = TantivyIndex(settings.data / LEXICAL_FOLDER)
        self._given = embedder
        self.models = Models(user_folder(), settings, brief=brief)
        self._packed: dict[int, PackedVectors] = {}
        self._embedders: dict[tuple[str, str], Embedder | None] = {}
        self._away: ModelAwayError | None = None

    @cached_property
    def wanted(self) -> Embedder:
        """The model the settings name. Raises `SettingError` for an unknown one, `ModelError` for one not there."""
        if self._given is None:
            _ = self._wanted_entry
        return self._given or self.models.named(self.settings.model)

    @cached_property
    def wanted_problem(self) -> SettingError | None:
        """Why it cannot be told which model is wanted, or in which format; None where it can."""
        try:
            self._check_wanted()
        except SettingError as error:
            return error
        return None

    @cached_property
    def first(self) -> Embedder:
        """The model that answers within seconds, while the wanted one is not ready."""
        return self._given or self.models.first()

    def _check_wanted(self) -> None:
        """Raise `SettingError` where it cannot be told which model is wanted, or in which format."""
        _ = self._wanted_entry, self.storage

    @property
    def storage(self) -> StorageFormat:
        """The storage format the settings name. Raises `SettingError` for an unknown one."""
        try:
            return StorageFormat(self.settings.storage)
        except ValueError:
            known = ", ".join(StorageFormat)
            raise SettingError(
                f"unknown storage format {self.settings.storage!r} (set in {self._storage_place})", f"choose of {known}"
            ) from None

    @property
    def _storage_or_default(self) -> StorageFormat:
        """That of a new corpus too, which is searched whatever the settings name; nothing else is built then."""
        try:
            return self.storage
        except SettingError:
            return StorageFormat.INT8

    def embedder_of(self, generation: Generation) -> Embedder | None:
        """Return the model whose vectors a generation holds, None where it is another one now, or has no name any more.

        Raises `ModelError` where it cannot be had.
        """
        asked = generation.fingerprint, generation.model.query_prompt
        if asked not in self._embedders:
            self._embedders[asked] = self._found(generation)
        return self._embedders[asked]

    def _found(self, generation: Generation) -> Embedder | None:
        try:
            embedder = self._given or self.models.of(generation.model)
        except SettingError:
            return None
        fits = document_fingerprint(embedder.spec, generation.storage) == generation.fingerprint
        return embedder if fits else None

    def is_wanted(self, generation: Generation) -> bool:
        """Whether a generation is of the model the settings name, and in their format; told without opening the model.

        None is of a model nobody knows: see `wanted_problem`.
        """
        return self._is_alike(generation) and not self._is_elsewhere(generation)

    def is_moved(self, generation: Generation) -> bool:
        """Whether it would be wanted, but the name of its model led elsewhere when the model was last looked at."""
        return self._is_alike(generation) and self._is_elsewhere(generation)

    def _is_alike(self, generation: Generation) -> bool:
        """Whether a generation is of what the settings name, wherever that is found."""
        if self._given is not None:
            return document_fingerprint(self._given.spec, self.storage) == generation.fingerprint
        if self.wanted_problem:
            return False
        entry, model = self._wanted_entry, generation.model
        # Of a model that no catalogue knows, its server may have told the prompt.
        prompt = model.document_prompt if entry.dimensions is None else entry.document_prompt
        held = (model.reference or model.provider, model.provider, model.document_prompt)
        wanted = (entry.name, entry.provider, prompt)
        shape = (entry.truncation, entry.centred and entry.truncation is not None)
        return held == wanted and (model.truncation, model.centred, generation.storage) == (*shape, self.storage)

    def _is_elsewhere(self, generation: Generation) -> bool:
        stored = generation.model.place  # "" also where it was not noted yet
        return self._given is None and stored not in ("", self._wanted_entry.place)

    def wanted_is_ready(self) -> bool:
        """Whether a generation as the settings want it needs no more than to take over, or seconds of the static model.

        Raises `SettingError` where nobody knows what is wanted.
        """
        if self._wanted_entry.provider == STATIC:
            return True
        with self.store.snapshot() as snapshot:
            wanted = filter(self.is_wanted, snapshot.generations())
            return any(not snapshot.completeness(one.id).missing for one in wanted)

    def is_unsettled(self, active: Generation) -> bool:
        """Whether the settings want another generation than the active one, and nobody has decided against it."""
        if self.is_wanted(active):
            return False
        if self._given is None and self.wanted_problem:
            return True
        name = self._given.spec.called if self._given else self._wanted_entry.name
        return not self.migrations.has_decided(name)

    @property
    def _wanted_entry(self) -> ModelEntry:
        _ = self.models.entries  # a file that cannot be read is no fault of the name
        try:
            return self.models.resolved(self.settings.model)
        except UnknownModelError as error:
            raise UnknownModelError(
                f"{error.message} (the wanted model, set in {self._model_place})", error.remedy
            ) from None

    def vectors_of(self, generation: Generation) -> PackedVectors:
        """Return the packed vectors of a generation."""
        if generation.id not in self._packed:
            folder = self.settings.data / VECTORS_FOLDER / generation.fingerprint
            self._packed[generation.id] = PackedVectors(folder)
        return self._packed[generation.id]

    @cached_property
    def engine(self) -> SearchEngine:
        """The search over this folder."""
        return SearchEngine(self.store, self.lexical, self.vectors_of, self._asked)

    def _asked(self, generation: Generation) -> Embedder | None:
        if self._away is not None:
            raise self._away
        return self.embedder_of(generation)

    def search(self, request: SearchRequest) -> SearchAnswer:
        """Answer a question, by words alone where the refresh before it has just found the model's server away."""
        try:
            return self.engine.search(request)
        finally:
            self._away = None

    def holds(self, scope: Scope) -> bool:
        """Whether any document lies in `scope`."""
        with self.store.snapshot() as snapshot:
            return bool(snapshot.documents_in(scope).size)

    def sessions_named(self, beginning: str) -> list[tuple[str, int]]:
        """Return (id of a session, id of a root it belongs to) of those whose ids begin so, in order."""
        with self.store.snapshot() as snapshot:
            return snapshot.sessions_named(beginning)

    # Roots

    def has_corpus(self) -> bool:
        """Whether the data folder holds an index."""
        return self.store.exists()

    def roots(self) -> list[Root]:
        """Return all roots, none where there is no corpus yet."""
        if not self.has_corpus():
            return []
        with self.store.snapshot() as snapshot:
            return snapshot.roots()

    def checked(self, path: Path) -> Path:
        """Return the resolved folder; raises `RootRefusedError` for one that must not be indexed."""
        return check_root(path, Path.home(), data=self.settings.data)

    # Indexing

    @cached_property
    def migrations(self) -> WorkspaceMigrations:
        """What changes the model that answers."""
        return WorkspaceMigrations(self.store, lambda: self.parts)

    @property
    def parts(self) -> Indexing:
        """What an indexing run works with."""
        return Indexing(
            source_of=partial(tree_source, self.settings),
            sessions_of=transcript_source,
            session_reader_of=partial(session_reader, self.settings),
            lexical=self.lexical,
            vectors_of=self.vectors_of,
            embedder_of=self.embedder_of,
            first=lambda: self.first,
            wanted=lambda: self.wanted,
            storage=self._storage_or_default,
            weights=Weights(self.settings.lexical_weight, self.settings.vector_weight),
        )

    def read(
        self, paths: Sequence[Path], progress: Progress, *, wait_seconds: float = 0.0, reread: bool = False
    ) -> list[RootReport]:
        """Read what changed in these roots (added where unknown), so that it is found by words; see `fill`.

        Raises `BusyError` where another process writes, `SettingError` where nobody knows the wanted model or format,
        and the errors of the store.
        """
        self._check_wanted()  # refused before anything is done
        with self._indexer(progress, wait_seconds) as (writer, indexer, _):
            return indexer.read([writer.add_root(str(path)) for path in paths], reread=reread)

    def fill(self, progress: Progress, *, renew: bool = False) -> None:
        """Make the vectors that are missing: first of the active generation, then of the wanted one.

        `renew` has a generation made anew whose model has changed. Raises what `read` does, and, after everything else
        is done, `ModelError` where a model cannot be had. Between batches others may write.
        """
        self._check_wanted()
        try:
            self._filled(progress, renew=renew)
        finally:
            self.store.close()
            with self.store.writing(FOR_EVER):  # the last one that has it open moves everything into one file
                pass

    def _filled(self, progress: Progress, *, renew: bool) -> None:
        filler = Filler(self.migrations.access, self.parts, progress)
        failure = None
        try:
            filler.fill(Deadline(), proved=True, renew=renew)
        except ModelError as error:
            failure = error
        self.migrations.follow_settings()
        moved = self.migrations.work(progress, renew=renew)
        if failure is not None and (moved is None or moved.state is not State.ACTIVE):
            raise failure

    def index(
        self,
        paths: Sequence[Path],
        progress: Progress,
        *,
        seconds: float | None = None,
        fill_seconds: float | None = None,
        wait_seconds: float = 0.0,
        build_wanted: bool = True,
        reread: bool = False,
    ) -> list[RootReport]:
        """Read, then fill: the active generation alone unless `build_wanted`.

        All of it for at most `seconds`, waiting for the lock included, or filling for `fill_seconds` after whatever
        reading takes. Raises what `read` and `fill` do.
        """
        if build_wanted:
            self._check_wanted()
        with self._indexer(progress, wait_seconds, seconds) as (writer, indexer, deadline):
            reports = indexer.read([writer.add_root(str(path)) for path in paths], reread=reread)
            if not build_wanted:
                limit = deadline if fill_seconds is None else Deadline(fill_seconds)
                self._refill(Filler(Access.under_lock(writer), self.parts, progress), limit)
        if build_wanted:
            self.fill(progress)
        return reports

    def _refill(self, filler: "Filler", deadline: Deadline) -> None:
        try:
            filler.fill(deadline, proved=False)
        except ModelAwayError as error:
            self._away = error  # of the active generation, which answers
            raise

    @contextmanager
    def _indexer(
        self, progress: Progress, wait_seconds: float, seconds: float | None = None
    ) -> "Iterator[tuple[CorpusWriter, Indexer, Deadline]]":
        deadline = Deadline(seconds)
        with self.store.writing(wait_seconds) as writer:
            # Here, for reading files takes patterns and grammars, which an answer from what is stored does without.
            from instar.indexing.indexer import Indexer

            yield writer, Indexer(writer, self.parts, progress, deadline), deadline

    def choose_sessions(self, paths: Sequence[Path], choice: SessionChoice) -> None:
        """Note that from the next run on these sessions belong to these roots (added where unknown)."""
        with self.store.writing(LOCK_SECONDS) as writer:
            for path in paths:
                writer.choose_sessions(writer.add_root(str(path)).id, choice)

    def forget(self, root: Root) -> None:
        """Delete a root with everything stored of it, in the derived files too."""
        self._forget(lambda writer: writer.forget_root(root.id))

    def forget_sessions(self, root: Root) -> None:
        """Delete the sessions of a root, in the derived files too, and read none from now on."""
        self._forget(lambda writer: writer.forget_sessions(root.id))

    def _forget(self, delete: Callable[[CorpusWriter], None]) -> None:
        with self.store.writing(LOCK_SECONDS) as writer:
            # Removing rows would leave their words in the derived files, and a kill must not leave those behind
            # when the rows are gone: so they are dropped before them and made anew without them.
            self.lexical.clear()
            self.models.clear_cache()  # which of its vectors are of former versions of these files, nobody knows
            for generation in writer.view().generations():
                self.vectors_of(generation).clear()
            delete(writer)
            follow_lexically(writer, self.lexical)
            for generation in writer.view().generations():
                follow_packed(writer, generation, self.vectors_of(generation))

    def verify(self) -> Verdict:
        """Check everything and rebuild what can be rebuilt."""
        with self.store.writing(LOCK_SECONDS) as writer:
            return verify(writer, self.parts, SilentProgress())

    def backup(self, file: Path, progress: Progress) -> None:
        """Copy the corpus to a new file while others search and write; see `Store.backup`."""
        self.store.backup(file, progress)

    def restore(self, file: Path, progress: Progress) -> None:
        """Put a backup in place of the corpus and make the derived files anew; see `Store.restore`."""
        self.store.restore(file, progress, LOCK_SECONDS)
        with self.store.writing(LOCK_SECONDS) as writer:
            follow_lexically(writer, self.lexical)
            for generation in writer.view().generations():
                follow_packed(writer, generation, self.vectors_of(generation))

    def close(self) -> None:
        """Close what is open."""
        try:
            self.models.close()
        finally:
            self.store.close()
