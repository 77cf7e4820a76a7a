"""Models of a server that speaks OpenAI's protocol (API reference, "Create embeddings": `POST /embeddings`)."""

import base64
import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from instar.adapters.embedders.batches import as_matrix, divided, joined, sendable, shortened
from instar.adapters.embedders.http import JsonServer, Patience, RefusedError, TextsRefusedError, unsound
from instar.domain.catalogue import ModelEntry
from instar.domain.models import EncoderFacts
from instar.errors import ModelMissingError
from instar.ports import Embedded, Matrix, Vector

OPENAI_URL = "https://api.openai.com/v1"
OPENAI_KEY = "OPENAI_API_KEY"
KEY_OPTION = "api_key_env"
START = "see that it runs and that base_url is its address"
BATCH = 128
"""A question to the hosted service takes about as long for one text; it takes up to 2,048."""
BATCH_ELSEWHERE = 32
"""What text-embeddings-inference takes by default, the least of the common servers."""
TOKENS_A_REQUEST = 300_000
"""OpenAI's limit over all texts of a request."""
AGREEMENT = 0.999
"""The service gives a text slightly other vectors from one question to the next."""
SHORTENS = "text-embedding-3"
"""Names that begin so take `dimensions`; other models refuse it, or ignore it."""


class OpenAIEncoder:
    """See `instar.ports.Encoder`.

    A server of this kind tells no digest: the revision is the model's name. One that is exchanged under its name is
    found out by comparing vectors only.
    """

    def __init__(self, entry: ModelEntry, patience: Patience | None = None) -> None:
        self._entry = entry
        self._name = entry.source or entry.name
        self._server = JsonServer(entry.base_url or OPENAI_URL, START, patience or Patience(), _key(entry))
        self._shortens = entry.truncation is not None and self._name.startswith(SHORTENS)
        self._base64 = True

    @cached_property
    def facts(self) -> EncoderFacts:
        """What is known of the model: its dimensions by the catalogue, else by embedding one word."""
        return EncoderFacts(
            provider="openai",
            name=self._name,
            revision=self._name,
            dimensions=self._entry.dimensions or self._asked(["dimensions"], {}).shape[1],
            precision="",
            pooling="",
            context_tokens=self._entry.context_tokens,
        )

    @property
    def batch(self) -> int:
        """Texts to hand over at once."""
        return BATCH_ELSEWHERE if self._entry.base_url else BATCH

    @property
    def agreement(self) -> float:
        """The least cosine between vectors of one text, alone or among others."""
        return AGREEMENT

    def encode(self, texts: Sequence[str]) -> Embedded:
        """Return (n, d), where the server truncates (n, truncation). A text it refuses as too long is halved."""
        groups = _groups([sendable(text) for text in texts])
        return joined([divided(group, self._ask, self._halved, self._width) for group in groups])

    def familiarity(self, text: str) -> float:
        """1.0: a server does not show its vocabulary."""
        del text
        return 1.0

    def close(self) -> None:
        """Close the connection."""
        self._server.close()

    @property
    def _width(self) -> int:
        return self._entry.truncation if self._shortens and self._entry.truncation else self.facts.dimensions

    def _ask(self, texts: Sequence[str]) -> Matrix:
        return self._asked(texts, {"dimensions": self._width} if self._shortens else {})

    def _halved(self, text: str) -> Embedded:
        return shortened(text[: len(text) // 2], self._ask, self._width)

    def _asked(self, texts: Sequence[str], more: dict[str, object]) -> Matrix:
        body = {"model": self._name, "input": list(texts), **more}
        if self._base64:
            try:
                return self._read(self._server.ask("/embeddings", {**body, "encoding_format": "base64"}), len(texts))
            except RefusedError as refusal:
                if isinstance(refusal, TextsRefusedError) or not _about_encoding(refusal):
                    raise
                self._base64 = False  # numbers, then, as long as this server is asked
        return self._read(self._server.ask("/embeddings", body), len(texts))

    def _read(self, answer: dict[str, Any], count: int) -> Matrix:
        where = f"{self._server.url}/embeddings"
        try:
            rows = {int(item["index"]): _row(item["embedding"]) for item in answer["data"]}
        except (KeyError, TypeError, ValueError) as error:
            raise unsound(where, "no list of vectors") from error
        if len(answer["data"]) != count or rows.keys() != set(range(count)):
            raise unsound(where, f"{len(answer['data'])} vectors for {count} texts")
        return as_matrix([rows[i] for i in range(count)], count, where)


def _key(entry: ModelEntry) -> str:
    """Return the key; that for OpenAI is sent to no other server unless the entry names it."""
    name = str(entry.options.get(KEY_OPTION, "" if entry.base_url else OPENAI_KEY))
    key = os.environ.get(name, "").strip()
    if name and not key:
        raise ModelMissingError(f"{entry.name} needs a key, and {name} is not set", f"export {name}=…")
    if not (key.isascii() and key.isprintable()):
        raise ModelMissingError(f"{name} holds characters that no key has", f"export {name} again")
    return key


def _about_encoding(refusal: RefusedError) -> bool:
    return any(word in refusal.message.lower() for word in ("encoding_format", "encoding format", "base64"))


def _row(embedding: object) -> Vector | list[object]:
    """Return one vector, sent as little-endian float32 in base64 or as numbers."""
    if isinstance(embedding, str):
        return np.frombuffer(base64.b64decode(embedding, validate=True), "<f4")
    if not isinstance(embedding, list):
        raise TypeError("a vector is a list of numbers")
    return embedding


def _groups(texts: Sequence[str]) -> Iterator[list[str]]:
    """Yield texts in order, as many as one request may hold: no text has more tokens than bytes."""
    group: list[str] = []
    room = TOKENS_A_REQUEST
    for text in texts:
        size = len(text.encode())
        if group and size > room:
            yield group
            group, room = [], TOKENS_A_REQUEST
        group.append(text)
        room -= size
    if group:
        yield group
