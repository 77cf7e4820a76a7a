"""What identifies an embedding model, and what decides a stored vector."""

import hashlib
import json
from dataclasses import asdict, dataclass
from enum import StrEnum


class StorageFormat(StrEnum):
    """How a generation stores a vector."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    INT8 = "int8"


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model and how it is asked.

    `revision` is a digest or version that changes whenever the weights do. `precision` is that of the weights.
    `truncation` is the Matryoshka dimension kept, None for all of `dimensions`. `context_tokens` is None where the
    model has no limit (a static one).
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

    @property
    def stored_dimensions(self) -> int:
        """Length of a stored vector."""
        return self.truncation or self.dimensions


# What belongs to the query side can change without embedding anything again, so it is no part of the fingerprint.
_QUERY_SIDE = frozenset({"query_prompt", "context_tokens"})


def document_fingerprint(spec: ModelSpec, storage: StorageFormat) -> str:
    """Hash (32 hexadecimal digits) of everything that decides a stored vector; two vectors meet only under one."""
    facts = {key: value for key, value in asdict(spec).items() if key not in _QUERY_SIDE}
    facts["storage"] = storage.value
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]
