"""How a model of SDXL's size lives with a card's memory: one plan for each size of card.

Sizes are gibibytes. Weights are counted from the configurations, activations computed from the
layers' shapes and enlarged by what diffusers' own benchmarks show above that (x 1.7).
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

GIB = 1 << 30
RESERVED_GIB = 0.6
"""Of a card's free memory: what CUDA's own context and libraries take once work begins."""
WEIGHTS_GIB: Mapping[str, float] = {
    "text_encoder": 0.23,
    "text_encoder_2": 1.29,
    "image_encoder": 3.44,
    "unet": 4.78,
    "ip_adapter": 0.65,
    "vae": 0.16,
}
"""In half precision. The adapter's layers are part of the UNet once they are loaded."""
ENCODERS = ("text_encoder", "text_encoder_2", "image_encoder")
STREAMED_GIB = 1.0
"""Of a UNet whose layers pass by: those at work, and those under way."""
MEGAPIXEL = 1 << 20
DENOISE_GIB = 0.53
"""Activations of the UNet for a megapixel, both halves of guidance in one batch."""
DECODE_GIB = 2.55
"""Activations of the decoder for a megapixel."""
TILE_PX = 512 * 512
"""One tile of the decoder that comes with the fp16 fix."""
SIDE_STEP = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryPlan:
    """Which parts of a pipeline are on the card, and when.

    name: what IMAGEN_MEMORY_PLAN calls it. summary: for operators.
    least_gib: the free memory from which it is chosen.
    visitors: parts that come while they work, one at a time; the others stay on the card.
    at_home: parts that work on the CPU.
    unet: "half" precision, stored in "fp8" and widened layer by layer, or "streamed" past the card.
    whole_px: the largest picture that is decoded in one; a larger one in overlapping tiles.
    """

    name: str
    summary: str
    least_gib: float = 0.0
    visitors: tuple[str, ...] = ()
    at_home: tuple[str, ...] = ()
    unet: str = "half"
    whole_px: int = MEGAPIXEL

    @property
    def is_on_card(self) -> bool:
        return self is not CPU

    def tiles(self, width: int, height: int) -> bool:
        """Whether a picture of so many pixels is decoded in tiles."""
        return width * height > self.whole_px

    def peak_gib(self, width: int, height: int, *, has_reference: bool = False) -> float:
        """The most memory that weights and work of one picture are expected to take at a time.

        has_reference: whether the image encoder has to look at a new picture. 0 on the CPU, whose
        memory is not counted.
        """
        if not self.is_on_card:
            return 0.0
        always = sum(self._size(part) for part in WEIGHTS_GIB if self._stays(part))
        pixels = width * height
        decoded = TILE_PX if self.tiles(width, height) else pixels
        denoise = self._while_working("unet") + DENOISE_GIB * pixels / MEGAPIXEL
        decode = self._while_working("vae") + DECODE_GIB * decoded / MEGAPIXEL
        encode = max(
            self._while_working(part)
            for part in ENCODERS
            if part not in self.at_home and (has_reference or part != "image_encoder")
        )
        return always + max(denoise, decode, encode)

    def fits(
        self, width: int, height: int, memory_gib: float, *, has_reference: bool = False
    ) -> bool:
        """Whether a picture is expected to find room in so much free memory, beside CUDA itself."""
        peak_gib = self.peak_gib(width, height, has_reference=has_reference)
        return peak_gib + RESERVED_GIB <= memory_gib

    def largest_side(self, memory_gib: float, max_side: int, *, has_reference: bool = False) -> int:
        """The side of the largest square that is expected to fit, 0 where none does."""
        for side in range(max_side, 0, -SIDE_STEP):
            if self.fits(side, side, memory_gib, has_reference=has_reference):
                return side
        return 0

    def _stays(self, part: str) -> bool:
        return part not in self.at_home and self._guest(part) not in self.visitors

    def _while_working(self, part: str) -> float:
        """The weights that a part brings along when it does not stay."""
        if part not in self.visitors:
            return 0.0
        return sum(self._size(name) for name in WEIGHTS_GIB if self._guest(name) == part)

    def _size(self, part: str) -> float:
        if part == "unet" and self.unet == "fp8":
            return WEIGHTS_GIB[part] / 2
        if self.unet == "streamed" and self._guest(part) == "unet":
            return STREAMED_GIB if part == "unet" else 0.0
        return WEIGHTS_GIB[part]

    @staticmethod
    def _guest(part: str) -> str:
        return "unet" if part == "ip_adapter" else part


PLANS = (
    MemoryPlan(
        name="resident",
        summary="everything stays on the card",
        least_gib=20.0,
        whole_px=1536 * 1536,
    ),
    MemoryPlan(
        name="on-demand",
        summary="all but the image encoder, which comes for a new reference picture",
        least_gib=14.0,
        visitors=("image_encoder",),
    ),
    MemoryPlan(
        name="visiting",
        summary="UNet and decoder stay, the encoders come one at a time",
        least_gib=9.8,
        visitors=ENCODERS,
    ),
    MemoryPlan(
        name="offload",
        summary="each part comes while it works",
        least_gib=7.0,
        visitors=(*ENCODERS, "unet", "vae"),
    ),
    MemoryPlan(
        name="fp8",
        summary="the UNet's weights are stored in 8 bits, each part comes while it works",
        least_gib=5.0,
        visitors=(*ENCODERS, "unet", "vae"),
        unet="fp8",
    ),
    MemoryPlan(
        name="streamed",
        summary="the UNet's layers pass by, the image encoder works on the CPU",
        least_gib=3.2,
        visitors=("text_encoder", "text_encoder_2", "vae"),
        at_home=("image_encoder",),
        unet="streamed",
        whole_px=TILE_PX,
    ),
)
"""For cards of 24, 16, 11 to 12, 8, 6 and 4 GB, whose free memory is a little less."""
CPU = MemoryPlan(name="cpu", summary="everything works on the CPU", whole_px=1 << 62)
AUTOMATIC = "auto"
PLAN_NAMES = (AUTOMATIC, *(plan.name for plan in PLANS), CPU.name)


def choose_plan(free_gib: float) -> MemoryPlan | None:
    """The first plan whose memory there is; None for a card that is too small for any."""
    return next((plan for plan in PLANS if free_gib >= plan.least_gib), None)


def plan_called(name: str) -> MemoryPlan:
    """The plan of that name. Raises KeyError: a row's plan may be of another release."""
    return {plan.name: plan for plan in (*PLANS, CPU)}[name]


def smaller_plan(plan: MemoryPlan) -> MemoryPlan | None:
    """The next one on a card that takes less; None after the last, and on the CPU."""
    following = dict(itertools.pairwise(PLANS))
    return following.get(plan)
