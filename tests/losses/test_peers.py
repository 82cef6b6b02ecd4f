"""Every loss against two other computations, in value and in gradient, to 1e-5.

- Two libraries have it: nt_xent, info_nce within the batch, vicreg.
- Two libraries, one of them in parts or in another form, which is put together here: info_nce and moco
  against negatives (one query at a time), instance_discrimination (a softmax over classes; a line-up for each
  image), masked_pixels (transformers' own loss; lightly's patches, normalised by it, under torch's squared
  error).
- One library has it, and the other computation is put together here from torch's own functions:
  barlow_twins, byol and simsiam (lightly's cosine), dino, ibot, koleo, and swav, with codes from our own loop
  over Algorithm 1.
- No library here has it: gram is put together from torch's and from torchmetrics' cosines.

The peers run in float64, so that the rounding is ours alone; ours run in float32 as in training. Where
libraries disagree with each other (an epsilon, a half, a scale), the test says which choice is compared.
"""

from types import SimpleNamespace

import info_nce as info_nce_pytorch
import lightly.loss
import pytest
import torch
import torch.nn.functional as F
from pytorch_metric_learning import losses as metric_learning
from torchmetrics.functional import pairwise_cosine_similarity

from course_lib import losses

from .oracles_clustering import sinkhorn_loop

TEMPERATURES = [0.5, 0.1, 0.05, 0.03]


def draw(*shapes, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(*shape, generator=generator) for shape in shapes]


def views(batch, size, noise=0.7):
    z, other = draw((batch, size), (batch, size))
    return z, z + noise * other


def assert_agree(ours, peers, inputs, constants=()):
    """ours and each peer: called with inputs, which get gradients, and constants."""

    def run(loss, dtype):
        leaves = [x.to(dtype).clone().requires_grad_() for x in inputs]
        value = loss(*leaves, *[x.to(dtype) if x.is_floating_point() else x for x in constants])
        return value.detach().double(), [g.double() for g in torch.autograd.grad(value, leaves)]

    value, gradients = run(ours, torch.float32)
    assert len(peers) >= 2
    for name, peer in peers.items():
        expected, slopes = run(peer, torch.float64)
        assert (value - expected).abs() <= 1e-5 * expected.abs(), name
        for mine, theirs in zip(gradients, slopes, strict=True):
            assert (mine - theirs).abs().max() <= 1e-5 * theirs.abs().max(), name


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("batch", [2, 33, 256])
def test_nt_xent(batch, temperature):
    peers = {
        "lightly": lightly.loss.NTXentLoss(temperature),
        "metric learning": metric_learning.SelfSupervisedLoss(metric_learning.NTXentLoss(temperature)),
    }
    assert_agree(lambda a, b: losses.nt_xent(a, b, temperature), peers, views(batch, 24))


def one_query_at_a_time(temperature):
    """pytorch-metric-learning would take the other positives as negatives; with one query there are none."""
    loss = metric_learning.NTXentLoss(temperature)

    def mean(queries, positives, negatives):
        terms = []
        for query, positive in zip(queries.split(1), positives.split(1), strict=True):
            candidates = torch.cat([positive, negatives])
            own = torch.arange(len(candidates)).clamp(max=1)  # 0 for the positive, 1 for all others
            terms.append(loss(query, own[:1], ref_emb=candidates, ref_labels=own))
        return torch.stack(terms).mean()

    return mean


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("batch", [6, 33])
def test_info_nce_and_moco(batch, temperature):
    q, p = views(batch, 24)
    (negatives,) = draw((3 * batch, 24), seed=1)
    in_batch = {
        "info-nce": lambda a, b: info_nce_pytorch.info_nce(a, b, temperature=temperature),
        "metric learning": metric_learning.SelfSupervisedLoss(
            metric_learning.NTXentLoss(temperature), symmetric=False
        ),
    }
    assert_agree(lambda a, b: losses.info_nce(a, b, temperature=temperature), in_batch, [q, p])
    against = {
        "info-nce": lambda a, b, n: info_nce_pytorch.info_nce(a, b, n, temperature=temperature),
        "metric learning": one_query_at_a_time(temperature),
    }
    assert_agree(lambda a, b, n: losses.info_nce(a, b, n, temperature), against, [q, p, negatives])
    assert_agree(lambda a, b, n: losses.moco(a, b, n, temperature), against, [q], [p, negatives])


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_instance_discrimination(temperature):
    features, bank = draw((33, 24), (100, 24))
    own = torch.randint(0, 100, (33,), generator=torch.Generator().manual_seed(1))

    def normalized_softmax(x, rows, which):
        loss = metric_learning.NormalizedSoftmaxLoss(100, 24, temperature)
        loss.W.data = rows.T.clone()
        return loss(x, which)

    def line_up(x, rows, which):
        terms = [
            info_nce_pytorch.info_nce(
                x[i : i + 1], rows[n][None], torch.cat([rows[:n], rows[n + 1 :]]), temperature
            )
            for i, n in enumerate(which.tolist())
        ]
        return torch.stack(terms).mean()

    peers = {"metric learning": normalized_softmax, "info-nce": line_up}
    assert_agree(
        lambda x, rows, which: losses.instance_discrimination(x, rows, which, temperature),
        peers, [features], [bank, own],
    )  # fmt: skip


@pytest.mark.parametrize(("batch", "size"), [(7, 4), (64, 16), (256, 32)])
def test_vicreg(batch, size):
    """solo-learn forgets the two halves of the hinge; these two and the authors' code do not."""
    spread = torch.linspace(0.2, 3, size)
    loss = metric_learning.VICRegLoss()
    peers = {"lightly": lightly.loss.VICRegLoss(), "metric learning": lambda a, b: loss(a, ref_emb=b)}
    assert_agree(losses.vicreg, peers, [z * spread + 2 for z in views(batch, size)])


@pytest.mark.parametrize(("batch", "size"), [(7, 4), (64, 16), (256, 32)])
def test_barlow_twins(batch, size):
    """lightly adds 1e-5 to the variance, which a spread of 100 hides; torch.corrcoef adds nothing."""

    def corrcoef(a, b):
        c = torch.corrcoef(torch.cat([a, b], dim=1).T)[:size, size:]
        on = (1 - c.diagonal()).square().sum()
        return on + 0.0051 * (c.square().sum() - c.diagonal().square().sum())

    peers = {"lightly": lightly.loss.BarlowTwinsLoss(0.0051), "torch": corrcoef}
    assert_agree(losses.barlow_twins, peers, [100 * z for z in views(batch, size)])


def test_byol_and_simsiam():
    p1, z2, p2, z1 = draw(*[(33, 24)] * 4)
    cosine = lightly.loss.NegativeCosineSimilarity()

    def torchs(p, z):
        return F.cosine_embedding_loss(p, z, torch.ones(len(p)))  # 1 - cosine

    byols = {"lightly": lambda p, z: 2 + 2 * cosine(p, z), "torch": lambda p, z: 2 * torchs(p, z)}
    assert_agree(losses.byol, byols, [p1], [z2])
    simsiams = {
        "lightly": lambda p1, p2, z2, z1: (cosine(p1, z2) + cosine(p2, z1)) / 2,
        "torch": lambda p1, p2, z2, z1: (torchs(p1, z2) + torchs(p2, z1)) / 2 - 1,
    }
    assert_agree(lambda p1, p2, z2, z1: losses.simsiam(p1, z2, p2, z1), simsiams, [p1, p2], [z2, z1])


@pytest.mark.parametrize(("student", "teacher"), [(4, 2), (8, 2), (2, 2)])
def test_dino(student, teacher):
    s, t, center = (0.4 * x for x in draw((student, 33, 24), (teacher, 33, 24), (24,)))

    def lightlys(s, t, center):
        loss = lightly.loss.DINOLoss(24)
        loss.center = center.view(1, 1, -1).clone()
        return loss(list(t), list(s))

    def cross_entropy(s, t, center):
        targets = ((t - center) / 0.04).softmax(dim=-1)
        pairs = [(i, j) for i in range(len(s)) for j in range(len(t)) if i != j]
        return torch.stack([F.cross_entropy(s[i] / 0.1, targets[j]) for i, j in pairs]).mean()

    assert_agree(losses.dino, {"lightly": lightlys, "torch": cross_entropy}, [s], [t, center])


def test_ibot():
    s, t, center = (0.4 * x for x in draw((6, 9, 12), (6, 9, 12), (12,)))
    mask = torch.rand(6, 9, generator=torch.Generator().manual_seed(0)) < 0.4
    mask[2] = False

    def lightlys(s, t, mask, center):
        loss = lightly.loss.IBOTPatchLoss(12)
        loss.center.center = center.view(1, -1).clone()
        return loss(t[mask], s[mask], mask.view(6, 3, 3))

    def cross_entropy(s, t, mask, center):
        targets = ((t - center) / 0.04).softmax(dim=-1)
        images = [i for i in range(len(s)) if mask[i].any()]
        return sum(F.cross_entropy(s[i][mask[i]] / 0.1, targets[i][mask[i]]) for i in images) / len(s)

    assert_agree(losses.ibot, {"lightly": lightlys, "torch": cross_entropy}, [s], [t, mask, center])


def test_swav():
    """The second one takes nothing from lightly: its codes are those of the loop."""
    scores = [0.4 * x for x in draw(*[(33, 12)] * 4)]

    def lightlys(*crops):
        return lightly.loss.SwaVLoss(0.1, sinkhorn_gather_distributed=False)(list(crops[:2]), list(crops[2:]))

    def cross_entropy(*crops):
        total = 0.0
        for a in (0, 1):
            codes = sinkhorn_loop(crops[a].detach(), epsilon=0.05, iterations=3)
            others = [crop for v, crop in enumerate(crops) if v != a]
            total = total + torch.stack([F.cross_entropy(crop / 0.1, codes) for crop in others]).mean()
        return total / 2

    assert_agree(lambda *crops: losses.swav(crops), {"lightly": lightlys, "torch": cross_entropy}, scores)


@pytest.mark.parametrize("batch", [2, 33])
def test_koleo(batch):
    def nearest(x):
        unit = F.normalize(x, dim=1)
        distances = torch.cdist(unit, unit, compute_mode="donot_use_mm_for_euclid_dist")
        return -(distances + 9 * torch.eye(len(x))).amin(dim=1).log().mean()

    peers = {"lightly": lightly.loss.KoLeoLoss(), "torch": nearest}
    assert_agree(losses.koleo, peers, draw((batch, 24)))


def test_gram():
    student, teacher = draw((3, 6, 5), (3, 6, 7))

    def torchs(a, b):
        cosines = [F.cosine_similarity(x[:, :, None], x[:, None], dim=3) for x in (a, b)]
        return F.mse_loss(*cosines)

    def torchmetrics(a, b):
        pairs = zip(a, b, strict=True)
        images = [
            F.mse_loss(*(pairwise_cosine_similarity(x, x, zero_diagonal=False) for x in pair))
            for pair in pairs
        ]
        return torch.stack(images).mean()

    assert_agree(losses.gram, {"torch": torchs, "torchmetrics": torchmetrics}, [student], [teacher])


@pytest.mark.parametrize("normalize", [True, False])
def test_masked_pixels(normalize):
    from lightly.models import utils as lightlys
    from transformers import ViTMAEConfig, ViTMAEForPreTraining

    config = ViTMAEConfig(
        hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, image_size=12,
        patch_size=4, decoder_num_attention_heads=1, decoder_hidden_size=8, decoder_num_hidden_layers=1,
        decoder_intermediate_size=8, norm_pix_loss=normalize,
    )  # fmt: skip
    model = ViTMAEForPreTraining(config)
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(5, 3, 12, 12, generator=generator)
    (prediction,) = draw((5, 9, 48))
    hidden = torch.rand(5, 9, generator=generator).argsort(dim=1)[:, :6]
    mask = torch.zeros(5, 9).scatter_(1, hidden, 1.0)

    def lightly_recipe(prediction, images, mask):
        target = lightlys.get_at_index(lightlys.patchify(images, 4), hidden)
        target = lightlys.normalize_mean_var(target, dim=-1) if normalize else target
        return F.mse_loss(lightlys.get_at_index(prediction, hidden), target)

    def transformers(prediction, images, mask):
        """The loss is the end of the model's forward: encoder and decoder are made to give what we give."""
        encoded = SimpleNamespace(
            last_hidden_state=None, ids_restore=None, mask=mask, hidden_states=None, attentions=None
        )
        model.vit.forward = lambda *_, **__: encoded
        model.decoder.forward = lambda *_, **__: SimpleNamespace(logits=prediction)
        return model(images).loss

    peers = {"lightly": lightly_recipe, "transformers": transformers}
    assert_agree(
        lambda prediction, images, mask: losses.masked_pixels(prediction, images, mask, 4, normalize),
        peers, [prediction], [images, mask],
    )  # fmt: skip
