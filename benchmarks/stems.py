"""What stems cost: speed of filling the lexical index and of asking it, with stems and without.

    INSTAR_TEST_DATA=… python benchmarks/stems.py --data DATA [--queries 300]

`--data` is a data folder filled by `instar index`; its chunks are indexed anew in a temporary folder, twice each in
turn. The questions are those of CoSQA. `beir.py` and `codesearch.py` take `--no-stems` to show what they bring.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import lru_cache
from pathlib import Path
from unittest.mock import patch

import measuring

from instar.adapters.lexical import tantivy_index
from instar.adapters.lexical.stems import CACHED_WORDS
from instar.adapters.lexical.tantivy_index import TantivyIndex
from instar.domain.search import Scope
from instar.domain.stored import Position
from instar.domain.tokens import expand
from instar.settings import Settings
from instar.wiring import Workspace

ROUNDS = 2
PASSES = 6
DEPTH = 100
LOCK_SECONDS = 5.0


@contextmanager
def without_stems() -> Iterator[None]:
    """Index and ask tokens alone inside the block."""
    cached = lru_cache(CACHED_WORDS)(expand)

    def tokens_alone(words, _language):
        return " ".join(map(cached, words))

    def words_alone(spelt, _language):
        return dict.fromkeys(spelt, 1)

    with (
        patch.object(tantivy_index, "passage_terms", tokens_alone),
        patch.object(tantivy_index, "question_terms", words_alone),
    ):
        yield


def measure(rows: list, queries: list[str], folder: Path) -> str:
    index = TantivyIndex(folder / "lexical")
    index.clear()
    start, processor = time.perf_counter(), time.process_time()
    index.apply({}, rows, Position("corpus", 1))
    wall, processor = time.perf_counter() - start, time.process_time() - processor
    index.position()
    best = [float("inf")] * len(queries)
    for _ in range(PASSES):
        for i, query in enumerate(queries):
            start = time.perf_counter()
            index.search(query, DEPTH, Scope())
            best[i] = min(best[i], time.perf_counter() - start)
    megabytes = measuring.folder_bytes(folder) / 1e6
    return (
        f"{len(rows) / wall:,.0f} chunks/s  {processor:.1f} s of processor  {megabytes:.0f} MB"
        f"  question {measuring.percentiles(best)} ms"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--core", type=int, default=0)
    arguments = parser.parse_args()
    measuring.one_core(arguments.core)
    lines = Path(os.environ["INSTAR_TEST_DATA"], "cosqa", "queries.jsonl").read_text("utf-8").splitlines()
    queries = [json.loads(line)["text"] for line in lines[: arguments.queries]]
    with Workspace(Settings(data=arguments.data)).store.writing(LOCK_SECONDS) as writer:
        rows = list(writer.lexical_rows(None))
    for _ in range(ROUNDS):
        for name, context in (("with stems", nullcontext()), ("without", without_stems())):
            with context, tempfile.TemporaryDirectory() as folder:
                print(f"{name:12}{measure(rows, queries, Path(folder))}", flush=True)


if __name__ == "__main__":
    main()
