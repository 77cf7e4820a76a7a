"""Quality on the code-search questions: nDCG@10 by repository, category and arm.

    python benchmarks/codesearch.py --questions FOLDER --repositories FOLDER [--only NAME …] [--weights 1:1]
        [--no-stems]

`--questions` holds one JSON file a repository; `--repositories` holds a checkout of each at the revision it names, in a
folder of the name of the file. Hits are chunks. A target's rank is that of the first hit whose path ends with its path
and whose lines overlap its own, where it has lines; two targets at one rank count once; binary nDCG@10, the mean over
repositories of the mean over questions.
"""

import argparse
import json
import math
import tempfile
from collections import defaultdict
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from stems import without_stems

from instar.domain.search import Hit, Mode, SearchRequest, Weights
from instar.ports import SilentProgress
from instar.settings import Settings
from instar.wiring import Workspace

DEVELOPMENT = ("requests", "chi", "sinatra", "xmonad")
CUT = 10


def ndcg(hits: list[Hit], targets: list[dict]) -> float:
    ranks = {rank for target in targets if (rank := first_rank(hits, target)) is not None}
    gained = sum(1 / math.log2(rank + 1) for rank in ranks)
    return gained / sum(1 / math.log2(i + 2) for i in range(min(len(targets), CUT)))


def first_rank(hits: list[Hit], target: dict) -> int | None:
    for hit in hits[:CUT]:
        whole = f"/{hit.root}/{hit.path}"
        if not whole.endswith("/" + target["path"]):
            continue
        start, end = target.get("start_line", 1), target.get("end_line", math.inf)
        if hit.start_line <= end and hit.end_line >= start:
            return hit.rank
    return None


def evaluate(workspace: Workspace, queries: list[dict], request: SearchRequest) -> dict[str, list[float]]:
    scores = defaultdict(list)
    for query in queries:
        answer = workspace.search(replace(request, query=query["query"]))
        scores[query["category"]].append(ndcg(list(answer.hits), query["relevant"]))
    return scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=Path, required=True)
    parser.add_argument("--repositories", type=Path, required=True)
    parser.add_argument("--only", nargs="*", default=DEVELOPMENT)
    parser.add_argument("--weights", nargs="*", default=["1:1"])
    parser.add_argument("--no-stems", action="store_true")
    arguments = parser.parse_args()
    with without_stems() if arguments.no_stems else nullcontext():
        measure(arguments)


def measure(arguments: argparse.Namespace) -> None:
    runs = {"lexical": (Mode.LEXICAL, Weights()), "vector": (Mode.VECTOR, Weights())}
    for text in arguments.weights:
        lexical, vector = map(float, text.split(":"))
        runs[f"hybrid {text}"] = (Mode.HYBRID, Weights(lexical, vector))
    table: dict[str, dict[str, float]] = defaultdict(dict)
    categories: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for name in arguments.only:
        facts = json.loads((arguments.questions / f"{name}.json").read_text("utf-8"))
        root = (arguments.repositories / name / facts["root"]).resolve()
        with tempfile.TemporaryDirectory() as data:
            workspace = Workspace(Settings(data=Path(data)))
            workspace.index([root], SilentProgress())
            for run, (mode, weights) in runs.items():
                scores = evaluate(workspace, facts["queries"], SearchRequest("", mode=mode, weights=weights))
                flat = [score for values in scores.values() for score in values]
                table[run][name] = sum(flat) / len(flat)
                for category, values in scores.items():
                    categories[run][category] += values
            workspace.close()
    show(table)
    show({run: {c: sum(v) / len(v) for c, v in sorted(by.items())} for run, by in categories.items()})


def show(table: dict[str, dict[str, float]]) -> None:
    columns = list(next(iter(table.values())))
    print(f"{'':16}" + "".join(f"{column[:12]:>13}" for column in [*columns, "mean"]))
    for run, values in table.items():
        figures = [*values.values(), sum(values.values()) / len(values)]
        print(f"{run:16}" + "".join(f"{figure:13.3f}" for figure in figures))
    print()


if __name__ == "__main__":
    main()
