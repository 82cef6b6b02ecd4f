"""A worker process: a job comes in as a line of JSON, then submissions, one a line; an attempt goes out each.

Started by `executors.Local` as `python -m course_lib.grading.worker`. When the process that started it is
gone, however it ended, the worker ends too, with everything that it has started.
"""

import base64
import json
import os
import queue
import sys
import threading
from contextlib import suppress

sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]  # a second of jsonschema, for nothing


def main() -> None:
    """Work until standard input ends."""
    from course_lib.grading import unit

    # what a library prints must not come between the answers
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(lines,), daemon=True).start()
    job = json.loads(lines.get())
    while True:
        data = base64.b64decode(lines.get())
        answers.write(json.dumps(unit.guarded(data, job)).encode() + b"\n")
        answers.flush()


def _listen(lines: "queue.SimpleQueue[bytes]") -> None:
    for line in sys.stdin.buffer:
        lines.put(line)
    end_descendants()
    os._exit(0)


def end_descendants() -> None:
    """Kill everything that this process has started, directly or not."""
    import psutil

    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            process.kill()


if __name__ == "__main__":
    main()
