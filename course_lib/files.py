"""Files that are either the old one or the whole new one, never half of it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_whole(path: Path, content: str | bytes, mode: int = 0o644) -> None:
    """Write text (UTF-8, "\\n" as it stands) or bytes under a temporary name beside `path`, then rename.

    Missing folders are made. After an exception an older `path` is as it was and nothing is left beside it.
    Of two writers at once the later rename wins: what it had not read before is lost. Raises OSError where
    the folder cannot be written to, UnicodeEncodeError for text that UTF-8 cannot hold.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())  # or a power cut could leave the new name on an empty file
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
