"""A model in another process: what crosses the border, and what happens when either side goes away."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Timer
from typing import Any

import encoders
import numpy as np
import pytest

from instar.adapters.embedders.process import ProcessEncoder
from instar.domain.catalogue import ModelEntry
from instar.errors import ModelAwayError, ModelChangedError, ModelMissingError, ModelUnsoundError
from instar.ports import Encoder
from instar.testing import HashEncoder

PATIENCE = 3.0
"""Seconds: six times what a process takes to start here."""
SUPPORT = Path(encoders.__file__).parent
DRIVER = """
import sys
import encoders
from instar.adapters.embedders.process import ProcessEncoder
from instar.domain.catalogue import ModelEntry

entry = ModelEntry("hash", provider="st", source=sys.argv[1], options={"python": sys.argv[2]})
encoder = ProcessEncoder(entry, encoders.Waiting)
encoder.encode([sys.argv[3]])
sys.stdin.read()
"""


@pytest.fixture
def python(tmp_path: Path) -> str:
    """An environment that has the encoders of the tests besides."""
    script = tmp_path / "python"
    script.write_text(f'#!/bin/sh\nPYTHONPATH="{SUPPORT}" exec "{sys.executable}" "$@"\n')
    script.chmod(0o755)
    return str(script)


@pytest.fixture
def run(python: str, tmp_path: Path) -> Iterator[Callable[..., ProcessEncoder]]:
    opened: list[ProcessEncoder] = []

    def open_one(make: Callable[[ModelEntry], Encoder], **facts: Any) -> ProcessEncoder:
        entry = ModelEntry("hash", provider="st", source=str(tmp_path / "trace"), options={"python": python})
        opened.append(ProcessEncoder(replace(entry, **facts), make))
        return opened[-1]

    yield open_one
    for encoder in opened:
        encoder.close()


def test_it_answers_as_the_encoder_itself_does(run):
    there = run(HashEncoder, dimensions=16, context_tokens=2)
    here = HashEncoder(ModelEntry("hash", provider="st", source=there.facts.revision, dimensions=16, context_tokens=2))
    texts = ["one two three", "naïve 漢字 🙂", "", "\0 \x1b"]
    assert (there.facts, there.batch, there.agreement) == (here.facts, here.batch, here.agreement)
    found, expected = there.encode(texts), here.encode(texts)
    np.testing.assert_array_equal(found.vectors, expected.vectors)
    assert found.vectors.dtype == np.float32
    assert found.cut == expected.cut == (0, 1)
    assert there.encode([]).vectors.shape == (0, 16)


def test_its_errors_arrive_as_they_are_and_it_goes_on(run):
    encoder = run(encoders.Refusing)
    for count in (1, 2):
        with pytest.raises(ModelUnsoundError) as caught:
            encoder.encode(["x"] * count)
        assert (caught.value.message, caught.value.remedy) == (f"{count} texts", "send none")


def test_what_its_library_prints_and_reads_disturbs_nothing(run, capfd):
    encoder = run(encoders.Noisy)
    for text in ("one", "two"):
        np.testing.assert_array_equal(encoder.encode([text]).vectors, encoder.encode([text]).vectors)
    encoder.close()
    assert capfd.readouterr() == ("", "")


def test_a_process_that_dies_in_mid_batch_is_told_with_its_last_words_and_started_anew(run, capfd):
    encoder = run(encoders.Mortal)
    before = encoder.encode(["one"]).vectors
    with pytest.raises(ModelAwayError, match="out of memory"):
        encoder.encode(["one", "die"])
    np.testing.assert_array_equal(encoder.encode(["one", "die"]).vectors[:1], before)
    assert capfd.readouterr() == ("", "")


def test_a_process_that_is_another_model_the_second_time_is_not_used(run):
    encoder = run(encoders.Changing)
    assert encoder.batch == 1
    with pytest.raises(ModelAwayError):
        encoder.encode(["die"])
    for _ in range(2):
        with pytest.raises(ModelChangedError, match="another model"):
            encoder.encode(["one"])


def test_a_process_that_hangs_is_killed_and_started_anew_with_the_next_question(python, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)  # else the process would wait for it
    entry = ModelEntry("hash", provider="st", source=str(pipe), options={"python": python})
    encoder = ProcessEncoder(entry, encoders.Waiting, PATIENCE)
    assert encoder.encode(["one"]).vectors.shape == (1, 64)
    with pytest.raises(ModelAwayError, match=f"nothing came for {PATIENCE:g} s"):
        encoder.encode(["for ever"])
    assert os.read(reader, 99) == b"begunbegun"
    assert os.read(reader, 99) == b""  # nobody holds the other end
    assert encoder.encode(["one"]).vectors.shape == (1, 64)
    encoder.close()
    os.close(reader)


class Late(Timer):
    """A watch whose time is over just when it is called off."""

    def cancel(self) -> None:
        self.function()
        super().cancel()


def test_a_watch_that_strikes_behind_the_answer_spoils_neither_it_nor_the_next_one(run, monkeypatch):
    encoder = run(HashEncoder)
    before = encoder.encode(["one"]).vectors
    with monkeypatch.context() as patch:
        patch.setattr("instar.adapters.embedders.process.Timer", Late)
        np.testing.assert_array_equal(encoder.encode(["one"]).vectors, before)
    np.testing.assert_array_equal(encoder.encode(["one"]).vectors, before)


def test_a_python_that_says_nothing_is_away(tmp_path):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexec sleep 600\n")
    python.chmod(0o755)
    entry = ModelEntry("hash", provider="st", options={"python": str(python)})
    with pytest.raises(ModelAwayError, match=r"nothing came for 0\.1 s"):
        _ = ProcessEncoder(entry, HashEncoder, 0.1).facts


def test_it_can_be_closed_and_asked_again(run):
    encoder = run(HashEncoder)
    before = encoder.encode(["one"]).vectors
    encoder.close()
    encoder.close()
    np.testing.assert_array_equal(encoder.encode(["one"]).vectors, before)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (None, "No such file"),
        ("echo No module named instar >&2; exit 1", "No module named instar"),
        ("echo not what is expected; exit 3", "exit code"),
    ],
)
def test_a_python_that_cannot_run_it_is_missing(tmp_path, script, said):
    python = tmp_path / "other"
    if script:
        python.write_text(f"#!/bin/sh\n{script}\n")
        python.chmod(0o755)
    entry = ModelEntry("hash", provider="st", options={"python": str(python)})
    with pytest.raises(ModelMissingError, match=said) as caught:
        ProcessEncoder(entry, HashEncoder).encode(["one"])
    assert str(python) in str(caught.value)


def test_a_process_that_has_ended_is_killed_once_for_its_number_may_be_given_again(tmp_path, monkeypatch):
    killed: list[int] = []
    monkeypatch.setattr(os, "killpg", lambda pid, _: killed.append(pid))
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexit 3\n")
    python.chmod(0o755)
    entry = ModelEntry("hash", provider="st", options={"python": str(python)})
    with pytest.raises(ModelMissingError):
        ProcessEncoder(entry, HashEncoder).encode(["one"])
    assert len(killed) == 1


def test_nothing_is_imported_from_the_folder_one_works_in(run, tmp_path, monkeypatch):
    (tmp_path / "numpy.py").write_text("raise SystemExit('imported from the working folder')")
    monkeypatch.chdir(tmp_path)
    assert run(HashEncoder).encode(["one"]).vectors.shape == (1, 64)


@pytest.mark.parametrize(
    ("text", "signal_number"), [("for ever", signal.SIGINT), ("one", signal.SIGKILL)], ids=["ctrl-c", "kill -9"]
)
def test_it_does_not_outlive_whoever_started_it(tmp_path, python, text, signal_number):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(pipe), python, text],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(SUPPORT)},
    )
    with pipe.open("rb") as reader:  # waits until the process has opened it
        assert reader.read(5) == b"begun"
        os.killpg(driver.pid, signal_number)
        assert reader.read() == b""  # the end comes when no process holds the other end
    driver.communicate()
    assert driver.returncode != 0
