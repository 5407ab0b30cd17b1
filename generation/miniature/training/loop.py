"""The loop all parts are trained by: a bar, checkpoints, and the same steps after a restart."""

import math
import time
import zlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import torch
from numpy.random import Generator, default_rng
from torch import Tensor, nn
from tqdm import tqdm

CHECKPOINT_SECONDS = 120.0
FLOOR = 0.02  # of the learning rate, at the last step
MUON_SIDE = 64  # the fewest rows and columns of a matrix that learns by Muon
MOMENTUM = 0.95
NEWTON_SCHULZ, NEWTON_SCHULZ_STEPS = (3.4445, -4.775, 2.0315), 5  # those of torch.optim.Muon
Step = Callable[[Generator], tuple[Tensor, Mapping[str, float]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long and how fast a part learns.

    The rate rises over `warmup` steps, stays, and falls linearly over the last `decay` of all.
    ema: of the weights that are kept in the end; 0 keeps the last ones.
    muon: matrices learn by Muon, which needs fewer steps and a little more time for each.
    origin: a digest of what is learnt from.
    """

    steps: int
    rate: float
    weight_decay: float = 1e-2
    warmup: int = 100
    decay: float = 0.35
    ema: float = 0.0
    clip: float = 1.0
    muon: bool = False
    origin: str = ""


def device() -> torch.device:
    """A GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def autocast() -> AbstractContextManager:
    """bfloat16 where it is safe; the losses stay in float32."""
    return torch.autocast(device().type, torch.bfloat16)


def train(name: str, model: nn.Module, plan: Plan, step: Step, folder: Path) -> None:
    """Train the model's parameters that require a gradient, and leave the kept weights in it.

    step: the loss of one batch, given the numbers drawn for this step, and figures for the bar.
    folder: holds NAME.ckpt; a run that was stopped goes on there, a finished one is done at once.
    Raises ValueError when the checkpoint's plan had another origin.
    """
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    run = _Run(
        weights=weights,
        kept=[weight.detach().clone() for weight in weights],
        buffers=list(model.buffers()),
        optimizers=_optimizers(weights, plan),
        origin=plan.origin,
    )
    kept, optimizers = run.kept, run.optimizers
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / f"{name}.ckpt"
    done = run.resume(checkpoint)
    lot = zlib.crc32(name.encode())
    means: dict[str, float] = {}
    saved_at = time.monotonic()
    with tqdm(total=plan.steps, initial=done, desc=name, mininterval=2.0) as bar:
        for number in range(done, plan.steps):
            torch.manual_seed(lot + number)
            loss, figures = step(default_rng((number, lot)))
            loss.backward()
            nn.utils.clip_grad_norm_(weights, plan.clip)
            for optimizer in optimizers:
                for group in optimizer.param_groups:
                    group["lr"] = plan.rate * pace(number, plan)
                optimizer.step()
            model.zero_grad(set_to_none=True)
            _keep(kept, weights, min(plan.ema, (1 + number) / (10 + number)))
            _average(means, {"loss": loss.item(), **figures})
            bar.update()
            bar.set_postfix({key: f"{value:.4f}" for key, value in means.items()}, refresh=False)
            if time.monotonic() - saved_at > CHECKPOINT_SECONDS:
                run.save(checkpoint, number + 1)
                saved_at = time.monotonic()
    if done < plan.steps:
        run.save(checkpoint, plan.steps)
    _put(weights, kept)


def pace(number: int, plan: Plan) -> float:
    """The share of the full learning rate at this step."""
    left = (plan.steps - number) / max(1.0, plan.decay * plan.steps)
    return min(1.0, (number + 1) / plan.warmup) * max(FLOOR, min(1.0, left))


class Muon(torch.optim.Optimizer):
    """Muon, the rule of torch.optim.Muon, for kernels too: a row for each output.

    All matrices of one shape are made orthogonal at once, which takes half as long as one after
    another. Source: Jordan et al. 2024, kellerjordan.github.io/posts/muon; scale: arXiv:2502.16982.
    """

    def __init__(self, weights: Sequence[Tensor], plan: Plan) -> None:
        super().__init__(weights, {"lr": plan.rate, "weight_decay": plan.weight_decay})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        for group in self.param_groups:
            alike: dict[tuple[int, ...], list[tuple[Tensor, Tensor]]] = defaultdict(list)
            for weight in group["params"]:
                if weight.grad is not None:
                    ahead = self._ahead(weight)
                    alike[tuple(ahead.shape)].append((weight, ahead))
            for shape, pairs in alike.items():
                turned = orthogonal(torch.stack([ahead for _, ahead in pairs]))
                scale = 0.2 * max(shape) ** 0.5  # as large as AdamW's steps
                for (weight, _), rows in zip(pairs, turned, strict=True):
                    weight.mul_(1 - group["lr"] * group["weight_decay"])
                    weight.sub_(rows.view_as(weight), alpha=group["lr"] * scale)

    def _ahead(self, weight: Tensor) -> Tensor:
        """The gradient's running mean as it will be, in rows (Nesterov)."""
        state = self.state[weight]
        if not state:
            state["momentum"] = torch.zeros_like(weight)
        momentum = state["momentum"]
        momentum.lerp_(weight.grad, 1 - MOMENTUM)
        return weight.grad.lerp(momentum, MOMENTUM).flatten(1)


def orthogonal(stack: Tensor) -> Tensor:
    """About the nearest matrices with singular values of one, by five Newton-Schulz steps.

    stack: [n, rows, columns]. The values end between 0.7 and 1.2.
    """
    if stack.shape[-2] > stack.shape[-1]:
        return orthogonal(stack.mT).mT
    keep, linear, square = NEWTON_SCHULZ
    rows = stack / (torch.linalg.matrix_norm(stack, keepdim=True) + 1e-7)
    rows = rows.bfloat16()
    for _ in range(NEWTON_SCHULZ_STEPS):
        gram = rows @ rows.mT
        bend = torch.baddbmm(gram, gram, gram, beta=linear, alpha=square)
        rows = torch.baddbmm(rows, bend, rows, beta=keep)
    return rows.to(stack)


def _optimizers(weights: Sequence[Tensor], plan: Plan) -> list[torch.optim.Optimizer]:
    matrices = [weight for weight in weights if plan.muon and _is_large(weight)]
    taken = {id(weight) for weight in matrices}
    rest = [weight for weight in weights if id(weight) not in taken]
    adam = torch.optim.AdamW(rest, plan.rate, weight_decay=plan.weight_decay, betas=(0.9, 0.98))
    return [adam, Muon(matrices, plan)] if matrices else [adam]


def _is_large(weight: Tensor) -> bool:
    """Not the first and last layers, whose few channels Muon would weigh alike."""
    return weight.ndim > 1 and min(weight.flatten(1).shape) >= MUON_SIDE


@torch.no_grad()
def _keep(kept: list[Tensor], weights: list[Tensor], ema: float) -> None:
    torch._foreach_lerp_(kept, [weight.detach() for weight in weights], 1 - ema)


@torch.no_grad()
def _put(weights: list[Tensor], values: list[Tensor]) -> None:
    for weight, value in zip(weights, values, strict=True):
        weight.copy_(value)


def _average(means: dict[str, float], figures: Mapping[str, float]) -> None:
    """Running means over some fifty steps."""
    for key, value in figures.items():
        if not math.isfinite(value):
            raise FloatingPointError(f"{key} is {value}: lower the learning rate.")
        means[key] = means[key] * 0.98 + value * 0.02 if key in means else value


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """All that a stopped run needs to go on as if it had not been."""

    weights: list[Tensor]
    kept: list[Tensor]
    buffers: list[Tensor]
    optimizers: list[torch.optim.Optimizer]
    origin: str

    def save(self, path: Path, done: int) -> None:
        """Written beside and moved, so that a kill leaves the one before."""
        whole = {
            "done": done,
            "weights": [weight.detach() for weight in self.weights],
            "kept": self.kept,
            "buffers": self.buffers,
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "origin": self.origin,
        }
        torch.save(whole, part := path.with_suffix(".part"))
        part.replace(path)

    def resume(self, path: Path) -> int:
        """Put the checkpoint into place, if there is one; the steps done.

        One that was packed on another machine has the kept weights alone: they are learnt on from.
        """
        if not path.exists():
            return 0
        device = self.weights[0].device
        whole = torch.load(path, map_location=device, weights_only=True)
        if whole.get("origin", self.origin) != self.origin:
            raise ValueError(f"{path} learnt from other inputs. Delete it to begin anew.")
        _put(self.kept, whole["kept"])
        _put(self.weights, whole.get("weights", whole["kept"]))
        _put(self.buffers, whole.get("buffers", self.buffers))
        for optimizer, state in zip(self.optimizers, whole.get("optimizers", ()), strict=False):
            optimizer.load_state_dict(state)
        return int(whole["done"])
