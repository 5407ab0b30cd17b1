"""Training that is stopped goes on as if it had not been."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from numpy.random import Generator
from torch import Tensor, nn

from generation.miniature.training import begun, loop


def make_net() -> nn.Linear:
    torch.manual_seed(3)
    return nn.Linear(4, 1)


PLAN = loop.Plan(steps=10, rate=0.1, warmup=2, ema=0.5)


def train(
    net: nn.Linear, plan: loop.Plan, folder: Path, *, stop_at: int | None = None
) -> list[int]:
    """Learn a sum of four numbers; the steps that were made."""
    made = []

    def step(rng: Generator) -> tuple[Tensor, dict[str, float]]:
        made.append(len(made))
        if stop_at is not None and len(made) > stop_at:
            raise KeyboardInterrupt
        given = torch.from_numpy(rng.standard_normal((8, 4))).float() + torch.randn(8, 4)
        error = net(given).squeeze(1) - given.sum(dim=1)
        return error.square().mean(), {"worst": error.detach().abs().max().item()}

    loop.train("sum", net, plan, step, folder)
    return made


def test_it_learns(tmp_path: Path) -> None:
    train(net := make_net(), replace(PLAN, steps=60), tmp_path)
    assert torch.allclose(net.weight, torch.ones(1, 4), atol=0.1)


@pytest.mark.parametrize("muon", [False, True])
def test_a_stopped_run_ends_as_an_unbroken_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, muon: bool
) -> None:
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(loop, "MUON_SIDE", 1)
    plan = replace(PLAN, muon=muon)
    train(unbroken := make_net(), plan, tmp_path / "unbroken")

    with pytest.raises(KeyboardInterrupt):
        train(make_net(), plan, tmp_path / "stopped", stop_at=6)
    made = train(resumed := make_net(), plan, tmp_path / "stopped")

    assert len(made) == 4
    assert torch.equal(resumed.weight, unbroken.weight)
    assert torch.equal(resumed.bias, unbroken.bias)


def test_a_finished_run_is_not_repeated(tmp_path: Path) -> None:
    train(first := make_net(), PLAN, tmp_path)
    assert train(second := make_net(), PLAN, tmp_path) == []
    assert torch.equal(first.weight, second.weight)


@pytest.mark.parametrize("muon", [False, True])
def test_muon_moves_a_large_kernel_alike_in_most_directions(tmp_path: Path, *, muon: bool) -> None:
    torch.manual_seed(5)
    net = nn.Conv2d(64, 64, 3)
    before = net.weight.detach().clone()

    def step(_rng: Generator) -> tuple[Tensor, dict[str, float]]:
        alike = torch.randn(2, 1, 9, 9) + 0.5 * torch.randn(2, 64, 9, 9)
        return net(alike).square().mean(), {}

    loop.train("kernel", net, loop.Plan(steps=1, rate=0.1, warmup=1, muon=muon), step, tmp_path)

    moved = torch.linalg.svdvals((net.weight.detach() - before).flatten(1))
    assert (moved.median() > 0.5 * moved.max()) == muon


@pytest.mark.parametrize(
    "shape", [(64, 64), (64, 100), (100, 64), (64, 400), (400, 64), (8, 8, 3, 3)]
)
def test_muon_is_that_of_pytorch(shape: tuple[int, ...]) -> None:
    """It differs in the last bits of bfloat16: many matrices are turned at once."""
    torch.manual_seed(7)
    before = torch.randn(shape)
    ours, theirs = nn.Parameter(before.clone()), nn.Parameter(before.flatten(1).clone())
    plan = loop.Plan(steps=3, rate=1e-2)
    known = torch.optim.Muon(
        [theirs], plan.rate, weight_decay=plan.weight_decay, adjust_lr_fn="match_rms_adamw"
    )
    optimizer = loop.Muon([ours], plan)
    for _ in range(plan.steps):
        ours.grad = torch.randn(shape)
        theirs.grad = ours.grad.flatten(1)
        optimizer.step()
        known.step()
    moved, wanted = (ours.detach() - before).flatten(1), theirs.detach() - before.flatten(1)
    assert (moved - wanted).norm() < 0.03 * wanted.norm()


def test_a_loss_that_is_no_number_stops_it(tmp_path: Path) -> None:
    net = make_net()

    def step(_rng: Generator) -> tuple[Tensor, dict[str, float]]:
        return net.weight.sum() * float("nan"), {}

    with pytest.raises(FloatingPointError, match="lower the learning rate"):
        loop.train("broken", net, loop.Plan(steps=3, rate=0.1), step, tmp_path)


def test_the_rate_rises_stays_and_falls() -> None:
    plan = loop.Plan(steps=100, rate=1.0, warmup=10, decay=0.5)
    paces = [loop.pace(number, plan) for number in range(100)]
    assert paces[0] == pytest.approx(0.1)
    assert set(paces[9:51]) == {1.0}
    assert paces[50:] == sorted(paces[50:], reverse=True)
    assert paces[-1] == pytest.approx(0.02)


def test_what_a_layer_counted_goes_on_too(tmp_path: Path) -> None:
    """Running means are no parameters, and a net is worth nothing without them."""

    def learn(net: nn.Module, steps: int) -> None:
        def step(rng: Generator) -> tuple[Tensor, dict[str, float]]:
            given = torch.from_numpy(rng.standard_normal((16, 4))).float() * 3 + 5
            return net(given).square().mean(), {}

        loop.train("counting", net, loop.Plan(steps=steps, rate=0.1), step, tmp_path)

    learn(first := nn.BatchNorm1d(4), 30)
    learn(again := nn.BatchNorm1d(4), 30)
    assert first.running_mean is not None
    assert again.running_mean is not None
    assert float(first.running_mean.mean()) > 3
    assert torch.equal(again.running_mean, first.running_mean)


def test_a_checkpoint_of_other_inputs_is_refused(tmp_path: Path) -> None:
    net = make_net()

    def step(_rng: Generator) -> tuple[Tensor, dict[str, float]]:
        return net.weight.sum(), {}

    plan = loop.Plan(steps=2, rate=0.1, origin="these pictures")
    loop.train("once", net, plan, step, tmp_path)
    with pytest.raises(ValueError, match=r"once\.ckpt learnt from other inputs. Delete it"):
        loop.train("once", net, replace(plan, origin="those pictures"), step, tmp_path)


def test_two_parts_learn_from_different_lots(tmp_path: Path) -> None:
    drawn: dict[str, float] = {}
    for name in ("small", "large"):
        net = make_net()

        def step(
            rng: Generator, name: str = name, net: nn.Linear = net
        ) -> tuple[Tensor, dict[str, float]]:
            drawn[name] = rng.random()
            return net.weight.sum(), {}

        loop.train(name, net, loop.Plan(steps=1, rate=0.1), step, tmp_path)
    assert drawn["small"] != drawn["large"]


def test_a_packed_course_goes_on_elsewhere_with_the_kept_weights(tmp_path: Path) -> None:
    here, packed, there = (tmp_path / name for name in ("here", "packed", "there"))
    train(net := make_net(), replace(PLAN, origin="pictures"), here)

    begun.pack(here, packed)
    begun.unpack(packed, there)
    longer = replace(PLAN, steps=12, origin="pictures that differ by a last bit")
    made = train(elsewhere := make_net(), longer, there)

    assert len(made) == 2
    assert not torch.equal(elsewhere.weight, net.weight)
    begun.unpack(packed, tmp_path / "third")
    assert train(finished := make_net(), PLAN, tmp_path / "third") == []
    assert torch.equal(finished.weight, net.weight.half().float())


def test_a_course_of_ones_own_is_not_replaced_by_a_packed_one(tmp_path: Path) -> None:
    train(make_net(), PLAN, tmp_path / "here")
    begun.pack(tmp_path / "here", tmp_path / "packed")
    train(make_net(), replace(PLAN, steps=15), tmp_path / "here")

    assert begun.unpack(tmp_path / "packed", tmp_path / "here") == []
    assert torch.load(tmp_path / "here" / "sum.ckpt", weights_only=True)["done"] == 15


def test_what_large_pictures_have_gone_on_with_is_not_packed_twice(tmp_path: Path) -> None:
    train(make_net(), PLAN, tmp_path)
    for name in ("unet-small", "unet-large", "adapter-small"):
        shutil.copy(tmp_path / "sum.ckpt", tmp_path / f"{name}.ckpt")

    packed = begun.pack(tmp_path, tmp_path / "packed")

    assert [path.stem for path in packed] == ["adapter-small", "sum", "unet-large"]
