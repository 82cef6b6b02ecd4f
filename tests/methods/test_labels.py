"""Fine-tuning's rates, and the semi-supervised baselines: who teaches whom."""

import copy

import pytest
import torch
import torch.nn.functional as F

from course_lib.data import ImageSet
from course_lib.methods.fine_tune import FineTune, layer_of
from course_lib.methods.fixmatch import FixMatch, PseudoLabel, mild_views, strong_views
from course_lib.models import VisionTransformer

from .small import Pixels, assert_same_state, pictures, tiny_resnet, train

COLOURS = torch.tensor([[30, 30, 30], [220, 220, 220], [220, 20, 20]], dtype=torch.uint8)


def coloured(number, noise=0, seed=0):
    labels = torch.arange(number) % 3
    images = COLOURS[labels][:, :, None, None].expand(-1, -1, 16, 16).int()
    generator = torch.Generator().manual_seed(seed)
    shift = torch.randint(-noise, noise + 1, (number, 3, 1, 1), generator=generator)
    return (images + shift).clamp(0, 255).to(torch.uint8), labels


def rates(method):
    """Learning rate of every parameter that has elements, by name, as the optimiser has it."""
    of = {
        id(p): group["lr"]
        for group in method.configure_optimizers()["optimizer"].param_groups
        for p in group["params"]
    }
    factor = of[id(method.classifier.weight)] / method.learning_rate  # of the warm-up
    return {name: of[id(p)] / factor for name, p in method.named_parameters() if p.numel()}


@pytest.mark.parametrize("encoder", [tiny_resnet, lambda: VisionTransformer(16, 8, 12, 2, 2)])
def test_each_layer_further_down_learns_more_slowly(encoder):
    method = FineTune(encoder(), 3, layer_decay=0.5, learning_rate=1.0)
    found = rates(method)
    assert len(found) == sum(p.numel() > 0 for p in method.parameters())  # nobody is forgotten
    for name, rate in found.items():
        if name.startswith("classifier"):
            assert rate == 1.0
        else:
            assert rate == pytest.approx(0.5 ** (3 - layer_of(method.encoder, name.removeprefix("encoder."))))
    assert set(found.values()) == {1.0, 0.5, 0.25, 0.125}
    assert {group["lr"] for group in method.groups()} == {1.0, 0.5, 0.25, 0.125}  # not only their ratios


def test_a_transformers_last_norm_goes_with_its_last_block():
    vit = VisionTransformer(16, 8, 12, 3, 2)
    numbers = [
        layer_of(vit, n) for n in ("cls_token", "patches.weight", "blocks.0.norm1.weight", "norm.bias")
    ]
    assert numbers == [0, 0, 1, 3]


def test_decay_zero_trains_the_classifier_alone_and_weight_decay_spares_biases():
    images, labels = coloured(24)
    encoder = tiny_resnet()  # its BatchNorm keeps averages
    before = copy.deepcopy(encoder)
    method = FineTune(encoder, 3, layer_decay=0.0, learning_rate=0.1)
    classifier = copy.deepcopy(method.classifier)
    train(method, 5, images=torch.utils.data.TensorDataset(images, labels))
    assert_same_state(encoder, before)
    for name, value in method.classifier.state_dict().items():
        assert not torch.equal(value, classifier.state_dict()[name]), name
    decays = {g["weight_decay"] for g in method.groups()}
    assert decays == {method.weight_decay, 0.0}


def test_without_decay_it_is_the_supervised_baseline():
    found = rates(FineTune(tiny_resnet(), 3, layer_decay=1.0, learning_rate=0.3))
    assert set(found.values()) == {0.3}


def method_of(kind=FixMatch, **options):
    torch.manual_seed(0)
    return kind(Pixels(), 3, coloured(6), labelled_batch=5, **options)


def test_views_bring_labels_of_the_labelled_set_and_never_those_of_the_batch():
    method = method_of(weak=lambda images, generator=None: [images.float() / 255])
    images, _ = coloured(8, noise=20)
    weak, strong, known, labels = method.make_views(images, torch.Generator().manual_seed(0))
    assert torch.equal(weak, images.float() / 255)
    assert strong.shape == weak.shape
    assert torch.equal((known[:, :, 0, 0] * 255).round().to(torch.uint8), COLOURS[labels])
    assert len(labels) == 5


def test_only_confident_guesses_teach_and_the_guess_gets_no_gradient():
    method = method_of(threshold=0.6)
    weak, strong, known = (
        torch.rand(8, 3, 16, 16, generator=torch.Generator().manual_seed(s)) for s in range(3)
    )
    labels = torch.arange(8) % 3
    for module in (method.classifier, method.encoder.layer):
        module.weight.data *= 6
    confidence, guess = method.guess(weak)
    assert not confidence.requires_grad
    sure = confidence >= 0.6
    assert 0 < sure.sum() < 8
    logits = method.classifier(method.encoder(strong))
    expected = F.cross_entropy(method.classifier(method.encoder(known)), labels)
    expected = expected + F.cross_entropy(logits[sure], guess[sure], reduction="sum") / 8
    assert torch.allclose(method.loss([weak, strong, known, labels]), expected, rtol=1e-5)
    leaf = weak.clone().requires_grad_()
    method.loss([leaf, strong, known, labels]).backward()
    assert leaf.grad is None or (leaf.grad == 0).all()


def test_unsure_guesses_leave_the_supervised_loss():
    method = method_of(threshold=1.0)
    views = method.make_views(coloured(8, noise=30)[0], torch.Generator().manual_seed(1))
    plain = F.cross_entropy(method.classifier(method.encoder(views[2])), views[3])
    assert torch.allclose(method.loss(views), plain, rtol=1e-5)
    assert torch.allclose(method_of(weight=0.0, threshold=0.01).loss(views), plain, rtol=1e-5)


def test_pseudo_label_shows_the_same_view_twice():
    method = method_of(PseudoLabel)
    weak, strong, *_ = method.make_views(coloured(8)[0], torch.Generator().manual_seed(1))
    assert weak is strong


@pytest.mark.parametrize("kind", [FixMatch, PseudoLabel])
def test_three_labels_and_many_images_are_enough_for_three_colours(kind):
    torch.manual_seed(0)
    images, labels = coloured(48, noise=25)
    known = ImageSet(
        COLOURS[:, :, None, None].expand(-1, -1, 16, 16).numpy(), [0, 1, 2], list("abc"), "x", "train"
    )
    plain = lambda images, generator=None: [images.float() / 255 if images.dtype == torch.uint8 else images]  # noqa: E731
    method = kind(Pixels(), 3, known, threshold=0.8, weak=plain, learning_rate=0.1)
    train(method, 24, batch_size=2, images=images)
    assert (method.predict(images) == labels).float().mean() > 0.9


def test_default_views_are_mild_and_strong():
    images = pictures(6, 32)
    weak = mild_views(images, torch.Generator().manual_seed(0))[0]
    strong = strong_views(images, torch.Generator().manual_seed(0))[0]
    assert weak.shape == strong.shape == images.shape
    assert 0 <= strong.min() <= strong.max() <= 1


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: FineTune(Pixels(), 3, layer_decay=1.5), "layer_decay=1.5"),
        (lambda: method_of(threshold=0), "threshold=0"),
        (lambda: FixMatch(Pixels(), 3, (pictures(3), torch.tensor([0, 1]))), "3 images and 2 labels"),
        (lambda: FixMatch(Pixels(), 3, (pictures(2), torch.tensor([0, -1]))), "at least 0"),
    ],
)
def test_sentences(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
