"""From the name of a model to the model: the catalogue, the user's additions, the adapter of its provider."""

import os
import sys
import tomllib
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing, suppress
from dataclasses import replace
from functools import cached_property
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from instar.adapters.caches.vectors import SqliteVectorCache
from instar.domain.catalogue import AT_SERVERS, STATIC, ModelEntry, facts_of, read_entries, resolve
from instar.domain.models import ModelSpec
from instar.embedding.caching import CachedModel, QueryCache
from instar.embedding.encoding import EncodedModel
from instar.embedding.lazy import Unloader
from instar.errors import ModelMissingError, SettingError, UnknownModelError
from instar.installing import pip_install_beside
from instar.ports import Embedder, Encoder, VectorCache
from instar.settings import Settings, cache_folder

CATALOGUE = "models.toml"

MEGABYTE = 1_000_000


def built_in_entries() -> Mapping[str, ModelEntry]:
    """Return the catalogue inside the package."""
    content = (files("instar") / "resources" / CATALOGUE).read_text("utf-8")
    return read_entries(tomllib.loads(content), "the catalogue")


class Models:
    """All models that can be named; each is opened once. `brief`: for a search, which waits for seconds only."""

    def __init__(self, user_folder: Path, settings: Settings, *, brief: bool = False) -> None:
        self._brief = brief
        self.user_file = user_folder / CATALOGUE
        self._settings = settings
        self.questions = QueryCache(settings.query_cache_seconds)
        self._open: dict[ModelEntry, Embedder] = {}
        self._encoders: list[Encoder] = []

    @cached_property
    def entries(self) -> Mapping[str, ModelEntry]:
        """The catalogue and what the user added or changed. Raises `SettingError` for a file that cannot be read."""
        built_in = built_in_entries()
        return {**built_in, **self._of_user(built_in)}

    def _of_user(self, built_in: Mapping[str, ModelEntry]) -> Mapping[str, ModelEntry]:
        try:
            return read_entries(tomllib.loads(self.user_file.read_text("utf-8")), str(self.user_file), built_in)
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
            raise SettingError(f"{self.user_file} cannot be read ({error})", "mend or remove the file") from error

    def named(self, reference: str) -> Embedder:
        """Return the model of a name. Raises `SettingError` for an unknown one, `ModelError` where it cannot be had."""
        return self._opened(self.entry(reference))

    def of(self, spec: ModelSpec) -> Embedder:
        """Return the model that made vectors, as it was asked then, and asked for questions as `spec` says."""
        entry = self._stored_entry(spec.reference or spec.provider)
        then = replace(
            entry,
            query_prompt=spec.query_prompt,
            document_prompt=spec.document_prompt,
            truncation=spec.truncation,
        )
        if spec.truncation is not None:  # whole vectors never are, and another entry would load the model once more
            then = replace(then, centred=spec.centred)
        if entry.provider == "openai":  # whose servers do not tell: it was what the entry said
            then = replace(then, context_tokens=spec.context_tokens)
        return self._opened(then)

    def first(self) -> Embedder:
        """Return the model that answers within seconds, whatever state the user's file is in."""
        return self._opened(self._stored_entry(STATIC))

    def _stored_entry(self, reference: str) -> ModelEntry:
        """Return the entry of a name that is stored with vectors.

        While the user's file, or its table of this name, cannot be read, that of the catalogue, unless it is of a
        server: a question must not go to another address than the one that file may name. Raises `UnknownModelError`,
        and `ModelMissingError` for what only the file may know.
        """
        try:
            return self.entry(reference)
        except UnknownModelError:
            raise
        except SettingError as error:
            with suppress(SettingError):
                entry = resolve(reference, built_in_entries())
                if entry.provider not in AT_SERVERS:
                    return entry
            raise ModelMissingError(error.message, error.remedy) from error

    def resolved(self, reference: str) -> ModelEntry:
        """Return the entry of a name, with the whole path of a folder or file, which is another one elsewhere.

        Raises `UnknownModelError` for an unknown name, `SettingError` for a model with a slip in its table.
        """
        entry = resolve(reference, self.entries)
        source = whole_path(entry.provider, entry.source)
        is_path = reference == f"{entry.provider}:{entry.source}" and reference not in self.entries
        return replace(entry, name=f"{entry.provider}:{source}" if is_path else entry.name, source=source)

    def entry(self, reference: str) -> ModelEntry:
        """Return the entry of a name; for one of the user's own at Ollama with what is known of the model behind it."""
        entry = self.resolved(reference)
        if entry.provider != "ollama" or reference in self.entries or facts_of(entry.source, self.entries.values()):
            return entry
        with closing(self.encoder(entry)) as encoder:
            base = encoder.facts.base
        known = resolve(f"ollama:{base}", self.entries) if base else entry
        return replace(known, name=entry.name, source=entry.source, base_url=entry.base_url)

    def bare(self, entry: ModelEntry) -> Embedder:
        """Return the model of an entry made anew, with nothing around it. Raises as `named` does."""
        if entry.provider == STATIC:
            return self._make(entry)
        encoder = self.encoder(entry)
        self._encoders.append(encoder)
        return EncodedModel(encoder, entry)

    def here(self, entry: ModelEntry) -> str:
        """Return where a model is to be had, in words, without asking a server; "" for facts without a provider.

        Of one with a slip in its table, what that is.
        """
        if entry.problem is not None:
            return entry.problem.message
        if not entry.provider or entry.provider in AT_SERVERS:
            return "its server" if entry.provider else ""
        if entry.provider == STATIC and not entry.source:
            return "built in"
        if "python" in entry.options:
            return "its own environment"
        there = find_spec(entry.package) is not None if entry.package else Path(entry.source).exists()
        return "installed" if there else "not installed"

    def encoder(self, entry: ModelEntry) -> Encoder:
        """Return the encoder of an entry. Raises `ModelError` where it cannot be had."""
        if "python" in entry.options:
            from instar.adapters.embedders.process import ANSWER_SECONDS, BRIEF_SECONDS, ProcessEncoder

            return ProcessEncoder(entry, encoder_here, BRIEF_SECONDS if self._brief else ANSWER_SECONDS)
        return encoder_here(entry, brief=self._brief)

    def clear_cache(self) -> None:
        """Drop all vectors that were kept of documents, from before the cache was switched off too."""
        self._cache.clear()

    def close(self) -> None:
        """Close what the models hold: connections, processes, weights. A model that is asked again opens them anew."""
        with ExitStack() as stack:  # each of them, whatever another one raises
            for encoder in self._encoders:
                stack.callback(encoder.close)

    def _opened(self, entry: ModelEntry) -> Embedder:
        if entry not in self._open:
            self._open[entry] = self._make(entry)
        return self._open[entry]

    def _make(self, entry: ModelEntry) -> Embedder:
        if entry.provider == STATIC:
            from instar.adapters.embedders.static import StaticEmbedder, builtin_folder

            return StaticEmbedder(Path(entry.source) if entry.source else builtin_folder(), entry.name, entry.place)
        # Not around a static model: it would push out vectors that take a hundred times as long to make.
        encoder = self._unloader.watch(self.encoder(entry))
        self._encoders.append(encoder)
        # Nor where only a name tells one model from another: the next one of that name would be served its vectors.
        documents = None if entry.provider == "openai" else self._documents
        return CachedModel(EncodedModel(encoder, entry), self.questions, documents)

    @cached_property
    def _unloader(self) -> Unloader:
        return Unloader(self._settings.model_idle_seconds, self._settings.model_memory_megabytes * MEGABYTE)

    @cached_property
    def _documents(self) -> VectorCache | None:
        return self._cache if self._settings.cache_megabytes else None

    @cached_property
    def _cache(self) -> VectorCache:
        return SqliteVectorCache(cache_folder(), self._settings.cache_megabytes * MEGABYTE)


def whole_path(provider: str, source: str) -> str:
    """Return where the folder or file of a model lies, whatever the current folder; other sources as they are."""
    path = os.path.expanduser(source)  # noqa: PTH111 - raises nothing for a user who is none
    there = source and provider not in AT_SERVERS and os.path.exists(path)  # noqa: PTH110 - nor for any other text
    return os.path.abspath(path) if there else source  # noqa: PTH100 - links stay as they are


def encoder_here(entry: ModelEntry, *, brief: bool = False) -> Encoder:
    """Return the encoder of an entry, run by the process that asks; see `Models` for `brief`."""
    if entry.provider in AT_SERVERS:
        return SERVERS[entry.provider](entry, brief)
    if entry.package:
        folder = package_folder(entry)
        if folder is None:
            raise ModelMissingError(
                f"the model {entry.name} is a package of its own, {entry.package}, which is not installed"
                f" in {sys.executable}",
                pip_install_beside("models/minilm"),
            )
        entry = replace(entry, source=str(folder))
    return ENCODERS[entry.provider](entry)


def package_folder(entry: ModelEntry) -> Path | None:
    """Return the folder of the package that is a model, None where it is not installed."""
    found = find_spec(entry.package)
    return Path(found.origin).parent if found is not None and found.origin is not None else None


def _ollama(entry: ModelEntry, brief: bool) -> Encoder:  # noqa: FBT001 - called through `SERVERS` alone
    from instar.adapters.embedders.http import BRIEF
    from instar.adapters.embedders.ollama import OllamaEncoder

    return OllamaEncoder(entry, BRIEF if brief else None)


def _openai(entry: ModelEntry, brief: bool) -> Encoder:  # noqa: FBT001 - called through `SERVERS` alone
    from instar.adapters.embedders.http import BRIEF
    from instar.adapters.embedders.openai import OpenAIEncoder

    return OpenAIEncoder(entry, BRIEF if brief else None)


def _sentence_transformers(entry: ModelEntry) -> Encoder:
    from instar.adapters.embedders.sentence_transformers import SentenceTransformersEncoder

    return SentenceTransformersEncoder(entry)


def _gguf(entry: ModelEntry) -> Encoder:
    from instar.adapters.embedders.gguf import GgufEncoder

    return GgufEncoder(entry)


def _onnx(entry: ModelEntry) -> Encoder:
    from instar.adapters.embedders.onnx import OnnxEncoder

    return OnnxEncoder(entry)


ENCODERS: dict[str, Callable[[ModelEntry], Encoder]] = {
    "gguf": _gguf,
    "st": _sentence_transformers,
    "onnx": _onnx,
}
"""The adapters by provider; each loads its library only when it is called."""

SERVERS: dict[str, Callable[[ModelEntry, bool], Encoder]] = {"ollama": _ollama, "openai": _openai}
"""The adapters of `catalogue.AT_SERVERS`; the second argument is `brief`."""
