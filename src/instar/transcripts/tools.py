"""Calls of tools as short texts: what was asked for, what was put in, and how it went where that tells something."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from instar.domain.sessions import Action, Touch
from instar.transcripts import shell
from instar.transcripts.inputs import Redact, cleaned
from instar.transcripts.outputs import PROSE_CHARS, Output, excerpt, keeps
from instar.transcripts.patches import BEGIN, NEW_CHARS, patch
from instar.transcripts.paths import touch
from instar.transcripts.values import clip, mapping, sequence, string

FIELD_CHARS = 300  # Of one input of a tool that is not known.
INPUT_CHARS = 1_000  # Of all its inputs.
MAX_NAME = 100
_INSTAR = re.compile(r"mcp__(?:.*_)?instar__|instar__")


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a tool, clean of secrets; relative paths in its input are relative to `folder`."""

    name: str
    input: Mapping[str, object]
    folder: str
    redact: Redact

    @classmethod
    def of(cls, name: str, inputs: Mapping[str, object], folder: str, redact: Redact) -> "Call":
        """Return a call without its secrets: they are taken out before anything is cut, selected or joined."""
        clean = cleaned({"tool": name, "folder": folder, "input": inputs}, redact)
        return cls(string(clean["tool"]), mapping(clean["input"]), string(clean["folder"]), redact)

    def text(self, *names: str) -> str:
        """Return the first of these inputs that is a string and not empty, "" where none is."""
        return next((value for name in names if (value := string(self.input.get(name)))), "")


_Shown = tuple[str, tuple[Touch, ...], Output]


def render(call: Call, output: str | None, *, failed: bool) -> tuple[str, tuple[Touch, ...]]:
    """Return a call and what is kept of its output as text, and the files it touched: none where it failed.

    `output` is None where no result is known: then nothing tells that it touched them.
    """
    text, touches, kept = _show(call)
    result = excerpt(call.redact(output), kept, failed=failed) if output and keeps(kept, failed=failed) else ""
    if result:
        text += f"\n{'error: ' if failed else ''}{result}"
    return text, () if failed or output is None else touches


def is_patch(call: Call) -> bool:
    """Return whether a call applies a patch, also in a shell command."""
    return call.name == "apply_patch" or BEGIN in call.text("command", "cmd")


def _show(call: Call) -> _Shown:
    if _INSTAR.match(call.name):
        return f"{clip(call.name, MAX_NAME)}: {_inputs(call)}", (), Output.SILENT
    return _TOOLS.get(call.name, _unknown)(call)


def _inputs(call: Call) -> str:
    """Return the inputs that are strings, named, each and together bounded."""
    named = [
        f"{clip(call.redact(string(name)), MAX_NAME)}: {clip(string(value), FIELD_CHARS)}"
        for name, value in call.input.items()
        if isinstance(value, str) and value.strip()
    ]
    return clip("\n".join(named), INPUT_CHARS)


def _unknown(call: Call) -> _Shown:
    return f"{clip(call.name, MAX_NAME) or 'tool'}: {_inputs(call)}".rstrip(": "), (), Output.START


def _headed(call: Call, *names: str) -> str:
    values = [clip(value, FIELD_CHARS) for name in names if (value := string(call.input.get(name)))]
    return f"{call.name}: {' '.join(values)}".rstrip(": ")


def _quiet(*names: str, kept: Output = Output.NOTHING) -> Callable[[Call], _Shown]:
    """Return how a tool is shown of which these inputs tell everything."""
    return lambda call: (_headed(call, *names), (), kept)


def _shell(call: Call) -> _Shown:
    return shell.show(call.name, call.text("command", "cmd"), call.text("description", "justification"), call.folder)


def _read(call: Call) -> _Shown:
    path = call.text("file_path", "notebook_path", "path")
    return _headed(call, "file_path", "notebook_path", "path"), touch(call.folder, path, Action.READ), Output.NOTHING


def _changed(action: Action, *new: str) -> Callable[[Call], _Shown]:
    """Return how a tool is shown that puts the text of one of these inputs into a file."""

    def show(call: Call) -> _Shown:
        path = call.text("file_path", "notebook_path")
        edits = [string(mapping(edit).get("new_string")) for edit in sequence(call.input.get("edits"))]
        text = clip("\n".join(edits) or call.text(*new), NEW_CHARS)
        return (
            f"{_headed(call, 'file_path', 'notebook_path')}\n{text}".rstrip(),
            touch(call.folder, path, action),
            Output.NOTHING,
        )

    return show


def _patch(call: Call) -> _Shown:
    text, touches = patch(call.text("input", "patch"), call.folder)
    return f"{call.name}\n{text}", touches, Output.NOTHING


def _task(call: Call) -> _Shown:
    prompt = clip(call.text("prompt", "message"), PROSE_CHARS)
    return f"{_headed(call, 'subagent_type', 'agent_type', 'description')}\n{prompt}".rstrip(), (), Output.PROSE


def _plan(call: Call) -> _Shown:
    """Show the items of a list of things to do, or the words of a plan."""
    entries = [*sequence(call.input.get("todos")), *sequence(call.input.get("plan"))]
    lines = [
        f"{string(item.get('status'))}: {string(item.get('content')) or string(item.get('step'))}"
        for item in map(mapping, entries)
        if item
    ]
    text = "\n".join(filter(None, (call.text("explanation"), call.text("plan"), *lines)))
    return f"{call.name}: {clip(text, PROSE_CHARS)}".rstrip(": "), (), Output.NOTHING


def _question(call: Call) -> _Shown:
    lines = []
    for question in map(mapping, sequence(call.input.get("questions"))):
        lines.append(string(question.get("question")))
        lines += [f"- {string(mapping(option).get('label'))}" for option in sequence(question.get("options"))]
    return f"{call.name}: {clip(chr(10).join(lines), PROSE_CHARS)}", (), Output.START


_TOOLS: dict[str, Callable[[Call], _Shown]] = {
    **dict.fromkeys(("Bash", "shell", "container.exec", "exec_command", "shell_command", "local_shell"), _shell),
    **dict.fromkeys(("Read", "NotebookRead", "read_file", "view_image"), _read),
    "Edit": _changed(Action.EDIT, "new_string"),
    "MultiEdit": _changed(Action.EDIT),
    "NotebookEdit": _changed(Action.EDIT, "new_source"),
    "Write": _changed(Action.WRITE, "content"),
    "apply_patch": _patch,
    "Grep": _quiet("pattern", "path", "glob"),
    "Glob": _quiet("pattern", "path"),
    "LS": _quiet("path"),
    "grep_files": _quiet("pattern", "path"),
    "list_dir": _quiet("dir_path", "path"),
    **dict.fromkeys(("Task", "Agent", "spawn_agent", "send_input"), _task),
    **dict.fromkeys(("TodoWrite", "update_plan", "ExitPlanMode"), _plan),
    **dict.fromkeys(("AskUserQuestion", "request_user_input"), _question),
    "WebFetch": _quiet("url", "prompt", kept=Output.START),
    "WebSearch": _quiet("query", kept=Output.START),
    "web_search": _quiet("query", "url", "pattern"),
    "Skill": _quiet("skill", "command", "args"),
    "SlashCommand": _quiet("command"),
    **dict.fromkeys(("TaskOutput", "BashOutput", "KillShell", "write_stdin"), _quiet("chars", kept=Output.ERRORS)),
}
