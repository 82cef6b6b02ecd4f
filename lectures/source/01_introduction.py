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
# # Learning without labels
# **Lecture 01.** A network that recognises objects usually learns from pictures that people have labelled.
# This course is about networks that learn from the pictures alone. Today: what labels cost, what the alternative
# is, and how to tell whether it works.
#
# | part | question |
# |---|---|
# | 1 | What does a label cost, and how often is it wrong? |
# | 2 | Two ways to pretrain a network: with labels and without |
# | 3 | The way through this course |
# | 4 | How to read a result, so that it cannot fool you |
#
# Every number in the text comes from the run above it, or carries its source.

# %% slideshow={"slide_type": "skip"} tags=["setup"]
import time

import numpy as np
import pandas as pd
import torch
from IPython.display import Markdown, display

import course_lib
from course_lib import data, evaluate, models, viz
from course_lib.data import ImageSet
from course_lib.evaluate import few_labels, t_interval
from course_lib.methods import SimCLR, Supervised
from course_lib.viz import course_map as course
from course_lib.viz import intro_figures as figures
from course_lib.viz import labelling
from course_lib.viz import result_figures as results
from course_lib.viz.flow import draw_flows
from course_lib.viz.labelling_explorer import explorer
from course_lib.world import KINDS, World, WorldConfig, WorldDataset
from course_lib.world.language import captions, relations

SIZE, SEEDS = 32, range(5)
started = time.perf_counter()


def say(text):
    display(Markdown(text))


def show(figure):
    viz.alt(figure, figure.alt_text)


# %% [markdown] slideshow={"slide_type": "slide"}
# ## 1 · What a label costs
# The pictures are drawn by the course itself, so the true label of each one is known. That makes it possible to
# *simulate* people who label, with all their mistakes, and to compare with the truth.

# %% slideshow={"slide_type": "-"}
train = data.load("world", "train", size=SIZE, length=5000)
test = data.load("world", "test", size=SIZE, length=2000)
classes, chance = len(train.classes), 1 / len(train.classes)
show(figures.contact_sheet(train.images[:18], [train.classes[label] for label in train.labels[:18]]))

# %% slideshow={"slide_type": "-"}
say(
    f"{len(train):,} pictures to learn from, {len(test):,} to measure with. The label is the kind of the main object, "
    f"one of {classes}. Guessing is right in {100 * chance:.1f} % of all cases: that is **chance**."
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### A learner that is quick to train
# We want to train hundreds of times in seconds. So part 1 uses no network: it counts in which direction the edges run
# in each of 16 cells of the picture (after Dalal & Triggs 2005), 128 numbers in all. A linear classifier in closed form
# sits on top. Its one setting, the penalty, is chosen on the training labels by leave-one-out.

# %% slideshow={"slide_type": "-"}
POOL = 4000  # pictures that can be labelled; the other 1,000 teach the annotators
truth, test_truth = np.asarray(train.labels)[:POOL], np.asarray(test.labels)
described = labelling.gradient_histograms(
    np.asarray(train.images[:POOL]), cells=4, directions=8
)  # (4000, 128)
test_described = labelling.gradient_histograms(np.asarray(test.images), cells=4, directions=8)


def learn(rows, labels):
    """Train on some pictures with the labels that were given; share of right answers on the test pictures."""
    learner = labelling.Ridge(described[rows]).fit(labels, classes)
    return float((learner.predict(test_described) == test_truth).mean())


# %% [markdown] slideshow={"slide_type": "slide"}
# ### "Labels are expensive, and some are always wrong"
# Two questions at once: how much does each further label help, and what does a wrong one do? A wrong label here is
# another class, drawn at random. Bands are 95 % intervals over five draws of pictures and mistakes.

# %% slideshow={"slide_type": "-"}
BUDGETS, RATES = (100, 200, 400, 800, 1600, 3200), (0.0, 0.1, 0.2, 0.4)
rows_of = []
for seed in SEEDS:
    generator = np.random.default_rng(seed)
    order = generator.permutation(POOL)
    for budget in BUDGETS:
        rows = order[:budget]
        learner = labelling.Ridge(described[rows])
        for rate in RATES:
            given = labelling.wrong_labels(truth[rows], rate, classes, generator)
            right = learner.fit(given, classes).predict(test_described) == test_truth
            rows_of.append({"labels": budget, "noise": rate, "seed": seed, "accuracy": right.mean()})
budget_table = pd.DataFrame(rows_of)
show(figures.label_budget(budget_table, chance))

# %% slideshow={"slide_type": "-"}
clean = budget_table[budget_table.noise == 0].groupby("labels")["accuracy"].mean()
fifth = figures.as_large_as(budget_table, 0.2)
say(
    f"**Expensive.** The step from {BUDGETS[0]} to {BUDGETS[1]} labels brings "
    f"{100 * (clean[BUDGETS[1]] - clean[BUDGETS[0]]):.1f} points, the step from {BUDGETS[-2]:,} to {BUDGETS[-1]:,} "
    f"brings {100 * (clean[BUDGETS[-1]] - clean[BUDGETS[-2]]):.1f}, for {(BUDGETS[-1] - BUDGETS[-2]) // (BUDGETS[1] - BUDGETS[0])} times the money. If an answer takes "
    f"5 seconds (an assumption), {BUDGETS[-1]:,} of them take {BUDGETS[-1] * 5 / 3600:.1f} hours.\n\n"
    f"**Wrong.** {BUDGETS[-1]:,} labels with every fifth one wrong teach as much as {fifth:,.0f} correct ones. "
    f"And labels are never all correct: Northcutt et al. 2021 (arXiv:2103.14749) looked for errors in ten much-used "
    f"test sets and estimate at least 3.3 % on average, at least 6 % in ImageNet's validation set."
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ### "Training people to label is hard"
# Where do wrong labels come from? Let us not assume it. **An annotator is a learner too**: it is shown some examples,
# then it labels. Ours see the cut-out object instead of the whole picture, which makes the task easier than the
# learner's. Each one draws its own examples from the same 1,000. All of them look at edge counts, so some mistakes are shared.
#
# Two annotators who both say "house" for most pictures agree often without looking. **Cohen's kappa** takes that out:
#
# $$\kappa = \frac{\text{observed agreement} - \text{agreement by chance}}{1 - \text{agreement by chance}}$$
#
# It is 1 for equal answers and 0 for chance.

# %% slideshow={"slide_type": "-"}
world = World(WorldConfig(size=SIZE))
objects = [world.scene(index).objects[0] for index in range(POOL + 1000)]
cut_out = labelling.windows(
    np.asarray(train.images[: POOL + 1000]),
    np.array([thing.position for thing in objects]),
    np.array([thing.size for thing in objects]),
)  # (5000, 3, 24, 24)
seen = labelling.gradient_histograms(cut_out, cells=4, directions=8)
school, school_truth = seen[POOL:], np.asarray(train.labels)[POOL : POOL + 1000]

SCHOOLING, PEOPLE = (20, 40, 80, 160, 320), 9
answers = {}  # schooling -> (9 annotators, 4000 pictures)
pairs = []
for examples in SCHOOLING:
    people = labelling.annotators(school, school_truth, classes, examples, PEOPLE)
    answers[examples] = np.stack([person.predict(seen[:POOL]) for person in people])
    for one in range(0, PEOPLE - 1, 2):
        first, second = answers[examples][one : one + 2]
        kappa = labelling.cohen_kappa(first, second, classes)
        right = ((first == truth).mean() + (second == truth).mean()) / 2
        pairs.append({"examples": examples, "kappa": kappa, "accuracy": right})
agreement_table = pd.DataFrame(pairs)

# %% [markdown] slideshow={"slide_type": "-"}
# One remedy: let several people label each picture, and count votes. If mistakes were independent, a few votes would
# remove nearly all of them. To see what independence would give, we shuffle every annotator's answers among pictures of
# the same kind: everybody keeps the same mistakes, but no longer on the same pictures as the others. Bands: five orders of
# the same nine people, so at nine votes almost nothing is left to vary.

# %% slideshow={"slide_type": "-"}
voting = []
for seed in SEEDS:
    generator = np.random.default_rng(seed)
    own = answers[80][generator.permutation(PEOPLE)]
    shuffled = labelling.independent(own, truth, generator)
    for kind, given in {figures.OWN: own, figures.INDEPENDENT: shuffled}.items():
        for count in (1, 3, 5, 7, 9):
            right = labelling.majority(given[:count], classes, generator) == truth
            voting.append({"annotators": count, "kind": kind, "seed": seed, "accuracy": right.mean()})
show(figures.agreement(agreement_table, pd.DataFrame(voting)))

# %% slideshow={"slide_type": "-"}
kappas = agreement_table.groupby("examples")["kappa"].mean()
say(
    f"After {SCHOOLING[0]} examples two annotators agree with kappa {kappas.iloc[0]:.2f}, after {SCHOOLING[-1]} with "
    f"{kappas.iloc[-1]:.2f}. These annotators are a model, not people. People were measured on ImageNet's 1,000 classes: "
    f"an expert who had practised reached 5.1 % error with five guesses per picture (Russakovsky et al. 2015, "
    f"arXiv:1409.0575, section 6.4).\n\n"
    f"Expect shared mistakes from people too: about 20 % of ImageNet's pictures have more than one valid label "
    f"(Shankar et al. 2020, ICML), and on those the vote falls where the habits of the voters lie."
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ### The same money: more pictures, or more votes?
# A fixed number of answers can label many pictures once, or fewer pictures several times.

# %% slideshow={"slide_type": "-"}
ANSWERS = 3000


def buy(answers_paid, votes, examples, seed=0):
    """Spend answers on votes per picture; train on the majority labels; accuracy of the learner."""
    generator = np.random.default_rng(seed)
    rows = generator.permutation(POOL)[: answers_paid // votes]
    voters = generator.permutation(PEOPLE)[:votes]
    labels = labelling.majority(answers[examples][voters][:, rows], classes, generator)
    return learn(rows, labels)


spent = [
    {
        "annotators": votes,
        "examples": examples,
        "quality": (answers[examples] == truth).mean(),
        "seed": seed,
        "accuracy": buy(ANSWERS, votes, examples, seed),
    }
    for examples in (20, 40, 160)
    for votes in (1, 3, 5, 9)
    for seed in SEEDS
]
spending_table = pd.DataFrame(spent)
show(figures.spending(spending_table, ANSWERS))

# %% slideshow={"slide_type": "-"}
say(figures.spending_in_words(spending_table, ANSWERS))

# %% [markdown] slideshow={"slide_type": "-"}
# Sheng, Provost & Ipeirotis 2008 (KDD, "Get another label?") asked this on other data: repeated labelling can improve the
# model, but not always, and helps most when single labels are noisy.

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Try it
# Where ipywidgets is installed and a kernel is running, three sliders appear below. Each position trains the learner
# again. Without them, the figures above show the same numbers.

# %% slideshow={"slide_type": "-"} tags=["nbval-ignore-output"]
box = explorer(
    lambda answers, votes, examples: buy(answers, votes, examples),
    answers=(300, 600, 1200, 2400, 3600),
    votes=(1, 3, 5, 9),
    examples=SCHOOLING,
    chance=chance,
)
if box is not None:
    display(box)

# %% [markdown] slideshow={"slide_type": "slide"}
# ### "Lots of unlabelled pictures exist"

# %% slideshow={"slide_type": "-"} tags=["nbval-ignore-output"]
clock = time.perf_counter()
for index in range(300):
    world.image(world.scene(index))
per_second = 300 / (time.perf_counter() - clock)
say(
    f"This machine has just drawn {per_second:,.0f} pictures a second on one core. Somebody who answers every 5 seconds "
    f"would need {per_second * 5 / 60:,.0f} minutes to label what one second has produced."
)

# %% [markdown] slideshow={"slide_type": "-"}
# Outside the drawn world the ratio is no better:
#
# | pictures | how many | labels | source |
# |---|---|---|---|
# | ImageNet-1k | 1.28 million | one class each, by hand | Russakovsky et al. 2015, arXiv:1409.0575 |
# | LVD-142M | 142 million | none | Oquab et al. 2023, arXiv:2304.07193 |
# | LAION-5B | 5.85 billion | the text that stood beside them | Schuhmann et al. 2022, arXiv:2210.08402 |
#
# **Can a network learn from the pictures alone?** That is the question of this course.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 2 · Two ways to pretrain
# **Pretraining**: train a network on many pictures first, then use it for the task at hand, for which there are few
# labels. What is kept is the **encoder**: a picture goes in, a vector of features comes out.
#
# The task here: nine kinds of object that no pretraining has seen. For pretraining there are pictures of nine other
# kinds. All networks have the same encoder, a small ResNet.

# %% slideshow={"slide_type": "-"}
OLD, NEW = KINDS[::2], KINDS[1::2]
OLD_KINDS = len(OLD)
PER_KIND, TEST_PER_KIND = 300, 150


def pictures_of(kinds, split, per_kind):
    drawn = WorldDataset(WorldConfig(size=SIZE, kinds=kinds), split, per_kind * len(kinds))
    return ImageSet(drawn.images, drawn.labels, list(kinds), "world", split)


old = pictures_of(OLD, "train", 600)
new, new_test = pictures_of(NEW, "train", PER_KIND), pictures_of(NEW, "test", TEST_PER_KIND)
say(
    f"Pretraining: {len(old):,} pictures of {', '.join(OLD)}.\n\n"
    f"Task: {len(new):,} pictures of {', '.join(NEW)} to learn from, {len(new_test):,} to measure with."
)


# %% [markdown] slideshow={"slide_type": "subslide"}
# ### The two pipelines
# The usual pipeline pretrains on labels that somebody has made for other objects (mostly ImageNet). The self-supervised
# one pretrains on the pictures alone. Here they are as code. The methods are library classes that later lectures take
# apart; today they are black boxes.


# %% slideshow={"slide_type": "-"}
def usual(encoder, pictures, labels, my_pictures, my_labels):
    method = Supervised(encoder, classes=OLD_KINDS, learning_rate=3e-3)
    run = pretrain(method, pictures, labels)
    features = embed(run.method, my_pictures)
    accuracy = classify(features, my_labels)
    return accuracy


def self_supervised(encoder, pictures, my_pictures, my_labels):
    method = SimCLR(encoder, temperature=0.2)
    run = pretrain(method, pictures)
    features = embed(run.method, my_pictures)
    accuracy = classify(features, my_labels)
    return accuracy


def from_scratch(make_encoder, my_pictures, my_labels):
    accuracy = train_everything(make_encoder, my_pictures, my_labels)
    return accuracy


# %% [markdown] slideshow={"slide_type": "subslide"}
# The diagram is drawn from the source code of these three functions: a box is a call, an arrow a value that is handed
# on. Red arrows are labels.

# %% slideshow={"slide_type": "-"}
figure, flows = draw_flows(
    {
        "usual: pretrained with labels of other kinds": usual,
        "self-supervised: pretrained without labels": self_supervised,
        "from scratch: no pretraining": from_scratch,
    }
)
red = {
    title: sum("labels" in text for step in flow.steps for _, text in step.inputs)
    for title, flow in flows.items()
}
viz.alt(
    figure,
    "Three flow diagrams. "
    + " ".join(
        f"{title}: {', then '.join(step.function for step in flow.steps)}; labels enter {red[title]} time(s)."
        for title, flow in flows.items()
    ),
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### What the boxes do
# `pretrain` trains for a fixed number of steps. `embed` runs the encoder, **frozen**: it no longer changes. `classify`
# trains one linear layer on the features with 1 %, 10 % and 100 % of the labels (a **linear probe**), five draws of
# labels each (all labels: one). `train_everything` has no frozen features: all weights of the network learn from those few labels.

# %% slideshow={"slide_type": "-"}
LABELS_PER_KIND = (3, 30, PER_KIND)  # 1 %, 10 %, 100 %
PRETRAINING_STEPS, SCRATCH_STEPS = 150, 100
spent_seconds = {}


def pretrain(method, pictures, labels=None):
    clock = time.perf_counter()
    given = pictures if labels is None else ImageSet(pictures, labels, list(OLD), "world", "train")
    run = course_lib.fit(method, given, steps=PRETRAINING_STEPS, batch_size=128, seed=0, show=False)
    spent_seconds[type(method).__name__] = time.perf_counter() - clock
    return run


def embed(encoder, pictures):
    return {part: evaluate.embed(encoder, images) for part, images in pictures.items()}


def classify(features, labels):
    return pd.concat(
        few_labels(
            features["train"],
            labels["train"],
            features["test"],
            labels["test"],
            [count],
            seeds=SEEDS if count < PER_KIND else [0],
        )
        for count in LABELS_PER_KIND
    )


def train_everything(make_encoder, pictures, labels):
    return pd.DataFrame(
        {"labels_per_class": count, **whole_network(make_encoder, pictures, labels, count)}
        for count in LABELS_PER_KIND
    )


def whole_network(make_encoder, pictures, labels, count, seeds=range(3)):
    scores = []
    for seed in seeds if count < PER_KIND else [0]:
        chosen = evaluate.balanced_draw(labels["train"], count, seed)
        few = ImageSet(pictures["train"][chosen], labels["train"][chosen], list(NEW), "world", "train")
        torch.manual_seed(seed)
        method = Supervised(make_encoder(), classes=len(NEW), learning_rate=3e-3)
        course_lib.fit(method, few, steps=SCRATCH_STEPS, batch_size=min(64, len(few)), seed=seed, show=False)
        scores.append((method.predict(pictures["test"]) == labels["test"]).float().mean().item())
    interval = t_interval(scores)
    return {"mean": interval.mean, "low": interval.low, "high": interval.high, "seeds": len(scores)}


# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Run


# %% slideshow={"slide_type": "-"}
def new_encoder(seed=0):
    torch.manual_seed(seed)
    return models.resnet()


my_pictures = {"train": new.images, "test": new_test.images}
my_labels = {"train": new.labels, "test": new_test.labels}
simclr_encoder = new_encoder()
tables = {
    "pretrained with labels": usual(new_encoder(), old.images, old.labels, my_pictures, my_labels),
    "SimCLR, no labels": self_supervised(simclr_encoder, old.images, my_pictures, my_labels),
    "from scratch": from_scratch(models.resnet, my_pictures, my_labels),
    "random encoder": classify(embed(new_encoder(), my_pictures), my_labels),
}
transfer_table = pd.concat(table.assign(start=name) for name, table in tables.items())

# %% slideshow={"slide_type": "subslide"}
result = transfer_table.set_index(["start", "labels_per_class"])["mean"]
few, some, every = LABELS_PER_KIND
gain = 100 * (result["SimCLR, no labels", every] - result["random encoder", every])
show(
    results.transfer(
        transfer_table,
        1 / len(NEW),
        f"{spent_seconds['SimCLR']:.0f} s of SimCLR without labels: {gain:+.0f} points in a probe with all labels",
        controls=("random encoder", "from scratch"),
    )
)

# %% slideshow={"slide_type": "-"}
labels_of_old = len(old)
say(
    f"With {few} labels per kind ({few * len(NEW)} in all): pretrained with labels "
    f"{100 * result['pretrained with labels', few]:.0f} %, SimCLR {100 * result['SimCLR, no labels', few]:.0f} %, from "
    f"scratch {100 * result['from scratch', few]:.0f} %, random encoder {100 * result['random encoder', few]:.0f} %.\n\n"
    f"With all {PER_KIND}: {100 * result['pretrained with labels', every]:.0f} %, "
    f"{100 * result['SimCLR, no labels', every]:.0f} %, {100 * result['from scratch', every]:.0f} %, "
    f"{100 * result['random encoder', every]:.0f} %.\n\n"
    f"Both pretrainings saw the same {len(old):,} pictures for the same number of steps "
    f"({spent_seconds['Supervised']:.0f} s and {spent_seconds['SimCLR']:.0f} s here; SimCLR computes two views per "
    f"picture). One of them was also given {labels_of_old:,} labels. SimCLR without any changed the probe by "
    f"{100 * (result['SimCLR, no labels', few] - result['random encoder', few]):+.1f} points with {few} labels per kind and by "
    f"{gain:+.1f} with all."
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### What this comparison says, and what it does not
# - Labels of *other* objects can be worth a lot when those objects are similar to ours. That is why
#   features from ImageNet labels became the usual start (Razavian et al. 2014, arXiv:1403.6382).
# - How far SimCLR gets is a matter of time and scale; ours ran for seconds. On ImageNet with 1 % of the labels, a ResNet-50 trained on these labels alone reached 48.4 % top-5 accuracy;
#   pretrained with SimCLR and fine-tuned on them, 75.5 % (Chen et al. 2020, arXiv:2002.05709, Table 7).
# - The race is not even. Pretraining saw 19,200 pictures with repeats, training from scratch at most 6,400. On the other hand
#   training from scratch may change all weights, while the pretrained encoders stay frozen.
# - The intervals come from drawing the labels five times (three for training from scratch; where all labels are used there is
#   only one draw). The pretraining itself ran once, so they say nothing about another pretraining run. Lecture 03 repeats those too.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 3 · The way through this course
# Eight questions to the same picture, one for each part of the course, numbered as its lectures are. The first lab goes with
# number 3.

# %% slideshow={"slide_type": "-"}
big = World(WorldConfig(size=96, min_objects=3, max_objects=3))
index = next(i for i in range(1000) if {thing.kind for thing in big.scene(i).objects} >= {"house", "car"})
scene = big.scene(index)
drawn = big.render(scene)
generator = torch.Generator().manual_seed(4)
batch = torch.as_tensor(drawn.image).permute(2, 0, 1)[None]  # (1, 3, 96, 96)


def pieces(recipe, number):
    """Random views of the scene as (H, W, 3) arrays."""
    views = (recipe(batch, generator) for _ in range(number))
    return [view[0].permute(1, 2, 0).clip(0, 1).numpy() for pair in views for view in pair]


def two_views_embedded(encoder, images):
    """Features of two random views of every picture."""
    return [evaluate.embed(encoder, view).numpy() for view in data.TwoViews("simclr")(images, generator)]


true, false = (next(one.text for one in relations(scene) if one.true is fits) for fits in (True, False))
sentences = [true, false, captions(big.scene(index + 1))[1]]
first, second = pieces(data.TwoViews("simclr"), 1)
crops = pieces(data.MultiCrop(global_crops=1, local_crops=3, local_size=48, strength=0.5), 1)
stations = [
    course.Station("pretext", "Which way is up?", course.turned(drawn.image)),
    course.Station("contrastive", "Same picture, or another?", course.two_views(first, second)),
    course.Station(
        "redundancy",
        "Does every feature say\nsomething of its own?",
        course.correlations(*two_views_embedded(simclr_encoder, my_pictures["test"])),
    ),
    course.Station(
        "masked", "What is under the grey?", course.masked(drawn.image, 12, 0.75, np.random.default_rng(0))
    ),
    course.Station(
        "self-distilled",
        "Say what your teacher says,\nfrom less",
        course.teacher_and_students(crops[0], crops[1:]),
    ),
    course.Station("CLIP", "Which sentence fits?", course.with_sentences(drawn.image, sentences)),
    course.Station(
        "promptable", "What is it that I click on?", course.with_prompt(drawn.image, drawn.masks[0])
    ),
    course.Station(
        "benchmarked",
        "Better on what, and by how much?",
        course.scores({name: result[name, few] for name in tables}, 1 / len(NEW)),
    ),
]
show(course.course_map(stations, first=2))

# %% [markdown] slideshow={"slide_type": "-"}
# Picture 4 is measured: the correlations between the features of two views of the test pictures, by the encoder that
# SimCLR has just trained. Picture 9 is this lecture's own result with 1 % of the labels.

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### How a lab works
#
# | step | what you do | what you get |
# |---|---|---|
# | **look** | play with pictures or read a figure before any formula | a guess that can be tested |
# | **formula** | one line, every symbol named with its shape | the number that is reached when nothing is learned, such as $\ln(2B-1)$ |
# | **code** | a short function of the library, to read | the same line in PyTorch |
# | **your turn** | write the missing function; `check("3.4", nt_xent)` answers at once, `hint("3.4")` helps in steps | which mistake it is, not only that there is one |
# | **honest measurement** | train with your function for a minute, compare with a random encoder | a result you can defend |
#
# The first lab is `labs/03_contrastive.ipynb`. It starts with `make lab` or in Colab and needs no download of data.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 4 · How to read a result in this course
# "The encoder reaches 60 %." Is that good? Four questions, always the same.
#
# **1. What would guessing reach?** Chance is one divided by the number of classes, if they are equally frequent.
#
# **2. What would the same encoder reach without training?** A random encoder is not chance: random filters keep much of
# the picture, and the linear classifier on top does learn. Only the difference to it was learned in pretraining.

# %% slideshow={"slide_type": "-"}
say(
    f"Here: chance {100 / len(NEW):.0f} %, random encoder {100 * result['random encoder', every]:.0f} %, SimCLR "
    f"{100 * result['SimCLR, no labels', every]:.0f} %. Against chance SimCLR looks "
    f"{100 * (result['SimCLR, no labels', every] - 1 / len(NEW)):.0f} points good. {gain:.0f} of them were learned."
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# **3. How much would it change if we did it again?** Every result is a mean with a **95 % interval** over repetitions.
# If the repetitions are independent, 95 in 100 such intervals contain the true mean. (Ours share one test set, so they are
# somewhat too narrow.) What is repeated must be said: other labels, other
# weights at the start, or both. Two results whose intervals overlap widely are not different yet.
#
# **4. Was anything chosen on the test set?** Choosing the best run, the best penalty or the best moment to stop is
# learning too. Done on the test set it makes the test set a training set. How much that matters can be measured:

# %% slideshow={"slide_type": "-"}
MODELS, SMALL_TEST, REPEATS = 40, 200, 200
right = np.empty((MODELS, len(test)), bool)
for seed in range(MODELS):  # equally good on average: they differ in the 300 pictures that were drawn
    rows = np.random.default_rng([7, seed]).permutation(POOL)[:300]
    right[seed] = (
        labelling.Ridge(described[rows]).fit(truth[rows], classes).predict(test_described) == test_truth
    )
reported, real = np.empty((2, REPEATS, MODELS))
for repeat in range(REPEATS):
    generator = np.random.default_rng(repeat)
    order, models_in_turn = generator.permutation(len(test)), generator.permutation(MODELS)
    reported[repeat] = right[models_in_turn][:, order[:SMALL_TEST]].mean(1)
    real[repeat] = right[models_in_turn][:, order[SMALL_TEST:]].mean(1)
show(results.picked_on_test(reported, real))

# %% [markdown] slideshow={"slide_type": "-"}
# So in every lab and every table of this course: settings are chosen on validation pictures that are split from the
# training set, and the test set is looked at once.

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### A fifth question: who is missing from the table?
# The edge counts of part 1 need no pretraining at all. They were designed by hand in 2005.

# %% slideshow={"slide_type": "-"}
by_hand = {
    part: torch.from_numpy(labelling.gradient_histograms(images.numpy(), cells=4, directions=8))
    for part, images in my_pictures.items()
}
tables["edge counts, by hand"] = classify(by_hand, my_labels)
all_table = pd.concat(table.assign(start=name) for name, table in tables.items())
all_result = all_table.set_index(["start", "labels_per_class"])["mean"]
hand, learned = (100 * all_result[name, every] for name in ("edge counts, by hand", "SimCLR, no labels"))
show(
    results.transfer(
        all_table,
        1 / len(NEW),
        f"Edge counts made by hand reach {hand:.0f} %, {abs(hand - learned):.0f} points "
        f"{'above' if hand > learned else 'below'} our seconds of SimCLR",
        controls=("random encoder", "from scratch", "edge counts, by hand"),
    )
)

# %% slideshow={"slide_type": "-"}
verdict = (
    "They are the number to beat on this world. A table without them would hide that."
    if hand > learned
    else "Learned features have passed them already."
)
say(
    f"Our world is drawn with clean outlines, which is what edge counts are made for. {verdict} On photographs, learned features "
    f"overtook features made by hand in 2012 (Krizhevsky et al. 2012, NeurIPS)."
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What to take along
# 1. Labels cost time, further labels help less and less, and some are always wrong. Votes do not remove shared mistakes.
# 2. Pretraining makes few labels go further. With somebody's labels, or with none.
# 3. A result is a difference to a random encoder, with an interval, measured on pictures that nothing was chosen on,
#    beside the baselines that could beat it.
#
# Next: lecture 02, pretext tasks. The lab of today's question is 03.

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
say(f"This notebook ran for {time.perf_counter() - started:.0f} s.")
