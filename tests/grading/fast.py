"""Grading without kernels, for tests of what is round a run: the cells are executed in this very process."""

from course_lib.grading.running import run
from course_lib.lab import probe


def run_here(work, bundle, **how):
    """What `run.run` does for well-behaved answers, in milliseconds."""
    space, lines = {}, []

    def emit(exercise, answer, seeds, record=False):
        source = bundle["exercises"][exercise]["probe"]
        documents.append({"exercise": exercise, "runs": probe.run_all(source, exercise, answer, seeds)})

    for cell in work:
        line = {"role": cell["role"], "exercise": cell["exercise"], "reason": "", "status": "ok"}
        source, documents = cell["source"], []
        try:
            if cell["role"] == "emit":  # of the cell that takes values out, only the call of `emit`
                source = source[source.rindex("_emit(") :]
                space["_emit"] = emit
            exec(source, space)
        except Exception as error:
            line |= {"status": "error", "reason": f"{type(error).__name__}: {error}"}
        lines.append({**line, "documents": documents})
    return run.Result(lines)
