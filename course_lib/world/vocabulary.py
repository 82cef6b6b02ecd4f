"""The world's words: colours, kinds and what is known about each kind, skies and grounds."""

from __future__ import annotations

COLORS: dict[str, tuple[int, int, int]] = {
    "red": (214, 46, 42),
    "orange": (243, 134, 28),
    "yellow": (250, 214, 52),
    "green": (58, 158, 66),
    "blue": (44, 102, 208),
    "purple": (134, 66, 172),
    "pink": (246, 146, 188),
    "brown": (128, 80, 46),
}

# What the knowledge questions may ask. Each fact holds for the kinds named and for no other.
FACTS: dict[str, frozenset[str]] = {
    "is an animal": frozenset({"fish", "bird", "cat", "butterfly", "snail"}),
    "is a plant": frozenset({"tree", "pine", "flower", "blossom"}),
    "has wings": frozenset({"bird", "butterfly"}),
    "lives under water": frozenset({"fish"}),
    "carries people": frozenset({"car", "boat", "rocket"}),
    "has wheels": frozenset({"car"}),
    "flies to space": frozenset({"rocket"}),
    "keeps you dry in the rain": frozenset({"umbrella"}),
    "holds a drink": frozenset({"cup"}),
    "is a building": frozenset({"house"}),
    "rolls when kicked": frozenset({"ball"}),
    "carries its house on its back": frozenset({"snail"}),
    "says meow": frozenset({"cat"}),
}

KINDS: tuple[str, ...] = (
    "house",
    "tree",
    "car",
    "fish",
    "bird",
    "cat",
    "flower",
    "boat",
    "umbrella",
    "mushroom",
    "rocket",
    "cup",
    "butterfly",
    "face",
    "ball",
    "pine",
    "snail",
    "blossom",
)

# Kinds that look right whichever way they are turned.
NO_WAY_UP: frozenset[str] = frozenset({"ball", "blossom"})

# Kinds that may hang in the air; the others stand on the ground when there is one.
FLOATS: frozenset[str] = frozenset({"bird", "butterfly", "rocket", "fish", "face"})

SKIES: dict[str, tuple[int, int, int]] = {
    "blue": (158, 206, 242),
    "grey": (192, 198, 206),
    "evening": (250, 194, 150),
    "night": (52, 58, 104),
    "violet": (204, 186, 228),
    "white": (224, 232, 238),
}

GROUNDS: dict[str, tuple[int, int, int]] = {
    "grass": (136, 184, 100),
    "sand": (230, 208, 154),
    "snow": (218, 228, 242),
    "water": (104, 164, 204),
    "earth": (168, 134, 104),
    "stone": (160, 158, 164),
}

BACKDROPS: dict[str, tuple[int, int, int]] = {
    "mint": (190, 222, 204),
    "cream": (244, 230, 200),
    "lilac": (212, 200, 230),
    "grey": (190, 192, 196),
    "slate": (96, 108, 128),
    "peach": (248, 208, 184),
}

STYLES: tuple[str, ...] = ("flat", "sketch", "textured")

# At most five letters, so that a sign can be read at 48 pixels. Some name a kind: a sign may lie.
WORDS: tuple[str, ...] = (
    "CAT", "CAR", "CUP", "FISH", "BIRD", "BOAT", "BALL", "TREE", "SHOP", "STOP",
    "OPEN", "EXIT", "MILK", "TEA", "ZOO", "PARK", "BUS", "SALE", "HELLO", "LEFT",
)  # fmt: skip


def has_way_up(kind: str) -> bool:
    """True if the kind has a canonical way up. ValueError if there is no such kind."""
    if kind not in KINDS:
        raise ValueError(f"has_way_up: kind {kind!r} is not one of {', '.join(KINDS)}.")
    return kind not in NO_WAY_UP
