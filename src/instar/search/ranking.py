"""From what the arms found to an order of hits: what is known of code counts beside the words and the vector.

A candidate begins with its fused score as a share of the best one's. Signals add to it, priors of the path multiply it,
and each further hit of one file counts less than the one before. The constants were chosen on four repositories of the
code search benchmark (78 questions) and on 420 questions made from the docstrings and names of three large packages;
`benchmarks/README.md` gives what each is worth there, and on repositories that were not used to choose them.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from instar.domain.chunks import TOOL_RUN
from instar.domain.corpus import SourceKind
from instar.domain.stored import ChunkTraits
from instar.domain.tokens import PARTS
from instar.search.fusion import Candidate

DEFINITION = 1.0
"""A question that is a name wants its definition: as much again as the best fused score."""
DEFINITION_IN_QUESTION = 0.5
"""A name among other words may be there by the way."""
VERBATIM = 0.5
"""What holds the question as it is, a name or a line of an error message, is likelier meant than what has its parts."""
VERBATIM_DEPTH = 3
"""Candidates of the lexical arm that are looked at for it, for what holds all words in order is among its first; where
the question is a name all are, for its uses come before its definition."""
SYMBOL_WORDS = 0.65
"""Times the share of the question's words that stand in the names a chunk defines."""
FILE_EVIDENCE = 0.2
"""Times the file's share of all evidence: a file in which much answers is likelier to be what is looked for."""
FILE_CANDIDATES = 20
"""Candidates of one file that count as evidence, so that a long file does not win by its length."""
TESTS = EXAMPLES = 0.3
DOCUMENTS = REEXPORTS = 0.7
"""Priors of paths: what uses or lists a thing repeats its words and is rarely what explains it."""
TOOL_RUNS = 0.7
"""In a session the words of people and agents say why; what tools printed repeats theirs."""
SATURATION = 0.65
"""Each further hit of a file, or of one turn of a session, counts so much of the one before."""
FIRST_HITS = 10
SHARE_OF_EACH = 5
"""Where files and sessions both have something, one in so many of the first hits is left to either: two of ten cost
.005 of nDCG@10 on code questions among unrelated sessions."""

SHORTEST_WORD = 3
"""Letters by which a word of the question and one of a name, of which one begins with the other, are taken as one."""

_SEPARATORS = re.compile(r"::|->|[.#\\/]")
_NAME = re.compile(r"[A-Za-z_]\w*(?:(?:::|->|[.#\\/])[A-Za-z_]\w*)*[!?]?(?:\(\))?")
_INSIDE = re.compile(r"(?<![\w.])[A-Za-z_]\w*(?:(?:::|\.)[A-Za-z_]\w*)*")
_TELLING_NAME = re.compile(r"[a-z][A-Z]|[A-Z]{2}[a-z]|\w_\w|::")
_COMMON = (
    " a after an and are as at be before by do does for from has have how if in into is it its not of on or than that"
    " the this to was what when where which who why with "
)

# By the conventions of each language's test runners: a file named `test_functions.bash` is no test to anybody.
_TEST_PATH = re.compile(
    r"(?:^|/)(?:tests?|__tests__|specs?|testdata|fixtures)/"
    r"|(?:^|/)(?:test_[^/]*\.py|conftest\.py|[^/]*_test\.(?:py|go|rb|exs|c|cc|cpp|lua)|[^/]*_spec\.(?:rb|lua)"
    r"|[^/]*\.(?:test|spec)\.[cm]?[jt]sx?|[^/]*(?:Tests?|Spec|Suite)\.(?:java|kt|cs|scala|swift|php)|[^/]*\.bats)$"
)
_EXAMPLE_PATH = re.compile(r"(?:^|/)_?(?:examples?|samples?|demos?)/")
_REEXPORT_PATH = re.compile(r"(?:^|/)(?:__init__\.py|index\.[cm]?[jt]sx?|mod\.rs|package-info\.java)$")
_MAYBE = re.compile(r"[Tt]est|[Ss]pec|Suite|fixtures|example|sample|demo|__init__|index\.|mod\.rs|package-info")
_ABOUT_TESTS = frozenset({"test", "tests", "testing", "tested", "spec", "specs", "fixture", "fixtures"})
_ABOUT_EXAMPLES = frozenset({"example", "examples", "sample", "samples", "demo", "demos"})
_DEFINING = frozenset({"function", "class", "module"})


@dataclass(frozen=True, slots=True)
class Question:
    """What of a question concerns names: its telling words by how they begin and their number, the names it holds.

    `bare` is true where it is just a name.

    `verbatim` has the words of the question as it stands, in lower case where they are several, none where it is a
    single plain word; `assigned` is the expression that finds where a bare name is given a value, None where the
    question is not one.
    """

    words: Mapping[str, Sequence[str]]
    size: int
    names: frozenset[str]
    bare: bool
    verbatim: tuple[str, ...]
    assigned: str | None
    about_tests: bool
    about_examples: bool


class _Nature(NamedTuple):
    """What the path of a file says that it is."""

    test: bool
    example: bool
    reexport: bool


_PLAIN = _Nature(test=False, example=False, reexport=False)


def read_question(text: str) -> Question:
    """Find the words and names of a question."""
    stripped = text.strip()
    bare = _NAME.fullmatch(stripped) is not None
    named = [stripped.rstrip("()!?")] if bare else filter(_TELLING_NAME.search, _INSIDE.findall(stripped))
    names = frozenset(_SEPARATORS.split(name)[-1] for name in named)
    words = _words(stripped)
    telling = [word for word in words if f" {word} " not in _COMMON and len(word) >= SHORTEST_WORD]
    return Question(
        words=_by_beginning(telling),
        size=len(telling),
        names=names,
        bare=bare,
        verbatim=_verbatim(stripped),
        assigned=_assigned(*names) if bare else None,
        about_tests=not _ABOUT_TESTS.isdisjoint(words),
        about_examples=not _ABOUT_EXAMPLES.isdisjoint(words),
    )


def _verbatim(text: str) -> tuple[str, ...]:
    words = tuple(text.split())
    if len(words) == 1:
        return words if re.search(r"[^a-z]", text) else ()
    return tuple(word.lower() for word in words)


def _assigned(name: str) -> str:
    return rf"(?m)^[ \t]*(?:[\w.]+[ \t]+){{0,3}}{re.escape(name)}[ \t]*(?::[^=\n]*)?=(?!=)"


def worth_reading(question: Question, found: Sequence[tuple[Candidate, ChunkTraits]]) -> list[int]:
    """Return the ids of the chunks whose texts tell whether they hold the question as it is."""
    if not question.verbatim:
        return []
    return [
        traits.chunk_id
        for candidate, traits in found
        if candidate.lexical_rank is not None and (question.bare or candidate.lexical_rank <= VERBATIM_DEPTH)
    ]


class Ranked(NamedTuple):
    """A candidate in its place; see `instar.domain.search.Hit` for score and confidence."""

    candidate: Candidate
    traits: ChunkTraits
    score: float
    confidence: float | None


def least_of_each(limit: int) -> int:
    """Return how many of the first hits are left to sessions, and to files, where there are as many candidates."""
    return min(limit, FIRST_HITS) // SHARE_OF_EACH


def rank(
    question: Question, found: Sequence[tuple[Candidate, ChunkTraits]], texts: Mapping[int, str], limit: int
) -> list[Ranked]:
    """Return the best `limit` in order; `texts` by chunk are those of `worth_reading`."""
    if not found:
        return []
    best = max(candidate.score for candidate, _ in found) or 1.0  # all are 0 where the arm with a weight found nothing
    shares = [candidate.score / best for candidate, _ in found]
    evidence = _evidence((traits.unit, share) for (_, traits), share in zip(found, shares, strict=True))
    scores = []
    for (_, traits), share in zip(found, shares, strict=True):
        signals = _by_name(question, traits) + _by_text(question, texts.get(traits.chunk_id))
        scores.append((share + FILE_EVIDENCE * evidence[traits.unit] + signals) * _prior(question, traits))
    of_sessions = [traits.source == SourceKind.SESSIONS for _, traits in found]
    order = _saturated(scores, [traits.unit for _, traits in found])
    confidences = _confidences([score for _, score in order])
    placed = [Ranked(*found[i], score, sure) for (i, score), sure in zip(order, confidences, strict=True)]
    return _with_both(placed, [of_sessions[i] for i, _ in order], limit)[:limit]


def _confidences(scores: Sequence[float]) -> list[float | None]:
    """Return how far each score stands above the next, as a share of it; None where there is no next."""
    above = [1 - after / score if score > 0 else 0.0 for score, after in pairwise(scores)]
    return [*above, None]


def _with_both(placed: list[Ranked], of_sessions: Sequence[bool], limit: int) -> list[Ranked]:
    """Move up what sessions, or files, lack of their places among the hits that are read first."""
    size = min(limit, FIRST_HITS, len(placed))
    first = list(range(size))
    for wanted in (True, False):
        missing = least_of_each(size) - sum(of_sessions[i] is wanted for i in first)
        spare = [i for i in range(size, len(placed)) if of_sessions[i] is wanted][: max(missing, 0)]
        others = [i for i in first if of_sessions[i] is not wanted]
        given_up = set(others[len(others) - len(spare) :])
        first = [i for i in first if i not in given_up] + spare
    moved = [*first, *sorted(set(range(len(placed))) - set(first))]
    return [placed[i] for i in moved]


def _evidence(shares: Iterable[tuple[int, float]]) -> dict[int, float]:
    """Return for each file or turn the sum of what it has, as a share of that of the best one."""
    of_unit: defaultdict[int, list[float]] = defaultdict(list)
    for unit, share in shares:
        of_unit[unit].append(share)
    sums = {unit: sum(sorted(all_)[-FILE_CANDIDATES:]) for unit, all_ in of_unit.items()}
    most = max(sums.values()) or 1.0
    return {unit: value / most for unit, value in sums.items()}


def _by_name(question: Question, traits: ChunkTraits) -> float:
    """Return what the names that a chunk defines add."""
    if traits.source != SourceKind.CODE or not traits.symbol:
        return 0.0
    gained = SYMBOL_WORDS * _share(question, traits.symbol)
    if question.names and traits.kind in _DEFINING and not question.names.isdisjoint(_defined(traits.symbol)):
        gained += DEFINITION if question.bare else DEFINITION_IN_QUESTION
    return gained


def _share(question: Question, symbol: str) -> float:
    """Return the share of the question's words that stand in a name."""
    named = _named(symbol)
    standing = {
        word
        for beginning in question.words.keys() & named.keys()
        for word in question.words[beginning]
        for name in named[beginning]
        if word.startswith(name) or name.startswith(word)
    }
    return len(standing) / question.size if standing else 0.0


def _by_text(question: Question, text: str | None) -> float:
    """Return what it adds that a text holds the question as it is; an assignment defines a name, too."""
    if text is None or not question.verbatim or not _stands_in(question.verbatim, text):
        return 0.0
    defines = question.assigned is not None and re.search(question.assigned, text) is not None
    return VERBATIM + (DEFINITION if defines else 0.0)


def _stands_in(words: tuple[str, ...], text: str) -> bool:
    """Say whether a text holds words one after the other, with any white space between; several in whatever case."""
    searched = text.lower() if len(words) > 1 else text
    if not all(word in searched for word in words):  # seldom are they: to compile an expression takes longer
        return False
    first, *others = map(re.escape, words)
    # That the first word begins there is asked behind it: an expression that begins with letters is found faster.
    return re.search(r"\s+".join([rf"{first}(?<!\w{first})", *others]) + r"(?!\w)", searched) is not None


def _prior(question: Question, traits: ChunkTraits) -> float:
    if traits.source == SourceKind.SESSIONS:
        return TOOL_RUNS if traits.kind == TOOL_RUN else 1.0
    nature = _nature(traits.path)
    prior = DOCUMENTS if traits.source == SourceKind.DOCS else 1.0
    if nature.test and not question.about_tests:
        prior *= TESTS
    if nature.example and not question.about_examples:
        prior *= EXAMPLES
    if nature.reexport:
        prior *= REEXPORTS
    return prior


def _saturated(scores: Sequence[float], units: Sequence[int]) -> list[tuple[int, float]]:
    """Return (index, score) in order, where every better one of its unit makes a candidate count less."""
    taken: Counter[int] = Counter()
    lowered: list[tuple[int, float]] = []
    for i in sorted(range(len(scores)), key=lambda i: (-scores[i], i)):
        lowered.append((i, scores[i] * SATURATION ** taken[units[i]]))
        taken[units[i]] += 1
    return sorted(lowered, key=lambda placed: (-placed[1], placed[0]))


@lru_cache(1 << 15)
def _words(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.lower() for part in PARTS.findall(text)))


def _by_beginning(words: Iterable[str]) -> dict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for word in words:
        found[word[:SHORTEST_WORD]].append(word)
    return dict(found)


@lru_cache(1 << 15)
def _named(symbol: str) -> dict[str, list[str]]:
    """Return the words of the names that a chunk defines, by how they begin."""
    return _by_beginning(_words(symbol))


@lru_cache(1 << 15)
def _defined(symbol: str) -> frozenset[str]:
    """Return the names that a chunk's symbol says it defines, without the paths before them."""
    return frozenset(path.rpartition(".")[2].rstrip("!?") for path in symbol.split(" "))


@lru_cache(1 << 14)
def _nature(path: str) -> _Nature:
    if not _MAYBE.search(path):  # most paths: one look instead of three
        return _PLAIN
    return _Nature(
        _TEST_PATH.search(path) is not None,
        _EXAMPLE_PATH.search(path) is not None,
        _REEXPORT_PATH.search(path) is not None,
    )
