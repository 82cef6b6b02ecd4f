"""The Lightning side of `fit`: one Trainer, quiet, and every way in which a run can end."""

from __future__ import annotations

import logging
import signal
import threading
import warnings
from contextlib import contextmanager
from pathlib import Path

import pandas
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.utilities.exceptions import MisconfigurationException

from course_lib.losses import NotFiniteError
from course_lib.training import checkpoint
from course_lib.training.batches import Batches, mix
from course_lib.training.choice import Choice
from course_lib.training.deadline import Deadline
from course_lib.training.display import pick
from course_lib.training.panel import HealthPanel
from course_lib.training.run import Run
from course_lib.training.sharding import FullySharded, bring_back, copy_to_shard
from course_lib.training.watch import COLUMNS, Diverged, Stop, Watch

NOISE = (
    ".*does not have many workers.*",
    ".*in eval mode at the start of training.*",
    ".*ended before the epoch ended and your dataloader.*",
    ".*GPU available but not used.*",
    ".*isinstance.treespec, LeafSpec.*",
)


def train(
    method,
    batches: Batches,
    plan: dict,
    path: Path,
    source: Path | None,
    until: float | None,
    choice: Choice,
    show: bool,
    notes: list[str],
    trainer: dict,
) -> Run:
    """Run the plan's steps, from `source` when given, and return a `Run`.

    path: where checkpoints go. until: the monotonic time by which the schedule must end, or None.
    notes: sentences to show before the first step. trainer: more arguments of Lightning's Trainer.
    """
    name, total, size = plan["method"], plan["steps"], plan["batch_size"]
    stuck = method.stuck_values(size) if hasattr(method, "stuck_values") else {}
    display = pick(show, name, total, size, stuck)
    panel = HealthPanel(method, stuck, _sample(batches), total)
    watch = Watch(plan, path, panel, display, Deadline(total), until)
    status = "finished"
    if source is not None:
        watch.load(checkpoint.read(source)[checkpoint.KEY])
    backend = plan.get("compile", "")  # a checkpoint from before there was compile does not say
    compiled = f", compiled ({backend})" if backend else ""
    for sentence in [*notes, f"{name}, {choice}{compiled}, {total} steps of {size} images"]:
        display.note(sentence)
    if not method.training:  # somebody looked at it with .eval(); Lightning would leave BatchNorm so
        method.train()
    learner, sharded = method, trainer["strategy"] == "fsdp"
    if sharded:
        learner, trainer = copy_to_shard(method), trainer | {"strategy": FullySharded()}
    with _quiet(), _interruptible(watch), _compiled(learner, backend):
        engine = _engine(watch, total, choice, trainer)
        if sharded and engine.world_size == 1:
            raise ValueError(
                'fit: strategy="fsdp" with one device: nothing to share; give devices=2 or more.'
            )
        device = engine.strategy.root_device
        if engine.strategy.launcher is not None:
            watch.until = None  # other processes run the steps: they take all that were planned
        try:
            if watch.deadline.done:  # a finished run was resumed: nothing is left to do
                checkpoint.restore(method, source)  # type: ignore[arg-type]  # resumed, so not None
            else:
                try:
                    engine.fit(learner, batches, ckpt_path=source)
                except Stop as stop:
                    status = stop.status
                if sharded:
                    bring_back(learner, method)
        except (Diverged, NotFiniteError) as error:
            raise FloatingPointError(_diverged(error, watch, method)) from None
        except (KeyboardInterrupt, SystemExit):  # a second Ctrl-C, in the middle of a step
            if not watch.interrupted:
                raise
            checkpoint.restore(method, path)
            status = "interrupted"
        finally:
            method.trainer = None
            display.close()
    method.to(device)
    if not watch.rows:  # the steps were run in other processes
        watch.load(checkpoint.read(path)[checkpoint.KEY])
    return _run(method, watch, status, stuck, choice, display, show)


def _engine(watch: Watch, total: int, choice: Choice, options: dict) -> Trainer:
    """Lightning's Trainer with nothing of its own but the loop; ValueError for devices that are not there."""
    try:
        return Trainer(
            max_steps=total,
            precision="bf16-mixed" if choice.precision == "bf16" else "32-true",
            callbacks=[watch],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            **options,
        )
    except MisconfigurationException as error:
        raise ValueError(f"fit: {error}") from None


def _sample(batches: Batches) -> torch.Tensor:
    """Up to 256 images, the same in every run with this seed and data."""
    generator = torch.Generator().manual_seed(mix(batches.seed, 2))
    count = min(256, len(batches.images))
    taken = batches.take(torch.randperm(len(batches.images), generator=generator)[:count])
    return taken[0] if isinstance(taken, tuple) else taken


def _diverged(error: Exception, watch: Watch, method) -> str:
    """The sentence for NaN, after the method has been put back to the last good state."""
    row = watch.rows[-1] if watch.rows else [1, 0, 0, float("nan")]
    if isinstance(error, Diverged):
        what = f"the loss became {error.loss} at step {error.step} (learning rate {error.learning_rate:.3g})"
    else:
        what = str(error)
    kept = "nothing was saved yet"
    if watch.saved_step >= 0:
        checkpoint.restore(method, watch.path)
        kept = f"the method is back in the state after step {watch.saved_step} ({watch.path})"
    return f"fit: {what}; {kept}. Try a lower learning rate than {row[3]:.3g}, or look for log(0) and 0/0."


def _run(method, watch: Watch, status: str, stuck, choice: Choice, display, show: bool) -> Run:
    """The `Run` of what `watch` saw."""
    history = pandas.DataFrame(watch.rows, columns=list(COLUMNS)).astype({"step": int})
    seconds = watch.elapsed_at_end
    done = len(history) - watch.rows_before
    spent = seconds - watch.seconds_before
    run = Run(
        method=method,
        history=history,
        images_per_second=done * watch.plan["batch_size"] / spent if done and spent > 0 else 0.0,
        checkpoint=watch.path,
        status=status,
        steps=len(history),
        seconds=seconds,
        stuck_values=stuck,
        warnings=watch.warnings,
        settings={key: watch.plan[key] for key in ("precision", "channels_last", "batch_size", "seed")},
    )
    display.finish(run)
    if status == "interrupted" and show:
        print(
            f"fit: interrupted after step {run.steps} of {watch.plan['steps']}; "
            f'fit(method, data, resume="{run.checkpoint}") goes on from there.'
        )
    return run


@contextmanager
def _compiled(method, backend: str):
    """The method's loss under torch.compile for as long as it lasts; nothing of it stays in the method."""
    if not backend or not hasattr(method, "loss"):
        yield
        return
    own = method.__dict__.get("loss")  # somebody's own loss, put on this one method
    method.loss = torch.compile(method.loss, backend=backend)
    try:
        yield
    finally:
        del method.loss
        if own is not None:
            method.loss = own


@contextmanager
def _quiet():
    """Lightning's start-up lines and the warnings that do not concern batches from memory, switched off."""
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "lightning.fabric")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            for pattern in NOISE:
                warnings.filterwarnings("ignore", pattern)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextmanager
def _interruptible(watch: Watch):
    """The first Ctrl-C asks the loop to stop after the current step; the second one raises as usual."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)

    def ask(number, frame):
        if watch.interrupted:
            raise KeyboardInterrupt
        watch.interrupted = True

    signal.signal(signal.SIGINT, ask)
    try:
        yield
    finally:  # Lightning leaves Ctrl-C ignored after an interrupt
        signal.signal(signal.SIGINT, before or signal.default_int_handler)
