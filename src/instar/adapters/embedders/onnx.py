"""Transformers in ONNX Runtime, from a folder with graph, tokenizer and `model.json`."""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from instar.adapters.embedders.onnx_folder import read_folder
from instar.adapters.embedders.words import share_of_whole_words
from instar.domain.catalogue import ModelEntry
from instar.domain.models import EncoderFacts
from instar.errors import ModelMissingError, ModelUnsoundError
from instar.installing import pip_install
from instar.ports import Embedded, Matrix

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

BATCH = 32
"""Texts at once where neighbours do not matter: larger batches are no faster on a processor."""
ALONE = "int8"
"""The precision whose activations are scaled by the whole batch, so that neighbours would change a text's vector."""
AGREEMENT = 0.9999
"""Padding changes the order of sums in float32: measured differences stay below 1e-6."""
DEVICES = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
}
"""What ONNX Runtime calls each of `options.ONNX_DEVICES`."""
NO_TELEMETRY = "ORT_DISABLE_TELEMETRY"
ERRORS_ONLY = 3
"""ONNX Runtime's log level; below it, it warns of hardware that is not there."""

Tokens = NDArray[np.int64]
"""Shape (n, t)."""


class _Loaded(NamedTuple):
    session: "InferenceSession"
    tokenizer: Tokenizer
    inputs: tuple[str, ...]


class OnnxEncoder:
    """See `instar.ports.Encoder`. Options: `threads` (all cores unless given) and `device`, one of `DEVICES`.

    Raises `ModelMissingError` where a file is not there or not the right one.
    """

    def __init__(self, entry: ModelEntry) -> None:
        self._folder = read_folder(Path(entry.source).expanduser())
        self._threads = int(entry.options.get("threads", 0))
        self._device = str(entry.options.get("device", "cpu"))
        self._loaded: _Loaded | None = None

    @property
    def facts(self) -> EncoderFacts:
        """What `model.json` says."""
        return self._folder.facts

    @property
    def batch(self) -> int:
        """One text where the precision is int8, which is also faster on a processor."""
        return 1 if self.facts.precision == ALONE else BATCH

    @property
    def agreement(self) -> float:
        """The least cosine between vectors of one text."""
        return AGREEMENT

    def verify(self) -> None:
        """Read the files whole and raise `ModelMissingError` where one is not what `model.json` says."""
        self._folder.check_checksums()

    def encode(self, texts: Sequence[str]) -> Embedded:
        """Return the pooled vectors (n, d) of up to `batch` texts, and which were longer than the context."""
        session, tokenizer, inputs = self._opened()
        encodings = tokenizer.encode_batch(list(texts))
        tokens = _tokens(encodings)
        try:
            hidden = session.run(None, {name: tokens[name] for name in inputs})[0]
        except Exception as error:  # ONNX Runtime's exceptions have no base of their own
            raise ModelUnsoundError(
                f"{self.facts.name} failed on a text ({error})", "`instar model check` says whether its files are sound"
            ) from error
        cut = tuple(i for i, encoding in enumerate(encodings) if encoding.overflowing)
        return Embedded(_POOLED[self.facts.pooling](hidden, tokens["attention_mask"]), cut)

    def familiarity(self, text: str) -> float:
        """Return the share of words that are one token."""
        tokenizer = self._opened().tokenizer
        return share_of_whole_words(text, lambda word: tokenizer.encode(word, add_special_tokens=False).tokens)

    def close(self) -> None:
        """Free the session."""
        self._loaded = None

    def _opened(self) -> _Loaded:
        self._loaded = self._loaded or self._load()
        return self._loaded

    def _load(self) -> _Loaded:
        """Load the files, after a look at their checksums: vectors are known by what `model.json` says of them."""
        onnxruntime = _onnxruntime()
        self.verify()
        wanted = DEVICES[self._device]
        if wanted not in onnxruntime.get_available_providers():
            raise self._no_device()
        options = onnxruntime.SessionOptions()
        options.log_severity_level = ERRORS_ONLY
        options.intra_op_num_threads = self._threads
        providers = list(dict.fromkeys([wanted, DEVICES["cpu"]]))
        try:
            tokenizer = Tokenizer.from_file(str(self._folder.tokenizer))
            session = onnxruntime.InferenceSession(str(self._folder.model), options, providers=providers)
        except Exception as error:  # neither library has a base for what it raises
            raise ModelMissingError(
                f"the model in {self._folder.path} cannot be loaded ({error})", "install it again"
            ) from error
        if wanted not in session.get_providers():  # it was built for the device, but the device or its driver is away
            raise self._no_device()
        self._limit(tokenizer)
        return _Loaded(session, tokenizer, self._inputs(session))

    def _limit(self, tokenizer: Tokenizer) -> None:
        """Cut at the context; pad to the longest text of a batch, at the end: fused attention knows lengths alone."""
        pad = {"pad_id": 0, "pad_token": "[PAD]", **(tokenizer.padding or {})}
        tokenizer.enable_padding(direction="right", pad_id=pad["pad_id"], pad_token=pad["pad_token"])
        tokenizer.no_truncation()
        if self.facts.context_tokens is not None:
            tokenizer.enable_truncation(self.facts.context_tokens)

    def _no_device(self) -> ModelMissingError:
        return ModelMissingError(
            f"this onnxruntime cannot use {self._device}",
            f"install the onnxruntime made for {self._device}, or leave out the option `device`",
        )

    def _inputs(self, session: "InferenceSession") -> tuple[str, ...]:
        names = tuple(each.name for each in session.get_inputs())
        unknown = [name for name in names if name not in _FIELDS]
        if unknown:
            raise ModelMissingError(
                f"{self._folder.model} wants the input {unknown[0]!r}",
                f"export the encoder alone, with the inputs {', '.join(_FIELDS)}",
            )
        return names


def _onnxruntime() -> ModuleType:
    # Its builds report to their maker unless this is set before they are loaded: see its Privacy.md.
    os.environ[NO_TELEMETRY] = "1"
    try:
        import onnxruntime
    except ImportError as error:
        raise ModelMissingError(f"onnxruntime is not installed in {sys.executable}", pip_install("onnx")) from error
    module: ModuleType = onnxruntime
    return module


_FIELDS: dict[str, Callable[[Encoding], list[int]]] = {
    "input_ids": lambda encoding: encoding.ids,
    "attention_mask": lambda encoding: encoding.attention_mask,
    "token_type_ids": lambda encoding: encoding.type_ids,
}
"""What a graph may ask for."""


def _tokens(encodings: Sequence[Encoding]) -> dict[str, Tokens]:
    return {name: np.array([field(each) for each in encodings], np.int64) for name, field in _FIELDS.items()}


def _mean(hidden: Matrix, mask: Tokens) -> Matrix:
    weights = mask[:, None, :].astype(np.float32)
    vectors: Matrix = (weights @ hidden)[:, 0] / np.maximum(weights.sum(axis=2), 1.0)
    return vectors


def _first(hidden: Matrix, mask: Tokens) -> Matrix:
    del mask
    vectors: Matrix = hidden[:, 0]
    return vectors


def _last(hidden: Matrix, mask: Tokens) -> Matrix:
    vectors: Matrix = hidden[np.arange(len(hidden)), mask.sum(axis=1) - 1]
    return vectors


_POOLED: dict[str, Callable[[Matrix, Tokens], Matrix]] = {"mean": _mean, "cls": _first, "last": _last}
"""Token vectors (n, t, d) and mask (n, t) to text vectors (n, d); the names are `catalogue.POOLINGS`."""
