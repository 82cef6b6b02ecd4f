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

    from course_lib.methods import Method

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
    known = card(name, folder)
    encoder = new_encoder(known["encoder"])
    encoder.load_state_dict(_tensors(folder / f"{name}.safetensors", known["sha256"]))
    return encoder.eval()


def _tensors(path: Path, sha256: str) -> dict[str, torch.Tensor]:
    """The tensors of a file, once it has the hash that its card states."""
    from safetensors.torch import load as tensors_of

    content = path.read_bytes() if path.is_file() else b""
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        what = f"has the SHA-256 {found[:12]}..." if content else "is missing"
        raise ValueError(
            f"checkpoints: {path} {what}, but its card says {sha256[:12]}... The file was "
            f"changed or cut off; get it anew with `git checkout -- {path.name}` in its folder."
        )
    return tensors_of(content)


def load_method(name: str, folder: Path = FILES) -> Method:
    """The whole method that trained a shipped encoder, head or decoder included, in eval mode on the CPU.

    Only of models whose card has a "head". Raises ValueError for others, and for files that are not the ones
    of the card.
    """
    known = card(name, folder)
    if "head" not in known:
        shipped = [one for one in names(folder) if "head" in card(one, folder)]
        raise ValueError(f"checkpoints: {name} is shipped without its head; with one: {', '.join(shipped)}.")

    from course_lib.training.recipe import build  # methods and Lightning, which no encoder needs

    method = build(known["method"], load(name, folder), None, **known["options"])
    weights = _tensors(folder / f"{name}.head.safetensors", known["head"]["sha256"])
    _, unexpected = method.load_state_dict(weights, strict=False)
    missing = [key for key in _head_of(method) if key not in weights]
    if missing or unexpected:
        raise ValueError(f"checkpoints: the head of {name} lacks {missing} and has {unexpected} too much.")
    return method.eval()


def _head_of(method: torch.nn.Module) -> dict[str, torch.Tensor]:
    """All weights and buffers of a method that are not its encoder's."""
    return {key: value for key, value in method.state_dict().items() if not key.startswith("encoder.")}


def save_head(name: str, method: torch.nn.Module, folder: Path = FILES) -> Path:
    """Write what a method has beside its encoder, and enter it in the card. Returns the card's path.

    Raises ValueError for an unknown name, for another encoder than the shipped one, and above 3 MB.
    """
    known = card(name, folder)
    shipped = load(name, folder).state_dict()
    mine = method.state_dict()
    if any(not torch.equal(mine[f"encoder.{key}"].cpu(), value) for key, value in shipped.items()):
        raise ValueError(f"checkpoints: this method's encoder is not the one that is shipped as {name}.")
    content = _bytes(name, _head_of(method))
    write_whole(folder / f"{name}.head.safetensors", content)
    known["head"] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    path = folder / f"{name}.json"
    write_whole(path, json.dumps(known, indent=1) + "\n")
    return path


def _bytes(name: str, tensors: dict[str, torch.Tensor]) -> bytes:
    from safetensors.torch import save as bytes_of

    content = bytes_of({key: value.detach().cpu().contiguous() for key, value in tensors.items()})
    if len(content) > LIMIT:
        raise ValueError(f"checkpoints: {name} has {len(content):,} bytes; at most {LIMIT:,} are shipped.")
    return content


def save(name: str, encoder: torch.nn.Module, facts: dict[str, Any], folder: Path = FILES) -> Path:
    """Write an encoder and its card; facts must hold "encoder", its description. Returns the card's path.

    The weights come first and the card last, each under a temporary name: a card never names a file that is
    not there. Raises ValueError for a file above 3 MB and for a description that does not fit the weights.
    """
    weights = encoder.state_dict()
    new_encoder(facts["encoder"]).load_state_dict(weights)
    content = _bytes(name, weights)
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
