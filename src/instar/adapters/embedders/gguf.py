"""GGUF files by llama.cpp, through llama-cpp-python: `gguf:FILE`, or `gguf:OWNER/REPOSITORY/FILE` of the hub."""

import hashlib
import os
import sys
from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np

from instar.adapters.embedders import digests, hub
from instar.adapters.embedders.gguf_header import POOLINGS, PRECISIONS, Header, read_header
from instar.adapters.embedders.words import share_of_whole_words
from instar.domain import catalogue
from instar.domain.catalogue import ModelEntry
from instar.domain.models import EncoderFacts
from instar.errors import ModelMissingError, ModelUnsoundError
from instar.installing import pip_install
from instar.ports import Embedded

LIBRARY = "llama_cpp"
USUAL_CONTEXT = 2048
"""Tokens, where the model takes as many: a text is evaluated in one piece, and memory for the longest is reserved."""
CORES_A_THREAD = 2
"""Threads wait for each other by spinning, after every product of matrices: where other programs want the cores too,
one thread a core is several times slower than half as many, and takes all of their time."""
ALL_LAYERS = -1


class _Llama(Protocol):
    """What is used of `llama_cpp.Llama`."""

    def tokenize(self, text: bytes, add_bos: bool = True, special: bool = False) -> list[int]: ...  # noqa: FBT001, FBT002 - theirs

    def detokenize(self, tokens: list[int]) -> bytes: ...

    def token_eos(self) -> int: ...

    def embed(self, input: str) -> list[float]: ...  # noqa: A002 - theirs

    def close(self) -> None: ...


class GgufEncoder:
    """See `instar.ports.Encoder`. Options: `num_ctx`, `threads` (half the cores) and `gpu_layers` (all).

    The revision is a hash of the header, the size and the end of the file: weights in the middle that were changed
    while all of these stayed the same are not seen.
    """

    batch = 1  # llama.cpp is slower with several texts at once
    agreement = 0.999
    """Quantised products are summed in another order on another number of threads."""

    def __init__(self, entry: ModelEntry) -> None:
        self._entry = entry
        self._wanted = int(entry.options.get("num_ctx", 0))
        self._threads = int(entry.options.get("threads", 0)) or max((os.cpu_count() or 1) // CORES_A_THREAD, 1)
        self._layers = int(entry.options.get("gpu_layers", ALL_LAYERS))
        self._model: _Llama | None = None
        self._last_was_cut = False

    @cached_property
    def facts(self) -> EncoderFacts:
        """What the file's header says. Raises `ModelMissingError` for a file without what it takes."""
        header = self._header
        dimensions, pooling = header.of_architecture("embedding_length"), self._pooling
        if not isinstance(dimensions, int) or pooling not in catalogue.POOLINGS:
            raise ModelMissingError(
                f"{self._path} is no embedding model: {dimensions or 'no'} dimensions, pooling {pooling or 'not said'}",
                "take a file made for embedding, or say `pooling` (mean, cls or last) in the model's entry",
            )
        return EncoderFacts(
            provider="gguf",
            name=str(header.values.get("general.name") or self._path.stem),
            revision=self._revision,
            dimensions=dimensions,
            precision=_named(header.values.get("general.file_type"), PRECISIONS),
            pooling=pooling,
            context_tokens=self._context,
        )

    def encode(self, texts: Sequence[str]) -> Embedded:
        """Return what the model gives, (n, d), and which texts have more tokens than it takes."""
        model = self._loaded()
        vectors = np.empty((len(texts), self.facts.dimensions), np.float32)
        cut = []
        for i, text in enumerate(texts):
            try:
                vectors[i] = model.embed(text)
            except Exception as error:  # llama.cpp tells of a failure in several ways
                raise ModelUnsoundError(
                    f"{self._entry.name} failed on a text ({error})", f"see `instar model check {self._entry.name}`"
                ) from error
            if self._last_was_cut:
                cut.append(i)
        return Embedded(vectors, tuple(cut))

    def familiarity(self, text: str) -> float:
        """Return the share of words that are one token."""
        model = self._loaded()

        def tokens_of(word: str) -> list[str]:
            tokens = model.tokenize(word.encode(), add_bos=False)
            return [model.detokenize([token]).decode("utf-8", "replace") for token in tokens]

        return share_of_whole_words(text, tokens_of)

    def close(self) -> None:
        """Free the weights."""
        model, self._model = self._model, None
        if model is not None:
            model.close()

    @cached_property
    def _path(self) -> Path:
        """The file here, else that of the hub."""
        path = Path(self._entry.source).expanduser()
        if path.is_file():
            return path
        if not catalogue.is_hub_file(str(path)):
            raise ModelMissingError(
                f"there is no file {self._entry.source}", "name a GGUF file, or one of the hub as OWNER/REPOSITORY/FILE"
            )
        self._check_library()  # before gigabytes are fetched for nothing
        return hub.file(self._entry.source)

    @cached_property
    def _header(self) -> Header:
        try:
            return read_header(self._path)
        except (OSError, ValueError) as error:
            raise ModelMissingError(f"{self._path} cannot be read ({error})", "fetch it again") from error

    @property
    def _revision(self) -> str:
        digest = hashlib.sha256(f"{self._path.stat().st_size}\n".encode())
        digest.update(digests.ends(self._path, self._header.size))
        return digest.hexdigest()[: digests.DIGITS]

    @property
    def _pooling(self) -> str:
        said = self._header.of_architecture("pooling_type")
        return _named(said, POOLINGS) if said else self._entry.pooling

    @property
    def _context(self) -> int:
        most = self._header.of_architecture("context_length")
        wanted = self._wanted or USUAL_CONTEXT
        return min(wanted, most) if isinstance(most, int) else wanted

    def _loaded(self) -> _Llama:
        if self._model is None:
            self._check_library()
            context = self.facts.context_tokens
            try:
                self._model = self._load(int(context or USUAL_CONTEXT))
            except (ValueError, RuntimeError, OSError) as error:
                raise ModelMissingError(
                    f"llama.cpp cannot load {self._path} ({error})",
                    "take a newer llama-cpp-python, or another file: it may be damaged",
                ) from error
        return self._model

    def _check_library(self) -> None:
        if find_spec(LIBRARY) is None:
            raise ModelMissingError(
                f"{self._entry.name} needs llama-cpp-python, which is not installed in {sys.executable}",
                f"{pip_install('gguf')}  (builds llama.cpp: a C++ compiler, some 15 minutes)",
            )

    def _load(self, context: int) -> _Llama:
        from llama_cpp import Llama

        model: Any = Llama(
            model_path=str(self._path),
            embedding=True,
            pooling_type=next(number for number, name in POOLINGS.items() if name == self._pooling),
            n_ctx=context,
            n_batch=context,
            n_ubatch=context,  # attention in both directions needs a text in one piece
            n_threads=self._threads,
            n_threads_batch=self._threads,
            n_gpu_layers=self._layers,
            verbose=False,
        )
        tokenize = model.tokenize
        ending = tokenize(b"")[-1:]  # what the model wants at the end of every text, if anything

        def tokenize_within(text: bytes, add_bos: bool = True, special: bool = False) -> list[int]:  # noqa: FBT001, FBT002 - as theirs
            tokens: list[int] = tokenize(text, add_bos, special)
            self._last_was_cut = len(tokens) > context
            if self._last_was_cut:
                kept = ending if tokens[-1:] == ending else []
                return tokens[: context - len(kept)] + kept
            return tokens or [model.token_eos()]  # for no token at all llama.cpp has no vector

        model.tokenize = tokenize_within  # `embed` asks it, and would itself cut without a word, ending and all
        return cast("_Llama", model)


def _named(number: object, names: Mapping[int, str]) -> str:
    return names.get(number, f"type {number}") if isinstance(number, int) else "unknown"
