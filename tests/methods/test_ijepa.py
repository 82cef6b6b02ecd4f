import pytest
import torch
import torch.distributed as dist
import torch.nn.functional as F
from processes import on_ranks

from course_lib.methods.ijepa import IJEPA, draw_blocks
from course_lib.methods.masking import encode_visible
from course_lib.models import BlockPredictor, VisionTransformer, sincos_positions

from .pretext_pictures import as_one_view, seeded
from .small import Pixels, assert_resumed_equals_whole, assert_same_state, pictures, train


def tiny_vit(**options):
    return VisionTransformer(
        **{"image_size": 24, "patch_size": 4, "width": 12, "depth": 1, "heads": 2, **options}
    )


def make(encoder=tiny_vit, **options):
    torch.manual_seed(0)
    small = {"predictor_width": 8, "predictor_depth": 1, "predictor_heads": 2, "augment": as_one_view}
    return IJEPA(encoder(), **{**small, **options})


def images(number=8):
    return pictures(number, 24)


def test_blocks_are_rectangles_of_one_size_at_places_of_their_own():
    places = set()
    for seed in range(30):
        blocks = draw_blocks(5, 4, (8, 10), (0.15, 0.2), (0.75, 1.5), seeded(seed))
        assert blocks.shape == (5, 4, 8, 10)
        sizes = set()
        for block in blocks.flatten(0, 1):
            rows, columns = block.any(1).nonzero()[:, 0], block.any(0).nonzero()[:, 0]
            assert block[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
            sizes.add((len(rows), len(columns)))
            assert block.sum() == len(rows) * len(columns)
            places.add((int(rows[0]), int(columns[0])))
        (size,) = sizes
        assert 0.15 * 80 * 0.7 <= size[0] * size[1] <= 0.2 * 80 * 1.3  # to rounding
        assert 0.75 * 0.7 <= size[0] / size[1] <= 1.5 * 1.4
    assert len(places) > 20
    assert draw_blocks(1, 1, (3, 5), (1.0, 1.0), (1.0, 1.0), seeded()).shape == (1, 1, 3, 5)


@pytest.mark.parametrize("side", [(24, 24), (24, 32)])
def test_context_and_targets_never_meet(side):
    method = make()
    patches = side[0] * side[1] // 16
    counts = set()
    for seed in range(30):
        view, context, targets = method.views(torch.rand(6, 3, *side), generator=seeded(seed))
        assert view.shape == (6, 3, *side)
        assert context.dtype == targets.dtype == torch.int64
        assert targets.shape[:2] == (6, 4)
        for own, others in zip(context, targets, strict=True):
            assert len(set(own.tolist())) == len(own)
            assert not set(own.tolist()) & set(others.flatten().tolist())
        assert max(context.max(), targets.max()) < patches
        counts.add(context.shape[1])
    assert len(counts) > 1  # the size of the context follows the blocks


def test_enough_context_is_left_even_where_targets_could_cover_everything():
    method = make(target_scale=(0.2, 0.2), target_ratio=(1.0, 1.0))  # four blocks of 3 x 3 on 6 x 6
    _, context, targets = method.views(torch.rand(500, 3, 24, 24), generator=seeded())
    assert targets.shape == (500, 4, 9)
    assert context.shape[1] >= 7  # a fifth of 36
    left = torch.ones(500, 36).scatter(1, targets.flatten(1), 0.0).sum(1)
    assert left.min() == context.shape[1]
    often = torch.zeros(500, 36).scatter(1, context, 1.0).sum(0).view(6, 6)
    for first, last in ((often[0], often[5]), (often[:, 0], often[:, 5])):  # not always the first ones
        assert first.sum().item() == pytest.approx(last.sum().item(), rel=0.2)


def test_views_draw_from_the_generator_only():
    method = make()
    first, second, other = (method.views(images(), generator=seeded(s)) for s in (0, 0, 1))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not torch.equal(first[2], other[2])


def test_predictor_puts_positions_on_context_and_on_questions():
    torch.manual_seed(0)
    predictor = BlockPredictor(6, width=8, depth=1, heads=2)
    encoded, context, targets = torch.randn(2, 3, 6), torch.tensor([[3, 0], [1, 5]]), torch.tensor(
        [[[1, 2], [4, 5]], [[0, 2], [3, 4]]]
    )  # fmt: skip
    seen = []
    predictor.blocks[0].register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    prediction = predictor(encoded, context, targets, (2, 3))
    assert prediction.shape == (2, 2, 2, 6)
    embedded, positions = predictor.embed(encoded), sincos_positions((2, 3), 8)[0]
    for b in range(2):
        for m in range(2):
            expected = torch.cat(
                [
                    embedded[b, :1],
                    embedded[b, 1:] + positions[context[b]],
                    predictor.mask_token[0] + positions[targets[b, m]],
                ]
            )
            assert torch.allclose(seen[0][2 * b + m], expected, atol=1e-6)
    alone = predictor(encoded, context, targets[:, 1:], (2, 3))  # a block is predicted without the others
    assert torch.allclose(prediction[:, 1:], alone, atol=1e-6)


def test_loss_is_smooth_l1_to_the_normalised_features_of_the_whole_image():
    method = make(momentum=0.5)
    train(method, 2, images=images())  # teacher and encoder differ now
    torch.nn.init.normal_(method.teacher.norm.weight)  # targets are normalised again after it
    torch.nn.init.normal_(method.teacher.norm.bias)
    view, context, targets = views = method.views(images(3), generator=seeded())
    full = method.teacher.all_tokens(view)[:, 1:]
    full = (full - full.mean(2, keepdim=True)) / (full.var(2, unbiased=False, keepdim=True) + 1e-5).sqrt()
    encoded = encode_visible(method.encoder, view, context)
    prediction = method.predictor(encoded, context, targets, (6, 6))
    distances = []
    for b in range(3):
        for m in range(4):
            for t, place in enumerate(targets[b, m]):
                distances.append(F.smooth_l1_loss(prediction[b, m, t], full[b, place]))
    assert torch.allclose(method.loss(views), torch.stack(distances).mean(), rtol=1e-4)


def test_the_encoder_does_not_see_the_targets_and_the_teacher_does():
    method = make()
    view, context, targets = method.views(images(2), generator=seeded())
    hidden = torch.ones(2, 36).scatter(1, context, 0.0).view(2, 1, 6, 6).repeat_interleave(4, 2)
    hidden = hidden.repeat_interleave(4, 3)
    other = torch.where(hidden > 0, 1 - view, view)
    same = encode_visible(method.encoder, view, context), encode_visible(method.encoder, other, context)
    assert torch.allclose(*same, atol=1e-6)
    assert not torch.allclose(method.target_features(view, targets), method.target_features(other, targets))


def test_no_gradient_reaches_the_teacher_and_the_optimiser_does_not_have_it():
    method = make()
    method.loss(method.views(images(), generator=seeded())).backward()
    assert all(p.grad is None for p in method.teacher.parameters())
    silent = [
        n
        for n, p in method.named_parameters()
        if not n.startswith("teacher") and (p.grad is None or not p.grad.any())
    ]
    assert silent == ["encoder.registers"]  # there are none
    trained = {id(p) for g in method.configure_optimizers()["optimizer"].param_groups for p in g["params"]}
    assert not trained & {id(p) for p in method.teacher.parameters()}
    view, _, targets = method.views(images(), generator=seeded())
    assert not method.target_features(view, targets).requires_grad
    assert make(stop_gradient=False).target_features(view, targets).requires_grad


@pytest.mark.parametrize("momentum", [0.0, 0.5, 1.0])
def test_the_teacher_follows_after_each_step_and_its_momentum_rises_linearly(momentum):
    method, seen = make(momentum=momentum), []
    method.total_steps = 4
    before = [p.clone() for p in method.teacher.parameters()]
    plain = method.after_step

    def watch():
        expected = [p.clone() for p in method.teacher.parameters()]
        plain()
        m = momentum + (1 - momentum) * len(seen) / 4
        pairs = zip(expected, method.encoder.parameters(), method.teacher.parameters(), strict=True)
        seen.append(all(torch.allclose(m * t + (1 - m) * s, new, atol=1e-6) for t, s, new in pairs))

    method.after_step = watch
    train(method, 4, images=images())
    assert seen == [True] * 4
    if momentum == 1.0:
        assert all(torch.equal(a, b) for a, b in zip(before, method.teacher.parameters(), strict=True))


def asked(predictor, noise, targets=((0, 1), (2, 3)), images=1):
    """What the predictor's first block is told of the targets, (images * blocks, size, width)."""
    seen = []
    handle = predictor.blocks[0].register_forward_pre_hook(lambda _, args: seen.append(args[0].detach()))
    targets = torch.tensor(targets).expand(images, -1, -1)
    encoded, context = torch.zeros(images, 3, 6), torch.tensor([[4, 5]]).expand(images, -1)
    predictor(encoded, context, targets, (2, 3), noise)
    handle.remove()
    return seen[0][:, -targets.shape[2] :]


def test_noisy_positions_have_the_old_mean_and_the_covariance_of_the_tied_matrix():
    torch.manual_seed(0)
    predictor, sigma, images = BlockPredictor(6, width=8, depth=1, heads=2), 0.5, 20_000
    plain = asked(predictor, None)
    noise = sigma * torch.randn(images, 2, 2, 6, generator=seeded())
    with torch.no_grad():
        noisy = asked(predictor, noise, images=images).view(images, 2, 2, 8)
    shift = noisy - plain
    matrix = predictor.embed.weight.detach()
    covariance = sigma**2 * matrix @ matrix.T
    assert shift.mean(dim=0).abs().max() < 5 * (covariance.diagonal().max() / images).sqrt()
    rows = shift.flatten(0, 2)
    assert torch.allclose(rows.T @ rows / len(rows), covariance, atol=0.03 * float(covariance.max()))
    # each place is shifted on its own
    assert (shift[:, 0, 0] * shift[:, 1, 1]).mean(dim=0).abs().max() < 0.05 * covariance.max()


def test_noise_is_drawn_from_the_generator_and_moves_the_targets_in_training_only():
    method, plain = make(position_noise=0.3), make()
    *views, noise = method.views(images(), generator=seeded())
    off = plain.views(images(), generator=seeded())
    assert all(torch.equal(a, b) for a, b in zip(views, off, strict=True))
    assert noise.shape == (*views[2].shape, 12)
    assert noise.std().item() == pytest.approx(0.3, rel=0.1)
    assert torch.equal(noise, method.views(images(), generator=seeded())[3])
    assert not torch.equal(noise, method.views(images(), generator=seeded(1))[3])
    expected = plain.loss(off)
    assert not torch.allclose(method.loss([*views, noise]), expected, rtol=1e-4)
    method.eval()
    assert len(method.views(images(), generator=seeded())) == 3
    assert torch.equal(method.loss([*views, noise]), plain.eval().loss(off))


def test_no_noise_is_the_method_without_it_bit_for_bit():
    method, plain = make(position_noise=0.0), make()
    train(method, 3, images=images())
    train(plain, 3, images=images())
    assert_same_state(method, plain)
    views = plain.views(images(), generator=seeded())
    assert len(method.views(images(), generator=seeded())) == 3
    zero = torch.zeros(*views[2].shape, 12)
    assert torch.equal(method.loss([*views, zero]), plain.loss(views))


def test_the_embedding_of_the_context_learns_from_the_noise_too():
    predictor, noise = BlockPredictor(6, width=8, depth=1, heads=2), torch.randn(1, 2, 2, 6)
    places = torch.tensor([[4, 5]]), torch.tensor([[[0, 1], [2, 3]]])
    predictor(torch.zeros(1, 3, 6), *places, (2, 3), noise).sum().backward()  # a context of zeros gives none
    assert predictor.embed.weight.grad.abs().sum() > 0


def collapse(**options):
    """Loss, and how much the patches of different images differ, after a few steps."""
    method = make(learning_rate=1e-2, **options)
    train(method, 60, images=images())
    features = method.encoder.all_tokens(images().float() / 255)[:, 1:].detach()
    features = F.layer_norm(features, (12,))
    return method.loss(method.views(images(), generator=seeded())).item(), features.std(
        dim=(0, 1)
    ).mean().item()


def test_without_stop_gradient_all_patches_become_equal():
    kept, fallen = collapse(), collapse(stop_gradient=False)
    assert fallen[0] < 0.3 * kept[0]
    assert fallen[1] < 0.3 * kept[1]


def test_training_lowers_the_loss():
    method = make(learning_rate=1e-2)
    views = method.views(images(), generator=seeded(1))
    before = method.loss(views).item()
    train(method, 40, images=images())
    assert method.loss(views).item() < 0.8 * before


@pytest.mark.parametrize("position_noise", [0.0, 0.25])
def test_a_resumed_run_equals_the_uninterrupted_one(tmp_path, position_noise):
    assert_resumed_equals_whole(lambda: make(position_noise=position_noise), tmp_path, images=images())


def value_and_gradient(views):
    method = make(position_noise=0.25)
    value = method.loss(views)
    value.backward()
    return value.detach(), method.encoder.patches.weight.grad


def one_rank(rank):
    joint = make(position_noise=0.25).views(images(), generator=seeded())
    value, gradient = value_and_gradient([view.chunk(2)[rank] for view in joint])
    dist.all_reduce(gradient)
    return (value, gradient / 2)


@pytest.mark.slow
def test_two_ranks_equal_one_process_on_the_joint_batch(tmp_path, free_port):
    results = on_ranks(one_rank, tmp_path, free_port)
    expected = value_and_gradient(make(position_noise=0.25).views(images(), generator=seeded()))
    for rank in range(2):
        ours = results[rank]
        assert torch.allclose(ours[0], expected[0], rtol=1e-5)
        assert torch.allclose(ours[1], expected[1], atol=1e-6)


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: make(Pixels), TypeError, "IJEPA: encoder is a Pixels"),
        (lambda: make(lambda: tiny_vit(conv_stem=True)), ValueError, "conv_stem=True"),
        (lambda: make(momentum=1.5), ValueError, "momentum=1.5"),
        (lambda: make(targets=0), ValueError, "targets=0"),
        (lambda: make(position_noise=-0.1), ValueError, "position_noise is -0.1; give a standard deviation"),
        (lambda: make(target_scale=(1.0, 1.0)).views(images()), ValueError, "leave no context on 6 x 6"),
    ],
)  # fmt: skip
def test_bad_input_is_a_sentence(call, error, sentence):
    with pytest.raises(error, match=sentence):
        call()
