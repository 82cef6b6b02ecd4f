"""`setup`: the first cell of every notebook. Says on what it runs and how long that will take here."""

import os
import random
import sys
from dataclasses import dataclass, field

from course_lib.lab import attempts, bundle

PROFILES = ("quick", "full")


@dataclass(frozen=True)
class Setup:
    """What `setup` found: .lab, .profile, .device ("cpu", "cuda", "mps"), .seed, .speed and .minutes(kind).

    speed: of this machine, where the reference machine (2 cores with AMX) has 1; None if not measured.
    """

    lab: str
    profile: str
    device: str
    seed: int
    speed: float | None = None
    budget: float | None = field(default=1.0, repr=False)

    def minutes(self, kind: str = "train") -> float | None:
        """Minutes of one training cell, for `fit(minutes=...)`; None where the profile counts epochs.

        kind: what is trained, "simclr" or "moco"; every method gets the same time, to be comparable.
        """
        return self.budget


def setup(lab: str, profile: str | None = None, seed: int = 0, trains: bool = True) -> Setup:
    """Choose the profile and the device, seed Python, NumPy and torch, and print what to expect.

    lab: its name, "03_contrastive". profile: "quick" (CPU, minutes) or "full" (GPU, real data); without
    it COURSE_PROFILE, else "quick". trains: False in a notebook without training: torch is not loaded, no
    speed is measured. May be called again at any time. Raises ValueError for another profile.
    """
    profile = profile or os.environ.get("COURSE_PROFILE") or "quick"
    if profile not in PROFILES:
        raise ValueError(f"profile is {profile!r}; use one of {', '.join(map(repr, PROFILES))}.")
    attempts.set_current_lab(lab if lab in bundle.names() else None)
    device = _device() if trains else "cpu"
    budget = _budget(profile) if trains else None
    speed = _calibrate(device) if trains else None
    seed_everything(seed)
    found = Setup(lab, profile, device, seed, speed, budget)
    print(_sentence(found) if trains else f"{lab}: nothing is trained here; seed {seed}.")
    return found


def seed_everything(seed: int) -> None:
    """Start the global generators of Python, NumPy and torch (where installed) from `seed`."""
    import numpy as np

    random.seed(seed)
    np.random.seed(seed)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)


def in_grader() -> bool:
    """True in the grader's kernel, where nothing is trained and what is right or wrong is not known."""
    return bool(os.environ.get("COURSE_GRADING"))


def _device() -> str:
    try:
        import torch
    except ImportError:
        return "cpu"
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _calibrate(device: str) -> float | None:
    """Half a second of measurement by the training room; None where that room is missing."""
    if in_grader():
        return None
    try:
        from course_lib.training import profiles
    except ImportError:
        return None
    return float(profiles.calibrate(device=device).speed)


def _budget(profile: str) -> float | None:
    """Minutes per training cell, from the training room's profile; without that room 1 for quick."""
    try:
        from course_lib.training import profiles
    except ImportError:
        return 1.0 if profile == "quick" else None
    return profiles.choose_profile(profile).minutes


def _sentence(found: Setup) -> str:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    device = {"cpu": f"CPU ({cores} cores)", "cuda": "GPU (CUDA)", "mps": "GPU (Apple)"}[found.device]
    parts = [f"{found.lab} on {device}, profile {found.profile!r}, seed {found.seed}."]
    if found.budget is not None:
        parts.append(f"Each training cell takes about {found.budget:g} minute{'s' * (found.budget != 1)}.")
    else:
        parts.append("Training runs for epochs, not minutes; its progress bar says how long.")
    if found.speed is not None:
        parts.append(
            f"This machine trains at {found.speed:.1f} x the speed of the reference (2 cores with AMX)."
        )
    return " ".join(parts)
