"""A view as one self-contained page: script, style, arrays and every answer the script can ask for."""

from __future__ import annotations

import base64
import html
import json
from pathlib import Path
from typing import Any

import numpy as np

from course_lib.files import write_whole
from course_lib.viz.figures import png
from course_lib.viz.widgets.view import View, as_json, layout, pack, source, style

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ margin: 1rem auto; max-width: 80rem; padding: 0 1rem; font-family: system-ui, sans-serif; }}
{style}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
<div id="view"></div>
<noscript><img src="data:image/png;base64,{picture}" alt="{alt}"></noscript>
</main>
<script type="text/plain" id="data">{data}</script>
<script type="text/plain" id="answers">{answers}</script>
<script type="module">
{script}
course.standalone(widget, {config}, {state}, {asked});
</script>
</body>
</html>
"""
# nothing may be fetched: what the page needs is in it
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"


def write_page(view: View, path: Path) -> Path:
    """Write the page of a view and return its path. Raises ValueError for a path that is a folder."""
    if path.is_dir():
        raise ValueError(f"save_html: {path} is a folder; give the name of a file, such as viewer.html.")
    asked: list[dict[str, Any]] = []
    parts: list[bytes] = []
    offset = 0
    for request in view.every_request():
        arrays = {name: np.ascontiguousarray(array) for name, array in view.answer(request).items()}
        content = pack(arrays)
        asked.append(
            {
                "request": json.dumps(request, separators=(",", ":")),
                "arrays": layout(arrays),
                "offset": offset,
            }
        )
        parts.append(content)
        offset += len(content)
    text = PAGE.format(
        policy=html.escape(POLICY, quote=True),
        title=html.escape(view.title),
        style=style(),
        picture=base64.b64encode(png(view.figure())).decode("ascii"),
        alt=html.escape(view.alt_text, quote=True),
        data=base64.b64encode(pack(view.arrays)).decode("ascii"),
        answers=base64.b64encode(b"".join(parts)).decode("ascii"),
        script=source((*view.shared, view.script)),
        config=as_json(view.config | {"arrays": layout(view.arrays)}),
        state=as_json(view.state),
        asked=as_json(asked),
    )
    write_whole(path, text)
    return path
