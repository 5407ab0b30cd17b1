"""The judge: small networks, apart from the model they judge, that name what a picture shows.

They learnt from painted scenes, as they are and as the model gives them back without words, and
never saw what the model makes of words.
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
AT_ONCE = 32  # pictures
MEMBERS = 3
WIDTHS = (24, 40, 80, 112)
GROUP = 8  # channels that are normalised together


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
    """Members that learnt from the same but began apart: what one takes amiss, others may not."""

    def __init__(self) -> None:
        super().__init__()
        self.members = nn.ModuleList(_Member() for _ in range(MEMBERS))

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and amounts, both [members, n, concepts], of pixels [n, 3, 128, 128], -1 to 1."""
        logits, amounts = zip(*(member(pixels) for member in self.members), strict=True)
        return torch.stack(logits), torch.stack(amounts)


class _Member(nn.Module):
    """Convolutions down to 8 x 8, averages and maxima of them, and two answers a concept."""

    def __init__(self) -> None:
        super().__init__()
        pairs = zip((3, *WIDTHS), WIDTHS, strict=False)
        self.body = nn.Sequential(*(_stage(before, after) for before, after in pairs))
        self.hidden = nn.Sequential(nn.Dropout(0.1), nn.Linear(2 * WIDTHS[-1], 192), nn.SiLU())
        self.presence = nn.Linear(192, len(CONCEPTS))
        self.amounts = nn.Linear(192, len(CONCEPTS))

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        seen = self.body(pixels)
        hidden = self.hidden(torch.cat([seen.mean((2, 3)), seen.amax((2, 3))], dim=1))
        return self.presence(hidden), self.amounts(hidden)


class Judge:
    """The trained members' mean, of a picture and its mirror image; a threshold a concept."""

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
        parts = [
            self._mean(to_input(pictures[first : first + AT_ONCE]))
            for first in range(0, len(pictures), AT_ONCE)
        ]
        logits, amounts = (torch.cat(side) for side in zip(*parts, strict=True))
        presence = torch.sigmoid(logits - self._offsets)
        return JudgeVerdict(presence=presence.numpy(), amounts=amounts.clamp_min(0).numpy())

    def _mean(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        logits, amounts = self._net(torch.cat([pixels, pixels.flip(-1)]))
        n = len(pixels)
        return logits.unflatten(1, (2, n)).mean((0, 1)), amounts.unflatten(1, (2, n)).mean((0, 1))


def save(net: JudgeNet, thresholds: Mapping[str, float], path: Path = PATH) -> None:
    """Write the members in half precision, the thresholds in the file's metadata."""
    weights = {name: value.half().contiguous() for name, value in net.state_dict().items()}
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
        nn.GroupNorm(after // GROUP, after),
        nn.SiLU(),
        _Residual(after) if before > 3 else nn.Identity(),
    )


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm = nn.GroupNorm(width // GROUP, width)

    def forward(self, seen: Tensor) -> Tensor:
        return seen + nn.functional.silu(self.norm(self.conv(seen)))
