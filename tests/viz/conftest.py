"""What a figure must hold whatever it shows: words, and letters that can be read."""

import itertools

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text


@pytest.fixture
def legible(monkeypatch):
    """Render a figure and give it back: it is described, no text leaves it and none lies on another."""

    def check(figure):
        drawn, original = {}, Text.draw

        def remember(text, *args, **options):
            if text.get_visible() and text.get_text().strip():
                drawn[id(text)] = text
            return original(text, *args, **options)

        canvas = FigureCanvasAgg(figure)
        canvas.draw()  # settles the layout and its ticks
        with monkeypatch.context() as patch:
            patch.setattr(Text, "draw", remember)
            canvas.draw()
        boxes = [(text.get_text(), text.get_window_extent()) for text in drawn.values()]
        width, height = canvas.get_width_height()
        for words, box in boxes:
            inside = box.x0 > -2 and box.y0 > -2 and box.x1 < width + 2 and box.y1 < height + 2
            assert inside, f"{words!r} leaves the figure"
        for (one, a), (other, b) in itertools.combinations(boxes, 2):
            across = min(a.x1, b.x1) - max(a.x0, b.x0)
            down = min(a.y1, b.y1) - max(a.y0, b.y0)
            assert across < 2 or down < 2, f"{one!r} lies on {other!r}"
        assert len(figure.alt_text) > 40
        assert figure.alt_text.endswith(".")
        return figure

    return check
