"""The supervised baseline and `course train`."""

import pytest
import torch

from course_lib.data import ImageSet
from course_lib.models import resnet
from course_lib.training import command, papers, recipe, supervised

from .stand_ins import pictures


def small():
    return resnet(widths=(4, 8), blocks=(1, 1))


def shades(n=64, seed=0):
    """Dark and bright noise: a task that a few steps solve."""
    labels = torch.arange(n) % 2
    images = pictures(n, size=12, seed=seed) // 2 + (labels * 110).to(torch.uint8)[:, None, None, None]
    return ImageSet(images, labels, ["dark", "bright"], "shades")


def teacher_of(name):
    return {"teacher": small()} if recipe.RECIPES[name].from_teacher else {}


OPTIONS = {"batch_size": 16, "show": False, "precision": "float32", "channels_last": False}


def test_it_learns_what_labels_say_and_repeats_itself(tmp_path):
    a, b = (supervised(small, shades(), steps=40, seed=3, folder=tmp_path / name, **OPTIONS) for name in "ab")
    test = shades(seed=1)
    assert (a.method.predict(test.images) == test.labels).float().mean() > 0.9
    assert a.history.loss.equals(b.history.loss)
    assert "ln C" in a.stuck_values


def test_sets_without_labels_are_refused_in_a_sentence():
    unlabelled = ImageSet(pictures(8), [-1] * 8, ["a", "b"])
    with pytest.raises(ValueError, match="without a label"):
        supervised(small, unlabelled, steps=1)
    with pytest.raises(ValueError, match=r"no \.classes"):
        supervised(small, pictures(8), steps=1)


@pytest.mark.parametrize(
    ("name", "family"), [(name, family) for name, r in recipe.RECIPES.items() for family in r.families]
)
def test_every_method_of_the_command_takes_a_step_with_each_of_its_encoders(name, family):
    images = ImageSet(pictures(40, size=48), [0, 1] * 20, ["a", "b"], "noise")
    method = recipe.build(name, recipe.encoder_for(48, "quick", family), images, **teacher_of(name))
    batch = (images.images[:8], torch.as_tensor(images.labels[:8]))
    loss = method.training_step(batch, 0)
    loss.backward()
    assert torch.isfinite(loss)
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in method.encoder.parameters())
    assert method.embed(images.images[:3]).shape == (3, method.width)


@pytest.mark.parametrize("name", recipe.METHODS)
def test_every_method_takes_its_options_of_the_full_profile(name):
    images = ImageSet(pictures(40, size=48), [0, 1] * 20, ["a", "b"], "noise")
    options = recipe.full_options(name, len(images), 8) | teacher_of(name)
    if options.get("projection_size", 0) > 4096:
        options["projection_size"] = 64  # 8192 x 8192 weights are for a GPU
    method = recipe.build(
        name, recipe.encoder_for(48, "quick", recipe.RECIPES[name].families[0]), images, **options
    )
    assert method.configure_optimizers()["optimizer"].defaults["lr"] == method.learning_rate
    paper = papers.PAPERS.get(name, papers.Paper())
    if paper.rate:
        scale = (8 / 1024) ** 0.5 if name in ("dinov2", "gram_anchoring") else 8 / 256
        assert method.learning_rate == pytest.approx(paper.rate * scale)
    if paper.crops:
        assert method.views.local_crops == paper.crops["local_crops"]
        assert method.views.local_scale == paper.crops["local_scale"]
        assert method.views.policy == "small"  # at 48 pixels; the paper's style from 64 on
    assert papers.in_words(recipe.full_options(name, len(images), 8))


def test_full_options_are_the_papers_fitted_to_the_data():
    imagenet, small = (recipe.full_options("dino", number, 512) for number in (1_281_167, 9_469))
    assert (imagenet["prototypes"], small["prototypes"]) == (65_536, 8_192)
    assert (imagenet["frozen_steps"], small["frozen_steps"]) == (2_502, 18)
    assert small["learning_rate"] == pytest.approx(1e-3)
    assert (small["momentum"], small["weight_decay"]) == (0.996, 0.04)
    assert recipe.full_options("moco", 100_000, 256)["queue_size"] == 65_536
    assert "queue_size" not in recipe.full_options("moco", 50_000, 256)
    mae = recipe.full_options("mae", 50_000, 256)
    assert mae["decoder_depth"] == 8
    dinov2 = recipe.full_options("dinov2", 1_281_167, 3072)  # the paper's 3.5e-4 for a ViT-L
    assert dinov2["learning_rate"] == pytest.approx(3.5e-4, rel=0.02)
    assert (dinov2["prototypes"], dinov2["bottleneck"], dinov2["momentum"]) == (131_072, 384, 0.994)
    words = papers.in_words({key: mae[key] for key in ("augment", "optimizer")} | dinov2["crops"])
    assert words.startswith("augment light_augmentation (least 0.2, flip on), optimizer AdamW (betas 0.9 to")
    assert words.endswith("global_scale 0.32 to 1, local_scale 0.05 to 0.32, policy dino")
    with pytest.raises(ValueError, match='method is "boyl"'):
        recipe.full_options("boyl", 10, 10)


def test_the_full_profile_uses_the_options_and_names_them(tmp_path, monkeypatch):
    import course_lib.data

    built, plain = [], recipe.build
    monkeypatch.setattr(command, "build", lambda *a, **o: built.append(plain(*a, **o)) or built[-1])
    monkeypatch.setattr(command, "encoder_for", lambda *arguments, **half: small())
    monkeypatch.setattr(course_lib.data, "load", lambda name, split: shades(seed=int(split == "test")))
    options = {"steps": 2, "show": False, "batch_size": 16, "precision": "float32"}
    report = command.train("moco", "shades", "full", folder=tmp_path / "a", **options)
    assert "full profile: momentum 0.999, optimizer SGD (momentum 0.9), views of moco_v2" in report
    assert built[0].momentum == 0.999
    assert "full profile" not in command.train("moco", "shades", "quick", folder=tmp_path / "b", **options)
    assert built[1].momentum == 0.99


@pytest.mark.parametrize(
    ("method", "slow"), [("dino", True), ("ijepa", True), ("moco", False), ("mae", False)]
)
def test_the_report_names_the_slow_copy_where_the_paper_evaluates_it(tmp_path, monkeypatch, method, slow):
    import course_lib.data
    from course_lib import evaluate

    probed, plain = [], evaluate.evaluate
    monkeypatch.setattr(evaluate, "evaluate", lambda *a: probed.append(a[0]) or plain(*a))
    monkeypatch.setattr(course_lib.data, "load", lambda name, split: shades(seed=int(split == "test")))
    options = {"steps": 2, "show": False, "batch_size": 16, "folder": tmp_path}
    report = command.train(method, "shades", "quick", **options)
    assert ("its slow copy, which the paper evaluates: " in report) == slow
    if slow:
        learner, copy = probed[-2:]
        assert copy is learner.papers_encoder
        assert copy is not learner.encoder
        assert not any(weights.requires_grad for weights in copy.parameters())


def test_a_student_of_half_the_channels_learns_from_the_teacher_it_is_given(tmp_path, monkeypatch):
    import course_lib.data

    built, plain = [], recipe.build
    monkeypatch.setattr(command, "build", lambda *a, **o: built.append(plain(*a, **o)) or built[-1])
    monkeypatch.setattr(course_lib.data, "load", lambda name, split: shades(seed=int(split == "test")))
    teacher = small()
    options = {"steps": 2, "show": False, "batch_size": 16, "folder": tmp_path}
    report = command.train("distillation", "shades", "quick", teacher=teacher, **options)
    assert [part.width for part in (built[0].encoder, built[0].teacher)] == [48, teacher.width]
    sizes = [
        f"{sum(weights.numel() for weights in part.parameters()):,}" for part in (built[0].encoder, teacher)
    ]
    assert f"student of {sizes[0]} parameters, teacher of {sizes[1]} parameters" in report


@pytest.mark.parametrize("profile", ["quick", "full"])
@pytest.mark.parametrize("family", recipe.FAMILIES)
def test_half_the_channels_are_a_quarter_of_the_parameters(profile, family):
    with torch.device("meta"):
        whole, half = (recipe.encoder_for(48, profile, family, half=half) for half in (False, True))
    sizes = [sum(weights.numel() for weights in encoder.parameters()) for encoder in (whole, half)]
    assert half.width * 2 == whole.width
    assert 3.5 < sizes[0] / sizes[1] < 4.1


def test_a_teacher_is_asked_for_and_refused_before_anything_is_loaded():
    with pytest.raises(ValueError, match="distillation needs a teacher=, a finished encoder"):
        command.train("distillation", "nothing of this name")
    with pytest.raises(ValueError, match="simclr learns from no teacher; only distillation"):
        command.train("simclr", "nothing of this name", teacher=small())


def test_an_encoder_of_another_family_is_refused_before_anything_is_loaded():
    with pytest.raises(ValueError, match="mae cannot use family"):
        command.train("mae", "nothing of this name", family="resnet")
    with pytest.raises(ValueError, match="no patch"):
        recipe.encoder_for(47, "quick", "vit")


def test_the_report_compares_with_the_random_encoder(tmp_path, monkeypatch):
    import course_lib.data

    monkeypatch.setattr(course_lib.data, "load", lambda name, split: shades(seed=int(split == "test")))
    with pytest.raises(ValueError, match='method is "boyl"; choose one of rotation'):
        command.train("boyl", "shades", steps=2, folder=tmp_path)
    report = command.train("supervised", "shades", steps=2, folder=tmp_path, show=False, batch_size=16)
    assert "random encoder" in report
    assert str(tmp_path) in report
