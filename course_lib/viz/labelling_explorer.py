"""Sliders over the labelling simulation; without ipywidgets nothing is shown beside the static figures."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence


def sentence(setting: Mapping[str, float], accuracy: float) -> str:
    """What a slider position means, in words: also what a screen reader is told."""
    pictures = int(setting["answers"]) // int(setting["votes"])
    return (
        f"{setting['answers']:,} answers, {setting['votes']} per picture: {pictures:,} labelled pictures. "
        f"Annotators trained with {setting['examples']} examples. The learner is right on "
        f"{100 * accuracy:.1f} % of new pictures."
    )


def explorer(
    accuracy: Callable[..., float],
    answers: Sequence[int],
    votes: Sequence[int],
    examples: Sequence[int],
    chance: float,
):
    """A box of three sliders and a picture that follows them, or None where ipywidgets is not installed.

    accuracy: called with answers, votes and examples, returns a share; answers: called for each position of
    the first slider, so it should take milliseconds. Every position that was visited stays on the picture.
    """
    try:
        import ipywidgets
    except ImportError:
        return None
    sliders = {
        "answers": ipywidgets.SelectionSlider(
            options=answers, value=answers[len(answers) // 2], description="answers"
        ),
        "votes": ipywidgets.SelectionSlider(options=votes, value=votes[0], description="per picture"),
        "examples": ipywidgets.SelectionSlider(options=examples, value=examples[0], description="training"),
    }
    image, text = ipywidgets.Image(format="png", width=640), ipywidgets.HTML()
    curves: dict[tuple[int, int], dict[int, float]] = {}

    def update(_change=None):
        setting = {name: slider.value for name, slider in sliders.items()}
        key = setting["votes"], setting["examples"]
        if key not in curves:
            curves[key] = {
                budget: accuracy(answers=budget, votes=key[0], examples=key[1]) for budget in answers
            }
        image.value = _png(curves, key, setting["answers"], chance)
        text.value = f'<p role="status">{sentence(setting, curves[key][setting["answers"]])}</p>'

    for slider in sliders.values():
        slider.continuous_update = False
        slider.observe(update, names="value")
    update()
    return ipywidgets.VBox([*sliders.values(), text, image])


def _png(curves: Mapping, key: tuple[int, int], budget: int, chance: float) -> bytes:
    """All curves visited so far in grey, the present one in colour, the present point as a dot."""
    from course_lib.viz.contrastive_figures import panels, shades

    figure, axis = panels(1, 1, 7.5, 3.8)
    for one, curve in curves.items():
        present = one == key
        color = shades(2)[0] if present else "#bbbbbb"
        axis.plot(list(curve), [100 * value for value in curve.values()], color=color, zorder=2 + present)
    axis.plot([budget], [100 * curves[key][budget]], "o", markersize=10, color="#b0413e", zorder=4)
    axis.axhline(100 * chance, color="#777777", linestyle=":")
    axis.set(xscale="log", ylim=(0, 100), xlabel="answers paid for (log scale)", ylabel="accuracy (%)")
    axis.set_title(f"{100 * curves[key][budget]:.1f} % with {budget:,} answers")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=80)
    return buffer.getvalue()
