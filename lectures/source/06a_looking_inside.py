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
# # Looking inside
# **Lecture 06a.** What does a model look at, and how far may we trust the picture that says so? Every tool below is used
# on the small models that come with the course, on pictures whose objects are known pixel by pixel. So each picture can
# be checked, not only admired.
#
# | part | question |
# |---|---|
# | 1–3 | Where does CLS look, and does that cover the objects? |
# | 4 | What of all layers together? Rollout, gradient relevance, Grad-CAM |
# | 5 | Convolutional networks have no attention. What do they show? |
# | 6–7 | What do the features hold: parts, neighbours, a map? |
# | 8–9 | What does a masked autoencoder paint? What does an encoder ignore? |
# | 10 | You against the pretext tasks |
# | 11 | Your own model, and what such pictures cannot prove |
#
# In a running notebook the figures marked **▶** can be clicked. On a page without a kernel they are pictures.

# %% slideshow={"slide_type": "skip"}
import time

import pandas as pd
import torch
import torch.nn.functional as F
from IPython.display import Markdown, display

from course_lib import checkpoints, data, evaluate, viz
from course_lib.data import as_float
from course_lib.viz import (
    attention_figures,
    convnet_figures,
    embedding_figures,
    feature_figures,
    masking_figures,
)

torch.manual_seed(0)
started = time.perf_counter()


def say(text):
    display(Markdown(text))


def show(figure):
    viz.alt(figure, figure.alt_text)


vits = {name: checkpoints.load(f"{name}_vit") for name in ("random", "supervised", "dino")}
scenes = data.load_dense("test", 200)
images = as_float(scenes.images)
say(
    f"{len(scenes)} test scenes of 48 x 48 pixels, with the true mask of every object. Three transformers of the same "
    "shape: 4 layers, 4 heads, 6 x 6 patches of 8 pixels; untrained, trained with labels, and trained by DINO without any. "
    "Linear probes of their features: "
    + ", ".join(f"{name} {checkpoints.card(f'{name}_vit')['metrics']['linear']:.1f} %" for name in vits)
    + ". This DINO is small and briefly trained: what it shows here is true of this model, not of all."
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 1 · Click first ▶
# Choose a patch. The picture shows how much that patch takes from every other patch, in one head of one layer. Move with
# the arrow keys; **Home** lets CLS ask, the token that stands for the whole picture.
#
# Before you read on, look for three things:
# 1. In the last layer of the DINO model, let CLS ask. Is there a head that finds the object?
# 2. Does the untrained model look *nowhere*, or somewhere?
# 3. Watch the colour scale. What does "yellow" mean in two different maps?

# %% slideshow={"slide_type": "-"}
viewer = viz.AttentionViewer(vits, images[:6], scenes.masks[:6], state={"image": 1})
viewer

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 2 · What was drawn
# In one head each token $i$ has a query $q_i$ and a key $k_i$, both with $d$ numbers. **Attention** is one row of shares
# per query (Vaswani et al. 2017, the softmax inside eq. 1):
#
# $$A_{ij} = \frac{\exp(q_i \cdot k_j / \sqrt d)}{\sum_{j'} \exp(q_i \cdot k_{j'} / \sqrt d)}, \qquad \sum_j A_{ij} = 1.$$
#
# The tokens are CLS, perhaps some *registers* (extra tokens without a place in the picture), and the patches row by row.
# A picture can only show the patches, so the first columns (the *prefix*) are cut off. What went there has to be said as a number.

# %% slideshow={"slide_type": "-"}
reading = viz.read_attention(vits["dino"], images[1:2], layers=None)
maps, removed = reading.cls_maps()  # (layers, 1, heads, 6, 6) and (layers, 1, heads)
say(
    f"Layers x images x heads x tokens x tokens: {tuple(reading.maps().shape)}. Rows sum to 1 up to "
    f"{float((reading.maps().sum(-1) - 1).abs().max()):.0e}."
)
show(attention_figures.heads_grid(images[1], maps[-1, 0], removed[-1, 0], scenes.masks[1]))

# %% [markdown] slideshow={"slide_type": "-"}
# **Read the scale before the colours.** Each map is stretched from its own least to its own largest value. A map that is
# all but even still gets a yellow patch. The line on the scale tells: even attention over $N$ patches is $1/N$, here 1/36.
#
# By default modern libraries do not store $A$: a *fused* kernel works it out block by block and keeps only the result. So there is
# often no matrix to hook into. The viewer keeps queries and keys, and computes the row you ask for.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 3 · Does it cover the object? Mask and Jaccard
# Caron et al. (2021, section 4.2.2) keep the patches with the largest attention until they hold **60 %** of it, and compare
# that set $M$ with an object $O$ by the Jaccard index (intersection over union, counted in pixels):
#
# $$J(M, O) = \frac{|M \cap O|}{|M \cup O|}.$$
#
# For each object the *best* head counts. That is generous: it uses the truth to choose. So three numbers belong together, and a fourth
# from a picture that knows nothing: one blob in the middle, the same for every scene. (In the last column of the figure one head is
# chosen per picture; the table takes the best head per object.)

# %% slideshow={"slide_type": "-"}
show(
    attention_figures.compare_models(
        images[1],
        {n: viz.read_attention(m, images[1:2]).cls_maps()[0][0, 0] for n, m in vits.items()},
        scenes.masks[1],
    )
)


# %% slideshow={"slide_type": "subslide"}
def overlap(maps):
    """Jaccard of (B, heads, 6, 6) with the objects, best head per object: percent, and its 95 % half width."""
    found = evaluate.attention_jaccard(maps, scenes.masks, 8)
    return 100 * found.best_head, 196 * float(found.per_image.std()) / found.n**0.5


jaccard = {}
for name, model in vits.items():
    maps = viz.read_attention(model, images).cls_maps()[0][0]  # (B, heads, 6, 6)
    best = int(evaluate.attention_jaccard(maps, scenes.masks, 8).per_head.argmax())
    jaccard[name] = {
        "best head per object": overlap(maps),
        "one head for all scenes": overlap(maps[:, best : best + 1]),
        "mean of heads": overlap(maps.mean(1, keepdim=True)),
    }
off_centre = (torch.arange(6) - 2.5) ** 2
blob = torch.exp(-(off_centre[:, None] + off_centre) / 4).expand(len(images), 1, 6, 6)
display(pd.DataFrame(jaccard).T.map(lambda pair: f"{pair[0]:.1f} ± {pair[1]:.1f}"))
score = pd.DataFrame(jaccard).map(lambda pair: round(pair[0], 1))
width = pd.DataFrame(jaccard).map(lambda pair: pair[1])
best, single, mean = score.index
alike = abs(score.supervised[best] - score.random[best]) < width.supervised[best] + width.random[best]
say(
    f"Overlap in %, ± 95 % over scenes. The blob in the middle has {overlap(blob)[0]:.1f} ± {overlap(blob)[1]:.1f}. With the best of four heads, chosen per object, DINO "
    f"has {score.dino[best]}, the supervised model {score.supervised[best]}, the untrained one {score.random[best]}"
    + ("; the last two cannot be told apart" if alike else "")
    + ". In the paper (ViT-S/16, Pascal VOC, section 4.2.2): DINO 45.9, supervised 27.3, untrained 22.0.\n\n"
    f"Much of this is the choice. With one head for all scenes DINO has {score.dino[single]}, the untrained model {score.random[single]}; with the mean of all heads "
    + ", ".join(f"{name} {value}" for name, value in score.loc[mean].sort_values(ascending=False).items())
    + ". "
    + ("No single head reaches the blob. " if score.loc[single].max() < overlap(blob)[0] else "")
    + "So a part of what the best head is paid for is heads that differ from each other."
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 4 · All layers together
# One layer shows one step. What has reached CLS in the end passed through all of them.
#
# **Rollout** (Abnar & Zuidema 2020): take attention as the share of information that each token passes on, and multiply the shares
# along the layers. Half of each token stays on its way (the residual connection), half is mixed: $\tilde A_l = \tfrac12 (\bar A_l + I)$ with $\bar A_l$ the mean of the heads, and
# $R = \tilde A_L \cdots \tilde A_2 \tilde A_1$. It does not depend on a class or a score.
#
# **Gradient relevance** (Chefer, Gur & Wolf 2021): weigh each attention by what it does to a score $y$, keep what helps:
# $R \leftarrow R + \mathbb{E}_h\big[(\nabla_{A_l} y \odot A_l)^+\big] R$, layer by layer from the first, starting at $R = I$; $\mathbb{E}_h$ is the mean over
# heads, $(\cdot)^+$ sets negative numbers to 0.
#
# **Grad-CAM** (Selvaraju et al. 2017): weigh each channel $F_k$ by its mean gradient, $\mathrm{relu}\big(\sum_k \alpha_k F_k\big)$ with
# $\alpha_k = \tfrac1N \sum \partial y / \partial F_k$. For a transformer the map is the normalised patch tokens that enter the last block's attention.
#
# Which score? Our encoders give features, no classes. Take $y$ = the cosine to the mean feature of all pictures of the
# same kind: *what makes this picture like others of its kind?*

# %% slideshow={"slide_type": "-"}
train = data.load("world", "train", length=4000)
test = data.load("world", "test", length=200)  # the same scenes, with the kind of the main object
model = vits["supervised"]
with torch.no_grad():
    features = evaluate.embed(model, train)
centres = torch.stack(
    [features[torch.as_tensor(train.labels) == k].mean(0) for k in range(len(train.classes))]
)


def ways(batch, kinds):
    """{name: (B, rows, columns)} of the four ways to ask the supervised model."""
    target = lambda out: F.cosine_similarity(out, centres[kinds])  # noqa: E731
    whole = viz.attention_maps(model, batch, layers=None)  # (L, B, H, T, T)
    grid = (6, 6)
    return {
        "last layer, mean of heads": whole[-1, :, :, 0, 1:].mean(1).unflatten(1, grid),
        "rollout": viz.rollout(whole)[:, 0, 1:].unflatten(1, grid),
        "gradient relevance": viz.relevance(model, batch, target)[:, 0, 1:].unflatten(1, grid),
        "Grad-CAM": viz.grad_cam(model, batch, target, full_size=False),  # enlarging would blur it
    }


kinds = torch.as_tensor(test.labels)
answers = ways(images, kinds)
show(
    attention_figures.rollout_panels(
        images[1], {name: one[1] for name, one in answers.items()}, scenes.masks[1]
    )
)

# %% slideshow={"slide_type": "subslide"}
# how much of each map lies on the main object, whose kind the score asks for, against the share of the picture that it takes
main = torch.stack([mask[0].float() for mask in scenes.masks])[:, None]  # (B, 1, 48, 48)
on_main = F.avg_pool2d(main, 8)[:, 0].flatten(1)  # share of each patch that is the main object
rows = {}
for name, one in answers.items():
    mass = one.clamp(min=0).flatten(1)
    kept = (mass.sum(1) > 0) & (on_main.sum(1) > 0)  # a map may be empty, an object hidden
    share = (mass * on_main).sum(1)[kept] / mass.sum(1)[kept]
    lift = share / on_main.mean(1)[kept]
    rows[name] = {
        "on the main object (%)": 100 * float(share.mean()),
        "mean over pictures of share / even share": float(lift.mean()),
        "± (95 %)": 1.96 * float(lift.std()) / len(lift) ** 0.5,
        "pictures": int(kept.sum()),
    }
where = pd.DataFrame(rows).T.round(2)
display(where)
flat = torch.stack([one.flatten(1) for one in answers.values()])  # (ways, B, 36)
flat = F.normalize(flat - flat.mean(-1, keepdim=True), dim=-1)
agree = (flat[:, None] * flat[None]).sum(-1).mean(-1)  # correlation of two ways' maps, mean over pictures
display(pd.DataFrame(agree.numpy(), list(answers), list(answers)).round(2))
apart = agree[~torch.eye(len(agree), dtype=torch.bool)]
times = where["mean over pictures of share / even share"]
say(
    f"An even map would have {100 * float(on_main.mean()):.1f} % of its weight on the main object. The most: **{times.idxmax()}**, {times.max():.2f} times its even share; the "
    f"least: {times.idxmin()}, {times.min():.2f} times. One model, {len(images)} pictures: the mean correlation between two ways' maps goes from {float(apart.min()):.2f} to {float(apart.max()):.2f} "
    "(second table). A map answers the question of its formula, not yours."
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 5 · Convolutional networks
# No attention, but maps at every depth. Zagoruyko & Komodakis (2017) sum what all channels do at a place,
# $\sum_c |F_c(x, y)|^p$; a larger $p$ listens to the strongest channels. Gidaris et al. (2018, figure 3) show it for a network
# trained with labels and one trained to tell rotations, with $p = 1, 2, 4$ at three depths. Here: the same, with ours.

# %% slideshow={"slide_type": "-"}
convnets = {name: checkpoints.load(f"{name}_resnet") for name in ("supervised", "rotation", "random")}
depth = {name: viz.activation_attention(net, images[:4], power=[1, 2, 4]) for name, net in convnets.items()}
show(
    convnet_figures.convnet_depths(
        images[:3],
        {n: [m[:3] for m in d] for n, d in depth.items()},
        (1, 2, 4),
        ["stage 1", "stage 2", "stage 3"],
    )
)

# %% [markdown] slideshow={"slide_type": "-"}
# The untrained network stands here on purpose: its first maps already show outlines and plain areas. What it shows as well is no proof of
# training. A difference alone is none either, since two untrained networks differ, too. The deepest maps look sparse partly because
# $p = 4$ there. In the last stage the supervised network is bright on the main object in these pictures; the rotation network is not. Why, the
# maps do not say.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 6 · What is in the patches?
# **Parts without labels.** A first PCA (principal component analysis: the directions in which the tokens differ most) over all patches of
# several pictures *of one kind*: patches on one side of the mean of its first component are called figure, the others left black. A second
# PCA over the figure's patches gives three components as red, green and blue (Oquab et al. 2024, section 7.5, figure 1). The sign of
# a component is arbitrary; here the border of the picture is called background.

# %% slideshow={"slide_type": "-"}
group = (kinds == kinds[1]).nonzero().flatten()[:6]  # six pictures of one kind
tokens = viz.patch_tokens(vits["dino"], images[group])
pca = viz.patch_pca(tokens.tokens, tokens.grid)
show(feature_figures.pca_figure(images[group], pca.colors, pca.foreground, pca.explained))

# %% slideshow={"slide_type": "subslide"}
on_objects = torch.stack([mask.any(0).float() for mask in scenes.masks])[:, None]  # (B, 1, 48, 48)
mostly = F.avg_pool2d(on_objects, 8)[:100, 0] > 0.5  # patches that are mostly object


def patches_overlap(found):
    """Mean intersection over union with the patches that are mostly object, in %; (100, 6, 6) bool."""
    both, either = (found & mostly).sum((1, 2)), (found | mostly).sum((1, 2))
    return 100 * float((both[either > 0] / either[either > 0]).mean())


foreground = {}
for name, net in vits.items():
    many = viz.patch_tokens(net, images[:100])
    foreground[name] = patches_overlap(viz.patch_pca(many.tokens, many.grid).foreground)
say(
    "Overlap of the figure's patches with patches that are mostly object, one PCA over 100 scenes of all kinds: "
    + ", ".join(f"{name} {value:.1f} %" for name, value in foreground.items())
    + f"; calling every patch figure gives {patches_overlap(torch.ones_like(mostly)):.1f} %. "
    + (
        "The DINO model of this course does worse here than the untrained one. "
        if foreground["dino"] < foreground["random"]
        else ""
    )
    + "With 36 patches a picture and a model this small, the first component often follows sky and ground instead of "
    "figure and ground. The figures of DINOv2 come from far larger models that cut a picture into far more patches."
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Choose a patch, in feature space.** Which patches, in this and in other pictures, have a token in the same direction?
# $\cos(t_i, t_j)$ for one chosen patch:

# %% slideshow={"slide_type": "-"}
first_six = viz.patch_tokens(vits["dino"], images[:6]).tokens  # (6, 36, width)
like = viz.patch_similarity(first_six, (1, 21))  # picture 1, row 3, column 3
show(feature_figures.similarity_to_patch(images[:6], like.unflatten(1, (6, 6)), (1, 3, 3)))
others = torch.cat([like[:1], like[2:]])
say(
    f"Cosine to the patches of its own picture: {float(like[1].median()):.2f} in the middle, {float(like[1].min()):.2f} at least; to those of the other five "
    f"pictures: {float(others.median()):.2f} and at most {float(others.max()):.2f}. "
    + ("The token tells its picture apart better than its part." if like[1].median() > others.max() else "")
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Tokens that are too long.** Large transformers keep notes about the whole picture in patches that show nothing: their
# tokens are many times as long as the others, and attention maps get bright dots there (Darcet et al. 2024). Registers
# give the notes a place of their own. Does a model of half a million parameters do it?

# %% slideshow={"slide_type": "-"}
raw = viz.patch_tokens(vits["dino"], images, normalised=False)
norms = viz.token_norms(raw.tokens)
show(feature_figures.norm_figure(norms.unflatten(1, raw.grid), images))
say(
    f"{int(viz.outliers(norms).sum())} of {norms.numel():,} patch tokens are longer than three times the median of their "
    f"picture (our rule; the paper cuts at a length of 150 for DINOv2); the longest has {float((norms / norms.median(1, keepdim=True).values).max()):.1f} times. "
    "This was to be expected twice over: the paper finds them only in large models that are trained for long, and not in DINO."
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 7 · Neighbours, and a map of them ▶
# Whole pictures now. The nearest neighbours by cosine similarity are the plainest look at a representation, and they are what
# k-NN evaluation counts.

# %% slideshow={"slide_type": "-"}
gallery = data.load("world", "train", length=1500)
resnets = {name: checkpoints.load(f"{name}_resnet") for name in ("random", "simclr")}
spaces = {name: evaluate.embed(net, gallery) for name, net in resnets.items()}
asked = evaluate.embed(resnets["simclr"], images[:4])
index, cosine = viz.nearest_neighbours(asked, spaces["simclr"], k=5)
pictures, names = as_float(torch.as_tensor(gallery.images)), [gallery.classes[k] for k in gallery.labels]
show(
    embedding_figures.neighbour_sheet(
        images[:4],
        pictures[index],
        cosine,
        ([test.classes[k] for k in kinds[:4]], [[names[j] for j in row] for row in index]),
    )
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# **t-SNE** lays the pictures in a plane so that neighbours stay near (van der Maaten & Hinton 2008). It is a drawing, not a
# measurement: sizes of groups and distances between them mean nothing, and a plane cannot keep all neighbours.
# Zoom in, take the lasso, and compare the neighbours on the map with the neighbours in the features.

# %% slideshow={"slide_type": "-"}
places = embedding_figures.embedding_positions(
    F.normalize(spaces["simclr"], dim=1)
)  # then nearness is the cosine
explorer = viz.EmbeddingExplorer(
    places, gallery.images, gallery.labels, gallery.classes, spaces["simclr"], method="t-SNE"
)
explorer

# %% slideshow={"slide_type": "-"}
near_map = torch.cdist(torch.as_tensor(places).float(), torch.as_tensor(places).float())
near_map.fill_diagonal_(float("inf"))
on_map = near_map.topk(6, largest=False).indices
in_space, untrained = (
    viz.nearest_neighbours(spaces[name], spaces[name], k=6, itself=torch.arange(len(places)))[0]
    for name in ("simclr", "random")
)
kept = (
    sum(len(set(a) & set(b)) for a, b in zip(on_map.tolist(), in_space.tolist(), strict=True))
    / in_space.numel()
)
label = torch.as_tensor(gallery.labels)
same = {
    "on the map": (label[on_map] == label[:, None]).float().mean(),
    "in the features": (label[in_space] == label[:, None]).float().mean(),
    "untrained": (label[untrained] == label[:, None]).float().mean(),
}
say(
    f"Of the six nearest pictures in the features, {kept:.0%} are also among the six nearest on the map. Of the same kind are "
    f"{float(same['on the map']):.0%} on the map, {float(same['in the features']):.0%} in the features, and {float(same['untrained']):.0%} in the features of the untrained twin."
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 8 · What a masked autoencoder paints ▶
# He et al. (2022): hide three quarters of the patches, encode the rest, paint what is missing. Hide and show single patches
# yourself. One warning: this model predicts patches at mean 0 and standard deviation 1. To draw them, brightness and contrast of the
# *true* patch are put back, so the picture shows more than the model knows. The viewer gives two errors to compare with.
# Visible patches look worst in the third column: the loss never asked for them.

# %% slideshow={"slide_type": "-"}
mae = checkpoints.load_method("mae_vit")
viz.MaskExplorer(mae, images[:4])


# %% slideshow={"slide_type": "subslide"}
def hidden_error(drawn, panels):
    """Mean squared error over the pixels of hidden patches."""
    hidden = panels.mask.repeat_interleave(8, 1).repeat_interleave(8, 2)[:, None].float()
    return float((hidden * (drawn - panels.original) ** 2).sum() / hidden.sum() / 3)


rows_of_panels, table = {}, {}
for ratio in (0.25, 0.5, 0.75, 0.9):
    panels = viz.reconstruction_panels(mae, images, mask_ratio=ratio)
    four = (panels.original, panels.masked, panels.reconstruction, panels.pasted)
    rows_of_panels[ratio] = tuple(part[1] for part in four)
    brightness = F.avg_pool2d(panels.original.mean(1, keepdim=True), 8)  # what a prediction of zeros draws
    in_means = F.interpolate(brightness, scale_factor=8).expand_as(panels.original)
    table[f"{ratio:.0%} hidden"] = {
        "painted by the model": hidden_error(panels.reconstruction, panels),
        "a prediction of zeros (true mean brightness)": hidden_error(in_means, panels),
    }
errors = pd.DataFrame(table).T
show(masking_figures.reconstruction_grid(rows_of_panels))
display(errors.round(4))
gain = 1 - errors.iloc[2, 0] / errors.iloc[2, 1]
say(
    f"Mean squared error on hidden pixels, 200 scenes; the figure is one of them. At 75 % hidden the error of the painting is {abs(gain):.0%} "
    f"{'below' if gain > 0 else 'above'} that of a prediction of zeros, which draws each patch in its own true mean brightness. Only that difference is the model's own work."
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 9 · What does an encoder ignore? ▶
# A contrastive encoder is trained to give two views of a picture the same feature. So ask it: change a picture in one way, and
# look how far its feature moves, beside how far another picture's lies. Under each picture: the root mean squared distance of the pixels, and
# the cosine of each encoder.

# %% slideshow={"slide_type": "-"}
changes = viz.AugmentationExplorer(images[:4], encoder=resnets)
changes

# %% slideshow={"slide_type": "-"}
far = dict(zip(resnets, changes.between["cosines"], strict=True))
say(
    "Two different pictures have a cosine of "
    + " and ".join(f"{value:.2f} ({name})" for name, value in far.items())
    + ". So compare, for each encoder, 1 − cosine with "
    + " and ".join(f"{1 - value:.2f}" for value in far.values())
    + ", not the two cosines with each other: an encoder for which all pictures are alike moves little under any change."
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 10 · You against the pretext tasks ▶
# Two models that come with the course were trained on nothing but these games. Play a few rounds before you look at the score.
#
# The patches look odd on purpose. Context: two colour channels of each patch are replaced by noise (Doersch et al. 2015). Jigsaw: each
# tile is cropped and standardised by itself, so a plain sky turns into noise (Noroozi & Favaro 2016). Both are there against shortcuts.

# %% slideshow={"slide_type": "-"}
games = data.load("world", "test", length=40).images
viz.ContextQuiz(games, checkpoints.load_method("context_resnet"))

# %% slideshow={"slide_type": "-"}
viz.JigsawGame(games, checkpoints.load_method("jigsaw_resnet"))

# %% [markdown] slideshow={"slide_type": "-"}
# If the model is better than you, ask what it uses. And if it solves its task, does that mean it knows the objects? The cards
# of both models say how far their features carry:

# %% slideshow={"slide_type": "-"}
display(
    checkpoints.table()
    .loc[
        ["random_resnet", "context_resnet", "jigsaw_resnet", "rotation_resnet", "simclr_resnet"],
        ["linear", "knn"],
    ]
    .rename(columns={"linear": "linear probe (%)", "knn": "k-NN, k = 20 (%)"})
)
say(
    " ".join(
        f"**{name}**: {checkpoints.card(name)['verdict']}"
        for name in ("context_resnet", "jigsaw_resnet", "rotation_resnet")
    )
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 11 · Your own model, and what such pictures cannot prove
# `viz.AttentionViewer(model, images, prepare=...)` takes a vision transformer of timm, Hugging Face or torchvision as it is,
# of any size, with or without registers, and says which path it used. `viewer.save_html("viewer.html")` writes one file that works
# without Python, for a slide or for handing in.

# %% slideshow={"slide_type": "-"}
page = viewer.save_html("viewer.html")
say(
    f"`{page.name}`: {page.stat().st_size / 1e6:.1f} MB, all {len(viewer.images)} pictures and three models in it."
)

# %% [markdown] slideshow={"slide_type": "-"}
# | the picture shows | it does not show |
# |---|---|
# | what a head *reads* | what it does with it: values and later layers decide (Jain & Wallace 2019) |
# | one formula's answer | the reason for a prediction; the four ways of part 4 do not agree |
# | the best of many heads | that a head would be found without the truth |
# | a bright patch | how bright: scales differ from map to map |
# | groups in a t-SNE map | distances; the groups' sizes |
# | a good reconstruction | understanding; means and contrast were given |
#
# So: look first, then measure against the truth, against an untrained twin, and against a picture that knows nothing.

# %% slideshow={"slide_type": "-"}
say(f"The notebook took {time.perf_counter() - started:.0f} s.")

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Reading
# - Vaswani et al. 2017. *Attention is all you need.* arXiv:1706.03762.
# - Selvaraju et al. 2017. *Grad-CAM.* arXiv:1610.02391. Zagoruyko, Komodakis 2017. *Paying more attention to attention.* arXiv:1612.03928.
# - Doersch, Gupta, Efros 2015. *Unsupervised visual representation learning by context prediction.* arXiv:1505.05192. Noroozi, Favaro 2016. *Unsupervised learning of visual representations by solving jigsaw puzzles.* arXiv:1603.09246.
# - Gidaris, Singh, Komodakis 2018. *Unsupervised representation learning by predicting image rotations.* arXiv:1803.07728.
# - Abnar, Zuidema 2020. *Quantifying attention flow in transformers.* arXiv:2005.00928.
# - Caron et al. 2021. *Emerging properties in self-supervised vision transformers* (DINO). arXiv:2104.14294.
# - Chefer, Gur, Wolf 2021. *Generic attention-model explainability.* arXiv:2103.15679.
# - He et al. 2022. *Masked autoencoders are scalable vision learners.* arXiv:2111.06377.
# - Oquab et al. 2024. *DINOv2.* arXiv:2304.07193. Darcet et al. 2024. *Vision transformers need registers.* arXiv:2309.16588.
# - van der Maaten, Hinton 2008. *Visualizing data using t-SNE.* JMLR 9. Jain, Wallace 2019. *Attention is not explanation.* arXiv:1902.10186.
