"""The built-in model: a table of token vectors, summed and normalised (the form of model2vec)."""

import json
from collections.abc import Sequence
from functools import cached_property
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from instar.adapters.embedders.words import share_of_whole_words
from instar.domain.catalogue import STATIC
from instar.domain.models import ModelSpec
from instar.errors import ModelMissingError
from instar.ports import Embedded, EmbeddedQuery


def builtin_folder() -> Path:
    """Return where the model of this package lies."""
    return Path(str(files("instar") / "resources" / "static"))


class StaticEmbedder:
    """See `instar.ports.Embedder`. Raises `ModelMissingError` where a file is missing or does not fit the others."""

    def __init__(self, folder: Path, reference: str = STATIC, place: str = "") -> None:
        if not folder.is_dir():
            raise ModelMissingError(
                f"the static model in {folder} cannot be read: there is no such folder",
                "check the path; `instar model distill` makes a static model",
            )
        self._folder = folder
        try:
            facts = json.loads((folder / "model.json").read_text("utf-8"))
            self._spec = ModelSpec(
                provider=STATIC,
                name=facts["name"],
                revision=facts["revision"],
                dimensions=facts["dimensions"],
                precision="int8",
                pooling="mean",
                reference=reference,
                place=place,
            )
            self._rows: NDArray[np.int8] = np.load(folder / "vectors.npy", mmap_mode="r")
            self._scales: NDArray[np.float32] = np.load(folder / "scales.npy")
        except (OSError, ValueError, KeyError) as error:
            raise ModelMissingError(f"the static model in {folder} cannot be read ({error})", _again(folder)) from error
        if self._rows.shape != (self._scales.size, self._spec.dimensions):
            raise ModelMissingError(f"the files of the static model in {folder} do not fit each other", _again(folder))

    @property
    def spec(self) -> ModelSpec:
        """What identifies the model."""
        return self._spec

    @property
    def agreement(self) -> float:
        """Vectors of one text are the same to the last digit or so: a sum does not depend on other texts."""
        return 1.0 - 1e-6

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        return Tokenizer.from_file(str(self._folder / "tokenizer.json"))

    @cached_property
    def _table(self) -> NDArray[np.float32]:
        """All token vectors as float32: worth its 30 MB once documents are embedded, not for a question."""
        return self._rows.astype(np.float32) * self._scales[:, None]

    def embed_documents(self, texts: Sequence[str]) -> Embedded:
        """Return unit vectors (n, d); a text without any known token gets one that is near no question."""
        encoded = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        sums = np.zeros((len(encoded), self._spec.dimensions), np.float32)
        for row, encoding in zip(sums, encoded, strict=True):  # six times faster than one reduceat over all
            self._table[encoding.ids].sum(axis=0, out=row)
        # Brackets and blanks alone are no fault of the model: equal components are all but orthogonal to any topic.
        sums[~sums.any(axis=1)] = 1.0
        return Embedded(_normalised(sums))

    def embed_query(self, text: str) -> EmbeddedQuery:
        """Return the vector (d,) of a question, zero where it holds no known token."""
        tokenizer = self._tokenizer
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        if not ids:
            return EmbeddedQuery(np.zeros(self._spec.dimensions, np.float32))
        vector = _normalised(self._scales[ids] @ self._rows[ids].astype(np.float32))
        familiarity = share_of_whole_words(text, lambda word: tokenizer.encode(word, add_special_tokens=False).tokens)
        return EmbeddedQuery(vector, familiarity)


def _again(folder: Path) -> str:
    return "install Instar again" if folder == builtin_folder() else "make it again, or copy it whole"


def _normalised(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: NDArray[np.float32] = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return unit
