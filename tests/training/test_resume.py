"""Interrupted and resumed equals uninterrupted, bitwise; and no damage whatever stops a run."""

import math
import os
import signal

import pytest
import torch

from course_lib.losses import nt_xent
from course_lib.methods import MoCo, SimCLR
from course_lib.models import resnet
from course_lib.training import checkpoint

from .stand_ins import Queue, pictures, same_state
from .test_fit import quick


def interrupt_at(step):
    def act(method, now):
        if now == step and method._trainer is not None:
            os.kill(os.getpid(), signal.SIGINT)

    return act


def columns(run):
    return run.history[["step", "loss", "learning_rate"]]


@pytest.mark.parametrize("stop", [1, 4, 7])  # the first step, the end of an epoch, the middle of the second
def test_ctrl_c_and_resume_give_the_uninterrupted_result(tmp_path, capsys, stop):
    whole = Queue()
    expected = quick(whole, steps=10, folder=tmp_path / "whole")
    method = Queue(after=interrupt_at(stop - 1))
    run = quick(method, steps=10, folder=tmp_path / "parts", show=True)
    assert (run.status, run.steps) == ("interrupted", stop)
    assert f"interrupted after step {stop} of 10" in capsys.readouterr().out
    fresh = Queue()
    again = quick(fresh, steps=10, folder=tmp_path / "parts", resume="last")
    assert again.status == "finished"
    assert same_state(whole, fresh)
    assert columns(again).equals(columns(expected))
    assert again.history[["feature_std", "effective_rank"]].equals(
        expected.history[["feature_std", "effective_rank"]]
    )


def contrastive(kind):
    torch.manual_seed(5)
    encoder = resnet(widths=(4, 6), blocks=(1, 1))
    if kind == "moco":
        return MoCo(encoder, queue_size=13, projection_size=8)
    return SimCLR(encoder, projection_size=8)


@pytest.mark.parametrize("kind", ["simclr", "moco"])
def test_real_methods_resume_bitwise_with_their_queue_and_teacher(tmp_path, kind):
    data, options = pictures(24, size=12), {"steps": 7, "batch_size": 8}
    whole, parts, fresh = (contrastive(kind) for _ in range(3))
    expected = quick(whole, data, folder=tmp_path / "whole", **options)
    loss = parts.loss

    def interrupted_loss(views):
        if parts._trainer is not None and parts.global_step == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return loss(views)

    parts.loss = interrupted_loss
    assert quick(parts, data, folder=tmp_path / "parts", **options).steps == 4
    run = quick(fresh, data, folder=tmp_path / "parts", resume=True, **options)
    assert same_state(whole, fresh)
    assert columns(run).equals(columns(expected))


def test_the_interrupted_method_is_the_checkpoint(tmp_path):
    method, other = Queue(after=interrupt_at(2)), Queue()
    run = quick(method, folder=tmp_path)
    checkpoint.restore(other, run.checkpoint)
    assert same_state(method, other)


def test_a_second_ctrl_c_in_the_middle_of_a_step_falls_back_to_the_last_checkpoint(tmp_path):
    def twice(method, now):
        if now == 3 and method._trainer is not None:
            method.queue.fill_(99)  # a step half done
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    handler = signal.getsignal(signal.SIGINT)
    method, other, whole = Queue(after=twice), Queue(), Queue()
    run = quick(method, folder=tmp_path)
    assert signal.getsignal(signal.SIGINT) is handler
    assert run.status == "interrupted"
    checkpoint.restore(other, run.checkpoint)
    assert same_state(method, other)
    fresh = Queue()
    assert quick(fresh, folder=tmp_path, resume=run.checkpoint).steps == 6
    quick(whole, folder=tmp_path / "whole")
    assert same_state(whole, fresh)


def test_a_finished_run_resumes_to_itself(tmp_path):
    method, fresh = Queue(), Queue()
    run = quick(method, folder=tmp_path)
    again = quick(fresh, folder=tmp_path, resume="last")
    assert (again.status, again.steps) == ("finished", 6)
    assert same_state(method, fresh)
    assert columns(again).equals(columns(run))


def test_the_default_folder_is_found_again_and_belongs_to_the_run(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    run = quick(Queue(after=interrupt_at(2)))
    assert tmp_path in run.checkpoint.parents
    assert quick(Queue(), resume="last").steps == 6
    with pytest.raises(FileNotFoundError, match="no checkpoint at"):
        quick(Queue(), resume="last", seed=1)


def test_nan_stops_with_step_and_rate_and_the_last_good_state(tmp_path):
    class Breaks(Queue):
        def training_step(self, batch, index):
            loss = super().training_step(batch, index)
            return loss * math.nan if self._trainer is not None and self.global_step == 4 else loss

    method, start = Breaks(), Queue()
    with pytest.raises(
        FloatingPointError, match=r"became nan at step 5 \(learning rate 0.0125\).* step 0 "
    ) as caught:
        quick(method, folder=tmp_path)
    assert "lower learning rate" in str(caught.value)
    assert caught.value.__cause__ is None
    assert same_state(method, start)  # ten seconds had not passed: the last good state is the first one
    assert method._trainer is None


def test_weights_that_became_nan_are_never_saved(tmp_path, monkeypatch):
    from course_lib.training.watch import Watch

    monkeypatch.setattr(Watch, "every", -1)  # a checkpoint after every step
    monkeypatch.setattr(Watch, "share", 1e9)

    class Explodes(Queue):
        def after_step(self):
            super().after_step()
            if self._trainer is not None and self.global_step == 3:
                self.encoder.net[0].weight.data.fill_(math.nan)

    with pytest.raises(FloatingPointError, match=r"at step 4 .* state after step 2"):
        quick(Explodes(), folder=tmp_path)
    state = checkpoint.read(tmp_path / "last.ckpt")["state_dict"]
    assert all(torch.isfinite(value).all() for value in state.values())


def test_nan_from_the_loss_of_the_library_names_the_step_too(tmp_path):
    method = contrastive("simclr")
    method.loss_function = lambda a, b, temperature: nt_xent(a * math.nan, b, temperature)
    with pytest.raises(FloatingPointError, match="step 0, learning rate") as caught:
        quick(method, pictures(24, size=12), batch_size=8, folder=tmp_path)
    assert "is back in the state after step 0" in str(caught.value)


def test_an_error_in_the_method_is_passed_on_unchanged(tmp_path):
    class Typo(Queue):
        def training_step(self, batch, index):
            return undefined_name  # noqa: F821

    with pytest.raises(NameError, match="undefined_name"):
        quick(Typo(), folder=tmp_path)


def test_writing_is_atomic(tmp_path):
    class Trainer:
        is_global_zero = True

        class strategy:
            barrier = staticmethod(lambda: None)

        def save_checkpoint(self, path):
            path.write_bytes(b"half")
            raise OSError(28, "No space left on device")

    path = tmp_path / "last.ckpt"
    path.write_bytes(b"whole")
    with pytest.raises(OSError, match="No space"):
        checkpoint.write(Trainer(), path)
    assert path.read_bytes() == b"whole"
    assert [entry.name for entry in tmp_path.iterdir()] == ["last.ckpt"]


def test_a_full_disk_is_a_sentence_and_training_goes_on(tmp_path, monkeypatch):
    def full(trainer, path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "write", full)
    run = quick(Queue(), folder=tmp_path)
    assert run.status == "finished"
    assert "No space left on device" in run.warnings[0]


def test_checkpoints_that_do_not_fit_are_refused_in_a_sentence(tmp_path):
    run = quick(Queue(after=interrupt_at(2)), folder=tmp_path)
    size = run.checkpoint.stat().st_size
    for options, sentence in (
        ({"batch_size": 4}, "batch_size=5, but batch_size=4"),
        ({"steps": 9}, "steps=6, but steps=9"),
        ({"data": pictures(21)}, "images=20, but images=21"),
    ):
        with pytest.raises(ValueError, match=sentence):
            quick(Queue(), resume=run.checkpoint, **options)
    with pytest.raises(FileNotFoundError, match="no checkpoint at"):
        quick(Queue(), resume=tmp_path / "other.ckpt")
    with open(run.checkpoint, "r+b") as file:
        file.truncate(size // 2)
    with pytest.raises(ValueError, match=r"cannot be read .*damaged"):
        quick(Queue(), resume=run.checkpoint)
    torch.save({"state_dict": {}}, tmp_path / "foreign.ckpt")
    with pytest.raises(ValueError, match="not written by"):
        quick(Queue(), resume=tmp_path / "foreign.ckpt")
    torch.save({checkpoint.KEY: {"plan": {"method": "Queue"}}}, tmp_path / "other.ckpt")
    with pytest.raises(ValueError, match="method=Queue, but method=SimCLR"):
        quick(contrastive("simclr"), resume=tmp_path / "other.ckpt")
