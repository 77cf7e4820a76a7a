"""What the core needs from the outside, in domain types. Each protocol has its adapters and one contract suite."""

from instar.ports.arrays import Ids, Matrix, Vector
from instar.ports.corpus import CorpusSnapshot, CorpusWriter, MigrationWriter, Store
from instar.ports.indexes import LexicalIndex, VectorIndex
from instar.ports.models import Embedded, EmbeddedQuery, Embedder, Encoder, KeptVector, VectorCache, Verifiable
from instar.ports.progress import Progress, SilentProgress
from instar.ports.sources import OpenTranscript, SessionSource, Source

__all__ = [
    "CorpusSnapshot",
    "CorpusWriter",
    "Embedded",
    "EmbeddedQuery",
    "Embedder",
    "Encoder",
    "Ids",
    "KeptVector",
    "LexicalIndex",
    "Matrix",
    "MigrationWriter",
    "OpenTranscript",
    "Progress",
    "SessionSource",
    "SilentProgress",
    "Source",
    "Store",
    "Vector",
    "VectorCache",
    "VectorIndex",
    "Verifiable",
]
