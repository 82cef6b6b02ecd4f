# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
#   course:
#     lab: 03_contrastive
#     title: Contrastive learning
#     points: 100
# ---

# %% [markdown]
# # Lab 3 · Contrastive learning
#
# You get pictures without labels. By the end of this lab two networks have learned from them to tell fish from houses
# and umbrellas, with views, losses, a teacher and a queue that you wrote. Encoder and optimiser come from the library.
#
# | part | you write | points | minutes |
# |---|---|---|---|
# | 1 | a game, nothing to write | | 5 |
# | 2 | two views of an image (3.1) | 10 | 16 |
# | 3 | the similarity matrix (3.2) | 10 | 11 |
# | 4 | InfoNCE: one right answer among many (3.3) | 15 | 17 |
# | 5 | NT-Xent (3.4), then one minute of SimCLR with it | 20 | 24 |
# | 6 | k-NN: let the neighbours vote (3.5) | 10 | 14 |
# | 7 | the teacher (3.6), the queue (3.7) and the loss (3.8) of MoCo, then train it | 35 | 28 |
# | 8 | the comparison, and what it can and cannot show | | 5 |
# | | together | 100 | 120 |
#
# Plan 90 to 120 minutes. The table gives the longer time, with reading and training; the minutes at an exercise are for writing it.
#
# How it works: each exercise has a stub, a check and then a cell that uses your function.
# `check` says what is wrong. `hint("3.1")` gives a first hint; call it again for the next.
# Work from top to bottom: the cells after a stub need your function.
#
# An answer must stand alone. The grader runs only the first code cell and your eight answer cells, in order. So put
# helpers and imports into the answer cell itself; you may call your earlier answers. Use PyTorch, but no finished solution
# from `course_lib`, `lightly`, `kornia`, `torchvision.transforms` or `sklearn`; `check` names what is off limits.
# Hand in this notebook, saved.

# %% tags=["setup"]
# Run this cell first. Running it again does no harm.
import importlib.util

if (
    importlib.util.find_spec("course_lib") is None
):  # Colab or a bare machine: install the course, leave torch as it is
    import os
    import subprocess
    import sys

    source = os.environ.get("COURSE_SOURCE", "git+https://github.com/your-organisation/ssl-course@main")
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", source], check=True)

import math

import matplotlib.pyplot as plt
import torch
from IPython.display import Markdown, display
from torch import nn
from torch.nn import functional as F

from course_lib import data, evaluate, fit, methods, models, viz
from course_lib.lab import check, hint, setup  # noqa: F401

lab = setup("03_contrastive")

# %% [markdown]
# ## 1 · Look first: which two belong together?
#
# The pictures come from the course's own drawn world. Each shows one main object and some clutter.
# There are labels, but training will never see them. They come out at the end, to measure.

# %% tags=["use", "nbval-ignore-output"]
DATASET = "world"  # on a GPU also "cifar-10", "imagenette" or "stl-10"; `course data` lists what is here
drawn = DATASET == "world"  # then there are as many pictures as we ask for
train = data.load(DATASET, "train", length=10000 if drawn else None)
test = data.load(DATASET, "test", length=2000 if drawn else None)
SIDE = train.images.shape[-1]  # pixels
CROP = SIDE * 2 // 3
print(f"{len(train):,} pictures of {SIDE} x {SIDE} pixels to learn from, {len(test):,} to measure with.")
print(f"{len(train.classes)} kinds of object: {', '.join(train.classes)}.")


def show(axis, image, title=""):
    """Draw one image, (3, H, W) in [0, 1], without axes."""
    axis.imshow(image.permute(1, 2, 0).clamp(0, 1), interpolation="nearest")
    axis.set_title(title, fontsize=11)
    axis.axis("off")


# %% [markdown]
# From six pictures we cut two pieces each and changed their colours. A piece like this is called a **view**.
# The top row shows the first views, the bottom row the second views in mixed order. Which belongs to which?

# %% tags=["figure"]
generator = torch.Generator().manual_seed(2)
chosen = torch.randperm(len(train), generator=generator)[:6]
game_images = data.as_float(train.images[chosen])  # (6, 3, H, W) in [0, 1]
first, second = data.TwoViews("simclr")(game_images, generator)
mixed = torch.randperm(6, generator=generator)

figure, axes = plt.subplots(2, 6, figsize=(11, 4))
for column in range(6):
    show(axes[0, column], first[column], str(column + 1))
    show(axes[1, column], second[mixed[column]], "ABCDEF"[column])
figure.suptitle("Every number has one letter: 6 pictures, 12 views")
viz.alt(figure, "Twelve small colourful picture crops: six numbered 1 to 6 above, six lettered A to F below.")

# %% [markdown]
# Write your guess: the letter for picture 1, then for picture 2, and so on. `?` means "no idea".

# %% tags=["use", "nbval-ignore-output"]
my_guess = "??????"

right_letters = "".join("ABCDEF"[mixed.tolist().index(number)] for number in range(6))
hits = sum(a == b for a, b in zip(my_guess.upper(), right_letters, strict=False))
print(f"You found {hits} of 6." + (f" The answer was {right_letters}." if "?" not in my_guess else ""))

# %% [markdown]
# What did you use? Mostly the thing in the picture: one part of it here, another part there. Where only background was left,
# perhaps a texture or a colour. This game is the whole idea of the lab. To win it for thousands of pictures, a network has to
# notice what stays the same when crop and colours change, and that is mostly *what is in the picture*. Nobody had to write a label.

# %% [markdown]
# ## 2 · Two views
#
# The game is only as good as its views. If both views are the same piece of the image, any two pixels give the pair
# away and nothing has to be learned. If all images of a batch are cut at the same place, the network sees less variety
# than it could. So every view of every image gets **its own random draw**.
#
# ### Exercise 3.1 · Two draws for every image (10 points, about 12 minutes)
#
# Cut two random square pieces out of every image and mirror each piece with probability 1/2.
# A piece has `size` rows and columns. Its upper left corner is drawn evenly from *all* places where the piece fits.
# Draw with the `generator` you are given: then a run can be repeated exactly.


# %% exercise="3.1" points=10 next="Next: your views, in pictures." off_limits=["course_lib.data", "torchvision.transforms", "kornia"]
# exercise 3.1
def two_views(images, size, generator):
    """Two random square crops of every image, each mirrored left-right with probability 1/2.

    images: (B, C, H, W), any dtype, not changed. size: side of the crop in pixels, at most H and W.
    generator: torch.Generator, the source of every random draw.
    Returns (view_1, view_2), each (B, C, size, size); row i of both comes from image i.
    """
    ### BEGIN SOLUTION
    count, _, height, width = images.shape

    def one_view():
        rows = torch.randint(0, height - size + 1, (count,), generator=generator)  # (B,)
        columns = torch.randint(0, width - size + 1, (count,), generator=generator)  # (B,)
        mirrored = torch.rand(count, generator=generator) < 0.5  # (B,)
        crops = []
        for image, row, column, mirror in zip(images, rows, columns, mirrored, strict=True):
            crop = image[:, row : row + size, column : column + size]  # (C, size, size)
            crops.append(crop.flip(-1) if mirror else crop)
        return torch.stack(crops)  # (B, C, size, size)

    return one_view(), one_view()
    ### END SOLUTION


# %% tags=["probe"] exercise="3.1"
def probe(answer, seed):
    """Every pixel says where it comes from (image, row, column), so each crop tells how it was drawn.

    Right answers draw different numbers, so only what all of them share comes back: counts and words.
    """
    import torch

    height, width, size = 10, 11, 8  # 3 places down, 4 across

    def views_of(images, number, noise=0):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(noise)  # an answer that draws from the global source shows itself
            return [view.clone() for view in answer(images, size, torch.Generator().manual_seed(number))]

    def coded(count):
        images = torch.zeros(count, 3, height, width)
        images[:, 0] = torch.arange(count).view(-1, 1, 1).float()
        images[:, 1] = torch.arange(height).view(1, -1, 1).float()
        images[:, 2] = torch.arange(width).view(1, 1, -1).float()
        return images

    def boxes(view):
        """Row, column and mirroring of every crop, and whether all are whole pieces of an image."""
        mirrored = view[:, 2, 0, 0] > view[:, 2, 0, -1]
        row, column = view[:, 1, 0, 0], torch.where(mirrored, view[:, 2, 0, -1], view[:, 2, 0, 0])
        steps = torch.arange(size).float()
        across = column.view(-1, 1) + torch.where(mirrored.view(-1, 1), steps.flip(0), steps)
        whole = bool((view[:, 1] == (row.view(-1, 1) + steps).unsqueeze(2)).all())
        return row, column, mirrored, whole and bool((view[:, 2] == across.unsqueeze(1)).all())

    def yes(condition):
        return "yes" if condition else "no"

    count = 1000
    images = coded(count)
    before = images.clone()
    views = views_of(images, seed, noise=1)
    values = {"number of views": float(len(views)), "shape of a view": "x".join(map(str, views[0].shape))}
    if any(tuple(view.shape) != (count, 3, size, size) for view in views):
        return values
    for name, view in zip(("view 1", "view 2"), views, strict=False):
        row, column, mirrored, whole = boxes(view)
        own = view[:, 0] == torch.arange(count).view(-1, 1, 1).float()
        values[f"{name}: row i shows image i"] = yes(own.all())
        values[f"{name}: every crop is one piece of its image"] = yes(whole)
        values[f"{name}: different corner rows"] = float(len(row.unique()))
        values[f"{name}: different corner columns"] = float(len(column.unique()))
        values[f"{name}: different draws in {count} crops"] = float(
            len(torch.stack([row, column, mirrored], 1).unique(dim=0))
        )
        edge = ((column == 0) | (column == width - size)).float().mean().item()
        values[f"{name}: outer columns as frequent as inner ones"] = yes(0.42 < edge < 0.58)
        values[f"{name}: some mirrored, some not"] = yes(0.42 < mirrored.float().mean().item() < 0.58)

    small = coded(3)
    pairs = [
        [boxes(view) for view in views_of(small, 1000 * seed + number, noise=10 + number)]
        for number in range(1, 25)
    ]
    values["mirrored in one of 24 small batches"] = yes(
        any(bool(view[2].any()) for pair in pairs for view in pair)
    )
    values["both views always from the same rows"] = yes(all(torch.equal(a[0], b[0]) for a, b in pairs))
    values["both views always from the same columns"] = yes(all(torch.equal(a[1], b[1]) for a, b in pairs))
    values["both views always mirrored alike"] = yes(all(torch.equal(a[2], b[2]) for a, b in pairs))
    again, other = views_of(images, seed, noise=2), views_of(images, seed + 1000, noise=1)
    values["same generator seed, same views"] = yes(all(map(torch.equal, again, views)))
    values["other generator seed, other views"] = yes(not all(map(torch.equal, other, views)))
    values["images stay as they were"] = yes(torch.equal(images, before))
    return values


# %% [markdown] tags=["hint"] exercise="3.1"
# Begin with one view of one image: which numbers do you have to draw? Then ask which of them must be drawn again for
# the next image, and which for the second view.

# %% [markdown] tags=["hint"] exercise="3.1"
# Every image needs its own slice, so a loop over the images is fine. How many places are there for a piece of 8 rows in
# an image of 10 rows? Count them on paper: 0, 1, 2. Now look up whether the upper limit of `torch.randint` is included.

# %% [markdown] tags=["hint"] exercise="3.1"
# Draw three vectors of length B (row, column, coin) for one view with `generator=generator`. Loop over images, slice,
# `flip(-1)` where the coin says so, `torch.stack`. Do all of this twice: draws that are shared between the views are a mistake.

# %% tags=["check"] exercise="3.1"
check("3.1", two_views)

# %% [markdown]
# Your views at work. We add a random change of colour from the library; the crops and mirrors are yours.


# %% tags=["train"]
def my_views(images, generator=None):
    """Your crops, then a random change of colour: what SimCLR and MoCo will be trained on."""
    generator = generator or torch.Generator().manual_seed(0)
    crops = two_views(data.as_float(images), CROP, generator)
    return [change_colour(crop, generator) for crop in crops]


def change_colour(images, generator):
    """Jitter brightness, contrast, saturation and hue; make one image in five grey."""
    images = data.augment.color_jitter(images, 0.4, 0.4, 0.4, 0.1, generator=generator)
    return data.augment.grayscale(images, 0.2, generator=generator)


generator = torch.Generator().manual_seed(5)
crops_1, crops_2 = two_views(game_images, CROP, generator)
views_1, views_2 = change_colour(crops_1, generator), change_colour(crops_2, generator)
rows = {
    "image": game_images,
    "your view 1": crops_1,
    "your view 2": crops_2,
    "view 1, new colours": views_1,
    "view 2, new colours": views_2,
}
figure, axes = plt.subplots(len(rows), 6, figsize=(9, 7.2))
for line, (name, pictures) in zip(axes, rows.items(), strict=True):
    for axis, picture in zip(line, pictures, strict=True):
        show(axis, picture)
    line[0].text(-0.15, 0.5, name, transform=line[0].transAxes, ha="right", va="center", fontsize=11)
figure.suptitle("Two draws per image: your crops, then new colours", y=0.94)
viz.alt(
    figure,
    "Six pictures in columns; below each its two crops, and the same crops with changed colours.",
)

# %% [markdown]
# Why change the colours at all? Here is a lazy player. It cannot see. It knows the average red, green and blue of a
# view, three numbers, and picks the second view whose average is nearest. Let it play with 200 pictures.

# %% tags=["train", "nbval-ignore-output"]
generator = torch.Generator().manual_seed(6)
images_200 = data.as_float(train.images[:200])
crops = two_views(images_200, CROP, generator)
coloured = [change_colour(crop, generator) for crop in crops]


def lazy_player(view_1, view_2):
    """Share of images whose own second view has the nearest average colour."""
    distance = torch.cdist(view_1.mean((2, 3)), view_2.mean((2, 3)))  # (B, B)
    return (distance.argmin(1) == torch.arange(len(distance))).float().mean().item()


lazy = {"guessing": 1 / 200, "crops": lazy_player(*crops), "crops + colour": lazy_player(*coloured)}
figure, axis = plt.subplots(figsize=(7, 2.6))
bars = axis.barh(list(lazy), [100 * value for value in lazy.values()], color=plt.cm.viridis([0.1, 0.45, 0.8]))
axis.bar_label(bars, fmt="%.1f", padding=3)
axis.set_xlim(0, max(100 * max(lazy.values()) * 1.15, 1))
axis.set_xlabel("own second view found (% of 200 images)")
axis.set_title(
    f"Three numbers find {100 * lazy['crops']:.1f} % of the pairs, {100 * lazy['crops + colour']:.1f} % once colours change"
)
viz.alt(
    figure,
    "Horizontal bars: share of pairs found by average colour for guessing, crops, and crops with colour change.",
)

# %% [markdown]
# A network is as lazy as this player whenever laziness pays. T. Chen et al. 2020 (arXiv:2002.05709, section 3.1 and Figure 6)
# saw the same on ImageNet: crops of one photo share their histogram of colours. Their best pair of augmentations was
# crop with colour distortion (Figure 5).

# %% [markdown]
# ## 3 · Who is similar to whom
#
# A network turns a view into a vector. To play the game we need one number for "how much do these two belong together".
# The usual choice is the **cosine similarity**, the product of the two vectors after each was brought to length 1:
#
# $$s(a, b) = \frac{a^\top b}{\lVert a\rVert\,\lVert b\rVert} \in [-1, 1]$$
#
# It is 1 for the same direction, 0 for a right angle, -1 for opposite directions. Length does not count, so a
# network cannot win by making its vectors long.
#
# ### Exercise 3.2 · All similarities at once (10 points, about 7 minutes)
#
# Two batches of vectors go in, the table of all their similarities comes out. No loop is needed.


# %% exercise="3.2" points=10 next="Next: whom a network with random weights finds similar." off_limits=["course_lib.losses", "sklearn"]
# exercise 3.2
def similarity(a, b):
    """Cosine similarity of every row of a with every row of b.

    a: (N, D), b: (M, D), float, rows of any length, neither is changed.
    Returns (N, M): entry (i, j) is s(a[i], b[j]). A row of zeros has similarity 0 to everything.
    """
    ### BEGIN SOLUTION
    return F.normalize(a, dim=1) @ F.normalize(b, dim=1).T
    ### END SOLUTION


# %% tags=["probe"] exercise="3.2"
def probe(answer, seed):
    """Rows of very different length, different numbers of rows, a row of zeros, and whether the inputs survive."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    a = torch.randn(5, 8, generator=generator) * torch.tensor([0.2, 1.0, 3.0, 7.0, 0.5]).view(-1, 1)
    b = torch.randn(7, 8, generator=generator) * 2 + 0.5
    before = a.clone(), b.clone()
    values = {"5 rows with 7 rows": answer(a, b).clone()}
    values["inputs"] = "unchanged" if torch.equal(a, before[0]) and torch.equal(b, before[1]) else "changed"
    square = torch.randn(6, 6, generator=generator)
    values["6 rows with themselves"] = answer(square.clone(), square.clone())
    zeros = answer(torch.zeros(1, 8), before[1].clone())
    values["a row of zeros"] = "not a number" if torch.isnan(zeros).any() else zeros
    return values


# %% [markdown] tags=["hint"] exercise="3.2"
# Two steps: bring every *row* to length 1, then multiply. After the first step, what is the sum of squares of a row?

# %% [markdown] tags=["hint"] exercise="3.2"
# For N rows of `a` and M rows of `b` the result has N rows and M columns. A product of (N, D) with (D, M) gives that.

# %% [markdown] tags=["hint"] exercise="3.2"
# `torch.nn.functional.normalize` brings vectors to length 1 and survives a row of zeros. Tell it which dimension holds
# the D numbers of one vector. For the product you need the second table transposed.

# %% tags=["check"] exercise="3.2"
check("3.2", similarity)

# %% [markdown]
# Now look at a network that has learned nothing: a small ResNet with random weights. We give it two views of 256 test
# images and ask your function who is similar to whom. The definition of contrastive learning is one line: the similarity
# of a **positive pair** (two views of one image) should be far above that of a **negative pair** (views of two images),
# $s(f(x), f(x^+)) \gg s(f(x), f(x^-))$. Far above, or not yet?


# %% tags=["train", "nbval-ignore-output"]
def new_encoder():
    """A small ResNet, the same random weights at every call."""
    torch.manual_seed(0)
    return models.resnet()


random_encoder = new_encoder()
pair_views = my_views(
    test.images[:256], torch.Generator().manual_seed(8)
)  # two views of the same 256 test images
OWN = torch.eye(256, dtype=torch.bool)  # where the positive pairs are in the table


def play(encoder, name):
    """Draw who is similar to whom for 256 pairs of views; return the mean positive and the mean negative similarity."""
    table = similarity(*(evaluate.embed(encoder, view) for view in pair_views))  # (256, 256)
    found = (table.argmax(1) == torch.arange(256)).sum().item()
    positive, negative = table[OWN].mean().item(), table[~OWN].mean().item()
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4))
    picture = left.imshow(table[:24, :24], cmap="cividis")
    figure.colorbar(picture, ax=left, label="similarity")
    left.set_xlabel("second view of image")
    left.set_ylabel("first view of image")
    left.set_title("the first 24 images")
    low = table.min().item()
    right.hist(
        table[~OWN].numpy(),
        bins=30,
        range=(low, 1),
        density=True,
        color=plt.cm.viridis(0.15),
        label="negative pairs",
    )
    right.hist(
        table[OWN].numpy(),
        bins=30,
        range=(low, 1),
        density=True,
        color=plt.cm.viridis(0.85),
        alpha=0.75,
        label="positive pairs",
    )
    right.axvline(negative, color=plt.cm.viridis(0.15), linestyle="--")
    right.axvline(positive, color=plt.cm.viridis(0.75), linestyle="--")
    right.legend(loc="upper left")
    right.set_xlabel("similarity")
    right.set_ylabel("density")
    right.set_title(f"mean {positive:.2f} against {negative:.2f}")
    figure.suptitle(f"{name}: own second view found for {found} of 256 images", y=1.02)
    viz.alt(
        figure,
        f"{name}: a table of similarities of 24 images, and histograms of positive and negative pairs.",
    )
    return positive, negative


gap_before = play(random_encoder, "Random network")

# %% [markdown]
# A random network is not blind: it passes on colours and edges, and some pairs share those. But the two histograms lie
# on top of each other. Pushing them apart is the job of the loss.

# %% [markdown]
# ## 4 · InfoNCE: one right answer among many
#
# Take one view as the question. Among B candidate second views one is its own. That is a classification with B classes,
# and the loss for it is the one you know: cross-entropy. The scores are the similarities divided by a **temperature**
# $\tau$, a small number that turns differences in similarity into large differences in probability:
#
# $$\mathcal L = -\frac1B\sum_{i=1}^{B}\log\frac{\exp(s(q_i,k_i)/\tau)}{\sum_{j=1}^{B}\exp(s(q_i,k_j)/\tau)}$$
#
# $q_i$ (query) is a first view, $k_i$ (key) the second view of the same image, and the keys of the other images are the
# negatives. The loss is called **InfoNCE** (van den Oord et al. 2018, arXiv:1807.03748, eq. 4). Their score is a learned
# bilinear one; cosine over temperature is the form that SimCLR and MoCo use.
#
# ### Exercise 3.3 · InfoNCE (15 points, about 12 minutes)
#
# This exercise, 3.4 and 3.5 may call your `similarity`. Get 3.2 right first: its mistakes would show up here as mistakes
# of the loss.
#
# Only this direction: each query looks for its key. `log` is the natural logarithm.
# One trap: $\exp$ of a large number is infinite in float32. The loss has to survive $\tau = 0.005$.


# %% exercise="3.3" points=15 next="Next: your loss as a thermometer." off_limits=["course_lib.losses", "lightly", "pytorch_metric_learning"]
# exercise 3.3
def info_nce(query, key, temperature):
    """InfoNCE of each query against all keys of the batch, averaged over the queries.

    query, key: (B, D), rows of any length; key[i] belongs to query[i], the other keys are negatives.
    temperature: positive number. Returns a scalar tensor; gradient flows into query and key.
    Tensors that you make yourself go where the input is: device=query.device.
    """
    ### BEGIN SOLUTION
    scores = similarity(query, key) / temperature  # (B, B), the right answer of row i is column i
    return F.cross_entropy(scores, torch.arange(len(query), device=query.device))
    ### END SOLUTION


# %% tags=["probe"] exercise="3.3"
def probe(answer, seed):
    """Random pairs, a collapsed batch, a temperature at which exp overflows, and where the gradient goes."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    query = (3 * torch.randn(8, 5, generator=generator)).requires_grad_()
    key = (query.detach() * 0.2 + torch.randn(8, 5, generator=generator)).requires_grad_()
    loss = answer(query, key, 0.2)
    values = {"loss of 8 random pairs": loss}
    if isinstance(loss, torch.Tensor) and loss.numel() == 1 and loss.requires_grad:
        loss.backward()
    for name, side in (("query", query), ("key", key)):
        values[f"gradient of {name}"] = "no gradient" if side.grad is None else side.grad.clone()
    same = torch.ones(6, 4)
    values["loss when all vectors are equal (6 pairs)"] = answer(same, same.clone(), 0.5)
    cold = [torch.randn(8, 5, generator=generator) for _ in range(2)]
    cold = torch.as_tensor(answer(*cold, 0.005))
    values["loss at temperature 0.005"] = "not a finite number" if not torch.isfinite(cold).all() else cold
    return values


# %% [markdown] tags=["hint"] exercise="3.3"
# Every exponent in the formula is an entry of the table of exercise 3.2, divided by the temperature. Where in the table
# are the right answers?

# %% [markdown] tags=["hint"] exercise="3.3"
# Row i asks "which key is mine?". So the sum of the denominator runs over a row, and the positive is part of the sum.
# Average over the B rows at the end.

# %% [markdown] tags=["hint"] exercise="3.3"
# `F.cross_entropy(scores, target)` computes exactly this from the scores (before any `exp`) and, for each row, the number
# of the right column. It subtracts the largest score first, so nothing overflows. Which `target` do you need?

# %% tags=["check"] exercise="3.3"
check("3.3", info_nce)

# %% [markdown]
# ### A thermometer for a stuck loss
#
# Before training, learn to read this number. If the network gives the same vector for every image it has **collapsed**:
# all B answers look equally likely and the loss is $-\log\frac1B = \ln B$. A run that sits at $\ln B$ is telling you
# something. Let your loss measure four kinds of vectors for 256 pairs.

# %% tags=["train", "nbval-ignore-output"]
with torch.no_grad():
    kinds = {
        "collapsed: all equal": (torch.ones(256, 8), torch.ones(256, 8)),
        "no relation: random vectors": tuple(
            torch.randn(2, 256, 96, generator=torch.Generator().manual_seed(0))
        ),
        "average colour of the views": tuple(view.mean((2, 3)) - 0.5 for view in pair_views),
        "random network": tuple(evaluate.embed(random_encoder, view) for view in pair_views),
        "perfect: pairs equal, others at right angles": (torch.eye(256), torch.eye(256)),
    }
    levels = {name: float(info_nce(*pair, 0.1)) for name, pair in kinds.items()}

figure, axis = plt.subplots(figsize=(9, 3.2))
axis.axvline(math.log(256), color="black", linestyle="--", zorder=0)
axis.text(
    math.log(256), 1.02, f"ln 256 = {math.log(256):.2f}", ha="center", transform=axis.get_xaxis_transform()
)
bars = axis.barh(list(levels), list(levels.values()), color=plt.cm.viridis(0.45))
for label in axis.bar_label(bars, fmt="%.2f", padding=4):
    label.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1})
axis.set_xlim(0, max(levels.values()) * 1.12)
axis.set_xlabel("InfoNCE, 256 pairs, temperature 0.1 (nats)")
worse = sum(value > math.log(256) + 1e-3 for value in levels.values())
axis.set_title(f"Collapse sits exactly on ln B; {worse} of {len(levels)} are even worse than that", pad=22)
viz.alt(
    figure, "Bars of the InfoNCE loss for five kinds of vectors with a dashed line at the logarithm of 256."
)
display(
    Markdown(
        "Worse than $\\ln B$ is possible: collapsed vectors do not know the answer, but vectors that are *sure of a wrong one* "
        "pay more.\n\n"
        f"A second way to read it: $\\ln B - \\mathcal L$ is a lower bound on the **mutual information** of the two views, "
        f"how much one view tells about the other (van den Oord et al. 2018, section 2.3). The random network, estimated from these "
        f"256 pairs: at least {max(0, math.log(256) - levels['random network']):.2f} nats. No loss is below 0, so with 256 candidates the bound can never "
        f"say more than ln 256 = {math.log(256):.2f}. To measure more, or to be asked harder questions, you need more negatives."
    )
)

# %% [markdown]
# ## 5 · SimCLR
#
# With B images there are 2B views. In InfoNCE above only the first views ask, and only second views are candidates.
# **NT-Xent** (normalised temperature-scaled cross-entropy; T. Chen et al. 2020, Algorithm 1) lets *every* view ask, and
# *all* other views are candidates, also those of its own half of the batch:
#
# $$\ell(i,j) = -\log\frac{\exp(s_{ij}/\tau)}{\sum_{k=1}^{2B}\mathbb 1_{[k\neq i]}\exp(s_{ik}/\tau)},\qquad
# \mathcal L = \frac1{2B}\sum_{\text{pairs }(i,j)}\ell(i,j)+\ell(j,i)$$
#
# The sign $\mathbb 1_{[k\neq i]}$ is small and expensive to forget. Look at the table for four images. Each row is a question.
# One cell in a row is the view itself, one is its partner, the rest are negatives.

# %% tags=["figure"]
B = 4
roles = torch.full((2 * B, 2 * B), 1.0)
for i in range(2 * B):
    roles[i, i] = 0.0  # the view itself
    roles[i, (i + B) % (2 * B)] = 2.0  # its partner: the first B rows are view 1, the last B rows view 2
figure, axis = plt.subplots(figsize=(5.4, 5.2))
axis.imshow(roles, cmap="cividis")
words = {0.0: ("self", "white"), 1.0: ("neg", "white"), 2.0: ("POS", "black")}
for i in range(2 * B):
    for j in range(2 * B):
        word, colour = words[roles[i, j].item()]
        axis.text(j, i, word, ha="center", va="center", color=colour, fontsize=9)
names = [f"{'abcd'[i % B]}{1 + i // B}" for i in range(2 * B)]
axis.set_xticks(range(2 * B), names)
axis.set_yticks(range(2 * B), names)
axis.set_xlabel("candidate (letter: image, number: view)")
axis.set_ylabel("question")
axis.set_title(f"{B} images: each of {2 * B} views has 1 positive and {2 * B - 2} negatives")
viz.alt(
    figure, "An 8 by 8 table: self on the diagonal, the positive four cells away, negatives everywhere else."
)
del B  # an answer has to find its own B

# %% [markdown]
# ### Exercise 3.4 · NT-Xent (20 points, about 18 minutes)
#
# `z1` holds the first views, `z2` the second views of the same B images. Stack them, and the picture above tells you where the
# partner of row i is. Survive $\tau = 0.005$ here, too.
# (Algorithm 1 numbers the views 2k-1, 2k: partners are neighbours there. Here they are B rows apart.)


# %% exercise="3.4" points=20 next="Next: one minute of SimCLR with your loss." off_limits=["course_lib.losses", "lightly", "pytorch_metric_learning"]
# exercise 3.4
def nt_xent(z1, z2, temperature=0.5):
    """NT-Xent of Algorithm 1 in T. Chen et al. 2020: every view looks for its partner among all other views.

    z1, z2: (B, D), rows of any length; row i of both comes from image i.
    temperature: positive number. Returns a scalar tensor, the mean over all 2B views.
    Tensors that you make yourself go where the input is: device=z1.device.
    """
    ### BEGIN SOLUTION
    count = len(z1)
    z = torch.cat([z1, z2])  # (2B, D)
    scores = similarity(z, z) / temperature  # (2B, 2B)
    itself = torch.eye(2 * count, dtype=torch.bool, device=z.device)
    scores = scores.masked_fill(itself, float("-inf"))  # exp(-inf) = 0: no view is its own negative
    partner = torch.arange(2 * count, device=z.device).roll(count)  # B, ..., 2B-1, 0, ..., B-1
    return F.cross_entropy(scores, partner)
    ### END SOLUTION


# %% tags=["probe"] exercise="3.4"
def probe(answer, seed):
    """Random pairs, a collapsed batch, perfect pairs, a very low temperature, and where the gradient goes."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    z1 = (3 * torch.randn(6, 5, generator=generator)).requires_grad_()
    z2 = (z1.detach() * 0.2 + torch.randn(6, 5, generator=generator)).requires_grad_()
    loss = answer(z1, z2, 0.2)
    values = {"loss of 6 random pairs": loss}
    if isinstance(loss, torch.Tensor) and loss.numel() == 1 and loss.requires_grad:
        loss.backward()
    for name, side in (("z1", z1), ("z2", z2)):
        values[f"gradient of {name}"] = "no gradient" if side.grad is None else side.grad.clone()
    same = torch.ones(5, 4)
    values["loss when all vectors are equal (5 pairs)"] = answer(same, same.clone(), 0.5)
    values["loss of perfect pairs (4 pairs)"] = answer(torch.eye(4), 2 * torch.eye(4), 0.5)
    cold = [torch.randn(6, 5, generator=generator) for _ in range(2)]
    cold = torch.as_tensor(answer(*cold, 0.005))
    values["loss at temperature 0.005"] = "not a finite number" if not torch.isfinite(cold).all() else cold
    return values


# %% [markdown] tags=["hint"] exercise="3.4"
# Stack the views to (2B, D) and make the (2B, 2B) table of similarities. Each row is one question, just as in 3.3. What must
# be different: which column is right, and which column must not take part at all?

# %% [markdown] tags=["hint"] exercise="3.4"
# A candidate takes no part when its `exp` is 0. Which score gives `exp(score) = 0`? It is not 0. Only the view itself is
# taken out; the positive stays in the sum.

# %% [markdown] tags=["hint"] exercise="3.4"
# `scores.masked_fill(mask, value)` with a mask from `torch.eye(..., dtype=torch.bool)` takes care of the diagonal. For
# B = 4 the right columns of rows 0 to 7 are 4, 5, 6, 7, 0, 1, 2, 3. Then `F.cross_entropy`, whose mean already runs over 2B rows.

# %% tags=["check"] exercise="3.4"
check("3.4", nt_xent)

# %% [markdown]
# The thermometer for this loss: a collapsed network has 2B - 1 equally likely candidates.

# %% tags=["train"]
for batch in (2, 64, 256):
    flat = torch.ones(batch, 16)
    print(
        f"B = {batch:3d}: all vectors equal {float(nt_xent(flat, flat)):.4f}   ln(2B-1) = {math.log(2 * batch - 1):.4f}"
    )

# %% [markdown]
# ### One minute of SimCLR, with your views and your loss
#
# image → encoder → $h$ → projector → $z$ → your loss. The **projector** is a small network that is thrown away
# afterwards. What is kept is the encoder. The curve is yours: where does it start, compared with the collapsed value?
#
# Beside the loss, `fit` draws two numbers about $h$ that need no labels. **Feature std** is the spread of the directions: 0 when
# all images get the same one (collapsed), at most 1. **Effective rank** says how many directions the features use
# (Garrido et al. 2023, arXiv:2210.02885, eq. 1).

# %% tags=["train", "nbval-ignore-output"]
simclr = methods.SimCLR(
    new_encoder(), loss_function=nt_xent, views=my_views, temperature=0.2, learning_rate=6e-3
)
simclr_run = fit(simclr, train, profile=lab.profile)


def advise(run, line):
    """Say what to do when a slow machine made too few steps to learn from."""
    if lab.profile == "quick" and run.steps < 150:
        print(
            f"Only {run.steps} steps fitted into the time, too few to see much. Train longer: write "
            f"`{line}` in this cell and run it again. Give SimCLR and MoCo the same time."
        )


advise(simclr_run, "simclr_run = fit(simclr, train, minutes=3)")

# %% [markdown]
# A falling loss proves nothing about what was learned: the task could be solved by a shortcut. So play the game again. It is
# measured on $h$, whose entries are never negative, so no similarity here is below 0; the loss worked on $z$.
# Then ask a **linear probe**: freeze the network, and fit one linear layer that reads the kind of object from the features.
# It measures how easily the answer can be read off. The labels appear here for the first time.

# %% tags=["train", "nbval-ignore-output"]
gap_after = play(simclr.encoder, "SimCLR")
display(
    Markdown(
        f"Mean positive minus mean negative similarity: **{gap_before[0] - gap_before[1]:.2f}** with random weights, "
        f"**{gap_after[0] - gap_after[1]:.2f}** after training. That difference is the definition of contrastive learning, measured."
    )
)

# %% tags=["train", "nbval-ignore-output"]
SHOWN = 5000  # labelled images for probe and k-NN
shown_labels, test_labels = train.labels[:SHOWN], test.labels


def features_of(encoder):
    """Features of the labelled and of the test images, each (N, width)."""
    return evaluate.embed(encoder, train.images[:SHOWN]), evaluate.embed(encoder, test.images)


def probe_accuracy(features):
    """Linear probe: share of test images whose kind a linear layer reads correctly, in percent."""
    return 100 * evaluate.linear_probe(features[0], shown_labels, features[1], test_labels).accuracy


features = {"random": features_of(random_encoder), "SimCLR": features_of(simclr.encoder)}
probe_results = {name: probe_accuracy(pair) for name, pair in features.items()}
gain = probe_results["SimCLR"] - probe_results["random"]
seconds = simclr_run.history["seconds"].iloc[-1]
chance = 100 * test_labels.bincount().max().item() / len(test_labels)

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.8))
batch_size = simclr_run.settings["batch_size"]
stuck = math.log(2 * batch_size - 1)
left.plot(simclr_run.history["seconds"], simclr_run.history["loss"], color=plt.cm.viridis(0.4))
left.axhline(stuck, color="black", linestyle="--")
left.text(seconds, stuck, f"collapsed: ln(2B-1) = {stuck:.2f}", va="bottom", ha="right")
left.set_ylim(top=stuck + 0.15 * (stuck - simclr_run.history["loss"].min()))
left.set_xlabel("time (s)")
left.set_ylabel("NT-Xent (nats)")
left.set_title("your loss")
bars = right.bar(list(probe_results), list(probe_results.values()), color=plt.cm.viridis([0.15, 0.6]))
right.bar_label(bars, fmt="%.1f", padding=2)
right.axhline(chance, color="black", linestyle=":", label="always the most frequent kind")
right.set_ylim(0, 1.25 * max(probe_results.values()))
right.legend(loc="upper left", frameon=False)
right.set_ylabel("linear probe, test accuracy (%)")
right.set_title("what can be read off")
figure.suptitle(
    f"{seconds:.0f} s of SimCLR: {gain:+.1f} points over the same network with random weights", y=1.02
)
viz.alt(
    figure,
    "Left: the NT-Xent loss over time against its collapsed value. Right: probe accuracy of random and SimCLR.",
)

# %% [markdown]
# ## 6 · Ask the neighbours
#
# A linear probe trains something. **k-NN** (k nearest neighbours) trains nothing: a test image looks at the k most similar training images, and they
# vote for their own class. A close neighbour should count more, so a vote has the weight
# $\exp(s/\tau)$ (Wu et al. 2018, arXiv:1805.01978, section 3.4).
#
# ### Exercise 3.5 · Weighted k-NN (10 points, about 10 minutes)


# %% exercise="3.5" points=10 next="Next: the neighbours that your network finds." off_limits=["course_lib.evaluate", "sklearn"]
# exercise 3.5
def knn(train_features, train_labels, test_features, k=20, temperature=0.07):
    """Class of every test row by a weighted vote of its k most similar training rows.

    train_features: (N, D), train_labels: (N,) int64, classes 0 to C-1, some may not occur;
    test_features: (M, D). Similarity is the cosine, a vote weighs exp(similarity / temperature).
    Returns (M,) int64: the class with the largest sum of weights.
    """
    ### BEGIN SOLUTION
    near = similarity(test_features, train_features).topk(k, dim=1)  # values, indices: (M, k)
    weights = (near.values / temperature).exp()  # (M, k)
    votes = torch.zeros(len(test_features), int(train_labels.max()) + 1)  # (M, C)
    votes.scatter_add_(1, train_labels[near.indices], weights)
    return votes.argmax(1)
    ### END SOLUTION


# %% tags=["probe"] exercise="3.5"
def probe(answer, seed):
    """Noisy clusters with rows of different length, a class that never occurs, and few against many neighbours."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    classes = torch.tensor([0, 1, 2, 4, 5, 7])  # 3 and 6 do not occur
    centres = torch.randn(8, 6, generator=generator)
    labels = classes[torch.randint(0, 6, (150,), generator=generator)]
    features = centres[labels] + 1.3 * torch.randn(150, 6, generator=generator)
    features = features * torch.exp(1.5 * torch.randn(150, 1, generator=generator))
    queries = (
        1.0 * torch.randn(200, 6, generator=generator)
        + 0.5 * centres[classes[torch.randint(0, 6, (200,), generator=generator)]]
    )
    values = {}
    for k, temperature in ((9, 0.2), (30, 0.07), (1, 0.07)):
        predicted = answer(features.clone(), labels.clone(), queries.clone(), k, temperature)
        values[f"classes of 200 rows, k = {k}, temperature {temperature}"] = predicted
    return values


# %% [markdown] tags=["hint"] exercise="3.5"
# Three steps: the table of similarities between test rows and training rows; in each row the k largest; a vote among their labels.

# %% [markdown] tags=["hint"] exercise="3.5"
# `topk` gives the largest values *and* their positions. The positions are not classes: use them to look up the labels.

# %% [markdown] tags=["hint"] exercise="3.5"
# Keep a table `votes` of zeros with one row per test image and one column per class. `votes.scatter_add_(1, classes, weights)`
# adds each weight to the column of its class. Or loop over the classes and sum `weights * (neighbour_labels == c)`.

# %% tags=["check"] exercise="3.5"
check("3.5", knn)

# %% tags=["train", "nbval-ignore-output"]


def knn_accuracy(pair):
    """Accuracy of your k-NN on the test images, in percent."""
    return 100 * (knn(pair[0], shown_labels, pair[1]) == test_labels).float().mean().item()


knn_results = {name: knn_accuracy(pair) for name, pair in features.items()}
asked = [int((test_labels == kind).nonzero()[0]) for kind in range(4)]  # the first test image of four kinds
figure, axes = plt.subplots(4, 11, figsize=(12, 5))
right_kind = {"random": 0, "SimCLR": 0}
for line, query in zip(axes, asked, strict=True):
    show(line[0], data.as_float(test.images[query]))
    line[0].set_title(train.classes[test_labels[query]] + "?", fontsize=9)
    for offset, name in ((1, "random"), (6, "SimCLR")):
        nearest = similarity(features[name][1][query : query + 1], features[name][0])[0].topk(5).indices
        for axis, neighbour in zip(line[offset : offset + 5], nearest, strict=True):
            same = bool(shown_labels[neighbour] == test_labels[query])
            right_kind[name] += same
            show(axis, data.as_float(train.images[neighbour]))
            weight, colour = ("bold", "black") if same else ("normal", "0.5")
            axis.set_title(
                train.classes[shown_labels[neighbour]], fontsize=9, fontweight=weight, color=colour
            )
figure.text(0.37, 0.95, "nearest to a random network", ha="center", fontsize=12)
figure.text(0.73, 0.95, "nearest to SimCLR", ha="center", fontsize=12)
figure.suptitle(
    f"k-NN accuracy {knn_results['random']:.1f} % -> {knn_results['SimCLR']:.1f} %. "
    f"Of these 20 neighbours each, {right_kind['random']} and {right_kind['SimCLR']} are of the right kind (bold)",
    y=1.03,
)
viz.alt(
    figure,
    "Four test images, each with its five nearest training images for a random network and for SimCLR.",
)

# %% [markdown]
# ### What the temperature does
#
# In the gradient of the loss each negative pushes with the weight that the softmax gives it. So the temperature decides
# *who* pushes: with a high one everybody a little, with a low one only the most similar negatives. Take the features you trained,
# and let your similarity show it.

# %% tags=["train", "nbval-ignore-output"]
one_view = evaluate.embed(simclr.encoder, pair_views[0])  # (256, width)
table = similarity(one_view, one_view)[~OWN].view(256, 255)  # negatives of each of 256 images
hardest = 13  # about 5 % of 255
figure, axis = plt.subplots(figsize=(8, 4))
shares = {}
for position, tau in enumerate((0.02, 0.1, 0.2, 0.5, 1.0)):
    push = (table / tau).softmax(1).sort(1, descending=True).values.mean(0)  # (255,) most similar first
    shares[tau] = 100 * push[:hardest].sum().item()
    axis.plot(
        torch.arange(1, 256),
        100 * push.cumsum(0),
        color=plt.cm.viridis(position / 4.6),
        label=f"temperature {tau}",
    )
axis.set_xscale("log")
axis.axvline(hardest, color="black", linestyle=":")
axis.set_xlabel("number of negatives, most similar first")
axis.set_ylabel("share of the push (%)")
axis.legend(loc="lower right")
axis.set_title(
    f"The {hardest} hardest of 255 negatives do {shares[0.02]:.0f} % of the pushing at 0.02, {shares[1.0]:.0f} % at 1.0"
)
viz.alt(
    figure, "Cumulative share of the push over negatives ordered by similarity, one curve per temperature."
)

# %% [markdown]
# **Think about it** (no points, good for a discussion):
#
# 1. The most similar negatives of a fish are often other fish. What does a very low temperature do to them, and would you want that?
# 2. With a batch of B images each view has 2B - 2 negatives. T. Chen et al. 2020 found that large batches help most when training is short
#    (Figure 9). Which number in the thermometer cell of part 4 grows with B, and why could that help?
# 3. To check your answer you may train again: `methods.SimCLR(new_encoder(), loss_function=nt_xent, views=my_views, temperature=...)`
#    and `fit(..., batch_size=...)`. One run per setting is not a measurement. How many would you want?

# %% [markdown]
# ## 7 · MoCo: negatives from the past
#
# In SimCLR the number of negatives is tied to the batch, and the batch to the memory of the machine. **MoCo** (momentum
# contrast; He et al. 2020, arXiv:1911.05722) unties them. It keeps the keys of earlier batches in a **queue** and uses
# them as negatives again. They need no second pass through the network, only storage and a product with each query.
#
# There is a catch. Old keys were made by older weights. If the network that makes the keys changes quickly, the queue holds vectors
# of many different networks, and comparing with them makes no sense. So keys come from a **teacher**: a copy of the encoder that
# follows slowly.
#
# ```
# view 1 -> student -> query ---------------------------\
# view 2 -> teacher -> key (no gradient) -> positive ----> loss
#                          queue of older keys -> negatives /
# then:  teacher <- m * teacher + (1 - m) * student,     queue <- newest keys
# ```
#
# ### Exercise 3.6 · The teacher follows (10 points, about 8 minutes)
#
# $$\theta_{\text{teacher}} \leftarrow m\,\theta_{\text{teacher}} + (1-m)\,\theta_{\text{student}}$$
#
# This holds for the **parameters** (He et al. 2020, eq. 2). A network also has **buffers** (`module.buffers()`): batch norm keeps a running
# mean, a running variance and a count of batches. The paper's code leaves them to the teacher's own batches. In this exercise copy the
# student's as they are, so that m = 0 makes an exact copy. No gradient may be recorded: the teacher is never trained, and a graph that
# grows with every step fills the memory.


# %% exercise="3.6" points=10 next="Next: your teacher follows a student." off_limits=["course_lib.methods", "torch.optim.swa_utils", "lightly"]
# exercise 3.6
def momentum_update(teacher, student, momentum):
    """Move the teacher a little towards the student, in place.

    teacher, student: two modules of the same architecture; the student is not changed.
    momentum: m in [0, 1]; 1 leaves the teacher's parameters as they are, 0 copies the student's.
    Parameters become m * teacher + (1 - m) * student, buffers become copies of the student's. No gradient is recorded.
    """
    ### BEGIN SOLUTION
    with torch.no_grad():
        for slow, fast in zip(teacher.parameters(), student.parameters(), strict=True):
            slow.mul_(momentum).add_(fast, alpha=1 - momentum)
        for slow, fast in zip(teacher.buffers(), student.buffers(), strict=True):
            slow.copy_(fast)
    ### END SOLUTION


# %% tags=["probe"] exercise="3.6"
def probe(answer, seed):
    """A small network with batch norm: one step, three steps, and what else was touched."""
    import torch

    generator = torch.Generator().manual_seed(seed)

    def network():
        module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 2))
        with torch.no_grad():
            for value in [*module.parameters(), module[1].running_mean]:
                value.copy_(torch.randn(value.shape, generator=generator))
            module[1].running_var.copy_(torch.rand(4, generator=generator) + 0.5)
        return module

    teacher, student = network(), network()
    student[1].num_batches_tracked.fill_(40)
    teacher[1].num_batches_tracked.fill_(3)
    teacher.requires_grad_(False)  # as in MoCo: no optimiser ever sees the teacher
    before = {name: value.clone() for name, value in student.state_dict().items()}
    answer(teacher, student, 0.9)
    graph = any(value.grad_fn is not None or value.requires_grad for value in teacher.parameters())
    values = {"teacher records a gradient": "yes" if graph else "no"}
    values.update(
        {
            f"teacher {name} after one step": value.detach().clone()
            for name, value in teacher.state_dict().items()
        }
    )
    kept = all(torch.equal(value, before[name]) for name, value in student.state_dict().items())
    values["student"] = "unchanged" if kept else "changed"
    with torch.no_grad():
        held = {name: value.clone() for name, value in teacher.state_dict().items()}
        for value in list(student.parameters()) + list(student.buffers()):
            value.add_(1)
    alone = all(torch.equal(value, held[name]) for name, value in teacher.state_dict().items())
    values["teacher when the student moves on"] = "stays" if alone else "moves along (shared memory)"
    answer(teacher, student, 0.5)
    answer(teacher, student, 0.99)
    values["teacher 0.weight after three steps"] = teacher[0].weight.detach().clone()
    return values


# %% [markdown] tags=["hint"] exercise="3.6"
# Loop over the parameters of both networks in step (`zip`). With m = 0.9, which of the two keeps 90 % of its say?

# %% [markdown] tags=["hint"] exercise="3.6"
# `value = ...` in a loop only gives a new meaning to the name `value`; the network does not notice. You have to write *into* the tensor,
# with a method that ends in an underscore: `mul_`, `add_`, `lerp_`, `copy_`.

# %% [markdown] tags=["hint"] exercise="3.6"
# Switch recording off with `torch.no_grad()`. Then two loops: one over the parameters (shrink the teacher's, add the student's share), one over the
# buffers, where the student's numbers are copied.

# %% tags=["check"] exercise="3.6"
check("3.6", momentum_update)

# %% [markdown]
# Watch your teacher. The student is one number that drifts and shakes, as weights do under gradient noise.

# %% tags=["train"]
generator = torch.Generator().manual_seed(3)
steps = 600
walk = torch.linspace(0, 1, steps) + 0.15 * torch.randn(steps, generator=generator)  # drift + noise


def follow(momentum):
    """The teacher's only weight after each step, for a student that walks along `walk`."""
    student, teacher = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False).requires_grad_(False)
    teacher.weight.zero_()
    path = []
    for place in walk:
        with torch.no_grad():
            student.weight.fill_(place)
        momentum_update(teacher, student, momentum)
        path.append(teacher.weight.item())
    return torch.tensor(path)


figure, axis = plt.subplots(figsize=(9, 3.8))
axis.plot(walk, color="0.8", label="student")
shake, reached = {}, {}
for position, momentum in enumerate((0.9, 0.99, 0.999)):
    path = follow(momentum)
    shake[momentum] = path[300:].diff().std().item() / walk[300:].diff().std().item()
    reached[momentum] = 100 * path[-1].item()
    axis.plot(
        path, color=plt.cm.viridis(0.1 + 0.35 * position), linewidth=2, label=f"teacher, m = {momentum}"
    )
axis.set_xlabel("step")
axis.set_ylabel("weight")
axis.legend(loc="upper left")
axis.set_title(
    f"m = 0.99 shakes {1 / shake[0.99]:.0f} x less than the student; "
    f"m = 0.999 has come {reached[0.999]:.0f} % of the way",
    fontsize=11,
)
viz.alt(figure, "A noisy rising grey line, and three smooth lines that follow it with more and more delay.")

# %% [markdown]
# Smooth costs delay: the teacher looks back about 1/(1 - m) steps. He et al. 2020 take m = 0.999 and train 200 epochs of ImageNet
# in batches of 256, about a million steps.

# %% tags=["train", "nbval-ignore-output"]
MOMENTUM = 0.99 if simclr_run.steps >= 100 else 0.9
print(
    f"SimCLR made {simclr_run.steps} steps here. A teacher with m = 0.999 looks back 1,000 steps, with 0.99 it is 100, with 0.9 it is 10."
)
print(f"To look back further than the run is long makes no sense. So we take m = {MOMENTUM}.")

# %% [markdown]
# ### Exercise 3.7 · The queue (10 points, about 7 minutes)
#
# The queue is a table of K rows and a **pointer**, the row where the next keys go. New keys are written from the pointer on, and
# after the last row it goes on at row 0. So the keys that are replaced are always the oldest. That is called a ring buffer.
# K need not be a multiple of the batch size.


# %% exercise="3.7" points=10 next="Next: your queue over time." off_limits=["course_lib.methods", "lightly", "collections.deque"]
# exercise 3.7
def enqueue(queue, pointer, keys):
    """Write keys into the queue from row `pointer` on, around the end: row (pointer + i) mod K becomes keys[i].

    queue: (K, D), you may write into it. pointer: int in [0, K). keys: (B, D) with B <= K.
    Returns (queue, pointer): the queue with the new keys, without any gradient, and the row after the last one written.
    """
    ### BEGIN SOLUTION
    rows = (pointer + torch.arange(len(keys), device=queue.device)) % len(queue)  # (B,)
    queue[rows] = keys.detach()
    return queue, (pointer + len(keys)) % len(queue)
    ### END SOLUTION


# %% tags=["probe"] exercise="3.7"
def probe(answer, seed):
    """Four batches of 4 keys into a queue of 10 rows, around the end; then a batch that ends exactly at the end."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    queue, pointer, values = torch.randn(10, 3, generator=generator), 0, {}
    for step in range(1, 5):
        keys = torch.randn(4, 3, generator=generator).requires_grad_()
        around = step == 3  # from row 8 on: two keys fit, two go on at row 0
        try:
            queue, pointer = answer(queue, pointer, keys)
        except (RuntimeError, IndexError) as error:
            if not around or isinstance(error, NotImplementedError):
                raise
            values["a batch around the end is written without an error"] = "no"
            return values
        if around:
            values["a batch around the end is written without an error"] = "yes"
        values[f"queue after batch {step}"] = queue.detach().clone()
        values[f"pointer after batch {step}"] = float(pointer)
        values[f"gradient in the queue after batch {step}"] = "yes" if queue.requires_grad else "no"
        if not 0 <= float(pointer) < 10:
            return values
        queue, pointer = queue.detach(), int(pointer)
    queue, pointer = answer(torch.randn(10, 3, generator=generator), 6, torch.ones(4, 3))
    values["queue after 4 keys from row 6"] = queue.detach().clone()
    values["pointer after 4 keys from row 6"] = float(pointer)
    return values


# %% [markdown] tags=["hint"] exercise="3.7"
# Do it on paper: K = 10, pointer 8, four keys. Which four rows are written, and where does the pointer stand afterwards?

# %% [markdown] tags=["hint"] exercise="3.7"
# Rows 8, 9, 0 and 1 are written, then the pointer is 2. The operation that turns 10 into 0 and 11 into 1 is the remainder, `%`.

# %% [markdown] tags=["hint"] exercise="3.7"
# Make a tensor of the B row numbers (count up from the pointer, then the remainder) and use it as an index on the left side of an assignment.
# The keys come out of a network: `.detach()` gives the same numbers without the graph.

# %% tags=["check"] exercise="3.7"
check("3.7", enqueue)

# %% [markdown]
# Your queue over time: 64 rows, batches of 12 keys. The colour is the age of the key in a row; white rows were never written.

# %% tags=["train"]
places, batch, moments = 64, 12, 30
stamps, pointer, ages = torch.full((places, 1), float("nan")), 0, []
for moment in range(moments):
    stamps, pointer = enqueue(stamps, pointer, torch.full((batch, 1), float(moment)))
    ages.append(moment - stamps[:, 0])
ages = torch.stack(ages)  # (moments, places), nan: never written
oldest = int(ages[ages == ages].max())
figure, axis = plt.subplots(figsize=(9, 3.8))
picture = axis.imshow(ages, cmap="viridis", aspect="auto", interpolation="nearest")
figure.colorbar(picture, ax=axis, label="age of the key (steps)", ticks=range(oldest + 1))
axis.set_xlabel("row of the queue")
axis.set_ylabel("step")
axis.set_title(f"A queue of {places} with batches of {batch}: no key is older than {oldest} steps")
viz.alt(
    figure, "A table of steps against queue rows; stripes of young keys move to the right and around the end."
)

# %% [markdown]
# ### Exercise 3.8 · The loss of MoCo (15 points, about 7 minutes)
#
# Each query has one positive, its own key, and K negatives, the rows of the queue (He et al. 2020, eq. 1):
#
# $$\mathcal L_q = -\log\frac{\exp(q\cdot k^+/\tau)}{\exp(q\cdot k^+/\tau)+\sum_{k^-}\exp(q\cdot k^-/\tau)}$$
#
# All vectors are brought to length 1 first. The key comes from the teacher and the queue from the past: both are constants, so gradient goes
# into the query only. The other keys of the batch are *not* among the negatives. And the order matters: the loss is computed *before*
# the batch's keys enter the queue. What would happen otherwise?


# %% exercise="3.8" points=15 next="Next: MoCo, trained with your three functions." off_limits=["course_lib.losses", "lightly", "pytorch_metric_learning"]
# exercise 3.8
def moco(query, key, queue, temperature=0.07):
    """InfoNCE of each query against its own key and all rows of the queue, averaged over the batch.

    query, key: (B, D), queue: (K, D); rows of any length, none is changed. temperature: positive number.
    Returns a scalar tensor; gradient flows into query only.
    Tensors that you make yourself go where the input is: device=query.device.
    """
    ### BEGIN SOLUTION
    query, key, queue = (F.normalize(rows, dim=1) for rows in (query, key.detach(), queue.detach()))
    positive = (query * key).sum(1, keepdim=True)  # (B, 1)
    negative = query @ queue.T  # (B, K)
    scores = torch.cat([positive, negative], dim=1) / temperature  # (B, 1 + K), the right answer is column 0
    return F.cross_entropy(scores, torch.zeros(len(query), dtype=torch.long, device=query.device))
    ### END SOLUTION


# %% tags=["probe"] exercise="3.8"
def probe(answer, seed):
    """Random rows, a collapsed batch, perfect pairs, a very low temperature, and where the gradient goes."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    query = (3 * torch.randn(5, 6, generator=generator)).requires_grad_()
    key = (query.detach() * 0.3 + torch.randn(5, 6, generator=generator)).requires_grad_()
    queue = 2 * torch.randn(12, 6, generator=generator)
    before = queue.clone()
    loss = answer(query, key, queue, 0.2)
    values = {"loss of 5 queries, queue of 12": loss}
    if isinstance(loss, torch.Tensor) and loss.numel() == 1 and loss.requires_grad:
        loss.backward()
    for name, side in (("query", query), ("key", key)):
        values[f"gradient of {name}"] = "no gradient" if side.grad is None else side.grad.clone()
    values["queue"] = "unchanged" if torch.equal(queue, before) else "changed"
    flat = torch.ones(3, 4)
    values["loss when all vectors are equal (queue of 9)"] = answer(flat, flat.clone(), torch.ones(9, 4), 0.5)
    values["loss of perfect pairs (queue of 4)"] = answer(
        torch.eye(8)[:4], 3 * torch.eye(8)[:4], torch.eye(8)[4:], 0.5
    )
    parts = [torch.randn(rows, 6, generator=generator) for rows in (5, 5, 12)]
    cold = torch.as_tensor(answer(*parts, 0.005))
    values["loss at temperature 0.005"] = "not a finite number" if not torch.isfinite(cold).all() else cold
    return values


# %% [markdown] tags=["hint"] exercise="3.8"
# It is InfoNCE again, with 1 + K candidates for each query: one column for the positive and K columns for the queue. How do you get a
# (B, 1) column of products of row i with row i?

# %% [markdown] tags=["hint"] exercise="3.8"
# For the positive, multiply element by element and add up each row (keep the dimension). For the queue you need every query with every row:
# a matrix product. `torch.cat` puts columns side by side.

# %% [markdown] tags=["hint"] exercise="3.8"
# If the positive is the first column, the right answer of *every* row is column 0. Normalise all three inputs, and `detach()` the key before you use it.

# %% tags=["check"] exercise="3.8"
check("3.8", moco)

# %% [markdown]
# What goes wrong if the keys enter the queue first? Then every positive is in the queue as well, as a negative. Measure it with your own two functions:
# perfect pairs, all other keys at right angles, a low temperature. The loss should be 0.

# %% tags=["train"]
q, k_plus = torch.eye(16)[:4], torch.eye(16)[:4]
past = torch.eye(16)[4:12].clone()
before = float(moco(q, k_plus, past, 0.05))
past, _ = enqueue(past, 0, k_plus)
after = float(moco(q, k_plus, past, 0.05))
print(f"loss, then enqueue: {before:.4f}")
print(
    f"enqueue, then loss: {after:.4f}   (ln 2 = {math.log(2):.4f}: the query cannot tell its key from the copy in the queue)"
)

# %% [markdown]
# ### MoCo, with your three functions
#
# Same encoder, random start, views and time; a learning rate of its own, and as many steps as fit. K = 2,048 negatives from the queue.

# %% tags=["train", "nbval-ignore-output"]
moco_method = methods.MoCo(
    new_encoder(),
    queue_size=2048,
    momentum=MOMENTUM,
    temperature=0.2,
    learning_rate=3e-3,
    loss_function=moco,
    momentum_update=momentum_update,
    enqueue=enqueue,
    views=my_views,
)
moco_run = fit(moco_method, train, profile=lab.profile)
advise(moco_run, "moco_run = fit(moco_method, train, minutes=3)")

# %% [markdown]
# Why does this curve start low and rise first? The queue starts with random directions, which are easy negatives. After K/B steps
# (16 at batch 128) it holds only real keys, and those are harder to tell apart. From there on a falling loss means progress in the game.

# %% [markdown]
# ## 8 · What did they learn?
#
# Three networks, one architecture, one random start. The same labelled images for probe and k-NN, the same test images.
# The whiskers are 95 % intervals for the draw of *test images* only.

# %% tags=["train", "nbval-ignore-output"]
features["MoCo"] = features_of(moco_method.encoder)
probe_results["MoCo"] = probe_accuracy(features["MoCo"])
knn_results["MoCo"] = knn_accuracy(features["MoCo"])


def whisker(percent):
    """Half of the 95 % interval of an accuracy measured on the test images (normal approximation)."""
    share = percent / 100
    return 196 * math.sqrt(share * (1 - share) / len(test_labels))


names = ["random", "SimCLR", "MoCo"]
figure, axes = plt.subplots(1, 2, figsize=(10, 4), sharey=True)
for axis, title, result in zip(
    axes, ("linear probe", "your k-NN"), (probe_results, knn_results), strict=True
):
    heights = [result[name] for name in names]
    bars = axis.bar(
        names,
        heights,
        yerr=[whisker(value) for value in heights],
        capsize=4,
        color=plt.cm.viridis([0.15, 0.5, 0.8]),
    )
    axis.bar_label(bars, fmt="%.1f", padding=2)
    axis.set_ylim(0, 1.15 * max(probe_results.values()) + 5)
    axis.axhline(chance, color="black", linestyle=":")
    axis.set_title(title)
axes[0].set_ylabel(f"test accuracy, {len(train.classes)} kinds (%)")
minutes = [run.history["seconds"].iloc[-1] for run in (simclr_run, moco_run)]
figure.suptitle(
    f"SimCLR ({minutes[0]:.0f} s) {probe_results['SimCLR'] - probe_results['random']:+.1f} and MoCo ({minutes[1]:.0f} s) "
    f"{probe_results['MoCo'] - probe_results['random']:+.1f} points over random weights (probe)",
    y=1.02,
)
viz.alt(figure, "Bars of test accuracy for a random network, SimCLR and MoCo, by linear probe and by k-NN.")

gains = {name: probe_results[name] - probe_results["random"] for name in ("SimCLR", "MoCo")}
doubt = {name: math.hypot(whisker(probe_results[name]), whisker(probe_results["random"])) for name in gains}
clear = [name for name in gains if gains[name] > doubt[name]]
shown = (
    " and ".join(clear) + (" beat" if len(clear) == 2 else " beats")
    if clear
    else "Neither of the two clearly beats"
)
ahead = max(gains, key=gains.get)
apart = abs(gains["SimCLR"] - gains["MoCo"])
joint = math.hypot(whisker(probe_results["SimCLR"]), whisker(probe_results["MoCo"]))
display(
    Markdown(
        f"**What this shows.** {shown} the network with random weights. The gains are {gains['SimCLR']:+.1f} points (SimCLR) "
        f"and {gains['MoCo']:+.1f} points (MoCo), where test images alone explain differences up to about "
        f"{max(doubt.values()):.1f}. No label was used to train them; {len(shown_labels):,} were used to read the result.\n\n"
        f"**What it cannot show.** {ahead} is ahead by {apart:.1f} points in this run; test images alone explain up to "
        f"about {joint:.1f}. It is one run each, at {simclr_run.images_per_second:,.0f} and "
        f"{moco_run.images_per_second:,.0f} images per second, with {2 * batch_size - 2:,} and 2,048 negatives, on one "
        f"dataset ({DATASET}). Which method is better is a question for several seeds, tuned settings and hours. The losses do not "
        f"answer it either: SimCLR's collapsed value is {math.log(2 * batch_size - 1):.2f}, MoCo's ln(K+1) is "
        f"{math.log(2049):.2f}. They live on different scales."
    )
)

# %% [markdown]
# Published, for scale: ImageNet, ResNet-50, linear classifier on frozen features, from X. Chen et al. 2020
# (arXiv:2003.04297, Table 2). **MoCo v2** is MoCo with an MLP projector, stronger views and a cosine schedule.
#
# | method | epochs | batch | top-1 accuracy (%) |
# |---|---|---|---|
# | SimCLR | 200 | 256 | 61.9 |
# | SimCLR | 200 | 8192 | 66.6 |
# | MoCo v2 | 200 | 256 | 67.5 |
# | SimCLR | 1000 | 4096 | 69.3 |
# | MoCo v2 | 800 | 256 | 71.1 |
#
# This is the point of the queue: at batch 256 MoCo v2 stands where SimCLR needs 8192. Our batch is small for both, our queue short and our minute a minute,
# so do not expect the same gap here.
#
# **To take with you**
# - The game decides what is learned. Views that leave a shortcut teach the shortcut.
# - One idea, three losses: the right one among the batch (InfoNCE), among all views (NT-Xent), among a queue of the past (MoCo).
# - Know where your loss sits when nothing is learned: ln B, ln(2B-1), ln(K+1).
# - A loss that falls is not a network that has learned. Probe it, against the same network with random weights.
