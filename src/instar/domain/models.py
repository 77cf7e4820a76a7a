"""What identifies an embedding model, and what decides a stored vector."""

import hashlib
import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class StorageFormat(StrEnum):
    """How a generation stores a vector."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    INT8 = "int8"
    BINARY = "binary"


class VocabularyKind(StrEnum):
    """Whose words a distilled model knows: those of the built-in model, or those of the corpus as well."""

    STATIC = "static"
    CORPUS = "corpus"


@dataclass(frozen=True, slots=True)
class EncoderFacts:
    """What a provider knows of a model of its own accord, without its prompts.

    `revision` is a digest or version that changes whenever the weights do. `precision` is that of the weights.
    `context_tokens` is None where the model has no limit. `runtime` names the library and its version only where that
    is known to change results. `base` is the model it was derived from under a name of the user's own, "" for none.
    What a server does not tell is "".
    """

    provider: str
    name: str
    revision: str
    dimensions: int
    precision: str
    pooling: str
    context_tokens: int | None = None
    runtime: str = ""
    base: str = ""


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model and how it is asked.

    `revision`, `precision`, `context_tokens` and `runtime` are those of `EncoderFacts`. `truncation` is the Matryoshka
    dimension kept, None for all of `dimensions`; `centred`: after their mean was taken off. `reference` is the name
    under which the user asked for it, by which it is found again, and `place` where that name led to; they identify
    nothing.
    """

    provider: str
    name: str
    revision: str
    dimensions: int
    precision: str
    pooling: str
    normalised: bool = True
    query_prompt: str = ""
    document_prompt: str = ""
    context_tokens: int | None = None
    truncation: int | None = None
    centred: bool = False
    runtime: str = ""
    reference: str = ""
    place: str = ""

    @property
    def stored_dimensions(self) -> int:
        """Length of a stored vector."""
        return self.truncation or self.dimensions

    @property
    def called(self) -> str:
        """The name under which the user knows it; its own where none was noted."""
        return self.reference or self.name


# What belongs to the query side can change without embedding anything again, so it is no part of the fingerprint.
_QUERY_SIDE = frozenset({"query_prompt"})
_NO_IDENTITY = frozenset({"reference", "place"})
_WHERE_SAID = ("context_tokens", "runtime", "centred")
"""Part of the fingerprint only where something is said: fingerprints without them are stored. Of a text that is longer
than the context, the vector depends on where it was cut."""


def document_fingerprint(spec: ModelSpec, storage: StorageFormat) -> str:
    """Hash (32 hexadecimal digits) of everything that decides a stored vector; two vectors meet only under one."""
    facts = _without(spec, _QUERY_SIDE | _NO_IDENTITY)
    for name in _WHERE_SAID:
        if not facts[name]:
            del facts[name]
    facts["storage"] = storage.value
    return _hash(facts)


def document_side(spec: ModelSpec) -> str:
    """Hash (32 hexadecimal digits) of all that decides the vector of a text before it is stored."""
    return _hash(_without(spec, _QUERY_SIDE | _NO_IDENTITY))


def query_side(spec: ModelSpec) -> str:
    """Hash (32 hexadecimal digits) of all that decides the vector of a question, what it is compared with included."""
    return _hash(_without(spec, _NO_IDENTITY))


def _without(spec: ModelSpec, names: frozenset[str]) -> dict[str, Any]:
    return {key: value for key, value in asdict(spec).items() if key not in names}


def _hash(facts: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]
