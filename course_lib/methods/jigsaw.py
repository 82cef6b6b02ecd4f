"""Jigsaw: nine tiles of an image in a wrong order; which order is it?

Noroozi & Favaro 2016, arXiv:1603.09246.
"""

import functools
import math

import torch
from torch import Tensor, nn

from course_lib.data import as_float
from course_lib.data.draws import integers
from course_lib.methods.base import Method
from course_lib.methods.pretext import answer_loss, cut_tiles
from course_lib.models import mlp


@functools.cache
def permutation_set(number: int, tiles: int = 9, seed: int = 0) -> Tensor:
    """`number` orders of the tiles that differ in as many places as possible, (number, tiles) int64.

    Orders that differ little would make the question ambiguous. Greedy, after the paper's Algorithm 1:
    20,000 candidates are drawn from `seed` (the paper takes all 9!), the first is chosen, and then again and
    again the candidate whose *smallest* Hamming distance to those chosen is largest; of equals the one with
    the largest *sum* of distances, of equals the first. (The paper looks at the sum alone, which lets two
    orders be close.) 64 orders of 9 tiles: any two differ in at least 7 places.
    Raises ValueError for tiles outside 2 to 9 or more orders than there are.
    """
    if not 2 <= tiles <= 9 or not 2 <= number <= math.factorial(tiles):
        raise ValueError(
            f"permutation_set: number={number}, tiles={tiles}; tiles must be 2 to 9 and number 2 to tiles!."
        )
    generator = torch.Generator().manual_seed(seed)
    orders = torch.rand(20_000, tiles, generator=generator).argsort(dim=1)
    points = orders.float()
    smallest = torch.full((len(orders),), tiles)
    total = torch.zeros_like(smallest)
    first = torch.arange(len(orders), 0, -1)
    chosen = [0]
    while len(chosen) < number:
        newest = points[chosen[-1:]]
        distance = torch.cdist(points, newest, p=0)[:, 0].long()  # Hamming; 0 to itself: none comes twice
        smallest, total = torch.minimum(smallest, distance), total + distance
        rank = (smallest * (tiles * number + 1) + total) * (len(orders) + 1) + first  # no two are equal
        chosen.append(int(rank.argmax()))
    return orders[chosen]


class Jigsaw(Method):
    """image -> tiles in another order -> the same encoder on each -> all features side by side -> the order.

    Place k of the puzzle holds tile permutations[answer, k]; tiles are numbered row by row. Against shortcuts
    each tile is a random crop inside its cell (no edges that run on, no fixed distance), and each is
    standardised by itself (no common brightness or contrast).

    permutations: how many orders of `permutation_set` are told apart (paper: up to 1000). grid: cells per
    side. tile: side of a tile in pixels (default: 85 % of the cell, the paper's 64 of 75). standardise=False
    and tile = the cell's side open the shortcuts. hidden_size: of the head (default: 4 * encoder.width).
    A VisionTransformer works if its patch_size divides `tile`.

    Left out: the paper's grey images and its shifting of colour channels against chromatic aberration.
    Raises ValueError for orders that do not exist, and in `views` for a tile larger than its cell.
    """

    permutations: Tensor

    def __init__(
        self,
        encoder: nn.Module,
        permutations: int = 64,
        grid: int = 3,
        tile: int | None = None,
        standardise: bool = True,
        hidden_size: int | None = None,
        seed: int = 0,
        **options,
    ):
        super().__init__(encoder, **options)
        self.grid, self.tile, self.standardise = grid, tile, standardise
        self.register_buffer("permutations", permutation_set(permutations, grid**2, seed).clone())
        self.head = mlp(grid**2 * self.width, hidden_size or 4 * self.width, permutations)

    def places(
        self, batch: int, height: int, width: int, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor, int]:
        """Corners of the tiles, tops and lefts (B, grid * grid) int64, row by row, and the side of a tile."""
        cell = torch.tensor([height // self.grid, width // self.grid])
        tile = max(1, round(0.85 * int(cell.min()))) if self.tile is None else self.tile
        if not 1 <= tile <= cell.min():
            raise ValueError(
                f"Jigsaw: tile is {tile}, but a cell of the {self.grid} x {self.grid} grid on {height} x "
                f"{width} pixels has {int(cell[0])} x {int(cell[1])}."
            )
        index = torch.arange(self.grid**2)
        corner = torch.stack([index // self.grid, index % self.grid], dim=1) * cell  # (tiles, 2)
        inside = integers((cell - tile + 1).expand(batch, self.grid**2, 2), generator)
        tops, lefts = (corner + inside).unbind(dim=2)
        return tops, lefts, tile

    def views(self, images: Tensor, generator: torch.Generator | None = None) -> list[Tensor]:
        """[puzzle (B, tiles, 3, t, t), answer (B,) int64], answer a row of `permutations`."""
        images = as_float(images)
        answer = integers(torch.full((len(images),), len(self.permutations)), generator).to(images.device)
        height, width = images.shape[2:]
        tops, lefts, tile = self.places(len(images), height, width, generator)
        order = self.permutations.to(images.device)[answer]  # (B, tiles): which tile lies in each place
        tiles = cut_tiles(images, tops, lefts, (tile, tile))
        puzzle = tiles[torch.arange(len(images), device=images.device)[:, None], order]
        return [standardise_tiles(puzzle) if self.standardise else puzzle, answer]

    def scores(self, puzzle: Tensor) -> Tensor:
        """One score per order: (B, tiles, 3, t, t) -> (B, permutations)."""
        features = self.encoder(puzzle.flatten(0, 1))  # (B * tiles, width)
        return self.head(features.reshape(len(puzzle), -1))

    def loss(self, views: list[Tensor]) -> Tensor:
        """views: [puzzle, answer], as `views` gives them. Returns a scalar."""
        puzzle, answer = views
        return answer_loss(self, self.scores(puzzle), answer)

    def stuck_values(self, batch_size: int) -> dict[str, float]:
        """All orders equally likely."""
        return {"ln(permutations)": math.log(len(self.permutations))}


def standardise_tiles(tiles: Tensor) -> Tensor:
    """Each colour of each tile moved to mean 0.5 and standard deviation 0.25: (..., 3, h, w), same shape.

    Not to 0 and 1, so that they stay near the [0, 1] that an encoder expects. A tile of one colour would be
    divided by zero: contrast below 0.01 (2.5 grey levels) is taken as 0.01 and not blown up.
    """
    std, mean = torch.std_mean(tiles, dim=(-2, -1), keepdim=True, correction=0)
    return 0.5 + 0.25 * (tiles - mean) / std.clamp(min=0.01)
