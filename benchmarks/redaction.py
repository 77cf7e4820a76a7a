"""What redaction finds in a folder: by kind and per 1,000 lines, each finding with a masked excerpt to judge it by.

    python benchmarks/redaction.py <folder> …

A `.jsonl` file that turns can be read from is measured twice: what is stored of it (with what is taken out before
anything is cut), and every string in its records, most of which is never stored. Any other file is one text.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from instar.redaction import Redaction, redact
from instar.transcripts import read_transcript

BEFORE, BEHIND, SHOWN = 60, 20, 4  # Characters around a secret, and of it: enough to judge, too few to use.


@dataclass(slots=True)
class Measured:
    """Lines, characters, seconds of the processor and findings of one sort of text."""

    texts: int = 0
    lines: int = 0
    characters: int = 0
    seconds: float = 0.0
    kinds: Counter[str] = field(default_factory=Counter)
    excerpts: Counter[str] = field(default_factory=Counter)

    def take(self, text: str, *, counts: bool = True) -> str:
        """Redact a text; `counts` is false where its lines come again."""
        start = time.process_time()
        redaction = redact(text)
        self.seconds += time.process_time() - start
        self.texts += counts
        self.lines += counts * (text.count("\n") + 1)
        self.characters += len(text)
        self.kinds.update(finding.kind for finding in redaction.findings)
        self.excerpts.update(_excerpts(text, redaction))
        return redaction.text

    def report(self, name: str) -> None:
        """Print figures and excerpts."""
        found = sum(self.kinds.values())
        speed = self.characters / self.seconds / 1e6 if self.seconds else 0.0
        print(f"{name}: {self.texts:,} texts, {self.lines:,} lines, {speed:.0f} million characters/s")
        print(f"  {found:,} findings, {1_000 * found / max(1, self.lines):.3f} per 1,000 lines {dict(self.kinds)}")
        for excerpt, count in self.excerpts.most_common():
            print(f"  {count:4} {excerpt}")


def _excerpts(text: str, redaction: Redaction) -> Iterator[str]:
    """Yield each finding's line with the secret masked but for its first characters."""
    before, after = text.split("\n"), redaction.text.split("\n")
    for line in dict.fromkeys(finding.line for finding in redaction.findings):
        clean = after[line - 1]
        start = clean.find("[REDACTED:")
        secret = before[line - 1][start : start + SHOWN]
        end = clean.find("]", start) + 1
        yield repr(f"{clean[max(0, start - BEFORE) : start]}{secret}{clean[start:end]}{clean[end : end + BEHIND]}")


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value.encode("utf-8", "replace").decode("utf-8")
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _strings(inner)


def _measure_transcript(path: Path, stored: Measured, whole: Measured) -> bool:
    """Return whether the file gave turns."""
    lines = path.read_bytes().splitlines(keepends=True)
    transcript = read_transcript(lines, path.name, redact=lambda text: stored.take(text, counts=False), thinking=True)
    for turn in transcript.turns:
        stored.take(turn.text)
    for line in lines if transcript.turns else ():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        for text in _strings(record):
            whole.take(text)
    return bool(transcript.turns)


def main() -> None:
    """Measure every folder named on the command line."""
    for folder in map(Path, sys.argv[1:]):
        stored, whole, files = Measured(), Measured(), Measured()
        for path in sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()):
            if path.suffix == ".jsonl" and _measure_transcript(path, stored, whole):
                continue
            try:
                files.take(path.read_text("utf-8"))
            except UnicodeDecodeError:
                continue
        for name, measured in {"stored turns": stored, "whole transcripts": whole, "files": files}.items():
            if measured.texts:
                measured.report(f"{folder.name}: {name}")


if __name__ == "__main__":
    main()
