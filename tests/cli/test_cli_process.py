"""The command line as a process: signals, pipes, full disks, start-up time."""

import json
import os
import pty
import re
import resource
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import chainrule as cr

FULL = Path("/dev/full")


def finished(process, seconds=60):
    out, err = process.communicate(timeout=seconds)
    return process.returncode, out, err


def test_the_module_runs(process):
    code, out, err = finished(process("explain", "3*(a + b*c)", "a=7", "b=4", "c=2"))
    assert (code, err) == (0, "")
    assert "dJ/dc = 12" in out


def test_help_imports_nothing_heavy():
    names = {"numpy", "scipy", "sklearn", "typer"}
    code = f"import sys, chainrule.cli as c; c.main(['--help']); print({names} & sys.modules.keys())"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=_environment()
    )
    assert result.stdout.splitlines()[-1] == "set()"


def test_training_imports_nothing_that_it_does_not_need(tmp_path):
    names = {"scipy", "sklearn", "pooch", "hypothesis", "rich", "pandas", "matplotlib"}
    words = ["train", "moons", "--epochs", "1", "--json", "--out", "m"]
    code = f"import sys, chainrule.cli as c; c.main({words}); print({names} & sys.modules.keys())"
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=_environment(),
        cwd=tmp_path,
    )
    assert result.stdout.splitlines()[-1] == "set()"


def _environment():
    return {**os.environ, "PYTHONPATH": str(Path(cr.__file__).parents[1])}


def _interrupted(process, *words):
    """Start a training that would take very long, stop it by Ctrl-C, and return how it ended."""
    running = process("train", "digits", "--epochs", "1000000", *words)
    for _ in range(3):
        assert running.stdout.readline().startswith("Epoch ")
    running.send_signal(signal.SIGINT)
    return finished(running)


def test_ctrl_c_saves_what_was_learned(process, tmp_path, digits):
    code, _, err = _interrupted(process, "--out", "model")
    assert code == 130
    assert err.startswith("chainrule: Stopped in epoch ")
    assert err.endswith("Saved to model.\n")
    assert err.count("\n") == 1
    net = cr.load(tmp_path / "model")
    assert net.evaluate(digits.x, digits.y).accuracy > 0.5


def test_ctrl_c_without_a_place_to_save(process, tmp_path):
    code, _, err = _interrupted(process)
    assert code == 130
    assert err.count("\n") == 1
    assert "Not saved" in err
    assert not list(tmp_path.iterdir())


def test_ctrl_c_leaves_one_json_object(process):
    for patience in (2, 10, 40):  # nothing is printed before the end that would tell when training began
        running = process("train", "digits", "--epochs", "1000000", "--json", "--out", "model")
        time.sleep(patience)
        running.send_signal(signal.SIGINT)
        code, out, _ = finished(running)
        assert code == 130
        if out:
            break
    assert json.loads(out)["interrupted"] is True


def test_ctrl_c_elsewhere_is_one_line(process, tmp_path):
    os.mkfifo(tmp_path / "model")
    for patience in (2, 10, 40):  # until it waits for somebody to write to this pipe, which nobody does
        running = process("inspect", "model")
        time.sleep(patience)
        running.send_signal(signal.SIGINT)
        code, out, err = finished(running)
        if code == 130:
            break
    assert (code, out, err) == (130, "", "chainrule: Stopped.\n")


def test_a_reader_that_goes_away_is_no_error(process, flowers):
    running = process("primitives")
    assert running.stdout.readline()
    running.stdout.close()
    running.stdout = None
    code, _, err = finished(running)
    assert (code, err) in ((141, ""), (0, ""))
    running = process("train", flowers, "--epochs", "100000")
    running.stdout.readline()
    running.stdout.close()
    running.stdout = None
    assert finished(running)[::2] == (141, "")


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
def test_a_full_standard_output(process):
    with FULL.open("w") as full:
        code, _, err = finished(process("explain", "1 + 1", stdout=full))
    assert code == 2
    assert err.startswith("chainrule: Standard output cannot be written")
    assert err.count("\n") == 1


def test_a_full_disk_leaves_the_earlier_model(process, tmp_path, flowers):
    earlier = tmp_path / "model"
    earlier.write_text("earlier")

    def small_disk():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    code, out, err = finished(
        process("train", flowers, "--epochs", "1", "--quiet", "--out", "model", preexec_fn=small_disk)
    )
    assert (code, out) == (2, "")
    assert err.startswith("chainrule: model: cannot be written")
    assert err.count("\n") == 1
    assert earlier.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [earlier]


def test_an_encoding_without_chinese(process):
    settings = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    code, out, err = finished(process("--help", "--lang", "zh", environment=settings))
    assert (code, err) == (0, "")
    assert "\\u7528\\u6cd5" in out


def _on_terminal(*words, cwd):
    """Run the command on a terminal of 80 columns; return all that it wrote there."""
    leader, follower = pty.openpty()
    environment = {**_environment(), "TERM": "xterm", "COLUMNS": "80", "LINES": "24"}
    running = subprocess.Popen(
        [sys.executable, "-m", "chainrule", *map(str, words)],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        cwd=cwd,
        env=environment,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    os.close(follower)
    written = b""
    while select.select([leader], [], [], 60)[0]:
        try:
            piece = os.read(leader, 65536)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        written += piece
    os.close(leader)
    assert running.wait(timeout=60) == 0
    return written.decode()


def test_on_a_terminal_there_is_a_bar_with_cost_and_accuracy(tmp_path):
    written = _on_terminal("train", "digits", "--epochs", "6", cwd=tmp_path)
    for words in ("━", "epoch 6/6", "cost 0.", "accuracy 9", "Epoch 6: ", "held out"):
        assert words in written


def test_the_bar_leaves_room_for_what_a_terminal_writes_at_ctrl_c(tmp_path):
    """Else ``^C`` begins a new line, which is cleared in place of the bar's."""
    written = _on_terminal("train", "digits", "--epochs", "3", cwd=tmp_path)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written)
    bars = [line for line in re.split(r"[\r\n]+", plain) if "━" in line and "cost" in line]
    assert bars
    assert max(map(len, bars)) <= 80 - len("^C")


def test_quiet_on_a_terminal_shows_no_bar(tmp_path):
    written = _on_terminal("train", "moons", "--epochs", "2", "--quiet", cwd=tmp_path)
    assert "━" not in written
    assert "held out" in written


def test_what_is_no_fault_of_the_user_asks_to_be_reported(process, tmp_path):
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "numpy.py").write_text("raise RuntimeError('a broken installation')\n")
    path = {"PYTHONPATH": f"{broken}{os.pathsep}{_environment()['PYTHONPATH']}"}
    code, out, err = finished(process("explain", "a", "a=1", environment=path))
    assert (code, out, err.count("\n")) == (70, "", 1)
    assert "RuntimeError: a broken installation" in err
    assert "CHAINRULE_DEBUG=1" in err
    code, _, err = finished(process("explain", "a", "a=1", environment={**path, "CHAINRULE_DEBUG": "1"}))
    assert code == 70
    assert "Traceback" in err
