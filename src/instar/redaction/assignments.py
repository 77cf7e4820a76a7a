"""Secrets given to a name that says so: `password = "…"`, `api_key: …`, `SECRET_KEY=…`, `--token …`."""

import re
from collections.abc import Iterator

from instar.redaction.judgement import is_code, is_placeholder, looks_chosen, looks_random, looks_weak
from instar.redaction.spans import Span, View

PASSWORD = "password"  # noqa: S105  the name of a kind, not a password
SECRET = "generic-secret"  # noqa: S105  likewise

# Kinds that a name and the form of its value tell apart from the general ones.
_NAMED: tuple[tuple[str, re.Pattern[str], re.Pattern[str]], ...] = (
    (
        "aws-secret-key",
        re.compile(r"aws.{0,20}(?:secret|key)|secret.?access.?key"),
        re.compile(r"[A-Za-z0-9/+]{40}"),
    ),
    (
        "azure-storage-key",
        re.compile(r"account.?key|shared.?access.?key"),
        re.compile(r"[A-Za-z0-9+/]{42,88}={1,2}"),
    ),
    ("twilio-auth-token", re.compile(r"twilio"), re.compile(r"[0-9a-f]{32}")),
    ("npm-auth", re.compile(r"_auth(?:token)?$|:_password$"), re.compile(r"[A-Za-z0-9+/=_.-]{8,512}")),
    ("datadog-key", re.compile(r"datadog|dd_ap[ip]"), re.compile(r"[0-9a-f]{32}|[0-9a-f]{40}")),
    ("cloudflare-key", re.compile(r"cloudflare|cf_api"), re.compile(r"[A-Za-z0-9_-]{37,40}")),
    ("heroku-key", re.compile(r"heroku"), re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")),
)
KINDS = (PASSWORD, SECRET, *(kind for kind, _, _ in _NAMED))

_KEYWORDS = (b"pass", b"pwd", b"secret", b"token", b"key", b"credential", b"_auth")
_KEYWORD = r"(?P<word>pass(?:words?|wd|phrase|code)?|pwd|secrets?|tokens?|keys?|credentials?|_auth)"
# From the keyword to its value. The rest of the name; its closing quote or bracket; a type; the operator.
_HEAD = _KEYWORD + (
    r"(?P<rest>[A-Za-z0-9_.-]{0,32}+)\\{0,7}[\"'`]?\]?(?:\[[0-9]{0,4}\])?"
    r"(?P<operator>"
    r"\s{0,8}(?::\s{0,2}[A-Za-z_][A-Za-z0-9_.\[\]| ]{0,40}\s{0,3}=|:=|=>|={1,3}|!==?"
    r"|:(?: {0,4}[>|][+-]?(?:(?=\s)|\\{1,7}n))?|\()\s{0,16}"
    r"|(?<=[\"'`]),\s{0,4}(?=\\{0,7}[\"'])"
    r"|[\s\\n\"',]{0,40}value\\{0,7}[\"']?\s{0,4}[:=]\s{0,4}"
    r"|>|[ \t]is:? |[ \t]{1,4})"
)
# A possessive group with a choice in it does not match in Python before 3.11.5: only single characters are possessive.
_VALUE = (
    r"(?:[A-Za-z@]{0,2}(?P<quote>\"{3}|'{3}|[\"'`])(?P<quoted>(?:\\[^\s\x00-\x1f]|(?!(?P=quote))[^\\\s\x00-\x1f]){6,512})(?P=quote)"
    r"|(?:\\{1,7}[\"']){1,3}(?P<escaped>[^\"'\\\s\x00-\x1f]{6,512}+)\\{1,7}[\"']"
    r"|(?P<bare>[^\s\"'`\\\x00-\x1f<>(){}\[\],;&|=]{6,512}+={0,2})(?P<after>[^\s]?))"
)
_ASSIGNMENT = re.compile(_HEAD + _VALUE, re.IGNORECASE)

# "key" alone is any key; only these make it a secret one.
_KEY_OWNER = re.compile(
    r"(?:api|app|access|account|admin|auth|client|consumer|deploy|encrypt(?:ion)?|crypt|hmac|license|master|private|secret|"
    r"service|shared|sign(?:ing|ature)?|storage|subscription|integration|write|read|ingest|security|session)[_.\- ]?$"
)
# Names of what is public although a keyword stands in them, and what may follow the keyword to name something
# about the secret instead of it (password_hash, tokenUrl, secret-name).
_PUBLIC_NAME = re.compile(
    r"public|pub_?key|csrf|publishable|anon_?key|idempot|checksum|(?:page|next|continuation|sync)_?token|token_?ize|smanager:"
)
_PUBLIC_REST = re.compile(
    r"[_.-]?(?:hash|digest|sha|md5|finger|ids?(?![a-z])|ur[li]|name|type|path|file|class|header|field|param|prefix|suffix|"
    r"len|count|size|at$|arn|kind|format|version|manager)",
    re.IGNORECASE,
)
_NAME_BEFORE = re.compile(r"[A-Za-z0-9_.:-]{0,40}\Z")
_NAME_REACH = 40
# A setting of a database connection string (ADO, ODBC, JDBC) shortly before, which makes any value a password.
_CONNECTION = re.compile(
    r"(?:server|data source|host|address|user id|uid|user(?:name)?|catalog|database)\s{0,3}="
    r"[^\n()]{1,200}[;&]\s{0,2}\Z",
    re.I,
)
_CONNECTION_REACH = 240
_ENV_NAME = re.compile(r"(?:\A|\\n|[\n\"' ])(?:export )?[A-Z][A-Z0-9_]{1,60}\Z")
_ENV_REACH = 70
_DOCKER_ENV = re.compile(r"(?:ENV|ARG) [A-Z0-9_]{0,40}\Z")
# With nothing but a space before it, a quote may as well close a message that ends in the keyword.
_CODE_BETWEEN_QUOTES = re.compile(r"[(),;]")
_TELLING = re.compile("[0-9!#$%^&*?~@]")
_REST_OF_VALUE = re.compile(r"[^\s\"'`\\\x00-\x1f]{0,511}[^\s\"'`\\\x00-\x1f,.;:)]")
_LEAST_BARE_TOKEN = 20
_LEAST_BARE_PASSWORD = 10


def scan(view: View) -> Iterator[Span]:
    """Yield the values of a text that stand beside a telling name."""
    for keyword in _KEYWORDS:
        position = view.folded.find(keyword)
        while position >= 0:
            match = _ASSIGNMENT.match(view.text, position)
            if match and (span := _judge(view.text, match)):
                yield span
            position = view.folded.find(keyword, position + len(keyword))


def _judge(text: str, match: re.Match[str]) -> Span | None:
    group = "quoted" if match["quoted"] else "escaped" if match["escaped"] else "bare"
    if not _TELLING.search(match[group]) and (group != "bare" or not match["word"].lower().startswith("p")):
        return None  # what every judgement but that of a connection string asks for, and quickly known
    start = match.start()
    before = text[max(0, start - _NAME_REACH) : start]
    prefix = _NAME_BEFORE.search(before)
    name = ((prefix[0] if prefix else "") + match["word"] + match["rest"]).lower()
    if _PUBLIC_REST.match(match["rest"]) or _PUBLIC_NAME.search(name) or not _names_secret(match, name, before):
        return None
    if group == "bare":
        return _judge_bare(text, match, name)
    if not match["operator"].strip() and _CODE_BETWEEN_QUOTES.search(match[group]):
        return None
    kind = _kind_of(match["word"], name, match[group])
    if kind is None and _is_password_itself(match) and looks_weak(match[group]):
        kind = PASSWORD
    return Span(match.start(group), match.end(group), kind) if kind else None


def _is_password_itself(match: re.Match[str]) -> bool:
    """Whether the name ends in the keyword and the value is given to it directly."""
    return match["word"].lower() in {"password", "passwd", "passphrase", "pwd"} and (
        not match["rest"] and match["operator"].strip() in {"=", ":", "=>", ":="}
    )


def _names_secret(match: re.Match[str], name: str, before: str) -> bool:
    """Whether the whole name, not the keyword in it alone, is one of a secret."""
    word, rest = match["word"].lower(), match["rest"]
    if "." in rest and "(" in match["operator"]:
        return False  # a method of it is called
    if word == "pass":
        # As a word of its own (DB_PASS, dbPass), not in bypass, passing or passValue.
        joined = before[-1:].isalpha() and not match["word"][0].isupper()
        named = match["operator"].strip() not in {"", "("} or before.endswith("--")
        return named and not joined and not rest[:1].isalpha()
    if word.startswith("key"):
        return _KEY_OWNER.search(before.lower()) is not None or "secret" in name or "private" in name
    return True


def _kind_of(word: str, name: str, value: str) -> str | None:
    for kind, named, form in _NAMED:
        if named.search(name) and form.fullmatch(value) and looks_random(value):
            return kind
    if word.lower().startswith(("pass", "pwd")):
        return PASSWORD if looks_chosen(value) else None
    return SECRET if looks_random(value) else None


def _judge_bare(text: str, match: re.Match[str], name: str) -> Span | None:
    """Judge a value without quotes, where code would have an expression."""
    begin, end = match.span("bare")
    is_password = match["word"].lower().startswith(("pass", "pwd"))
    operator = match["operator"].strip()
    if is_password and operator == "=" and _in_connection_string(text, match.start()):
        value = match["bare"]
        return None if is_placeholder(value) else Span(begin, end, PASSWORD)
    if (
        not _TELLING.search(match["bare"])
        or operator in {"(", ","}
        or (not operator and not _takes_argument(text, match.start(), name))
    ):
        return None
    if operator == "=" and _ENV_NAME.search(text, max(0, match.start() - _ENV_REACH), match.end("rest")):
        rest = _REST_OF_VALUE.match(text, begin)
        end = rest.end() if rest else end
    elif match["after"] in {"(", "["}:
        return None
    value = text[begin:end]
    if len(value) < (_LEAST_BARE_PASSWORD if is_password else _LEAST_BARE_TOKEN) or is_code(value):
        return None
    kind = _kind_of(match["word"], name, value)
    return Span(begin, end, kind) if kind else None


def _takes_argument(text: str, position: int, name: str) -> bool:
    """Whether a value may follow the name after a space: an option, or a variable set in a Dockerfile."""
    return (
        name.startswith("-")
        or "--" in name
        or _DOCKER_ENV.search(text[max(0, position - _NAME_REACH) : position]) is not None
    )


def _in_connection_string(text: str, position: int) -> bool:
    if text[max(0, position - 3) : position].rstrip()[-1:] not in {";", "&"}:
        return False
    return _CONNECTION.search(text[max(0, position - _CONNECTION_REACH) : position]) is not None
