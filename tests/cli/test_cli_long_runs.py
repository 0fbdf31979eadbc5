"""``chainrule train``: optimizers, schedules, early stopping; checkpoints that are resumed, and logs."""

import csv
import errno
import json
import os
import re
import signal
from pathlib import Path

import pytest

import chainrule as cr
from chainrule.training.optimizers import METHODS
from chainrule.training.schedules import SCHEDULES


def without_seconds(path):
    with Path(path).open(newline="") as file:
        return [row[:-1] for row in csv.reader(file)]


@pytest.mark.parametrize("optimizer", METHODS)
def test_each_optimizer_learns_at_its_usual_rate(cli, flowers, optimizer):
    words = ["--optimizer", optimizer, "--cost", "cross_entropy", "--epochs", "60", "--json"]
    found = json.loads(cli("train", flowers, *words).out)
    assert found["held_out"]["accuracy"] > 0.9
    assert found["history"]["end"] in ("epochs", "converged")


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_each_schedule(cli, flowers, schedule):
    found = json.loads(cli("train", flowers, "--schedule", schedule, "--epochs", "3", "--json").out)
    assert len(found["history"]["learning_rate"]) == 3


def test_penalties_and_clipping_reach_the_optimizer(cli, flowers):
    def weights(*words):
        assert cli("train", flowers, "--epochs", "5", "--out", "m", *words).code == 0
        return sum(float(abs(value).sum()) for value in cr.load("m").parameters.values())

    plain = weights()
    for penalty in ("--l1", "--l2", "--weight-decay"):
        assert weights(penalty, "0.01") < plain
        assert weights(penalty, "0") == plain
    start = weights("--epochs", "0")
    assert abs(weights("--clip-norm", "1e-9") - start) < 1e-3
    assert abs(weights("--clip-value", "1e-9") - start) < 1e-3
    decayed = weights("--optimizer", "adamw", "--weight-decay", "0.5")
    assert decayed < weights("--optimizer", "adamw")
    assert weights("--optimizer", "lbfgs", "--l2", "0.1") < weights("--optimizer", "lbfgs")


def test_early_stopping_says_so(cli, flowers):
    words = ["--early-stopping", "3", "--epochs", "3000", "--quiet", "--optimizer", "adam"]
    result = cli("train", flowers, *words, "--learning-rate", "0.5")
    assert result.code == 0
    assert "stopped early, for there was no improvement. The parameters are those of epoch" in result.out
    assert int(re.search(r"(\d+) epochs in", result.out)[1]) < 3000
    assert "提前停止" in cli("train", flowers, *words, "--learning-rate", "0.5", "--lang", "zh").out


def test_the_end_is_told(cli, flowers):
    assert "After epoch 2: all epochs are done.\n" in cli("train", flowers, "--epochs", "2").out


def test_resume_begins_goes_on_and_ends(cli, flowers):
    words = ["train", flowers, "--epochs", "6", "--checkpoint", "runs/a", "--resume", "--log", "log.csv"]
    first = cli(*words, "--out", "first")
    assert (first.code, first.err) == (0, "")
    again = cli(*words, "--out", "again")
    assert (again.code, again.err) == (0, "")
    assert "Epoch 1:" in first.out
    assert "Epoch 1:" not in again.out
    assert Path("first").read_bytes() == Path("again").read_bytes()
    assert [row[0] for row in without_seconds("log.csv")] == ["epoch", *"123456"]
    other = cli(*words[:-2], "--learning-rate", "0.25")
    assert other.code == 2
    assert other.err.count("\n") == 1
    assert "learning_rate is 3.0 there and 0.25 here" in other.err


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGINT])
def test_stopped_and_resumed_the_model_is_the_same(process, tmp_path, flowers, blow):
    words = ["train", flowers, "--epochs", "100", "--optimizer", "adam", "--checkpoint-steps", "5"]
    whole = process(*words, "--checkpoint", "whole", "--out", "whole.model", "--log", "whole.csv")
    whole.communicate(timeout=100)
    more = ["--checkpoint", "cut", "--out", "cut.model", "--log", "cut.csv", "--resume"]
    for _ in range(2):
        running = process(*words, *more)
        for _ in range(20):
            assert running.stdout.readline().startswith("Epoch ")
        running.send_signal(blow)
        _, err = running.communicate(timeout=60)
        if blow == signal.SIGINT:
            assert running.returncode == 130
            assert err.endswith("Saved to cut.model. Go on with --resume.\n")
    last = process(*words, *more)
    out, err = last.communicate(timeout=100)
    assert (last.returncode, err) == (0, "")
    assert not out.startswith("Epoch 1:")
    assert (tmp_path / "cut.model").read_bytes() == (tmp_path / "whole.model").read_bytes()
    assert without_seconds(tmp_path / "cut.csv") == without_seconds(tmp_path / "whole.csv")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--resume"], "--resume needs the folder of a checkpoint. Name one with --checkpoint."),
        (["--checkpoint-steps", "5"], "--checkpoint-steps needs the folder"),
        (["--checkpoint-minutes", "5"], "--checkpoint-minutes needs the folder"),
        (
            ["--checkpoint", "a", "--checkpoint-steps", "0"],
            "--checkpoint-steps must be a positive whole number",
        ),
        (["--log", "log.txt"], "must be a file that ends in .csv or .jsonl"),
        (["--log", "nowhere/log.csv"], "nowhere"),
        (["--optimizer", "adan"], "--optimizer: there is no 'adan'. Did you mean 'adam'?"),
        (["--schedule", "cosin"], "--schedule: there is no 'cosin'. Did you mean 'cosine'?"),
        (["--optimizer", "lbfgs", "--clip-norm", "1"], "lbfgs takes --l2"),
        (["--optimizer", "lbfgs", "--schedule", "cosine"], "lbfgs searches the length of each step itself"),
        (["--l2", "-1"], "--l2 must be a finite number, 0 or more"),
        (["--early-stopping", "0"], "--early-stopping must be a positive whole number"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(cli, flowers, words, said):
    result = cli("train", flowers, *words)
    assert result.code == 2
    assert said in result.err
    assert result.err.count("\n") == 1
    assert result.out == ""


def test_a_checkpoint_that_fails_is_told_in_a_line_and_training_goes_on(cli, flowers, monkeypatch):
    real, calls = os.fsync, [0]

    def fsync(file):
        calls[0] += 1
        if calls[0] == 5:  # two belong to each checkpoint; this one to the second after the first epoch
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(file)

    monkeypatch.setattr(os, "fsync", fsync)
    result = cli("train", flowers, "--epochs", "4", "--checkpoint", "a", "--lang", "en")
    assert result.code == 0
    assert result.err.startswith("chainrule: The checkpoint was not written, the one before is kept")
    assert os.strerror(errno.ENOSPC) in result.err
    assert result.err.count("\n") == 1
    assert "Epoch 4:" in result.out


def test_a_checkpoint_that_cannot_be_made_is_an_error(cli, flowers):
    Path("file").write_text("")
    result = cli("train", flowers, "--checkpoint", "file")
    assert result.code == 2
    assert "no folder can be made here" in result.err
