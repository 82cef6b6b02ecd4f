"""The health panel says when a loss sits on a value at which nothing is learned."""

import math

import torch

from course_lib.evaluate import effective_rank, feature_std
from course_lib.training.panel import HealthPanel

from .stand_ins import Queue, pictures

LN = math.log(511)


def panel(total=200, values=None):
    return HealthPanel(Queue(), values or {"ln(2B-1)": LN}, pictures(8), total)


def test_a_loss_within_two_percent_is_named():
    sentence = panel().stuck([LN * 1.001] * 100)
    assert sentence == "loss 6.24 sits on ln(2B-1) = 6.24: the model tells no pair apart"
    assert panel().stuck([LN * 1.019] * 100)
    assert not panel().stuck([LN * 1.021] * 100)
    assert not panel().stuck([LN * 0.97] * 100)


def test_the_first_steps_may_sit_there():
    assert not panel().stuck([LN] * 49)
    assert panel().stuck([LN] * 50)


def test_only_the_window_counts_so_a_loss_that_left_is_free():
    assert not panel().stuck([LN] * 100 + [4.0] * 40)
    assert panel().stuck([9.0] * 100 + [LN] * 40)


def test_other_names_and_infinite_values():
    assert "nothing is learned" in panel(values={"my floor": 2.0}).stuck([2.0] * 60)
    assert not panel(values={"never": math.inf}).stuck([2.0] * 60)
    assert not panel().stuck([math.nan] * 60)


def test_a_value_of_zero_has_a_width_too():
    watched = panel(values={"cos = 0": 0.0})
    assert "nothing to do" in watched.stuck([0.015, -0.01] * 50)
    assert not watched.stuck([-0.03] * 100)


def test_measure_is_that_of_evaluate_and_leaves_the_mode():
    watched = panel()
    spread, rank = watched.measure()
    features = watched.method.embed(watched.images)
    assert (spread, rank) == (feature_std(features), effective_rank(features))
    assert watched.method.training
    watched.method.encoder.net[0].weight.data.fill_(math.nan)
    assert all(math.isnan(number) for number in watched.measure())


def test_collapse_is_named():
    assert "collapse" in HealthPanel.collapsed(0.004)
    assert not HealthPanel.collapsed(0.3)
    assert not HealthPanel.collapsed(math.nan)
    same = torch.ones(8, 4) + 1e-4 * torch.randn(8, 4)
    assert "collapse" in HealthPanel.collapsed(feature_std(same))


def test_a_collapsed_projector_is_named_while_the_encoder_still_has_its_spread():
    from course_lib.methods import BYOL
    from course_lib.models import resnet

    torch.manual_seed(0)
    method = BYOL(resnet((4, 8), (1, 1)))
    watched = HealthPanel(method, {}, pictures(16, size=16), 100)
    modes = [module.training for module in method.modules()]
    fresh = watched.projected_spread()
    assert [module.training for module in method.modules()] == modes
    assert fresh > 0.05
    assert not HealthPanel.collapsed(0.5, fresh)
    torch.nn.init.zeros_(method.projector[-1].weight)
    assert "projections" in HealthPanel.collapsed(0.5, watched.projected_spread())
    assert math.isnan(panel().projected_spread())  # nothing to project
    torch.nn.init.constant_(method.projector[-1].weight, math.nan)
    assert math.isnan(watched.projected_spread())
