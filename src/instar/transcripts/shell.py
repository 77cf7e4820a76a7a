"""Shell commands, read only as far as is plain to see: which files they print, and whether they run Instar."""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from instar.domain.sessions import Action, Touch
from instar.transcripts.outputs import Output
from instar.transcripts.patches import BEGIN, patch
from instar.transcripts.paths import joined, touch
from instar.transcripts.values import clip

COMMAND_CHARS = 1_000  # Of a command: longer ones carry a file in a here-document.
DESCRIPTION_CHARS = 300
READ_CHARS = 2_000  # Of a command that is taken apart.
_TOKEN = re.compile(
    r"""(?P<end>&&|\|\||[;|&\n])|(?P<redirection>\d?>>?(?:&\d)?|<)|(?P<word>(?:'[^']*'|"(?:\\.|[^"\\])*"|[^\s'";|&<>])+)""",
    re.DOTALL,
)
_ASSIGNMENT = re.compile(r"\w+=")
_PLAIN = re.compile(r"[^*?$`{}\[\]()~!\\'\"]+")
_QUOTED = re.compile(r"""'[^']*'|"(?:\\.|[^"\\])*\"""", re.DOTALL)
_NESTED = re.compile(r"[()`]")
_MOVERS = frozenset(("cd", "pushd", "popd"))
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
# Programs that print files, each with the options that take the next word.
_READERS = {
    "bat": frozenset(
        (
            *("-H", "-l", "-m", "-r", "--color", "--decorations", "--file-name", "--highlight-line", "--italic-text"),
            *("--language", "--line-range", "--map-syntax", "--pager", "--paging", "--style", "--tabs"),
            *("--terminal-width", "--theme", "--wrap"),
        )
    ),
    "cat": frozenset[str](),
    "head": frozenset(("-c", "-n", "--bytes", "--lines")),
    "less": frozenset(("-D", "-O", "-P", "-T", "-b", "-h", "-j", "-k", "-o", "-p", "-t", "-x", "-y", "-z")),
    "nl": frozenset(("-b", "-d", "-f", "-h", "-i", "-l", "-n", "-s", "-v", "-w")),
    "sed": frozenset(("-e", "-f", "-l")),
    "tail": frozenset(("-c", "-n", "-s", "--bytes", "--lines", "--pid", "--sleep-interval")),
}
_RUNNERS = frozenset(("env", "pipx", "python", "python3", "sudo", "time", "timeout", "uv", "uvx"))


@dataclass(slots=True)
class _Command:
    """A simple command and what ends it; `nested` where others stand in it, `escaped` where its words are not plain."""

    words: list[str] = field(default_factory=list)
    end: str = ""
    nested: bool = False
    escaped: bool = False


def script(words: list[str]) -> str:
    """Return the words of a program as a command; of a shell given its script as the last of three, the script."""
    return words[2] if len(words) == 3 and words[1] in ("-c", "-lc") else " ".join(words)


def show(name: str, command: str, description: str, folder: str) -> tuple[str, tuple[Touch, ...], Output]:
    """Return a command as text, the files it touches, and what is worth keeping of its output."""
    if BEGIN in command:
        text, touches = patch(command, folder)
        return f"{name}: apply_patch\n{text}", touches, Output.ERRORS
    text = f"{name}: {clip(command, COMMAND_CHARS)}\n{clip(description, DESCRIPTION_CHARS)}".rstrip("\n")
    commands = list(_commands(command))
    if any(_runs_instar(each.words) for each in commands):
        return text, (), Output.SILENT
    printing = bool(commands) and all(_program(each.words) in _PRINTERS for each in commands)
    return text, _read_files(commands, folder), Output.NOTHING if printing else Output.ERRORS


def _commands(text: str) -> Iterator[_Command]:
    """Yield each simple command, without assignments before it, redirections and here-documents."""
    command = _Command()
    skip = False
    for token in _TOKEN.finditer(text[:READ_CHARS].partition("<<")[0]):
        if token["end"]:
            command.end = token["end"]
            if command.words or command.nested:
                yield command
            command = _Command()
        elif token["redirection"]:
            skip = "&" not in token["redirection"]
        else:
            bare = _QUOTED.sub("", token["word"])
            command.nested |= _NESTED.search(bare) is not None
            command.escaped |= "\\" in bare
            if skip or (not command.words and _ASSIGNMENT.match(token["word"])):
                skip = False
            else:
                command.words.append(_unquoted(token["word"]))
    command.nested |= len(text) > READ_CHARS  # Its last word may be cut.
    if command.words:
        yield command


def _unquoted(word: str) -> str:
    return word[1:-1] if len(word) > 1 and word[0] == word[-1] and word[0] in "'\"" else word


def _program(words: list[str]) -> str:
    return posixpath.basename(words[0]) if words else ""


def _runs_instar(words: list[str]) -> bool:
    names = [posixpath.basename(word) for word in words[:6]]
    return names[:1] == ["instar"] or (names[:1] != [] and names[0] in _RUNNERS and "instar" in names)


def _read_files(commands: list[_Command], folder: str) -> tuple[Touch, ...]:
    """Return the files that are printed by name, up to where it is not plain to see in which folder they are."""
    touches: dict[Touch, None] = {}
    for command in commands:
        words = command.words
        if command.nested:
            break
        if not _MOVERS.isdisjoint(words):
            if not _is_plain_move(command):
                break
            folder = joined(folder, words[1])
        elif _program(words) in _READERS and not command.escaped:
            for path in _arguments(words):
                touches |= dict.fromkeys(touch(folder, path, Action.READ))
    return tuple(touches)


def _is_plain_move(command: _Command) -> bool:
    """Return whether a command is `cd` to a folder that it names, for the commands behind it."""
    plain = len(command.words) == 2 and command.words[0] == "cd" and _PLAIN.fullmatch(command.words[1])
    return bool(plain) and not command.words[1].startswith("-") and command.end not in ("|", "||", "&")


def _arguments(words: list[str]) -> list[str]:
    """Return the files among the words of a reader; `sed` must have `-n`, and its first argument is the script."""
    program = _program(words)
    options: list[str] = []
    named: list[str] = []
    rest = iter(words[1:])
    for word in rest:
        if word in _READERS[program]:
            next(rest, None)
        (options if word.startswith("-") else named).append(word)
    if program == "sed":
        named = named if "-e" in options else named[1:]
        named = named if "-n" in options else []
    return [word for word in named if _PLAIN.fullmatch(word) and not word.removeprefix("+").isdigit()]
