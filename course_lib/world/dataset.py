"""`WorldDataset`: a split of the world as tensors, drawn once and cached. The only torch in this room."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import torch

from course_lib.world import build, cache
from course_lib.world.config import WorldConfig
from course_lib.world.core import World

FIELDS = (
    "image", "label", "index", "scene", "masks", "boxes", "depth", "captions", "phrases", "relations",
    "negations", "hard_negatives", "questions", "copy",
)  # fmt: skip


class WorldDataset(torch.utils.data.Dataset):
    """The first `length` scenes of a split.

    config: a WorldConfig, default WorldConfig(). split: "train", "val" or "test". cache: folder for the
    drawn pictures; None for $COURSE_CACHE or the user's cache folder; False to draw into memory only.
    workers: processes that draw, None for one per core. fields: what an item holds: "image" (3, H, W) uint8
    tensor, "label" int, "index", "scene", "masks" (K, H, W) bool, "boxes" (K, 4) int64, "depth" (H, W)
    float32, "captions", "phrases", "relations", "negations", "hard_negatives", "questions", "copy". Masks,
    boxes and depth are drawn when asked for.

    .images (N, 3, H, W) uint8, memory-mapped; .labels (N,) int64, kind of the main object; .classes names.
    For a DataLoader use fields=("image", "label"), or collate_fn=WorldDataset.collate for more.
    """

    def __init__(
        self,
        config: WorldConfig | None = None,
        split: str = "train",
        length: int = 20_000,
        cache: str | os.PathLike | bool | None = None,
        workers: int | None = None,
        fields: tuple[str, ...] = ("image", "label", "scene"),
    ):
        self.world = World(config, split)
        self.config, self.split = self.world.config, split
        if not isinstance(length, int) or isinstance(length, bool) or length < 1:
            raise ValueError(f"WorldDataset: length is {length!r}; it must be a whole number of at least 1.")
        if workers is not None and (not isinstance(workers, int) or workers < 1):
            raise ValueError(
                f"WorldDataset: workers is {workers!r}; it must be None or a whole number of at least 1."
            )
        unknown = [field for field in fields if field not in FIELDS]
        if isinstance(fields, str) or unknown:
            raise ValueError(
                f"WorldDataset: fields is {fields!r}; it must be a tuple of names among {', '.join(FIELDS)}."
            )
        self.length, self.fields, self.classes = length, tuple(fields), list(self.config.kinds)
        self._cache, self._workers = cache, workers
        self.path: Path | None = None
        self.images, self.labels = self._open()

    def _open(self) -> tuple[np.ndarray, np.ndarray]:
        config, split, length = self.config, self.split, self.length
        if self._cache is False:
            return self._in_memory()
        path = cache.path_of(config, split, length, None if self._cache is True else self._cache)
        try:
            opened = cache.open_file(path, config, split, length)
        except FileNotFoundError:
            opened = None
        except cache.CacheError as damage:
            print(f"The cache {path} is damaged ({damage}); it is drawn again.")
            opened = None
        except OSError as error:
            print(
                f"The cache {path} cannot be read ({error.strerror}); "
                "the pictures are drawn into memory instead."
            )
            return self._in_memory()
        if opened is None:
            try:
                cache.build(
                    path, config, split, length,
                    lambda temporary: build.fill_file(temporary, config, split, length, self._workers),
                )  # fmt: skip
                opened = cache.open_file(path, config, split, length)
            except (OSError, cache.CacheError) as error:
                reason = getattr(error, "strerror", None) or error
                print(
                    f"The cache folder {path.parent} cannot be written ({reason}); the pictures are kept in "
                    "memory instead. Set COURSE_CACHE or cache= to a folder you may write to."
                )
                return self._in_memory()
        self.path = path
        return opened

    def _in_memory(self) -> tuple[np.ndarray, np.ndarray]:
        images = np.empty((self.length, 3, self.config.size, self.config.size), np.uint8)
        labels = np.empty(self.length, np.int64)
        with build.progress(self.length, f"drawing the world ({self.split})") as bar:
            for start in range(0, self.length, cache.CHUNK):
                stop = min(start + cache.CHUNK, self.length)
                images[start:stop], labels[start:stop] = cache.draw_range(
                    self.config, self.split, start, stop
                )
                bar.update(stop - start)
        return images, labels

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict[str, Any]:
        if not -self.length <= index < self.length:
            raise IndexError(f"WorldDataset: index {index} is out of range; there are {self.length} scenes.")
        index = int(index) % self.length
        return dict(self._values(index, self.fields))

    def _values(self, index: int, fields: tuple[str, ...]):
        world, scene, rendered = self.world, None, None
        for field in fields:
            if field == "image":
                yield field, torch.from_numpy(np.array(self.images[index]))
            elif field == "label":
                yield field, int(self.labels[index])
            elif field == "index":
                yield field, index
            elif field == "copy":
                yield field, world.copy_of(index)
            else:
                scene = scene or world.scene(index)
                if field == "scene":
                    yield field, scene
                elif field in ("masks", "boxes", "depth"):
                    rendered = rendered or world.render(scene)
                    yield field, torch.from_numpy(getattr(rendered, field))
                else:
                    yield field, getattr(world, field)(scene)

    @staticmethod
    def collate(items: list[dict[str, Any]]) -> dict[str, Any]:
        """A batch: images, depths and labels stacked, everything else (masks differ in number) as lists."""
        batch: dict[str, Any] = {}
        for field in items[0]:
            values = [item[field] for item in items]
            if field in ("image", "depth"):
                batch[field] = torch.stack(values)
            elif field in ("label", "index"):
                batch[field] = torch.tensor(values)
            else:
                batch[field] = values
        return batch

    def __getstate__(self) -> dict[str, Any]:
        """Without the pictures where a file holds them: a worker process maps the file itself."""
        state = self.__dict__.copy()
        if self.path is not None:
            state["images"] = state["labels"] = None
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if self.images is None:
            self.images, self.labels = self._open()
