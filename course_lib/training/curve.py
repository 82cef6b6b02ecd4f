"""The learning curve: loss, the values on which a run that learns nothing sits, and the health numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import matplotlib.figure
    import pandas


def learning_curve(
    history: pandas.DataFrame,
    stuck_values: dict[str, float],
    name: str,
    title: str = "",
    footer: str = "",
    total: int = 0,
) -> matplotlib.figure.Figure:
    """A figure of a run's `history`: loss on the left, feature deviation and effective rank on the right.

    stuck_values are dashed lines with their names, where they lie near the curve. title: what it says, by
    default from which loss to which. footer: a line under the curve. total: steps that the axis leaves room
    for. The figure belongs to no pyplot window.
    """
    from matplotlib import colormaps
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    blue, green = colormaps["viridis"](0.25), colormaps["viridis"](0.6)
    figure = Figure(figsize=(9, 3.4), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplot_mosaic([["loss", "std"], ["loss", "rank"]], width_ratios=(2, 1))
    loss = axes["loss"]
    values = history.loss.to_numpy()
    smooth = history.loss.rolling(max(1, len(values) // 40), min_periods=1).mean().to_numpy()
    loss.plot(history.step, values, color=blue, alpha=0.25, linewidth=1)
    loss.plot(history.step, smooth, color=blue, linewidth=2)
    if len(values):
        low, high = float(values.min()), float(values.max())
        reach = max(high - low, 0.05 * abs(high), 1e-3)
        near = [value for value in stuck_values.values() if low - reach <= value <= high + reach]
        bottom, top = min([low, *near]), max([high, *near])
        loss.set_ylim(bottom - 0.05 * (top - bottom) - 1e-3, top + 0.12 * (top - bottom) + 1e-3)
        for label, value in stuck_values.items():
            if value in near:
                loss.axhline(value, color="0.35", linestyle="--", linewidth=1.2)
                loss.annotate(
                    f"{label} = {value:.2f}: nothing learned",
                    (1, value),
                    xycoords=("axes fraction", "data"),
                    xytext=(-4, 3),
                    textcoords="offset points",
                    ha="right",
                    color="0.25",
                )
        title = (
            title or f"{name}: loss {smooth[0]:.2f} to {smooth[-1]:.2f} in {int(history.step.iloc[-1])} steps"
        )
    if total:
        loss.set_xlim(0, total)
    loss.set(xlabel="step" + (f"\n{footer}" if footer else ""), ylabel="loss")
    loss.set_title(title or name, fontsize=12)
    health = history.dropna(subset=["feature_std"])
    for key, column, label, limit in (
        ("std", "feature_std", "feature std\n(0 = collapsed)", 1.05),
        ("rank", "effective_rank", "effective rank\n(directions)", None),
    ):
        axes[key].plot(health.step, health[column], "o-", color=green, markersize=4)
        axes[key].set_ylabel(label)
        axes[key].set_ylim(0, limit)
        axes[key].set_xlim(*loss.get_xlim())
    axes["std"].tick_params(labelbottom=False)
    axes["rank"].set_xlabel("step")
    for panel in axes.values():
        panel.grid(alpha=0.25)
        panel.spines[["top", "right"]].set_visible(False)
    return figure
