"""How a definition's kind and name are read from its node: a small rule for each way of naming things.

A rule takes a node and the source in UTF-8 and returns (kind, name), or None where the node defines nothing.
"""

import re
from collections.abc import Callable

from tree_sitter import Node

Rule = Callable[[Node, bytes], tuple[str, str] | None]

_NAME_LIMIT = 80  # characters
_TEXT_LIMIT = 1_000  # bytes read to find a name in
_KEYWORDS = {
    "class",
    "for",
    "if",
    "namespace",
    "struct",
    "switch",
    "while",
}  # a macro led the C parser astray
_TYPE_ARGUMENTS = re.compile(r"<[^<>=]*>")  # innermost first; not `operator<=>`
_TYPE_DEPTH = 3
_PARAMETERS = re.compile(r"[(\[{].*", re.DOTALL)  # parameters are no part of a name
_SCOPES = re.compile(r"::|\\|:|->")
_DECLARATOR_DEPTH = 16  # pointers, references, parentheses and arrays around a C name
_ELIXIR_LIMIT = 8  # guards and operators around an Elixir name
_CALL_SIZE = 200  # bytes; a call this large (`const router = makeRouter({…})`) is worth a name

_FUNCTION_VALUES = {"arrow_function", "function_expression", "generator_function", "function_definition"}
_ELIXIR_KINDS = {
    "defmodule": "module",
    "defprotocol": "class",
    "defimpl": "class",
    "def": "function",
    "defp": "function",
    "defmacro": "function",
    "defmacrop": "function",
    "defguard": "function",
    "defdelegate": "function",
    "describe": "module",
    "test": "function",
}


def text_of(node: Node, source: bytes) -> str:
    """Return the source text of a node, or the beginning of a long one."""
    return source[node.start_byte : min(node.end_byte, node.start_byte + _TEXT_LIMIT)].decode("utf-8", "replace")


def _child(node: Node, index: int) -> Node | None:
    """Return a named child, or None if there are too few."""
    return node.named_child(index) if 0 <= index < node.named_child_count else None


def clean(name: str) -> str:
    """Return a name with dots for scopes and without parameters, quotes and line breaks."""
    for _ in range(_TYPE_DEPTH if "<" in name else 0):
        name = _TYPE_ARGUMENTS.sub("", name)
    name = _PARAMETERS.sub("", name) or name
    name = _SCOPES.sub(".", name).strip("\"'`. \t\r\n")
    return " ".join(name[:_NAME_LIMIT].split())


def named(kind: str, field: str = "name") -> Rule:
    """Read the name from the node's `field`."""

    def rule(node: Node, source: bytes) -> tuple[str, str] | None:
        name = node.child_by_field_name(field)
        return (kind, clean(text_of(name, source))) if name else None

    return rule


def called(kind: str, name: str) -> Rule:
    """Every such node has the same name, as a constructor has in some languages."""
    return lambda _node, _source: (kind, name)


def first(kind: str, *, smallest: int = 0) -> Rule:
    """Read the name from the first named child; nodes of fewer than `smallest` bytes define nothing."""

    def rule(node: Node, source: bytes) -> tuple[str, str] | None:
        child = _child(node, 0)
        if child is None or node.end_byte - node.start_byte < smallest:
            return None
        return kind, text_of(child, source)[:_NAME_LIMIT].strip("\"'`. \t\r\n").replace("\n", " ")

    return rule


def declared(kind: str) -> Rule:
    """C: the name is inside nested declarators."""

    def rule(node: Node, source: bytes) -> tuple[str, str] | None:
        for _ in range(_DECLARATOR_DEPTH):
            inner = node.child_by_field_name("declarator") or _inner_declarator(node)
            if inner is None:
                name = clean(text_of(node, source))
                return (kind, name) if name not in _KEYWORDS else None
            node = inner
        return None

    return rule


def _inner_declarator(node: Node) -> Node | None:
    """Find the declarator inside parentheses or a reference, which have no field for it."""
    if node.type not in {"parenthesized_declarator", "reference_declarator"}:
        return None
    return next((child for child in node.named_children if child.type.endswith(("declarator", "identifier"))), None)


def with_body(kind: str) -> Rule:
    """Read the name from the field `name`, where there is a body."""
    plain = named(kind)
    return lambda node, source: plain(node, source) if node.child_by_field_name("body") else None


def assigned(name_field: str, value_field: str) -> Rule:
    """JavaScript: a function, or a large call, given a name by a declaration, an assignment or a property."""

    def rule(node: Node, source: bytes) -> tuple[str, str] | None:
        value = node.child_by_field_name(value_field)
        name = node.child_by_field_name(name_field)
        if value is None or name is None:
            return None
        if value.type == "class":
            return "class", clean(text_of(name, source))
        large_call = value.type == "call_expression" and value.end_byte - value.start_byte >= _CALL_SIZE
        if value.type in _FUNCTION_VALUES or large_call:
            return "function", clean(text_of(name, source))
        return None

    return rule


def lua_assigned(node: Node, source: bytes) -> tuple[str, str] | None:
    """Lua: `M.f = function … end`."""
    names, values = _child(node, 0), _child(node, 1)
    value = _child(values, 0) if values else None
    if names is None or value is None or value.type not in _FUNCTION_VALUES:
        return None
    return "function", clean(text_of(names, source))


def go_method(node: Node, source: bytes) -> tuple[str, str] | None:
    """Go: `func (r *Router[T]) Use` is `Router.Use`."""
    name, receiver = node.child_by_field_name("name"), node.child_by_field_name("receiver")
    if name is None or receiver is None:
        return None
    owner = text_of(receiver, source).strip("() ").split("[")[0].split()
    method = text_of(name, source)
    return "function", f"{owner[-1].lstrip('*')}.{method}" if owner else method


def go_types(node: Node, source: bytes) -> tuple[str, str] | None:
    """Go: `type A struct` or a group of types, named by its first."""
    spec = next((child for child in node.named_children if child.type in {"type_spec", "type_alias"}), None)
    return named("class")(spec, source) if spec else None


def rust_impl(node: Node, source: bytes) -> tuple[str, str] | None:
    """Rust: `impl Trait for Type<T>` is `Type`."""
    type_ = node.child_by_field_name("type")
    return ("class", clean(text_of(type_, source).lstrip("&"))) if type_ else None


def haskell_function(node: Node, source: bytes) -> tuple[str, str] | None:
    """Haskell: `f x = …`, or `a <+> b = …`, whose name is the operator."""
    name = node.child_by_field_name("name")
    if name is None:
        infix = _child(node, 0)
        name = infix.child_by_field_name("operator") if infix and infix.type == "infix" else None
    return ("function", text_of(name, source).strip("`")) if name else None


def haskell_instance(node: Node, source: bytes) -> tuple[str, str] | None:
    """Haskell: `instance Monad (State s)` is `Monad State`."""
    name, patterns = node.child_by_field_name("name"), node.child_by_field_name("patterns")
    if name is None:
        return None
    types = text_of(patterns, source).replace("(", " ").replace(")", " ").split() if patterns else []
    return "class", " ".join([text_of(name, source), *types[:1]])


def elixir_call(node: Node, source: bytes) -> tuple[str, str] | None:
    """Elixir: definitions are calls of `defmodule`, `def` and their kin."""
    target = node.child_by_field_name("target")
    if target is None or target.type != "identifier":
        return None
    kind = _ELIXIR_KINDS.get(text_of(target, source))
    arguments = next((child for child in node.named_children if child.type == "arguments"), None)
    name = _child(arguments, 0) if kind and arguments else None
    for _ in range(_ELIXIR_LIMIT):  # `f(x) when x > 1`: the name is leftmost
        inner = name and (name.child_by_field_name("left") or name.child_by_field_name("target"))
        if not inner or (name and name.type == "dot"):
            break
        name = inner
    return (kind, clean(text_of(name, source))) if kind and name else None


def zig_type(node: Node, source: bytes) -> tuple[str, str] | None:
    """Zig: `const Foo = struct { … }`."""
    name = _child(node, 0)
    value = _child(node, node.named_child_count - 1)
    if (
        name is None
        or value is None
        or not value.type.endswith(("struct_declaration", "enum_declaration", "union_declaration"))
    ):
        return None
    return "class", text_of(name, source)


def html_element(node: Node, source: bytes) -> tuple[str, str] | None:
    """HTML: an element that has an `id`."""
    tag = _child(node, 0)
    found = re.search(rb"\sid\s*=\s*[\"']?([^\s\"'>]+)", source[tag.start_byte : tag.end_byte]) if tag else None
    return ("section", found[1].decode("utf-8", "replace")[:_NAME_LIMIT]) if found else None
