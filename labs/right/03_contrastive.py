# %% [markdown]
# Other right ways to answer lab 03. Each must get full points.

# %% tags=["setup"]
import math

import torch
from torch import nn
from torch.nn import functional as F


# %% exercise="3.1"
def two_views__one_index_for_all(images, size, generator):
    """No loop: row and column numbers of every pixel of every crop, one gather."""
    count, _, height, width = images.shape
    steps = torch.arange(size)
    views = []
    for _ in range(2):
        rows = torch.randint(height - size + 1, (count, 1), generator=generator) + steps  # (B, size)
        columns = torch.randint(width - size + 1, (count, 1), generator=generator) + steps
        mirrored = torch.rand((count, 1), generator=generator) < 0.5
        columns = torch.where(mirrored, columns.flip(1), columns)
        picture = torch.arange(count)[:, None, None]
        views.append(images[picture, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2))
    return tuple(views)


def two_views__image_by_image(images, size, generator):
    """One image after the other, both views at once, every number drawn when it is needed."""
    views = torch.empty(2, len(images), images.shape[1], size, size, dtype=images.dtype)
    for number, image in enumerate(images):
        for view in range(2):
            row = int(torch.randint(0, image.shape[1] - size + 1, (1,), generator=generator))
            column = int(torch.randint(0, image.shape[2] - size + 1, (1,), generator=generator))
            piece = image[:, row : row + size, column : column + size]
            if torch.randint(0, 2, (1,), generator=generator):
                piece = piece.flip(2)
            views[view, number] = piece
    return [views[0], views[1]]


# %% exercise="3.2"
def similarity__divide_by_lengths(a, b):
    """Product first, lengths afterwards."""
    lengths = a.norm(dim=1)[:, None] * b.norm(dim=1)[None, :]
    return (a @ b.T) / lengths.clamp_min(1e-12)


def similarity__broadcast(a, b):
    """PyTorch's own cosine with broadcasting."""
    return F.cosine_similarity(a[:, None, :], b[None, :, :], dim=2)


def similarity__loop(a, b):
    """Two loops, as the formula says."""
    table = torch.zeros(len(a), len(b))
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            if x.norm() > 0 and y.norm() > 0:
                table[i, j] = torch.dot(x, y) / (torch.linalg.norm(x) * torch.linalg.norm(y))
    return table


# %% exercise="3.3"
def info_nce__log_sum_exp(query, key, temperature):
    """Numerator and denominator apart."""
    scores = F.normalize(query) @ F.normalize(key).T / temperature
    return (torch.logsumexp(scores, dim=1) - torch.diagonal(scores)).mean()


def info_nce__largest_subtracted(query, key, temperature):
    """exp and log by hand, after the largest score of the row was subtracted."""
    scores = torch.einsum("id,jd->ij", F.normalize(query, dim=-1), F.normalize(key, dim=-1)) / temperature
    scores = scores - scores.max(dim=1, keepdim=True).values.detach()
    return -(scores.diagonal() - scores.exp().sum(dim=1).log()).sum() / len(query)


def info_nce__loop(query, key, temperature):
    """One query after the other."""
    total = 0.0
    for i in range(len(query)):
        scores = torch.stack([F.cosine_similarity(query[i], other, dim=0) for other in key]) / temperature
        total = total - F.log_softmax(scores, dim=0)[i]
    return total / len(query)


# %% exercise="3.4"
def nt_xent__algorithm_1(z1, z2, temperature=0.5):
    """Line by line as in Algorithm 1: views 2k-1 and 2k are neighbours."""
    z = torch.stack([z1, z2], dim=1).flatten(0, 1)  # a1 b1 a2 b2 ...
    z = z / z.norm(dim=1, keepdim=True)
    scores = z @ z.T / temperature

    def term(i, j):
        others = [k for k in range(len(z)) if k != i]
        return torch.logsumexp(scores[i, others], 0) - scores[i, j]

    return sum(term(2 * k, 2 * k + 1) + term(2 * k + 1, 2 * k) for k in range(len(z1))) / len(z)


def nt_xent__diagonal_removed(z1, z2, temperature=0.5):
    """The diagonal is cut out of the table, (2B, 2B - 1), and the targets count without it."""
    count = len(z1)
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    keep = ~torch.eye(2 * count, dtype=torch.bool, device=z.device)
    scores = (z @ z.T)[keep].view(2 * count, 2 * count - 1) / temperature
    rows = torch.arange(count, device=z.device)
    target = torch.cat([rows + count - 1, rows])
    return nn.CrossEntropyLoss()(scores, target)


def nt_xent__four_blocks(z1, z2, temperature=0.5):
    """Within and across the halves, the two directions averaged."""
    a, b = F.normalize(z1, dim=1), F.normalize(z2, dim=1)
    hide = torch.zeros(len(a), len(a), device=a.device).fill_diagonal_(float("-inf"))
    across = a @ b.T / temperature
    target = torch.arange(len(a), device=a.device)
    first = F.cross_entropy(torch.cat([across, a @ a.T / temperature + hide], dim=1), target)
    second = F.cross_entropy(torch.cat([across.T, b @ b.T / temperature + hide], dim=1), target)
    return 0.5 * (first + second)


def nt_xent__large_negative_number(z1, z2, temperature=0.5):
    """-1e9 on the diagonal is as good as minus infinity."""
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    scores = z @ z.T / temperature - 1e9 * torch.eye(len(z), device=z.device)
    positive = torch.cat([scores.diagonal(len(z1)), scores.diagonal(-len(z1))])
    return (scores.logsumexp(1) - positive).mean()


# %% exercise="3.5"
def knn__one_hot(train_features, train_labels, test_features, k=20, temperature=0.07):
    """One-hot labels, weights from a softmax (the same order of the classes)."""
    scores = F.normalize(test_features, dim=1) @ F.normalize(train_features, dim=1).T
    values, rows = scores.sort(dim=1, descending=True)
    weights = (values[:, :k] / temperature).softmax(1)
    return (F.one_hot(train_labels)[rows[:, :k]] * weights.unsqueeze(2)).sum(1).argmax(1)


def knn__dictionary(train_features, train_labels, test_features, k=20, temperature=0.07):
    """A loop and a dictionary of votes."""
    train_features = train_features / train_features.norm(dim=1, keepdim=True)
    predicted = []
    for row in test_features:
        scores = train_features @ (row / row.norm())
        votes = {}
        for position in scores.argsort(descending=True)[:k].tolist():
            label = int(train_labels[position])
            votes[label] = votes.get(label, 0.0) + math.exp(scores[position] / temperature)
        predicted.append(max(votes, key=votes.get))
    return torch.tensor(predicted)


# %% exercise="3.6"
def momentum_update__lerp(teacher, student, momentum):
    """lerp_ on .data."""
    for slow, fast in zip(teacher.parameters(), student.parameters(), strict=True):
        slow.data.lerp_(fast.data, 1 - momentum)
    for slow, fast in zip(teacher.buffers(), student.buffers(), strict=True):
        slow.data.copy_(fast.data)


@torch.no_grad()
def momentum_update__state_dict(teacher, student, momentum):
    """Through the state dictionary."""
    names = {name for name, _ in teacher.named_parameters()}
    old, new = teacher.state_dict(), student.state_dict()
    teacher.load_state_dict(
        {n: momentum * old[n] + (1 - momentum) * new[n] if n in names else new[n].clone() for n in old}
    )


def momentum_update__new_data(teacher, student, momentum):
    """New tensors behind the old parameters."""
    theirs = dict(student.named_parameters())
    for name, slow in teacher.named_parameters():
        slow.data = slow.data * momentum + theirs[name].data * (1 - momentum)
    for slow, fast in zip(teacher.buffers(), student.buffers(), strict=True):
        slow.data = fast.detach().clone()


# %% exercise="3.7"
def enqueue__two_slices(queue, pointer, keys):
    """What fits, then the rest from row 0; a new queue, the old one stays."""
    queue = queue.clone()
    with torch.no_grad():
        fits = min(len(keys), len(queue) - pointer)
        queue[pointer : pointer + fits] = keys[:fits]
        queue[: len(keys) - fits] = keys[fits:]
    return queue, (pointer + len(keys)) % len(queue)


def enqueue__row_by_row(queue, pointer, keys):
    """A loop over the keys."""
    for key in keys.detach():
        queue[pointer] = key
        pointer += 1
        if pointer == len(queue):
            pointer = 0
    return queue, pointer


def enqueue__roll(queue, pointer, keys):
    """Turn the ring until the pointer is at row 0, write, turn it back."""
    turned = queue.roll(-pointer, 0)
    turned = torch.cat([keys.detach(), turned[len(keys) :]])
    return turned.roll(pointer, 0), (pointer + len(keys)) % len(queue)


# %% exercise="3.8"
def moco__log_sum_exp(query, key, queue, temperature=0.07):
    """Positive and denominator apart."""
    with torch.no_grad():
        key, queue = F.normalize(key, dim=1), F.normalize(queue, dim=1)
    query = F.normalize(query, dim=1)
    positive = torch.einsum("bd,bd->b", query, key) / temperature
    negative = torch.einsum("bd,kd->bk", query, queue) / temperature
    return (torch.cat([negative, positive[:, None]], 1).logsumexp(1) - positive).mean()


def moco__positive_last(query, key, queue, temperature=0.07):
    """The positive in the last column."""
    positive = F.cosine_similarity(query, key.detach(), dim=1)[:, None]
    negative = F.cosine_similarity(query[:, None], queue[None], dim=2)
    scores = torch.cat([negative, positive], dim=1) / temperature
    return F.cross_entropy(scores, torch.full((len(query),), len(queue), device=query.device))


def moco__loop(query, key, queue, temperature=0.07):
    """One query after the other."""
    losses = []
    for q, k in zip(query, key.detach(), strict=True):
        candidates = F.normalize(torch.cat([k[None], queue]), dim=1)
        losses.append(-F.log_softmax(candidates @ F.normalize(q, dim=0) / temperature, 0)[0])
    return torch.stack(losses).mean()
