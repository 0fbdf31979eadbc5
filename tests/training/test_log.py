"""The log of epochs: what the history holds, whole after any stop, and no reason to lose a fit."""

import csv
import json
import resource

import pytest
from test_checkpoints import X, Y, bits, every_batch_is_told_of, fit, small  # noqa: F401 - a fixture

from chainrule.training.checkpoints import CheckpointWarning


def rows_of(path):
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text().splitlines()]
    with path.open(newline="") as file:
        return [
            {name: float(text) if text else None for name, text in row.items()}
            for row in csv.DictReader(file)
        ]


def history_rows(history, *, judged):
    """Return what the log of a history of one fit must hold."""
    names = [
        "accuracy",
        "validation_cost",
        "validation_accuracy",
        "validation_r2",
        "learning_rate",
        "seconds",
    ]
    for place in range(len(history)):
        row = {"epoch": place + 1, "cost": history.cost[place]}
        for name in names:
            row[name] = getattr(history, name)[place] if judged or "validation" not in name else None
        yield row


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
@pytest.mark.parametrize("judged", [True, False])
def test_the_log_holds_the_history(tmp_path, suffix, judged):
    path = tmp_path / f"log.{suffix}"
    path.write_text("something earlier\n")
    net = fit(small(), log=path, validation_data=(X[:9], Y[:9]) if judged else None)
    assert rows_of(path) == list(history_rows(net.history, judged=judged))


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_no_epoch_is_logged_twice_and_none_is_missing(tmp_path, suffix):
    path, net = tmp_path / f"log.{suffix}", small()
    for place in (3, 12, 8, 9, None):
        net = fit(small(), place, log=path, checkpoint=tmp_path / "kept", resume=True)
        with path.open("a") as file:
            file.write('{"epoch": 4, "co')  # half a line, as a crash leaves one
    fit(small(), log=path, checkpoint=tmp_path / "kept", resume=True)
    assert [row["epoch"] for row in rows_of(path)] == [1, 2, 3, 4]
    assert [row["cost"] for row in rows_of(path)] == net.history.cost


def test_the_log_of_fits_with_and_without_validation(tmp_path):
    path, net = tmp_path / "log.csv", small()
    fit(net, epochs=2, validation_data=None)
    fit(net, epochs=2, log=path)
    costs = [row["validation_cost"] for row in rows_of(path)]
    assert costs == [None, None, *net.history.validation_cost]
    assert [row["epoch"] for row in rows_of(path)] == [1, 2, 3, 4]


def test_a_log_on_a_full_disk_costs_no_training(tmp_path):
    expected, path = bits(fit(small())), tmp_path / "log.csv"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(progress):
        if progress.report is not None:
            full = progress.report.epoch in (1, 2)
            resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size if full else soft, hard))

    try:
        with pytest.warns(CheckpointWarning, match="log was not written"):
            net = fit(small(), log=path, progress=limit)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert bits(net) == expected
    assert [row["epoch"] for row in rows_of(path)] == [1, 2, 3, 4]
