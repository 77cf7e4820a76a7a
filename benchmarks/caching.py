"""What the cache of document vectors costs and gives, and what float16 would do to them.

    python benchmarks/caching.py --corpus BEIR_FOLDER [--vectors FILE.npy] [--core 0]

Vectors are those of the built-in model, or of FILE.npy (float32, a row a document of the folder).
"""

import argparse
import hashlib
import json
import tempfile
import time
from pathlib import Path

import numpy as np
from measuring import one_core

from instar.adapters.caches.vectors import FILE_NAME, SqliteVectorCache
from instar.adapters.embedders.static import StaticEmbedder, builtin_folder
from instar.domain.vectors import quantise
from instar.embedding.pace import MOST_TEXTS
from instar.ports import KeptVector

ROOM = 10**9
MODEL = "0" * 32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--vectors", type=Path)
    parser.add_argument("--core", type=int, default=0)
    arguments = parser.parse_args()
    one_core(arguments.core)
    lines = (arguments.corpus / "corpus.jsonl").read_text("utf-8").splitlines()
    texts = [document.get("title", "") + "\n\n" + document["text"] for document in map(json.loads, lines)]
    texts = list(dict.fromkeys(texts))
    model = StaticEmbedder(builtin_folder())
    model.embed_documents(texts[:MOST_TEXTS])
    start = time.process_time()
    vectors = np.concatenate([model.embed_documents(batch).vectors for batch in batches(texts)])
    print(f"built-in model: {len(texts) / (time.process_time() - start):,.0f} texts/s")
    if arguments.vectors:
        vectors = np.load(arguments.vectors)[: len(texts)].astype(np.float32)
    measure_cache(texts, vectors)
    measure_float16(vectors)


def batches(items: list) -> list[list]:
    return [items[i : i + MOST_TEXTS] for i in range(0, len(items), MOST_TEXTS)]


def measure_cache(texts: list[str], vectors: np.ndarray) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        cache = SqliteVectorCache(Path(scratch), ROOM)
        start = time.process_time()
        for batch in batches(list(zip(texts, vectors, strict=True))):
            cache.keep(MODEL, {digest(text): KeptVector(vector, cut=False) for text, vector in batch})
        kept = time.process_time()
        for batch in batches(texts):
            assert len(cache.find(MODEL, [digest(text) for text in batch])) == len(batch)
        found = time.process_time()
        size = (Path(scratch) / FILE_NAME).stat().st_size
    print(f"kept {len(texts) / (kept - start):,.0f}/s, found {len(texts) / (found - kept):,.0f}/s")
    print(f"{size / len(texts):,.0f} bytes a vector of {vectors.shape[1]} dimensions")


def digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def measure_float16(vectors: np.ndarray) -> None:
    halved = vectors.astype(np.float16).astype(np.float32)
    cosines = (vectors * halved).sum(axis=1) / np.linalg.norm(halved, axis=1) / np.linalg.norm(vectors, axis=1)
    changed = quantise(vectors)[0] != quantise(halved)[0]
    print(f"float16: least cosine {cosines.min():.8f}; int8 codes differ", end=" ")
    print(f"in {changed.any(axis=1).mean():.1%} of the vectors, {changed.mean():.2%} of the components")


if __name__ == "__main__":
    main()
