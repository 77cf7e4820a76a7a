"""Quality on the code-search questions: nDCG@10 by repository, category and arm.

    python benchmarks/codesearch.py --questions FOLDER --repositories FOLDER
        [--only NAME …] [--weights 1:1 …] [--ablation] [--together] [--no-stems] [--storage int8] [--model static]
        [--sessions FOLDER]

`--questions` holds one JSON file a repository; `--repositories` holds a checkout of each at the revision it names, in a
folder of the name of the file. Hits are chunks. A target's rank is that of the first hit whose path ends with its path
and whose lines overlap its own, where it has lines; two targets at one rank count once; binary nDCG@10, the mean over
repositories of the mean over questions.

`--ablation` adds a row for each signal of the ranking with that signal switched off, and rows without any (plain
fusion). `--together` puts all repositories into one corpus and searches each by its root. `--sessions` adds the
transcripts below a folder to each repository: no question is about them, so this shows what they take away.
"""

import argparse
import json
import math
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from stems import without_stems

from instar.domain.corpus import SessionChoice
from instar.domain.generations import Weights
from instar.domain.search import Hit, Mode, Place, Scope, SearchRequest
from instar.ports import SilentProgress
from instar.search import ranking
from instar.settings import Settings
from instar.wiring import Workspace

DEVELOPMENT = ("requests", "chi", "sinatra", "xmonad")
CUT = 10
SIGNALS: dict[str, dict[str, float]] = {
    "definitions": {"DEFINITION": 0.0, "DEFINITION_IN_QUESTION": 0.0},
    "words in symbols": {"SYMBOL_WORDS": 0.0},
    "verbatim": {"VERBATIM": 0.0},
    "file evidence": {"FILE_EVIDENCE": 0.0},
    "tests, examples": {"TESTS": 1.0, "EXAMPLES": 1.0},
    "documents": {"DOCUMENTS": 1.0},
    "re-exports": {"REEXPORTS": 1.0},
    "saturation": {"SATURATION": 1.0},
}
"""The constants of `instar.search.ranking` by signal, each with the value that takes it out."""


@dataclass(frozen=True)
class Run:
    """One row of the tables."""

    mode: Mode
    weights: Weights = field(default_factory=Weights)
    without: Mapping[str, float] = field(default_factory=dict)


@contextmanager
def constants(changed: Mapping[str, float]) -> Iterator[None]:
    before = {name: getattr(ranking, name) for name in changed}
    try:
        for name, value in changed.items():
            setattr(ranking, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(ranking, name, value)


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


def runs_of(weights: list[str], ablation: bool) -> dict[str, Run]:
    runs = {"lexical": Run(Mode.LEXICAL), "vector": Run(Mode.VECTOR)}
    for text in weights:
        lexical, vector = map(float, text.split(":"))
        runs[f"hybrid {text}"] = Run(Mode.HYBRID, Weights(lexical, vector))
    if ablation:
        everything = {name: value for signal in SIGNALS.values() for name, value in signal.items()}
        for name, mode in (("lexical", Mode.LEXICAL), ("vector", Mode.VECTOR), ("hybrid", Mode.HYBRID)):
            runs[f"{name}, none"] = Run(mode, without=everything)
        runs |= {f"- {name}": Run(Mode.HYBRID, without=signal) for name, signal in SIGNALS.items()}
    return runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=Path, required=True)
    parser.add_argument("--repositories", type=Path, required=True)
    parser.add_argument("--only", nargs="*", default=DEVELOPMENT)
    parser.add_argument("--weights", nargs="*", default=["1:1"])
    parser.add_argument("--ablation", action="store_true")
    parser.add_argument("--together", action="store_true")
    parser.add_argument("--no-stems", action="store_true")
    parser.add_argument("--storage", default="int8")
    parser.add_argument("--model", default="static")
    parser.add_argument("--sessions", type=Path)
    arguments = parser.parse_args()
    with without_stems() if arguments.no_stems else nullcontext():
        measure(arguments)


def measure(arguments: argparse.Namespace) -> None:
    facts = {name: json.loads((arguments.questions / f"{name}.json").read_text("utf-8")) for name in arguments.only}
    roots = {name: (arguments.repositories / name / facts[name]["root"]).resolve() for name in facts}
    corpora = [list(facts)] if arguments.together else [[name] for name in facts]
    table: dict[str, dict[str, float]] = defaultdict(dict)
    categories: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for corpus in corpora:
        with tempfile.TemporaryDirectory() as data:
            workspace = Workspace(Settings(data=Path(data), storage=arguments.storage, model=arguments.model))
            if arguments.sessions:
                choice = SessionChoice((str(arguments.sessions.resolve()),), ("**",))
                workspace.choose_sessions([roots[name] for name in corpus], choice)
            workspace.index([roots[name] for name in corpus], SilentProgress())
            ids = {root.path: root.id for root in workspace.roots()}
            for name in corpus:
                scope = Scope(places=(Place(ids[str(roots[name])]),))
                for label, run in runs_of(arguments.weights, arguments.ablation).items():
                    request = SearchRequest("", scope, run.mode, weights=run.weights)
                    with constants(run.without):
                        scores = evaluate(workspace, facts[name]["queries"], request)
                    flat = [score for values in scores.values() for score in values]
                    table[label][name] = sum(flat) / len(flat)
                    for category, values in scores.items():
                        categories[label][category] += values
            workspace.close()
    show(table)
    show({run: {c: sum(v) / len(v) for c, v in sorted(by.items())} for run, by in categories.items()})


def show(table: dict[str, dict[str, float]]) -> None:
    columns = list(next(iter(table.values())))
    print(f"{'':20}" + "".join(f"{column[:12]:>13}" for column in [*columns, "mean"]))
    for run, values in table.items():
        figures = [*values.values(), sum(values.values()) / len(values)]
        print(f"{run:20}" + "".join(f"{figure:13.3f}" for figure in figures))
    print()


if __name__ == "__main__":
    main()
