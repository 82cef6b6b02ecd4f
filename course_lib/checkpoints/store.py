"""A shipped model on disk: weights in NAME.safetensors, everything one must know about them in NAME.json."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from course_lib import models
from course_lib.files import write_whole

if TYPE_CHECKING:
    import pandas

FILES = Path(__file__).parent / "files"
KINDS: dict[str, Callable[..., models.Encoder]] = {
    "resnet": models.resnet,
    "VisionTransformer": models.VisionTransformer,
}
LIMIT = 3_000_000  # bytes of one file


def new_encoder(description: dict[str, Any]) -> models.Encoder:
    """An untrained encoder: {"kind": "resnet" or "VisionTransformer", argument: value, ...}.

    Raises ValueError for another kind.
    """
    arguments = dict(description)
    kind = arguments.pop("kind", None)
    if kind not in KINDS:
        raise ValueError(f'new_encoder: kind is "{kind}"; choose one of {", ".join(KINDS)}.')
    return KINDS[kind](**arguments)


def names(folder: Path = FILES) -> list[str]:
    """The shipped models."""
    return sorted(path.stem for path in folder.glob("*.json"))


def card(name: str, folder: Path = FILES) -> dict[str, Any]:
    """What is known about a shipped model: recipe, data, machine, metrics, hash.

    Raises ValueError for an unknown name.
    """
    path = folder / f"{name}.json"
    if not path.is_file():
        raise ValueError(
            f'checkpoints: there is no model "{name}"; choose one of {", ".join(names(folder))}.'
        )
    return json.loads(path.read_text())


def load(name: str, folder: Path = FILES) -> models.Encoder:
    """The encoder called `name`, in eval mode on the CPU, once its file has the hash that its card states.

    Raises ValueError for an unknown name and for a file that is missing or is not the one of the card.
    """
    from safetensors.torch import load as tensors_of

    known, path = card(name, folder), folder / f"{name}.safetensors"
    content = path.read_bytes() if path.is_file() else b""
    found = hashlib.sha256(content).hexdigest()
    if found != known["sha256"]:
        what = f"has the SHA-256 {found[:12]}..." if content else "is missing"
        raise ValueError(
            f"checkpoints: {path} {what}, but its card says {known['sha256'][:12]}... The file was "
            f"changed or cut off; get it anew with `git checkout -- {path.name}` in its folder."
        )
    encoder = new_encoder(known["encoder"])
    encoder.load_state_dict(tensors_of(content))
    return encoder.eval()


def save(name: str, encoder: torch.nn.Module, facts: dict[str, Any], folder: Path = FILES) -> Path:
    """Write an encoder and its card; facts must hold "encoder", its description. Returns the card's path.

    The weights come first and the card last, each under a temporary name: a card never names a file that is
    not there. Raises ValueError for a file above 3 MB and for a description that does not fit the weights.
    """
    from safetensors.torch import save as bytes_of

    weights = {key: value.detach().cpu().contiguous() for key, value in encoder.state_dict().items()}
    new_encoder(facts["encoder"]).load_state_dict(weights)
    content = bytes_of(weights)
    if len(content) > LIMIT:
        raise ValueError(f"checkpoints: {name} has {len(content):,} bytes; at most {LIMIT:,} are shipped.")
    facts = facts | {
        "parameters": sum(parameter.numel() for parameter in encoder.parameters()),
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    write_whole(folder / f"{name}.safetensors", content)
    path = folder / f"{name}.json"
    write_whole(path, json.dumps({"name": name} | facts, indent=1) + "\n")
    return path


def table(folder: Path = FILES) -> pandas.DataFrame:
    """One row per shipped model: method, images seen, minutes, and the metrics of its card."""
    import pandas

    rows = []
    for name in names(folder):
        known = card(name, folder)
        row = {"name": name, "method": known["method"] or "none", "images": known["images_seen"]}
        rows.append(row | {"minutes": known["minutes"]} | known["metrics"])
    return pandas.DataFrame(rows).set_index("name")
