"""Static pages: templates with every text escaped, no scripts, nothing fetched, no disguised text."""

import base64
import functools
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import jinja2
from markupsafe import Markup

# forbids everything but the page's own style (and, on the class page, pictures that lie in it)
POLICY = Markup("default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'")
# control signs, and signs that turn the direction of writing or are not seen: they could disguise a text
_DISGUISE = re.compile(
    "[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069"
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e007f\ud800-\udfff]"
)


def visible(text: object, longest: int = 600) -> str:
    """A text of any origin as text: signs that could disguise it are spelled out, and it ends somewhere."""
    shown = str(text)
    rest = len(shown) - longest
    if rest > 0:
        shown = f"{shown[:longest]} ... ({rest:,} more characters)"
    return _DISGUISE.sub(lambda match: f"\\u{{{ord(match[0]):x}}}", shown)


def blackened(hidden: Iterable[object]) -> Callable[[object], str]:
    """A function that writes (hidden) over each of these numbers and texts where it stands alone in a text.

    12 is not found in 3128, and what is shorter than three signs is not looked for.
    """
    texts = sorted({str(one) for one in hidden if len(str(one)) > 2}, key=len, reverse=True)
    found = re.compile("|".join(rf"(?<![\w.]){re.escape(text)}(?!\w)" for text in texts) or r"(?!)")
    return lambda text: found.sub("(hidden)", str(text))


def number(value: float | None, digits: int = 2) -> str:
    """A number without needless digits; a dash for None."""
    if value is None:
        return "\u2013"
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def count(number: int, what: str) -> str:
    """ "1 file", "2 files"."""
    return f"{number:,} {what}{'s' * (number != 1)}"


def percent(share: float | None) -> str:
    """A share in whole percent; a dash for None."""
    return "\u2013" if share is None else f"{100 * share:.0f} %"


def picture(png: bytes, alt: str) -> Markup:
    """An <img> that holds its picture."""
    source = base64.b64encode(png).decode()
    return Markup('<img src="data:image/png;base64,{}" alt="{}">').format(source, alt)


@functools.cache
def template(name: str) -> jinja2.Template:
    """A template of this folder."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters |= {"visible": visible, "number": number, "percent": percent, "count": count}
    environment.globals["policy"] = POLICY
    return environment.get_template(name)
