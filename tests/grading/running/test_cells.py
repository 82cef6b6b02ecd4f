"""What one cell sends: documents are taken, and whatever stands in their place breaks nothing."""

import json
import time

import pytest

from course_lib.grading.running import cells, wire
from course_lib.grading.walls.limits import Limits
from course_lib.lab.bundle import MIME


class Kernel:
    """A kernel that has sent its messages already; it is its own client and wire."""

    def __init__(self, *messages):
        self.kc = self.wire = self
        ends = [("iopub", "status", {"execution_state": "idle"}), ("shell", "execute_reply", {})]
        self.waiting = [
            wire.Message(
                channel,
                kind,
                *(parent or ["request"]),
                len(json.dumps(content)),
                json.dumps(content).encode(),
            )
            for channel, kind, content, *parent in (*messages, *ends)
        ]

    def execute(self, source, **how):
        return "request"

    def receive(self, seconds):
        return self.waiting.pop(0)

    def died(self):
        return None


def run(*messages, keep=True, limits=None):
    budget = cells.Budget(time.monotonic() + 60, limits or Limits())
    return cells.run_cell(Kernel(*messages), "", 60.0, budget, keep)


def shown(data):
    return ("iopub", "display_data", {"data": data})


def test_a_document_is_taken_where_values_are_asked_for():
    assert run(shown({MIME: {"runs": []}})).documents == [{"runs": []}]
    assert run(shown({MIME: {"runs": []}}), keep=False).documents == []
    assert run((*shown({MIME: {"runs": []}}), "another request")).documents == []


@pytest.mark.parametrize("data", [f"x{MIME}x", [MIME], 5, True, None, "", {}, {"text/plain": MIME}])
def test_what_stands_in_the_place_of_a_document_is_output(data):
    result = run(shown(data), shown({MIME: 1}))
    assert (result.status, result.lost, result.documents) == ("ok", "", [1])


def test_what_is_more_than_is_allowed_ends_the_kernel_and_gives_no_values():
    limits = Limits(output=1_000, document=2_000)
    text = ("iopub", "stream", {"text": "x" * 600})
    for messages in ([text, text], [shown({MIME: "x" * 1_500})] * 3, [shown({MIME: "x" * 2_500})]):
        result = run(shown({MIME: 1}), *messages, limits=limits)
        assert (result.status, result.documents) == ("output_limit", [])
        assert result.lost == "an earlier cell printed too much"
    assert run(text, limits=limits).status == "ok"
