"""Checkpoints: stopped anywhere and resumed, a fit is as if it had never stopped; and what is refused."""

import contextlib
import errno
import os
import re
import resource
import warnings

import numpy as np
import pytest
import scipy.sparse

import chainrule as cr
from chainrule.errors import FileError, ModelFileError, SettingError
from chainrule.models import read_model
from chainrule.network.checkpointing import EARLIER, KIND, NAME
from chainrule.training import loop, step
from chainrule.training.checkpoints import Checkpoint, CheckpointWarning

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(53, 3))
Y = X @ [1.0, -2.0, 0.5] + 0.3 * RANDOM.normal(size=53)
WORDS = np.where(Y > 0, "up", "down")


class Stop(BaseException):
    """What stops a fit at a place of our choice, as Ctrl-C would."""


@pytest.fixture(autouse=True)
def every_batch_is_told_of(monkeypatch):
    monkeypatch.setattr(loop, "REPORTS_PER_SECOND", 1e12)
    monkeypatch.setattr(step, "PORTION_SECONDS", 0)


def small():
    return cr.Network([3, 4, 1], activation="tanh", cost="mse", seed=0)


def fit(net, stop_at=None, **settings):
    """Fit; stop at the so many-th time that the fit tells of its progress."""
    told = [0]

    def count(progress):
        told[0] += 1
        if told[0] == stop_at:
            raise Stop

    chosen = {"epochs": 4, "batch_size": 10, "learning_rate": 0.01, "optimizer": "adam", "compiled": False}
    validation = settings.pop("validation_data", (X[:9], Y[:9]))
    with contextlib.suppress(Stop):
        net.fit(X, Y, validation_data=validation, callbacks=[count], **{**chosen, **settings})
    return net


def bits(net):
    """Return all that a fit leaves, bit for bit, but for the seconds that it took."""
    history = {name: value for name, value in vars(net.history).items() if name != "seconds"}
    states = [array.tobytes() for state in net._learning._states.values() for array in state]
    return [value.tobytes() for value in net.parameters.values()], states, repr(history)


CASES = {
    "adam": {},
    "cosine": {"schedule": "cosine"},
    "drops within an epoch": {"schedule": cr.schedules.step(0.5, 0.5)},
    "plateau": {"schedule": cr.schedules.plateau(0.5, 0)},
    "early stopping": {"early_stopping": 1, "learning_rate": 0.3},
    "without validation": {"validation_data": None, "early_stopping": 2},
    "in order": {"shuffle": False, "optimizer": "momentum"},
    "lbfgs": {"optimizer": "lbfgs"},
}


@pytest.mark.parametrize("steps", [None, 1, 4])
@pytest.mark.parametrize("case", CASES)
def test_stopped_anywhere_and_resumed_it_ends_with_the_same_bits(tmp_path, case, steps):
    settings = CASES[case]
    expected = bits(fit(small(), **settings))
    for place in range(1, 30, 4):
        chosen = Checkpoint(tmp_path / str(place), steps=steps)
        fit(small(), place, checkpoint=chosen, **settings)
        for _ in range(2):  # the second time it is finished already
            assert bits(fit(small(), checkpoint=chosen, resume=True, **settings)) == expected


@pytest.mark.parametrize("case", ["cosine", "drops within an epoch", "early stopping"])
def test_the_same_holds_for_machine_code(tmp_path, case):
    settings = {**CASES[case], "compiled": True}
    expected = bits(fit(small(), **settings))
    for place in range(1, 26, 5):
        chosen = Checkpoint(tmp_path / str(place), steps=1)
        fit(small(), place, checkpoint=chosen, **settings)
        assert bits(fit(small(), checkpoint=chosen, resume=True, **settings)) == expected


def test_resumed_in_the_same_network_many_times(tmp_path):
    expected, net = bits(fit(small())), small()
    for _ in range(40):
        fit(net, 3, checkpoint=Checkpoint(tmp_path, steps=1), resume=True)
    assert net.history.end == "epochs"
    assert bits(net) == expected


def test_a_checkpoint_changes_nothing(tmp_path):
    assert bits(fit(small(), checkpoint=tmp_path / "made" / "for" / "it")) == bits(fit(small()))
    assert [path.name for path in (tmp_path / "made" / "for" / "it").iterdir()] == [NAME]


def test_a_second_fit_of_a_network_has_a_checkpoint_of_its_own(tmp_path):
    expected = bits(fit(fit(small()), optimizer="sgd"))
    net = fit(fit(small()), 9, optimizer="sgd", checkpoint=tmp_path)
    assert len(net.history) == 5
    resumed = fit(fit(small()), optimizer="sgd", checkpoint=tmp_path, resume=True)
    assert bits(resumed)[0] == expected[0]
    assert bits(resumed)[2] == expected[2]


def test_whether_machine_code_runs_is_decided_once(tmp_path, monkeypatch):
    """A network that was fitted in between would by now have been found worth compiling."""
    expected = bits(fit(small(), compiled=None))
    net = fit(small(), 9, compiled=None, checkpoint=tmp_path)
    monkeypatch.setattr("chainrule.network.learning.WORTH_SECONDS", 0)
    monkeypatch.setattr("chainrule.network.judging.WORTH_SECONDS", 0)
    assert bits(fit(net, compiled=None, checkpoint=tmp_path, resume=True)) == expected


def test_a_fit_that_a_callback_stopped_goes_on(tmp_path):
    expected = bits(fit(small()))
    for limit in (3, 6, 11):
        folder, told = tmp_path / str(limit), iter(range(1, 100))
        net = fit(small(), checkpoint=folder, progress=lambda _, told=told, limit=limit: next(told) >= limit)
        assert net.history.end == "callback"
        assert bits(fit(small(), checkpoint=folder, resume=True)) == expected


def test_labels_and_early_stopping_on_the_score(tmp_path):
    def learn(**settings):
        net = cr.Network([3, 5, 2], cost="cross_entropy", seed=3)
        chosen = cr.EarlyStopping(2, monitor="score")
        net.fit(X, WORDS, epochs=6, early_stopping=chosen, **settings)
        return net

    expected = bits(learn())
    learn(checkpoint=tmp_path)
    finished = learn(checkpoint=tmp_path, resume=True)
    assert bits(finished) == expected
    assert finished.predict(X[:2]).dtype.kind == "U"


def test_settings_may_be_numbers_of_numpy_s(tmp_path):
    stopping = cr.EarlyStopping(np.int64(2), min_delta=np.float32(0.5))
    schedule = cr.schedules.step(np.float32(2), np.float64(0.5))
    optimizer = cr.optimizers.momentum(np.float32(0.5))
    settings = {"early_stopping": stopping, "schedule": schedule, "optimizer": optimizer}
    expected = bits(fit(small(), **settings))
    fit(small(), 9, checkpoint=tmp_path, **settings)
    assert bits(fit(small(), checkpoint=tmp_path, resume=True, **settings)) == expected


def test_memory_maps_and_sparse_tables(tmp_path):
    np.save(tmp_path / "x.npy", X)
    tables = np.load(tmp_path / "x.npy", mmap_mode="r"), scipy.sparse.csr_array(np.where(X > 0, X, 0))
    for place, table in enumerate(tables):
        folder = tmp_path / str(place)

        def learn(epochs, table=table, folder=folder):
            chosen = Checkpoint(folder, steps=2)
            net = small()
            left = iter(range(1, 1000))
            net.fit(
                table,
                Y,
                epochs=4,
                checkpoint=chosen,
                resume=True,
                callbacks=[lambda _: next(left) >= epochs],
            )
            return net

        cut = [learn(7).history.end for _ in range(8)]
        assert (cut[0], cut[-1]) == ("callback", "epochs")
        whole = small()
        whole.fit(table, Y, epochs=4)
        assert bits(learn(1000)) == bits(whole)


def test_how_often_it_is_written(tmp_path, monkeypatch):
    def written(**distance):
        found = []
        real = os.fsync
        monkeypatch.setattr(os, "fsync", lambda file: (found.append(file), real(file))[1])
        fit(small(), checkpoint=Checkpoint(tmp_path, **distance))
        monkeypatch.undo()
        return len(found) / 2  # the file, and the folder's entry

    # At the beginning and at the end, besides: 53 examples make 6 mini-batches in each of 4 epochs.
    assert written() == 2 + 3
    assert written(minutes=60) == 2
    monkeypatch.setattr(step, "PORTION_SECONDS", 0)
    assert written(steps=6) == 2 + 3
    monkeypatch.setattr(step, "PORTION_SECONDS", 0)
    assert written(steps=1) == 2 + 23


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"learning_rate": 0.02}, "learning_rate is 0.01 there and 0.02 here"),
        ({"epochs": 5}, "epochs is 4 there and 5 here"),
        ({"optimizer": "sgd"}, "optimizer"),
        ({"schedule": "cosine"}, "schedule"),
        ({"early_stopping": 3}, "early_stopping"),
        ({"validation_data": (X[:8], Y[:8])}, "validation_data"),
        ({"validation_data": None}, "validation_data"),
        ({"shuffle": False}, "shuffle"),
    ],
)
def test_other_settings_are_refused_in_one_line(tmp_path, changed, name):
    fit(small(), 9, checkpoint=tmp_path)
    net = small()
    before = bits(net)
    with pytest.raises(SettingError, match=re.escape(name)) as caught:
        fit(net, checkpoint=tmp_path, resume=True, **changed)
    assert "\n" not in str(caught.value)
    assert NAME in str(caught.value)
    assert bits(net) == before


def test_other_networks_and_other_data_are_refused(tmp_path, monkeypatch):
    fit(small(), 9, checkpoint=tmp_path)
    for net in (cr.Network([3, 5, 1], cost="mse", activation="tanh"), cr.Network([3, 1], cost="mse")):
        with pytest.raises(SettingError, match="sizes"):
            fit(net, checkpoint=tmp_path, resume=True)
    with pytest.raises(SettingError, match="seed"):
        fit(cr.Network([3, 4, 1], activation="tanh", cost="mse", seed=1), checkpoint=tmp_path, resume=True)
    monkeypatch.setitem(globals(), "X", X + 1e-3)
    with pytest.raises(SettingError, match="; data is"):
        fit(small(), checkpoint=tmp_path, resume=True)


def test_what_makes_no_checkpoint_is_refused_before_anything_is_learned(tmp_path):
    net = small()
    before = bits(net)
    (tmp_path / "file").write_text("")
    for wrong in (3, "", True, []):
        with pytest.raises(SettingError, match="checkpoint"):
            fit(net, checkpoint=wrong)
    with pytest.raises(SettingError, match="checkpoint=…"):
        fit(net, resume=True)
    with pytest.raises(SettingError, match="resume must be True or False"):
        fit(net, checkpoint=tmp_path, resume="yes")
    with pytest.raises(SettingError, match="steps=…"):
        Checkpoint(tmp_path, every="hour")
    with pytest.raises(SettingError, match="steps must be"):
        Checkpoint(tmp_path, steps=0)
    with pytest.raises(SettingError, match="minutes must be"):
        Checkpoint(tmp_path, minutes=-1)
    with pytest.raises(FileError, match="no folder can be made"):
        fit(net, checkpoint=tmp_path / "file" / "below")
    with pytest.raises(FileError, match="no folder can be made"):
        fit(net, checkpoint=tmp_path / "file")
    with pytest.raises(SettingError, match=re.escape(".csv or .jsonl")):
        fit(net, log=tmp_path / "log.txt")
    assert bits(net) == before


def test_a_damaged_checkpoint_is_refused(tmp_path):
    fit(small(), 9, checkpoint=tmp_path)
    path = tmp_path / NAME
    whole = path.read_bytes()
    for place in range(0, len(whole), max(1, len(whole) // 40)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        with pytest.raises(ModelFileError):
            fit(small(), checkpoint=tmp_path, resume=True)
        path.write_bytes(whole[:place])
        with pytest.raises(ModelFileError):
            fit(small(), checkpoint=tmp_path, resume=True)


def test_a_checkpoint_is_no_model_and_a_model_no_checkpoint(tmp_path):
    net = fit(small(), checkpoint=tmp_path)
    with pytest.raises(ModelFileError, match="no chainrule model"):
        cr.load(tmp_path / NAME)
    net.save(tmp_path / NAME)
    with pytest.raises(ModelFileError):
        fit(small(), checkpoint=tmp_path, resume=True)


def test_a_forgotten_resume_destroys_nothing(tmp_path):
    fit(small(), 15, checkpoint=tmp_path)
    kept = (tmp_path / NAME).read_bytes()
    fit(small(), 2, checkpoint=tmp_path)
    assert (tmp_path / EARLIER).read_bytes() == kept


def test_what_a_killed_process_left_is_cleared_away(tmp_path):
    (tmp_path / f".{NAME}.abc.tmp").write_bytes(b"half")
    fit(small(), checkpoint=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [NAME]


@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("every", [1, 2, 3])
def test_failing_writes_leave_the_earlier_checkpoint_and_the_training(tmp_path, monkeypatch, fault, every):
    """Every so many-th time that the system is asked to write to the disk it cannot."""
    expected, real, calls = bits(fit(small())), os.fsync, [0]

    def fsync(file):
        calls[0] += 1
        if calls[0] > 2 and calls[0] % every == 0:  # not the very first, which is to raise
            raise OSError(fault, os.strerror(fault))
        real(file)

    def seen(progress):
        assert read_model(tmp_path / NAME, kind=KIND)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.warns(CheckpointWarning, match=re.escape(os.strerror(fault))) as caught:
        net = fit(small(), checkpoint=Checkpoint(tmp_path, steps=1), progress=seen)
    assert all("\n" not in str(warning.message) for warning in caught)
    assert bits(net) == expected
    monkeypatch.undo()
    assert bits(fit(small(), checkpoint=Checkpoint(tmp_path, steps=1), resume=True)) == expected


def test_a_disk_without_room_at_the_beginning_is_an_error(tmp_path):
    """The limit on the size of files is the system's own; no bigger file can be written."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    net = small()
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
        with pytest.raises(FileError, match=re.escape(os.strerror(errno.EFBIG))):
            fit(net, checkpoint=tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert len(net.history) == 0
    assert list(tmp_path.iterdir()) == []


def test_who_would_rather_stop_can(tmp_path, monkeypatch):
    def broken(file):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with warnings.catch_warnings():
        warnings.simplefilter("error", CheckpointWarning)
        net = small()
        with pytest.raises(CheckpointWarning):
            net.fit(
                X,
                Y,
                epochs=3,
                checkpoint=tmp_path,
                callbacks=[lambda progress: monkeypatch.setattr(os, "fsync", broken)],
            )
    assert net.history.end == "error"
