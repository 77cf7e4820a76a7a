"""Turn held-out pairs into a BEIR folder: questions are docstrings, documents the functions without them.

    python benchmarks/docstrings.py HELD-OUT.jsonl FOLDER

`HELD-OUT.jsonl` comes from `models/static/mine.py`. Split `test` has 1,500 questions; split `apart` those of the whole
pool of 6,000 that share no word stem with their function, so that only meaning can find it. Then run `beir.py`.
"""

import argparse
import json
import random
import re
from pathlib import Path

POOL, QUESTIONS, SEED = 6_000, 1_500, 0
SUFFIXES = re.compile(r"(ing|ed|es|s|er|or|ion|ions|ly|e)$")
COMMON = {"and", "are", "for", "from", "has", "its", "not", "that", "the", "this", "was", "will", "with", "you", "your"}


def stems(text: str) -> set[str]:
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", text)
    kept = {word.lower() for word in words if len(word) > 2} - COMMON
    return {SUFFIXES.sub("", word) or word for word in kept}


def write_lines(path: Path, rows: list[dict]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def write_qrels(path: Path, numbers: list[int]) -> None:
    lines = ["query-id\tcorpus-id\tscore", *(f"q{i}\td{i}\t1" for i in numbers)]
    path.write_text("\n".join(lines) + "\n", "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    pairs = [json.loads(line) for line in arguments.pairs.read_text("utf-8").splitlines()]
    python = [pair for pair in pairs if pair["language"] == "python"]
    pool = random.Random(SEED).sample(python, POOL)
    apart = [i for i, p in enumerate(pool) if len(stems(p["query"])) > 1 and not stems(p["query"]) & stems(p["code"])]
    (arguments.folder / "qrels").mkdir(parents=True, exist_ok=True)
    write_lines(
        arguments.folder / "corpus.jsonl",
        [{"_id": f"d{i}", "title": "", "text": p["code"]} for i, p in enumerate(pool)],
    )
    write_lines(arguments.folder / "queries.jsonl", [{"_id": f"q{i}", "text": p["query"]} for i, p in enumerate(pool)])
    write_qrels(arguments.folder / "qrels" / "test.tsv", list(range(QUESTIONS)))
    write_qrels(arguments.folder / "qrels" / "apart.tsv", apart)
    print(f"{len(pool)} functions, {QUESTIONS} questions, {len(apart)} that share no stem")


if __name__ == "__main__":
    main()
