"""Models of sentence-transformers: `st:NAME_OR_FOLDER`, on a processor, CUDA or Apple's graphics (MPS)."""

import gc
import re
import sys
from collections.abc import Iterator, Sequence
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from instar.adapters.embedders import digests, hub
from instar.adapters.embedders.st_folder import UNLIMITED, Description, described, foreign_code
from instar.adapters.embedders.words import share_of_whole_words
from instar.domain.catalogue import ModelEntry
from instar.domain.models import EncoderFacts
from instar.errors import ModelMissingError, ModelUnsoundError
from instar.installing import pip_install
from instar.ports import Embedded, Matrix

LIBRARY = "sentence-transformers"
CONSENT = "run_model_code"
"""The option by which the user lets code of the model's repository run."""
OTHER_RESULTS = ((5, 5, 0), (5, 6, 0))
"""From the first to the last of these versions bge-m3 with flash attention silently gave worse vectors."""
HALF = 0.999
WHOLE = 0.99999
"""The least cosine of a text's vector alone and among others, in 16 bits and in 32: padding changes how sums go."""


class _Model(Protocol):
    """What is used of the library's own model, in versions 5 and 6."""

    max_seq_length: int | None
    default_prompt_name: str | None
    tokenizer: Any

    def encode(self, texts: list[str], *, batch_size: int, show_progress_bar: bool) -> Matrix: ...

    def get_sentence_embedding_dimension(self) -> int: ...  # another name in version 6

    def parameters(self) -> Iterator[Any]: ...

    def __iter__(self) -> Iterator[Any]: ...


class SentenceTransformersEncoder:
    """See `instar.ports.Encoder`. Options: `device`, `dtype` and `run_model_code`.

    The revision is the commit of the hub's snapshot; of another folder it is `digests.of_folder`, which see for what
    it does not see.
    """

    batch = 32
    """On two busy cores one text at a time goes at a quarter of the pace; 64 are no faster."""

    def __init__(self, entry: ModelEntry) -> None:
        self._entry = entry
        self._device = str(entry.options.get("device", ""))
        self._dtype = str(entry.options.get("dtype", ""))
        self._given = Path(entry.source).expanduser()
        self._model: _Model | None = None

    @cached_property
    def facts(self) -> EncoderFacts:
        """What identifies the model; loads it only where its files do not tell."""
        runtime = _runtime()
        found = self._described or _asked(self._loaded())
        return EncoderFacts(
            provider="st",
            name=self._name,
            revision=hub.commit(self._folder) or digests.of_folder(self._folder),
            dimensions=found.dimensions,
            precision=found.precision,
            pooling=found.pooling,
            context_tokens=found.context_tokens,
            runtime=runtime,
        )

    @property
    def agreement(self) -> float:
        """The least cosine between vectors of one text."""
        return WHOLE if self.facts.precision == "float32" else HALF

    def encode(self, texts: Sequence[str]) -> Embedded:
        """Return what the model gives, (n, d), and which texts have more tokens than it takes."""
        model, limit = self._loaded(), self.facts.context_tokens
        if not texts:
            return Embedded(np.empty((0, self.facts.dimensions), np.float32))
        try:
            vectors = model.encode(list(texts), batch_size=self.batch, show_progress_bar=False).astype(np.float32)
            if limit is None:
                return Embedded(vectors)
            tokens = model.tokenizer(list(texts), truncation=False, verbose=False)["input_ids"]
        except Exception as error:  # each model and version fails in its own way
            raise ModelUnsoundError(
                f"{self._entry.name} failed on a text ({_reason(error)})",
                f"see `instar model check {self._entry.name}`",
            ) from error
        return Embedded(vectors, tuple(i for i, ids in enumerate(tokens) if len(ids) > limit))

    def familiarity(self, text: str) -> float:
        """Return the share of words that are one token."""
        model = self._loaded()

        def tokens_of(word: str) -> list[str]:
            # Looked up here, where it may fail: the tokenizer of a table of token vectors has no such method.
            tokens: list[str] = model.tokenizer.tokenize(word)
            return tokens

        return share_of_whole_words(text, tokens_of)

    def close(self) -> None:
        """Free the weights."""
        if self._model is None:
            return
        import torch

        self._model = None
        gc.collect()  # modules of torch refer to each other
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    @cached_property
    def _name(self) -> str:
        """A folder's own name, so that it may be moved; else that of the hub."""
        if self._given.is_dir():
            return self._given.resolve().name
        return self._entry.source if "/" in self._entry.source else f"sentence-transformers/{self._entry.source}"

    @cached_property
    def _folder(self) -> Path:
        return self._given.resolve() if self._given.is_dir() else hub.snapshot(self._name)

    @cached_property
    def _described(self) -> Description | None:
        try:
            found = described(self._folder)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelMissingError(
                f"the files in {self._folder} cannot be read ({error})", "fetch it again"
            ) from error
        return found._replace(precision=self._dtype) if found and self._dtype else found

    def _loaded(self) -> _Model:
        if self._model is None:
            _runtime()
            # Not left to the library: up to version 5 it runs what lies in a folder without asking.
            if not self._trusted and (code := foreign_code(self._folder)):
                raise self._consent_missing(", ".join(code))
            try:
                self._model = self._load()
            except Exception as error:  # each model and version fails in its own way
                reason = _reason(error)
                if "trust_remote_code" in str(error):
                    raise self._consent_missing(reason) from error
                raise ModelMissingError(
                    f"{self._entry.name} cannot be loaded ({reason})", f"see `instar model check {self._entry.name}`"
                ) from error
        return self._model

    def _consent_missing(self, code: str) -> ModelMissingError:
        return ModelMissingError(
            f"{self._entry.name} needs code that comes with it ({code})",
            f"read it, and if you trust it say {CONSENT} = true among the options of the model",
        )

    @property
    def _trusted(self) -> bool:
        return self._entry.options.get(CONSENT) is True

    def _load(self) -> _Model:
        import torch
        from sentence_transformers import SentenceTransformer
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()  # progress is for Instar to show
        here = hub.holds_weights(self._folder)
        precision = self._described.precision if self._described else self._dtype
        model: _Model = SentenceTransformer(
            str(self._folder) if here else self._name,
            revision=None if here else hub.commit(self._folder),
            device=self._device or None,
            trust_remote_code=self._trusted,
            # Said in so many words: version 4 of transformers takes 32 bits, version 5 those of the file.
            model_kwargs={"dtype": getattr(torch, precision)} if precision else {},
        )
        model.default_prompt_name = None  # prompts are put before a text by Instar, from the catalogue
        if self._described:
            model.max_seq_length = self._described.context_tokens
        return model


def _reason(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _runtime() -> str:
    """Return the library's version where that changes results. Raises `ModelMissingError` where it is not there."""
    try:
        installed = version(LIBRARY)
    except PackageNotFoundError as error:
        raise ModelMissingError(
            f"models of the provider st need {LIBRARY}, which is not installed in {sys.executable}", pip_install("st")
        ) from error
    numbers = tuple(int(part) for part in re.findall(r"\d+", installed)[:3])
    first, last = OTHER_RESULTS
    return f"{LIBRARY} {installed}" if first <= numbers <= last else ""


def _asked(model: _Model) -> Description:
    """Return what a loaded model says of itself."""
    ask = getattr(model, "get_embedding_dimension", None) or model.get_sentence_embedding_dimension
    limit = model.max_seq_length
    poolings = [getattr(module, "pooling_mode", "") for module in model]
    return Description(
        dimensions=int(ask()),
        pooling=next((str(pooling) for pooling in poolings if pooling), "unknown"),
        precision=str(next(model.parameters()).dtype).removeprefix("torch."),
        context_tokens=limit if limit and limit < UNLIMITED else None,
    )
