import numpy as np
import pytest
import torch

from course_lib.losses.masked_pixels import standardise_patches
from course_lib.losses.patches import patchify, unpatchify
from course_lib.methods.codebook import PatchCodebook

from .pretext_pictures import seeded
from .small import pictures


def three_kinds(number=40, noise=0.02):
    """Images of 4 x 4 patches that are one of three patterns, in any brightness and contrast; and which."""
    patterns = torch.randn(3, 48, generator=seeded())
    kinds = torch.randint(0, 3, (number, 16), generator=seeded(1))
    contrast = 0.05 + 0.1 * torch.rand(number, 16, 1, generator=seeded(2))
    patches = (
        0.5 + contrast * patterns[kinds] + 0.1 * noise * torch.randn(number, 16, 48, generator=seeded(3))
    )
    return unpatchify(patches, 4, (4, 4)).clamp(0, 1), kinds


def test_words_are_the_kinds_of_patches_whatever_their_contrast():
    images, kinds = three_kinds()
    book = PatchCodebook.of(images, 4, vocabulary=3)
    tokens = book(images)
    assert tokens.dtype == torch.int64
    assert tokens.shape == (40, 16)
    pairs = {(int(a), int(b)) for a, b in zip(tokens.flatten(), kinds.flatten(), strict=True)}
    assert len(pairs) == 3  # another name for each kind, the same everywhere
    assert torch.equal(tokens, book(0.3 + 0.5 * images))
    assert torch.allclose(book.frequencies, tokens.flatten().bincount(minlength=3) / tokens.numel())


def test_token_is_the_nearest_word():
    images = pictures(6).float() / 255
    book = PatchCodebook(torch.randn(7, 48, generator=seeded()), torch.full((7,), 1 / 7), 4)
    patches = standardise_patches(patchify(images, 4))[0]
    expected = [[((p - book.words) ** 2).sum(1).argmin().item() for p in image] for image in patches]
    assert book(images).tolist() == expected


def test_words_that_bf16_would_mix_up_stay_apart():
    images = pictures(1).float() / 255
    (words,) = standardise_patches(patchify(images, 4))[0]
    nearly = words + 0.01 * torch.randn(16, 48, generator=seeded())
    book = PatchCodebook(torch.cat([nearly, words]), torch.full((32,), 1 / 32), 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert book(images)[0].tolist() == list(range(16, 32))


def test_the_same_seed_gives_the_same_words_from_any_container():
    images = pictures(30)
    first, again = PatchCodebook.of(images, 4, 8), PatchCodebook.of(np.asarray(images), 4, 8)
    assert torch.equal(first.words, again.words)
    few = PatchCodebook.of(images, 4, 8, sample=64)  # of four images
    other = PatchCodebook.of(images, 4, 8, sample=64, seed=1)
    assert not torch.equal(few.words, other.words)


def test_words_travel_in_the_state_and_do_not_learn():
    book, other = (PatchCodebook.of(pictures(30, seed=s), 4, 8) for s in (0, 1))
    assert list(book.parameters()) == []
    other.load_state_dict(book.state_dict())
    assert torch.equal(book(pictures(3) / 255), other(pictures(3) / 255))


def test_entropy_of_the_words():
    book = PatchCodebook(torch.randn(4, 48), torch.tensor([0.5, 0.25, 0.25, 0.0]), 4)
    assert book.entropy == pytest.approx(1.5 * np.log(2))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: PatchCodebook(torch.zeros(4, 47), torch.zeros(4), 4), r"words \(4, 47\).* give \(V, 48\)"),
        (lambda: PatchCodebook(torch.zeros(4, 48), torch.zeros(3), 4), r"frequencies \(3,\)"),
        (lambda: PatchCodebook.of(pictures(2), 4, 33), "vocabulary is 33 and there are 32 patches"),
        (lambda: PatchCodebook.of(pictures(2), 5, 8), "patchify: .*patch_size is 5"),
    ],
)
def test_bad_input_is_a_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
