"""Quality on a BEIR folder: nDCG@10 and Recall@10 by arm, each document a file.

    python benchmarks/beir.py FOLDER [--split test] [--suffix .py] [--weights 1:1] [--no-stems] [--storage int8]
        [--model static]

A document is ranked by its best chunk. Measures are computed by ir_measures.
"""

import argparse
import csv
import json
import tempfile
from contextlib import nullcontext
from pathlib import Path

import ir_measures
from ir_measures import R, nDCG
from stems import without_stems

from instar.domain.generations import Weights
from instar.domain.search import Mode, SearchRequest
from instar.ports import SilentProgress
from instar.settings import Settings
from instar.wiring import Workspace

FETCHED = 50  # chunks, of which the best of each document counts
MEASURES = [nDCG @ 10, R @ 10]


def read_lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def write_corpus(folder: Path, out: Path, suffix: str) -> dict[str, str]:
    names = {}
    for number, document in enumerate(read_lines(folder / "corpus.jsonl")):
        name = f"{number // 500:03}/{number:06}{suffix}"
        (out / name).parent.mkdir(exist_ok=True)
        body = "\n\n".join(filter(None, [document.get("title", ""), document["text"]]))
        (out / name).write_text(body + "\n", "utf-8")
        names[name] = document["_id"]
    return names


def read_qrels(path: Path) -> list[ir_measures.Qrel]:
    with path.open(encoding="utf-8") as file:
        return [ir_measures.Qrel(row[0], row[1], int(row[2])) for row in list(csv.reader(file, delimiter="\t"))[1:]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--split", default="test")
    parser.add_argument("--suffix", default=".txt")
    parser.add_argument("--weights", nargs="*", default=["1:1"])
    parser.add_argument("--no-stems", action="store_true")
    parser.add_argument("--storage", default="int8")
    parser.add_argument("--model", default="static")
    arguments = parser.parse_args()
    with without_stems() if arguments.no_stems else nullcontext():
        measure(arguments)


def measure(arguments: argparse.Namespace) -> None:
    qrels = read_qrels(arguments.folder / "qrels" / f"{arguments.split}.tsv")
    judged = {qrel.query_id for qrel in qrels}
    queries = [q for q in read_lines(arguments.folder / "queries.jsonl") if q["_id"] in judged]
    runs = {"lexical": (Mode.LEXICAL, Weights()), "vector": (Mode.VECTOR, Weights())}
    for text in arguments.weights:
        runs[f"hybrid {text}"] = (Mode.HYBRID, Weights(*map(float, text.split(":"))))
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch, "corpus")
        root.mkdir()
        names = write_corpus(arguments.folder, root, arguments.suffix)
        workspace = Workspace(Settings(data=Path(scratch, "data"), storage=arguments.storage, model=arguments.model))
        workspace.index([root], SilentProgress())
        for name, (mode, weights) in runs.items():
            scored = []
            for query in queries:
                request = SearchRequest(query["text"], mode=mode, weights=weights, limit=FETCHED)
                best: dict[str, float] = {}
                for hit in workspace.search(request).hits:
                    best.setdefault(names[hit.path], 1 / hit.rank)
                scored += [ir_measures.ScoredDoc(query["_id"], doc, score) for doc, score in best.items()]
            figures = ir_measures.calc_aggregate(MEASURES, qrels, scored)
            print(f"{name:16}" + "  ".join(f"{measure} {figures[measure]:.3f}" for measure in MEASURES))


if __name__ == "__main__":
    main()
