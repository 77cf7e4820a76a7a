"""Is the ONNX model the model it was made from, and what does int8 cost? Vectors alone, every document compared.

    python models/minilm/export.py ~/bench/fp32 --precision fp32
    INSTAR_TEST_DATA=… python benchmarks/minilm.py onnx:$HOME/bench/fp32 onnx:models/minilm/instar_minilm \
        --cache ~/bench/vectors [--sets scifact nfcorpus cosqa] [--torch FOLDER]

nDCG@10 of each model, and how many of its ten best documents are those of the first one. A document is its title and
its text. `--torch` is a folder of sentence-transformers: its vectors of 500 texts are compared with each model's.
Vectors are kept in `--cache`, so that what was interrupted goes on.
"""

import argparse
import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import ir_measures
import measuring
import numpy as np
from beir import read_lines, read_qrels
from ir_measures import nDCG

from instar.domain.models import StorageFormat, document_fingerprint
from instar.ports import Embedder
from instar.settings import Settings
from instar.wiring.models import Models

SETS = ("scifact", "nfcorpus", "cosqa")
BLOCK = 256  # documents in one file of the cache
DEPTH = 10
COMPARED = 500
NOBODY = Path("/nonexistent")  # no user's additions to the catalogue


def passage(document: dict) -> str:
    return " ".join(filter(None, [document.get("title", ""), document["text"]]))


def vectors(model: Embedder, texts: list[str], cache: Path) -> np.ndarray:
    """Return unit vectors (n, d), those of the cache and the others, which go there."""
    folder = cache / document_fingerprint(model.spec, StorageFormat.FLOAT32)
    folder.mkdir(parents=True, exist_ok=True)
    return np.vstack([block(model, texts[i : i + BLOCK], folder) for i in range(0, len(texts), BLOCK)])


def block(model: Embedder, texts: list[str], folder: Path) -> np.ndarray:
    path = folder / f"{digest(texts)}.npy"
    if not path.exists():
        start = time.perf_counter()
        found = model.embed_documents(texts)
        print(f"  {len(texts) / (time.perf_counter() - start):.1f}/s, {len(found.cut)} cut", flush=True)
        np.save(path, found.vectors)
    return np.load(path)


def digest(texts: list[str]) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:32]


def judged(folder: Path) -> tuple[list[ir_measures.Qrel], list[dict]]:
    qrels = read_qrels(folder / "qrels" / "test.tsv")
    asked = {qrel.query_id for qrel in qrels}
    return qrels, [query for query in read_lines(folder / "queries.jsonl") if query["_id"] in asked]


def best(model: Embedder, folder: Path, queries: list[dict], cache: Path) -> Iterator[list[tuple[str, float]]]:
    """Yield the ten nearest (document, cosine) of each question."""
    documents = read_lines(folder / "corpus.jsonl")
    matrix = vectors(model, [passage(document) for document in documents], cache)
    for query in queries:
        scores = matrix @ model.embed_query(query["text"]).vector
        nearest = np.argsort(-scores, kind="stable")[:DEPTH]
        yield [(documents[i]["_id"], float(scores[i])) for i in nearest]


def quality(models: dict[str, Embedder], folder: Path, cache: Path) -> None:
    qrels, queries = judged(folder)
    first: list[set[str]] = []
    for name, model in models.items():
        ranked = list(best(model, folder, queries, cache))
        scored = [
            ir_measures.ScoredDoc(query["_id"], document, score)
            for query, hits in zip(queries, ranked, strict=True)
            for document, score in hits
        ]
        figure = ir_measures.calc_aggregate([nDCG @ DEPTH], qrels, scored)[nDCG @ DEPTH]
        found = [{document for document, _ in hits} for hits in ranked]
        first = first or found
        shared = np.mean([len(a & b) / DEPTH for a, b in zip(first, found, strict=True)])
        print(f"{folder.name:10}{name:50}nDCG@10 {figure:.4f}  of the first's ten {shared:.3f}", flush=True)


def agreement(models: dict[str, Embedder], original: Path, texts: list[str], cache: Path) -> None:
    from sentence_transformers import SentenceTransformer

    wanted = SentenceTransformer(str(original), device="cpu").encode(texts, normalize_embeddings=True)
    for name, model in models.items():
        cosines = (vectors(model, texts, cache) * wanted).sum(axis=1)
        print(f"{name:60}cosine to torch: mean {cosines.mean():.6f}, least {cosines.min():.6f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--sets", nargs="*", default=SETS)
    parser.add_argument("--torch", type=Path)
    parser.add_argument("--core", type=int, default=0)
    arguments = parser.parse_args()
    measuring.one_core(arguments.core)
    data = Path(os.environ["INSTAR_TEST_DATA"])
    models = {reference: Models(NOBODY, Settings(cache_megabytes=0)).named(reference) for reference in arguments.models}
    if arguments.torch is not None:
        half = COMPARED // 2
        texts = [passage(d) for name in ("scifact", "cosqa") for d in read_lines(data / name / "corpus.jsonl")[:half]]
        agreement(models, arguments.torch, texts, arguments.cache)
    for name in arguments.sets:
        quality(models, data / name, arguments.cache)


if __name__ == "__main__":
    main()
