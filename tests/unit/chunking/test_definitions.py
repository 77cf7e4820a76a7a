"""For each language: definitions are found and named with their path."""

import pytest

from instar.chunking import chunk

# A line of @ and a comment marker is replaced by a long comment, so that classes are too large to stay whole.
SAMPLES = {
    "bash": ("#!/bin/sh\nfirst() {\n  @#\n}\nfunction second {\n  @#\n}\n", "first second"),
    "c": (
        "struct point {\n  int x;\n  @//\n};\nstatic int *make(int a)\n{\n  @//\n}\n#ifdef X\nint hidden(void)\n{\n"
        "  @//\n}\n#endif\n#define MAX(a, b) \\\n  ((a) > (b) ? (a) : (b))\n",
        "point make hidden MAX",
    ),
    "cpp": (
        "namespace geo {\ntemplate <class T>\nclass Shape : Base {\npublic:\n  int area() {\n    @//\n  }\n"
        "  ~Shape() {\n"
        "    @//\n  }\n};\nint Shape<int>::width(int a) {\n  @//\n}\n}\n",
        "geo.Shape.area geo.Shape.~Shape geo.Shape.width",
    ),
    "csharp": (
        "namespace A.B\n{\n  [Attr]\n  public class Foo<T> : Bar\n  {\n    public int Size\n    {\n      @//\n    }\n"
        "    public Foo()\n    {\n      @//\n    }\n    public void Run()\n    {\n      @//\n    }\n  }\n}\n",
        "A.B.Foo.Size A.B.Foo.Foo A.B.Foo.Run",
    ),
    "css": ("body { color: red; }\n.menu > a {\n  @/*\n}\n", "body menu"),
    "elixir": (
        'defmodule Shop.Cart do\n  @doc "adds"\n  def add(cart, item) when item > 1 do\n    @#\n  end\n'
        "  defp total, do: 1\n  defmacro each(x) do\n    @#\n  end\nend\n",
        "Shop.Cart.add Shop.Cart.total Shop.Cart.each",
    ),
    "go": (
        "package a\n\ntype Router struct {\n\t@//\n}\n\nfunc (r *Router[T]) Use(x int) {\n\t@//\n}\n\n"
        "func New() {\n\t@//\n}\n",
        "Router Router.Use New",
    ),
    "haskell": (
        "module A where\n\n-- | doc\nsize :: Int -> Int\nsize 0 = 1\nsize n = n\n\n@--\n\n"
        "data Shape = Square | Circle\n\n"
        'a <+> b = a\n\ninstance Show Shape where\n  show _ = ""\n',
        "size Shape <+> Show",
    ),
    "html": ('<html><body>\n<div id="main">\n@<!--\n</div>\n<p id="foot">\n@<!--\n</p></body></html>\n', "main foot"),
    "java": (
        "package a;\n/** d */\npublic class Foo<T> {\n  Foo() {\n    @//\n  }\n  @Override\n  void run() {\n"
        "    @//\n  }\n"
        "  class In {\n    @//\n    void deep() {\n      @//\n    }\n  }\n}\nrecord Pair(int x) {}\n",
        "Foo.Foo Foo.run Foo.In Foo.In.deep Pair",
    ),
    "javascript": (
        "const f = () => {\n  @//\n}\nexports.g = function h() {\n  @//\n}\napp.use = async (x) => {\n  @//\n}\n"
        "export default class Store {\n  load() {\n    @//\n  }\n  static save = () => {\n    @//\n  }\n}\n"
        "function* gen() {\n  @//\n}\n",
        "f exports.g app.use Store.load Store.save gen",
    ),
    "json": ('{\n "name": "x",\n "scripts": {\n' + '  "run": "y",\n' * 100 + '  "end": 1\n }\n}\n', "scripts"),
    "kotlin": (
        "package a\n\nclass Foo(val x: Int) : Bar {\n  fun run(a: Int): Int {\n    @//\n  }\n\n  companion object {\n"
        "    fun make() {\n      @//\n    }\n  }\n}\n\nobject Single {\n  fun only() {\n    @//\n  }\n  @//\n}\n\n"
        "fun String.ext(): Int {\n  return 1\n}\n",
        "Foo.run Foo.make Single.only ext",
    ),
    "lua": (
        "local M = {}\nfunction M.f(a)\n  @--\nend\nfunction M:g()\n  @--\nend\nlocal function h()\n  @--\nend\n"
        "M.k = function()\n  @--\nend\nlocal z = function()\n  @--\nend\nreturn M\n",
        "M.f M.g h M.k z",
    ),
    "php": (
        "<?php\nnamespace A\\B;\n/** d */\nabstract class Foo extends Bar {\n  #[A]\n  public function run() {\n"
        "    @//\n  }\n"
        "  function stop() {\n    @//\n  }\n}\ntrait T {}\nfunction top() {\n  @//\n}\n",
        "Foo.run Foo.stop T top",
    ),
    "python": (
        'import os\n\n\nclass Session(Base):\n    """Doc."""\n\n    @property\n    def send(self):\n        @#\n\n'
        "    async def close(self):\n        @#\n\n\n@decorated\ndef top():\n    @#\n",
        "Session Session.send Session.close top",
    ),
    "ruby": (
        "module Web\n  class App < Base\n    def self.make\n      @#\n    end\n    class << self\n"
        "      def setup\n        @#\n"
        "      end\n    end\n    def call(env)\n      @#\n    end\n  end\n  class A::B\n  end\nend\n",
        "Web.App.make Web.App.setup Web.App.call Web.A.B",
    ),
    "rust": (
        "use a;\n/// d\n#[derive(A)]\npub struct Foo<T> {\n  @//\n}\nimpl<T> Foo<T> {\n  pub fn run(&self) {\n"
        "    @//\n  }\n"
        "  fn stop() {\n    @//\n  }\n}\nimpl a::Tr for Bar<u8> {\n  fn go() {\n    @//\n  }\n  fn on() {\n"
        "    @//\n  }\n}\n"
        "mod inner {\n  fn deep() {\n    @//\n  }\n  fn two() {\n    @//\n  }\n}\nmacro_rules! mm {\n"
        "  () => {};\n}\n",
        "Foo Foo.run Foo.stop Bar.go inner.deep mm",
    ),
    "scala": (
        "package a\n\nclass Foo(x: Int) extends Bar {\n  def run(a: Int): Int = {\n    @//\n    1\n  }\n"
        "  def stop = {\n    @//\n"
        "  }\n}\n\nobject Single\n\ntrait T\n\ndef top = 3\n",
        "Foo.run Foo.stop Single T top",
    ),
    "swift": (
        "/// d\npublic class Foo: Bar {\n  init(a: Int) {\n    @//\n  }\n  func run(a: Int) -> Int {\n    @//\n"
        "    return 1\n"
        "  }\n}\nextension Foo.Part {\n  static func make() {\n    @//\n  }\n  func two() {\n    @//\n  }\n}\n"
        "protocol P {}\nfunc top() {}\n",
        "Foo.init Foo.run Foo.Part.make P top",
    ),
    "toml": ("a = 1\n[tool.x]\n@#\nb = 2\n[[item]]\nc = 3\n", "tool.x item"),
    "tsx": (
        "export const Button: FC = (props) => {\n  @//\n  return <b>{props.x}</b>\n}\nfunction Page() {\n  @//\n"
        "  return <Button x={1} />\n}\n",
        "Button Page",
    ),
    "typescript": (
        "@Dec()\nexport abstract class Foo<T> {\n  private run = (a: number) => {\n    @//\n  }\n"
        "  stop(): void {\n    @//\n  }\n}\n"
        "interface Shape { a: string }\nenum Kind { A }\nnamespace N.M {\n  export function deep() {\n    @//\n  }\n"
        "  export function two() {\n    @//\n  }\n}\nexport const h = async <T>(x: T) => x;\n"
        "const router = make({\n  @//\n  a: 1,\n});\n",
        "Foo.run Foo.stop Shape Kind N.M.deep h router",
    ),
    "yaml": (
        "on: push\njobs:\n  build:\n    steps:\n      - run: x\n@#\n  test:\n    steps: []\n",
        "jobs.build jobs.test",
    ),
    "zig": (
        'const std = @import("std");\npub const Foo = struct {\n    x: u8,\n    pub fn run(self: Foo) void {\n'
        "        @//\n"
        '    }\n    fn stop() void {\n        @//\n    }\n};\npub fn main() !void {\n    @//\n}\ntest "adds" {\n'
        "    @//\n}\n",
        "Foo.run Foo.stop main adds",
    ),
}
PADDING_LINES = 22
CLOSERS = {"/*": " */", "<!--": " -->"}


def sample(language: str) -> tuple[str, list[str]]:
    lines = []
    source, symbols = SAMPLES[language]
    for line in source.split("\n"):
        before, mark, marker = line.partition("@")
        if mark and not before.strip() and not marker[:1].isalpha():
            comment = f"{before}{marker} padding that makes the definition longer{CLOSERS.get(marker, '')}"
            lines += [comment] * PADDING_LINES
        else:
            lines.append(line)
    return "\n".join(lines), symbols.split()


@pytest.mark.parametrize("language", SAMPLES)
def test_symbols(language, sound):
    text, symbols = sample(language)
    chunks = chunk(text, language)
    found = {name for piece in chunks for name in piece.symbol.split()}
    assert set(symbols) <= found
    sound(text, chunks)


@pytest.mark.parametrize("language", SAMPLES)
def test_carriage_returns_change_no_boundary(language):
    text, _ = sample(language)
    plain = chunk(text, language)
    windows = chunk(text.replace("\n", "\r\n"), language)
    assert {piece.symbol for piece in windows} - {""} == {piece.symbol for piece in plain} - {""}


def test_at_least_twenty_languages():
    assert len(SAMPLES) >= 20
