"""A vocabulary of patches: k-means finds typical patches, and every patch is named after the nearest one."""

import torch
from torch import Tensor, nn

from course_lib.losses.masked_pixels import standardise_patches
from course_lib.losses.patches import patchify


class PatchCodebook(nn.Module):
    """images -> visual tokens: for each patch the number of the typical patch ("word") that it is nearest to.

    Patches are compared at mean 0 and standard deviation 1 (`standardise_patches`), so a word is a structure
    in any brightness and contrast. `PatchCodebook.of(images, patch_size)` finds the words.

    words: (V, patch_size * patch_size * 3), in the order of `patchify`. frequencies: (V,), how often each of
    them occurs, adding up to 1. Both are buffers, so a checkpoint holds them.
    Raises ValueError for words that are no patches, or frequencies for another number of words.
    """

    words: Tensor
    frequencies: Tensor

    def __init__(self, words: Tensor, frequencies: Tensor, patch_size: int):
        super().__init__()
        if words.ndim != 2 or words.shape[1] != 3 * patch_size**2 or frequencies.shape != words.shape[:1]:
            raise ValueError(
                f"PatchCodebook: words {tuple(words.shape)}, frequencies {tuple(frequencies.shape)}; with "
                f"patch_size={patch_size} give (V, {3 * patch_size**2}) and (V,)."
            )
        self.patch_size, self.vocabulary = patch_size, len(words)
        self.register_buffer("words", words.float())
        self.register_buffer("frequencies", frequencies.float())

    @classmethod
    def of(
        cls, images, patch_size: int, vocabulary: int = 512, seed: int = 0, sample: int = 50_000
    ) -> "PatchCodebook":
        """The `vocabulary` words of some images, by k-means on a sample of their patches.

        images: (N, 3, H, W) uint8 or float in [0, 1], or anything with `.images`. sample: patches that are
        looked at, those of whole images drawn from `seed`. Raises ValueError for more words than patches.
        """
        from sklearn.cluster import MiniBatchKMeans

        from course_lib.data import as_float

        images = getattr(images, "images", images)
        per_image = (images.shape[2] // patch_size) * (images.shape[3] // patch_size)
        order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
        chosen = order[: max(1, sample // max(1, per_image))].sort()[0]
        patches = patchify(as_float(torch.as_tensor(images[chosen.numpy()])), patch_size)
        rows = standardise_patches(patches)[0].flatten(0, 1)
        if not 2 <= vocabulary <= len(rows):
            raise ValueError(
                f"PatchCodebook: vocabulary is {vocabulary} and there are {len(rows)} patches; give at least "
                "2 words and as many patches."
            )
        found = MiniBatchKMeans(vocabulary, batch_size=4096, n_init=1, max_iter=20, random_state=seed)
        found.fit(rows.numpy())
        book = cls(torch.from_numpy(found.cluster_centers_), torch.zeros(vocabulary), patch_size)
        book.frequencies.copy_(book.nearest(rows).bincount(minlength=vocabulary) / len(rows))
        return book

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """images: (B, 3, H, W) float in [0, 1] -> (B, N) int64 from 0 to vocabulary - 1, row by row."""
        with torch.autocast(images.device.type, enabled=False):
            return self.nearest(standardise_patches(patchify(images.float(), self.patch_size))[0])

    def nearest(self, patches: Tensor) -> Tensor:
        """Standardised patches (..., P) -> the number of the nearest word, (...) int64."""
        # |x - w|^2 = |x|^2 - 2 x w + |w|^2, and |x|^2 is the same for all words
        return (self.words.square().sum(dim=1) / 2 - patches @ self.words.T).argmin(dim=-1)

    @property
    def entropy(self) -> float:
        """-sum of f ln f over the words' frequencies: the cost of a guess by frequency alone."""
        return float(torch.special.entr(self.frequencies).sum())
