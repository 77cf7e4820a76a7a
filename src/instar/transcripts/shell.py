"""Shell commands, read only as far as is plain to see: which files they print, and whether they run Instar."""

import posixpath
import re
from collections.abc import Iterator

from instar.domain.sessions import Action, Touch
from instar.transcripts.outputs import Output
from instar.transcripts.patches import BEGIN, patch
from instar.transcripts.paths import joined, touch
from instar.transcripts.values import clip

COMMAND_CHARS = 1_000  # Of a command: longer ones carry a file in a here-document.
READ_CHARS = 2_000  # Of a command that is taken apart.
_TOKEN = re.compile(
    r"""(?P<end>&&|\|\||[;|&\n])|(?P<redirection>\d?>>?(?:&\d)?|<)|(?P<word>(?:'[^']*'|"(?:\\.|[^"\\])*"|[^\s'";|&<>])+)""",
    re.DOTALL,
)
_ASSIGNMENT = re.compile(r"\w+=")
_PLAIN = re.compile(r"[^*?$`{}\[\]()~!]+")
# Programs that print what is indexed as a file anyway, or nothing that tells something.
_PRINTERS = frozenset(
    (
        "bat",
        "cat",
        "cd",
        "echo",
        "fd",
        "find",
        "grep",
        "head",
        "less",
        "ls",
        "nl",
        "pwd",
        "rg",
        "sed",
        "sort",
        "tail",
        "true",
        "wc",
    )
)
_READERS = frozenset(("bat", "cat", "head", "less", "nl", "sed", "tail"))
_RUNNERS = frozenset(("env", "pipx", "python", "python3", "sudo", "time", "timeout", "uv", "uvx"))


def script(words: list[str]) -> str:
    """Return the words of a program as a command; of a shell given its script as the last of three, the script."""
    return words[2] if len(words) == 3 and words[1] in ("-c", "-lc") else " ".join(words)


def show(name: str, command: str, description: str, folder: str) -> tuple[str, tuple[Touch, ...], Output]:
    """Return a command as text, the files it touches, and what is worth keeping of its output."""
    if BEGIN in command:
        text, touches = patch(command, folder)
        return f"{name}: apply_patch\n{text}", touches, Output.ERRORS
    text = f"{name}: {clip(command, COMMAND_CHARS)}" + (f"\n{description}" if description else "")
    commands = list(_commands(command))
    if any(_runs_instar(words) for words in commands):
        return text, (), Output.SILENT
    printing = bool(commands) and all(_program(words) in _PRINTERS for words in commands)
    return text, _read_files(commands, folder), Output.NOTHING if printing else Output.ERRORS


def _commands(text: str) -> Iterator[list[str]]:
    """Yield the words of each simple command, without assignments before it, redirections and here-documents."""
    words: list[str] = []
    skip = False
    for token in _TOKEN.finditer(text[:READ_CHARS].partition("<<")[0]):
        if token["end"]:
            if words:
                yield words
            words = []
        elif token["redirection"]:
            skip = "&" not in token["redirection"]
        elif skip or (not words and _ASSIGNMENT.match(token["word"])):
            skip = False
        else:
            words.append(_unquoted(token["word"]))
    if words:
        yield words


def _unquoted(word: str) -> str:
    return word[1:-1] if len(word) > 1 and word[0] == word[-1] and word[0] in "'\"" else word


def _program(words: list[str]) -> str:
    return posixpath.basename(words[0])


def _runs_instar(words: list[str]) -> bool:
    names = [posixpath.basename(word) for word in words[:6]]
    return names[0] == "instar" or (names[0] in _RUNNERS and "instar" in names)


def _read_files(commands: list[list[str]], folder: str) -> tuple[Touch, ...]:
    """Return the files that are printed by name; a `cd` before counts."""
    touches: dict[Touch, None] = {}
    for words in commands:
        if words[0] == "cd" and len(words) == 2 and _PLAIN.fullmatch(words[1]):
            folder = joined(folder, words[1])
        elif _program(words) in _READERS:
            for path in _arguments(words):
                touches |= dict.fromkeys(touch(folder, path, Action.READ))
    return tuple(touches)


def _arguments(words: list[str]) -> list[str]:
    """Return the files among the words of a reader; `sed` must have `-n`, and its first argument is the script."""
    options = [word for word in words[1:] if word.startswith("-")]
    named = [word for word in words[1:] if not word.startswith("-")]
    if _program(words) == "sed":
        named = named[1:] if "-n" in options else []
    return [word for word in named if _PLAIN.fullmatch(word) and not word.isdigit()]
