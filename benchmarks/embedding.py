"""Speed of embedding, one core: texts a second, a question's time, a cold start, of Instar's models and others.

    python models/minilm/export.py ~/bench/fp32 --precision fp32
    pip install . ./models/minilm -r benchmarks/embedders.txt
    INSTAR_TEST_DATA=… python benchmarks/embedding.py --fp32 ~/bench/fp32 --torch FOLDER --work ~/bench/embedding \
        [--texts 160] [--rounds 5] [--questions 20] [--json FILE]

`--torch` is the folder of all-MiniLM-L6-v2 as sentence-transformers reads it. All systems embed the same texts (title
and text of SciFact, cut at 256 tokens) and questions in turns; medians over the rounds. A cold start is a process of
its own, from its start to its end after one question; with the systems in turns, too. Systems that are not installed
are left out. fastembed, which would load its own export from the network, is handed Instar's fp32 one.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import measuring
import numpy as np
from embedders import SYSTEMS, YARDSTICK, Folders, System

PACKAGES = ("onnxruntime", "tokenizers", "numpy", "torch", "sentence-transformers", "fastembed", "model2vec")
SCRIPT = Path(__file__).with_name("embedders.py")
COLD_ROUNDS = 5


def texts_of(data: Path, count: int) -> list[str]:
    with (data / "scifact" / "corpus.jsonl").open(encoding="utf-8") as lines:
        documents = [json.loads(line) for _, line in zip(range(count), lines, strict=False)]
    return [f"{document['title']} {document['text']}" for document in documents]


def questions_of(data: Path, count: int) -> list[str]:
    with (data / "cosqa" / "queries.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line)["text"] for _, line in zip(range(count), lines, strict=False)]


class Times:
    """Wall seconds of one system."""

    def __init__(self) -> None:
        self.texts: list[float] = []
        self.questions: list[float] = []
        self.cold: list[float] = []

    def medians(self) -> dict[str, float]:
        """Return texts a second, and milliseconds of a question and of a cold start."""
        return {
            "texts a second": 1 / statistics.median(self.texts),
            "question ms": statistics.median(self.questions) * measuring.MILLISECONDS,
            "cold start ms": statistics.median(self.cold) * measuring.MILLISECONDS,
        }


def warm(systems: list[System], times: dict[str, Times], texts: list[str], questions: list[str], rounds: int) -> None:
    """Time the systems in turns, each round another part of the texts and all questions."""
    share = len(texts) // rounds
    for number in range(rounds):
        part = texts[number * share : (number + 1) * share]
        for system in systems:
            start = time.perf_counter()
            system.documents(part)
            times[system.name].texts.append((time.perf_counter() - start) / share)
            for question in questions:
                start = time.perf_counter()
                system.question(question)
                times[system.name].questions.append(time.perf_counter() - start)
        print(f"round {number + 1} of {rounds}", flush=True)


def cold(systems: list[System], times: dict[str, Times]) -> None:
    """Time processes that embed one question."""
    for _ in range(COLD_ROUNDS):
        for system in systems:
            command = [sys.executable, str(SCRIPT), system.name, *map(str, system.folders)]
            start = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            times[system.name].cold.append(time.perf_counter() - start)


def likeness(systems: list[System], texts: list[str]) -> dict[str, float]:
    """Return the mean cosine to the vectors of the yardstick of those that have its dimensions: is it one model?"""
    found = {system.name: np.asarray(system.documents(texts)) for system in systems}
    wanted = found.get(YARDSTICK)
    return {
        name: float((vectors * wanted).sum(axis=1).mean())
        for name, vectors in found.items()
        if wanted is not None and vectors.shape == wanted.shape
    }


def report(times: dict[str, Times]) -> None:
    """Print the medians, with how many times as fast as the yardstick in brackets."""
    medians = {name: each.medians() for name, each in times.items()}
    base = medians.get(YARDSTICK)
    for name, figures in medians.items():
        cells = [f"{name:24}"]
        for what, figure in figures.items():
            ratio = "" if base is None else f" ({faster(what, figure, base[what]):.2f}x)"
            cells.append(f"{what} {figure:,.2f}{ratio}")
        print("  ".join(cells))


def faster(what: str, figure: float, base: float) -> float:
    return base / figure if what.endswith("ms") else figure / base


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fp32", type=Path, required=True)
    parser.add_argument("--torch", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--texts", type=int, default=160)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--questions", type=int, default=20)
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    measuring.one_core(arguments.core)
    folders = Folders(arguments.fp32, arguments.torch, arguments.work)
    systems = [system(folders) for system in SYSTEMS if system.installed()]
    measure(systems, arguments)


def measure(systems: list[System], arguments: argparse.Namespace) -> None:
    facts = measuring.facts(PACKAGES)
    print(json.dumps(facts))
    data = Path(os.environ["INSTAR_TEST_DATA"])
    texts, questions = texts_of(data, arguments.texts), questions_of(data, arguments.questions)
    times = {system.name: Times() for system in systems}
    for system in systems:
        system.prepare()
        system.question(questions[0])
    print("cosine to the yardstick", likeness(systems, texts[: arguments.texts // arguments.rounds]))  # warms up, too
    warm(systems, times, texts, questions, arguments.rounds)
    cold(systems, times)
    report(times)
    if arguments.json is not None:
        result = {"facts": facts, "systems": {name: each.medians() for name, each in times.items()}}
        arguments.json.write_text(json.dumps(result, indent=1), "utf-8")


if __name__ == "__main__":
    main()
