"""Records of Claude Code: prompts and answers in blocks, calls and results as blocks of the two, much else beside."""

import re
from collections.abc import Callable, Iterator, Mapping

from instar.domain.sessions import Role
from instar.transcripts.prompts import typed
from instar.transcripts.tools import Call
from instar.transcripts.turns import Origin, Turns
from instar.transcripts.values import block_texts, clip, directory, identifier, mapping, seconds, sequence, string

_Record = Mapping[str, object]
_NAME = re.compile(r"[\w.-]{1,40}")
TITLE_CHARS = 300
_QUEUE, _RECORD = "queue", "record"
_COMPACTION = "acompact-"  # How the ids of sub-agents begin that do nothing but sum up a session.


def read(record: _Record, turns: Turns, *, thinking: bool) -> None:
    """Hand the parts of a record to `turns`."""
    state = turns.state
    uuid = identifier(record.get("uuid"))
    if uuid and uuid in state.recent:
        turns.pass_over("record: repeated")
        return
    _place(record, turns)
    prompt = _answered(record, turns)
    kind = string(record.get("type"))
    if kind == "user":
        prompt = _user(record, turns) or prompt
    elif kind == "assistant":
        _assistant(record, turns, thinking=thinking)
    else:
        _OTHERS.get(kind, _other)(record, turns)
    if uuid:
        state.remember(uuid, prompt)


def _place(record: _Record, turns: Turns) -> None:
    """Note session, folder and branch, where a record tells them: that of a queued prompt does not."""
    state = turns.state
    state.session = state.session or identifier(record.get("sessionId"))
    if record.get("isSidechain") is True:
        state.agent = state.agent or identifier(record.get("agentId"))
    folder = directory(record.get("cwd"))
    state.folder = state.folder or folder
    state.here = folder or state.here
    if "gitBranch" in record:
        state.branch = identifier(record.get("gitBranch"))


def _answered(record: _Record, turns: Turns) -> str:
    """Return the prompt a record answers: that of its parent, or the last one where the parent is not known."""
    parent = identifier(record.get("parentUuid")) or identifier(record.get("logicalParentUuid"))
    return turns.state.recent.get(parent, turns.state.prompt)


def _origin(record: _Record, turns: Turns) -> Origin:
    state = turns.state
    at = seconds(record.get("timestamp"))
    return turns.origin(identifier(record.get("uuid")), at, state.branch, state.here, _answered(record, turns))


def _blocks(record: _Record) -> Iterator[_Record]:
    """Yield the blocks of a message; a string, alone or among blocks, is a block of text."""
    message = record.get("message")
    content = message.get("content") if isinstance(message, dict) else message
    for block in [content] if isinstance(content, str) else sequence(content):
        yield {"type": "text", "text": block} if isinstance(block, str) else mapping(block)


def _kind(block: _Record) -> str:
    kind = string(block.get("type"))
    return kind if _NAME.fullmatch(kind) else "unknown"


def _user(record: _Record, turns: Turns) -> str:
    """Take results and what the user typed; return the id of the prompt, "" where the record is none."""
    texts: list[str] = []
    blocks = list(_blocks(record))
    for block in blocks:
        kind = _kind(block)
        if kind.endswith("tool_result"):
            _result(block, turns)
        elif kind == "text":
            texts.append(string(block.get("text")))
        else:
            turns.pass_over(f"user: {kind}")
    if not blocks:
        turns.pass_over("user: no content")
    return _prompt(record, texts, turns) if texts else ""


def _prompt(record: _Record, texts: list[str], turns: Turns) -> str:
    if record.get("isMeta") is True:
        turns.pass_over("user: meta")
    elif record.get("isCompactSummary") is True:
        turns.say(_origin(record, turns), "\n\n".join(texts))
    elif turns.state.agent.startswith(_COMPACTION):
        turns.pass_over("user: compaction request")
    elif text := _typed(texts, turns):
        if told := turns.state.told(_RECORD, Role.USER, text):
            turns.pass_over("user: repeats a queued prompt")
            turns.state.prompt = told
            return told
        turns.prompt(_origin(record, turns), text)
        return turns.state.prompt
    return ""


def _typed(texts: list[str], turns: Turns) -> str:
    parts: list[str] = []
    for part, reason in map(typed, texts):
        if part:
            parts.append(part)
        else:
            turns.pass_over(f"user: {reason}")
    return "\n\n".join(parts)


def _result(block: _Record, turns: Turns) -> None:
    texts, others = block_texts(block.get("content"))
    for kind in others:
        turns.pass_over(f"result: {kind if _NAME.fullmatch(kind) else 'unknown'}")
    turns.result(identifier(block.get("tool_use_id")), "\n".join(texts), failed=block.get("is_error") is True)


def _assistant(record: _Record, turns: Turns, *, thinking: bool) -> None:
    message = identifier(mapping(record.get("message")).get("id"))
    blocks = list(_blocks(record))
    for block in blocks:
        kind = _kind(block)
        text = string(block.get("thinking" if kind == "thinking" else "text")).strip()
        if kind.endswith("tool_use"):
            call = Call.of(string(block.get("name")), mapping(block.get("input")), turns.state.here, turns.redact)
            turns.call(_origin(record, turns), identifier(block.get("id")), call)
        elif kind.endswith("tool_result"):
            _result(block, turns)
        elif kind == "text" or (kind == "thinking" and thinking):
            if text:
                turns.say(_origin(record, turns), text, message)
            else:
                turns.pass_over("assistant: empty")
        else:
            turns.pass_over(f"assistant: {kind}")
    if not blocks:
        turns.pass_over("assistant: no content")


def _title(record: _Record, turns: Turns) -> None:
    """Take what the session was called, each time it changes."""
    title = turns.redact(string(record.get("customTitle")) or string(record.get("aiTitle")))
    title = clip(title, TITLE_CHARS)
    if title.strip() and title != turns.state.title:
        turns.aside(_origin(record, turns), Role.ASSISTANT, title)
        turns.state.title = title
    else:
        turns.pass_over("title: repeated")


def _summary(record: _Record, turns: Turns) -> None:
    """Take a summary that stands behind the record it ends with; others are those of another session."""
    summary = string(record.get("summary"))
    if summary.strip() and string(record.get("leafUuid")) in turns.state.recent:
        turns.aside(_origin(record, turns), Role.ASSISTANT, summary)
    else:
        turns.pass_over("summary: of another session")


def _queue(record: _Record, turns: Turns) -> None:
    """Take what the user typed while the agent was at work: often no other record holds it, sometimes one follows."""
    content = string(record.get("content"))
    text = typed(content)[0] if record.get("operation") == "enqueue" else ""
    if text:
        origin = _origin(record, turns)
        turns.aside(origin, Role.USER, text)
        turns.state.tell(_QUEUE, Role.USER, text, origin.id)
    else:
        turns.pass_over("queue-operation")


def _attachment(record: _Record, turns: Turns) -> None:
    attachment = mapping(record.get("attachment"))
    kind = _kind(attachment)
    mode, by = attachment.get("commandMode"), mapping(attachment.get("origin")).get("kind")
    text = ""
    if kind == "queued_command" and mode in (None, "prompt") and by in (None, "human"):
        text = "\n\n".join(filter(None, (typed(part)[0] for part in block_texts(attachment.get("prompt"))[0])))
    if text and turns.state.told(_RECORD, Role.USER, text) is None:
        turns.aside(_origin(record, turns), Role.USER, text)
    else:
        turns.pass_over(f"attachment: {kind}")


def _other(record: _Record, turns: Turns) -> None:
    kind = _kind(record)
    turns.pass_over(kind if kind in _KNOWN else f"unknown record: {kind}")


def _system(record: _Record, turns: Turns) -> None:
    subtype = string(record.get("subtype"))
    turns.pass_over(f"system: {subtype if _NAME.fullmatch(subtype) else 'unknown'}")


_KNOWN = frozenset(("progress", "file-history-snapshot", "pr-link", "mode", "last-prompt", "agent-name"))
_OTHERS: dict[str, Callable[[_Record, Turns], None]] = {
    "summary": _summary,
    "ai-title": _title,
    "custom-title": _title,
    "queue-operation": _queue,
    "attachment": _attachment,
    "system": _system,
}
