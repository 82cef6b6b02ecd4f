"""Images as rows of patches and back: the order in which masked prediction counts pixels."""

from torch import Tensor


def patchify(images: Tensor, patch_size: int) -> Tensor:
    """Cut images into patches: (B, C, H, W) -> (B, N, patch_size * patch_size * C), N = rows * columns.

    Patches go row by row, as a VisionTransformer's tokens do; inside a patch the order is pixel row, pixel
    column, channel. `unpatchify` is the inverse. Raises ValueError if the image is not a whole number of
    patches.
    """
    if images.ndim != 4 or patch_size < 1 or images.shape[2] % patch_size or images.shape[3] % patch_size:
        raise ValueError(
            f"patchify: images has shape {tuple(images.shape)} and patch_size is {patch_size}; "
            "give (B, C, H, W) with H and W multiples of patch_size."
        )
    batch, channels, height, width = images.shape
    rows, columns = height // patch_size, width // patch_size
    cut = images.reshape(batch, channels, rows, patch_size, columns, patch_size)
    return cut.permute(0, 2, 4, 3, 5, 1).reshape(batch, rows * columns, patch_size * patch_size * channels)


def unpatchify(patches: Tensor, patch_size: int, grid: tuple[int, int]) -> Tensor:
    """Put patches back together: (B, N, patch_size * patch_size * C) -> (B, C, H, W).

    grid: (rows, columns) of patches, N = rows * columns. Raises ValueError if the sizes do not fit.
    """
    rows, columns = grid
    pixels = patch_size * patch_size
    if patches.ndim != 3 or patches.shape[1] != rows * columns or patches.shape[2] % pixels:
        raise ValueError(
            f"unpatchify: patches has shape {tuple(patches.shape)}; a grid of {rows} x {columns} patches of "
            f"{patch_size} x {patch_size} pixels needs (B, {rows * columns}, {pixels} * channels)."
        )
    cut = patches.reshape(len(patches), rows, columns, patch_size, patch_size, -1)
    return cut.permute(0, 5, 1, 3, 2, 4).reshape(len(patches), -1, rows * patch_size, columns * patch_size)
