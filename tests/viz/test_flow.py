"""A flow diagram shows the calls that run, all of them and no others."""

import sys

import pytest

from course_lib.viz.flow import BOX, MARKED, draw_flows, read_flow


def clean(images):
    return images


def pair(images, labels):
    return Trained(images, labels)


def score(features, labels):
    return len(features), len(labels)


class Trained:
    def __init__(self, images, labels):
        self.images, self.labels = images, labels

    def embed(self, images):
        return [self.images, images]


def pipeline(images, labels, mine, unused=3):
    """Clean, train, embed, score."""
    cleaned = clean(images)
    trained = pair(cleaned, labels)
    features = trained.embed(clean(mine))
    return score(features, labels=trained.labels)


def test_boxes_are_the_calls_that_run():
    drawn = [step.function for step in read_flow(pipeline).steps]
    ran = []

    def watch(frame, event, _):
        if event == "call" and frame.f_code.co_filename == __file__:
            ran.append(frame.f_code.co_name)

    sys.setprofile(watch)
    try:
        pipeline([1], [2], [3])
    finally:
        sys.setprofile(None)
    ran = [name for name in ran if name not in ("pipeline", "__init__")]
    assert drawn == ran == ["clean", "pair", "clean", "embed", "score"]


def test_arrows_are_the_values_that_are_handed_on():
    flow = read_flow(pipeline)
    assert flow.parameters == ("images", "labels", "mine")  # `unused` goes nowhere
    assert [step.inputs for step in flow.steps] == [
        (("images", "images"),),
        (("1", "cleaned"), ("labels", "labels")),
        (("mine", "mine"),),
        (("2", "trained"), ("3", "")),
        (("4", "features"), ("2", "trained.labels")),
    ]
    assert [step.output for step in flow.steps] == ["cleaned", "trained", "", "features", "result"]


def unpacks(images):
    first, second = score(images, images)
    return clean(first), clean(second)


def test_two_results_of_one_call_both_come_from_it():
    steps = read_flow(unpacks).steps
    assert [step.inputs for step in steps[1:]] == [(("1", "first"),), (("1", "second"),)]


def branches(images):
    if images:
        return clean(images)
    return None


def loops(images):
    for image in images:
        clean(image)


@pytest.mark.parametrize("function", [branches, loops])
def test_what_a_diagram_would_hide_is_refused(function):
    with pytest.raises(ValueError, match="only calls are drawn"):
        read_flow(function)


def arrows(axis):
    return [text.arrow_patch for text in axis.texts if getattr(text, "arrow_patch", None) is not None]


def test_drawing_has_one_box_a_call_and_red_arrows_for_labels():
    from matplotlib.colors import to_rgba

    figure, flows = draw_flows({"with": pipeline, "without": unpacks})
    for axis, flow in zip(figure.axes, flows.values(), strict=True):
        boxes = [patch for patch in axis.patches if patch.get_facecolor() == to_rgba(BOX)]
        assert len(boxes) == len(flow.steps)
        said = " ".join(text.get_text().replace("\n", "") for text in axis.texts)
        for step in flow.steps:
            assert step.function in said
        red = [arrow for arrow in arrows(axis) if arrow.get_edgecolor() == to_rgba(MARKED)]
        assert len(red) == sum("labels" in text for step in flow.steps for _, text in step.inputs)
        handed_on = sum(len(step.inputs) for step in flow.steps) + bool(flow.steps[-1].output)
        assert len(arrows(axis)) == handed_on
    assert [axis.get_title(loc="left") for axis in figure.axes] == ["with", "without"]
