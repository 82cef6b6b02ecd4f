import pytest
import torch
import torch.nn.functional as F

from course_lib.losses.patches import patchify
from course_lib.methods.causal import causal_mask
from course_lib.methods.next_embedding import NextEmbedding
from course_lib.models import VisionTransformer

from .pretext_pictures import as_one_view, seeded
from .small import Pixels, assert_resumed_equals_whole, pictures, train
from .test_mae import smooth


def tiny_vit(**options):
    return VisionTransformer(
        **{"image_size": 16, "patch_size": 4, "width": 12, "depth": 2, "heads": 2, **options}
    )


def make(encoder=tiny_vit, **options):
    torch.manual_seed(0)
    return NextEmbedding(encoder(), **options)


@pytest.mark.parametrize("registers", [0, 2])
def test_loss_is_minus_the_cosine_of_each_output_with_the_next_patch(registers):
    method = make(lambda: tiny_vit(registers=registers))
    view = pictures(3).float() / 255
    encoder, first = method.encoder, 1 + registers
    causal = causal_mask(first + 16, torch.tensor([first]))
    outputs = encoder.run(encoder.tokens(view), causal)
    weight, cosines = encoder.patches.weight.flatten(1), []
    standard = (view - encoder.mean) / encoder.std
    for b in range(3):
        for k in range(1, 16):
            y, x = 4 * (k // 4), 4 * (k % 4)
            z = weight @ standard[b, :, y : y + 4, x : x + 4].flatten() + encoder.patches.bias
            cosines.append(F.cosine_similarity(outputs[b, first + k - 1], z, dim=0))
    assert len(cosines) == 45
    assert method.loss([view]).item() == pytest.approx(-torch.stack(cosines).mean().item(), abs=1e-5)


def test_each_prediction_sees_the_patches_before_it_and_no_other():
    method = make(lambda: tiny_vit(registers=1))
    view, seen = (pictures(1).float() / 255).requires_grad_(), []

    method.encoder.norm.register_forward_hook(lambda module, arguments, tokens: seen.append(tokens))
    method.loss([view])
    (outputs,) = seen
    for k in range(1, 16):  # the token before patch k
        (gradient,) = torch.autograd.grad(outputs[:, 2 + k - 1].square().sum(), view, retain_graph=True)
        reached = patchify(gradient, 4)[0].ne(0).any(dim=1)
        assert reached.tolist() == [True] * k + [False] * (16 - k)


@pytest.mark.parametrize("stop_gradient", [True, False])
def test_the_target_gets_a_gradient_only_without_the_stop(stop_gradient):
    method = make(stop_gradient=stop_gradient)
    view = (pictures(2).float() / 255).requires_grad_()
    (gradient,) = torch.autograd.grad(method.loss([view]), view)
    # the last patch is a target and the input of no prediction
    last = patchify(gradient, 4)[:, 15]
    assert last.ne(0).any() == (not stop_gradient)
    assert method.loss([view]).item() == pytest.approx(make().loss([view]).item())


def test_without_the_stop_both_sides_learn_as_the_plain_cosine_says():
    method, view = make(stop_gradient=False), pictures(2).float() / 255
    parameters = [p for n, p in method.named_parameters() if n != "encoder.registers"]
    found = torch.autograd.grad(method.loss([view]), parameters)
    encoder = method.encoder
    outputs = encoder.run(encoder.tokens(view), causal_mask(17, torch.tensor([1])))[:, 1:-1]
    cosine = F.cosine_similarity(outputs, encoder.patch_embeddings(view)[:, 1:], dim=2)
    for a, b in zip(found, torch.autograd.grad(-cosine.mean(), parameters), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


def collapse(**options):
    """Loss, and the mean cosine between any two patch embeddings, after some steps."""
    method = make(learning_rate=3e-2, augment=as_one_view, **options)
    method.total_steps = 80
    train(method, 80)
    view = pictures().float() / 255
    z = F.normalize(method.encoder.patch_embeddings(view).detach().flatten(0, 1), dim=1)
    return method.loss([view]).item(), (z @ z.T).mean().item()


def test_without_the_stop_all_patches_get_one_direction():
    kept, fallen = collapse(), collapse(stop_gradient=False)
    assert fallen[0] < -0.95
    assert fallen[1] > 0.9
    assert kept[0] > -0.9
    assert kept[1] < 0.2


def test_training_lowers_the_loss():
    method = make(learning_rate=5e-3)
    views = method.views(smooth(), generator=seeded(1))
    before = method.loss(views).item()
    train(method, 60, batch_size=16, images=smooth())
    assert method.loss(views).item() < before - 0.3


def test_every_parameter_belongs_to_the_encoder_and_learns():
    method = make(lambda: tiny_vit(registers=1))
    assert all(name.startswith("encoder.") for name, _ in method.named_parameters())
    method.loss(method.views(pictures(8), generator=seeded())).backward()
    assert [name for name, p in method.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_stuck_value_is_that_of_an_untrained_encoder():
    losses = []
    for seed in range(10):
        torch.manual_seed(seed)
        losses.append(NextEmbedding(tiny_vit(width=48)).loss([torch.rand(4, 3, 16, 16)]).item())
    assert make().stuck_values(8) == {"cos = 0": 0.0}
    assert sum(losses) / 10 == pytest.approx(0.0, abs=0.15)


def test_other_sizes_than_the_encoders_own_work():
    method = make(lambda: tiny_vit(image_size=(16, 24)))
    for side in ((16, 24), (8, 20)):
        views = method.views(torch.rand(2, 3, *side), generator=seeded())
        assert torch.isfinite(method.loss(views))


def test_a_resumed_run_equals_the_uninterrupted_one(tmp_path):
    assert_resumed_equals_whole(make, tmp_path, steps=4)


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: make(Pixels), TypeError, "NextEmbedding: encoder is a Pixels"),
        (lambda: make(lambda: tiny_vit(conv_stem=True)), ValueError, "conv_stem=True"),
        (lambda: make().loss([torch.rand(2, 3, 4, 4)]), ValueError, "a single patch; use smaller patches"),
    ],
)
def test_bad_input_is_a_sentence(call, error, sentence):
    with pytest.raises(error, match=sentence):
        call()
