"""Records of Codex: items of the model's responses in an envelope (older ones bare), and events beside them."""

import re
from collections.abc import Callable, Mapping
from hashlib import blake2b

from instar.domain.sessions import Role
from instar.transcripts import shell
from instar.transcripts.codex_results import loaded_json, parsed
from instar.transcripts.paths import within
from instar.transcripts.prompts import typed
from instar.transcripts.tools import Call, is_patch
from instar.transcripts.turns import Origin, Turns
from instar.transcripts.values import block_texts, directory, identifier, mapping, seconds, sequence, string

_Record = Mapping[str, object]
_NAME = re.compile(r"[\w.-]{1,40}")
_CWD = re.compile(r"<cwd>([^<]*)</cwd>|Current working directory: ([^<\n]+)")
_ENVELOPE = frozenset(("session_meta", "turn_context", "response_item", "event_msg", "compacted"))


def is_codex(record: _Record) -> bool:
    """Return whether a record is one of Codex: in its envelope, or bare in one of its forms."""
    kind = string(record.get("type"))
    if "payload" in record or "record_type" in record:
        return True
    bare_header = not kind and "id" in record and ("instructions" in record or "git" in record)
    return bare_header or (kind in _ITEMS and "uuid" not in record)


def folder(record: _Record) -> str:
    """Return the working folder a record tells, "" where it tells none."""
    payload = mapping(record.get("payload")) or record
    if string(payload.get("type")) == "message":
        texts = block_texts(payload.get("content"))[0]
        found = next((_CWD.search(text) for text in texts if text.startswith("<environment_context>")), None)
        return directory((found[1] or found[2]).strip()) if found else ""
    return directory(payload.get("cwd"))


def read(record: _Record, turns: Turns, *, thinking: bool) -> None:
    """Hand the parts of a record to `turns`."""
    kind = string(record.get("type"))
    body = mapping(record.get("payload")) if "payload" in record else record
    if "payload" in record and kind not in _ENVELOPE:
        turns.pass_over(f"unknown record: {_named(kind)}")
    elif "record_type" in record:
        turns.pass_over("state")
    elif kind == "session_meta" or not kind:
        _header(body, turns)
    elif kind == "turn_context":
        _move(record, turns)
        turns.pass_over(kind)
    elif kind == "event_msg":
        _event(record, body, turns)
    elif kind == "compacted":
        _compacted(record, body, turns)
    else:
        _item(record, body, turns, thinking=thinking)


def _named(kind: str) -> str:
    return kind if _NAME.fullmatch(kind) else "unknown"


def _move(record: _Record, turns: Turns) -> None:
    state = turns.state
    state.here = folder(record) or state.here
    state.folder = state.folder or state.here


def _header(body: _Record, turns: Turns) -> None:
    """Take session, agent, folder and branch; a fork repeats the header of what it was forked from behind its own."""
    turns.pass_over("session_meta")
    state = turns.state
    own = identifier(body.get("id"))
    if state.session or not own:
        return
    spawn = mapping(mapping(mapping(body.get("source")).get("subagent")).get("thread_spawn"))
    parent = identifier(spawn.get("parent_thread_id"))
    state.session = identifier(body.get("session_id")) or parent or own
    state.agent = own if parent else ""
    state.branch = identifier(mapping(body.get("git")).get("branch"))
    _move(body, turns)


def _origin(record: _Record, turns: Turns, made: str) -> Origin:
    """Return where a part stands; its id was `made` from what is the same in a fork, "" where nothing is."""
    state = turns.state
    return turns.origin(
        turns.told_apart(made), seconds(record.get("timestamp")), state.branch, state.here, state.prompt
    )


def _words_id(record: _Record, role: Role, *words: str) -> str:
    """Return an id for words, which have none: copied to another line they keep it; "" where they have no time."""
    time = string(record.get("timestamp"))
    return _digest(role, time, *words) if time else ""


def _digest(*told: str) -> str:
    return blake2b("\0".join(told).encode(), digest_size=16).hexdigest()


def _said(record: _Record, role: Role, text: str, source: str, turns: Turns) -> None:
    """Take a prompt or an answer, unless the other of item and event told it."""
    if turns.state.told(source, role, text) is not None:
        turns.pass_over(f"{source}: repeats the other record")
        return
    origin = _origin(record, turns, _words_id(record, role, text))
    if role is Role.USER:
        turns.prompt(origin, text)
    else:
        turns.say(origin, text)
    turns.state.tell(source, role, text, origin.id)


def _event(record: _Record, body: _Record, turns: Turns) -> None:
    kind = string(body.get("type"))
    text = string(body.get("message")).strip()
    if kind == "user_message" and (prompt := typed(text)[0]):
        _said(record, Role.USER, prompt, "event_msg", turns)
    elif kind == "agent_message" and text:
        _said(record, Role.ASSISTANT, text, "event_msg", turns)
    elif kind == "item_completed" and (plan := _plan(body)):
        _said(record, Role.ASSISTANT, plan, "event_msg", turns)
    else:
        if kind == "patch_apply_end":
            _patched(body, turns)
        turns.pass_over(f"event_msg: {_named(kind)}")


def _plan(body: _Record) -> str:
    """Return the text of a plan that is complete: the only item of which no response item tells the same."""
    completed = mapping(body.get("item"))
    return string(completed.get("text")).strip() if completed.get("type") == "Plan" else ""


def _patched(body: _Record, turns: Turns) -> None:
    """Note how a patch went: by its status, or in older events by whether it was a success."""
    status, success = body.get("status"), body.get("success")
    if isinstance(status, str) or isinstance(success, bool):
        went_well = status == "completed" if isinstance(status, str) else success is True
        turns.judge(identifier(body.get("call_id")), went_well=went_well)


def _compacted(record: _Record, body: _Record, turns: Turns) -> None:
    """Take the summary a compaction leaves; the history it replaces stands in the lines before."""
    if text := string(body.get("message")).strip():
        turns.say(_origin(record, turns, _words_id(record, Role.ASSISTANT, text)), text)
    else:
        turns.pass_over("compacted: empty")


def _item(record: _Record, body: _Record, turns: Turns, *, thinking: bool) -> None:
    kind = string(body.get("type"))
    if kind == "reasoning" and thinking:
        _reasoning(record, body, turns)
    elif kind in _READERS:
        _READERS[kind](record, body, turns)
    else:
        known = kind in _ITEMS
        turns.pass_over(f"response_item: {kind}" if known else f"unknown response_item: {_named(kind)}")


def _message(record: _Record, body: _Record, turns: Turns) -> None:
    texts, others = block_texts(body.get("content"))
    role = string(body.get("role"))
    for kind in others:
        turns.pass_over(f"message: {_named(kind)}")
    if role == "user":
        _move(record, turns)
        parts = [typed(text) for text in texts]
        for part, reason in parts:
            if not part:
                turns.pass_over(f"user: {reason}")
        texts = [part for part, _ in parts if part]
    elif role != "assistant":
        turns.pass_over(f"message: of {_named(role)}")
        return
    if text := "\n\n".join(texts).strip():
        _said(record, Role(role), text, "response_item", turns)
    elif role == "assistant":
        turns.pass_over("assistant: empty")


def _reasoning(record: _Record, body: _Record, turns: Turns) -> None:
    texts = block_texts(body.get("summary"))[0] + block_texts(body.get("content"))[0]
    if text := "\n\n".join(texts).strip():
        turns.say(_origin(record, turns, _words_id(record, Role.ASSISTANT, text)), text)
    else:
        turns.pass_over("response_item: reasoning")


def _call(record: _Record, body: _Record, turns: Turns) -> None:
    """Take a call: its input is JSON in a string, free text, or an action."""
    arguments = body.get("arguments", body.get("input", body.get("action")))
    inputs = mapping(arguments)
    if isinstance(arguments, str):
        inputs = mapping(loaded_json(arguments)) or {"input": arguments}
    if words := [string(word) for word in sequence(inputs.get("command"))]:
        inputs = {**inputs, "command": shell.script(words)}
    where = directory(inputs.get("workdir")) or directory(inputs.get("working_directory"))
    where = within(turns.state.here, where) if where else turns.state.here
    default = string(body.get("type")).removesuffix("_call")
    space = string(body.get("namespace"))
    name = (f"{space}__" if space else "") + (string(body.get("name")) or default)
    key = identifier(body.get("call_id"))
    own = key or identifier(body.get("id"))
    made = _digest("call", own) if own else _words_id(record, Role.TOOL, name, *map(string, inputs.values()))
    turns.call(_origin(record, turns, made), key, Call.of(name, inputs, where, turns.redact))


def _result(_record: _Record, body: _Record, turns: Turns) -> None:
    """Take a result; a patch went well only where that is told."""
    key = identifier(body.get("call_id"))
    result = parsed(body.get("output"))
    call = turns.waiting(key)
    unproven = call is not None and is_patch(call) and not result.proven
    turns.result(key, result.text, failed=result.failed or unproven)


_READERS: dict[str, Callable[[_Record, _Record, Turns], None]] = {
    "message": _message,
    **dict.fromkeys(("function_call", "custom_tool_call", "local_shell_call", "web_search_call"), _call),
    **dict.fromkeys(("function_call_output", "custom_tool_call_output"), _result),
}
_ITEMS = frozenset(
    (
        *_READERS,
        "reasoning",
        "agent_message",
        "ghost_snapshot",
        "compaction",
        "compaction_summary",
        "context_compaction",
        "image_generation_call",
        "tool_search_call",
        "tool_search_output",
    )
)
