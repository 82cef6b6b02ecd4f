"""Word maps and alignments, written out by hand and as loops."""

import pytest
import torch
import torch.nn.functional as F

from course_lib.viz.arrays.word_maps import token_patch_alignment, word_maps


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_negative_gradients_are_cut_before_the_mean_over_heads():
    attention = torch.tensor([0.1, 0.2, 0.3, 0.4]).view(1, 1, 1, 4).expand(1, 2, 1, 4)
    gradient = torch.tensor([[9.0, 1, -1, 2], [9, -5, -5, 1]]).view(1, 2, 1, 4)
    got = word_maps(attention, gradient, (1, 3), prefix=1)
    torch.testing.assert_close(got, torch.tensor([0.1, 0.0, 0.6]).view(1, 1, 1, 3))


def test_a_word_that_looks_at_one_patch_has_its_map_there():
    rows, columns, prefix = 3, 5, 4
    tokens = prefix + rows * columns
    attention = torch.zeros(2, 3, 4, tokens)
    for word in range(4):
        attention[1, :, word, prefix + word * columns // 2 + word] = 1.0
    got = word_maps(attention, torch.ones_like(attention), (rows, columns), prefix)
    assert got.shape == (2, 4, 3, 5)
    assert (got[0] == 0).all()
    for word in range(4):
        assert got[1, word].argmax() == word * columns // 2 + word
        assert got[1, word].sum() == 1
    assert torch.equal(word_maps(attention[..., prefix:], attention[..., prefix:], (3, 5), prefix=0), got)


def test_maps_have_no_gradient_and_wrong_shapes_are_refused():
    attention = torch.rand(1, 2, 3, 7, requires_grad=True)
    assert not word_maps(attention, attention, (2, 3)).requires_grad
    with pytest.raises(ValueError, match="7 image tokens; prefix=0 and a grid of 2 x 3 patches make 6"):
        word_maps(attention, attention, (2, 3), prefix=0)
    with pytest.raises(ValueError, match="image tokens\\) twice"):
        word_maps(attention, attention[:, :1], (2, 3))


def test_alignment_is_the_best_by_cosine_and_never_padding():
    patches = torch.randn(3, 6, 4, generator=seeded())
    words = torch.randn(3, 5, 4, generator=seeded(1)) * torch.tensor([1, 50, 1, 9, 1])[:, None]
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [0, 1, 1, 0, 1]])
    words[1, 4] = patches[1, 2]  # the best of all, but padding
    got = token_patch_alignment(patches, words, mask)
    for b in range(3):
        there = mask[b].nonzero()[:, 0].tolist()
        cosine = {
            (i, j): F.cosine_similarity(patches[b, i], words[b, j], dim=0) for i in range(6) for j in there
        }
        for i in range(6):
            assert got.word_of_patch[b, i] == max(there, key=lambda j, i=i: cosine[i, j])
        for j in range(5):
            expected = max(range(6), key=lambda i, j=j: cosine[i, j]) if j in there else -1
            assert got.patch_of_word[b, j] == expected
        assert (got.similarity[b][:, mask[b] == 0] == -torch.inf).all()
    assert torch.equal(
        token_patch_alignment(9 * patches, words, mask.bool()).word_of_patch, got.word_of_patch
    )


def test_alignment_refuses_shapes_that_do_not_fit_and_texts_without_words():
    patches, words = torch.rand(2, 6, 4), torch.rand(2, 5, 4)
    with pytest.raises(ValueError, match="give \\(B, N, D\\), \\(B, W, D\\) and \\(B, W\\)"):
        token_patch_alignment(patches, words, torch.ones(2, 6))
    with pytest.raises(ValueError, match="give \\(B, N, D\\)"):
        token_patch_alignment(patches, words[:1], torch.ones(1, 5))
    with pytest.raises(ValueError, match="without any word"):
        token_patch_alignment(patches, words, torch.tensor([[1] * 5, [0] * 5]))
