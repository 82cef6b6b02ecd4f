# %% [markdown]
# Typical wrong answers of lab 03. The docstring is what the student reads, so it says what the values look like and where to
# look, never the missing line. The functions see the names that the lab's setup cell imports, and `similarity` of exercise 3.2.

# %% tags=["setup"]
import math

import torch
from torch.nn import functional as F


# %% exercise="3.1"
def _cut(images, size, rows, columns, mirrored):
    """Crop and mirror every image as told (shared by the wrong answers, never shown)."""
    pieces = []
    for image, row, column, mirror in zip(
        images, rows.tolist(), columns.tolist(), mirrored.tolist(), strict=True
    ):
        piece = image[:, row : row + size, column : column + size]
        pieces.append(piece.flip(-1) if mirror else piece)
    return torch.stack(pieces)


def _draw(images, size, generator):
    """One correct draw per image: row, column, coin."""
    count, _, height, width = images.shape
    rows = torch.randint(0, height - size + 1, (count,), generator=generator)
    columns = torch.randint(0, width - size + 1, (count,), generator=generator)
    return rows, columns, torch.rand(count, generator=generator) < 0.5


def two_views__one_draw_per_batch(images, size, generator):
    """All images of a batch are cut at the same place and mirrored together: you draw once per view. Every image needs a draw of its own."""

    def one_view():
        row, column, mirror = _draw(images[:1], size, generator)
        return _cut(
            images, size, row.expand(len(images)), column.expand(len(images)), mirror.expand(len(images))
        )

    return one_view(), one_view()


def two_views__same_draw_for_both(images, size, generator):
    """Your two views of an image are the same piece, so every pair is trivial to match. Draw again for the second view."""
    draw = _draw(images, size, generator)
    return _cut(images, size, *draw), _cut(images, size, *draw)


def two_views__same_coin_for_both(images, size, generator):
    """The corners of your two views are drawn apart, but both views of an image share one coin: they are always mirrored alike. The coin, too, is drawn again for the second view."""
    rows, columns, coin = _draw(images, size, generator)
    second_rows, second_columns, _ = _draw(images, size, generator)
    return _cut(images, size, rows, columns, coin), _cut(images, size, second_rows, second_columns, coin)


def two_views__same_corner_for_both(images, size, generator):
    """Both views of an image are cut at the same corner; only the coin is drawn again. Row and column, too, are drawn again for the second view."""
    rows, columns, coin = _draw(images, size, generator)
    second_coin = _draw(images, size, generator)[2]
    return _cut(images, size, rows, columns, coin), _cut(images, size, rows, columns, second_coin)


def two_views__last_place_missing(images, size, generator):
    """Some places never occur: the last row and the last column where a piece still fits. Look up whether the upper limit of your random draw is included."""
    count, _, height, width = images.shape

    def one_view():
        rows = torch.randint(0, height - size, (count,), generator=generator)
        columns = torch.randint(0, width - size, (count,), generator=generator)
        return _cut(images, size, rows, columns, torch.rand(count, generator=generator) < 0.5)

    return one_view(), one_view()


def two_views__row_equals_column(images, size, generator):
    """Your corners lie on the diagonal: row and column come from the same random number. They are two draws."""
    count, _, height, width = images.shape

    def one_view():
        corner = torch.randint(0, min(height, width) - size + 1, (count,), generator=generator)
        return _cut(images, size, corner, corner, torch.rand(count, generator=generator) < 0.5)

    return one_view(), one_view()


def two_views__height_for_width(images, size, generator):
    """The columns are drawn from as many places as there are rows. Images need not be square: the width has its own limit."""
    count, _, height, _ = images.shape

    def one_view():
        rows = torch.randint(0, height - size + 1, (count,), generator=generator)
        columns = torch.randint(0, height - size + 1, (count,), generator=generator)
        return _cut(images, size, rows, columns, torch.rand(count, generator=generator) < 0.5)

    return one_view(), one_view()


def two_views__generator_ignored(images, size, generator):
    """The same generator seed gave different views: none of your draws uses the `generator` you were given, so no run could be repeated."""
    return _cut(images, size, *_draw(images, size, None)), _cut(images, size, *_draw(images, size, None))


def two_views__part_of_the_draws_ignore_the_generator(images, size, generator):
    """The same generator seed gave different views: at least one of your draws does not come from the `generator` you were given. A run can be repeated only if every draw does."""

    def one_view():
        rows, columns, _ = _draw(images, size, generator)
        return _cut(images, size, rows, columns, torch.rand(len(images)) < 0.5)

    return one_view(), one_view()


def two_views__never_mirrored(images, size, generator):
    """Your crops are right, but no piece is ever mirrored. Each one needs a coin."""

    def one_view():
        rows, columns, coin = _draw(images, size, generator)
        return _cut(images, size, rows, columns, torch.zeros_like(coin))

    return one_view(), one_view()


def two_views__batch_mirrored_together(images, size, generator):
    """The corners are fine, but the coin is tossed once for a whole view: all its pieces are mirrored or none is. Toss it for each image."""

    def one_view():
        rows, columns, coin = _draw(images, size, generator)
        return _cut(images, size, rows, columns, coin[:1].expand(len(images)))

    return one_view(), one_view()


def two_views__mirrored_upside_down(images, size, generator):
    """Your pieces are turned upside down: you flipped the rows. Left and right are the last dimension."""

    def one_view():
        rows, columns, coin = _draw(images, size, generator)
        pieces = _cut(images, size, rows, columns, torch.zeros_like(coin))
        return torch.where(coin.view(-1, 1, 1, 1), pieces.flip(-2), pieces)

    return one_view(), one_view()


def two_views__second_view_shuffled(images, size, generator):
    """Row i of your second view comes from another image than row i of the first. The order of the images has to stay."""
    first = _cut(images, size, *_draw(images, size, generator))
    second = _cut(images, size, *_draw(images, size, generator))
    return first, second[torch.arange(len(images)).roll(1)]


# %% exercise="3.2"
def similarity__not_normalised(a, b):
    """Your values grow with the length of the vectors: this is the plain product. A cosine never exceeds 1. What has to happen to each row first?"""
    return a @ b.T


def similarity__normalised_over_the_batch(a, b):
    """You brought the columns to length 1 instead of the rows: each feature was divided by its length over the batch. One vector is one row."""
    return F.normalize(a, dim=0) @ F.normalize(b, dim=0).T


def similarity__only_one_side(a, b):
    """Your values still grow with the length of the rows of b: only a was brought to length 1."""
    return F.normalize(a, dim=1) @ b.T


def similarity__divided_by_squared_length(a, b):
    """Longer vectors get smaller values: you divided by the squared lengths. A length is the root of the sum of squares."""
    return (a @ b.T) / (a.square().sum(1).unsqueeze(1) * b.square().sum(1).unsqueeze(0)).clamp_min(1e-12)


def similarity__transposed(a, b):
    """Your table is turned around: row i has to belong to a[i], column j to b[j]."""
    return F.normalize(b, dim=1) @ F.normalize(a, dim=1).T


def similarity__zeros_not_a_number(a, b):
    """Your values are right until a row is all zeros: then you divide 0 by 0, and one such row would spoil a whole batch. Its similarity should be 0."""
    return (a / a.norm(dim=1, keepdim=True)) @ (b / b.norm(dim=1, keepdim=True)).T


def similarity__inputs_changed(a, b):
    """The values are right, but the vectors you were given have been changed: an operation works in place. Make new tensors."""
    a /= a.norm(dim=1, keepdim=True).clamp_min(1e-12)
    b /= b.norm(dim=1, keepdim=True).clamp_min(1e-12)
    return a @ b.T


def similarity__euclidean_distance(a, b):
    """Your numbers are distances: they get smaller the more similar two vectors are, and there is no limit of 1. Asked is the cosine."""
    return torch.cdist(a, b)


def similarity__one_length_for_all(a, b):
    """You divided by one number, the length of the whole table. Every row has a length of its own."""
    return (a / a.norm().clamp_min(1e-12)) @ (b / b.norm().clamp_min(1e-12)).T


# %% exercise="3.3"
def _cosines(query, key):
    """The table of exercise 3.2."""
    return F.normalize(query, dim=1) @ F.normalize(key, dim=1).T


def info_nce__not_normalised(query, key, temperature):
    """Your loss depends on how long the vectors are: the scores are plain products. Use the cosine similarity of exercise 3.2."""
    return F.cross_entropy(query @ key.T / temperature, torch.arange(len(query)))


def info_nce__temperature_multiplied(query, key, temperature):
    """A small temperature makes your scores smaller; it should make them larger. Look at how tau enters the formula."""
    return F.cross_entropy(_cosines(query, key) * temperature, torch.arange(len(query)))


def info_nce__temperature_forgotten(query, key, temperature):
    """Your loss is the same for every temperature. Where does tau enter the formula?"""
    return F.cross_entropy(_cosines(query, key), torch.arange(len(query)))


def info_nce__positive_missing_from_sum(query, key, temperature):
    """With equal vectors your loss is ln(B - 1), not ln B: the positive is not in your denominator. It is one of the B candidates."""
    scores = _cosines(query, key) / temperature
    others = scores.masked_fill(torch.eye(len(query), dtype=torch.bool), float("-inf"))
    return (others.logsumexp(1) - scores.diagonal()).mean()


def info_nce__positive_counted_twice(query, key, temperature):
    """With equal vectors your loss is ln(B + 1): the positive stands in the denominator twice, once as the answer and once more as a negative."""
    scores = _cosines(query, key) / temperature
    return F.cross_entropy(
        torch.cat([scores.diagonal().unsqueeze(1), scores], 1), torch.zeros(len(query), dtype=torch.long)
    )


def info_nce__keys_look_for_queries(query, key, temperature):
    """Your sum runs down the columns: each key looks for its query. Asked is the other direction, the softmax over each row."""
    return F.cross_entropy((_cosines(query, key) / temperature).T, torch.arange(len(query)))


def info_nce__both_directions(query, key, temperature):
    """You averaged both directions. That is a good loss, and CLIP's, but this exercise asks only for queries that look for keys."""
    scores, target = _cosines(query, key) / temperature, torch.arange(len(query))
    return (F.cross_entropy(scores, target) + F.cross_entropy(scores.T, target)) / 2


def info_nce__sum_not_mean(query, key, temperature):
    """Your loss grows with the batch: it is B times too large, a sum over the queries instead of their mean."""
    return F.cross_entropy(_cosines(query, key) / temperature, torch.arange(len(query)), reduction="sum")


def info_nce__log2(query, key, temperature):
    """Your loss is in bits: about 1.44 times too large, because of a logarithm to base 2. Asked is the natural logarithm."""
    return F.cross_entropy(_cosines(query, key) / temperature, torch.arange(len(query))) / math.log(2)


def info_nce__overflow(query, key, temperature):
    """Your formula is right, but at temperature 0.005 the result is not a finite number: exp(1 / 0.005) does not fit into float32. Something must keep the exponents small before exp, or do exp and log in one step."""
    scores = (_cosines(query, key) / temperature).exp()
    return -(scores.diagonal() / scores.sum(1)).log().mean()


def info_nce__shifted_target(query, key, temperature):
    """For you the right answer of query i is a key of another image, and its own key counts as a negative. Which column belongs to row i?"""
    return F.cross_entropy(_cosines(query, key) / temperature, torch.arange(len(query)).roll(-1))


def info_nce__minus_missing(query, key, temperature):
    """Your loss has the wrong sign: the better the pairs fit, the larger it is. Training would pull positives apart."""
    return -F.cross_entropy(_cosines(query, key) / temperature, torch.arange(len(query)))


def info_nce__all_pairs_as_positives(query, key, temperature):
    """You averaged the log-probabilities of the whole table. Only the B right answers count; the other entries matter through the denominator."""
    return -(_cosines(query, key) / temperature).log_softmax(1).mean()


def info_nce__key_detached(query, key, temperature):
    """The value is right, but no gradient reaches the key. Here both views go through the same network and both should learn (a constant key comes later, in MoCo)."""
    return F.cross_entropy(_cosines(query, key.detach()) / temperature, torch.arange(len(query)))


def info_nce__number_instead_of_tensor(query, key, temperature):
    """The value is right, but no gradient comes back: you return a plain number, or a tensor cut from its graph. Training needs the tensor itself."""
    return F.cross_entropy(_cosines(query, key) / temperature, torch.arange(len(query))).item()


def info_nce__softmax_twice(query, key, temperature):
    """Your scores pass through a softmax twice: `F.cross_entropy` makes one itself. What does it want as input?"""
    return F.cross_entropy((_cosines(query, key) / temperature).softmax(1), torch.arange(len(query)))


# %% exercise="3.4"
def _parts(z1, z2, temperature):
    """Scores of all 2B views, the mask of the diagonal and the column of each partner."""
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    itself = torch.eye(len(z), dtype=torch.bool)
    return z @ z.T / temperature, itself, torch.arange(len(z)).roll(len(z1))


def nt_xent__self_not_masked(z1, z2, temperature=0.5):
    """Your values are those of a loss in which each view is its own negative. With equal vectors it gives ln(2B) instead of ln(2B - 1). Look at the diagonal of the similarity matrix."""
    scores, _, partner = _parts(z1, z2, temperature)
    return F.cross_entropy(scores, partner)


def nt_xent__self_masked_with_zero(z1, z2, temperature=0.5):
    """You set the score of a view with itself to 0. But exp(0) = 1, so it still takes part in the sum. Which score makes exp vanish?"""
    scores, itself, partner = _parts(z1, z2, temperature)
    return F.cross_entropy(scores.masked_fill(itself, 0.0), partner)


def nt_xent__positive_masked_too(z1, z2, temperature=0.5):
    """With equal vectors your loss is ln(2B - 2): the positive is missing from the denominator. Only the view itself is left out of the sum."""
    scores, itself, partner = _parts(z1, z2, temperature)
    positive = scores.gather(1, partner.unsqueeze(1)).squeeze(1)
    negatives = scores.masked_fill(itself | itself.roll(len(z1), 1), float("-inf"))
    return (negatives.logsumexp(1) - positive).mean()


def nt_xent__positive_counted_twice(z1, z2, temperature=0.5):
    """With equal vectors your loss is ln(2B): the positive stands in the denominator twice, as the answer and once more among the negatives."""
    scores, itself, partner = _parts(z1, z2, temperature)
    positive = scores.gather(1, partner.unsqueeze(1))
    candidates = torch.cat([positive, scores.masked_fill(itself, float("-inf"))], 1)
    return F.cross_entropy(candidates, torch.zeros(len(scores), dtype=torch.long))


def nt_xent__neighbours_paired(z1, z2, temperature=0.5):
    """For you rows 0 and 1 are a pair, then 2 and 3, and so on: the numbering of Algorithm 1. You stacked z1 above z2, so where is the partner of row 0?"""
    scores, itself, _ = _parts(z1, z2, temperature)
    partner = torch.arange(len(scores)).view(-1, 2).flip(1).flatten()
    return F.cross_entropy(scores.masked_fill(itself, float("-inf")), partner)


def nt_xent__one_direction_only(z1, z2, temperature=0.5):
    """Only the first views ask in your loss. The mean runs over all 2B views: the second views look for their partners, too."""
    scores, itself, partner = _parts(z1, z2, temperature)
    return F.cross_entropy(scores.masked_fill(itself, float("-inf"))[: len(z1)], partner[: len(z1)])


def nt_xent__other_view_only(z1, z2, temperature=0.5):
    """With equal vectors your loss is ln B: each view has only B candidates, those of the other half. In NT-Xent the views of its own half are negatives, too."""
    scores, target = _cosines_of_views(z1, z2) / temperature, torch.arange(len(z1))
    return (F.cross_entropy(scores, target) + F.cross_entropy(scores.T, target)) / 2


def _cosines_of_views(z1, z2):
    """The (B, B) table between first and second views."""
    return F.normalize(z1, dim=1) @ F.normalize(z2, dim=1).T


def nt_xent__sum_not_mean(z1, z2, temperature=0.5):
    """Your loss is 2B times too large: a sum over all views instead of their mean."""
    scores, itself, partner = _parts(z1, z2, temperature)
    return F.cross_entropy(scores.masked_fill(itself, float("-inf")), partner, reduction="sum")


def nt_xent__divided_by_images(z1, z2, temperature=0.5):
    """Your loss is exactly twice too large: there are 2B terms in the sum, one per view, not B."""
    scores, itself, partner = _parts(z1, z2, temperature)
    return F.cross_entropy(scores.masked_fill(itself, float("-inf")), partner, reduction="sum") / len(z1)


def nt_xent__temperature_multiplied(z1, z2, temperature=0.5):
    """A small temperature makes your scores smaller; it should make them larger. Look at how tau enters the formula."""
    z = F.normalize(torch.cat([z1, z2]), dim=1)
    scores, itself, partner = (
        z @ z.T * temperature,
        torch.eye(len(z), dtype=torch.bool),
        torch.arange(len(z)).roll(len(z1)),
    )
    return F.cross_entropy(scores.masked_fill(itself, float("-inf")), partner)


def nt_xent__temperature_forgotten(z1, z2, temperature=0.5):
    """Your loss is the same for every temperature. Where does tau enter the formula?"""
    scores, itself, partner = _parts(z1, z2, 1.0)
    return F.cross_entropy(scores.masked_fill(itself, float("-inf")), partner)


def nt_xent__not_normalised(z1, z2, temperature=0.5):
    """Your loss depends on how long the vectors are: the scores are plain products. The similarity of SimCLR is the cosine."""
    z = torch.cat([z1, z2])
    scores, itself, partner = (
        z @ z.T / temperature,
        torch.eye(len(z), dtype=torch.bool),
        torch.arange(len(z)).roll(len(z1)),
    )
    return F.cross_entropy(scores.masked_fill(itself, float("-inf")), partner)


def nt_xent__log2(z1, z2, temperature=0.5):
    """Your loss is in bits: about 1.44 times too large, because of a logarithm to base 2. Asked is the natural logarithm."""
    scores, itself, partner = _parts(z1, z2, temperature)
    return F.cross_entropy(scores.masked_fill(itself, float("-inf")), partner) / math.log(2)


def nt_xent__overflow(z1, z2, temperature=0.5):
    """Your formula is right, but at temperature 0.005 the result is not a finite number: exp(1 / 0.005) does not fit into float32. Something must keep the exponents small before exp, or do exp and log in one step."""
    scores, itself, partner = _parts(z1, z2, temperature)
    weights = scores.exp().masked_fill(itself, 0.0)
    return -(weights.gather(1, partner.unsqueeze(1)).squeeze(1) / weights.sum(1)).log().mean()


def nt_xent__second_view_detached(z1, z2, temperature=0.5):
    """The value is right, but no gradient reaches the second views. In SimCLR both views go through the same network and both teach it."""
    scores, itself, partner = _parts(z1, z2.detach(), temperature)
    return F.cross_entropy(scores.masked_fill(itself, float("-inf")), partner)


def nt_xent__number_instead_of_tensor(z1, z2, temperature=0.5):
    """The value is right, but no gradient comes back: you return a plain number, or a tensor cut from its graph. Training needs the tensor itself."""
    scores, itself, partner = _parts(z1, z2, temperature)
    return F.cross_entropy(scores.masked_fill(itself, float("-inf")), partner).item()


def nt_xent__softmax_twice(z1, z2, temperature=0.5):
    """Your scores pass through a softmax twice: `F.cross_entropy` makes one itself. What does it want as input?"""
    scores, itself, partner = _parts(z1, z2, temperature)
    return F.cross_entropy(scores.masked_fill(itself, float("-inf")).softmax(1), partner)


def nt_xent__itself_as_partner(z1, z2, temperature=0.5):
    """Your loss is infinite: for you the right answer of a view is the view itself, and that one was taken out of the sum. Which row holds the other view of the same image?"""
    scores, itself, _ = _parts(z1, z2, temperature)
    return F.cross_entropy(scores.masked_fill(itself, float("-inf")), torch.arange(len(scores)))


# %% exercise="3.5"
def _neighbours(train_features, test_features, k):
    """Similarities and positions of the k most similar training rows."""
    return (F.normalize(test_features, dim=1) @ F.normalize(train_features, dim=1).T).topk(k, dim=1)


def _vote(labels, weights):
    """Class with the largest sum of weights; labels and weights are (M, k)."""
    return torch.zeros(len(labels), 64).scatter_add_(1, labels, weights).argmax(1)


def knn__unweighted(train_features, train_labels, test_features, k=20, temperature=0.07):
    """Each of your neighbours has the same say, a plain majority. A vote should weigh more the more similar the neighbour is."""
    near = _neighbours(train_features, test_features, k)
    return _vote(train_labels[near.indices], torch.ones_like(near.values))


def knn__similarity_as_weight(train_features, train_labels, test_features, k=20, temperature=0.07):
    """You weigh votes by the similarity itself. The weight is exp(similarity / temperature), which prefers close neighbours much more strongly."""
    near = _neighbours(train_features, test_features, k)
    return _vote(train_labels[near.indices], near.values)


def knn__temperature_multiplied(train_features, train_labels, test_features, k=20, temperature=0.07):
    """Your weights hardly differ, as if the similarity were multiplied by the temperature. A small temperature should make them differ more."""
    near = _neighbours(train_features, test_features, k)
    return _vote(train_labels[near.indices], (near.values * temperature).exp())


def knn__farthest(train_features, train_labels, test_features, k=20, temperature=0.07):
    """You ask the k *least* similar training images. Check which end of the sorted similarities you take."""
    table = F.normalize(test_features, dim=1) @ F.normalize(train_features, dim=1).T
    near = table.topk(k, dim=1, largest=False)
    return _vote(train_labels[near.indices], (near.values / temperature).exp())


def knn__farthest_by_distance(train_features, train_labels, test_features, k=20, temperature=0.07):
    """You sort distances, but a large distance means *unlike*: you ask the k farthest images, and the farthest of them counts most. For distances the small end is the near end."""
    near = torch.cdist(F.normalize(test_features, dim=1), F.normalize(train_features, dim=1)).topk(k, dim=1)
    return _vote(train_labels[near.indices], (near.values / temperature).exp())


def knn__not_normalised(train_features, train_labels, test_features, k=20, temperature=0.07):
    """Long training vectors win everywhere: your similarity is the plain product. Use the cosine."""
    near = (test_features @ train_features.T).topk(k, dim=1)
    weights = ((near.values - near.values[:, :1]) / temperature).exp()
    return _vote(train_labels[near.indices], weights)


def knn__not_normalised_and_too_large(train_features, train_labels, test_features, k=20, temperature=0.07):
    """Your similarity is the plain product: long training vectors win everywhere, and exp of such large numbers is infinite, so several classes tie at infinity. Use the cosine."""
    near = (test_features @ train_features.T).topk(k, dim=1)
    return _vote(train_labels[near.indices], (near.values / temperature).exp())


def knn__temperature_forgotten(train_features, train_labels, test_features, k=20, temperature=0.07):
    """Your answer is the same for every temperature. Where does tau enter the weight of a vote?"""
    near = _neighbours(train_features, test_features, k)
    return _vote(train_labels[near.indices], near.values.exp())


def knn__one_weight_per_class(train_features, train_labels, test_features, k=20, temperature=0.07):
    """In your table of votes each class holds the weight of one neighbour only: a new vote overwrites the one before. The votes of a class have to add up."""
    near = _neighbours(train_features, test_features, k)
    weights, classes = (near.values / temperature).exp(), train_labels[near.indices]
    votes, everyone = torch.zeros(len(classes), 64), torch.arange(len(classes))
    for place in range(k):  # what scatter_ does, in an order that is certain
        votes[everyone, classes[:, place]] = weights[:, place]
    return votes.argmax(1)


def knn__nearest_only(train_features, train_labels, test_features, k=20, temperature=0.07):
    """Only the single nearest image decides in your answer, whatever k is. All k neighbours vote."""
    return train_labels[_neighbours(train_features, test_features, k).indices[:, 0]]


def knn__everybody_votes(train_features, train_labels, test_features, k=20, temperature=0.07):
    """Your answer is the same for every k: all training images vote. Only the k most similar ones should."""
    near = _neighbours(train_features, test_features, len(train_features))
    return _vote(train_labels[near.indices], (near.values / temperature).exp())


def knn__positions_as_labels(train_features, train_labels, test_features, k=20, temperature=0.07):
    """Your answers are positions in the training set, not classes. Look up the label of the training image at that position."""
    return _neighbours(train_features, test_features, k).indices[:, 0]


def knn__classes_renumbered(train_features, train_labels, test_features, k=20, temperature=0.07):
    """Some classes do not occur among the labels, and you numbered the others anew from 0. Give back the original class numbers."""
    near = _neighbours(train_features, test_features, k)
    renumbered = train_labels.unique(return_inverse=True)[1]
    return _vote(renumbered[near.indices], (near.values / temperature).exp())


def knn__normalised_over_the_rows(train_features, train_labels, test_features, k=20, temperature=0.07):
    """You brought each feature to length 1 over all images. The cosine needs each image's vector at length 1."""
    near = (F.normalize(test_features, dim=0) @ F.normalize(train_features, dim=0).T).topk(k, dim=1)
    return _vote(train_labels[near.indices], (near.values / temperature).exp())


# %% exercise="3.6"
def momentum_update__reversed(teacher, student, momentum):
    """Your teacher jumps almost onto the student: m and 1 - m are swapped. With m = 0.9 the teacher keeps 90 % of itself."""
    with torch.no_grad():
        for slow, fast in zip(teacher.parameters(), student.parameters(), strict=True):
            slow.mul_(1 - momentum).add_(fast, alpha=momentum)
        for slow, fast in zip(teacher.buffers(), student.buffers(), strict=True):
            slow.copy_(fast)


def momentum_update__student_moves(teacher, student, momentum):
    """Your student changes and the teacher stays. The teacher is the one that follows."""
    with torch.no_grad():
        for slow, fast in zip(teacher.parameters(), student.parameters(), strict=True):
            fast.mul_(momentum).add_(slow, alpha=1 - momentum)
        for slow, fast in zip(teacher.buffers(), student.buffers(), strict=True):
            fast.copy_(slow)


def momentum_update__nothing_written(teacher, student, momentum):
    """The parameters of your teacher have not moved at all. `value = ...` only renames a result; you have to write into the teacher's tensors."""
    for slow, fast in zip(teacher.parameters(), student.parameters(), strict=True):
        slow = momentum * slow + (1 - momentum) * fast
    for slow, fast in zip(teacher.buffers(), student.buffers(), strict=True):
        slow.copy_(fast)


def momentum_update__nothing_happens(teacher, student, momentum):
    """Neither the parameters nor the buffers of your teacher have moved. Results have to be written into the teacher's own tensors."""
    return {name: momentum * value + (1 - momentum) * value for name, value in teacher.state_dict().items()}


def momentum_update__plain_copy(teacher, student, momentum):
    """Your teacher is a copy of the student: the momentum has no effect on it."""
    teacher.load_state_dict(student.state_dict())


def momentum_update__buffers_forgotten(teacher, student, momentum):
    """The parameters are right, but batch norm's running mean, variance and count stayed behind: buffers are not parameters."""
    with torch.no_grad():
        for slow, fast in zip(teacher.parameters(), student.parameters(), strict=True):
            slow.mul_(momentum).add_(fast, alpha=1 - momentum)


def momentum_update__buffers_averaged(teacher, student, momentum):
    """The parameters are right, but you averaged the buffers as well; the count of batches of batch norm then means nothing. Copy buffers as they are."""
    with torch.no_grad():
        theirs = student.state_dict()
        for name, value in teacher.state_dict().items():
            value.copy_(momentum * value + (1 - momentum) * theirs[name])


def momentum_update__gradient_recorded(teacher, student, momentum):
    """The values are right, but the teacher's weights now remember how they were computed. That graph grows with every step and sends gradient into the teacher. Switch the recording off."""
    for slow, fast in zip(teacher.parameters(), student.parameters(), strict=True):
        slow.mul_(momentum).add_(fast, alpha=1 - momentum)
    for slow, fast in zip(teacher.buffers(), student.buffers(), strict=True):
        slow.copy_(fast)


def momentum_update__memory_shared(teacher, student, momentum):
    """Your teacher's buffers are now the *same* tensors as the student's: when the student moves, they move along. Copy the numbers, not the tensor."""
    with torch.no_grad():
        for slow, fast in zip(teacher.parameters(), student.parameters(), strict=True):
            slow.mul_(momentum).add_(fast, alpha=1 - momentum)
        for slow, fast in zip(teacher.buffers(), student.buffers(), strict=True):
            slow.data = fast.data


def momentum_update__added_without_shrinking(teacher, student, momentum):
    """Your teacher's weights grow: (1 - m) times the student was added, but the old weights were not multiplied by m."""
    with torch.no_grad():
        for slow, fast in zip(teacher.parameters(), student.parameters(), strict=True):
            slow.add_(fast, alpha=1 - momentum)
        for slow, fast in zip(teacher.buffers(), student.buffers(), strict=True):
            slow.copy_(fast)


def momentum_update__weights_only(teacher, student, momentum):
    """Your weights follow, but the biases stay where they were. All parameters take part."""
    with torch.no_grad():
        fast = dict(student.named_parameters())
        for name, slow in teacher.named_parameters():
            if name.endswith("weight"):
                slow.mul_(momentum).add_(fast[name], alpha=1 - momentum)
        for slow, value in zip(teacher.buffers(), student.buffers(), strict=True):
            slow.copy_(value)


# %% exercise="3.7"
def _rows(queue, pointer, keys):
    """The rows to write, around the end."""
    return (pointer + torch.arange(len(keys))) % len(queue)


def enqueue__always_from_zero(queue, pointer, keys):
    """Your keys always land at row 0: each batch overwrites the one before, and most of the queue is never renewed. Begin at the pointer."""
    queue[: len(keys)] = keys.detach()
    return queue, (pointer + len(keys)) % len(queue)


def enqueue__overflow_dropped(queue, pointer, keys):
    """At the end of the queue some keys are lost: you write what fits and drop the rest. The rest goes on at row 0."""
    fits = min(len(keys), len(queue) - pointer)
    queue[pointer : pointer + fits] = keys[:fits].detach()
    return queue, (pointer + fits) % len(queue)


def enqueue__starts_over(queue, pointer, keys):
    """When a batch does not fit you begin again at row 0 and leave the last rows as they are: they keep old keys for ever. Fill them first, then go on at row 0."""
    if pointer + len(keys) > len(queue):
        pointer = 0
    queue[pointer : pointer + len(keys)] = keys.detach()
    return queue, (pointer + len(keys)) % len(queue)


def enqueue__pointer_not_wrapped(queue, pointer, keys):
    """Your keys are in the right rows, but the pointer runs past the end of the queue. It should be a row number again."""
    queue[_rows(queue, pointer, keys)] = keys.detach()
    return queue, pointer + len(keys)


def enqueue__pointer_stays(queue, pointer, keys):
    """Your pointer does not move, so the next batch overwrites this one. Return the row where the next keys go."""
    queue[_rows(queue, pointer, keys)] = keys.detach()
    return queue, pointer


def enqueue__pointer_by_one(queue, pointer, keys):
    """Your pointer moves by one row, but a batch fills as many rows as it has keys: the next batch overwrites nearly all of it."""
    queue[_rows(queue, pointer, keys)] = keys.detach()
    return queue, (pointer + 1) % len(queue)


def enqueue__gradient_enters(queue, pointer, keys):
    """The rows are right, but the queue now remembers the network that made the keys, and every old batch with it. The memory fills step by step. Cut the keys from their graph first."""
    queue[_rows(queue, pointer, keys)] = keys
    return queue, (pointer + len(keys)) % len(queue)


def enqueue__old_queue_returned(queue, pointer, keys):
    """The queue that comes back has no new keys in it: you wrote into a copy and returned the old one."""
    changed = queue.clone()
    changed[_rows(queue, pointer, keys)] = keys.detach()
    return queue, (pointer + len(keys)) % len(queue)


def enqueue__shifted(queue, pointer, keys):
    """You shift the whole queue and put the new keys at the end. The oldest keys do leave, but the exercise asks for a ring: nothing moves, the new keys are written from the pointer on."""
    return torch.cat([queue[len(keys) :], keys.detach()]), (pointer + len(keys)) % len(queue)


def enqueue__put_in_front(queue, pointer, keys):
    """You put the new keys in front and shift the rest. The oldest keys do leave, but the exercise asks for a ring: nothing moves, the new keys are written from the pointer on."""
    return torch.cat([keys.detach(), queue])[: len(queue)], (pointer + len(keys)) % len(queue)


def enqueue__last_row_skipped(queue, pointer, keys):
    """You go around one row too early: the last row of the queue is never written. There are K rows, 0 to K - 1."""
    queue[(pointer + torch.arange(len(keys))) % (len(queue) - 1)] = keys.detach()
    return queue, (pointer + len(keys)) % (len(queue) - 1)


def enqueue__past_the_end(queue, pointer, keys):
    """Your function stops when a batch reaches past the last row: what lies beyond row K - 1 does not exist. The keys that do not fit go on at row 0."""
    queue[pointer : pointer + len(keys)] = keys.detach()
    return queue, (pointer + len(keys)) % len(queue)


# %% exercise="3.8"
def _scores(query, key, queue):
    """Cosines of each query with its key, (B, 1), and with the queue, (B, K)."""
    query, key, queue = F.normalize(query, dim=1), F.normalize(key.detach(), dim=1), F.normalize(queue, dim=1)
    return (query * key).sum(1, keepdim=True), query @ queue.T


def _first(scores):
    """Cross-entropy with the right answer in column 0."""
    return F.cross_entropy(scores, torch.zeros(len(scores), dtype=torch.long))


def moco__key_gets_gradient(query, key, queue, temperature=0.07):
    """The value is right, but gradient reaches the key, that is, the teacher. The teacher only follows; treat the key as a constant."""
    query, key, queue = (F.normalize(rows, dim=1) for rows in (query, key, queue))
    return _first(torch.cat([(query * key).sum(1, keepdim=True), query @ queue.T], 1) / temperature)


def moco__query_detached(query, key, queue, temperature=0.07):
    """The value is right, but no gradient reaches the query, so the student would learn nothing: the query was cut from its graph, or you return a plain number. Which inputs are constants, and what does training need back?"""
    return _first(torch.cat(_scores(query.detach(), key, queue), 1) / temperature)


def moco__keys_already_in_queue(query, key, queue, temperature=0.07):
    """Your positive is also among the negatives, as if the keys had entered the queue before the loss was computed. Even perfect pairs then cannot get below ln 2. Use the queue as it was."""
    return _first(torch.cat(_scores(query, key, torch.cat([key.detach(), queue])), 1) / temperature)


def moco__other_keys_as_negatives(query, key, queue, temperature=0.07):
    """You use the other keys of the batch as negatives, too. In MoCo the negatives come from the queue only."""
    query, key, queue = F.normalize(query, dim=1), F.normalize(key.detach(), dim=1), F.normalize(queue, dim=1)
    return F.cross_entropy(
        torch.cat([query @ key.T, query @ queue.T], 1) / temperature, torch.arange(len(query))
    )


def moco__batch_instead_of_queue(query, key, queue, temperature=0.07):
    """With equal vectors your loss is ln B: the negatives are the other keys of the batch and the queue plays no part."""
    query, key = F.normalize(query, dim=1), F.normalize(key.detach(), dim=1)
    return F.cross_entropy(query @ key.T / temperature, torch.arange(len(query)))


def moco__nothing_normalised(query, key, queue, temperature=0.07):
    """Your loss depends on how long the vectors are. All three, query, key and queue, have to be brought to length 1."""
    return _first(torch.cat([(query * key.detach()).sum(1, keepdim=True), query @ queue.T], 1) / temperature)


def moco__queue_not_normalised(query, key, queue, temperature=0.07):
    """Your positives are fine, but the negatives depend on how long the rows of the queue are. Bring those to length 1 as well."""
    query, key = F.normalize(query, dim=1), F.normalize(key.detach(), dim=1)
    return _first(torch.cat([(query * key).sum(1, keepdim=True), query @ queue.T], 1) / temperature)


def moco__positive_not_in_column_zero(query, key, queue, temperature=0.07):
    """Your target for row i is column i, as in InfoNCE. But here every row has its positive in the *same* column."""
    return F.cross_entropy(torch.cat(_scores(query, key, queue), 1) / temperature, torch.arange(len(query)))


def moco__positive_missing_from_sum(query, key, queue, temperature=0.07):
    """With equal vectors your loss is ln K, not ln(K + 1): the positive is missing from the denominator."""
    positive, negative = _scores(query, key, queue)
    return ((negative / temperature).logsumexp(1) - positive[:, 0] / temperature).mean()


def moco__temperature_multiplied(query, key, queue, temperature=0.07):
    """A small temperature makes your scores smaller; it should make them larger. Look at how tau enters the formula."""
    return _first(torch.cat(_scores(query, key, queue), 1) * temperature)


def moco__temperature_forgotten(query, key, queue, temperature=0.07):
    """Your loss is the same for every temperature. Where does tau enter the formula?"""
    return _first(torch.cat(_scores(query, key, queue), 1))


def moco__softmax_twice(query, key, queue, temperature=0.07):
    """Your scores pass through a softmax twice: `F.cross_entropy` makes one itself. What does it want as input?"""
    return _first((torch.cat(_scores(query, key, queue), 1) / temperature).softmax(1))


def moco__temperature_on_negatives_only(query, key, queue, temperature=0.07):
    """Your positives are not divided by the temperature, only the negatives are. All 1 + K scores share it."""
    positive, negative = _scores(query, key, queue)
    return _first(torch.cat([positive, negative / temperature], 1))


def moco__sum_not_mean(query, key, queue, temperature=0.07):
    """Your loss grows with the batch: it is B times too large, a sum over the queries instead of their mean."""
    scores = torch.cat(_scores(query, key, queue), 1) / temperature
    return F.cross_entropy(scores, torch.zeros(len(scores), dtype=torch.long), reduction="sum")


def moco__log2(query, key, queue, temperature=0.07):
    """Your loss is in bits: about 1.44 times too large, because of a logarithm to base 2. Asked is the natural logarithm."""
    return _first(torch.cat(_scores(query, key, queue), 1) / temperature) / math.log(2)


def moco__overflow(query, key, queue, temperature=0.07):
    """Your formula is right, but at temperature 0.005 the result is not a finite number: exp(1 / 0.005) does not fit into float32. Something must keep the exponents small before exp, or do exp and log in one step."""
    positive, negative = ((scores / temperature).exp() for scores in _scores(query, key, queue))
    return -(positive[:, 0] / (positive[:, 0] + negative.sum(1))).log().mean()
