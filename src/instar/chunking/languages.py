"""Which language a file is in: a table of names and extensions, and the first line for scripts."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath


@dataclass(frozen=True, slots=True)
class LanguageFiles:
    """How files of a language are recognised; `interpreters` are programs a script's first line names."""

    extensions: str
    names: str = ""
    interpreters: str = ""


# Extensions, file names and interpreters are separated by spaces. Names are compared in lower case.
_CODE = {
    "assembly": LanguageFiles("asm s"),
    "awk": LanguageFiles("awk", interpreters="awk gawk mawk"),
    "bash": LanguageFiles(
        "sh bash zsh ksh bats ebuild",
        ".bashrc .bash_profile .profile .zshrc .zprofile pkgbuild",
        "sh bash zsh ksh dash ash bats",
    ),
    "bazel": LanguageFiles("bzl bazel star", "build workspace"),
    "c": LanguageFiles("c h"),
    "clojure": LanguageFiles("clj cljs cljc edn", interpreters="clojure bb"),
    "cmake": LanguageFiles("cmake", "cmakelists.txt"),
    "cpp": LanguageFiles("cc cpp cxx c++ hh hpp hxx h++ ipp tpp inl cu cuh ino"),
    "crystal": LanguageFiles("cr"),
    "csharp": LanguageFiles("cs csx"),
    "css": LanguageFiles("css"),
    "csv": LanguageFiles("csv tsv"),
    "cython": LanguageFiles("pyx pxd pxi"),
    "d": LanguageFiles("d di"),
    "dart": LanguageFiles("dart"),
    "dockerfile": LanguageFiles("dockerfile", "dockerfile containerfile"),
    "elixir": LanguageFiles("ex exs", interpreters="elixir"),
    "elm": LanguageFiles("elm"),
    "erlang": LanguageFiles("erl hrl", "rebar.config", "escript"),
    "fish": LanguageFiles("fish", interpreters="fish"),
    "fortran": LanguageFiles("f f90 f95 f03 f08 for"),
    "fsharp": LanguageFiles("fs fsi fsx"),
    "go": LanguageFiles("go"),
    "gomod": LanguageFiles("", "go.mod go.work"),
    "graphql": LanguageFiles("graphql gql"),
    "groovy": LanguageFiles("groovy gradle gvy", "jenkinsfile", "groovy"),
    "haskell": LanguageFiles("hs hs-boot hsc", interpreters="runhaskell runghc stack"),
    "hcl": LanguageFiles("tf tfvars hcl"),
    "html": LanguageFiles("html htm xhtml erb"),
    "ini": LanguageFiles("ini cfg conf properties", ".editorconfig .gitconfig .npmrc"),
    "java": LanguageFiles("java"),
    "javascript": LanguageFiles("js jsx mjs cjs", "jakefile", "node nodejs deno bun"),
    "json": LanguageFiles("json jsonc json5 geojson webmanifest ipynb", ".babelrc .eslintrc .prettierrc composer.lock"),
    "julia": LanguageFiles("jl", interpreters="julia"),
    "kotlin": LanguageFiles("kt kts"),
    "less": LanguageFiles("less"),
    "lisp": LanguageFiles("lisp lsp cl el", ".emacs", "sbcl"),
    "lua": LanguageFiles("lua rockspec", ".luacheckrc", "lua luajit"),
    "make": LanguageFiles("mk mak make", "makefile gnumakefile", "make"),
    "matlab": LanguageFiles("mlx"),
    "meson": LanguageFiles("", "meson.build meson_options.txt"),
    "nim": LanguageFiles("nim nims"),
    "nix": LanguageFiles("nix"),
    "objc": LanguageFiles("m mm"),
    "ocaml": LanguageFiles("ml mli", "dune", "ocaml"),
    "perl": LanguageFiles("pl pm t pod", interpreters="perl"),
    "php": LanguageFiles("php phtml php3 php4 php5 php7 php8", interpreters="php"),
    "powershell": LanguageFiles("ps1 psm1 psd1", interpreters="pwsh powershell"),
    "prolog": LanguageFiles("pro prolog", interpreters="swipl"),
    "protobuf": LanguageFiles("proto"),
    "python": LanguageFiles("py pyi pyw", "sconstruct sconscript", "python python2 python3 pypy pypy3 uv"),
    "r": LanguageFiles("r", ".rprofile", "rscript"),
    "ruby": LanguageFiles(
        "rb rake gemspec ru", "gemfile rakefile podfile vagrantfile brewfile guardfile", "ruby jruby rake"
    ),
    "rust": LanguageFiles("rs", interpreters="rust-script"),
    "sass": LanguageFiles("sass scss"),
    "scala": LanguageFiles("scala sc sbt", interpreters="scala"),
    "scheme": LanguageFiles("scm ss rkt", interpreters="guile racket"),
    "solidity": LanguageFiles("sol"),
    "sql": LanguageFiles("sql ddl psql"),
    "svelte": LanguageFiles("svelte"),
    "swift": LanguageFiles("swift", interpreters="swift"),
    "tcl": LanguageFiles("tcl", interpreters="tclsh wish"),
    "thrift": LanguageFiles("thrift"),
    "toml": LanguageFiles("toml", "cargo.lock poetry.lock pipfile uv.lock"),
    "tsx": LanguageFiles("tsx"),
    "typescript": LanguageFiles("ts mts cts", interpreters="ts-node tsx"),
    "verilog": LanguageFiles("v sv svh vh"),
    "vhdl": LanguageFiles("vhd vhdl"),
    "vim": LanguageFiles("vim", ".vimrc vimrc"),
    "vue": LanguageFiles("vue"),
    "xml": LanguageFiles("xml xsd xsl xslt svg plist csproj fsproj vbproj props targets resx xaml"),
    "yaml": LanguageFiles("yaml yml", ".clang-format .clang-tidy"),
    "zig": LanguageFiles("zig zon"),
}
_PROSE = {
    "asciidoc": LanguageFiles("adoc asciidoc asc"),
    "latex": LanguageFiles("tex ltx bib"),
    "man": LanguageFiles("man mdoc roff"),
    "markdown": LanguageFiles("md markdown mdown mkd mdx qmd rmd"),
    "org": LanguageFiles("org"),
    "rst": LanguageFiles("rst rest"),
    "text": LanguageFiles(
        "txt text log",
        "authors changelog changes codeowners contributors copying history install licence license news notice readme"
        " todo",
    ),
}

_TABLE = {**_CODE, **_PROSE}
LANGUAGES = frozenset(_TABLE)
"""The names of all languages that are told apart."""
_BY_EXTENSION = {word: language for language, files in _TABLE.items() for word in files.extensions.split()}
_BY_NAME = {word: language for language, files in _TABLE.items() for word in files.names.split()}
_BY_INTERPRETER = {word: language for language, files in _TABLE.items() for word in files.interpreters.split()}

# Names that take any ending: `Dockerfile.dev`, `README.fr`.
_FAMILIES = {"changelog", "containerfile", "dockerfile", "jenkinsfile", "license", "makefile", "readme"}

_SHEBANG = re.compile(r"#!\s*(?:\S*/)?(\S+)(.*)")
_ENV_WORD = re.compile(r"(?:^|\s)(?!-|\w+=)(?:\S*/)?(\S+)")  # the first argument of `env` that is a program
_VERSION = re.compile(r"[\d.]+$")
_OPENINGS = (
    (re.compile(r"<\?php\b"), "php"),
    (re.compile(r"<\?xml\b"), "xml"),
    (re.compile(r"<!doctype html|<html\b", re.IGNORECASE), "html"),
    (re.compile(r"%YAML\b"), "yaml"),
    (re.compile(r"#compdef\b"), "bash"),
    (re.compile(r"\.(?:TH|Dd)\b|[.']\\\""), "man"),
)
_MATLAB = re.compile(r"\s*(?:%|function\b|classdef\b)")  # `.m` is Objective-C otherwise


def detect_language(path: str, head: str) -> str | None:
    """Tell the language of a file by its name, its extension, then its first line, or return None.

    `path` uses forward slashes; `head` is the beginning of the text, about 200 characters. A script without an
    extension is what its first line says.
    """
    name = PurePosixPath(path).name.lower()
    stem, _, extension = name.rpartition(".")
    if not stem and head.startswith("#!") and (found := _by_first_line(head)):
        return found
    if name in _BY_NAME:
        return _BY_NAME[name]
    if stem and extension in _BY_EXTENSION:
        return "matlab" if extension == "m" and _MATLAB.match(head) else _BY_EXTENSION[extension]
    family = name.partition(".")[0]
    return _BY_NAME[family] if family in _FAMILIES else _by_first_line(head)


def source_of(language: str | None) -> str:
    """Return `docs` for prose, else `code`."""
    return "docs" if language in _PROSE else "code"


def _by_first_line(head: str) -> str | None:
    opening = head.lstrip("\ufeff \t\r\n")
    for pattern, language in _OPENINGS:
        if pattern.match(opening):
            return language
    shebang = _SHEBANG.match(head.lstrip("\ufeff"))
    if shebang is None:
        return None
    program, arguments = shebang.groups()
    if program == "env":
        word = _ENV_WORD.search(arguments)
        program = word[1] if word else ""
    program = program.lower()
    return _BY_INTERPRETER.get(program) or _BY_INTERPRETER.get(_VERSION.sub("", program))
