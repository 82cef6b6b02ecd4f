"""CIE Lab: one number for lightness and two for colour, so that equal steps look equally large.

sRGB: IEC 61966-2-1; Lab: CIE 15, white point D65.
"""

import torch
from torch import Tensor

# columns: what linear red, green and blue add to X, Y and Z
XYZ = torch.tensor(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
EDGE = 6 / 29  # below it the cube root is replaced by a line, which has a finite slope at zero


def rgb_to_lab(images: Tensor) -> Tensor:
    """(B, 3, H, W) in [0, 1] -> (B, 3, H, W): L in [0, 100], a (green to red), b (blue to yellow), float32.

    A grey has a = b = 0; sRGB reaches about -86 to 98 in a and -108 to 94 in b.
    """
    images = images.float()
    linear = torch.where(images <= 0.04045, images / 12.92, ((images + 0.055) / 1.055) ** 2.4)
    xyz = _mix(_relative(images), linear)  # each 1 for white
    root = torch.where(xyz > EDGE**3, xyz.clamp(min=EDGE**3) ** (1 / 3), xyz / (3 * EDGE**2) + 4 / 29)
    x, y, z = root.unbind(1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], dim=1)


def lab_to_rgb(lab: Tensor) -> Tensor:
    """The inverse: (B, 3, H, W) L, a, b -> RGB, clipped to [0, 1] where sRGB has no such colour."""
    lightness, a, b = lab.float().unbind(1)
    y = (lightness + 16) / 116
    root = torch.stack([y + a / 500, y, y - b / 200], dim=1)
    xyz = torch.where(root > EDGE, root**3, 3 * EDGE**2 * (root - 4 / 29))
    linear = _mix(torch.linalg.inv(_relative(lab)), xyz).clamp(0, 1)
    return torch.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055).clamp(0, 1)


def _mix(matrix: Tensor, channels: Tensor) -> Tensor:
    """The matrix times each pixel; float32 under autocast too: bf16 would be off by units."""
    with torch.autocast(channels.device.type, enabled=False):
        return torch.einsum("ij,bjhw->bihw", matrix, channels)


def _relative(like: Tensor) -> Tensor:
    """XYZ relative to the white of sRGB, on the device of `like`."""
    return (XYZ / XYZ.sum(dim=1, keepdim=True)).to(like.device)
