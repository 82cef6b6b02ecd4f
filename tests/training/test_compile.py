"""fit(..., compile=...): the same losses, nothing left behind, resumed as it was begun."""

import pytest
import torch

from course_lib.data import MultiCrop
from course_lib.methods import DINO, IJEPA, MoCo, SimCLR
from course_lib.models import VisionTransformer, resnet
from course_lib.training import checkpoint, fitting
from course_lib.training.profiles import PROFILES

from .stand_ins import pictures, same_state
from .test_fit import quick


def make(kind):
    torch.manual_seed(5)
    if kind is SimCLR:
        return SimCLR(resnet(widths=(4, 6), blocks=(1, 1)), projection_size=8)
    if kind is MoCo:
        return MoCo(resnet(widths=(4, 6), blocks=(1, 1)), queue_size=13, projection_size=8)
    vit = VisionTransformer(16, 4, 12, 1, 2)
    if kind is IJEPA:
        return IJEPA(vit, predictor_width=8, predictor_depth=1, predictor_heads=2, position_noise=0.2)
    crops = MultiCrop(2, 2, size=16, local_size=8, policy="small")
    # a temperature that warms up is another number in every step
    temperatures = {"warmup_teacher_temperature": 0.03, "temperature_warmup": 1.0}
    return DINO(vit, prototypes=6, hidden_size=8, bottleneck=4, views=crops, **temperatures)


def options(folder, **more):
    return {"data": pictures(24, size=16), "batch_size": 8, "folder": folder, **more}


@pytest.mark.parametrize("kind", [SimCLR, DINO, IJEPA])
def test_a_compiled_run_has_the_losses_of_a_plain_one(tmp_path, kind):
    torch._dynamo.reset()
    plain, compiled = make(kind), make(kind)
    expected = quick(plain, steps=4, **options(tmp_path / "a"))
    torch._dynamo.utils.counters.clear()
    run = quick(compiled, steps=4, compile="aot_eager", **options(tmp_path / "b"))
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > 0  # it really was compiled
    assert run.history.loss.tolist() == pytest.approx(expected.history.loss.tolist(), rel=1e-4)
    assert "loss" not in compiled.__dict__
    assert compiled.loss.__func__ is kind.loss


@pytest.mark.parametrize("kind", [DINO, MoCo])
def test_more_steps_compile_nothing_more(tmp_path, kind):
    graphs = []
    for steps in (4, 7):
        torch._dynamo.reset()
        torch._dynamo.utils.counters.clear()
        quick(make(kind), steps=steps, compile="eager", **options(tmp_path / str(steps)))
        graphs.append(torch._dynamo.utils.counters["stats"]["unique_graphs"])
    assert graphs[0] == graphs[1]


def test_a_resumed_compiled_run_is_compiled_and_equals_the_uninterrupted_one(tmp_path):
    torch._dynamo.reset()
    whole, fresh = make(SimCLR), make(SimCLR)
    expected = quick(whole, steps=6, compile="eager", **options(tmp_path / "a"))
    stop = make(SimCLR)
    plain = stop.after_step

    def interrupt():
        plain()
        if stop.global_step == 3:
            raise KeyboardInterrupt

    stop.after_step = interrupt
    part = quick(stop, steps=6, compile="eager", **options(tmp_path / "b"))
    assert part.status == "interrupted"
    assert checkpoint.read(part.checkpoint)[checkpoint.KEY]["plan"]["compile"] == "eager"
    torch._dynamo.utils.counters.clear()
    torch._dynamo.reset()
    again = quick(fresh, steps=6, resume="last", **options(tmp_path / "b"))
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > 0
    assert same_state(whole, fresh)
    assert again.history.loss.equals(expected.history.loss)


def test_it_is_on_by_itself_with_the_full_profile_on_cuda_only():
    cpu, cuda = torch.device("cpu"), torch.device("cuda")
    chosen = [
        fitting._backend(None, PROFILES[name], device, strategy)
        for name in ("quick", "full")
        for device in (cpu, cuda)
        for strategy in ("auto", "fsdp")
    ]
    assert chosen == ["", "", "", "", "", "", "inductor", ""]
    assert fitting._backend(False, PROFILES["full"], cuda, "auto") == ""
    assert fitting._backend(True, PROFILES["quick"], cpu, "auto") == "inductor"
    with pytest.raises(ValueError, match='compile=True with strategy="fsdp"; leave one'):
        fitting._backend(True, PROFILES["quick"], cpu, "fsdp")
