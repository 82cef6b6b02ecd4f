"""fit: exact steps, nothing touched that is not its own, and every bad argument in a sentence."""

import math

import pytest
import torch

import course_lib
from course_lib.data import ImageSet
from course_lib.evaluate import accuracy, embed, knn
from course_lib.training import fit

from .stand_ins import Queue, pictures, same_state


def quick(method, data=None, **options):
    settings = {"steps": 6, "batch_size": 5, "show": False, "precision": "float32", "channels_last": False}
    return fit(method, pictures() if data is None else data, **{**settings, **options})


def test_steps_are_exact_and_the_schedule_ends_at_zero(tmp_path):
    method = Queue(learning_rate=0.1)
    run = quick(method, steps=9, folder=tmp_path)
    assert (run.status, run.steps, len(run.history)) == ("finished", 9, 9)
    assert run.history.step.tolist() == list(range(1, 10))
    rates = [0.1 * 0.5 * (1 + math.cos(math.pi * step / 9)) for step in range(9)]
    assert run.history.learning_rate.tolist() == pytest.approx(rates)
    assert method.total_steps == 9
    assert run.method is method
    assert run.history.seconds.is_monotonic_increasing


def test_a_method_that_was_looked_at_in_eval_mode_trains_in_training_mode(tmp_path):
    modes = []

    class Asked(Queue):
        def training_step(self, batch, index):
            modes.append((self.training, self.encoder.training))
            return super().training_step(batch, index)

    quick(Asked().eval(), steps=2, folder=tmp_path)
    assert set(modes) == {(True, True)}


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(tmp_path):
    a, b, c = Queue(), Queue(), Queue()
    quick(a, folder=tmp_path / "a")
    torch.rand(3)  # the caller's own draws play no part
    quick(b, folder=tmp_path / "b")
    quick(c, seed=1, folder=tmp_path / "c")
    assert same_state(a, b)
    assert not same_state(a, c)


def test_the_loop_is_a_plain_loop_over_the_same_batches(tmp_path):
    from course_lib.training.batches import Batches, mix

    trained, plain = Queue(), Queue()
    quick(trained, folder=tmp_path)
    plain.total_steps = 6
    parts = plain.configure_optimizers()
    optimizer, scheduler = parts["optimizer"], parts["lr_scheduler"]["scheduler"]
    for step, batch in enumerate(Batches(pictures(), None, 5, 6)):
        torch.manual_seed(mix(0, 0, step))
        optimizer.zero_grad()
        plain.training_step(batch, step).backward()
        optimizer.step()
        scheduler.step()
        plain.after_step()
    assert same_state(trained, plain)


def test_nothing_else_is_touched(tmp_path, monkeypatch, capfd):
    import signal

    monkeypatch.chdir(tmp_path)
    method = Queue()
    handler, state = signal.getsignal(signal.SIGINT), torch.random.get_rng_state()
    quick(method, folder=tmp_path / "run")
    assert torch.equal(torch.random.get_rng_state(), state)
    assert signal.getsignal(signal.SIGINT) is handler
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["last.ckpt"]
    assert capfd.readouterr() == ("", "")


def test_no_warning_reaches_the_reader(tmp_path, recwarn):
    quick(Queue(), folder=tmp_path)
    assert [str(warning.message) for warning in recwarn] == []


def test_labels_reach_the_method_and_plain_tensors_have_none(tmp_path):
    seen = []

    class Listening(Queue):
        def training_step(self, batch, index):
            seen.append(batch)
            return super().training_step(batch, index)

    quick(Listening(), ImageSet(pictures(), torch.arange(20) % 2, ["even", "odd"]), steps=2, folder=tmp_path)
    images, labels = seen[-1]
    assert (images[:, 0, 0, 0] % 2 == labels).all()


def test_a_second_fit_goes_on_from_the_trained_weights(tmp_path):
    method = Queue()
    quick(method, folder=tmp_path / "a")
    before = method.encoder.net[0].weight.clone()
    run = quick(method, steps=1, folder=tmp_path / "b")
    assert run.steps == 1
    assert 0 < (method.encoder.net[0].weight - before).abs().max() < 1


def test_minutes_become_the_steps_that_fit(tmp_path, monkeypatch):
    from course_lib.training import fitting
    from course_lib.training.choice import Choice

    monkeypatch.setattr(
        fitting, "choose", lambda *given, timed, **more: Choice("float32", False, 3600.0 * timed)
    )
    method = Queue()
    run = quick(method, steps=None, minutes=5.5 * 60, folder=tmp_path)
    assert run.steps == 5  # 5.5 hours at one hour a step, less a small reserve
    assert method.total_steps == 5


def test_minutes_that_run_out_end_the_schedule_early_but_at_its_end(tmp_path, monkeypatch):
    from course_lib.training import fitting
    from course_lib.training.choice import Choice

    monkeypatch.setattr(
        fitting, "choose", lambda *given, **more: Choice("float32", False, 1e-4)
    )  # far too hopeful
    run = quick(Queue(), steps=None, minutes=0.01, folder=tmp_path)
    assert run.status == "finished"
    assert run.steps < run.method.total_steps
    assert run.history.learning_rate.iloc[-1] < run.history.learning_rate.iloc[0]


def test_health_is_measured_on_the_way_and_at_the_end(tmp_path):
    run = quick(Queue(), steps=40, folder=tmp_path)
    measured = run.history.dropna()
    assert len(measured) == 20
    assert measured.step.iloc[-1] == 40
    assert (measured.effective_rank <= 6).all()


def test_a_stuck_loss_is_said_once(tmp_path):
    class Stuck(Queue):
        def training_step(self, batch, index):
            return super().training_step(batch, index) * 0 + math.log(5)

    run = quick(Stuck(), steps=60, folder=tmp_path)
    assert len(run.warnings) == 1
    assert run.warnings[0].endswith("loss 1.61 sits on ln B = 1.61: the model tells no pair apart")


def test_probe_compares_the_start_with_the_end(tmp_path):
    train = ImageSet(pictures(30), torch.arange(30) % 2, ["a", "b"])
    test = ImageSet(pictures(10, seed=1), torch.arange(10) % 2, ["a", "b"])

    def by_hand(method):
        guess = knn(embed(method, train), train.labels, embed(method, test), k=20)
        return accuracy(guess, test.labels)

    method = Queue()
    start = by_hand(method)
    run = quick(method, train, probe=(train, test), folder=tmp_path)
    assert run.probe == {"start": start, "end": by_hand(method)}


def test_summary_and_repr(tmp_path):
    run = quick(Queue(), folder=tmp_path)
    summary = run.summary()
    assert (summary["status"], summary["steps"], summary["precision"]) == ("finished", 6, "float32")
    assert summary["last_loss"] == pytest.approx(run.history.loss.mean())
    assert summary["images_per_second"] > 0
    assert repr(run) == "Run(Queue, finished)"


def test_it_is_what_the_package_offers():
    assert course_lib.fit is fit


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"batch_size": 21}, "20 images but batch_size=21"),
        ({"minutes": 1}, "minutes=1 and steps=6 were both given"),
        ({"minutes": 0, "steps": None}, "more than 0 minutes"),
        ({"steps": 0}, "steps=0 was given"),
        ({"steps": 2.5}, "whole number of steps"),
        ({"profile": "fast"}, 'profile="fast" was given; choose "quick"'),
        ({"precision": "fp8"}, 'precision="fp8" was given'),
    ],
)
def test_bad_arguments_are_sentences(tmp_path, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        quick(Queue(), folder=tmp_path, **options)


def test_a_folder_that_cannot_be_written_is_a_sentence_before_training(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(ValueError, match=r"folder=.* cannot be written"):
        quick(Queue(), folder=tmp_path / "file")


def test_an_unwritable_cache_does_not_stop_training(tmp_path, monkeypatch, capfd):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    run = quick(Queue(), show=True)
    assert run.status == "finished"
    assert run.checkpoint.is_file()
    assert "cannot be written" in capfd.readouterr().err
