"""What all methods share: views in, one loss out, and a training loop that Lightning can run and resume."""

import functools
import random
from collections.abc import Callable, Sequence

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn

from course_lib.losses import NotFiniteError
from course_lib.losses.ranks import rank
from course_lib.methods.schedule import parameter_groups, warmup_cosine
from course_lib.models.running import device_of, in_eval_mode

# one pass over all weights instead of a dozen each: 3 to 6 % of a small network's step on a CPU
adamw = functools.partial(torch.optim.AdamW, fused=True)
# SGD as contrastive papers use it: pass optimizer=sgd
sgd = functools.partial(torch.optim.SGD, momentum=0.9)


class Method(LightningModule):
    """Base of all methods. A subclass says what a batch becomes and what is minimised:

    - `views(images, generator=None) -> list of view batches`: an attribute that can be called, or a method;
    - `loss(views) -> scalar`: the paper's equation;
    - `after_step() -> None`: where there is a teacher or a queue; called once after each optimiser step;
    - `stuck_values(batch_size) -> {"ln(2B-1)": 6.24}`: the losses of a run that learns nothing.

    `encoder` is what is kept in the end. learning_rate: peak of a linear warm-up (the first `warmup_fraction`
    of `total_steps`) followed by a cosine to zero. weight_decay: on matrices and kernels only.
    optimizer: called with (parameter groups, lr=...), for example torch.optim.AdamW or `methods.base.sgd`.
    Raises ValueError for a rate, decay or fraction out of range, TypeError for an encoder without `.width`.
    """

    needs_labels = False  # True: loss(views, labels)
    shares_batch_norm = True  # several devices: BatchNorm over the joint batch; False: each over its own part
    views: Callable[..., list[Tensor]]

    def __init__(
        self,
        encoder: nn.Module,
        learning_rate: float = 1e-3,
        weight_decay: float = 1e-4,
        warmup_fraction: float = 0.05,
        optimizer: Callable[..., torch.optim.Optimizer] = adamw,
    ):
        super().__init__()
        name = type(self).__name__
        if not hasattr(encoder, "width"):
            raise TypeError(
                f"{name}: encoder is a {type(encoder).__name__} without .width; give models.resnet() "
                "or set encoder.width to the number of features it returns."
            )
        if not learning_rate > 0 or weight_decay < 0 or not 0 <= warmup_fraction < 1:
            raise ValueError(
                f"{name}: learning_rate={learning_rate}, weight_decay={weight_decay}, warmup_fraction="
                f"{warmup_fraction}; the rate must be above 0, the decay at least 0, the fraction in [0, 1)."
            )
        self.encoder = encoder
        self.width: int = encoder.width  # type: ignore[assignment]
        self.learning_rate, self.weight_decay = learning_rate, weight_decay
        self.warmup_fraction, self.optimizer = warmup_fraction, optimizer
        self.seed = 0  # set by fit
        self.total_steps: int | None = None  # set by fit
        self._batches_in_step = 0  # above 0 only when gradients are accumulated

    def loss(self, views: list[Tensor]) -> Tensor:
        """What training minimises, a scalar. views: what `views(images)` gave."""
        raise NotImplementedError(f"{type(self).__name__}: define loss(views).")

    def after_step(self) -> None:
        """What happens after the optimiser's step; nothing, unless a method has a teacher or a queue."""

    def stuck_values(self, batch_size: int) -> dict[str, float]:
        """Losses at which nothing is learned, by formula. batch_size: images per step over all ranks."""
        return {}

    @property
    def papers_encoder(self) -> nn.Module:
        """The encoder whose features the paper reports: `encoder`, or its slow copy if that is kept."""
        return self.encoder

    @property
    def _in_training(self) -> bool:
        """Whether a Lightning trainer is running this method's training loop now."""
        return self._trainer is not None and self._trainer.training

    @property
    @torch.compiler.disable  # every number of a step would be compiled anew
    def progress(self) -> float:
        """The part of `total_steps` that lies behind, 0 to 1; 0 outside training or without a planned end."""
        if not self._in_training or not self.total_steps:
            return 0.0
        return min(1.0, self.global_step / self.total_steps)

    @torch.compiler.disable
    def step_generator(self, shared: bool = False) -> torch.Generator | None:
        """The random draws of this step, from (seed, rank, step): a resumed run repeats an uninterrupted one.

        shared: the same draws on every rank. None outside training: draw from torch's own generator.
        """
        if not self._in_training:
            return None
        key = (self.seed, "shared" if shared else rank(), self.global_step, self._batches_in_step)
        generator = torch.Generator()  # on the CPU, so that every device draws the same
        return generator.manual_seed(random.Random(repr(key)).getrandbits(63))

    def training_step(self, batch: Tensor | Sequence[Tensor], batch_index: int) -> Tensor:
        """batch: uint8 images (B, 3, H, W), or (images, labels). Logs "loss"."""
        images, labels = batch if isinstance(batch, (tuple, list)) else (batch, None)
        if self.needs_labels and labels is None:
            raise ValueError(f"{type(self).__name__} learns from labels; give batches (images, labels).")
        views = self.views(images, generator=self.step_generator())
        try:
            if self.needs_labels:
                loss = self.loss(views, labels)  # type: ignore[call-arg]
            else:
                loss = self.loss(views)
        except NotFiniteError as error:
            rate = self.learning_rate
            if self._in_training:
                rate = self.trainer.optimizers[0].param_groups[0]["lr"]
            raise NotFiniteError(f"step {self.global_step}, learning rate {rate:.3g}: {error}") from None
        self._batches_in_step += 1
        if self._in_training:
            self.log("loss", loss.detach(), prog_bar=True)
        return loss

    def on_train_start(self) -> None:
        """A run begins, or is resumed, at the start of a step."""
        self._batches_in_step = 0

    def optimizer_step(self, *arguments, **options) -> None:
        """The optimiser's step, then `after_step`.

        Not in on_train_batch_end: callbacks run before that hook, and a checkpoint that one of them writes
        would hold a teacher and a queue that are one step behind the weights.
        """
        super().optimizer_step(*arguments, **options)
        self._batches_in_step = 0
        with torch.no_grad():
            self.after_step()

    def groups(self) -> list[dict]:
        """Parameter groups of the optimiser; a group may bring its own "lr"."""
        return parameter_groups(self.parameters(), self.weight_decay)

    def configure_optimizers(self):
        """The optimiser, with the learning rate moved at every step."""
        optimizer = self.optimizer(self.groups(), lr=self.learning_rate)
        warmup_steps = 100 if self.total_steps is None else round(self.warmup_fraction * self.total_steps)
        factor = warmup_cosine(self.total_steps, warmup_steps)
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    @torch.no_grad()
    def embed(self, images, batch_size: int = 512) -> Tensor:
        """Features of the encoder: (N, 3, H, W) uint8 or float in [0, 1] -> (N, width) float32, on the CPU.

        images: a tensor, an array or anything with `.images`. Runs in eval mode on the encoder's device and
        puts every module's mode back. Raises ValueError for an empty set or a batch_size below 1.
        """
        from course_lib.data import as_float

        images = getattr(images, "images", images)
        if batch_size < 1 or len(images) < 1:
            raise ValueError(
                f"embed: {len(images)} images, batch_size={batch_size}; both must be at least 1."
            )
        device, parts = device_of(self.encoder), []
        with in_eval_mode(self.encoder):
            for start in range(0, len(images), batch_size):
                batch = as_float(torch.as_tensor(images[start : start + batch_size]).to(device))
                parts.append(self.encoder(batch).float().cpu())
        return torch.cat(parts)
