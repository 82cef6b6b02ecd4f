"""What can become of an exercise of a submission, in words, and which of these belong together."""

from course_lib.grading.keeping.overrides import BY_HAND

WORDS = {
    "right": "right",
    "wrong": "not right yet",
    "blank": "not started",
    "missing": "no answer found",
    "error": "stopped with an error",
    "timeout": "took too long",
    "kernel_died": "the kernel died",
    "memory_limit": "too much memory",
    "output_limit": "too much output",
    "not_run": "not run",
    "no_values": "no values came back",
    "unreadable": "the file could not be read",
    "wrong_lab": "another lab",
}
STARTED_NOT = ("blank", "missing")
NO_NOTEBOOK = ("unreadable", "wrong_lab")  # nothing of such a file was graded


def in_words(status: object) -> str:
    """A status as a reader is told it; one that is not known stays as it is."""
    return WORDS.get(str(status), str(status).replace("_", " "))


def told(row: dict) -> tuple[str, str]:
    """(result, reason) of a row as its student is told it; of points set by hand, the instructor's reason."""
    by_hand = [str(flag).removeprefix(BY_HAND) for flag in row["flags"] if str(flag).startswith(BY_HAND)]
    if by_hand:
        return "set by hand", by_hand[0]
    words, reason = in_words(row["status"]), str(row["reason"])
    return words, reason if reason != words else ""


def pending(row: dict) -> bool:
    """True for a row that a later grading run will replace."""
    return row["status"] == "not_run" and bool(row.get("retry"))


def needs_review(flag: object) -> bool:
    """True for a flag that asks a person to look; the name of a file in another flag may hold the word."""
    return str(flag).startswith(("needs_review", "needs review"))
