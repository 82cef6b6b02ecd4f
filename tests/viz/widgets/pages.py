"""What the tests of saved pages do with a page: read what it says, draws and saves."""

import csv
import io
import re

import numpy as np

# all pixels of one canvas, three values each
PIXELS = """canvas => {
    const { width, height } = canvas, copy = new OffscreenCanvas(width, height).getContext("2d");
    copy.drawImage(canvas, 0, 0);  // to read from a canvas twice is warned about
    return [...copy.getImageData(0, 0, width, height).data].filter((_, i) => i % 4 < 3);
}"""
# the middle of each of the squares that stand for a pixel
SQUARES = """([n, rows, columns]) => {
  const c = document.querySelectorAll('figure canvas')[n], step = c.width / columns, found = [];
  const { data } = c.getContext('2d').getImageData(0, 0, c.width, c.height);
  for (let y = 0; y < rows; y++) for (let x = 0; x < columns; x++) {
    const at = 4 * (Math.floor((y + 0.5) * step) * c.width + Math.floor((x + 0.5) * step));
    found.push(data[at], data[at + 1], data[at + 2]);
  }
  return found;
}"""


def small(page, number, height, width):
    """An enlarged picture, one value per pixel of the original: (3, height, width) uint8."""
    data = page.evaluate(SQUARES, [number, height, width])
    return np.array(data, dtype=np.uint8).reshape(height, width, 3).transpose(2, 0, 1)


def status(page):
    return page.locator("[role=status]").inner_text()


def drawn(page):
    """How often the widget has drawn."""
    return int(page.evaluate("document.querySelector('[data-drawn]').dataset.drawn"))


def after(page, act):
    """Act, and wait until the widget has drawn anew."""
    number = drawn(page)
    act()
    page.wait_for_function("n => document.querySelector('[data-drawn]').dataset.drawn > n", arg=number)


def downloaded(page, button):
    """The bytes that a click on a button saves."""
    with page.expect_download() as download:
        page.get_by_role("button", name=button).click()
    with open(download.value.path(), "rb") as file:
        return file.read()


def saved(page):
    """The rows of the table that the page saves."""
    text = downloaded(page, re.compile("Save (numbers|answers|votes)")).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))
