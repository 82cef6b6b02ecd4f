import math

import pytest
import torch

from course_lib.models import MaskedDecoder, sincos_positions


def test_positions_are_sine_and_cosine_of_row_and_column():
    positions = sincos_positions((3, 5), 8)[0]
    assert positions.shape == (15, 8)
    for row in range(3):
        for column in range(5):
            code = []
            for place in (row, column):
                angles = [place * 10000 ** (-i / 2) for i in range(2)]
                code += [math.sin(a) for a in angles] + [math.cos(a) for a in angles]
            assert positions[row * 5 + column].tolist() == pytest.approx(code, abs=1e-6)
    assert len({tuple(p.tolist()) for p in sincos_positions((16, 16), 32)[0]}) == 256


def seen_by_the_first_block(decoder, *inputs):
    seen = []
    hook = decoder.blocks[0].register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    decoder(*inputs)
    hook.remove()
    return seen[0]


def test_tokens_are_put_back_where_they_came_from_and_positions_follow():
    torch.manual_seed(0)
    decoder = MaskedDecoder(6, 5, width=8, depth=1, heads=2)
    encoded = torch.randn(2, 1 + 2, 6)
    kept = torch.tensor([[3, 0], [1, 5]])
    tokens = seen_by_the_first_block(decoder, encoded, kept, (2, 3))
    embedded, positions = decoder.embed(encoded), sincos_positions((2, 3), 8)[0]
    assert tokens.shape == (2, 7, 8)
    for b in range(2):
        assert torch.allclose(tokens[b, 0], embedded[b, 0])  # CLS without a position
        for place in range(6):
            own = [k for k in range(2) if kept[b, k] == place]
            content = embedded[b, 1 + own[0]] if own else decoder.mask_token[0, 0]
            assert torch.allclose(tokens[b, 1 + place], content + positions[place], atol=1e-6)


def test_the_order_in_which_visible_tokens_arrive_does_not_matter():
    torch.manual_seed(0)
    decoder = MaskedDecoder(6, 5, width=8, depth=2, heads=2)
    encoded, kept = torch.randn(2, 4, 6), torch.tensor([[3, 0, 4], [1, 5, 2]])
    order = [2, 0, 1]
    shuffled = torch.cat([encoded[:, :1], encoded[:, 1:][:, order]], dim=1)
    prediction = decoder(encoded, kept, (2, 3))
    assert prediction.shape == (2, 6, 5)
    assert torch.allclose(decoder(shuffled, kept[:, order], (2, 3)), prediction, atol=1e-5)
    assert not torch.allclose(decoder(shuffled, kept, (2, 3)), prediction, atol=1e-2)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: sincos_positions((2, 2), 6), "width is 6"),
        (lambda: MaskedDecoder(6, 5, width=12, heads=5), "width=12, depth=2, heads=5"),
        (lambda: MaskedDecoder(6, 5, depth=0), "depth at least 1"),
    ],
)
def test_bad_input_is_a_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
