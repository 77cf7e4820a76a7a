"""A model and the static models made of it: nDCG@10 by vectors alone, size and speed, on a BEIR folder.

    python benchmarks/distilling.py FOLDER --teacher minilm [--split test] [--suffix .py] [--core 0]

Documents are title and text, whole; what the students learn from is the corpus as `instar index` cuts it, without any
question. The teacher's vectors are cached, so only a first run tells how long it takes.
"""

import argparse
import tempfile
import time
from pathlib import Path

import ir_measures
import numpy as np
from beir import read_lines, read_qrels, write_corpus
from ir_measures import nDCG
from measuring import folder_bytes, one_core

from instar.domain.models import VocabularyKind
from instar.embedding.caching import uncached
from instar.ports import Embedder, SilentProgress
from instar.settings import Settings
from instar.wiring import Workspace
from instar.wiring.distilling import distil

MEASURE = nDCG @ 10
RANKED = 100
TIMED = 200
AT_ONCE = 512


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--teacher", required=True)
    parser.add_argument("--split", default="test")
    parser.add_argument("--suffix", default=".txt")
    parser.add_argument("--dimensions", type=int, default=256)
    parser.add_argument("--core", type=int, default=0)
    arguments = parser.parse_args()
    one_core(arguments.core)
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch, "corpus")
        root.mkdir()
        write_corpus(arguments.folder, root, arguments.suffix)
        workspace = Workspace(Settings(data=Path(scratch, "data")))
        workspace.index([root], SilentProgress())
        report("static", workspace.models.named("static"), arguments)
        for kind in VocabularyKind:
            out = Path(scratch, f"student-{kind}")
            start = time.process_time()
            made = distil(workspace, arguments.teacher, arguments.dimensions, kind, out, SilentProgress())
            print(f"{kind}: {made.tokens} tokens, {made.passages} passages, {time.process_time() - start:.0f} s")
            report(f"student, {kind}, {folder_bytes(out):,} bytes", workspace.models.named(f"static:{out}"), arguments)
        report(arguments.teacher, workspace.models.named(arguments.teacher), arguments)


def report(name: str, model: Embedder, arguments: argparse.Namespace) -> None:
    qrels = read_qrels(arguments.folder / "qrels" / f"{arguments.split}.tsv")
    judged = {qrel.query_id for qrel in qrels}
    queries = [q for q in read_lines(arguments.folder / "queries.jsonl") if q["_id"] in judged]
    documents = read_lines(arguments.folder / "corpus.jsonl")
    texts = ["\n\n".join(filter(None, [d.get("title", ""), d["text"]])) for d in documents]
    matrix = np.concatenate(
        [model.embed_documents(texts[i : i + AT_ONCE]).vectors for i in range(0, len(texts), AT_ONCE)]
    )
    scored = []
    for query in queries:
        scores = matrix @ model.embed_query(query["text"]).vector
        best = np.argsort(-scores, kind="stable")[:RANKED]
        scored += [ir_measures.ScoredDoc(query["_id"], documents[i]["_id"], float(scores[i])) for i in best]
    quality = ir_measures.calc_aggregate([MEASURE], qrels, scored)[MEASURE]
    print(f"{name}: {MEASURE} {quality:.4f}, {speed(uncached(model), texts, [q['text'] for q in queries])}", flush=True)


def speed(model: Embedder, texts: list[str], questions: list[str]) -> str:
    start = time.process_time()
    model.embed_documents(texts[:TIMED])
    middle = time.process_time()
    for question in questions[:TIMED]:
        model.embed_query(question)
    asked = (time.process_time() - middle) / len(questions[:TIMED])
    return f"{TIMED / (middle - start):,.0f} texts/s, {asked * 1e3:.2f} ms a question"


if __name__ == "__main__":
    main()
