"""Speed and recall of a search beside peers: one core, one process, warm, the same chunks and vectors for all.

    INSTAR_TEST_DATA=… python benchmarks/search.py --data DATA --work WORK --root NAME [--queries 300] [--json FILE]

`--data` is a data folder filled by `instar index`; `--root` the last part of the path of a root of about a tenth of it;
`--work` keeps what the peers build. The questions are those of CoSQA and of the code-search set in INSTAR_TEST_DATA.
"""

import argparse
import json
import os
import random
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import measuring
import numpy as np
from numpy.typing import NDArray
from peers import LIMIT, PEERS, Corpus, Filter, Instar, System, build_peers, read_corpus

BLOCK = 20
"""Questions a system answers in a row before the next has its turn: drift hits all alike, caches are warm as in use."""
WARMING = 20
PASSES = 12
"""Over all questions by Instar alone; the best pass is the one that other work on the machine disturbed least."""
SEED = 1
TOLERANCE = 1e-6
"""Of the cosine: texts that are equally near are equally right."""
COPIED_BYTES = 1 << 28
VERSIONS = ("numpy", "tantivy", "tokenizers", "lancedb", "semble", "model2vec")


def questions(folder: Path, count: int) -> list[str]:
    """Return questions of CoSQA and of the code-search set, shuffled with a fixed seed."""
    lines = (folder / "cosqa" / "queries.jsonl").read_text("utf-8").splitlines()
    found = [json.loads(line)["text"] for line in lines]
    for file in sorted((folder / "codesearch").glob("*.json")):
        found += [query["query"] for query in json.loads(file.read_text("utf-8"))["queries"]]
    random.Random(SEED).shuffle(found)
    return found[:count]


def latency(systems: Sequence[System], queries: Sequence[str], narrowed: Filter) -> dict[str, Any]:
    """Let all systems answer all questions, block by block in turn, and return their times."""
    clocks = {system.name: measuring.Clock() for system in systems}
    for system in systems:
        for query in queries[:WARMING]:
            system.search(query, narrowed)
    for start in range(0, len(queries), BLOCK):
        turn = start // BLOCK % len(systems)
        for system in [*systems[turn:], *systems[:turn]]:
            for query in queries[start : start + BLOCK]:
                with clocks[system.name].running():
                    found = system.search(query, narrowed)
                if len(found) > LIMIT:
                    raise AssertionError(f"{system.name} gave {len(found)} texts")
    return {name: clock.summary() for name, clock in clocks.items()}


def alone(instar: System, queries: Sequence[str], narrowed: Filter) -> dict[str, dict[str, float]]:
    """Return the times of the best of several passes of one system that nothing else takes turns with."""
    best: dict[str, dict[str, float]] = {}
    for query in queries[:WARMING]:
        instar.search(query, narrowed)
    for _ in range(PASSES):
        clock = measuring.Clock()
        for query in queries:
            with clock.running():
                instar.search(query, narrowed)
        for kind, times in clock.summary().items():
            best[kind] = min(best.get(kind, times), times, key=lambda of: of["p50"])
    return best


def recall(systems: Sequence[System], queries: Sequence[str], corpus: Corpus, narrowed: Filter) -> dict[str, float]:
    """Return which part of the ten best by float32 each vector arm finds; texts that occur twice count once."""
    first: dict[str, int] = {}
    for row in np.flatnonzero(corpus.mask(narrowed)).tolist():
        first.setdefault(corpus.rows[row].text, row)
    distinct = np.fromiter(first.values(), np.intp)
    matrix = corpus.matrix[distinct]
    right = dict.fromkeys((system.name for system in systems), 0)
    for query in queries:
        vector = systems[0].embedder.embed_query(query).vector
        bound = np.partition(matrix @ vector, -LIMIT)[-LIMIT] - TOLERANCE
        for system in systems:
            texts = dict.fromkeys(system.nearest(query, narrowed))
            right[system.name] += sum(bool(corpus.matrix[first[text]] @ vector >= bound) for text in texts)
    return {name: round(count / (LIMIT * len(queries)), 4) for name, count in right.items()}


def memory(system: System) -> int:
    """Return the resident bytes of a process of its own in which one system has answered some questions."""
    command = [sys.executable, __file__, *sys.argv[1:], "--resident", system.name]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout)


def floor(workspace: Any, matrix: NDArray[np.float32]) -> dict[str, float]:
    """Return what the hardware and the store ask for at least, in milliseconds."""
    source = np.ones(COPIED_BYTES, np.uint8)
    target = np.empty_like(source)
    copying, fetching = measuring.Clock(), measuring.Clock()
    for _ in range(10):
        with copying.running():
            np.copyto(target, source)
    bandwidth = 2 * COPIED_BYTES / min(copying.processor)
    rows, width = matrix.shape
    database = sqlite3.connect(f"file:{workspace.settings.data / 'instar.db'}?mode=ro", uri=True)
    last = database.execute("SELECT max(id) FROM texts").fetchone()[0]
    chosen = random.Random(SEED)
    for _ in range(200):
        ids = [chosen.randrange(1, last) for _ in range(LIMIT)]
        with fetching.running():
            for text_id in ids:
                database.execute("SELECT text FROM texts WHERE id = ?", (text_id,)).fetchone()
    scanned = rows * width / 8
    return {
        "bandwidth_gb_s": round(bandwidth / 1e9, 2),
        "scanned_bytes": scanned,
        "scan_ms": round(scanned / bandwidth * measuring.MILLISECONDS, 3),
        "float32_scan_ms": round(matrix.nbytes / bandwidth * measuring.MILLISECONDS, 3),
        "fetch_ms": fetching.summary()["processor"]["p50"],
    }


def table(result: dict[str, Any]) -> str:
    """Return the figures as Markdown."""
    lines = []
    for kind in ("wall", "processor"):
        lines += [f"\n{kind} ms | p50 | p95 | p99 | ratio of p50", "--- | --- | --- | --- | ---"]
        for narrowed, systems in result["latency"].items():
            base = systems["instar"][kind]["p50"]
            for name, times in systems.items():
                t = times[kind]
                lines.append(f"{narrowed}: {name} | {t['p50']} | {t['p95']} | {t['p99']} | {t['p50'] / base:.1f}")
    lines += ["\nInstar alone, best pass | wall | processor"]
    lines += [f"{narrowed} | {of['wall']} | {of['processor']}" for narrowed, of in result["alone"].items()]
    lines += ["\nrecall@10 of the vector arm | " + " | ".join(next(iter(result["recall"].values())))]
    lines += [f"{narrowed} | " + " | ".join(map(str, of.values())) for narrowed, of in result["recall"].items()]
    lines += ["\nsystem | resident MB | disk MB | build s (processor)"]
    for name, of in result["systems"].items():
        lines.append(f"{name} | {of['resident'] / 1e6:.0f} | {of['disk'] / 1e6:.0f} | {of['build']}")
    return "\n".join([*lines, f"\nfloor: {result['floor']}", f"facts: {result['facts']}"])


def main() -> None:
    """Measure everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--root", required=True)
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--core", type=int, default=1)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--resident", metavar="SYSTEM", help="only print the memory of one system after some questions")
    arguments = parser.parse_args()
    measuring.one_core(arguments.core)
    arguments.work.mkdir(parents=True, exist_ok=True)
    os.environ["SEMBLE_CACHE_LOCATION"] = str(arguments.work.absolute())  # semble writes statistics of each question
    queries = questions(Path(os.environ["INSTAR_TEST_DATA"]), arguments.queries)
    instar = Instar(arguments.data)
    systems = [instar, *(kind(arguments.work / kind.name) for kind in PEERS)]
    if arguments.resident:
        chosen = next(system for system in systems if system.name == arguments.resident)
        for query in queries[:WARMING]:
            chosen.search(query, Filter("everything"))
        print(measuring.resident_bytes())
        return
    print(table(measure(arguments, instar, systems, queries)))


def measure(
    arguments: argparse.Namespace, instar: Instar, systems: Sequence[System], queries: Sequence[str]
) -> dict[str, Any]:
    """Build what is missing, measure, and write the result as JSON where asked for."""
    corpus = read_corpus(instar.workspace, arguments.work)
    builds = build_peers(systems[1:], corpus, arguments.work / "builds.json")
    tenth = next(root for root in instar.workspace.roots() if Path(root.path).name == arguments.root)
    filters = [
        Filter("everything"),
        Filter("one root", root=tenth),
        Filter("language python", language="python"),
        Filter("path *test*", path="test"),
    ]
    for system in systems:
        system.prepare(corpus, filters)
    shares = {f.name: int(corpus.mask(f).sum()) for f in filters}
    approximate = [system for system in systems if system.name in ("instar", "lancedb-ivf")]
    result = {
        "facts": measuring.facts(VERSIONS),
        "chunks": shares,
        "questions": len(queries),
        "latency": {f.name: latency(systems, queries, f) for f in filters},
        "alone": {f.name: alone(instar, queries, f) for f in filters},
        "recall": {f.name: recall(approximate, queries, corpus, f) for f in filters},
        "systems": {
            system.name: {
                "resident": memory(system),
                "disk": measuring.folder_bytes(system.folder),
                "build": builds.get(system.name, {}).get("processor"),
            }
            for system in systems
        },
        "floor": floor(instar.workspace, corpus.matrix),
    }
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1), "utf-8")
    return result


if __name__ == "__main__":
    main()
