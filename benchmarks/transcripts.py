"""Many sessions made from a few real transcripts: pieces of them, each with ids, times and words of its own."""

import hashlib
import json
import math
import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

SEED = 1
MEDIAN_BYTES = 22_000
SPREAD = 1.5
"""Of the logarithm of sizes: the middle half of the sessions has 10 to 66 kB, one in a hundred more than 700."""
LEAST_BYTES = 2_000
STARTS_TRIED = 5
WITH_AGENTS = 0.12
"""Of the sessions have one sub-agent or two, each with a transcript of its own."""
SPREAD_DAYS = 700
VARIED = 4
"""One word in so many is another one in each copy, about as frequent, so that no two copies have a turn in common."""
NEAR = 64
"""Places in the order of frequency among which the other word lies."""
WORD = re.compile(rb"(?<= )[a-z]{4,}(?=[ .,:;)])")  # after a blank, so inside a string: no key, type or id is one
KEPT_WORDS = (b"null", b"true", b"false")
UUID = re.compile(rb"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
SESSION = re.compile(rb'("sessionId": ?")[^"]*')
AGENT = re.compile(rb'("agentId": ?")([^"]*)')
DAY = re.compile(rb'("timestamp": ?")(\d{4}-\d\d-\d\d)')


@dataclass(frozen=True, slots=True)
class Source:
    """A transcript: its lines, where a piece may begin (a prompt or an answer; indices of lines), where it began."""

    lines: tuple[bytes, ...]
    starts: tuple[int, ...]
    folder: bytes

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(map(len, self.lines))


def read_sources(folder: Path) -> tuple[list[Source], list[Source]]:
    """Return the main transcripts below a folder and those of sub-agents, without those that tell no folder."""
    found = [(path, _source(path)) for path in sorted(folder.rglob("*.jsonl"))]
    usable = [(path, source) for path, source in found if source.folder.count(b"/") > 1 and source.starts]
    agents = [source for path, source in usable if path.parent.name == "subagents"]
    return [source for path, source in usable if path.parent.name != "subagents"], agents


def _source(path: Path) -> Source:
    lines = tuple(path.read_bytes().splitlines(keepends=True))
    records = [_record(line) for line in lines]
    folder = next((record["cwd"] for record in records if record.get("cwd")), "")
    starts = (i for i, record in enumerate(records) if record.get("type") == "assistant" or prompt_of(record))
    return Source(lines, tuple(starts), folder.encode())


def _record(line: bytes) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


def prompt_of(record: dict[str, Any]) -> str:
    """Return what a user typed, "" for any other record."""
    message = record.get("message")
    content = message.get("content") if record.get("type") == "user" and isinstance(message, dict) else None
    blocks = [{"text": content}] if isinstance(content, str) else content or []
    texts = (block.get("text", "") for block in blocks if isinstance(block, dict))
    return next((text for text in texts if text and not text.startswith(("<", "[", "Base directory"))), "")


def questions(sources: Sequence[Source], count: int) -> list[str]:
    """Return the first words of prompts, shuffled with a fixed seed."""
    prompts = (prompt_of(_record(source.lines[i])) for source in sources for i in source.starts)
    found = list(dict.fromkeys(" ".join(prompt.split()[:12]) for prompt in prompts if len(prompt.split()) > 3))
    random.Random(SEED).shuffle(found)
    return found[:count]


class Copies:
    """Makes sessions that began in the folder `root` from pieces of `sources`, the same ones each time."""

    def __init__(self, sources: Sequence[Source], agents: Sequence[Source], root: Path) -> None:
        self._sources = sources
        self._sizes = [source.size for source in sources]
        self._agents = agents
        self._root = str(root).encode()
        words = Counter(word for source in sources for line in source.lines for word in WORD.findall(line))
        self._words = [word for word, _ in words.most_common() if word not in KEPT_WORDS]
        self._ranks = {word: rank for rank, word in enumerate(self._words)}

    def write(self, folder: Path, count: int) -> None:
        """Write sessions as Claude Code lays them out."""
        folder.mkdir(parents=True)
        for number in range(count):
            chosen = random.Random(SEED * count + number)
            session = self._uuid(number, b"session").decode()
            piece = self._piece(chosen)
            (folder / f"{session}.jsonl").write_bytes(self._varied(*piece, session, number))
            agents = chosen.choice((1, 2)) if chosen.random() < WITH_AGENTS else 0
            for agent in (f"{number:06x}{i}" for i in range(agents)):
                path = folder / session / "subagents" / f"agent-{agent}.jsonl"
                path.parent.mkdir(parents=True, exist_ok=True)
                source = chosen.choice(self._agents)
                path.write_bytes(self._varied(source.lines, source.folder, session, number, agent))

    def _piece(self, chosen: random.Random) -> tuple[Sequence[bytes], bytes]:
        """Return lines from a prompt or an answer on, about as many bytes as drawn."""
        (source,) = chosen.choices(self._sources, self._sizes)
        wanted = min(source.size, max(LEAST_BYTES, int(math.exp(chosen.gauss(math.log(MEDIAN_BYTES), SPREAD)))))
        left = [(start, sum(map(len, source.lines[start:]))) for start in chosen.choices(source.starts, k=STARTS_TRIED)]
        start = next((start for start, size in left if size >= wanted), 0)
        end, size = start, 0
        while size < wanted and end < len(source.lines):
            size += len(source.lines[end])
            end += 1
        return source.lines[start:end], source.folder

    def _varied(self, lines: Sequence[bytes], home: bytes, session: str, number: int, agent: str = "") -> bytes:
        """Return lines with the ids, days and words of one copy, as if it had been in the root."""
        days = timedelta(days=number % SPREAD_DAYS)
        text = b"".join(lines).replace(home, self._root)
        text = WORD.sub(lambda found: self._word(found[0], number), text)
        text = UUID.sub(lambda found: self._uuid(number, found[0]), text)
        text = SESSION.sub(lambda found: found[1] + session.encode(), text)
        text = DAY.sub(lambda found: found[1] + _earlier(found[2], days), text)
        return AGENT.sub(lambda found: found[1] + agent.encode(), text) if agent else text

    def _word(self, word: bytes, number: int) -> bytes:
        rank = self._ranks.get(word)
        if rank is None or (rank + number) % VARIED:
            return word
        return self._words[(rank + 1 + (number * 37 + rank) % NEAR) % len(self._words)]

    def _uuid(self, number: int, name: bytes) -> bytes:
        digest = hashlib.blake2b(b"%d:%b" % (number, name), digest_size=16).hexdigest()
        return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:]}".encode()


def _earlier(day: bytes, days: timedelta) -> bytes:
    return (date.fromisoformat(day.decode()) - days).isoformat().encode()


def write_files(sources: Sequence[Source], root: Path) -> None:
    """Write the files that the sessions wrote and edited, with the pieces of text that calls put into them."""
    texts: dict[str, list[str]] = {}
    for source in sources:
        for line in source.lines:
            message = _record(line).get("message")
            for block in message.get("content") or () if isinstance(message, dict) else ():
                asked = block.get("input") if isinstance(block, dict) and block.get("type") == "tool_use" else None
                asked = asked or {}
                path = str(asked.get("file_path", ""))
                if path.startswith(f"{source.folder.decode()}/"):
                    new = str(asked.get("content") or asked.get("new_string") or "")
                    texts.setdefault(path.removeprefix(f"{source.folder.decode()}/"), []).append(new)
    for name, parts in texts.items():
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("\n\n".join(dict.fromkeys(filter(None, parts))), "utf-8", errors="replace")
