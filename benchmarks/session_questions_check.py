"""Check the questions about sessions against the transcripts they were written from.

    INSTAR_TEST_DATA=… python benchmarks/session_questions_check.py [--list]

Fails where a file, a line or a uuid is not there, where a question shares an undeclared word with an answer to it, or
where its plain twin is missing or copies a run of words from an answer.
Prints counts, and for both phrasings how many of the content words stand in the passages that answer and in the whole
turns.
`--list` prints each question with the answers next to it, to be read.
"""

import argparse
import json
import os
import re
import statistics
import sys
import unicodedata
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

QUESTIONS = Path(__file__).parent / "data" / "session_questions.jsonl"
SUFFIXES = re.compile(r"(ing|ed|es|s|er|or|ion|ions|ly|e)$")
SHORTEST = 3  # letters a content word has at least
PHRASINGS = {"question": "words avoided", "plain": "plain"}  # field of a question: what to call it
COPIED = 3  # content words in a row that make a copy: two are often the usual name of a thing
PREFIX = 6  # words with so many first letters in common count as the same: "authentification", "authentication"
WORDS_OF_NO_CONTENT = """
    about after again all along also although and any are because been before being beside between both but can
    cannot could did does doing done down during each either else even ever every few first for from get give given
    got had has have her here him his how if instead into its itself just last later least less like made make many
    may might more most much must near neither never new next nobody none nor not nothing now off once one only onto
    other our out over own per put really same several shall she should since some somebody someone something still
    such than that the their them then there these they this those though three through thus too two under unless
    until upon use used uses using very was way were what when where whether which while who whom whose why will with
    within without would yet you your
    afin ainsi alors apres assez aucun aucune aussi autre autres avait avant avec avoir beaucoup bien car ceci cela
    celle celles celui ces cet cette ceux chaque chez comme comment dans depuis des deux dire doit dont donc elle elles
    encore entre est etaient etait etant ete etre eux fait faire fallait faut fois font hors ils jamais jusque laquelle
    lequel les lesquels leur leurs lors lorsqu lorsque lui mais meme mes moins mon nos notre nous ont par parce
    pas pendant peu peut plus pour pourquoi pris puis quand que quel quelle quelles quels qui quoi rien sans sauf selon
    ses seul seule seulement sert ses soit son sont sous sur tel telle toujours tous tout toute toutes trois trop une
    uniquement vers voici vos votre vous vrai vraie
"""
STOP_WORDS = frozenset(WORDS_OF_NO_CONTENT.split())


def unaccented(text: str) -> str:
    """Return a text without accents, and with the line breaks and tabs of JSON as spaces."""
    return unicodedata.normalize("NFKD", re.sub(r"\\[nt]", " ", text)).encode("ascii", "ignore").decode()


def words(text: str) -> set[str]:
    """Return the content words of a text, in lower case and without accents; names are cut at humps and dashes too."""
    bare = unaccented(text)
    cut = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", bare)
    whole = re.findall(r"[A-Za-z]+", bare)
    return {word.lower() for word in (*cut, *whole) if len(word) >= SHORTEST} - STOP_WORDS


def in_order(text: str) -> list[str]:
    """Return the content words of a text as they follow each other; here an identifier or a path is one word."""
    found = re.findall(r"\w+(?:[./@:]+\w+)*", unaccented(text).lower())
    return [word for word in found if len(word) >= SHORTEST and word not in STOP_WORDS]


def keys(word: str) -> set[str]:
    """Return what two words must have one of in common to count as the same."""
    stem = SUFFIXES.sub("", word)
    return {"=" + (stem if len(stem) >= SHORTEST else word)} | ({word[:PREFIX]} if len(word) >= PREFIX else set())


def common(question: str, text: str, declared: list[str]) -> set[str]:
    """Return the undeclared content words of the question that the text has as well."""
    known = {key for word in words(text) for key in keys(word)}
    allowed = {key for word in words(" ".join(declared)) for key in keys(word)}
    return {word for word in words(question) if keys(word) & known and not keys(word) & allowed}


def copies(question: str, text: str, declared: list[str]) -> list[str]:
    """Return the runs of COPIED content words, none of them declared, that the question has in common with the text."""
    allowed = {key for word in words(" ".join(declared)) for key in keys(word)}
    there = runs(text)
    return [
        " ".join(run)
        for run in runs(question)
        if not any(keys(word) & allowed for word in run)
        and any(all(keys(a) & keys(b) for a, b in zip(run, other, strict=True)) for other in there)
    ]


def runs(text: str) -> list[tuple[str, ...]]:
    """Return every COPIED content words of a text that follow each other."""
    found = in_order(text)
    return list(zip(*(found[start:] for start in range(COPIED)), strict=False))


@cache
def records(path: Path) -> tuple[dict[str, Any], ...]:
    """Return the records of a transcript, one a line; what is no object is an empty one."""
    with path.open(encoding="utf-8") as lines:
        return tuple(row if isinstance(row, dict) else {} for row in map(json.loads, lines))


def said(record: dict[str, Any]) -> str:
    """Return what a prompt, an answer or a tool run says; thinking and progress say nothing."""
    content = record.get("message", {}).get("content", "") if record.get("type") in {"user", "assistant"} else ""
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    return "\n".join(filter(None, (block_text(block) for block in blocks)))


def block_text(block: dict[str, Any]) -> str:
    """Return the words of one block of a message."""
    if block["type"] == "tool_use":
        return json.dumps(block["input"], ensure_ascii=False)
    if block["type"] == "tool_result" and isinstance(block["content"], list):
        return "\n".join(part.get("text", "") for part in block["content"])
    return str(block.get({"text": "text", "tool_result": "content"}.get(block["type"], ""), ""))


def turn(root: Path, answer: dict[str, Any]) -> str:
    """Return the text of the records an answer points to."""
    first, last = answer["lines"]
    return "\n".join(filter(None, map(said, records(root / answer["file"])[first - 1 : last])))


def passage(root: Path, answer: dict[str, Any]) -> str:
    """Return the part of the turn that answers: all of it, or the characters of `passage`."""
    start, end = answer.get("passage", (None, None))
    return turn(root, answer)[start:end]


def faults(root: Path, question: dict[str, Any]) -> list[str]:
    """Return what is wrong with a question."""
    found = [f for answer in question["relevant"] for f in misplaced(root, answer)]
    if found or not question["relevant"]:
        return found or ["no answer"]
    shared = {w for answer in question["relevant"] for w in overlap(root, question, answer)}
    texts = " ".join(passage(root, answer) for answer in question["relevant"])
    idle = [name for name in question["shared"] if not common(name, question["question"], []) & common(name, texts, [])]
    return [
        *(f"undeclared: {word}" for word in sorted(shared)),
        *(f"declared for nothing: {name}" for name in idle),
        *unfit_twin(root, question),
    ]


def unfit_twin(root: Path, question: dict[str, Any]) -> list[str]:
    """Return what is wrong with the plain phrasing of a question."""
    twin = question.get("plain", "").strip()
    if not twin or twin == question["question"]:
        return ["no plain phrasing"]
    texts = [passage(root, answer) for answer in question["relevant"]]
    return [f"copied: {run}" for run in sorted({r for t in texts for r in copies(twin, t, question["shared"])})]


def misplaced(root: Path, answer: dict[str, Any]) -> list[str]:
    """Return how an answer fails to point into the transcripts."""
    path, (first, last) = root / answer["file"], answer["lines"]
    if not path.is_file():
        return [f"no file {answer['file']}"]
    if not 1 <= first <= last <= len(records(path)):
        return [f"no lines {first} to {last} in {answer['file']}"]
    if records(path)[first - 1].get("uuid") != answer["uuid"]:
        return [f"line {first} of {answer['file']} has another uuid"]
    start, end = answer.get("passage", (0, 1))
    return (
        [] if 0 <= start < end <= len(turn(root, answer)) else [f"no such passage at line {first} of {answer['file']}"]
    )


def overlap(root: Path, question: dict[str, Any], answer: dict[str, Any]) -> set[str]:
    """Return the undeclared words that a question shares with an answer."""
    return common(question["question"], passage(root, answer), question["shared"])


def shares(root: Path, question: dict[str, Any], phrasing: str) -> tuple[float, float]:
    """Return which share of the content words, names included, stand in the passages and in the whole turns."""
    parts = (" ".join(read(root, answer) for answer in question["relevant"]) for read in (passage, turn))
    asked = question[phrasing]
    counts = [len(common(asked, text, [])) / len(words(asked)) for text in parts]
    return counts[0], counts[1]


def summary(name: str, root: Path, questions: list[dict[str, Any]]) -> str:
    """Return a line on some of the questions, and one on each phrasing of them."""
    answers = [len(question["relevant"]) for question in questions]
    return "\n".join(
        [
            f"{name:>3}: {len(questions)} questions, {sum(answers)} answers, {answers.count(1)} with one only",
            *(summary_of_phrasing(phrasing, root, questions) for phrasing in PHRASINGS),
        ]
    )


def summary_of_phrasing(phrasing: str, root: Path, questions: list[dict[str, Any]]) -> str:
    """Return a line on one phrasing of some of the questions."""
    in_passage, in_turn = zip(*(shares(root, question, phrasing) for question in questions), strict=True)
    length = statistics.mean(len(question[phrasing].split()) for question in questions)
    free = sum(share == 0 for share in in_passage)
    return (
        f"     {PHRASINGS[phrasing]:>13}: {length:4.1f} words each; of the content words"
        f" {statistics.mean(in_passage):5.1%} in the passages, {statistics.mean(in_turn):5.1%} in the whole turns;"
        f" {free} share none with a passage"
    )


def repeated(values: list[Any]) -> bool:
    """Return whether a value stands twice."""
    return len(set(values)) < len(values)


def show(root: Path, question: dict[str, Any]) -> None:
    """Print a question and what answers it."""
    print(
        f"\n{question['id']} [{question['language']}, {question['kind']}] {question['question']} {question['shared']}"
    )
    print(f"     plain: {question['plain']}")
    for answer in question["relevant"]:
        text = " ".join(passage(root, answer).split())
        print(f"   {Path(answer['file']).stem[:24]}:{answer['lines']} {text[:420]}")


def main() -> None:
    """Check all questions and print their distribution."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--list", action="store_true")
    listed = parser.parse_args().list
    root = Path(os.environ["INSTAR_TEST_DATA"]) / "sessions"
    questions = [json.loads(line) for line in QUESTIONS.read_text("utf-8").splitlines()]
    wrong = [f"{q['id']}: {fault}" for q in questions for fault in faults(root, q)]
    wrong += [f"{field} stands twice" for field in ("id", *PHRASINGS) if repeated([q.get(field) for q in questions])]
    if listed:
        for question in questions:
            show(root, question)
    if wrong:
        sys.exit("\n".join(wrong))
    for language in sorted({q["language"] for q in questions}):
        print(summary(language, root, [q for q in questions if q["language"] == language]))
    print(summary("all", root, questions))
    print("kinds:", dict(Counter(q["kind"] for q in questions).most_common()))
    print("files:", dict(Counter(q["relevant"][0]["file"] for q in questions).most_common()))


if __name__ == "__main__":
    main()
