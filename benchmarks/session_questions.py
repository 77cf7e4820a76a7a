"""Quality on the questions about sessions: Recall@10 and nDCG@10 by arm, language and phrasing.

    INSTAR_TEST_DATA=… python benchmarks/session_questions.py [--limit 10] [--beside FOLDER] [--model static]

Indexes the transcripts below INSTAR_TEST_DATA/sessions as sessions of an empty folder. All answers to a question say
the same, so a question counts as answered by the first hit that is one of them: Recall@10 is the share of questions
with one among ten hits, nDCG@10 is 1 / log2(rank + 1) of the first. A hit is one where it is of the same file and its
turn's lines hold lines of the answer. Copies of a text count as one hit. `--beside` indexes the sessions together with
the files of a folder, of which no question asks: it shows what those take away.
"""

import argparse
import json
import math
import os
import tempfile
from collections import defaultdict
from pathlib import Path

from instar.domain.corpus import SessionChoice
from instar.domain.search import Hit, Mode, SearchRequest
from instar.ports import SilentProgress
from instar.settings import Settings
from instar.wiring import Workspace

QUESTIONS = Path(__file__).parent / "data" / "session_questions.jsonl"
PHRASINGS = ("question", "plain")


def answers(hit: Hit, question: dict) -> bool:
    return any(
        hit.path.endswith("/" + place["file"])
        and hit.start_line <= place["lines"][1]
        and hit.end_line >= place["lines"][0]
        for place in question["relevant"]
    )


def rank_of(workspace: Workspace, text: str, question: dict, mode: Mode, limit: int) -> int | None:
    hits = workspace.search(SearchRequest(text, mode=mode, limit=limit)).hits
    return next((hit.rank for hit in hits if answers(hit, question)), None)


def summary(ranks: list[int | None]) -> str:
    found = [rank for rank in ranks if rank is not None]
    gained = sum(1 / math.log2(rank + 1) for rank in found)
    return f"{len(found) / len(ranks):.3f} {gained / len(ranks):.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=int, default=10)
    parser.add_argument("--beside", type=Path)
    parser.add_argument("--model", default="static")
    arguments = parser.parse_args()
    questions = [json.loads(line) for line in QUESTIONS.read_text("utf-8").splitlines()]
    transcripts = (Path(os.environ["INSTAR_TEST_DATA"]) / "sessions").resolve()
    with tempfile.TemporaryDirectory() as scratch:
        root = arguments.beside.resolve() if arguments.beside else Path(scratch, "project")
        root.mkdir(exist_ok=True)
        workspace = Workspace(Settings(data=Path(scratch, "data"), model=arguments.model))
        workspace.choose_sessions([root], SessionChoice((str(transcripts),), ("**",)))
        workspace.index([root], SilentProgress())
        measures = f"Recall@{arguments.limit} nDCG@{arguments.limit}"
        print(f"{'phrasing':10}{'arm':10}{'language':10}{'questions':>10}  {measures}")
        for phrasing in PHRASINGS:
            for mode in (Mode.LEXICAL, Mode.VECTOR, Mode.HYBRID):
                ranks = defaultdict(list)
                for question in questions:
                    rank = rank_of(workspace, question[phrasing], question, mode, arguments.limit)
                    ranks[question["language"]].append(rank)
                for language, found in ranks.items():
                    print(f"{phrasing:10}{mode:10}{language:10}{len(found):10}  {summary(found)}")
        workspace.close()


if __name__ == "__main__":
    main()
