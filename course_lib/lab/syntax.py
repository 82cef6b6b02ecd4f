"""The syntax tree of a notebook's cell, which may hold IPython's own lines beside Python.

Imports the standard library only. A cell that is Python as it stands is read as
it stands: a line that begins with % may go on an expression.
"""

import ast
import re
import warnings

# strings, comments and brackets: what must be told apart to see where a statement begins
_TOKEN = re.compile(
    r"""(?P<quote>\"\"\"|''')(?:\\.|[^\\])*?(?P=quote)|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'"""
    r"""|\#[^\n]*|\\.|(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<end>\n)""",
    re.S,
)
_REST = r"(?:\\\n|[^\n])*"  # of the line, and of the next one after a backslash
# %time runs the statement behind it; files = !ls and x = %env A set a name; ?x, x? and x?? show help
_OWN = re.compile(
    rf"(?P<indent>[ \t\f]*)(?:%time[ \t]+(?P<timed>(?!-){_REST})|[%!?]{_REST}"
    rf"|(?P<target>[^\W\d][\w., \t\[\]]*)=[ \t]*[%!]{_REST}"
    r"|%?[\w.*]+(?:\[\w*\])?\?\??[ \t;]*(?=\n|$))"
)
_CELL_MAGIC = re.compile(r"\s*%%(!|\w+)")
# cell magics after which nothing of the cell is defined in the kernel
_ELSEWHERE = re.compile(
    r"!|bash|cmd|file|html|javascript|js|latex|markdown|perl|pypy|python[23]?|ruby|script|sh|svg|sx|system"
    r"|timeit|writefile"
)


def plain(source: str) -> ast.Module | None:
    """The tree of a cell that is Python as it stands, else None."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a text from outside is only looked at
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def tree(source: str) -> ast.Module | None:
    """The tree of a cell; its magics, shell lines and questions for help are left out. None: no Python."""
    found = plain(source)
    return plain(_without_own_lines(source)) if found is None else found


def run_elsewhere(source: str) -> bool:
    """True if the first line hands the cell to a file, a browser or another program, like %%script."""
    magic = _CELL_MAGIC.match(source)
    return magic is not None and _ELSEWHERE.fullmatch(magic[1]) is not None


def _without_own_lines(source: str) -> str:
    """`source` in which every statement that only IPython knows has become one that Python knows."""
    # nothing else ends a line of code: str.splitlines would also split inside of strings
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    kept: list[str] = []
    position = depth = 0
    begins = True  # whether a statement may begin at `position`
    while position < len(source):
        own = _OWN.match(source, position) if begins else None
        if own:
            instead = f"{own['target']}= 0" if own["target"] else own["timed"] or "pass"
            kept.append(own["indent"] + instead)
            position, begins = own.end(), False
            continue
        token = _TOKEN.search(source, position)
        end = token.end() if token else len(source)
        kept.append(source[position:end])
        if token:
            depth = max(0, depth + bool(token["open"]) - bool(token["close"]))
        position, begins = end, token is not None and bool(token["end"]) and depth == 0
    return "".join(kept)
