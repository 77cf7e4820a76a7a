"""The command line as a user meets it."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import pytest

FILES = {
    "src/retry.py": "def retry_delay(attempt):\n    '''Seconds to wait.'''\n    return 2**attempt\n",
    "docs/retries.md": "# Retries\n\nFailed requests are sent again after a growing pause.\n",
}
HIT_KEYS = {
    "rank", "score", "confidence", "source", "root", "path", "start_line", "end_line", "language", "symbol",
    "lexical_rank", "lexical_score", "vector_rank", "vector_score", "text", "session", "answers", "files",
    "related_sessions",
}  # fmt: skip


class Shell:
    """Runs `instar` in a folder, with a data folder and a home of its own."""

    def __init__(self, folder):
        self.home = folder / "home"
        self.data = folder / "data"
        self.here = self.home / "project"
        self.here.mkdir(parents=True)

    def variables(self, **more):
        return {"HOME": str(self.home), "PATH": os.environ["PATH"], "INSTAR_DATA": str(self.data)} | more

    def start(self, *arguments):
        # A shell leaves its background jobs to ignore interrupts, and so would the command if the tests are one.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        return subprocess.Popen(
            [sys.executable, "-m", "instar", *arguments], cwd=self.here, env=self.variables(), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def stored_documents(self):
        if not (self.data / "instar.db").exists():
            return 0
        with closing(sqlite3.connect(f"file:{self.data / 'instar.db'}?mode=ro", uri=True)) as db:
            return db.execute("SELECT count(*) FROM documents").fetchone()[0]

    def run(self, *arguments, code=0, here=None, **environment):
        done = subprocess.run(
            [sys.executable, "-m", "instar", *map(str, arguments)],
            cwd=here or self.here, env=self.variables(**environment), capture_output=True, text=True, timeout=120,
            check=False,
        )  # fmt: skip
        assert done.returncode == code, (done.stdout, done.stderr)
        return done

    def json(self, *arguments, **options):
        return json.loads(self.run(*arguments, "--json", **options).stdout)


@pytest.fixture
def shell(tmp_path):
    opened = Shell(tmp_path)
    for name, text in FILES.items():
        (opened.here / name).parent.mkdir(exist_ok=True)
        (opened.here / name).write_text(text)
    return opened


def test_one_command_indexes_and_answers(shell):
    done = shell.run("search", "retry delay")
    assert done.stdout.splitlines()[0].startswith("src/retry.py:1  retry_delay")
    assert ">     1  def retry_delay(attempt):" in done.stdout
    assert "is not indexed yet: 2 files" in done.stderr
    assert "indexed just now" in done.stderr


def test_json_has_the_documented_shape(shell):
    answer = shell.json("search", "retry delay")
    assert answer.keys() == {"query", "generation", "indexed_at", "pending", "degraded", "hits"}
    assert answer["query"] == "retry delay"
    assert answer["generation"] == {"id": 1, "model": "static"}
    assert (answer["pending"], answer["degraded"]) == (0, None)
    hit = answer["hits"][0]
    assert hit.keys() == HIT_KEYS
    assert (hit["rank"], hit["root"], hit["path"]) == (1, str(shell.here), "src/retry.py")
    assert (hit["start_line"], hit["end_line"], hit["symbol"]) == (1, 3, "retry_delay")


def test_a_search_finds_what_changed_since(shell):
    shell.run("search", "retry")
    (shell.here / "walrus.md").write_text("# Walrus\n\nTusks.\n")
    assert shell.json("search", "walrus")["hits"][0]["path"] == "walrus.md"


def test_no_refresh_answers_with_what_is_there(shell):
    shell.run("index")
    (shell.here / "walrus.md").write_text("# Walrus\n\nTusks.\n")
    paths = [hit["path"] for hit in shell.json("search", "walrus", "--no-refresh")["hits"]]
    assert "walrus.md" not in paths


def test_a_search_covers_the_root_it_stands_in_and_everywhere_all(shell):
    other = shell.home / "other"
    other.mkdir()
    (other / "walrus.md").write_text("# Walrus\n\nTusks.\n")
    shell.run("index", shell.here, other)
    assert {hit["root"] for hit in shell.json("search", "walrus retry", here=shell.here / "src")["hits"]} == {
        str(shell.here)
    }
    everywhere = shell.json("search", "walrus retry", "--everywhere")["hits"]
    assert {hit["root"] for hit in everywhere} == {str(shell.here), str(other)}


def test_a_path_narrows_to_a_folder_of_a_root(shell):
    shell.run("index")
    hits = shell.json("search", "retry", "docs")["hits"]
    assert [hit["path"] for hit in hits] == ["docs/retries.md"]
    assert len(shell.json("roots")) == 1


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--source", "docs"], {"docs/retries.md"}),
        (["--source", "code"], {"src/retry.py"}),
        (["--language", "python"], {"src/retry.py"}),
        (["--language", "Python"], {"src/retry.py"}),
        (["--language", "py"], {"src/retry.py"}),
        (["--path", "*.md"], {"docs/retries.md"}),
        (["--repo", "nowhere"], set()),
    ],
)
def test_filters(shell, options, expected):
    assert {hit["path"] for hit in shell.json("search", "retry requests", *options)["hits"]} == expected


def test_filters_that_fit_nothing_are_named(shell):
    shell.run("index")
    assert "no document that is indexed fits" in shell.json("search", "retry", "--repo", "nowhere")["degraded"]
    assert shell.json("search", "retry")["degraded"] is None


def test_a_full_output_is_one_line(shell):
    shell.run("index")
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m instar search retry > /dev/full"],
        cwd=shell.here, env=shell.variables(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "No space left" in done.stderr.strip().splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_budget_keeps_one_hit_a_file(shell):
    (shell.here / "long.py").write_text("\n\n".join(f"def retry_{i}():\n    {'x = 1; ' * 150}" for i in range(20)))
    hits = shell.json("search", "retry", "--budget", "300")["hits"]
    assert len({hit["path"] for hit in hits}) == len(hits)
    assert sum(len(hit["text"]) for hit in hits) <= 1200


def test_a_limit_holds_with_a_budget_too(shell):
    assert len(shell.json("search", "retry requests", "--budget", "10000")["hits"]) == 2
    assert len(shell.json("search", "retry requests", "--budget", "10000", "--limit", "1")["hits"]) == 1
    said = shell.run("search", "retry", "--budget", "1").stderr
    assert said.startswith("0 hits, ")
    assert "the budget is too small" in said


def test_what_files_hold_does_not_steer_the_terminal(shell):
    (shell.here / "\x1b[31mred.md").write_text("# Walrus \x1b]0;title\x07\x9b2J\n\n" + "Tusks.\r\n" * 20)
    shown = shell.run("search", "walrus tusks", "--limit", "1").stdout
    assert "red.md:1" in shown
    assert not {"\x1b", "\x07", "\x9b", "\r"} & set(shown)


def test_status_says_what_is_there_and_what_was_skipped(shell):
    (shell.here / "image.bin").write_bytes(b"\0\1\2" * 100)
    shell.run("index")
    facts = shell.json("status")
    (root,) = facts["roots"]
    assert (root["documents"], root["skipped"]) == (2, {"binary": 1})
    (generation,) = facts["generations"]
    assert (generation["model"], generation["active"], generation["missing"]) == ("static", True, 0)
    assert "2 documents" in shell.run("status").stdout


def test_roots_are_listed_and_forgotten(shell):
    shell.run("index")
    assert shell.run("roots").stdout.splitlines() == [str(shell.here)]
    shell.run("roots", "forget", shell.here)
    assert shell.json("roots") == []
    assert "is not a root" in shell.run("roots", "forget", shell.here, code=2).stderr


def test_options_before_forget_count_for_it(shell):
    shell.run("index")
    shell.run("roots", "--data", shell.home / "other", "forget", shell.here, code=2)
    assert json.loads(shell.run("roots", "--json", "forget", shell.here).stdout) == {"forgotten": str(shell.here)}


def test_config_names_the_origin_of_each_value(shell):
    rows = {row["name"]: row for row in shell.json("config", INSTAR_LIMIT="7")}
    assert (rows["limit"]["value"], rows["limit"]["origin"]) == (7, "environment")
    assert rows["model"]["origin"] == "default"


def test_verify_finds_a_sound_folder_sound(shell):
    shell.run("index")
    assert shell.json("verify") == {"sound": True, "damage": [], "mended": []}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["search", "x", "/"], "home folder"),
        (["search", "  "], "the question is empty"),
        (["search", "x", "missing"], "is not there"),
        (["search", "x", "--everywhere"], "nothing is indexed yet"),
        (["search", "x", "--no-refresh"], "is not indexed"),
        (["index", "docs/retries.md"], "is not a folder"),
        (["search", "x", "/proc"], "made up by the kernel"),
        (["search", "x", "--language", "klingon"], "unknown language"),
        (["search", "x", "--path", "../other/*.py", "--yes"], "leaves the root"),
        (["verify"], "nothing is indexed yet"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(shell, arguments, said):
    done = shell.run(*arguments, code=2)
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    error = json.loads(shell.run(*arguments, "--json", code=2).stdout)["error"]
    assert error["remedy"]


def test_a_path_that_is_not_there_is_named_also_in_a_root(shell):
    shell.run("index")
    assert "nowhere is not there" in shell.run("search", "x", "nowhere", code=2).stderr


@pytest.mark.parametrize("arguments", [["search", "retry", "{0}"], ["search", "retry"], ["index"]])
def test_the_current_folder_may_be_gone(shell, arguments):
    shell.run("index")
    script = 'mkdir ../gone && cd ../gone && rmdir ../gone && exec "$@"'
    command = [sys.executable, "-m", "instar", *(argument.format(shell.here) for argument in arguments)]
    done = subprocess.run(
        ["bash", "-c", script, "bash", *command], cwd=shell.here, env=shell.variables(), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    named = len(arguments) > 2
    assert done.returncode == (0 if named else 2)
    assert ("is not there any more" in done.stderr) is not named


@pytest.mark.parametrize("arguments", [["search", "caf\udce9"], ["search", "x", "--language", "\udce9"]])
def test_an_argument_that_is_not_utf8_is_refused(shell, arguments):
    shell.run("index")
    assert "is not UTF-8" in shell.run(*arguments, code=2).stderr


def test_a_whole_home_folder_is_refused(shell):
    assert "home folder" in shell.run("search", "x", here=shell.home, code=2).stderr


def test_a_large_folder_needs_consent_where_nobody_can_be_asked(shell):
    for i in range(5_001):
        (shell.here / f"{i}.md").write_text("x")
    assert "--yes" in shell.run("search", "x", code=2).stderr
    assert shell.json("roots") == []


def test_a_bad_setting_is_named(shell):
    assert "unknown storage format 'int3'" in shell.run("index", code=2, INSTAR_STORAGE="int3").stderr
    assert "unknown model 'magic'" in shell.run("index", code=2, INSTAR_MODEL="magic").stderr


@pytest.mark.parametrize("storage", ["float32", "float16", "binary"])
def test_another_storage_format_is_a_generation_of_its_own(shell, storage):
    shell.run("index")
    before = shell.json("search", "retry delay")
    assert before["generation"]["id"] == 1
    still = shell.json("search", "retry delay", INSTAR_STORAGE=storage)
    assert still["generation"]["id"] == 1
    shell.run("index", INSTAR_STORAGE=storage)
    after = shell.json("search", "retry delay", INSTAR_STORAGE=storage)
    assert after["generation"]["id"] == 2
    assert [hit["path"] for hit in after["hits"]] == [hit["path"] for hit in before["hits"]]


def test_an_interrupt_leaves_everything_consistent(shell):
    for i in range(1_200):
        (shell.here / f"{i}.py").write_text(
            "\n\n".join(f"def f{i}_{j}(x):\n    return {'x + ' * 200}{j}" for j in range(9))
        )
    process = shell.start("index", "--yes")
    while not shell.stored_documents():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.strip().splitlines()[-1].startswith("instar: interrupted")
    shell.run("index")
    assert shell.json("verify")["damage"] == []
    assert shell.json("status")["roots"][0]["documents"] == 1_202


def test_output_may_be_cut_off_by_its_reader(shell):
    shell.run("index")
    command = f"{sys.executable} -m instar search retry -n 50 --json | head -c 1 >/dev/null; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command], cwd=shell.here, env=shell.variables(), capture_output=True, text=True, check=False
    )
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    plain = command.replace(" --json", "").replace("head -c 1", "head -n 1")
    done = subprocess.run(
        ["bash", "-c", plain], cwd=shell.here, env=shell.variables(), capture_output=True, text=True, check=False
    )
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)


def test_closed_streams_are_nobody_to_ask(shell):
    command = f"{sys.executable} -m instar search retry <&-"
    done = subprocess.run(
        ["bash", "-c", command], cwd=shell.here, env=shell.variables(), capture_output=True, text=True, check=False
    )
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)


def test_a_file_of_the_same_root_is_cited_from_where_one_stands(shell):
    shell.run("index")
    lines = shell.run("search", "retry delay", here=shell.here / "docs").stdout.splitlines()
    assert lines[0].startswith("../src/retry.py:1")


def test_a_wrong_option_is_a_usage_error(shell):
    assert "No such option" in shell.run("search", "x", "--nope", code=2).stderr
    assert "No such option" in json.loads(shell.run("search", "--nope", "--json", code=2).stdout)["error"]["message"]
    assert "Usage" in shell.run("--help").stdout
    assert shell.run("--version").stdout.startswith("instar ")


def test_importing_and_helping_load_nothing_heavy():
    heavy = {"numpy", "tantivy", "tokenizers", "sqlite3", "tree_sitter"}
    helping = "from instar.entrypoints.cli.main import app; sys.argv = ['instar', '--help']; app(standalone_mode=False)"
    for code in ("import instar", helping):
        done = subprocess.run(
            [sys.executable, "-c", f"import sys; {code}; print('modules:', *sys.modules)"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert not heavy & set(done.stdout.partition("modules:")[2].split())
