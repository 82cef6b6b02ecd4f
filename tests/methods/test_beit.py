import math

import pytest
import torch
from torch import nn

from course_lib.methods.beit import BEiT
from course_lib.methods.codebook import PatchCodebook
from course_lib.models import VisionTransformer

from .pretext_pictures import seeded, silence
from .small import Pixels, assert_resumed_equals_whole, pictures, train


def tiny_vit(**options):
    return VisionTransformer(
        **{"image_size": 16, "patch_size": 4, "width": 12, "depth": 1, "heads": 2, **options}
    )


class Brightness(nn.Module):
    """A tokenizer of one's own: dark, middle or bright. Its weight must stay as it is."""

    vocabulary = 3

    def __init__(self):
        super().__init__()
        self.levels = nn.Parameter(torch.tensor([0.4, 0.6]))
        self.dropout = nn.Dropout(0.9)

    def forward(self, images):
        mean = self.dropout(images.mean(1).unfold(1, 4, 4).unfold(2, 4, 4).mean((3, 4)).flatten(1))
        return (mean[:, :, None] > self.levels).sum(2)


def make(encoder=tiny_vit, tokenizer=None, **options):
    torch.manual_seed(0)
    encoder = encoder()
    return BEiT(encoder, tokenizer or PatchCodebook.of(pictures(30), 4, vocabulary=8), **options)


def halves(number=16, side=16):
    """Each image is dark or bright all over: its hidden patches can be told from the others. uint8."""
    level = 40 + 170 * torch.randint(0, 2, (number, 1, 1, 1), generator=seeded())
    noise = torch.randint(0, 40, (number, 3, side, side), generator=seeded(1))
    return (level + noise).to(torch.uint8)


def test_exactly_that_many_patches_are_hidden_in_blocks():
    method = make(lambda: tiny_vit(image_size=32))
    view, hidden = method.views(pictures(50, 32), generator=seeded())
    assert view.shape == (50, 3, 32, 32)
    assert hidden.dtype == torch.int64
    assert hidden.shape == (50, round(0.4 * 64))
    mask = torch.zeros(50, 64).scatter(1, hidden, 1.0).view(50, 8, 8)
    assert (mask.sum((1, 2)) == 26).all()
    neighbours_too = (mask[..., 1:] * mask[..., :-1]).sum() / mask[..., :-1].sum()
    assert neighbours_too > 0.6  # alone it would be 0.4
    again, other = (method.views(pictures(50, 32), generator=seeded(s))[1] for s in (0, 1))
    assert torch.equal(hidden, again)
    assert not torch.equal(hidden, other)


@pytest.mark.parametrize("registers", [0, 2])
def test_loss_is_the_cross_entropy_at_the_hidden_patches(registers):
    method = make(lambda: tiny_vit(registers=registers), mask_ratio=0.5).eval()
    view, hidden = method.views(pictures(3), generator=seeded())
    mask = torch.zeros(3, 16, dtype=torch.bool)
    for b in range(3):
        mask[b, hidden[b]] = True
    encoded = method.encoder.run(method.encoder.tokens(view, mask, method.mask_token))
    words, errors = method.tokenizer(view), []
    for b in range(3):
        for n in range(16):
            if mask[b, n]:
                scores = method.head(encoded[b, 1 + registers + n]).double()
                errors.append(scores.logsumexp(0) - scores[words[b, n]])
    assert len(errors) == 24
    assert method.loss([view, hidden]).item() == pytest.approx(torch.stack(errors).mean().item(), rel=1e-5)


def test_the_encoder_does_not_see_what_is_hidden_and_the_tokenizer_does():
    method = make(mask_ratio=0.5).eval()
    view, hidden = method.views(pictures(4), generator=seeded())
    cover = torch.zeros(4, 16).scatter(1, hidden, 1.0).view(4, 1, 4, 4)
    cover = cover.repeat_interleave(4, 2).repeat_interleave(4, 3)
    noise = torch.rand(view.shape, generator=seeded(1))
    other = torch.where(cover > 0, noise, view)
    mask = torch.zeros(4, 16, dtype=torch.bool).scatter(1, hidden, True)
    encoder, token = method.encoder, method.mask_token
    assert torch.equal(encoder.tokens(view, mask, token), encoder.tokens(other, mask, token))
    assert not torch.equal(method.tokenizer(view), method.tokenizer(other))
    assert method.loss([view, hidden]) != method.loss([other, hidden])


def test_stuck_values():
    method = make()
    silence(method.head)
    value = method.loss(method.views(pictures(8), generator=seeded())).item()
    assert value == pytest.approx(method.stuck_values(8)["ln V"])
    assert value == pytest.approx(math.log(8))
    # answering with the words' frequencies costs their entropy, when all patches are asked
    frequencies = method.tokenizer.frequencies
    method.head.bias.data.copy_(frequencies.log())
    everywhere = torch.arange(16).expand(30, -1)
    value = method.loss([pictures(30).float() / 255, everywhere]).item()
    assert value == pytest.approx(method.stuck_values(8)["H(words)"], rel=1e-4)
    assert value < math.log(8)


def test_a_tokenizer_of_ones_own_stays_frozen_and_in_eval_mode():
    method = make(tokenizer=Brightness(), learning_rate=1e-2)
    assert list(method.stuck_values(8)) == ["ln V"]
    before = method.tokenizer.levels.clone()
    views = method.views(halves(), generator=seeded(1))
    start = method.loss(views).item()
    train(method, 40, batch_size=16, images=halves())
    assert torch.equal(method.tokenizer.levels, before)
    assert method.train().tokenizer.dropout.training is False
    assert method.loss(views).item() < 0.3 * start
    trained = {id(p) for group in method.groups() for p in group["params"]}
    assert id(method.tokenizer.levels) not in trained


def test_training_with_the_codebook_lowers_the_loss():
    method = make(learning_rate=1e-2)
    views = method.views(pictures(8), generator=seeded(1))
    before = method.loss(views).item()
    train(method, 40, images=pictures(8))
    assert method.loss(views).item() < before


def test_every_parameter_that_should_learn_does():
    method = make()
    method.loss(method.views(pictures(8), generator=seeded())).backward()
    silent = [name for name, p in method.named_parameters() if p.grad is None or not p.grad.abs().sum()]
    assert silent == ["encoder.registers"]  # there are none


def test_other_sizes_than_the_encoders_own_work():
    method = make(lambda: tiny_vit(image_size=(16, 24)))
    for side in ((16, 24), (8, 20)):
        views = method.views(torch.rand(2, 3, *side), generator=seeded())
        assert torch.isfinite(method.loss(views))


def test_a_resumed_run_equals_the_uninterrupted_one_and_keeps_its_words(tmp_path):
    assert_resumed_equals_whole(make, tmp_path, steps=4, spoil=lambda rest: rest.tokenizer.words.zero_())


def other_patches():
    return PatchCodebook.of(pictures(30), 8, 8)


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: make(Pixels), TypeError, "BEiT: encoder is a Pixels"),
        (lambda: make(lambda: tiny_vit(conv_stem=True)), ValueError, "conv_stem=True"),
        (lambda: make(mask_ratio=1.0), ValueError, "mask_ratio is 1.0"),
        (lambda: make(tokenizer=torch.sum), TypeError, "tokenizer is a .* without .vocabulary; give PatchC"),
        (
            lambda: (m := make(tokenizer=other_patches())).loss(m.views(pictures(2))),
            ValueError,
            r"tokenizer gave \(2, 4\) tokens; 2 images of 4 x 4 patches need \(2, 16\)",
        ),
    ],
)
def test_bad_input_is_a_sentence(call, error, sentence):
    with pytest.raises(error, match=sentence):
        call()
