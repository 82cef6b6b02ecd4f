"""Clustering and self-distillation losses written out as loops in float64, and draws for their tests."""

import torch


def softmax(row):
    row = row.double()
    e = torch.exp(row - row.max())
    return e / e.sum()


def log_softmax(row):
    row = row.double()
    return row - row.max() - torch.log(torch.exp(row - row.max()).sum())


def cross_entropy(p, log_q):
    return -sum(a * b for a, b in zip(p, log_q, strict=True))


def sinkhorn_loop(scores, epsilon=0.05, iterations=3):
    """SwAV's Algorithm 1 on the matrix Q (K, B), with its sums to 1 / K and 1 / B."""
    q = torch.exp((scores.double() - scores.double().max()) / epsilon).T
    prototypes, images = q.shape
    q = q / q.sum()
    for _ in range(iterations):
        for k in range(prototypes):
            q[k] = q[k] / q[k].sum() / prototypes
        for b in range(images):
            q[:, b] = q[:, b] / q[:, b].sum() / images
    return (q * images).T


def swav_loop(scores, assign=(0, 1), temperature=0.1, epsilon=0.05, iterations=3, queue=None):
    total = 0
    for place, a in enumerate(assign):
        rows = scores[a].detach()
        rows = rows if queue is None else torch.cat([rows, queue[place]])
        codes = sinkhorn_loop(rows, epsilon, iterations)
        terms = []
        for v in range(len(scores)):
            if v != a:
                images = range(len(scores[v]))
                terms.append(
                    sum(cross_entropy(codes[i], log_softmax(scores[v][i] / temperature)) for i in images)
                    / len(images)
                )
        total = total + sum(terms) / len(terms)
    return total / len(assign)


def dino_loop(student, teacher, center, student_temperature=0.1, teacher_temperature=0.04):
    """Algorithm 1 of DINO: H(t, s) averaged over the batch, for every pair of different views."""
    terms = []
    for t in range(len(teacher)):
        for s in range(len(student)):
            if s != t:
                images = range(student.shape[1])
                terms.append(
                    sum(
                        cross_entropy(
                            softmax((teacher[t, i] - center) / teacher_temperature),
                            log_softmax(student[s, i] / student_temperature),
                        )
                        for i in images
                    )
                    / len(images)
                )
    return sum(terms) / len(terms)


def ibot_loop(student, teacher, mask, center, student_temperature=0.1, teacher_temperature=0.04):
    per_image = []
    for i in range(len(student)):
        terms = [
            cross_entropy(
                softmax((teacher[i, n] - center) / teacher_temperature),
                log_softmax(student[i, n] / student_temperature),
            )
            for n in range(student.shape[1])
            if mask[i, n]
        ]
        per_image.append(sum(terms) / len(terms) if terms else torch.zeros((), dtype=torch.float64))
    return sum(per_image) / len(per_image)


def koleo_loop(features):
    unit = [row.double() / row.double().norm() for row in features]
    total = 0
    for i in range(len(unit)):
        distances = torch.stack([(unit[i] - unit[j]).norm() for j in range(len(unit)) if j != i])
        total = total - torch.log(distances.min() + 1e-8)
    return total / len(unit)


def draw(*shapes, seed=0):
    """Cosine-like scores that need a gradient."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(*shape, generator=generator).mul(0.4).requires_grad_() for shape in shapes]


def with_gradient(loss, *inputs):
    value = loss(*inputs)
    return value.detach(), *torch.autograd.grad(value, inputs)


def assert_same(ours, theirs, rtol=1e-5):
    assert torch.allclose(ours[0].double(), theirs[0].double(), rtol=1e-5, atol=1e-6)
    for mine, other in zip(ours[1:], theirs[1:], strict=True):
        assert (mine - other).abs().max() <= rtol * other.abs().max() + 1e-8
