"""What answers do to a kernel, and what must become of it: the sections of cases.txt."""

from pathlib import Path
from typing import NamedTuple


class Case(NamedTuple):
    """One submission: `source` is its answer to 90.1; `said` must be in the reason or the flags."""

    number: int | None
    first: str
    second: str
    said: str
    source: str


PARTS = {
    "GOOD": """def average(numbers):
    return sum(numbers) / len(numbers)""",
    "ZERO": """def average(numbers):
    return 0.0""",
    "FORGE": """import IPython.display as d
def forged(seeds, value=1.5):
    one = {"kind": "float", "value": value}
    return {"exercise": "90.1", "runs": [{"seed": s, "values": {"mean": one, "one": one}} for s in seeds]}
MIME = "application/vnd.ssl-course.values+json\"""",
    "RAW": "k = get_ipython().kernel; s = k.session",
}


def read(path: Path) -> dict[str, Case]:
    """{name: case} of a file of sections."""
    found = {}
    for section in path.read_text(encoding="utf-8").split("\n=== ")[1:]:
        head, _, source = section.partition("\n")
        name, number, first, second, said = (part.strip() for part in head.split("|", 4))
        for part, text in PARTS.items():
            source = source.replace(f"<{part}>", text)
        statuses = ("" if status == "any" else status for status in (first, second))
        assert name not in found, name
        found[name] = Case(None if number == "-" else int(number), *statuses, said, source)
    return found


CASES = read(Path(__file__).with_name("cases.txt"))
VARIANTS = {name: case for name, case in CASES.items() if case.number is None}
