"""Mine (documentation, code) pairs from the unpacked allow-list into one JSON-lines file per split."""

import argparse
import hashlib
import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from extract import LANGUAGES, Pair, pairs

PER_PACKAGE = 8000  # pairs; keeps one large package from setting the tone
PER_QUERY = 2  # a summary repeated more often ("Return a string.") tells nothing
SKIPPED = re.compile(
    r"(?:^|/)(?:tests?|testing|__pycache__|_vendor|vendor|vendored|third_party|node_modules|locale|migrations|dist-info)(?:/|$)|\.min\.|_pb2|\.d\.c?ts$"
)


def squeezed(line: str) -> str:
    """A line without any whitespace, for comparing code however it is indented."""
    return "".join(line.split())


def code_lines(code: str) -> list[str]:
    """The squeezed lines of code that hold more than brackets."""
    return [s for s in map(squeezed, code.splitlines()) if len(s) > 3]


def excluded_lines(folders: list[Path]) -> set[str]:
    """Every squeezed line of the text under the folders, which hold evaluation data (code, or a BEIR corpus)."""
    lines: set[str] = set()
    for folder in folders:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            text = path.read_text("utf-8", errors="replace")
            if path.suffix == ".jsonl":
                text = "\n".join(json.loads(row)["text"] for row in text.splitlines())
            lines.update(code_lines(text))
    return lines


def sources(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield source files below a folder, in a fixed order, with their text."""
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder).as_posix()
        if path.suffix in LANGUAGES and path.is_file() and not path.is_symlink() and not SKIPPED.search(relative):
            yield path, path.read_text("utf-8", errors="replace")


def digest(code: str) -> str:
    """Identify code regardless of whitespace."""
    return hashlib.blake2b("\n".join(code_lines(code)).encode(), digest_size=12).hexdigest()


class Filter:
    """Refuses repeated code, over-repeated summaries, and code that also stands in the evaluation data."""

    def __init__(self, excluded: set[str]) -> None:
        self._excluded = excluded
        self._seen: set[str] = set()
        self._queries: Counter[str] = Counter()
        self.contaminated = 0

    def accepts(self, pair: Pair) -> bool:
        """Whether the pair is new and clean; remembers it if so."""
        key = digest(pair.code)
        query = pair.query.lower()
        if key in self._seen or self._queries[query] >= PER_QUERY:
            return False
        if all(line in self._excluded for line in code_lines(pair.code)):
            self.contaminated += 1
            return False
        self._seen.add(key)
        self._queries[query] += 1
        return True


def main() -> None:
    """Mine the held-out packages first, so that their code is refused in training."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("unpacked", type=Path, help="folder with <registry>/<name>/…")
    parser.add_argument("out", type=Path)
    parser.add_argument("--packages", type=Path, default=Path(__file__).with_name("packages.toml"))
    parser.add_argument("--exclude", type=Path, nargs="*", default=[], help="folders of evaluation data")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    packages = tomllib.loads(options.packages.read_text("utf-8"))["package"]
    accepted = Filter(excluded_lines(options.exclude))
    counts: Counter[str] = Counter()
    for split in ("held-out", "train"):
        with (options.out / f"{split}.jsonl").open("w", encoding="utf-8") as out:
            for package in (p for p in packages if p.get("split", "train") == split):
                folder = options.unpacked / package["registry"] / package["name"].replace("/", "+")
                taken = 0
                for path, text in sources(folder):
                    for pair in pairs(text, path.suffix):
                        if taken < PER_PACKAGE and accepted.accepts(pair):
                            where = {"package": package["name"], "path": path.relative_to(folder).as_posix()}
                            out.write(json.dumps(asdict(pair) | where, ensure_ascii=False) + "\n")
                            taken += 1
                            counts[f"{split} {pair.language}"] += 1
                print(f"{split} {package['registry']} {package['name']}: {taken}", flush=True)
    print(dict(counts), "refused as contaminated:", accepted.contaminated)


if __name__ == "__main__":
    main()
