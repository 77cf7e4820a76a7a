"""The rules of ignore files, compiled for many look-ups.

Nearly all rules in use are a plain name, a plain path or a `*.suffix`; these are looked up in tables, and
only the rest goes into one regular expression. One rule at a time, a hundred of them would cost a hundred
calls for every file.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from instar.adapters.sources.patterns import IgnorePattern, parse_lines, to_regex

# Ignore files whose compiled rules are kept for the next scan; monorepos have a few hundred.
_CACHED_FILES = 512


class _Matcher:
    """Finds the last of some rules that matches; rules are known by their rank, their place in the file."""

    def __init__(self, ranked: Iterable[tuple[int, IgnorePattern]]) -> None:
        self._literals: dict[str, int] = {}
        self._suffixes: dict[str, int] = {}
        globs: list[tuple[int, str]] = []
        for rank, pattern in ranked:
            if pattern.literal:
                self._literals[pattern.glob] = rank
            elif pattern.suffix:
                self._suffixes[pattern.suffix] = rank
            elif (regex := to_regex(pattern)) is not None:
                globs.append((rank, regex))
        self._endings = tuple(self._suffixes)
        # The last rule comes first: an alternation tries its branches in order, so the group that matched is
        # the last rule that does.
        globs.reverse()
        self._ranks = [rank for rank, _ in globs]
        self._globs = re.compile("|".join(f"({regex})" for _, regex in globs), re.DOTALL) if globs else None

    def __bool__(self) -> bool:
        return bool(self._literals or self._suffixes or self._globs)

    def last(self, subject: str) -> int:
        """Return the rank of the last rule that matches, -1 where none does."""
        rank = self._literals.get(subject, -1)
        if self._endings and subject.endswith(self._endings):
            rank = max(rank, *(r for suffix, r in self._suffixes.items() if subject.endswith(suffix)))
        if self._globs is not None and (found := self._globs.fullmatch(subject)):
            rank = max(rank, self._ranks[(found.lastindex or 1) - 1])
        return rank


class IgnoreRules:
    """The rules of one ignore file."""

    def __init__(self, patterns: list[IgnorePattern]) -> None:
        ranked = list(enumerate(patterns))
        self._ignores = [not pattern.negated for pattern in patterns]
        self._files = _matchers((r, p) for r, p in ranked if not p.directory_only)
        self._directories = _matchers(ranked)

    def verdict(self, name: str, path: str, *, is_directory: bool) -> bool | None:
        """Return True if the file ignores the entry, False if it includes it again, None if it does not say.

        `path` is relative to the folder of the ignore file and ends in `name`; both have one character for
        each byte. Says nothing of the folders above: what is below an ignored folder is never asked about.
        """
        by_name, by_path = self._directories if is_directory else self._files
        rank = by_name.last(name) if by_name else -1
        if by_path:
            rank = max(rank, by_path.last(path))
        return self._ignores[rank] if rank >= 0 else None


def _matchers(ranked: Iterable[tuple[int, IgnorePattern]]) -> tuple[_Matcher | None, _Matcher | None]:
    rules = list(ranked)
    by_name = _Matcher((r, p) for r, p in rules if p.by_name)
    by_path = _Matcher((r, p) for r, p in rules if not p.by_name)
    return by_name or None, by_path or None


@lru_cache(maxsize=_CACHED_FILES)
def compile_rules(raw: bytes) -> IgnoreRules | None:
    """Compile the bytes of an ignore file; None if it has no rule."""
    patterns = parse_lines(raw)
    return IgnoreRules(patterns) if patterns else None


@dataclass(frozen=True, slots=True)
class RuleChain:
    """Ignore files from the innermost folder outwards; the first that says something about an entry decides.

    Each stands with the length of the path of its folder (with its final slash), which is cut from the paths
    asked for.
    """

    files: tuple[tuple[int, IgnoreRules], ...] = ()

    def within(self, base: int, rules: IgnoreRules | None) -> "RuleChain":
        """Return the chain for a folder that has an ignore file of its own."""
        return self if rules is None else RuleChain(((base, rules), *self.files))

    def verdict(self, name: str, path: str, *, is_directory: bool) -> bool | None:
        """As `IgnoreRules.verdict`, with `path` from where the chain starts to count."""
        for base, rules in self.files:
            decided = rules.verdict(name, path[base:], is_directory=is_directory)
            if decided is not None:
                return decided
        return None
