"""Parts of a transcript, in the order of its lines, put together to turns; and from where reading can go on.

An assistant's message goes on with the next record of the same message, a run of tool calls with the next call, and a
call waits for its result. So turns stay open, and reading goes on at the last border between two lines where a turn
began, none waited and nothing before took anything from the lines behind. Where none comes for `MAX_WAIT` lines, since
calls always overlap, what is open is closed there.
"""

from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Protocol

from instar.domain.sessions import Resume, Role, Touch, Turn
from instar.transcripts.inputs import Redact
from instar.transcripts.state import State
from instar.transcripts.tools import Call, render

TURN_CHARS = 1_500  # A long run of calls is split there: about what is embedded as one chunk.
MAX_WAIT = 1_000  # Lines a turn may go on or wait for a result; a sub-agent may report progress in hundreds.
MAX_KINDS = 200  # Kinds of what is passed over that are told apart; the rest is "other".
HASHED_BYTES = 4_096  # Of a record without an id, from which one is made.


@dataclass(frozen=True, slots=True)
class Origin:
    """The record of a part: its id, its line, and what it says of time and place."""

    id: str
    line: int
    at: float | None
    branch: str
    folder: str
    answers: str

    def turn(self, role: Role, text: str, last: int, touches: tuple[Touch, ...] = ()) -> Turn:
        """Return a turn that begins with this part and ends on the line `last`."""
        answers = "" if role is Role.USER else self.answers
        return Turn(self.id, role, text, self.line, last, self.at, self.branch, self.folder, answers, touches)


class _Open(Protocol):
    """A turn or a run of turns that may go on."""

    def turns(self) -> list[Turn]: ...


@dataclass(slots=True)
class _Words:
    """A prompt, or the texts of one message (`message` is its id, "" where it can have no more)."""

    origin: Origin
    role: Role
    message: str
    texts: list[str]
    last: int

    def turns(self) -> list[Turn]:
        return [self.origin.turn(self.role, "\n\n".join(self.texts), self.last)]


@dataclass(slots=True)
class _Call:
    """A call in a run; it has a text when its result has come, or none is to be expected."""

    origin: Origin
    call: Call
    run: "_Run"
    last: int
    text: str | None = None
    touches: tuple[Touch, ...] = ()
    went_well: bool | None = None

    def show(self, output: str | None, *, failed: bool = False) -> None:
        self.text, self.touches = render(self.call, output, failed=failed)
        self.run.size += len(self.text) + 1


@dataclass(slots=True)
class _Run:
    """Calls with no words between them."""

    calls: list[_Call] = field(default_factory=list)
    size: int = 0

    def turns(self) -> list[Turn]:
        """Return the calls, some in a turn: as many as bring it to `TURN_CHARS`."""
        turns: list[Turn] = []
        part: list[_Call] = []
        size = 0
        for call in self.calls:
            if call.text is None:
                call.show(None)
            part.append(call)
            size += len(call.text or "") + 1
            if size >= TURN_CHARS or call is self.calls[-1]:
                turns.append(_joined(part))
                part, size = [], 0
        return turns


def _joined(calls: list[_Call]) -> Turn:
    text = "\n".join(call.text or "" for call in calls)
    touches = tuple(dict.fromkeys(touch for call in calls for touch in call.touches))
    return calls[0].origin.turn(Role.TOOL, text, max(call.last for call in calls), touches)


class Turns:
    """Takes the parts of one line after another; `state` is what they leave behind.

    `redact` is for whoever cuts or selects: words that are taken whole are redacted when they are stored.
    """

    def __init__(self, state: State, start: Resume, redact: Redact) -> None:
        self.state = state
        self.redact = redact
        self._line = start.line
        self._raw = b""
        self._made = 0
        self._turns: list[Turn] = []
        self._open: list[_Open] = []
        self._waiting: dict[str, _Call] = {}
        self._used = start.line
        self._border = self._before = (start.offset, start.line, state.copy())

    def begin(self, raw: bytes, line: int, offset: int) -> None:
        """Go on to a line; `offset` is where it begins."""
        self._line, self._raw, self._made = line, raw, 0
        self._before = (offset, line - 1, self.state.copy())
        if line - self._border[1] > MAX_WAIT:
            self._waiting.clear()
            self._close()
            self._border = self._before

    def pass_over(self, kind: str) -> None:
        """Count what gives no turn."""
        counts = self.state.passed_over
        kind = kind if kind in counts or len(counts) < MAX_KINDS else "other"
        counts[kind] = counts.get(kind, 0) + 1

    def origin(self, record: str, at: float | None, branch: str, folder: str, answers: str) -> Origin:
        """Return the origin of the next part of this line; `record` is the id of the record, "" if it has none."""
        if not record:
            content = self._raw.rstrip(b"\r\n")[:HASHED_BYTES]
            record = blake2b(b"%d:%b" % (self._line, content), digest_size=16).hexdigest()
        made, self._made = self._made, self._made + 1
        return Origin(f"{record}/{made}" if made else record, self._line, at, branch, folder, answers)

    def told_apart(self, record: str) -> str:
        """Return an id made from content, with a number behind it where the transcript had the same before."""
        if not record:
            return ""
        before = self.state.count(record)
        return f"{record}-{before}" if before else record

    def prompt(self, origin: Origin, text: str) -> None:
        """Take what the user typed."""
        self._start(_Words(origin, Role.USER, "", [text], self._line))
        self.state.prompt = origin.id

    def say(self, origin: Origin, text: str, message: str = "") -> None:
        """Take words of the assistant; `message` is the id of the message they belong to, if it can have several."""
        last = self._open[-1] if self._open else None
        if isinstance(last, _Words) and message and last.message == message:
            last.texts.append(text)
            last.last = self._used = self._line
        else:
            self._start(_Words(origin, Role.ASSISTANT, message, [text], self._line))

    def aside(self, origin: Origin, role: Role, text: str) -> None:
        """Take words that do not interrupt what goes on: a title, a prompt typed while the agent is at work."""
        self._turns.append(replace(origin, answers="").turn(role, text, self._line))

    def call(self, origin: Origin, key: str, call: Call) -> None:
        """Take a call; its result has the same key ("" where none will come)."""
        run = self._open[-1] if self._open else None
        if not isinstance(run, _Run) or run.size >= TURN_CHARS:
            run = _Run()
            self._start(run)
        taken = _Call(origin, call, run, self._line)
        run.calls.append(taken)
        self._used = self._line
        unanswered = self._waiting.pop(key, None) if key else taken
        if unanswered:
            unanswered.show(None)
        if key:
            self._waiting[key] = taken

    def waiting(self, key: str) -> Call | None:
        """Return the call with this key, None where none waits for its result."""
        return self._waiting[key].call if key in self._waiting else None

    def judge(self, key: str, *, went_well: bool) -> None:
        """Note how the call with this key went, where that is told apart from its result and before it."""
        if key in self._waiting:
            self._waiting[key].went_well = went_well

    def result(self, key: str, output: str, *, failed: bool) -> None:
        """Take the result of the call with this key."""
        call = self._waiting.pop(key, None)
        if call is None:
            self.pass_over("result: no call")
            return
        if call.went_well is not None:
            failed = not call.went_well
        call.show(output, failed=failed)
        call.last = self._used = self._line

    def finish(self) -> tuple[tuple[Turn, ...], Resume]:
        """Return all turns, in the order of their first lines, and where reading goes on."""
        self._close()
        offset, line, state = self._border
        self._turns.sort(key=lambda turn: turn.first_line)
        return tuple(self._turns), Resume(offset, line, state.encode())

    def _start(self, part: _Open) -> None:
        if not self._waiting:
            self._close()
            if self._used < self._line:
                self._border = self._before
        self._open.append(part)
        self._used = self._line

    def _close(self) -> None:
        for part in self._open:
            self._turns += part.turns()
        self._open = []
