"""The labs that the tests read, each with what its setup cell imports."""

import math

import numpy as np
import torch
from lab_files import Lab
from torch.nn import functional as F

CONTRASTIVE = Lab(
    "03_contrastive", {"torch": torch, "math": math, "F": F, "nn": torch.nn}, margins=(100, 1000)
)
BENCHMARKING = Lab("09_benchmarking", {"np": np}, margins=(5, 5))
