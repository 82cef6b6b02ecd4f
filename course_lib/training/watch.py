"""The Lightning callback behind `fit`: history, last good state, stopping on time, on Ctrl-C and on NaN."""

from __future__ import annotations

import math
import time
from pathlib import Path

import torch
from lightning.pytorch import Callback

from course_lib.training import checkpoint
from course_lib.training.batches import mix
from course_lib.training.deadline import Deadline

COLUMNS = ("step", "seconds", "loss", "learning_rate", "feature_std", "effective_rank")


class Stop(Exception):
    """Ends the Lightning loop between two steps; `status` says why."""

    def __init__(self, status: str):
        super().__init__(status)
        self.status = status


class Diverged(Exception):
    """The loss of a step is not a finite number."""

    def __init__(self, step: int, loss: float, learning_rate: float):
        super().__init__(f"step {step}")
        self.step, self.loss, self.learning_rate = step, loss, learning_rate


class Watch(Callback):
    """One instance watches one run.

    plan: what has to be equal when the run is resumed (plain values, stored in the checkpoint).
    Checkpoints are written between two steps, before anything of the next one has happened; that is the only
    moment at which weights, optimizer, queue and momentum teacher belong to the same step.
    """

    every = 10.0  # seconds between checkpoints, at least
    share = 0.02  # of the time that writing them may take

    def __init__(
        self,
        plan: dict,
        path: Path,
        panel,
        display,
        deadline: Deadline,
        until: float | None,
    ):
        self.plan, self.path, self.panel, self.display, self.deadline = plan, path, panel, display, deadline
        self.until = until
        self.rows: list[list[float]] = []  # one per step, in the order of COLUMNS
        self.warnings: list[str] = []
        self._said: list[tuple[str, int]] = []
        self.interrupted = False  # set by the signal handler
        self.seconds_before, self.rows_before = 0.0, 0  # of earlier sittings of a resumed run
        self.elapsed_at_end = 0.0
        self.saved_step = -1
        self._pending: list[torch.Tensor] = []
        self._started = time.monotonic()
        self._saved_at, self._save_cost = self._started, 0.0

    # what a checkpoint holds beside weights and optimizer ---------------------------------------------------
    def on_save_checkpoint(self, trainer, pl_module, state) -> None:
        """Adds plan, history and the place in the schedule."""
        state[checkpoint.KEY] = {
            "plan": self.plan,
            "rows": torch.tensor(self.rows, dtype=torch.float64).reshape(-1, len(COLUMNS)),
            "seconds": self.elapsed(),
            "position": self.deadline.position,
            "warnings": self.warnings,
        }

    def load(self, ours: dict) -> None:
        """Takes history and place in the schedule over from a checkpoint."""
        self.rows = ours["rows"].tolist()
        self.rows_before = len(self.rows)
        self.warnings = list(ours["warnings"])
        self.seconds_before = self.elapsed_at_end = ours["seconds"]
        self.deadline.position = ours["position"]

    # the loop -----------------------------------------------------------------------------------------------
    def on_train_start(self, trainer, pl_module) -> None:
        """Starts the clock."""
        self._started = self._saved_at = time.monotonic()
        if self.until is not None:
            self.deadline.seconds = max(0.1, self.until - self._started)
        self.display.start(int(self.deadline.position))

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx) -> None:
        """Saves when it is time, stops when it is over, and makes global draws a function of (seed, step)."""
        step = trainer.global_step
        stop = self._agree(trainer, self.interrupted)
        due = time.monotonic() - self._saved_at > max(self.every, self._save_cost / self.share)
        if self.saved_step < 0 or stop or self.deadline.done or self._agree(trainer, due):
            self.save(trainer, pl_module)
        if stop:
            raise Stop("interrupted")
        if self.deadline.done:
            raise Stop("finished")
        torch.manual_seed(mix(self.plan["seed"], trainer.global_rank, step))

    def on_before_backward(self, trainer, pl_module, loss) -> None:
        """Keeps the loss; on a CPU, where reading it costs nothing, NaN stops before it reaches a weight."""
        self._pending.append(loss.detach())
        self.rows.append(
            [
                trainer.global_step + 1,
                self.elapsed(),
                math.nan,
                trainer.optimizers[0].param_groups[0]["lr"],
                math.nan,
                math.nan,
            ]
        )
        if loss.device.type == "cpu" or len(self._pending) >= 16:
            self._read_losses()

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        """Moves the schedule on, measures the features now and then, draws."""
        step = trainer.global_step
        place = self.deadline.step(time.monotonic() - self._started)
        for config in trainer.lr_scheduler_configs:  # Lightning moved it by one; late runs have to skip
            while config.interval == "step" and config.scheduler.last_epoch < place < self.deadline.total:
                config.scheduler.step()
        if trainer.is_global_zero:
            if step % self.panel.every == 0 and trainer.world_size == 1:
                self._read_losses()
                self.rows[-1][4:] = self.panel.measure()
                self._note(step, "stuck", self.panel.stuck([row[2] for row in self.rows]))
                self._note(
                    step, "collapse", self.panel.collapsed(self.rows[-1][4], self.panel.projected_spread())
                )
            self.display.update(self, place)

    def on_train_end(self, trainer, pl_module) -> None:
        """Keeps the state at the end of the schedule."""
        self.save(trainer, pl_module)

    def on_exception(self, trainer, pl_module, exception) -> None:
        """Remembers that Lightning, which exits on Ctrl-C, was interrupted."""
        self.elapsed_at_end = self.elapsed()
        self.interrupted = self.interrupted or isinstance(exception, KeyboardInterrupt)

    # helpers ------------------------------------------------------------------------------------------------
    def save(self, trainer, pl_module) -> None:
        """Writes the checkpoint, unless the state is not finite: then the earlier one stays."""
        self._read_losses()
        self._saved_at = time.monotonic()
        self.elapsed_at_end = self.elapsed()
        if trainer.global_step == self.saved_step:
            return
        if self._agree(trainer, not checkpoint.all_finite(pl_module)):  # each may hold another share
            return
        try:
            checkpoint.write(trainer, self.path)
            self.saved_step = trainer.global_step
        except OSError as error:
            self._note(trainer.global_step, "disk", f"no checkpoint written to {self.path}: {error.strerror}")
        self._save_cost = time.monotonic() - self._saved_at

    def elapsed(self) -> float:
        """Seconds of training, earlier sittings included."""
        return self.seconds_before + time.monotonic() - self._started

    def _read_losses(self) -> None:
        if not self._pending:
            return
        losses = torch.stack(self._pending).float().tolist()
        first = len(self.rows) - len(losses)
        self._pending.clear()
        for row, loss in zip(self.rows[first:], losses, strict=True):
            row[2] = loss
            if not math.isfinite(loss):
                raise Diverged(int(row[0]), loss, row[3])

    def _note(self, step: int, kind: str, sentence: str) -> None:
        """Says a sentence once per kind."""
        if sentence and not any(kind == known for known, _ in self._said):
            self._said.append((kind, step))
            self.warnings.append(f"step {step}: {sentence}")
            self.display.note(sentence)

    @staticmethod
    def _agree(trainer, flag: bool) -> bool:
        """The same answer on every process: true when one says so."""
        return flag if trainer.world_size == 1 else trainer.strategy.reduce_boolean_decision(flag, all=False)
