"""The judge: a small network, apart from the model it judges, that names what a picture shows.

It was trained on painted scenes only and never saw a generated picture.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from generation.spec.world import CONCEPTS

PATH = Path(__file__).with_name("judge.safetensors")
SIDE = 128
WIDTHS = (24, 48, 96, 128)


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeVerdict:
    """What the judge says of n pictures; columns follow spec.world.CONCEPTS.

    presence: [n, concepts], 0 to 1; a concept is there from 0.5 on, its own threshold moved there.
    amounts: [n, concepts], 0 for absent, 0.4 (a little) to 1.6 (a lot), as scenes.scene has them.
    """

    presence: NDArray[np.float32]
    amounts: NDArray[np.float32]

    def shows(self, concept: str) -> NDArray[np.bool_]:
        """[n]: which of the pictures show it."""
        return self.presence[:, CONCEPTS.index(concept)] >= 0.5

    def amount(self, concept: str) -> NDArray[np.float32]:
        """[n]: how much of it."""
        return self.amounts[:, CONCEPTS.index(concept)]

    def certainty(self, concept: str) -> NDArray[np.float32]:
        """[n]: logits of the concept's presence, above 0 where it is there."""
        presence = np.clip(self.presence[:, CONCEPTS.index(concept)], 1e-6, 1 - 1e-6)
        return np.log(presence / (1 - presence))


class JudgeNet(nn.Module):
    """Convolutions down to 8 x 8, averages and maxima of them, and two answers a concept."""

    def __init__(self) -> None:
        super().__init__()
        pairs = zip((3, *WIDTHS), WIDTHS, strict=False)
        self.body = nn.Sequential(*(_stage(before, after) for before, after in pairs))
        self.hidden = nn.Sequential(nn.Dropout(0.1), nn.Linear(2 * WIDTHS[-1], 192), nn.SiLU())
        self.presence = nn.Linear(192, len(CONCEPTS))
        self.amounts = nn.Linear(192, len(CONCEPTS))

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and amounts, both [n, concepts], of pixels [n, 3, 128, 128], -1 to 1."""
        seen = self.body(pixels)
        hidden = self.hidden(torch.cat([seen.mean((2, 3)), seen.amax((2, 3))], dim=1))
        return self.presence(hidden), self.amounts(hidden)


class Judge:
    """A trained network with a threshold for every concept."""

    def __init__(self, net: JudgeNet, thresholds: Mapping[str, float]) -> None:
        self._net = net.float().eval()
        shares = torch.tensor([thresholds[concept] for concept in CONCEPTS])
        self._offsets = torch.logit(shares)

    @classmethod
    def load(cls, path: Path = PATH) -> "Judge":
        """Read the judge that lies beside this module. Raises FileNotFoundError."""
        with safe_open(path, "pt") as file:
            config = json.loads(file.metadata()["config"])
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  no dict
        net = JudgeNet()
        net.load_state_dict(weights)
        return cls(net, config["thresholds"])

    @torch.inference_mode()
    def judge(self, pictures: Sequence[Image.Image]) -> JudgeVerdict:
        """Look at RGB pictures of any size, each as a whole."""
        parts = [self._net(to_input(pictures[i : i + 32])) for i in range(0, len(pictures), 32)]
        logits, amounts = (torch.cat(side) for side in zip(*parts, strict=True))
        presence = torch.sigmoid(logits - self._offsets)
        return JudgeVerdict(presence=presence.numpy(), amounts=amounts.clamp_min(0).numpy())


def save(net: JudgeNet, thresholds: Mapping[str, float], path: Path = PATH) -> None:
    """Write the network in half precision, the thresholds in the file's metadata."""
    state = net.state_dict().items()
    weights = {
        name: value.half().contiguous() if value.is_floating_point() else value
        for name, value in state
    }
    save_file(weights, path, metadata={"config": json.dumps({"thresholds": dict(thresholds)})})


def to_input(pictures: Sequence[Image.Image]) -> Tensor:
    """[n, 3, 128, 128], -1 to 1: every picture whole, whatever its format."""
    small = [np.asarray(shrink(picture)) for picture in pictures]
    return torch.from_numpy(np.stack(small)).permute(0, 3, 1, 2).float() / 127.5 - 1


def shrink(
    picture: Image.Image, box: tuple[float, float, float, float] | None = None
) -> Image.Image:
    """128 x 128 RGB of the box (left, top, right, bottom in pixels), or of all."""
    return picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX, box=box)


def _stage(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(after),
        nn.SiLU(),
        _Residual(after) if before > 3 else nn.Identity(),
    )


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, seen: Tensor) -> Tensor:
        return seen + nn.functional.silu(self.norm(self.conv(seen)))
