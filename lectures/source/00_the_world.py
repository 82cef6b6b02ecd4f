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
# # The world of this course
# **Lecture 00.** A picture book that is drawn by a program. Nobody had to label it: whoever draws a picture knows
# what is in it. So every method of the course can be checked against complete ground truth, on a laptop, offline.
#
# | part | question |
# |---|---|
# | 1 | What is in the world? |
# | 2 | What can be switched? |
# | 3 | Which labels come with a picture? |
# | 4 | Which traps are built in on purpose? |
# | 5 | Is it fast, the same everywhere, and free of shortcuts? |

# %% slideshow={"slide_type": "skip"} tags=["setup"]
import hashlib
import time

import numpy as np
import pandas as pd
from IPython.display import Markdown, display

from course_lib.viz import alt, world_sheets
from course_lib.world import COLORS, KINDS, World, WorldConfig, WorldDataset

pd.set_option("display.max_colwidth", 100)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 1. What is in the world?
# The label of a picture is the kind of its main object, the nearest and largest one.

# %%
alt(
    world_sheets.kinds_sheet(),
    "Contact sheet: five scenes for each of the 18 kinds, from house to blossom. Colours, proportions, sky and "
    "ground differ within a kind; the shape stays recognisable.",
)

# %%
world = World(WorldConfig(size=48, seed=0))
scene = world.scene(6)
picture = world.render(scene).image

print(
    f"{len(KINDS)} kinds, {len(COLORS)} colours; scene 6 holds {len(scene.objects)} objects, nearest first:"
)
pd.DataFrame(
    {
        "kind": thing.kind,
        "color": thing.color,
        "size": round(thing.size, 2),
        "x, y": tuple(round(v, 2) for v in thing.position),
        "depth": round(thing.depth, 2),
    }
    for thing in scene.objects
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 2. What can be switched?
# Each switch is a field of `WorldConfig`.

# %%
alt(
    world_sheets.switches_sheet(),
    "One row for each switch: sizes 32, 48 and 96, sketch and textured style, no horizon, many objects, words, "
    "charts, and nuisance 0 and 1. Size, style and nuisance keep the objects; the other switches change the scene.",
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Styles
# The same scene can be drawn in three styles. A model that has seen only one of them can be asked about another.

# %%
alt(
    world_sheets.styles_sheet([6, 5, 11, 13, 37, 41]),
    "Six scenes drawn flat, as a pencil sketch and with patterns. Layout and objects are identical in the rows.",
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### The horizon
# Predicting a rotation is easy when the sky gives it away. Without the horizon one has to know the object; and
# for a ball or a flower seen from above there is nothing to know.

# %%
alt(
    world_sheets.way_up_sheet(),
    "House, ball and blossom in four rotations, first with a horizon and then without. With the horizon every "
    "rotation can be read off the sky; without it only the house shows which way is up.",
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 3. Which labels come with a picture?
# ### Pixels: masks, boxes, depth

# %%
book = World(WorldConfig(size=96, seed=0, min_objects=3, max_objects=5))
alt(
    world_sheets.labels_sheet(book, [0, 1]),
    "Two scenes, each with the picture, the masks of the visible parts in separate colours, tight boxes numbered "
    "from near to far, and a depth map in which the ground recedes towards the horizon.",
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Language: captions

# %%
scene = book.scene(1)
display(Markdown("\n".join(f"{n}. {text}" for n, text in enumerate(book.captions(scene), 1))))

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Language: phrases that refer

# %%
alt(
    world_sheets.phrases_sheet(book, 1),
    "One scene several times; in each copy the object that the phrase above it means is coloured.",
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Language: relations, negations, hard negatives
# A model that only counts words cannot tell a hard negative from the truth: the words are the same.

# %%
display(Markdown("**Relations and negations**"))
statements = book.relations(scene)[:4] + book.negations(scene)[:4]
display(pd.DataFrame({"sentence": s.text, "true": s.true} for s in statements))
display(Markdown("**Hard negatives**"))
forms = ("swapped attributes", "swapped roles")
pairs = [pair for form in forms for pair in book.hard_negatives(scene) if pair.form == form]
display(pd.DataFrame({"true": p.positive, "false": p.negative, "form": p.form} for p in pairs[:5]))

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Questions in four families

# %%
signs = World(WorldConfig(size=96, seed=0, words=True, charts=True))
asked = signs.scene(3)
figure = world_sheets.grid([[signs.image(asked)]], ["scene 3"], "A scene with a sign and a chart", width=4)
sign, chart = asked.words[0].text, dict(zip(asked.chart.colors, asked.chart.values, strict=True))
alt(figure, f"A scene with a sign that says {sign} and a small chart with the columns {chart}.")
questions = pd.DataFrame(
    {"family": q.category, "question": q.text, "answer": q.answer} for q in signs.questions(asked)
)
questions.groupby("family").head(3).sort_values("family").reset_index(drop=True)

# %%
families = [q.category for i in range(200) for q in signs.questions(signs.scene(i))]
print(pd.Series(families).value_counts().rename("questions in 200 scenes").to_string())

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Clips: what moves, and where to

# %%
films = World(WorldConfig(size=64, seed=0, max_objects=3))
chosen = [i for i in range(60) if "still" not in (motions := films.clip(i).motions) and len(motions) > 1]
alt(
    world_sheets.clip_sheet([films.clip(i) for i in chosen[:3]]),
    "Three clips of eight frames. The title of each names the motion of every object; arrows in the last frame "
    "run from where an object started to where it ended.",
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 4. Which traps are built in on purpose?
# ### A long tail

# %%
alt(
    world_sheets.tail_figure(WorldConfig(distribution="long_tail", imbalance=100.0)),
    "Number of scenes for each kind, logarithmic: the bars fall along a straight line, the stated exponential law.",
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Duplicates and leaks
# Web data repeats itself, and test pictures hide in the training data. Here both are planted, and reported.

# %%
dirty = WorldConfig(duplicates=0.2, leaks=0.2)
alt(
    world_sheets.copies_sheet(dirty),
    "Pairs of original and copy: exact duplicates, near duplicates with other light and noise, and the same for "
    "validation pictures that leaked from the training split.",
)
found = [World(dirty, "val").copy_of(i) for i in range(1000)]
reported = [
    "original" if c is None else f"{'leak' if c.split == 'train' else 'duplicate'}, {c.form}" for c in found
]
print(pd.Series(reported).value_counts().rename("of 1000 validation scenes").to_string())

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 5. Fast, the same everywhere, and free of shortcuts
# ### Fast

# %%
start = time.process_time()
for i in range(1500):
    world.image(world.scene(i))
seconds = time.process_time() - start
print(f"{1500 / seconds:,.0f} images a second of processor time, on one core of this machine")
data = {split: WorldDataset(None, split, 1500) for split in ("train", "test")}
print(f"drawn once, then mapped from a file: {data['train'].images.shape} {data['train'].images.dtype}")

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### The same everywhere
# Scene *i* of a config is the same bytes in every process and on every platform. A test holds it against a stored
# digest; the splits never share a scene.

# %%
for split in ("train", "val", "test"):
    own = World(WorldConfig(), split)
    digest = hashlib.blake2b(b"".join(own.image(own.scene(i)).tobytes() for i in range(100)), digest_size=8)
    print(f"{split:5s} first 100 pictures: {digest.hexdigest()}")

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Free of shortcuts
# If the mean colour gave the kind away, a network could score without seeing a shape. A linear classifier on the
# mean colour must stay near chance, and the nearest neighbour in pixels must not be good either.

# %%
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

(x, y), (x_test, y_test) = ((np.asarray(d.images, np.float32) / 255, d.labels) for d in data.values())
scale = StandardScaler().fit(x.mean((2, 3)))
color = LogisticRegression(max_iter=300).fit(scale.transform(x.mean((2, 3))), y)
pixels = KNeighborsClassifier(1).fit(x.reshape(len(x), -1), y)
print(f"chance                    {100 / len(KINDS):5.1f} %")
print(f"mean colour, linear       {100 * color.score(scale.transform(x_test.mean((2, 3))), y_test):5.1f} %")
print(f"pixels, nearest neighbour {100 * pixels.score(x_test.reshape(len(x_test), -1), y_test):5.1f} %")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Take it with you
# ```python
# from course_lib.world import World, WorldConfig, WorldDataset
#
# world = World(WorldConfig(size=48, seed=0))
# scene = world.scene(7)
# world.render(scene).masks          # (K, H, W) bool
# world.captions(scene)              # from short to dense
# world.questions(scene)             # .text .answer .category
# WorldDataset(WorldConfig(), "train", 20_000)[7]["image"]
# ```
# The same names work for real data: `course_lib.data.load("cifar-10")`.
