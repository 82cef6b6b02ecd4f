"""A probe after every stage: the features are those maps, and the stage that shows the class is found."""

import pytest
import torch
from torch import nn

from course_lib import evaluate, models
from course_lib.data import ImageSet


def pictures(count: int = 60) -> ImageSet:
    """Three classes that differ in colour."""
    torch.manual_seed(0)
    labels = torch.arange(count) % 3
    colours = torch.eye(3)[labels][:, :, None, None]
    images = (200 * colours * torch.rand(count, 3, 16, 16)).to(torch.uint8)
    return ImageSet(images, labels.numpy(), ("red", "green", "blue"), "colours", "train")


@pytest.mark.parametrize("encoder", [models.resnet(), models.VisionTransformer(16, 8, 24, 3, 2)])
def test_features_are_the_means_of_the_maps(encoder):
    images = torch.rand(5, 3, 16, 16)
    found = evaluate.stage_features(encoder, images, batch_size=2)
    encoder.eval()
    with torch.no_grad():
        maps = encoder.features_at(images)
    assert [one.shape for one in found] == [(5, one.shape[1]) for one in maps]
    for one, map_ in zip(found, maps, strict=True):
        torch.testing.assert_close(one, map_.mean(dim=(2, 3)))
    last = evaluate.stage_features(encoder, images, -1)
    torch.testing.assert_close(last[0], found[-1])


def test_the_last_stage_of_a_resnet_is_its_feature():
    encoder, images = models.resnet(), torch.rand(4, 3, 16, 16)
    torch.testing.assert_close(
        evaluate.stage_features(encoder, images, -1)[0], evaluate.embed(encoder, images)
    )


class Forgetful(nn.Module):
    """Its first map shows the colour, its last one nothing."""

    def features_at(self, images, stages=None):
        return [images, torch.rand_like(images)]


def test_the_stage_that_shows_the_class_is_found():
    train = pictures()
    found = evaluate.stage_probes(Forgetful(), train, train.subset(slice(0, 30)), penalties=[0.01])
    assert [len(found), found[0].accuracy] == [2, 1.0]
    assert found[1].accuracy < 0.8


def test_an_encoder_without_maps_is_a_sentence():
    with pytest.raises(TypeError, match="Linear has no features_at; give a ResNet or a ViT"):
        evaluate.stage_features(nn.Linear(2, 2), torch.rand(2, 3, 8, 8))
