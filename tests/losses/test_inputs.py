import pytest
import torch

from course_lib.losses import NotFiniteError, info_nce, moco, nt_xent

Z = torch.randn(4, 3)
NAN = torch.where(torch.arange(4)[:, None] == 2, float("nan"), Z)


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (
            lambda: nt_xent(Z, Z[:3]),
            ValueError,
            r"nt_xent: z1 is \(4, 3\) but z2 is \(3, 3\); both views must",
        ),
        (lambda: nt_xent(Z, Z[:, :2]), ValueError, r"\(4, 2\)"),
        (lambda: nt_xent(Z[:1], Z[:1]), ValueError, "batch of one"),
        (lambda: nt_xent(Z, Z, 0), ValueError, "temperature is 0"),
        (lambda: nt_xent(Z, Z, -0.1), ValueError, "temperature is -0.1"),
        (lambda: nt_xent(Z, Z, float("nan")), ValueError, "temperature is nan"),
        (lambda: nt_xent(Z, Z, torch.tensor(0.1)), TypeError, "plain number"),
        (lambda: nt_xent(Z[None], Z[None]), ValueError, r"z1 has shape \(1, 4, 3\)"),
        (lambda: nt_xent(Z.long(), Z), TypeError, "z1 is torch.int64"),
        (lambda: nt_xent(Z.tolist(), Z), TypeError, "z1 is a list"),
        (lambda: nt_xent(Z, NAN), NotFiniteError, "z2 has NaN or infinite features in 1 of its 4 rows"),
        (lambda: nt_xent(Z / 0, Z), NotFiniteError, "z1 has NaN or infinite features in 4 of its 4 rows"),
        (lambda: info_nce(Z, Z[:3]), ValueError, r"query is \(4, 3\) but positive is \(3, 3\)"),
        (lambda: info_nce(Z[:1], Z[:1]), ValueError, "batch of one"),
        (lambda: info_nce(Z, Z, Z[:, :2]), ValueError, "query has 3 features but negatives has 2"),
        (lambda: info_nce(Z, Z, Z[:0]), ValueError, r"negatives has shape \(0, 3\)"),
        (lambda: info_nce(Z, Z, temperature=0), ValueError, "info_nce: temperature is 0"),
        (lambda: info_nce(Z, Z, NAN), NotFiniteError, "negatives has NaN"),
        (lambda: moco(Z, Z, Z[:, :2]), ValueError, "query has 3 features but queue has 2"),
        (lambda: moco(Z, Z[:2], Z), ValueError, "key is"),
        (lambda: moco(Z, Z, Z, 0.0), ValueError, "moco: temperature is 0.0"),
        (lambda: moco(NAN, Z, Z), NotFiniteError, "moco: query has NaN"),
    ],
)
def test_bad_input_is_a_sentence(call, error, sentence):
    with pytest.raises(error, match=sentence):
        call()


def test_a_batch_of_one_is_fine_with_negatives():
    assert torch.isfinite(info_nce(Z[:1], Z[:1], Z))
    assert torch.isfinite(moco(Z[:1], Z[:1], Z))


def test_a_dead_row_is_not_an_error():
    dead = Z.clone().requires_grad_()
    with torch.no_grad():
        dead[0] = 0
    nt_xent(dead, Z).backward()
    assert torch.isfinite(dead.grad).all()
