# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: slideshow,tags
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # Contrastive learning
# **Lecture 03.** Pretext tasks ask for something we can compute about an image: its rotation, the order of its tiles.
# Contrastive learning asks for less: *tell this image from the others, however it is cropped and coloured.*
#
# | part | question |
# |---|---|
# | 1–2 | What is a contrastive pair, and what does InfoNCE measure? |
# | 3–7 | SimCLR: augmentations, Algorithm 1, projector, few labels, batch size |
# | 8–10 | MoCo: queue, momentum, shuffled BatchNorm, and the step to v2 |
# | 11 | What was gained, and what a small machine cannot show |
#
# Each part looks first, then writes the formula, then runs it, then measures. Numbers in the text come from the run
# above them or carry a citation.

# %% slideshow={"slide_type": "skip"}
import copy
import json
import math
import time
from pathlib import Path

import pandas as pd
import torch
import torch.nn.functional as F
from IPython.display import Markdown, display
from torch import nn

import course_lib
from course_lib import data, evaluate, viz
from course_lib.losses import info_nce, moco, nt_xent
from course_lib.methods import MoCo, SimCLR
from course_lib.models import resnet
from course_lib.viz import contrastive_figures as figures
from course_lib.viz import contrastive_results as results

SIZE, BATCH, SEED = 32, 128, 0
torch.manual_seed(SEED)
started = time.perf_counter()


def say(text):
    display(Markdown(text))


def show(figure):
    viz.alt(figure, figure.alt_text)


# %% [markdown] slideshow={"slide_type": "slide"}
# ## The images
# Scenes of the course's own world, 32 pixels wide, so that every training in this lecture takes seconds. Each scene has
# a main object. Its kind, colour and place are known, but no method below sees them: labels appear only in probes.

# %% slideshow={"slide_type": "-"}
train = data.load("world", "train", size=SIZE, length=8000)
test = data.load("world", "test", size=SIZE, length=2000)
say(f"{len(train):,} images to train on, {len(test):,} to test on, {len(train.classes)} kinds of object.")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 1 · What is a contrastive pair?
# Two random **views** of one image are a *positive pair* $(x, x^+)$. A view of any other image is a *negative* $x^-$.

# %% slideshow={"slide_type": "-"}
views = data.default_views  # what SimCLR learns from unless told otherwise
first, second = views(train.images[:4], generator=torch.Generator().manual_seed(3))
show(figures.pairs(train.images[:4], first, second))

# %% [markdown] slideshow={"slide_type": "slide"}
# ### The definition
# We want a mapping $f_\theta$ and a score $s$ such that
#
# $$s\big(f_\theta(x), f_\theta(x^+)\big) \gg s\big(f_\theta(x), f_\theta(x^-)\big)$$
#
# The score is the cosine of two feature vectors. ($f_\theta$ is everything up to the loss; part 4 splits it into encoder
# and projector.) "$\gg$" is a statement that can be measured:
# *mean score of positive pairs minus mean score of negative pairs*. The next cell trains SimCLR for a moment and writes
# down both means at every step. The loss itself is the subject of parts 2 and 4.


# %% slideshow={"slide_type": "subslide"}
def mean_scores(z1, z2):
    """Mean cosine of the B positive pairs, and of the B (B - 1) negative pairs."""
    scores = F.normalize(z1, dim=1) @ F.normalize(z2, dim=1).T  # (B, B)
    positive = scores.diagonal().mean()
    return positive.item(), ((scores.sum() - scores.trace()) / (scores.numel() - len(scores))).item()


watched = []


def watched_loss(z1, z2, temperature):
    """NT-Xent, with a note of the scores."""
    watched.append(mean_scores(z1.detach(), z2.detach()))
    return nt_xent(z1, z2, temperature)


def new_encoder(seed=SEED):
    torch.manual_seed(seed)
    return resnet(widths=(24, 48, 96))


simclr = SimCLR(new_encoder(), loss_function=watched_loss, temperature=0.2)
sixteen = torch.stack(views(train.images[:16], torch.Generator().manual_seed(1)), dim=1).flatten(
    0, 1
)  # (32, 3, H, W)


@torch.no_grad()
def score_matrix(method):
    mode = method.training
    method.eval()  # a picture's z must not depend on the other pictures of the batch
    z = F.normalize(method.project(sixteen), dim=1)
    method.train(mode)
    return z @ z.T


before = score_matrix(simclr)
run = course_lib.fit(simclr, train, steps=120, batch_size=BATCH, seed=SEED, show=False)

# %% slideshow={"slide_type": "subslide"}
positive, negative = zip(*watched[-run.steps :], strict=True)  # `fit` first tried a few steps on a copy
show(figures.score_gap(positive, negative))

# %% slideshow={"slide_type": "-"}
mean = lambda values: sum(values) / len(values)  # noqa: E731
pulled = mean(positive[-20:]) - positive[0]
pushed = mean(negative[-20:]) - negative[0]
say(
    f"Positive pairs: {positive[0]:.2f} → {mean(positive[-20:]):.2f} ({pulled:+.2f}). Negative pairs: {negative[0]:.2f} → "
    f"{mean(negative[-20:]):.2f} ({pushed:+.2f}). "
    + (
        "The gap opens by pushing negatives apart, not by pulling positives together: an untrained network maps all "
        "images to similar directions."
        if -pushed > pulled
        else "The gap opens mostly by pulling positives together."
    )
)

# %% slideshow={"slide_type": "subslide"}
show(figures.score_matrices(before, score_matrix(simclr)))

# %% [markdown] slideshow={"slide_type": "-"}
# Two views of one image are neighbours in this matrix, so a positive pair is a 2 × 2 block on the diagonal.
# Bright spots away from the diagonal are different images that look alike to the network. (The matrix uses BatchNorm's
# running averages, the curve above the statistics of each batch, so the numbers differ.)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 2 · InfoNCE: find the positive among N
# One reference $x$, one positive $x^+$ and $N-1$ negatives $x^-_j$ make a multiple-choice question with $N$ answers.
# The loss is the cross-entropy of the right answer:
#
# $$\mathcal{L} = -\mathbb{E}\left[\log \frac{\exp s(f(x), f(x^+))}{\exp s(f(x), f(x^+)) + \sum_{j=1}^{N-1} \exp s(f(x), f(x_j^-))}\right]$$
#
# (van den Oord et al. 2018, arXiv:1807.03748, equation 4.)


# %% slideshow={"slide_type": "-"}
def info_nce_of_the_slide(scores):
    """scores: (B, N), column 0 is the positive."""
    numerator = scores[:, 0].exp()
    return -(numerator / scores.exp().sum(dim=1)).log().mean()


query, positive_key, negative_keys = torch.randn(256, 32), torch.randn(256, 32), torch.randn(63, 32)
query, positive_key, negative_keys = (
    F.normalize(rows, dim=1) for rows in (query, positive_key, negative_keys)
)
candidates = torch.cat([(query * positive_key).sum(1, keepdim=True), query @ negative_keys.T], dim=1)
scores = candidates / 0.1  # (256, 64), cosines over a temperature
as_written = info_nce_of_the_slide(scores)
as_cross_entropy = F.cross_entropy(scores, torch.zeros(256, dtype=torch.long))
from_library = info_nce(query, positive_key, negative_keys, temperature=0.1)
assert torch.allclose(as_written, as_cross_entropy)
assert torch.allclose(as_written, from_library, atol=1e-5)
say(
    f"As on the slide {as_written:.6f}, as cross-entropy with answer 0 {as_cross_entropy:.6f}, "
    f"`course_lib.losses.info_nce` {from_library:.6f}. Random features: a guess would give "
    f"ln 64 = {math.log(64):.3f}, and unrelated features are worse than a guess."
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ### What the loss bounds
# InfoNCE gives a lower bound on mutual information (the information that one view holds about the other, in nats):
#
# $$I\big(f(x), f(x^+)\big) \ge \log N - \mathcal{L}$$
#
# Since $\mathcal{L} \ge 0$, the bound can never exceed $\log N$: **with N answers you cannot prove more than log N nats.**
#
# To see both we need pairs whose mutual information is known. Take $d$ independent pairs of Gaussians with correlation
# $\rho$: then $I = -\frac{d}{2}\ln(1-\rho^2)$ exactly. The best possible score is also known: it is
# $s(x, y) = \log \frac{p(y \mid x)}{p(y)}$. No network is trained here, so what remains is the bound itself.

# %% slideshow={"slide_type": "subslide"}
D = 4


def best_score(x, y, rho):
    """log p(y_j | x_i) - log p(y_j) for all i, j. x, y: (R, N, D) -> (R, N, N)."""
    rest = 1 - rho**2
    cross = x @ y.transpose(1, 2)
    squares = (rho * x).square().sum(2)[:, :, None] + y.square().sum(2)[:, None, :]  # |rho x|^2 + |y|^2
    return (y.square().sum(2)[:, None, :] - (squares - 2 * rho * cross) / rest) / 2 - D / 2 * math.log(rest)


def measured_bound(candidates, rho, generator, references=16_000):
    """log N - loss: each y of a group of N is the positive of its own x and a negative of the others."""
    groups = max(1, references // candidates)
    x = torch.randn(groups, candidates, D, generator=generator)
    y = rho * x + math.sqrt(1 - rho**2) * torch.randn(x.shape, generator=generator)
    scores = best_score(x, y, rho)
    answer = torch.arange(candidates).expand(groups, candidates)
    return math.log(candidates) - F.cross_entropy(scores.flatten(0, 1), answer.flatten()).item()


generator = torch.Generator().manual_seed(SEED)
bounds = pd.DataFrame(
    [
        {
            "candidates": n,
            "rho": rho,
            "information": -D / 2 * math.log(1 - rho**2),
            "bound": measured_bound(n, rho, generator),
        }
        for n in (4, 16, 64, 256, 1024)
        for rho in (0.01, 0.4, 0.6, 0.75, 0.85, 0.92, 0.96, 0.98, 0.99)
    ]
)

# %% slideshow={"slide_type": "subslide"}
show(figures.information_bound(bounds))

# %% slideshow={"slide_type": "-"}
last = bounds[bounds.rho == 0.99].set_index("candidates")
say(
    f"At ρ = 0.99 the truth is **{last.information.iloc[0]:.2f} nats**. With the best possible score the bound gives "
    + ", ".join(f"{row.bound:.2f} at N = {n} (ceiling {math.log(n):.2f})" for n, row in last.iterrows())
    + f". The largest excess over the truth in all {len(bounds)} measurements is "
    f"{(bounds.bound - bounds.information).max():.3f} nats, which is sampling noise."
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### What the bound does not say
# - $-\mathcal{L}$ alone is a lower bound too, and an empty one: $-\mathcal{L} \le 0 \le I$. What says something is
#   $\log N - \mathcal{L}$. Losses at different $N$ cannot be compared without the $\log N$.
# - It needs negatives that are drawn independently and from the same distribution as the positive. Chosen hard negatives,
#   or keys of an older encoder (part 8), leave a useful loss but no bound.
# - More negatives raise the ceiling. That is a first reason for large batches and long queues.
# - A tighter bound is not a better representation. Tschannen et al. 2020 (arXiv:1907.13625) trained *invertible*
#   encoders, whose mutual information cannot change, and their linear probes still improved. Which features survive
#   depends on the views and the encoder.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 3 · The views decide what is learned
# SimCLR's gallery (Chen et al. 2020a, arXiv:2002.05709, Figure 4) on one of our scenes, one function of
# `course_lib.data.augment` per panel.

# %% slideshow={"slide_type": "-"}
show(figures.gallery(data.gallery(train.images[7], generator=torch.Generator().manual_seed(9))))

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### One augmentation is not enough
# Two crops of one image share its colours, so a histogram of colours would solve the task. Jitter the colours and this
# shortcut is gone; without crops, the outlines give the answer away. In the paper's Figure 5 the best of all pairs is
# *random crop + colour distortion*. Ours, one short SimCLR run per pair (both views are changed; the diagonal is
# one augmentation alone). Our crops keep 60 to 100 % of the area, the paper's 8 to 100 %.

# %% slideshow={"slide_type": "skip"}
stored = json.loads(
    (Path(course_lib.__file__).parents[1] / "benchmarks/results/contrastive_ablation.json").read_text()
)
records = pd.DataFrame(stored["records"])


def sweep(experiment):
    """Rows of one experiment of the stored sweep, with only the columns that it has."""
    return records[records.experiment == experiment].dropna(axis=1, how="all").reset_index(drop=True)


def made_by(rows):
    """One line that says where stored numbers come from."""
    seeds, steps = rows.seed.nunique(), sorted(rows.steps.astype(int).unique())
    span = f"{steps[0]}" if len(steps) == 1 else f"{steps[0]} to {steps[-1]}"
    return (
        f"*Stored: `course bench contrastive_ablation`, {len(rows)} runs, {seeds} seed{'s' * (seeds > 1)}, "
        f"{span} steps each, on validation images, {rows.finished.min()[:10]}.*"
    )


NOT_YET = (
    "*Our own numbers are not stored yet: `python benchmarks/contrastive_ablation.py --only {}` measures them "
    "(minutes), and the next run of this page shows them.*"
)


# %% slideshow={"slide_type": "-"}
pairs_tried = sweep("composition")
if len(pairs_tried):
    names = list(dict.fromkeys(pairs_tried["first"]))
    matrix = torch.full((len(names), len(names)), float("nan"))
    for row in pairs_tried.itertuples():
        i, j = names.index(row.first), names.index(row.second)
        matrix[i, j] = matrix[j, i] = row.accuracy
    show(results.composition(matrix.numpy(), names))
else:
    say(NOT_YET.format("composition"))

# %% slideshow={"slide_type": "-"}
if len(pairs_tried):
    ranked = pairs_tried.sort_values("accuracy", ascending=False)
    crop_and_colour = (pairs_tried["first"] == "crop") & (pairs_tried["second"] == "colour")
    both = pairs_tried[crop_and_colour].accuracy.iloc[0]
    place = int((ranked.accuracy > both).sum()) + 1
    say(
        f"Crop + colour reaches {both:.1%} and is number {place} of {len(ranked)} here. A random encoder has "
        f"{sweep('random').accuracy.mean():.1%}. " + made_by(pairs_tried)
    )

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 4 · SimCLR: Algorithm 1
# Image → two views → encoder $f$ → $h$ → projector $g$ → $z$. The loss compares all $2N$ vectors $z$ of a batch.

# %% slideshow={"slide_type": "-"}
show(
    figures.framework(
        [
            ["view\n$\\tilde{x}_{2k-1}$", "encoder\n$f$", "$h_{2k-1}$", "projector\n$g$", "$z_{2k-1}$"],
            ["view\n$\\tilde{x}_{2k}$", "encoder\n$f$", "$h_{2k}$", "projector\n$g$", "$z_{2k}$"],
        ],
        [
            ((0, 1), (1, 1), "same weights", "-"),
            ((0, 3), (1, 3), "same weights", "-"),
            ((0, 4), (1, 4), "attract", "<|-|>"),
        ],
        "SimCLR: both views go through the same networks; gradients flow through both",
    )
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Algorithm 1, the whole loop
# 1. Take a batch of $N$ images $x_1, \dots, x_N$.
# 2. For each one draw two augmentations $t, t' \sim \mathcal{T}$: $\tilde{x}_{2k-1} = t(x_k)$, $\tilde{x}_{2k} = t'(x_k)$. For both
#    compute $h = f(\tilde{x})$ and $z = g(h)$.
# 3. Score all pairs: $s_{i,j} = z_i^\top z_j / (\|z_i\|\|z_j\|)$.
# 4. $\ell(i,j) = -\log \frac{\exp(s_{i,j}/\tau)}{\sum_{k=1}^{2N} \mathbb{1}_{[k \ne i]} \exp(s_{i,k}/\tau)}$, $\quad
#    \mathcal{L} = \frac{1}{2N}\sum_{k=1}^{N}[\ell(2k-1,2k) + \ell(2k,2k-1)]$
# 5. Update $f$ and $g$. At the end keep $f$ and throw $g$ away.
#
# The loss is called **NT-Xent**: normalised (cosine), temperature-scaled ($\tau$) cross-entropy. In part 2 $N$ counted the
# *answers*; here it counts the *images* (part 7 calls them $B$). A view chooses among $2N-1$ others.

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### The loss of the slide, line by line
# Views are numbered from 1: image $k$ has the views $2k-1$ and $2k$.


# %% slideshow={"slide_type": "-"}
def algorithm_1(z, tau):
    """z: (2N, D). Steps 3 and 4 of Algorithm 1 (Chen et al. 2020a), index by index."""
    N = len(z) // 2
    numbers = range(1, 2 * N + 1)
    s = {}
    for i in numbers:
        for j in numbers:
            z_i, z_j = z[i - 1], z[j - 1]  # the slide counts from 1, Python from 0
            s[i, j] = z_i @ z_j / (z_i.norm() * z_j.norm())

    def ell(i, j):
        return -torch.log(torch.exp(s[i, j] / tau) / sum(torch.exp(s[i, k] / tau) for k in numbers if k != i))

    return sum(ell(2 * k - 1, 2 * k) + ell(2 * k, 2 * k - 1) for k in range(1, N + 1)) / (2 * N)


# %% [markdown] slideshow={"slide_type": "subslide"}
# ### The same in four lines


# %% slideshow={"slide_type": "-"}
def vectorised(z, tau):
    """z: (2N, D), the two views of an image in neighbouring rows."""
    z = F.normalize(z, dim=1)
    s = z @ z.T / tau  # (2N, 2N)
    s = s.masked_fill(torch.eye(len(z), dtype=torch.bool), -math.inf)  # the indicator [k != i]
    return F.cross_entropy(s, torch.arange(len(z)) ^ 1)  # 0 <-> 1, 2 <-> 3, ...


torch.manual_seed(SEED)
z = torch.randn(16, 8, requires_grad=True)
losses = {
    "loop of the slide": algorithm_1(z, 0.5),
    "vectorised": vectorised(z, 0.5),
    "course_lib.losses.nt_xent": nt_xent(z[0::2], z[1::2], 0.5),
}
gradients = {name: torch.autograd.grad(loss, z)[0] for name, loss in losses.items()}
reference, reference_gradient = losses["loop of the slide"], gradients["loop of the slide"]
say(
    "| | loss | difference | largest difference of the gradient |\n|---|---|---|---|\n"
    + "\n".join(
        f"| {name} | {loss.item():.7f} | {abs(loss - reference).item():.1e} "
        f"| {(gradients[name] - reference_gradient).abs().max().item():.1e} |"
        for name, loss in losses.items()
    )
)
assert all(abs(loss - reference) < 1e-6 for loss in losses.values())
assert all(torch.allclose(g, reference_gradient, atol=1e-6) for g in gradients.values())

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### The number on which people get stuck
# If all $z$ are equal, each of the $2N-1$ other views looks like the partner, and the loss is $\ln(2N-1)$.
# A curve that rests there has learned nothing. There is a floor too. A cosine cannot exceed 1, so with equal partners and all
# other views at right angles the loss is $\ln(1+(2N-2)e^{-1/\tau})$. A curve that rests *there* is finished.

# %% slideshow={"slide_type": "-"}
equal = torch.ones(2 * BATCH, 8)
history = run.history.loss
say(
    f"All z equal, {BATCH} images: loss {vectorised(equal, 0.5):.4f}, ln(2·{BATCH} − 1) = {math.log(2 * BATCH - 1):.4f}. "
    f"The floor at τ = 0.2 is {math.log(1 + (2 * BATCH - 2) * math.exp(-5)):.2f}. "
    f"Our run of part 1 began at {history.iloc[0]:.2f} and ended at {history.tail(20).mean():.2f}. Beginning *near* the "
    f"stuck value is normal; staying there is not."
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### What the temperature does
# One view of the trained network, its partner and the 30 other views of 16 images. The gradient pushes each negative
# with a force proportional to its softmax weight.

# %% slideshow={"slide_type": "-"}
row = score_matrix(simclr)[0]
show(figures.sharpening([row[1].item(), *row[2:].tolist()], (0.05, 0.2, 0.5, 2.0)))

# %% [markdown] slideshow={"slide_type": "-"}
# A low temperature listens only to the hardest negatives, which may be other pictures of the same thing. A high one
# pushes everything alike. In the paper's Table 5 (ImageNet linear probe) τ = 0.1 is best:
#
# | τ | 0.05 | 0.1 | 0.5 | 1 |
# |---|---|---|---|---|
# | top-1, cosine score | 59.7 | **64.4** | 60.7 | 58.0 |
#
# Of these four the contrastive accuracy is highest at 0.05 (90.5 %): being best at the training task is not being best.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 5 · Why throw the projector away?
# The loss is computed on $z = g(h)$, but $h$ is kept. The loss wants two views to be *equal*, so $z$ must forget whatever
# the views differ in. If $g$ can do the forgetting, $h$ need not.
#
# Chen et al. 2020a, Table 3 (ImageNet; an MLP predicts which transformation was applied in pretraining):
#
# | predict | chance | from $h$ | from $g(h)$ |
# |---|---|---|---|
# | colour or grey | 80 | 99.3 | 97.4 |
# | rotation | 25 | 67.6 | 25.6 |
# | original or corrupted | 50 | 99.5 | 59.6 |
# | original or Sobel | 50 | 96.6 | 56.3 |

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Our three heads
# The run of part 1 had an MLP. Two more, with the same seed: no projector ($z = h$) and a linear one.

# %% slideshow={"slide_type": "-"}
methods = {"MLP": simclr}
for name in ("linear", "none"):
    method = SimCLR(new_encoder(), temperature=0.2)
    method.projector = nn.Linear(method.encoder.width, 128) if name == "linear" else nn.Identity()
    course_lib.fit(method, train, steps=120, batch_size=BATCH, seed=SEED, show=False)
    methods[name] = method

# %% [markdown] slideshow={"slide_type": "subslide"}
# What to ask: kind of the main object, its colour, its place (3 columns × 3 rows, each
# with a third of the training objects), and how the picture was turned
# (0, 90, 180 or 270 degrees). Colour is what the jitter removes, place is what the crop removes. Rotation is not among
# our augmentations, unlike in the paper's Table 3.


# %% slideshow={"slide_type": "-"}
def properties(split, count, cuts=None):
    """Labels of the first scenes of a split, read off the scenes; turned pictures with their turn; the cuts of "place"."""
    world = course_lib.world.World(course_lib.world.WorldConfig(size=SIZE), split)
    main = [world.scene(i).objects[0] for i in range(count)]
    turns = torch.arange(count) % 4
    images = {"train": train, "test": test}[split].images[:count]
    turned = data.augment.rotate90(data.as_float(images), turns=turns)
    colors = list(course_lib.world.COLORS)
    places = torch.tensor([o.position for o in main])  # (count, 2), x and y
    thirds = torch.tensor([1 / 3, 2 / 3])  # equally full columns and rows
    cuts = cuts or [axis.quantile(thirds) for axis in places.T]
    column, row = (torch.bucketize(axis, cut) for axis, cut in zip(places.T.contiguous(), cuts, strict=True))
    cells = (3 * row + column).tolist()
    kinds = [train.classes.index(o.kind) for o in main]
    answers = {"kind": kinds, "colour": [colors.index(o.color) for o in main], "place": cells}
    asked = {name: (images, torch.tensor(values)) for name, values in answers.items()}
    return asked | {"rotation": (turned, turns)}, cuts


known, cuts = properties("train", 2400)
unknown, _ = properties("test", 1500, cuts)
table = []
for head in ("none", "linear", "MLP"):
    method = methods[head]
    layers = {"h": method.encoder, "z": nn.Sequential(method.encoder, method.projector)}
    for layer, network in layers.items():
        feature = {}  # the upright pictures serve three probes
        for name in known:
            (images, labels), (others, answers) = known[name], unknown[name]
            if head == "none" and layer == "z":  # z is h
                accuracy = table[-len(known)]["accuracy"]
            else:
                key = "turned" if name == "rotation" else "upright"
                if key not in feature:
                    feature[key] = evaluate.embed(network, images), evaluate.embed(network, others)
                accuracy = evaluate.linear_probe(
                    feature[key][0], labels, feature[key][1], answers, penalties=(0.1, 0.01, 1e-3)
                ).accuracy
            chance = answers.bincount().max().item() / len(answers)
            table.append(
                {"head": head, "layer": layer, "attribute": name, "accuracy": accuracy, "chance": chance}
            )
table = pd.DataFrame(table)

# %% slideshow={"slide_type": "subslide"}
show(results.kept_information(table))

# %% slideshow={"slide_type": "-"}
wide = table.pivot(index=["head", "attribute"], columns="layer", values="accuracy")
gain = 100 * (wide.h - wide.z)
say(
    "Points that $h$ has over $z$ with the MLP: "
    + ", ".join(f"{name} {gain['MLP', name]:+.1f}" for name in known)
    + "; with a linear projector: "
    + ", ".join(f"{name} {gain['linear', name]:+.1f}" for name in known)
    + ". Without a projector $h$ *is* $z$, and a linear $g$ from 96 to 128 features loses nothing that a linear probe could "
    "read: differences in these two rows come from the probe's penalty. To forget, $g$ must be non-linear or narrower. "
    "Probing kind in $h$: "
    + ", ".join(f"{head} {100 * wide.h[head, 'kind']:.1f} %" for head in ("none", "linear", "MLP"))
    + "."
)

# %% slideshow={"slide_type": "-"}
heads = sweep("projector")
summary = heads.groupby("projector").agg(h=("accuracy", list), z=("accuracy_z", list))
say(
    f"The same three heads in the stored sweep ({int(heads.steps.iloc[0])} steps each), kind only:\n\n| projector | probe on $h$ | probe on $z$ |\n|---|---|---|\n"
    + "\n".join(
        f"| {head} | {evaluate.t_interval(summary.h[head])} | {evaluate.t_interval(summary.z[head])} |"
        for head in ("none", "linear", "MLP")
    )
    + "\n\nMean and 95 % interval over seeds; with two seeds an interval reaches 12.7 standard errors to each side. In the paper (Figure 8 and section 4.2) the MLP is 3 points above a linear "
    "projector and more than 10 above none, and h is more than 10 points above z. " + made_by(heads)
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 6 · What it buys: few labels
# **Chen et al. 2020a, Table 7.** ImageNet **top-5** accuracy (%) of models trained with 1 % or 10 % of the labels.
#
# | method | architecture | 1 % of labels | 10 % of labels |
# |---|---|---|---|
# | Supervised baseline | ResNet-50 | 48.4 | 80.4 |
# | *Other label propagation:* | | | |
# | Pseudo-label | ResNet-50 | 51.6 | 82.4 |
# | VAT + entropy minimisation | ResNet-50 | 47.0 | 83.4 |
# | UDA (with RandAugment) | ResNet-50 | – | 88.5 |
# | FixMatch (with RandAugment) | ResNet-50 | – | 89.1 |
# | S4L (rotation + VAT + entropy min.) | ResNet-50 (4×) | – | 91.2 |
# | *Representation learning only:* | | | |
# | InstDisc | ResNet-50 | 39.2 | 77.4 |
# | BigBiGAN | RevNet-50 (4×) | 55.2 | 78.8 |
# | PIRL | ResNet-50 | 57.2 | 83.8 |
# | CPC v2 | ResNet-161 (*) | 77.9 | 91.2 |
# | **SimCLR** | ResNet-50 | **75.5** | **87.8** |
# | **SimCLR** | ResNet-50 (2×) | **83.0** | **91.2** |
# | **SimCLR** | ResNet-50 (4×) | **85.8** | **92.6** |
#
# Linear probe with all labels, top-1 (Table 6): SimCLR 69.3 (1×), 74.2 (2×), 76.5 (4×), the last as good as a supervised
# ResNet-50. Not run: VAT, UDA, and wider encoders. Pseudo-label, FixMatch and S4L's rotation part are in the library;
# `benchmarks/results/few_labels.md` has them at 200 steps, where none is above training on the labels alone.

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Ours: accuracy against labels per class
# One encoder, four ways to use the labels: a linear probe on a random encoder; the encoder trained from scratch with the
# labels; a linear probe on SimCLR; SimCLR's encoder fine-tuned with the labels (as in Table 7).

# %% slideshow={"slide_type": "-"}
few = sweep("few_labels")
long = pd.DataFrame(
    [
        {"method": name, "labels_per_class": count, "seed": row.seed, "accuracy": accuracy}
        for row in few.itertuples()
        for name, curve in row.curves.items()
        for count, accuracy in zip(row.labels_per_class, curve, strict=True)
    ]
)
curves = pd.DataFrame(
    [
        {"method": name, "labels_per_class": count, **vars(evaluate.t_interval(rows.accuracy))}
        for (name, count), rows in long.groupby(["method", "labels_per_class"], sort=False)
    ]
)
means = curves.pivot(index="labels_per_class", columns="method", values="mean")
scatter = long.groupby(["method", "labels_per_class"]).accuracy.agg(lambda a: a.max() - a.min()).mean()
lead = means["SimCLR, fine-tuned"] - means["supervised"]
clear = [count for count in means.index if lead[count] > scatter]
title = (
    f"Fine-tuned SimCLR is ahead of training from scratch at {', '.join(map(str, clear))} labels per class"
    if clear
    else "No lead of SimCLR over training from scratch that exceeds the scatter of the seeds"
)
show(results.few_labels(curves, title))

# %% slideshow={"slide_type": "-"}
say(
    "| labels per class | "
    + " | ".join(means.columns)
    + " |\n|---|"
    + "---|" * len(means.columns)
    + "\n"
    + "\n".join(f"| {n} | " + " | ".join(f"{100 * v:.1f}" for v in row) + " |" for n, row in means.iterrows())
    + f"\n\nValidation accuracy (%), mean over {few.seed.nunique()} seed(s). A seed changes pretraining, the drawn labels and the "
    f"initial weights; two seeds of one point differ by {100 * scatter:.1f} points on average. With {means.index[-1]} labels per "
    f"class a frozen SimCLR encoder reaches {100 * means['SimCLR, linear'].iloc[-1]:.0f} %, training from scratch "
    f"{100 * means['supervised'].iloc[-1]:.0f} %, fine-tuning {100 * means['SimCLR, fine-tuned'].iloc[-1]:.0f} %. "
    + made_by(few)
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 7 · Batch size, steps, and why negatives matter
# In a batch of $B$ images each view has $2B-2$ negatives. More negatives raise the ceiling $\ln(2B-1)$ (part 2) and make it
# likelier that a *hard* negative is among them. SimCLR's Figure 9: at 100 epochs large batches win clearly, at 1000 epochs
# the gap is nearly closed. A batch of 8192 needs many devices, hence "only with distributed training".

# %% slideshow={"slide_type": "-"}
batches = sweep("batch").astype({"batch": int, "epochs": int})
random_accuracy = sweep("random").accuracy.mean()
show(results.batch_and_epochs(batches, random_accuracy))

# %% slideshow={"slide_type": "-"}
grid = batches.groupby(["epochs", "batch"]).accuracy.mean().unstack()
say(
    "Every line sees the same number of images, up to one incomplete batch an epoch. The learning rate follows the square root "
    "of the batch, a rule of thumb for Adam. A small batch takes many steps with few negatives, a large one few steps with many: "
    "the figure cannot separate the two. "
    + "Best batch: "
    + ", ".join(
        f"{int(row.idxmax())} at {epochs} epoch{'s' * (epochs > 1)}" for epochs, row in grid.iterrows()
    )
    + ". "
    + made_by(batches)
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### A large batch on a small machine, exactly
# The loss needs all $z$ at once, but not all *activations*. Gao et al. 2021 (arXiv:2101.06983): compute $z$ piece by piece without
# a graph, take the gradient of the loss with respect to $z$, then run each piece again and hand it its own part of that gradient.


# %% slideshow={"slide_type": "-"}
def in_pieces(network, v1, v2, tau, size):
    """Leaves the gradient of NT-Xent over all pairs in the weights; only `size` images have activations at a time."""
    pieces = list(zip(v1.split(size), v2.split(size), strict=True))
    with torch.no_grad():
        z = torch.cat([torch.stack([network(a), network(b)]) for a, b in pieces], dim=1)  # (2, B, D)
    z.requires_grad_()
    nt_xent(z[0], z[1], tau).backward()  # stops at z
    for (a, b), slope in zip(pieces, z.grad.split(size, dim=1), strict=True):
        torch.stack([network(a), network(b)]).backward(slope)


network = copy.deepcopy(
    nn.Sequential(simclr.encoder, simclr.projector)
).eval()  # BatchNorm would couple the images
v1, v2 = views(train.images[:512], torch.Generator().manual_seed(2))
found = []
for backward in (
    lambda: nt_xent(network(v1), network(v2), 0.2).backward(),
    lambda: in_pieces(network, v1, v2, 0.2, 64),
):
    network.zero_grad()
    backward()
    found.append(torch.cat([p.grad.flatten() for p in network.parameters()]))
assert torch.allclose(*found, atol=1e-5)
say(
    f"512 images at once, or in pieces of 64: the largest entry of the gradient is {found[0].abs().max():.1e}, the largest "
    f"difference {(found[0] - found[1]).abs().max():.1e}. The price is a second forward pass. BatchNorm breaks the exactness, since "
    "each piece would be normalised by itself; here its statistics are frozen."
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### SimCLR v2: a bigger model, a deeper head
# Chen et al. 2020c (arXiv:2006.10029): ResNet-152 (3×, selective kernels), a projector of **three** layers, and
# fine-tuning from the projector's *first* layer instead of from $h$. After distillation a ResNet-50 reaches 73.9 % top-1
# with 1 % of the labels (abstract). The deeper projector is one argument, `SimCLR(encoder, projector_layers=3)`; fine-tuning
# from its first layer is not run here.

# %% slideshow={"slide_type": "-"}
bigger = sweep("simclr_v2")
say(
    NOT_YET.format("simclr_v2")
    if bigger.empty
    else "| encoder width | projector layers | linear probe |\n|---|---|---|\n"
    + "\n".join(
        f"| {int(width)}× | {int(layers)} | {100 * rows.accuracy.mean():.1f} % "
        f"({', '.join(f'{100 * a:.1f}' for a in rows.accuracy)}) |"
        for (width, layers), rows in bigger.groupby(["width", "layers"])
    )
    + "\n\nIn brackets the seeds. "
    + made_by(bigger)
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 8 · MoCo: many negatives without a large batch
# He et al. 2020 (arXiv:1911.05722). Keys of earlier batches are still useful negatives if the network that made them has
# changed little. So MoCo keeps a **queue** of old keys and lets a **slow copy** of the encoder make them, an
# exponential moving average (EMA) of its weights.
#
# $$\mathcal{L}_q = -\log \frac{\exp(q \cdot k^+ / \tau)}{\exp(q \cdot k^+ / \tau) + \sum_{k^-} \exp(q \cdot k^- / \tau)},
# \qquad \theta_k \leftarrow m\,\theta_k + (1-m)\,\theta_q, \quad m = 0.999$$

# %% slideshow={"slide_type": "-"}
show(
    figures.framework(
        [
            ["view $x^q$", "encoder\n$f_q$", "head", "query $q$", "loss"],
            ["view $x^k$", "slow copy\n$f_k$", "head", "key $k^+$", "queue\nof $k^-$"],
        ],
        [
            ((0, 1), (1, 1), "EMA, m", "-|>"),
            ((0, 2), (1, 2), "EMA, m", "-|>"),
            ((1, 4), (0, 4), "negatives", "-|>"),
            ((1, 3), (0, 4), "positive", "-|>"),
        ],
        "MoCo: gradients flow through the query only",
    )
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### The queue: keys of different ages
# Each step writes a batch of keys over the oldest ones. A queue of $K$ keys and batches of $B$ hold the last $K/B$ steps:
# in the paper 65,536 / 256 = 256 steps. The loss is computed *before* the new keys enter, else each positive would also
# be a negative.

# %% slideshow={"slide_type": "-"}
queue_size, batch_size = 64, 4
queue, pointer, ages = torch.full((queue_size, 1), float("nan")), 0, []
for step in range(48):
    queue, pointer = course_lib.methods.moco.enqueue(queue, pointer, torch.full((batch_size, 1), float(step)))
    ages.append(step - queue[:, 0])
show(figures.queue_ages(torch.stack(ages).numpy()))

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### The slow copy: an average over the past
# $\theta_k$ is an average of past $\theta_q$ with weights $(1-m)\,m^t$: half of it is older than $\ln 2 / (1-m)$ steps.

# %% slideshow={"slide_type": "-"}
show(figures.ema_memory((0.9, 0.99, 0.999)))

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Train it
# Batches of 64, 1,024 old keys, $m = 0.99$. We note how often the query scores its own key above *all* old keys: the
# pretext accuracy, by guessing 1 / 1025. (`batch_norm_groups` is for part 9.)


# %% slideshow={"slide_type": "-"}
def noting(accuracies):
    """MoCo's loss, with a note of the pretext accuracy."""

    def loss(query, key, queue, temperature):
        with torch.no_grad():
            q, k, old = (F.normalize(rows.float(), dim=1) for rows in (query, key, queue))
            accuracies.append(((q * k).sum(1) > (q @ old.T).amax(1)).float().mean().item())
        return moco(query, key, queue, temperature)

    return loss


moco_runs, pretext = {}, {}
for shuffle in (True, False):
    pretext[shuffle] = []
    method = MoCo(
        new_encoder(),
        queue_size=1024,
        momentum=0.99,
        learning_rate=3e-3,
        views=views,
        batch_norm_groups=32,
        shuffle=shuffle,
        loss_function=noting(pretext[shuffle]),
    )
    moco_runs[shuffle] = course_lib.fit(method, train, steps=80, batch_size=64, seed=SEED, show=False)

# %% slideshow={"slide_type": "-"}
trained = moco_runs[True]
say(
    f"Shuffled run: loss {trained.history.loss.iloc[0]:.2f} → {trained.history.loss.tail(20).mean():.2f}, stuck value "
    f"ln(K + 1) = {math.log(1025):.2f}; pretext accuracy over the last 20 steps "
    f"{sum(pretext[True][-20:]) / 20:.0%}. The first loss is above the stuck value because the queue starts with random "
    f"vectors at a low temperature."
    if trained.history.loss.iloc[0] > math.log(1025)
    else f"Shuffled run: loss {trained.history.loss.iloc[0]:.2f} → {trained.history.loss.tail(20).mean():.2f}, stuck value "
    f"ln(K + 1) = {math.log(1025):.2f}; pretext accuracy over the last 20 steps {sum(pretext[True][-20:]) / 20:.0%}. The first "
    f"loss is *low*: the queue starts with random vectors, which are easy negatives. It rises as real keys come in."
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### How slow should the copy be?

# %% slideshow={"slide_type": "-"}
momenta = sweep("momentum")
published = {0.9: 55.2, 0.99: 57.8, 0.999: 59.0, 0.9999: 58.9}  # He et al. 2020, section 4.1, K = 4096
show(results.momentum_sweep(momenta, published))

# %% slideshow={"slide_type": "-"}
say(
    f"Published: He et al. 2020, section 4.1 (ablation of the momentum, K = 4096): $m = 0$ fails, 0.999 is best. "
    f"Half of the key encoder is older than {math.log(2) / 0.001:.0f} steps at m = 0.999, and our runs have "
    f"{int(momenta.steps.iloc[0])}: such a copy is still close to its random start when training ends. The best $m$ "
    "depends on the length of training. Final losses here: "
    + ", ".join(f"m = {m:g}: {rows.loss.mean():.2f}" for m, rows in momenta.groupby("momentum"))
    + ". "
    + made_by(momenta)
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 9 · Cheating through BatchNorm
# On 8 GPUs each device normalises its own part of the batch. If query and key of an image are normalised among the *same*
# neighbours, their group statistics can become a signature: the network may find its key by the company it keeps.
#
# MoCo therefore shuffles the images **before the key encoder** and undoes it afterwards. (The slide shuffles
# "before $f_q$ and $f_k$"; in section 3.3 of the paper the order for $f_q$ stays as it is. What matters is that the two
# groups differ.) SimCLR has the same leak, since both views of an image lie on one device; it computes BatchNorm's mean and
# variance over all devices ("global BN", section 2.2).
#
# `MoCo(batch_norm_groups=32, shuffle=False)` makes the leak on one CPU: 64 images in 32 groups, so that each image has one
# companion. The run above and its twin:

# %% slideshow={"slide_type": "-"}
live = pd.DataFrame(
    [
        {
            "shuffle": s,
            "seed": SEED,
            "pretext": pretext[s][-r.steps :],
            "accuracy": evaluate.evaluate(r.method, train, test),
        }
        for s, r in moco_runs.items()
    ]
)
show(results.shuffle_leak(live, 1 / 1025))

# %% slideshow={"slide_type": "subslide"}
leaks = sweep("shuffle")
show(results.shuffle_leak(leaks, 1 / 1025))

# %% slideshow={"slide_type": "-"}
by_shuffle = dict(iter(leaks.groupby("shuffle")))
task = {s: 100 * sum(sum(p[-50:]) / 50 for p in rows.pretext) / len(rows) for s, rows in by_shuffle.items()}
probe = {s: evaluate.t_interval(rows.accuracy) for s, rows in by_shuffle.items()}
overlap = len(leaks) > 2 and probe[True].low <= probe[False].high and probe[False].low <= probe[True].high
say(
    f"Pretext accuracy over the last 50 steps: {task[True]:.0f} % shuffled, {task[False]:.0f} % not shuffled. Probe: "
    f"{probe[True]} shuffled, {probe[False]} not shuffled. "
    + (
        "The two intervals overlap: at this scale the damage to the features is within noise. "
        if overlap
        else ""
    )
    + (
        "Without shuffling the task is easier: that is the leak. "
        if task[False] > task[True] + 1
        else "The leak does **not** show in these runs: without shuffling the task is not clearly easier. "
    )
    + "He et al. 2020 report (appendix, Figure A.1) that without shuffling the pretext accuracy jumps above 99.9 % while the "
    "kNN accuracy drops. " + made_by(leaks)
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 10 · MoCo v2: three switches
# Chen et al. 2020b (arXiv:2003.04297) took two things from SimCLR, the **MLP** head and stronger augmentation (**aug+**, with
# blur), and added a **cosine** schedule. Their Table 2:
#
# | case | MLP | aug+ | cos | epochs | batch | ImageNet acc. |
# |---|---|---|---|---|---|---|
# | MoCo v1 | | | | 200 | 256 | 60.6 |
# | SimCLR | ✓ | ✓ | ✓ | 200 | 256 | 61.9 |
# | SimCLR | ✓ | ✓ | ✓ | 200 | 8192 | 66.6 |
# | **MoCo v2** | ✓ | ✓ | ✓ | 200 | 256 | **67.5** |
# | *longer training* | | | | | | |
# | SimCLR | ✓ | ✓ | ✓ | 1000 | 4096 | 69.3 |
# | **MoCo v2** | ✓ | ✓ | ✓ | 800 | 256 | **71.1** |
#
# Their Table 1, one switch at a time (200 epochs): MLP 66.2, aug+ 63.4, both 67.3, all three 67.5. So the non-linear head and the
# stronger augmentation carry the gain. With batch 256 MoCo v2 is above SimCLR with batch 8192 (67.5 to 66.6), on one node with
# 8 V100 GPUs.

# %% slideshow={"slide_type": "subslide"}
ablation = sweep("moco_v2")
show(
    results.switches(
        ablation.astype({"mlp": bool, "aug": bool, "cos": bool}), ("mlp", "aug", "cos"), random_accuracy
    )
)

# %% [markdown] slideshow={"slide_type": "-"}
# What our switches change. **MLP**: a second layer in the head, *and* τ from 0.07 to 0.2, as in the paper. **aug+**: blur is added, but
# the hue shift falls from 0.4 to 0.1 and every fifth view keeps its colours. **cos**: off means a tenth of the rate from 60 % and
# a hundredth from 80 % of the steps, without a warm-up. Losses cannot be compared across the MLP switch.

# %% slideshow={"slide_type": "subslide"}
mean_of = ablation.groupby(["mlp", "aug", "cos"]).accuracy.mean()
published_rows = {
    (0, 0, 0): "60.6",
    (1, 0, 0): "66.2",
    (0, 1, 0): "63.4",
    (1, 1, 0): "67.3",
    (1, 1, 1): "67.5",
}
tick = {True: "✓", False: ""}
epochs = int(ablation.steps.iloc[0]) * int(ablation.batch_size.iloc[0]) / len(train)
say(
    "| MLP | aug+ | cos | epochs | batch | ours: world, linear probe | published: ImageNet |\n|---|---|---|---|---|---|---|\n"
    + "\n".join(
        f"| {tick[m]} | {tick[a]} | {tick[c]} | {epochs:.1f} | {int(ablation.batch_size.iloc[0])} | {100 * value:.1f} % "
        f"| {published_rows.get((int(m), int(a), int(c)), '–')} |"
        for (m, a, c), value in mean_of.items()
    )
    + "\n\n"
    + made_by(ablation)
)

# %% slideshow={"slide_type": "-"}
effect = {
    name: 100 * (mean_of.xs(True, level=name).mean() - mean_of.xs(False, level=name).mean())
    for name in ("mlp", "aug", "cos")
}
spread = 100 * (ablation.groupby(["mlp", "aug", "cos"]).accuracy.agg(lambda a: a.max() - a.min())).mean()
say(
    "Mean effect of a switch over the four settings of the other two: "
    + ", ".join(f"{name} {value:+.1f}" for name, value in effect.items())
    + (
        f" points. Two seeds of one setting differ by {spread:.1f} points on average: smaller effects mean nothing here."
        if ablation.seed.nunique() > 1
        else " points, from one seed: how much of it is chance is not known."
    )
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 11 · What was gained, and what this scale cannot show
# **Gained.** One loss that needs no invented task and no labels; a reason for every part (views, temperature, projector,
# negatives, momentum, shuffling).

# %% slideshow={"slide_type": "-"}
accuracy = {
    name: evaluate.evaluate(network, train, test)
    for name, network in (("random", new_encoder()), ("SimCLR", simclr))
}
say(
    f"This notebook's own run ({run.steps} steps, {run.steps * BATCH:,} images with repeats): linear probe "
    f"**{accuracy['SimCLR']:.1%}** against **{accuracy['random']:.1%}** for the encoder before training, and "
    f"{1 / len(train.classes):.1%} for a guess. In part 6 SimCLR's features beat those of the random encoder at "
    f"{(means['SimCLR, linear'] > means['random, linear']).sum()} of {len(means)} label counts. The notebook took {time.perf_counter() - started:.0f} s."
)

# %% [markdown] slideshow={"slide_type": "-"}
# **Out of reach here.** Runs of seconds stop long before convergence, so they rank *speed of learning*, not final quality. What
# helps in 200 epochs (large batches, momentum 0.999, an MLP head) can look useless in two, and a schedule that stops early can
# look decisive. One drawn world has less variety than ImageNet. Two or three seeds separate effects of many points, not of one.
#
# **Still open.** Negatives can be of the same class (false negatives). Is there a loss without negatives? That is the
# next lecture.

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Reading
# - van den Oord, Li, Vinyals 2018. *Representation learning with contrastive predictive coding.* arXiv:1807.03748 (InfoNCE).
# - Wu, Xiong, Yu, Lin 2018. *Unsupervised feature learning via non-parametric instance discrimination.* arXiv:1805.01978.
# - Poole et al. 2019. *On variational bounds of mutual information.* arXiv:1905.06922 (why log N is the ceiling).
# - Tschannen et al. 2020. *On mutual information maximization for representation learning.* arXiv:1907.13625.
# - Chen, Kornblith, Norouzi, Hinton 2020a. *A simple framework for contrastive learning* (SimCLR). arXiv:2002.05709.
# - Chen, Fan, Girshick, He 2020b. *Improved baselines with momentum contrastive learning* (MoCo v2). arXiv:2003.04297.
# - Chen, Kornblith, Swersky, Norouzi, Hinton 2020c. *Big self-supervised models are strong semi-supervised learners*
#   (SimCLR v2). arXiv:2006.10029.
# - He, Fan, Wu, Xie, Girshick 2020. *Momentum contrast for unsupervised visual representation learning.* arXiv:1911.05722.
# - Wang, Isola 2020. *Understanding contrastive representation learning through alignment and uniformity.* arXiv:2005.10242.
#
# Next: **lab 03**, where these losses are yours to write.
