"""Contact sheets of the embedded world: every kind, every switch, every label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from course_lib.world import KINDS, World, WorldConfig
from course_lib.world.scene import Clip, Scene

# Colours of the objects' outlines, nearest first: light enough for night skies, dark enough for snow.
_LINES = ("#fde725", "#35b779", "#7ab8e8", "#e066ff", "#ff7f50", "#00ced1", "#ff1493", "#7fff00")


def _figure(width: float, height: float, title: str) -> Figure:
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(width, height), layout="constrained")
    figure.suptitle(title, fontsize=13, x=0.01, ha="left")
    return figure


def _show(axes, picture: np.ndarray, title: str = "", size: float = 10) -> None:
    axes.imshow(picture, interpolation="nearest")
    axes.set_title(title, fontsize=size, pad=3)
    axes.axis("off")


def grid(rows: Sequence[Sequence[np.ndarray]], names: Sequence[str], title: str, width: float = 11) -> Figure:
    """Rows of pictures (H, W, 3) uint8, a name left of each row; all rows of one length."""
    gap = max(2, rows[0][0].shape[0] // 24)
    strips = [np.concatenate([_framed(p, gap) for p in row], 1) for row in rows]
    tall = max(strip.shape[0] / strip.shape[1] for strip in strips)
    figure = _figure(width, (width - 1.4) * tall * len(rows) + 0.45, title)
    axes = figure.subplots(len(rows), 1, squeeze=False)[:, 0]
    for one, strip, name in zip(axes, strips, names, strict=True):
        one.imshow(strip, interpolation="nearest")
        one.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=10)
        one.set_xticks([])
        one.set_yticks([])
        one.spines[:].set_visible(False)
    return figure


def _framed(picture: np.ndarray, gap: int) -> np.ndarray:
    return np.pad(picture, ((gap, gap), (gap, gap), (0, 0)), constant_values=255)


def kinds_sheet(size: int = 64, each: int = 5, per_row: int = 3) -> Figure:
    """Every kind of object, `each` scenes of it."""
    world = World(WorldConfig(size=size, max_objects=1))
    found: dict[str, list[np.ndarray]] = {kind: [] for kind in KINDS}
    index = 0
    while min(map(len, found.values())) < each:
        scene = world.scene(index)
        if len(found[scene.label]) < each:
            found[scene.label].append(world.image(scene))
        index += 1
    lines = -(-len(KINDS) // per_row)
    height = lines * (11 / per_row / each + 0.27) + 0.4
    figure = _figure(11, height, f"{len(KINDS)} kinds: shape makes the kind, colour never does")
    axes = figure.subplots(lines, per_row, squeeze=False).ravel()
    for one, kind in zip(axes, KINDS, strict=False):
        _show(one, np.concatenate([_framed(p, 2) for p in found[kind]], 1), kind, 11)
    for one in axes[len(KINDS) :]:
        one.axis("off")
    return figure


def switches_sheet(index: int = 5, columns: int = 8) -> Figure:
    """One row for each switch: scenes `index` and following of seed 0."""
    settings: list[tuple[str, dict]] = [
        ("default, 48 px", {}),
        ("size=96", {"size": 96}),
        ("size=32", {"size": 32}),
        ('style=\n"sketch"', {"style": "sketch", "size": 96}),
        ('style=\n"textured"', {"style": "textured", "size": 96}),
        ("horizon=False", {"horizon": False}),
        ("min_objects=5,\nmax_objects=8", {"min_objects": 5, "max_objects": 8, "size": 64}),
        ("words=True", {"words": True}),
        ("charts=True", {"charts": True}),
        ("nuisance=0", {"nuisance": 0.0}),
        ("nuisance=1", {"nuisance": 1.0}),
    ]
    rows = []
    for _, fields in settings:
        world = World(WorldConfig(**fields))
        rows.append([_enlarged(world.image(world.scene(index + k)), 96) for k in range(columns)])
    return grid(
        rows,
        [name for name, _ in settings],
        f"Every switch; scenes {index} to {index + columns - 1} of seed 0",
    )


def _enlarged(picture: np.ndarray, size: int) -> np.ndarray:
    """Nearest-neighbour enlargement to `size` pixels, so that pictures of several sizes share a row."""
    pick = np.arange(size) * picture.shape[0] // size
    return picture[pick][:, pick]


def outlined(picture: np.ndarray, masks: np.ndarray, strength: float = 0.55) -> np.ndarray:
    """The picture (H, W, 3) uint8 greyed, with each visible object (K, H, W) in its own colour."""
    grey = picture.mean(2, keepdims=True) * 0.5 + 110
    result = np.repeat(grey, 3, axis=2)
    for number, mask in enumerate(masks):
        color = np.array(to_rgb(_LINES[number % len(_LINES)])) * 255
        result[mask] = (1 - strength) * result[mask] + strength * color
    return result.clip(0, 255).astype(np.uint8)


def labels_sheet(world: World, indices: Sequence[int]) -> Figure:
    """Picture, masks, boxes and depth of some scenes, one scene a row."""
    from matplotlib.patches import Rectangle

    figure = _figure(
        11, 2.75 * len(indices) + 0.5, "Pixel labels come from the drawing itself, so they are exact"
    )
    axes = figure.subplots(len(indices), 4, squeeze=False)
    for row, index in zip(axes, indices, strict=True):
        scene = world.scene(index)
        drawn = world.render(scene)
        _show(row[0], drawn.image, "picture")
        _show(row[1], outlined(drawn.image, drawn.masks), "masks of the visible parts")
        _show(row[2], drawn.image, "boxes, nearest first")
        for number, (left, top, right, bottom) in enumerate(drawn.boxes):
            color = _LINES[number]
            row[2].add_patch(
                Rectangle((left - 0.5, top - 0.5), right - left, bottom - top, fill=False, ec=color, lw=2)
            )
            name = f"{number + 1} {scene.objects[number].kind}"
            box = {"facecolor": color, "edgecolor": "none", "pad": 1}
            row[2].text(left, max(top, 4), name, fontsize=8, color="black", bbox=box)
        picture = row[3].imshow(np.log2(drawn.depth), cmap="cividis_r", vmin=-1, vmax=np.log2(20))
        row[3].set_title("depth", fontsize=10, pad=3)
        row[3].axis("off")
        bar = figure.colorbar(picture, ax=row[3], ticks=[0, 1, 2, 3, np.log2(20)], fraction=0.046)
        bar.ax.set_yticklabels(["1", "2", "4", "8", "20"])
        bar.set_label("distance", fontsize=9)
    return figure


def phrases_sheet(world: World, index: int, most: int = 8) -> Figure:
    """Referring phrases of a scene, each with the object it means."""
    scene = world.scene(index)
    drawn = world.render(scene)
    phrases = world.phrases(scene)
    chosen = [phrases[k * len(phrases) // min(most, len(phrases))] for k in range(min(most, len(phrases)))]
    figure = _figure(11, 5.6, "A phrase refers when exactly one object fits it")
    axes = figure.subplots(2, -(-len(chosen) // 2), squeeze=False).ravel()
    for one, phrase in zip(axes, chosen, strict=False):
        _show(one, outlined(drawn.image, drawn.masks[phrase.object][None], 0.75), f'"{phrase.text}"', 9)
    for one in axes[len(chosen) :]:
        one.axis("off")
    return figure


def way_up_sheet(size: int = 64) -> Figure:
    """A house, a ball and a blossom in four rotations, with and without a horizon."""
    kinds = ("house", "ball", "blossom")
    rows = []
    for kind in kinds:
        row = []
        for horizon in (True, False):
            world = World(WorldConfig(size=size, kinds=(kind,), max_objects=1, horizon=horizon, nuisance=0.2))
            picture = world.image(world.scene(3))
            row += [np.rot90(picture, k) for k in range(4)]
        rows.append(row)
    title = "Which way is up? The sky tells; without it a house still does, a ball cannot"
    return grid(rows, kinds, title)


def tail_figure(config: WorldConfig, number: int = 3000) -> Figure:
    """How often each kind is the main object, against the stated law."""
    from course_lib.world.sampler import long_tail

    world = World(config)
    counts = np.bincount([world.label(world.scene(i)) for i in range(number)], minlength=len(config.kinds))
    law = np.array(long_tail(len(config.kinds), config.imbalance))
    first, last = counts[0], max(1, counts[-1])
    title = f"A long tail: {config.kinds[0]} {first} times, {config.kinds[-1]} {counts[-1]} times"
    title += f" in {number} scenes (ratio {first / last:.0f}, stated {config.imbalance:g})"
    figure = _figure(11, 3.4, title)
    axes = figure.subplots()
    place = np.arange(len(counts))
    axes.bar(place, counts, color="#31688e")
    axes.plot(place, law * number, color="#d8a600", marker="o", ms=4)
    axes.annotate("stated law", (place[3], law[3] * number), (4.2, law[1] * number), color="#806000",
                  arrowprops={"arrowstyle": "-", "color": "#806000"})  # fmt: skip
    axes.set_yscale("log")
    axes.set_ylabel("scenes (log)")
    axes.set_xticks(place, config.kinds, rotation=40, ha="right")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def copies_sheet(config: WorldConfig, columns: int = 4) -> Figure:
    """Planted copies of a validation split beside their originals."""
    world, train = World(config, "val"), World(config, "train")
    rows: dict[str, list[np.ndarray]] = {}
    index = 0
    while sum(len(row) for row in rows.values()) < 4 * columns:
        scene = world.scene(index)
        index += 1
        if scene.copy is None:
            continue
        leak = scene.copy.split == "train"
        name = f"{'leak' if leak else 'duplicate'},\n{scene.copy.form}"
        row = rows.setdefault(name, [])
        if len(row) < columns:
            original = (train if leak else world).scene(scene.copy.source)
            row.append(np.concatenate([_framed(train.image(original), 1), _framed(train.image(scene), 1)], 1))
    names = sorted(rows)
    title = "Planted copies (pairs: original, copy): each is reported by world.copy_of"
    return grid([rows[name] for name in names], names, title, width=9)


def clip_sheet(clips: Sequence[Clip]) -> Figure:
    """One clip a row; arrows from where each object starts to where it ends."""
    figure = _figure(11, 1.75 * len(clips) + 0.5, "Clips: what moves, and where to, is known")
    axes = figure.subplots(len(clips), 1, squeeze=False)[:, 0]
    for one, clip in zip(axes, clips, strict=True):
        side, number = clip.frames.shape[1], len(clip.frames)
        _show(one, np.concatenate([_framed(frame, 1) for frame in clip.frames], 1))
        moves = [
            f"{thing.kind}: {motion}"
            for thing, motion in zip(clip.scenes[0].objects, clip.motions, strict=True)
        ]
        one.set_title("; ".join(moves), fontsize=10, pad=3, loc="left")
        for first, last in zip(clip.scenes[0].objects, clip.scenes[-1].objects, strict=True):
            shift = (side + 2) * (number - 1)
            start = np.array(first.position) * side + [shift + 1, 1]
            stop = np.array(last.position) * side + [shift + 1, 1]
            if np.abs(stop - start).max() > 2:
                style = {"arrowstyle": "->", "color": "white", "lw": 2.5}
                one.annotate("", stop, start, arrowprops=style)
                one.annotate("", stop, start, arrowprops={**style, "color": "black", "lw": 1})
    return figure


def styles_sheet(indices: Sequence[int], size: int = 96) -> Figure:
    """The same scenes in every style: same layout, same labels."""
    world = World(WorldConfig(size=size))
    styles = ("flat", "sketch", "textured")
    scenes: list[Scene] = [world.scene(index) for index in indices]
    rows = [[world.image(replace(scene, style=style)) for scene in scenes] for style in styles]
    return grid(rows, styles, "Three styles of the same scenes: the masks stay the same", width=11)
