"""Measure a token table as a retriever: docstring questions, CoSQA, repository questions, speed, 1-bit recall."""

import argparse
import json
import math
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

SEED = 11
POOL, QUERIES = 6_000, 1_500
DEPTH = 100  # hits that fusion reads from each arm
RRF_K = 60  # Cormack et al. 2009
K1, B = 1.2, 0.75
WINDOW = 40  # lines a chunk
CANDIDATES = 1_000  # rows that the 1-bit scan hands to rescoring
STOP_WORDS = """a an and are as at be by does for from get given how if in into is it its none not of on or return
returns self set that the this to use used using what when where which with"""
STOP = frozenset(STOP_WORDS.split())
SUFFIX = re.compile(r"(?:ations?|ings?|ions?|ers?|ors?|ed|es|s|e|ly|able|al)$")


class Static:
    """The static model: the normalised sum of scaled token rows."""

    def __init__(self, folder: Path) -> None:
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        if (folder / "vectors.npy").exists():
            vectors, scales = np.load(folder / "vectors.npy"), np.load(folder / "scales.npy")
            self._table = vectors.astype(np.float32) * scales[:, None]
        else:
            self._table = np.load(folder / "table.npy")

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Return float32 unit vectors (texts, dimensions); zero for a text without known tokens."""
        out = np.zeros((len(texts), self._table.shape[1]), dtype=np.float32)
        for i, encoding in enumerate(self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)):
            if encoding.ids:
                out[i] = self._table[encoding.ids].sum(axis=0)
        return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-12)


def words(text: str) -> list[str]:
    """Split text into lower-case words, identifiers at case and digits."""
    return [w.lower() for w in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", text)]


class Bm25:
    """Okapi BM25 over identifier words."""

    def __init__(self, texts: Sequence[str]) -> None:
        bags = [Counter(words(text)) for text in texts]
        lengths = np.array([sum(bag.values()) for bag in bags], dtype=np.float64)
        average = lengths.mean()
        postings: dict[str, list[tuple[int, int]]] = {}
        for i, bag in enumerate(bags):
            for word, count in bag.items():
                postings.setdefault(word, []).append((i, count))
        self._size = len(texts)
        self._postings = {}
        for word, rows in postings.items():
            at, counts = np.array([r[0] for r in rows]), np.array([r[1] for r in rows], dtype=np.float64)
            idf = math.log(1 + (self._size - len(rows) + 0.5) / (len(rows) + 0.5))
            norm = K1 * (1 - B + B * lengths[at] / average)
            self._postings[word] = (at, idf * counts * (K1 + 1) / (counts + norm))

    def scores(self, query: str) -> np.ndarray:
        """Return the score of every text for a query, float64 (texts,)."""
        out = np.zeros(self._size)
        for word in set(words(query)):
            if word in self._postings:
                at, value = self._postings[word]
                out[at] += value
        return out


def ranked(scores: np.ndarray, depth: int = DEPTH) -> np.ndarray:
    """Return the rows with the best positive scores, best first, ties by row."""
    order = np.argsort(-scores, kind="stable")[:depth]
    return order[scores[order] > 0]


def fused(*arms: np.ndarray) -> np.ndarray:
    """Fuse rankings by reciprocal rank, equal weights."""
    total: Counter[int] = Counter()
    for arm in arms:
        for rank, row in enumerate(arm.tolist(), 1):
            total[row] += 1 / (RRF_K + rank)
    return np.array([row for row, _ in sorted(total.items(), key=lambda item: (-item[1], item[0]))], dtype=int)


def ndcg(ranks: Sequence[int], targets: int) -> float:
    """Return binary nDCG@10 from the 1-based ranks of the targets found."""
    gain = sum(1 / math.log2(1 + rank) for rank in set(ranks) if rank <= 10)
    return gain / sum(1 / math.log2(1 + rank) for rank in range(1, min(targets, 10) + 1))


Arms = dict[str, Callable[[int], np.ndarray]]


def arms(model: Static, texts: Sequence[str], queries: Sequence[str]) -> Arms:
    """Return the three rankings of query number i: vectors, BM25, and both fused."""
    matrix, asked, lexical = model.encode(texts), model.encode(queries), Bm25(texts)
    return {
        "vectors": lambda i: ranked(matrix @ asked[i]),
        "bm25": lambda i: ranked(lexical.scores(queries[i])),
        "rrf": lambda i: fused(ranked(matrix @ asked[i]), ranked(lexical.scores(queries[i]))),
    }


def single_target(rankings: Arms, wanted: Sequence[int]) -> dict[str, float]:
    """Return the mean nDCG@10 of each arm where every query has one right row."""
    out = {}
    for name, ranking in rankings.items():
        found = [np.flatnonzero(ranking(i)[:10] == row) + 1 for i, row in enumerate(wanted)]
        out[name] = round(float(np.mean([ndcg(f.tolist(), 1) for f in found])), 4)
    return out


def stems(text: str) -> set[str]:
    """Return crude stems of the words that carry meaning."""
    return {SUFFIX.sub("", w) or w for w in words(text) if len(w) > 2 and w not in STOP}


def docstrings(model: Static, path: Path) -> dict[str, dict[str, float]]:
    """Score held-out docstring questions, and apart those that share no stem with their code."""
    pairs = [json.loads(line) for line in path.open(encoding="utf-8")]
    pairs = [p for p in pairs if p["language"] == "python"]
    picked = np.random.default_rng(SEED).permutation(len(pairs))[:POOL]
    pool = [pairs[i] for i in picked]
    codes = [p["code"] for p in pool]
    apart = [i for i, p in enumerate(pool) if len(stems(p["query"])) > 1 and not stems(p["query"]) & stems(p["code"])]
    out = {}
    for name, rows in (("docstrings", list(range(QUERIES))), ("no shared stem", apart)):
        out[name] = single_target(arms(model, codes, [pool[i]["query"] for i in rows]), rows) | {"queries": len(rows)}
    return out


def cosqa(model: Static, folder: Path, split: str) -> dict[str, float]:
    """Score CoSQA's questions over its pool, whose functions keep their docstrings."""
    corpus = [json.loads(line) for line in (folder / "corpus.jsonl").open(encoding="utf-8")]
    texts = {q["_id"]: q["text"] for q in map(json.loads, (folder / "queries.jsonl").open(encoding="utf-8"))}
    row = {doc["_id"]: i for i, doc in enumerate(corpus)}
    judged = [line.split("\t")[:2] for line in (folder / "qrels" / f"{split}.tsv").read_text().splitlines()[1:]]
    rankings = arms(model, [doc["text"] for doc in corpus], [texts[query] for query, _ in judged])
    return single_target(rankings, [row[doc] for _, doc in judged])


@dataclass(frozen=True, slots=True)
class Chunk:
    """A window of lines, 1-based and inclusive."""

    path: str
    start: int
    end: int
    text: str


def windows(folder: Path) -> list[Chunk]:
    """Cut every text file below a folder into windows of 40 lines."""
    out = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        try:
            lines = path.read_text("utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        for at in range(0, len(lines), WINDOW):
            text = "\n".join(lines[at : at + WINDOW])
            if text.strip():
                out.append(Chunk(path.as_posix(), at + 1, min(at + WINDOW, len(lines)), text))
    return out


def hit(chunk: Chunk, target: dict) -> bool:
    """Whether a chunk is what a target names: its path ends with the target's, and the lines overlap."""
    if not chunk.path.endswith("/" + target["path"]):
        return False
    return "start_line" not in target or (chunk.start <= target["end_line"] and target["start_line"] <= chunk.end)


def repository(model: Static, questions: dict, folder: Path) -> dict[str, float]:
    """Score the questions about one repository over its windows."""
    chunks = windows(folder / questions["name"] / questions["root"])
    queries = questions["queries"]
    out = {}
    for name, ranking in arms(model, [c.text for c in chunks], [q["query"] for q in queries]).items():
        figures = []
        for i, query in enumerate(queries):
            order = [chunks[row] for row in ranking(i)[:10].tolist()]
            ranks = [next((r for r, c in enumerate(order, 1) if hit(c, t)), 99) for t in query["relevant"]]
            figures.append(ndcg(ranks, len(query["relevant"])))
        out[name] = round(float(np.mean(figures)), 4)
    return out


def speed(folder: Path, texts: Sequence[str]) -> dict[str, float]:
    """Return texts a second, the median query time (ms), the load time in a fresh process (ms) and bytes."""
    model = Static(folder)
    long = ["\n".join(texts[i : i + WINDOW])[:1000] for i in range(0, 3_000 * WINDOW, WINDOW)]
    rates, waits = [], []
    for _ in range(3):
        began = time.perf_counter()
        for at in range(0, len(long), 256):
            model.encode(long[at : at + 256])
        rates.append(len(long) / (time.perf_counter() - began))
    for _ in range(200):
        began = time.perf_counter()
        model.encode(["where is the retry delay decided"])
        waits.append(time.perf_counter() - began)
    load = (
        "import time,sys,numpy;from tokenizers import Tokenizer;b=time.perf_counter();"
        "Tokenizer.from_file(sys.argv[1]+'/tokenizer.json');numpy.load(sys.argv[1]+'/vectors.npy',mmap_mode='r');"
        "numpy.load(sys.argv[1]+'/scales.npy',mmap_mode='r');print(time.perf_counter()-b)"
    )
    loads = [float(subprocess.check_output([sys.executable, "-c", load, str(folder)])) for _ in range(5)]
    return {
        "texts_per_s": round(max(rates)),
        "characters": round(float(np.mean([len(t) for t in long]))),
        "query_ms": round(float(np.median(waits)) * 1e3, 3),
        "load_ms": round(min(loads) * 1e3, 1),
        "bytes": sum(p.stat().st_size for p in folder.iterdir() if p.is_file()),
    }


def one_bit(model: Static, texts: Sequence[str], queries: Sequence[str]) -> dict[str, float]:
    """Return recall@10 of sign codes (Hamming) rescored from int8 with a scale per vector, against float32."""
    matrix, asked = model.encode(texts), model.encode(queries)
    codes, wanted = np.packbits(matrix > 0, axis=1), np.packbits(asked > 0, axis=1)
    scale = np.abs(matrix).max(axis=1) / 127 + 1e-12
    int8 = np.rint(matrix / scale[:, None]).astype(np.int8)
    found = 0.0
    for vector, code in zip(asked, wanted, strict=True):
        exact = set(np.argsort(-(matrix @ vector), kind="stable")[:10].tolist())
        distance = np.bitwise_count(codes ^ code).sum(axis=1, dtype=np.int32)
        near = np.argpartition(distance, CANDIDATES)[:CANDIDATES]
        rescored = near[np.argsort(-((int8[near].astype(np.float32) @ vector) * scale[near]), kind="stable")[:10]]
        found += len(exact & set(rescored.tolist())) / 10
    return {"recall@10": round(found / len(asked), 4), "rows": len(texts)}


def main() -> None:
    """Print one JSON object a line for each data set whose folder is given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="folder with tokenizer.json and vectors.npy, or table.npy")
    parser.add_argument("--held-out", type=Path, help="held-out.jsonl of mine.py")
    parser.add_argument("--cosqa", type=Path)
    parser.add_argument("--cosqa-split", nargs="*", default=["dev"])
    parser.add_argument("--questions", type=Path, help="folder of <repository>.json")
    parser.add_argument("--repositories", type=Path, help="folder with one checkout a repository")
    parser.add_argument("--names", nargs="*", default=["requests", "chi", "sinatra", "xmonad"])
    parser.add_argument("--speed", action="store_true", help="needs --held-out")
    parser.add_argument("--one-bit", type=Path, help="pairs whose code is the corpus")
    options = parser.parse_args()
    model = Static(options.model)
    if options.held_out:
        for name, figures in docstrings(model, options.held_out).items():
            print(json.dumps({name: figures}), flush=True)
    for split in options.cosqa_split if options.cosqa else []:
        print(json.dumps({f"cosqa {split}": cosqa(model, options.cosqa, split)}), flush=True)
    if options.questions and options.repositories:
        rows = {}
        for name in options.names:
            questions = json.loads((options.questions / f"{name}.json").read_text("utf-8"))
            rows[name] = repository(model, questions, options.repositories)
            print(json.dumps({name: rows[name]}), flush=True)
        mean = {arm: round(float(np.mean([r[arm] for r in rows.values()])), 4) for arm in ("vectors", "bm25", "rrf")}
        print(json.dumps({"mean": mean}))
    if options.speed:
        lines = [line for row in options.held_out.open() for line in json.loads(row)["code"].splitlines()]
        print(json.dumps({"speed": speed(options.model, lines)}))
    if options.one_bit:
        pairs = [json.loads(line) for line in options.one_bit.open(encoding="utf-8")]
        picked = np.random.default_rng(SEED).permutation(len(pairs))
        texts, asked = [pairs[i]["code"] for i in picked[:100_000]], [pairs[i]["query"] for i in picked[-300:]]
        print(json.dumps({"one bit": one_bit(model, texts, asked)}))


if __name__ == "__main__":
    main()
