"""The grammars as data: where each comes from and which of its nodes are definitions.

Loaded on first use, so that importing this package loads none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from tree_sitter import Language

from instar.chunking import names
from instar.chunking.names import Rule, assigned, called, declared, first, named, with_body


@dataclass(frozen=True, slots=True)
class Grammar:
    """What the walk must know of a grammar's nodes.

    `definitions` maps a node type to the rule that reads kind and name. `leads` are nodes that belong to the
    definition below them: comments, decorators, attributes. `transparent` nodes are always entered, however
    small: they wrap definitions without being one (`export`, `#ifdef`, a list of declarations). Texts of more than
    `limit` bytes are not parsed: a tree takes some ten times its text in memory.
    """

    module: str
    definitions: Mapping[str, Rule]
    leads: frozenset[str] = frozenset({"comment"})
    transparent: frozenset[str] = frozenset()
    function: str = "language"
    limit: int = 2_000_000


def _all(rule: Rule, *types: str) -> dict[str, Rule]:
    return dict.fromkeys(types, rule)


_FUNCTION, _CLASS, _MODULE = named("function"), named("class"), named("module")
_KEY_SIZE = 200  # bytes; a smaller entry of a configuration file is no section of its own

_JAVASCRIPT: dict[str, Rule] = {
    **_all(_FUNCTION, "function_declaration", "generator_function_declaration", "method_definition"),
    **_all(_CLASS, "class_declaration"),
    "variable_declarator": assigned("name", "value"),
    "assignment_expression": assigned("left", "right"),
    "pair": assigned("key", "value"),
    "field_definition": assigned("property", "value"),
}
_JAVASCRIPT_TRANSPARENT = frozenset(
    {"export_statement", "lexical_declaration", "variable_declaration", "expression_statement"}
)
_TYPESCRIPT: dict[str, Rule] = {
    **_JAVASCRIPT,
    **_all(_FUNCTION, "function_signature", "abstract_method_signature"),
    **_all(
        _CLASS,
        "abstract_class_declaration",
        "interface_declaration",
        "enum_declaration",
        "type_alias_declaration",
    ),
    **_all(_MODULE, "internal_module", "module"),
    "public_field_definition": assigned("name", "value"),
}
_C: dict[str, Rule] = {
    "function_definition": declared("function"),
    "type_definition": declared("class"),
    **_all(with_body("class"), "struct_specifier", "union_specifier", "enum_specifier"),
    "preproc_function_def": _FUNCTION,
}
_PREPROCESSOR = frozenset({"preproc_if", "preproc_ifdef", "preproc_else", "preproc_elif", "linkage_specification"})

GRAMMARS: Mapping[str, Grammar] = {
    "bash": Grammar("tree_sitter_bash", {"function_definition": _FUNCTION}),
    "c": Grammar("tree_sitter_c", _C, transparent=_PREPROCESSOR),
    "cpp": Grammar(
        "tree_sitter_cpp",
        {
            **_C,
            "class_specifier": with_body("class"),
            "namespace_definition": _MODULE,
            "concept_definition": _CLASS,
        },
        leads=frozenset({"comment", "template_parameter_list"}),
        transparent=_PREPROCESSOR | {"template_declaration"},
    ),
    "csharp": Grammar(
        "tree_sitter_c_sharp",
        {
            **_all(_FUNCTION, "method_declaration", "constructor_declaration", "destructor_declaration"),
            **_all(_FUNCTION, "local_function_statement", "property_declaration"),
            **_all(_CLASS, "class_declaration", "interface_declaration", "struct_declaration", "enum_declaration"),
            **_all(_CLASS, "record_declaration", "delegate_declaration"),
            "operator_declaration": named("function", "operator"),
            "namespace_declaration": _MODULE,
        },
        transparent=frozenset({"preproc_if"}),
    ),
    "css": Grammar("tree_sitter_css", {"rule_set": first("section"), "keyframes_statement": first("section")}),
    "elixir": Grammar("tree_sitter_elixir", {"call": names.elixir_call}, frozenset({"comment", "unary_operator"})),
    "go": Grammar(
        "tree_sitter_go",
        {
            "function_declaration": _FUNCTION,
            "method_declaration": names.go_method,
            "type_declaration": names.go_types,
            "type_spec": _CLASS,
        },
    ),
    "haskell": Grammar(
        "tree_sitter_haskell",
        {
            **_all(names.haskell_function, "function", "bind", "signature"),
            **_all(_CLASS, "data_type", "newtype", "type_synonym", "type_family", "class"),
            "instance": names.haskell_instance,
        },
        leads=frozenset({"comment", "haddock", "pragma"}),
        transparent=frozenset({"imports", "declarations"}),
    ),
    "html": Grammar("tree_sitter_html", {"element": names.html_element}),
    "java": Grammar(
        "tree_sitter_java",
        {
            **_all(_FUNCTION, "method_declaration", "constructor_declaration", "compact_constructor_declaration"),
            **_all(_CLASS, "class_declaration", "interface_declaration", "enum_declaration", "record_declaration"),
            "annotation_type_declaration": _CLASS,
        },
        leads=frozenset({"line_comment", "block_comment"}),
    ),
    "javascript": Grammar(
        "tree_sitter_javascript",
        _JAVASCRIPT,
        leads=frozenset({"comment", "decorator"}),
        transparent=_JAVASCRIPT_TRANSPARENT,
    ),
    "json": Grammar("tree_sitter_json", {"pair": first("section", smallest=_KEY_SIZE)}),
    "kotlin": Grammar(
        "tree_sitter_kotlin",
        {
            "function_declaration": _FUNCTION,
            **_all(_CLASS, "class_declaration", "object_declaration"),
            "secondary_constructor": called("function", "constructor"),
        },
        leads=frozenset({"line_comment", "block_comment"}),
        transparent=frozenset({"companion_object"}),
    ),
    "lua": Grammar(
        "tree_sitter_lua",
        {"function_declaration": _FUNCTION, "assignment_statement": names.lua_assigned},
        transparent=frozenset({"variable_declaration"}),
        limit=50_000,  # this parser takes quadratic time over a text that is not Lua after all
    ),
    "php": Grammar(
        "tree_sitter_php",
        {
            **_all(_FUNCTION, "function_definition", "method_declaration"),
            **_all(_CLASS, "class_declaration", "interface_declaration", "trait_declaration", "enum_declaration"),
            "namespace_definition": with_body("module"),
        },
        function="language_php",
    ),
    "python": Grammar(
        "tree_sitter_python",
        {"function_definition": _FUNCTION, "class_definition": _CLASS},
        leads=frozenset({"comment", "decorator"}),
        transparent=frozenset({"decorated_definition"}),
    ),
    "ruby": Grammar(
        "tree_sitter_ruby",
        {**_all(_FUNCTION, "method", "singleton_method"), "class": _CLASS, "module": _MODULE},
        transparent=frozenset({"singleton_class", "body_statement"}),
    ),
    "rust": Grammar(
        "tree_sitter_rust",
        {
            **_all(_FUNCTION, "function_item", "function_signature_item", "macro_definition"),
            **_all(_CLASS, "struct_item", "enum_item", "union_item", "trait_item"),
            "impl_item": names.rust_impl,
            "mod_item": with_body("module"),
        },
        leads=frozenset({"line_comment", "block_comment", "attribute_item"}),
    ),
    "scala": Grammar(
        "tree_sitter_scala",
        {
            **_all(_FUNCTION, "function_definition", "function_declaration"),
            **_all(_CLASS, "class_definition", "object_definition", "trait_definition", "enum_definition"),
        },
        leads=frozenset({"comment", "block_comment"}),
        transparent=frozenset({"extension_definition"}),
    ),
    "swift": Grammar(
        "tree_sitter_swift",
        {
            **_all(_FUNCTION, "function_declaration", "protocol_function_declaration"),
            **_all(_CLASS, "class_declaration", "protocol_declaration"),
            "init_declaration": called("function", "init"),
            "deinit_declaration": called("function", "deinit"),
            "subscript_declaration": called("function", "subscript"),
        },
        leads=frozenset({"comment", "multiline_comment"}),
    ),
    "toml": Grammar("tree_sitter_toml", _all(first("section"), "table", "table_array_element")),
    "tsx": Grammar(
        "tree_sitter_typescript",
        _TYPESCRIPT,
        leads=frozenset({"comment", "decorator"}),
        transparent=_JAVASCRIPT_TRANSPARENT | {"ambient_declaration"},
        function="language_tsx",
    ),
    "typescript": Grammar(
        "tree_sitter_typescript",
        _TYPESCRIPT,
        leads=frozenset({"comment", "decorator"}),
        transparent=_JAVASCRIPT_TRANSPARENT | {"ambient_declaration"},
        function="language_typescript",
    ),
    "zig": Grammar(
        "tree_sitter_zig",
        {
            "function_declaration": _FUNCTION,
            "variable_declaration": names.zig_type,
            "test_declaration": first("function"),
        },
    ),
}


@cache
def load(name: str) -> Language | None:
    """Load a grammar's language once; None if its package is missing or of another ABI."""
    grammar = GRAMMARS[name]
    try:
        return Language(getattr(import_module(grammar.module), grammar.function)())
    except (ImportError, AttributeError, ValueError):
        return None
