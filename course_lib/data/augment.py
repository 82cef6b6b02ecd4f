"""Batched augmentations: each takes float images (B, 3, H, W) in [0, 1] and draws for each image separately.

They run on the device of the batch, without gradient, in float32, take `generator=` for the draws and
leave their input untouched. Same distributions as torchvision.transforms.v2 per sample (tests/data holds it).
"""

from course_lib.data.color import color_jitter, grayscale, solarize
from course_lib.data.filters import cutout, gaussian_blur, gaussian_noise, sobel
from course_lib.data.geometry import horizontal_flip, random_resized_crop, rotate, rotate90

__all__ = [
    "color_jitter",
    "cutout",
    "gaussian_blur",
    "gaussian_noise",
    "grayscale",
    "horizontal_flip",
    "random_resized_crop",
    "rotate",
    "rotate90",
    "sobel",
    "solarize",
]
