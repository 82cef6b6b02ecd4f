"""A whole training step of SimCLR, MAE and DINO: ours beside one put together from lightly's parts.

Run: python benchmarks/steps.py [--only mae] [--rounds 7]

One step goes from uint8 images to moved weights: views, forward, loss, backward, AdamW, teacher. The encoder
has the same shape on both sides: the course's small ResNet (SimCLR), a ViT of width 96, depth 4 and patches
of 8 px (DINO, MAE; for MAE timm's, because lightly's masking wraps timm's). lightly's side is what its plain
PyTorch examples do: its transforms on one PIL image at a time, its heads and losses, float32. Both sides draw
the same views (48 px, small crops 24 px, no blur, no solarisation). One thread, no loader processes: what is
compared is work. "views ready" leaves the views out on both sides. "compiled" is what `fit(compile=True)`
does (a minute or two before the first step); it is left out where there is no C++ compiler.
"""

from __future__ import annotations

import argparse
import copy
import shutil
from collections.abc import Callable
from pathlib import Path

import torch
from harness import RESULTS, Candidate, compare, markdown
from torch import Tensor, nn

from course_lib import methods
from course_lib.data import MultiCrop, TwoViews, load
from course_lib.training import recipe

SIDE, SMALL, BATCH, PROTOTYPES = 48, 24, 128, 1024
NAMES = ("simclr", "mae", "dino")


def our_method(name: str) -> methods.Method:
    torch.manual_seed(0)
    if name == "simclr":
        return methods.SimCLR(recipe.encoder_for(SIDE, "quick"), views=TwoViews("simclr", size=SIDE))
    if name == "mae":
        return methods.MAE(recipe.encoder_for(SIDE, "quick", "vit_mean"))
    crops = MultiCrop(2, 4, size=SIDE, local_size=SMALL)
    return methods.DINO(recipe.encoder_for(SIDE, "quick", "vit"), prototypes=PROTOTYPES, views=crops)


def our_step(
    name: str, images: Tensor, bf16: bool, ready: bool, compiled: bool = False
) -> Callable[[], None]:
    """The step as `fit` runs it, without Lightning."""
    method = our_method(name).to(memory_format=torch.channels_last)
    optimizer = method.optimizer(method.groups(), lr=1e-3)
    generator = torch.Generator().manual_seed(0)
    kept = method.views(images, generator=generator)
    loss_of = torch.compile(method.loss) if compiled else method.loss

    def step() -> None:
        views = kept if ready else method.views(images, generator=generator)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
            loss = loss_of(views)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        method.after_step()

    return step


def lightly_transform(name: str) -> Callable:
    from lightly.transforms import DINOTransform, MAETransform, SimCLRTransform

    if name == "simclr":
        return SimCLRTransform(input_size=SIDE, cj_strength=0.5, gaussian_blur=0.0)
    if name == "mae":
        return MAETransform(input_size=SIDE)
    return DINOTransform(
        global_crop_size=SIDE, local_crop_size=SMALL, n_local_views=4, gaussian_blur=(0.0, 0.0, 0.0),
        solarization_prob=0.0,
    )  # fmt: skip


def lightly_loss(name: str) -> tuple[list[nn.Module], Callable[[list[Tensor]], Tensor], Callable[[], None]]:
    """(modules that learn, views -> loss, what happens before the step) from lightly's parts."""
    torch.manual_seed(0)
    return {"simclr": _lightly_simclr, "mae": _lightly_mae, "dino": _lightly_dino}[name]()


def _lightly_simclr():
    from lightly.loss import NTXentLoss
    from lightly.models.modules import SimCLRProjectionHead

    encoder = recipe.encoder_for(SIDE, "quick")
    head, criterion = SimCLRProjectionHead(encoder.width, encoder.width, 128), NTXentLoss()
    return [encoder, head], lambda views: criterion(*(head(encoder(view)) for view in views)), lambda: None


def _lightly_mae():
    from lightly.models import utils
    from lightly.models.modules import MAEDecoderTIMM, MaskedVisionTransformerTIMM
    from timm.models.vision_transformer import VisionTransformer as TimmTransformer

    encoder = MaskedVisionTransformerTIMM(
        vit=TimmTransformer(img_size=SIDE, patch_size=8, embed_dim=96, depth=4, num_heads=4, num_classes=0)
    )
    length, patch = encoder.sequence_length, 8
    decoder = MAEDecoderTIMM(
        num_patches=length - 1, patch_size=patch, embed_dim=96, decoder_embed_dim=96, decoder_depth=2,
        decoder_num_heads=3,
    )  # fmt: skip
    criterion = nn.MSELoss()

    def loss(views: list[Tensor]) -> Tensor:
        (images,) = views
        keep, hidden = utils.random_token_mask(size=(len(images), length), mask_ratio=0.75)
        encoded = decoder.embed(encoder.encode(images=images, idx_keep=keep))
        tokens = utils.repeat_token(decoder.mask_token, (len(images), length))
        tokens = utils.set_at_index(tokens, keep, encoded.type_as(tokens))
        decoded = decoder.decode(tokens)
        prediction = decoder.predict(utils.get_at_index(decoded, hidden))
        patches = utils.patchify(images, patch)
        target = utils.normalize_mean_var(utils.get_at_index(patches, hidden - 1))
        return criterion(prediction, target)

    return [encoder, decoder], loss, lambda: None


def _lightly_dino():
    from lightly.loss import DINOLoss
    from lightly.models.modules import DINOProjectionHead
    from lightly.models.utils import update_momentum

    encoder = recipe.encoder_for(SIDE, "quick", "vit")
    # a weight-normalised head cannot be copied; lightly's example makes a second one as well
    head, slow_head = (DINOProjectionHead(encoder.width, 256, 64, PROTOTYPES) for _ in range(2))
    slow_encoder = copy.deepcopy(encoder)
    for parameter in [*slow_encoder.parameters(), *slow_head.parameters()]:
        parameter.requires_grad_(False)
    criterion = DINOLoss(output_dim=PROTOTYPES)

    def loss(views: list[Tensor]) -> Tensor:
        with torch.no_grad():
            teacher = [slow_head(slow_encoder(view)) for view in views[:2]]
        return criterion(teacher, [head(encoder(view)) for view in views], epoch=0)

    def before() -> None:
        update_momentum(encoder, slow_encoder, m=0.99)
        update_momentum(head, slow_head, m=0.99)

    return [encoder, head], loss, before


def lightly_step(name: str, pictures: list, ready: bool) -> Callable[[], None]:
    """A step of lightly's plain PyTorch example: transform each picture, stack, forward, backward, step."""
    transform = lightly_transform(name)
    modules, loss_of, before = lightly_loss(name)
    optimizer = torch.optim.AdamW([p for module in modules for p in module.parameters()], lr=1e-3)

    def views() -> list[Tensor]:
        return [torch.stack(crops) for crops in zip(*(transform(one) for one in pictures), strict=True)]

    kept = views()

    def step() -> None:
        crops = kept if ready else views()
        before()
        loss = loss_of(crops)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def main(rounds: int = 7, only: tuple[str, ...] = NAMES, results: Path = RESULTS) -> list[dict]:
    """Run the comparisons on one thread; writes results/steps_NAME.json and .md for each method."""
    from torchvision.transforms.v2.functional import to_pil_image

    torch.set_num_threads(1)
    images = load("world", "train", length=2000).images[:BATCH].clone()
    pictures = [to_pil_image(image) for image in images]
    reports = []
    for name in only:
        candidates = {}
        for ready, what in ((False, ""), (True, ", views ready")):
            candidates |= {
                f"course_lib, bf16{what}": Candidate(our_step(name, images, True, ready), BATCH),
                f"course_lib, float32{what}": Candidate(our_step(name, images, False, ready), BATCH),
                f"lightly's parts, float32{what}": Candidate(lightly_step(name, pictures, ready), BATCH),
            }
        if shutil.which("g++"):
            candidates["course_lib, bf16, compiled"] = Candidate(
                our_step(name, images, True, False, True), BATCH
            )
        note = f"A training step of {name}, batches of {BATCH}; channels-last and AdamW. " + " ".join(
            __doc__.split("\n\n")[2].split()
        )
        report = compare(
            f"steps_{name}", candidates, reference="course_lib, bf16", unit="images", rounds=rounds,
            warmup=1, note=note, results=results,
        )  # fmt: skip
        reports.append(report)
    return reports


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES)
    given = parser.parse_args()
    for one in main(given.rounds, tuple(given.only)):
        print(markdown(one))
