"""Checkpoints on disk: where they are, writing only whole ones, a sentence for each failure to read one."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

import torch

KEY = "course"  # our part of a Lightning checkpoint
NAME = "last.ckpt"


def run_folder(method, images, batch_size: int, seed: int) -> Path:
    """The default folder of a run: user cache / runs / <method>-<hash of what is trained on what>.

    The hash covers the method's name, its parameter shapes, the number and size of the images, batch size and
    seed: the same call finds its own checkpoint again, another one does not.
    """
    from platformdirs import user_cache_path

    shapes = [(name, tuple(value.shape)) for name, value in method.state_dict().items()]
    facts = (type(method).__name__, shapes, tuple(images.shape), batch_size, seed)
    digest = hashlib.sha256(repr(facts).encode()).hexdigest()[:10]
    return user_cache_path("ssl-course") / "runs" / f"{type(method).__name__.lower()}-{digest}"


def writable_folder(folder: Path, chosen: bool) -> tuple[Path, str]:
    """A folder that can be written to, made if needed, and a sentence when it is not the one wished for.

    chosen: the user named the folder; then a folder that cannot be written raises ValueError. The default
    folder gives way to a temporary one, because a full or read-only cache is no reason not to train.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder, ""
    except OSError as error:
        if chosen:
            raise ValueError(
                f"fit: folder={folder} cannot be written ({error.strerror}); give a folder that can, or none."
            ) from None
        other = Path(tempfile.mkdtemp(prefix="ssl-course-"))
        return other, f"{folder} cannot be written ({error.strerror}); checkpoints go to {other}."


def find(resume, default: Path) -> Path:
    """The checkpoint file that `resume` means: True or "last" for the default folder, else a file or folder.

    Raises FileNotFoundError when there is none.
    """
    path = default if resume is True or resume == "last" else Path(resume)
    path = path / NAME if path.is_dir() or path == default else path
    if not path.is_file():
        raise FileNotFoundError(
            f"fit: resume={resume!r} but there is no checkpoint at {path}; start with resume=None, "
            "or give the path that the interrupted run printed (run.checkpoint)."
        )
    return path


def read(path: Path) -> dict:
    """A checkpoint's content on the CPU. Raises ValueError when it is damaged or not written by `fit`."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ValueError(
            f"fit: the checkpoint {path} cannot be read ({type(error).__name__}: the file is damaged "
            "or not a checkpoint); delete it and start again with resume=None."
        ) from None
    if not isinstance(state, dict) or KEY not in state:
        raise ValueError(
            f"fit: {path} was not written by course_lib.fit; resume needs one of its checkpoints."
        )
    return state


def write(trainer, path: Path) -> None:
    """Save the trainer's state to `path`: under a temporary name first, so that `path` is always whole."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        trainer.save_checkpoint(temporary)
        if trainer.is_global_zero:
            os.replace(temporary, path)
    finally:
        if trainer.is_global_zero:
            temporary.unlink(missing_ok=True)
        trainer.strategy.barrier()


def restore(method, path: Path) -> None:
    """Put the weights of a checkpoint back into `method`."""
    method.load_state_dict(read(path)["state_dict"])


def all_finite(method) -> bool:
    """Whether no weight or buffer holds NaN or infinity."""
    return all(
        torch.isfinite(value).all() for value in method.state_dict().values() if value.is_floating_point()
    )
