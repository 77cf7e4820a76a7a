"""Whether a value looks like a secret: not a word, a name, a placeholder, a reference or a piece of code."""

import re

# What authors write where a secret would stand, and what a program puts there itself.
_PLACEHOLDER = re.compile(
    r"example|sample|change.?me|replace.?me|placeholder|dummy|your[_-]|^your|_here$|redacted|not.?a.?real|insert|"
    r"xxxx|\*\*\*|\.\.\.|…|todo|undefined|"
    r"^(?:pass(?:word|wd|phrase)?|pwd|pw|secret|token|user(?:name)?|none|null|nil|true|false|default|string)[0-9]{0,3}$|"
    r"^[<(\[{].{0,256}[>)\]}][+*?]?$|\$\{|\{\{|\$\(|\{[a-z0-9_.!:]{0,64}\}|<%|%\(|(?:^|[^a-z0-9])%[sdrv](?:$|[^a-z0-9])|#\{|^\$[a-z_][a-z_0-9]{0,64}(?:/|$)|^_[a-z_]{1,64}_$|"
    r"^%[a-z_0-9]{1,64}%$|^@[a-z0-9_.-]{1,64}/|://|^arn:|^/[a-z_./-]{1,200}$|^(?:\.{1,2}|~)/|^(.)\1{0,512}$",
    re.IGNORECASE,
)
# Pieces of code where a bare value would stand: a call, an index, a dotted path, a generic type, an arrow.
_CODE = re.compile(
    r"[A-Za-z_]\w{0,64}[(\[]|^[A-Za-z_]\w{0,64}(?:\.[A-Za-z_]\w{0,64}){1,16}$|[=-]>|\(\)|::|^[A-Za-z]\w{0,64}\?"
)
_WORD = re.compile(r"[A-Z]?[a-z]{3,64}|[A-Z]{3,64}")
_VOWEL = re.compile(r"[aeiouyAEIOUY]")
_CLASSES = tuple(re.compile(pattern) for pattern in ("[a-z]", "[A-Z]", "[0-9]", "[^A-Za-z0-9\\s]"))
_WEAK = re.compile(r"(?=[^0-9]{0,63}[0-9])(?=[^A-Za-z]{0,63}[A-Za-z])[^\s/\\(){}<>]{6,64}")
_UUID_OR_HEX = re.compile(r"(?=[^0-9]{0,80}[0-9])(?=[^a-fA-F]{0,80}[a-fA-F])[0-9a-fA-F-]{32,128}")

_HOST_AND_PORT = re.compile(r"[a-z0-9.-]{1,128}:[0-9]{2,5}")

_SWITCH = re.compile(r"(?<=[A-Za-z])[0-9]|(?<=[0-9])[A-Za-z]")
_SYMBOL = re.compile(r"[!#$%^&*?~@]")

# Letters and digits that touch: random values switch every few characters, names (oauth2_token_v1) hardly do.
_MANY_SWITCHES = 4
# Share of a value that may be words before it counts as text, where it has few switches. Of 20,000 random values
# of 32 letters and digits, 3 in 100 exceed one half; names in source code mostly lie above it.
_MOST_WORDS = 0.5
_MOST_WORDS_OF_PASSWORD = 0.75
# A machine-made secret of fewer characters than this is rare, and short values are mostly names.
_LEAST_LENGTH = 16
_LEAST_PASSWORD = 8
# Different characters in a random value: 16 random hexadecimal digits have 10 on average.
_LEAST_DIFFERENT = 7
_LEAST_DIFFERENT_OF_PASSWORD = 6
# Above this a value is a number, a date or a version.
_MOST_DIGITS = 0.8
_LEAST_CLASSES_OF_PASSWORD = 3


def is_placeholder(value: str) -> bool:
    """Whether a value stands for a secret rather than being one."""
    return _PLACEHOLDER.search(value) is not None


def is_code(value: str) -> bool:
    """Whether a value without quotes is an expression."""
    return _CODE.search(value) is not None


def looks_random(value: str) -> bool:
    """Whether a value looks made by a machine: a key or a token."""
    if len(value) < _LEAST_LENGTH or len(set(value)) < _LEAST_DIFFERENT or is_placeholder(value):
        return False
    if _UUID_OR_HEX.fullmatch(value):
        return True
    digits = sum(char.isdigit() for char in value)
    if not 1 <= digits <= _MOST_DIGITS * len(value) or not any(char.isalpha() for char in value):
        return False
    return len(_SWITCH.findall(value)) >= _MANY_SWITCHES or _share_of_words(value) <= _MOST_WORDS


def looks_chosen(value: str) -> bool:
    """Whether a value looks like a password: short, but of several classes of characters and not only words."""
    if _HOST_AND_PORT.fullmatch(value) or is_placeholder(value):
        return False
    if len(value) < _LEAST_PASSWORD or len(set(value)) < _LEAST_DIFFERENT_OF_PASSWORD:
        return False
    if not any(char.isdigit() for char in value):
        mixed = value != value.lower() and value != value.upper() and _SYMBOL.search(value) is not None
        return mixed and _share_of_words(value) <= _MOST_WORDS
    if sum(pattern.search(value) is not None for pattern in _CLASSES) < _LEAST_CLASSES_OF_PASSWORD:
        return looks_random(value)
    return _share_of_words(value) <= _MOST_WORDS_OF_PASSWORD


def looks_weak(value: str) -> bool:
    """Whether a value could be a poor password: letters and a digit. Only where nothing but a password can stand."""
    return _WEAK.fullmatch(value) is not None and not _HOST_AND_PORT.fullmatch(value) and not is_placeholder(value)


def _share_of_words(value: str) -> float:
    words = (match[0] for match in _WORD.finditer(value))
    return sum(len(word) for word in words if _VOWEL.search(word)) / len(value)
