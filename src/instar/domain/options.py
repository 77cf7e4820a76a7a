"""The options that providers take, and what each must be; adapters read them without another look."""

import re
from collections.abc import Callable, Mapping

from instar.errors import SettingError

Option = str | int | float | bool
_Kind = tuple[Callable[[Option], bool], str]


def _whole(least: int) -> _Kind:
    return lambda value: type(value) is int and value >= least, f"a whole number from {least}"


def _of(*values: str) -> _Kind:
    return lambda value: value in values, f"one of {', '.join(values)}"


def _like(pattern: str, said: str) -> _Kind:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None, said


_TEXT: _Kind = (lambda value: isinstance(value, str) and bool(value), "a text")
_TRUTH: _Kind = (lambda value: isinstance(value, bool), "true or false")
_PYTHON = {"python": _TEXT}
ONNX_DEVICES = ("cpu", "cuda", "tensorrt", "coreml")

_KINDS: dict[str, dict[str, _Kind]] = {
    "static": {},
    "onnx": {"threads": _whole(0), "device": _of(*ONNX_DEVICES), **_PYTHON},
    "gguf": {"num_ctx": _whole(1), "threads": _whole(0), "gpu_layers": _whole(-1), **_PYTHON},
    "st": {
        "device": _like(r"cpu|mps|cuda(:\d+)?", "cpu, mps, cuda or cuda:1"),
        "dtype": _of("float32", "float16", "bfloat16"),
        "run_model_code": _TRUTH,
        **_PYTHON,
    },
    "openai": {"api_key_env": _TEXT, **_PYTHON},
    "ollama": {"num_ctx": _whole(1), **_PYTHON},
}
_OPEN = "ollama"
"""It is handed any other option, too, for those of its models are many and change."""


def check_options(options: Mapping[str, Option], provider: str, place: str) -> None:
    """Raise `SettingError` for an option the provider does not take, or a value of no use.

    `place` names the model and the file, for the error.
    """
    kinds = _KINDS.get(provider, {})
    for name, value in options.items():
        if name not in kinds:
            if provider in ("", _OPEN):
                continue
            taken = f"it takes {', '.join(kinds)}" if kinds else "it takes none"
            raise SettingError(f"option {name!r} of {place} is none of the provider {provider}", taken)
        fits, wanted = kinds[name]
        if not fits(value):
            raise SettingError(f"option {name} = {value!r} of {place} is not {wanted}", "mend the value")
