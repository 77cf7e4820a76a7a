"""What reading a transcript has to remember of the lines before, small enough to be stored with where it goes on."""

import json
from dataclasses import dataclass, field, replace
from hashlib import blake2b

from instar.domain.sessions import Role
from instar.transcripts.prompts import essence

RECENT_RECORDS = 128  # Of 3,724 parents in 20 MB of transcripts 4 stand more than 64 lines back.
RECENT_TEXTS = 16  # Texts of which a second record may come: it follows closely, or as soon as a queue is worked off.


@dataclass(slots=True)
class State:
    """What the lines read so far tell of those to come; `passed_over` counts from the start of the transcript.

    `session`, `agent` and `folder` are those of the transcript, `here` and `branch` hold for records that do not tell
    theirs, `prompt` is the id of the last prompt, `title` the last title. `recent` maps the ids of records to the
    prompt they answer, `texts` a text to who told it first (a source of records) and in which turn, `ids` one that was
    made from content to how many have it.
    """

    session: str = ""
    agent: str = ""
    folder: str = ""
    here: str = ""
    branch: str = ""
    prompt: str = ""
    title: str = ""
    recent: dict[str, str] = field(default_factory=dict)
    texts: dict[str, tuple[str, str]] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)
    passed_over: dict[str, int] = field(default_factory=dict)

    def copy(self) -> "State":
        """Return a state that does not change with this one."""
        return replace(
            self,
            recent=self.recent.copy(),
            texts=self.texts.copy(),
            ids=self.ids.copy(),
            passed_over=self.passed_over.copy(),
        )

    def remember(self, record: str, prompt: str) -> None:
        """Note which prompt a record answers."""
        self.recent.pop(record, None)
        self.recent[record] = prompt
        if len(self.recent) > RECENT_RECORDS:
            del self.recent[next(iter(self.recent))]

    def count(self, record: str) -> int:
        """Return how many have had this id before, made from content."""
        before = self.ids.pop(record, 0)
        self.ids[record] = before + 1
        if len(self.ids) > RECENT_RECORDS:
            del self.ids[next(iter(self.ids))]
        return before

    def tell(self, source: str, role: Role, text: str, turn: str) -> None:
        """Note that a source of records told this text, as another may tell it again."""
        self.texts[_digest(role, text)] = (source, turn)
        if len(self.texts) > RECENT_TEXTS:
            del self.texts[next(iter(self.texts))]

    def told(self, source: str, role: Role, text: str) -> str | None:
        """Return the turn in which another source told this text, once; None where none did."""
        key = _digest(role, text)
        if key not in self.texts or self.texts[key][0] == source:
            return None
        return self.texts.pop(key)[1]

    def encode(self) -> str:
        """Return the state as JSON."""
        prompts = list(dict.fromkeys(self.recent.values()))
        places = {prompt: place for place, prompt in enumerate(prompts)}
        words = [self.session, self.agent, self.folder, self.here, self.branch, self.prompt, self.title]
        recent = {record: places[prompt] for record, prompt in self.recent.items()}
        return json.dumps([words, prompts, recent, self.texts, self.ids, self.passed_over])


def decode(text: str) -> State:
    """Return an encoded state."""
    words, prompts, recent, texts, ids, passed_over = json.loads(text)
    state = State(*words)
    state.recent = {record: prompts[place] for record, place in recent.items()}
    state.ids = ids
    state.passed_over = passed_over
    state.texts = {key: (source, turn) for key, (source, turn) in texts.items()}
    return state


def _digest(role: Role, text: str) -> str:
    return blake2b(f"{role}:{essence(text)}".encode(), digest_size=8).hexdigest()
