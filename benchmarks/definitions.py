"""Questions about Python packages with known answers, in the form that `codesearch.py` reads.

    python benchmarks/definitions.py --corpus FOLDER --out FOLDER [--packages django networkx twisted]

`--corpus` is what `corpus.py` made. Writes `repositories/NAME`, a copy of each package without its docstrings, and
`questions/NAME.json`: 80 first sentences of docstrings, whose answer is the lines of their function or class, 60 names
of functions and classes and 40 of constants that one file alone defines at its top level, whose answer is where the
definition begins. None is of a test.
"""

import argparse
import ast
import json
import random
import re
from collections import defaultdict
from pathlib import Path

SENTENCES, NAMES, CONSTANTS, SEED = 80, 60, 40, 7
SENTENCE_WORDS = range(6, 21)
LEAST_LINES = 6  # of a definition, so that there is something to find
LEAST_LETTERS = 5  # of a name, so that it is no common word
HEADER_LINES = 3  # after the first line of a definition: decorators and signatures may be cut from the body

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def is_test(path: str) -> bool:
    return re.search(r"(^|/)tests?/|test_|conftest", path) is not None


def docstring_of(node: Definition) -> ast.Expr | None:
    first = node.body[0]
    alone = len(node.body) == 1  # then without it the file could not be parsed
    if not isinstance(first, ast.Expr) or not isinstance(first.value, ast.Constant):
        return None
    return first if isinstance(first.value.value, str) and not alone else None


def sentence(text: str) -> str:
    return " ".join(re.split(r"(?<=[.!?])\s|\n\s*\n", text.strip())[0].split())


def read(source: Path) -> tuple[str, list[tuple[str, Definition]], list[ast.stmt]] | None:
    """Return the text without docstrings, the definitions with theirs, and the statements at the top level."""
    try:
        text = source.read_text("utf-8")
        tree = ast.parse(text)
    except (UnicodeDecodeError, SyntaxError):
        return None
    lines = text.split("\n")
    described = []
    for node in ast.walk(tree):
        if isinstance(node, Definition) and (expression := docstring_of(node)):
            described.append((ast.literal_eval(expression.value), node))
            for i in range(expression.lineno - 1, expression.end_lineno or expression.lineno):
                lines[i] = ""
    return "\n".join(lines), described, tree.body


def constant_of(node: ast.stmt) -> str | None:
    """Return the name that a statement gives a value, where it looks like a constant's."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    names = [target.id for target in targets if isinstance(target, ast.Name)]
    return next((name for name in names if name.isupper() or "_" in name.strip("_")), None)


def make(package: Path, out: Path) -> list[dict]:
    sentences: dict[str, dict] = {}
    defined, assigned = defaultdict(list), defaultdict(list)
    for source in sorted(package.rglob("*.py")):
        path = source.relative_to(package).as_posix()
        parts = read(source)
        if parts is None:
            continue
        text, described, top = parts
        (out / path).parent.mkdir(parents=True, exist_ok=True)
        (out / path).write_text(text, "utf-8")
        if is_test(path):
            continue
        for docstring, node in described:
            question = sentence(docstring)
            if len(question.split()) in SENTENCE_WORDS and (node.end_lineno or 0) - node.lineno >= LEAST_LINES:
                sentences[question] = {"path": path, "start_line": node.lineno, "end_line": node.end_lineno}
        for statement in top:
            line = statement.lineno
            if isinstance(statement, Definition):
                if len(statement.name) >= LEAST_LETTERS and not statement.name.startswith("_"):
                    place = {"path": path, "start_line": line, "end_line": line + HEADER_LINES}
                    defined[statement.name].append(place)
            elif (name := constant_of(statement)) and len(name) >= LEAST_LETTERS:
                assigned[name].append({"path": path, "start_line": line, "end_line": line})
    drawn = random.Random(SEED)
    names, constants = (
        {name: places[0] for name, places in found.items() if len(places) == 1} for found in (defined, assigned)
    )
    kinds = (("docstring", sentences, SENTENCES), ("name", names, NAMES), ("constant", constants, CONSTANTS))
    return [
        {"query": query, "category": category, "relevant": [answers[query]]}
        for category, answers, count in kinds
        for query in drawn.sample(sorted(answers), min(count, len(answers)))
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--packages", nargs="*", default=["django", "networkx", "twisted"])
    arguments = parser.parse_args()
    (arguments.out / "questions").mkdir(parents=True)
    for name in arguments.packages:
        queries = make(arguments.corpus / name, arguments.out / "repositories" / name)
        facts = {"name": name, "root": "", "queries": queries}
        (arguments.out / "questions" / f"{name}.json").write_text(json.dumps(facts, indent=1), "utf-8")
        print(f"{name}: {len(queries)} questions")


if __name__ == "__main__":
    main()
