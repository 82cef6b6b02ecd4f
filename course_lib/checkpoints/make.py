"""Make a shipped model: train by its recipe, measure, write weights and card. Hours for the longest.

    python -m course_lib.checkpoints.make                   what is shipped, with its metrics
    python -m course_lib.checkpoints.make dino_vit mae_vit  make these; a stopped run goes on where it was

Training uses as many threads as PyTorch chooses: OMP_NUM_THREADS=1 to make two models side by side.
"""

from __future__ import annotations

import argparse
import math
import platform
import time
from pathlib import Path

import torch

from course_lib import data, evaluate
from course_lib.checkpoints import store
from course_lib.checkpoints.recipes import RECIPES, SIZE, TEST, TRAIN, Recipe
from course_lib.training import checkpoint, fit
from course_lib.training.recipe import build

PROTOCOL = (
    "world, 48 px, in per cent; last step, nothing chosen on the test split of 4,000 images. Features: the "
    "pooled map of a ResNet, CLS of a ViT, its mean patch where the encoder's pool says mean. linear: probe "
    "on 10,000 training images, features standardised, penalty from a fifth of them. knn: k = 20, cosine, "
    "T = 0.07. few: 10 labels a class, 3 draws. miou: linear segmentation of the last map, 500 + 500 images. "
    "jaccard: attention of CLS in the last layer, 60 % of the mass, best head per object, 500 images."
)


def make(name: str, runs: Path, out: Path = store.FILES, shrink: int = 1) -> Path:
    """Train, measure and write one model; returns the path of its card. runs: where it can be resumed from.

    shrink: divides steps and images, for a try-out. Raises ValueError for an unknown name.
    """
    if name not in RECIPES:
        raise ValueError(f'make: there is no recipe "{name}"; choose one of {", ".join(RECIPES)}.')
    recipe = RECIPES[name]
    train = data.load("world", "train", length=TRAIN // shrink)
    encoder, facts, method = trained(recipe, train, runs / name, shrink)
    test = data.load("world", "test", length=TEST // shrink)
    dense, dense_test = (data.load_dense(split, max(40, 500 // shrink)) for split in ("train", "test"))
    half = train.subset(slice(0, len(train) // 2))
    count = max(1, 10 // shrink)
    facts["metrics"] = evaluate.frozen_scores(encoder, half, test, dense, dense_test, count)
    if recipe.method:
        untrained = evaluate.frozen_scores(drawn(recipe)[0], half, test, dense, dense_test, count)
        facts["untrained"] = untrained
        facts["verdict"] = card_verdict(facts["metrics"], untrained, len(test))
    facts["protocol"] = PROTOCOL if shrink == 1 else f"a try-out on 1/{shrink} of images and steps"
    path = store.save(name, encoder, facts, out)
    return store.save_head(name, method, out) if recipe.head else path


def drawn(recipe: Recipe, train: data.ImageSet | None = None) -> tuple:
    """(encoder, method on it) as the recipe's seed draws them; the method is None without `train` or one."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        encoder = store.new_encoder(recipe.encoder)
        if train is None or not recipe.method:
            return encoder, None
        return encoder, build(recipe.method, encoder, train, **recipe.options)


def verdict(linear: float, untrained: float, images: int) -> str:
    """Whether the linear probe tells the trained encoder from the untrained one, in a sentence.

    linear, untrained: accuracies in per cent on the same `images` test images. The margin is 1.96 standard
    errors of the difference of two shares, taken as independent, which is on the careful side: the images are
    the same. It says how sure the difference is for these weights, not for another seed.
    """
    gain = linear - untrained
    margin = 1.96 * math.sqrt(sum(share * (100 - share) for share in (linear, untrained)) / images)
    what = f"linear probe {gain:+.1f} points over the untrained encoder (test images alone: +- {margin:.1f})"
    if gain > margin:
        return f"{what}: better."
    if gain < -margin:
        return f"{what}: worse; these features do not hold what the probe asks for."
    return f"{what}: no difference that these test images show."


def card_verdict(metrics: dict[str, float], untrained: dict[str, float], images: int) -> str:
    """`verdict` of the linear probe; then the other figures that lie below the untrained encoder's."""
    below = [
        f"{name} ({value:.1f} against {untrained[name]:.1f})"
        for name, value in metrics.items()
        if name != "linear" and value < untrained[name]
    ]
    said = verdict(metrics["linear"], untrained["linear"], images)
    return said + (f" Below the untrained encoder: {', '.join(below)}." if below else "")


def trained(recipe: Recipe, train: data.ImageSet, folder: Path, shrink: int = 1) -> tuple:
    """(the encoder after its recipe, what is known about the run, the method that trained it or None)."""
    encoder, method = drawn(recipe, train)
    facts = {
        "about": recipe.about,
        "encoder": recipe.encoder,
        "method": recipe.method,
        "options": recipe.options,
        "steps": recipe.steps,
        "batch_size": recipe.batch_size,
        "images_seen": recipe.steps * recipe.batch_size,
        "seed": recipe.seed,
        "keep": recipe.keep,
        "data": {"name": train.name, "split": train.split, "images": len(train), "pixels": SIZE,
                 "sha256": train.fingerprint()},
        "minutes": 0.0,
        "torch": torch.__version__,
        "made": time.strftime("%Y-%m-%d"),
    }  # fmt: skip
    if method is None:
        return encoder, facts, None
    run = fit(
        method,
        train,
        steps=max(2, recipe.steps // shrink),
        batch_size=min(recipe.batch_size, len(train)),
        seed=recipe.seed,
        folder=folder,
        resume=(folder / checkpoint.NAME).is_file() or None,
        precision="bf16",
        channels_last=True,
    )
    if run.status != "finished":
        raise KeyboardInterrupt
    kept = method.teacher[0] if recipe.keep == "teacher" else encoder  # DINO's teacher: encoder, head
    facts |= {
        "minutes": round(run.seconds / 60, 1),
        "device": _device(),
        "precision": run.settings["precision"],
        "last_loss": round(run.summary()["last_loss"], 4),
        "warnings": run.warnings,
    }
    return kept, facts, method


def _device() -> str:
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"CPU ({platform.machine()}), threads: {torch.get_num_threads()}"


def main() -> None:
    """The command line."""
    from platformdirs import user_cache_path

    options = argparse.ArgumentParser(
        prog="python -m course_lib.checkpoints.make",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    options.add_argument("names", nargs="*", choices=[[], *RECIPES], metavar="NAME", default=[])
    options.add_argument("--runs", type=Path, default=user_cache_path("ssl-course") / "checkpoints")
    options.add_argument("--out", type=Path, default=store.FILES)
    chosen = options.parse_args()
    for name in chosen.names:
        print(make(name, chosen.runs, chosen.out))
    print(store.table(chosen.out).to_string())


if __name__ == "__main__":
    main()
