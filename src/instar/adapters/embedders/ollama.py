"""Models of an Ollama server (its protocol: docs/api.md in its repository)."""

import os
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import cached_property
from typing import Any

from instar.adapters.embedders.batches import as_matrix, divided, sendable, shortened
from instar.adapters.embedders.gguf_header import POOLINGS
from instar.adapters.embedders.http import FACTS_SECONDS, JsonServer, Patience, unsound
from instar.domain.catalogue import ModelEntry
from instar.domain.models import EncoderFacts
from instar.errors import ModelMissingError
from instar.ports import Embedded, Matrix

DEFAULT_PORT = "11434"
START = "start it with `ollama serve`, or give another address as base_url or OLLAMA_HOST"
BATCH = 16
"""The server reads texts one by one: more at once would save nothing, and lose more when it is interrupted."""
AGREEMENT = 0.999
"""Its kernels sum in another order for another number of tokens, in float16 on a GPU."""
KEEP_ALIVE = "keep_alive"
"""The one option that is the request's own; all others are the model's (`num_ctx`, `num_gpu`, …)."""


class OllamaEncoder:
    """See `instar.ports.Encoder`. The revision is the digest of what is pulled under the name."""

    def __init__(self, entry: ModelEntry, patience: Patience | None = None) -> None:
        self._name = entry.source or entry.name
        self._options = {key: value for key, value in entry.options.items() if key != KEEP_ALIVE}
        self._request: dict[str, object] = {"model": self._name, "options": self._options}
        if KEEP_ALIVE in entry.options:
            self._request[KEEP_ALIVE] = entry.options[KEEP_ALIVE]
        url = entry.base_url or host_url(os.environ.get("OLLAMA_HOST", ""))
        self._server = JsonServer(url, START, patience or Patience())

    @cached_property
    def facts(self) -> EncoderFacts:
        """What the server says of the model; the window is the least of its own and of `num_ctx`."""
        digest = self._digest()
        shown = self._server.ask("/api/show", {"model": self._name}, FACTS_SECONDS)
        details, info = _table(shown, "details"), _table(shown, "model_info")
        kind = info.get("general.architecture", "")
        return EncoderFacts(
            provider="ollama",
            name=self._name.removesuffix(":latest"),
            revision=digest,
            dimensions=self._dimensions(info.get(f"{kind}.embedding_length")),
            precision=str(details.get("quantization_level", "")).lower(),
            pooling=POOLINGS.get(info.get(f"{kind}.pooling_type", -1), ""),
            context_tokens=self._window(info.get(f"{kind}.context_length"), shown.get("parameters")),
            base=str(details.get("parent_model") or ""),
        )

    @property
    def batch(self) -> int:
        """Texts to hand over at once."""
        return BATCH

    @property
    def agreement(self) -> float:
        """The least cosine between vectors of one text, alone or among others."""
        return AGREEMENT

    def encode(self, texts: Sequence[str]) -> Embedded:
        """Return (n, d). The server is asked to refuse what is too long, so that no text is cut unseen."""
        width = self.facts.dimensions
        return divided([sendable(text) for text in texts], self._whole, lambda text: self._cut(text, width), width)

    def familiarity(self, text: str) -> float:
        """1.0: a server does not show its vocabulary."""
        del text
        return 1.0

    def close(self) -> None:
        """Close the connection; how long the server keeps the model is up to `keep_alive`."""
        self._server.close()

    def _whole(self, texts: Sequence[str]) -> Matrix:
        return self._embed(texts, truncate=False)

    def _cut(self, text: str, width: int) -> Embedded:
        """Let the server cut; from 0.13.5 on some versions refuse that too, then it is done here."""
        return shortened(text, lambda texts: self._embed(texts, truncate=True), width)

    def _embed(self, texts: Sequence[str], *, truncate: bool) -> Matrix:
        body = {**self._request, "input": list(texts), "truncate": truncate}
        answer = self._server.ask("/api/embed", body)
        return as_matrix(answer.get("embeddings"), len(texts), f"{self._server.url}/api/embed")

    def _digest(self) -> str:
        pulled = self._pulled()
        wanted = _with_tag(self._name)
        digest = next((pulled[name] for name in pulled if _with_tag(name) == wanted), "")
        if not digest:
            near = get_close_matches(self._name, pulled, n=3, cutoff=0.5)
            raise ModelMissingError(
                f"{self._name} is not pulled at {self._server.url}" + (f"; {', '.join(near)} is" if near else ""),
                f"ollama pull {self._name}",
            )
        return digest

    def _pulled(self) -> Mapping[str, str]:
        """Return the digests of the models that are there, by name."""
        answer = self._server.ask("/api/tags", seconds=FACTS_SECONDS)
        try:
            return {model["name"]: model["digest"] for model in answer["models"]}
        except (KeyError, TypeError) as error:
            raise unsound(f"{self._server.url}/api/tags", "no list of models") from error

    def _dimensions(self, told: object) -> int:
        return told if isinstance(told, int) else self._whole(["dimensions"]).shape[1]

    def _window(self, told: object, parameters: object) -> int | None:
        """Return the tokens of a text that are read, None where nothing is said."""
        lines = [line.split() for line in str(parameters).splitlines()]
        set_there = next((line[1] for line in lines if len(line) == 2 and line[0] == "num_ctx"), None)
        known = [str(told), str(self._options.get("num_ctx", set_there))]
        return min((int(tokens) for tokens in known if tokens.isdecimal()), default=None)


def host_url(host: str) -> str:
    """Return the address that OLLAMA_HOST means, as the server itself reads it: scheme and port may be left out.

    A server that listens everywhere (0.0.0.0) is asked here.
    """
    scheme, told, rest = host.strip().rpartition("://")
    scheme = scheme or "http"
    port = {"http": "80", "https": "443"}.get(scheme, DEFAULT_PORT) if told else DEFAULT_PORT
    place, _, path = rest.partition("/")
    name, colon, number = place.rpartition(":")
    if not colon or not number.isdecimal():
        name, number = place, port
    name = "127.0.0.1" if name in ("", "0.0.0.0", "[::]", "::") else name  # noqa: S104 - it is not bound, it is asked
    return f"{scheme}://{name}:{number}/{path}".rstrip("/")


def _table(answer: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = answer.get(key)
    return value if isinstance(value, dict) else {}


def _with_tag(name: str) -> str:
    """Return the name with the tag that is meant where none is given; they are compared without regard to case."""
    last = name.rpartition("/")[2]
    return (name if ":" in last else f"{name}:latest").lower()
