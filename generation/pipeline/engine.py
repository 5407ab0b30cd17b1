"""One loaded model, and the way from a request to a picture."""

import dataclasses
import gc
import logging
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import torch
from diffusers import StableDiffusionXLPipeline

from generation.pipeline.decoding import decode_latents
from generation.pipeline.denoising import Conditioning, denoise
from generation.pipeline.digest import unet_digest
from generation.pipeline.encoding import encode_picture
from generation.pipeline.faults import with_faults
from generation.pipeline.interruption import interruptible
from generation.pipeline.loading import load_pipeline
from generation.pipeline.memory import free_cache, within_memory
from generation.pipeline.parameters import describe_request
from generation.pipeline.placement import (
    FP8,
    Placement,
    choose_placement,
    place,
    set_tiling,
)
from generation.pipeline.preview import read_colours
from generation.pipeline.prompts import PromptEncoder
from generation.pipeline.reference import ReferenceEncoder, Style
from generation.pipeline.speed import compile_blocks, keep_compiled, lay_out
from generation.spec.adjustments import SMALLER_PLAN, TILED_DECODE
from generation.spec.errors import DoesNotFit, OutOfMemory
from generation.spec.faults import FAULT_VARIABLE, Fault, parse_fault
from generation.spec.formats import FORMATS
from generation.spec.limits import Limits
from generation.spec.picture import Picture
from generation.spec.plans import AUTOMATIC, RESERVED_GIB, smaller_plan
from generation.spec.profiles import ModelProfile
from generation.spec.progress import Nobody, ProgressListener
from generation.spec.request import GenerationRequest

logger = logging.getLogger(__name__)

Result = TypeVar("Result")
Reader = Callable[[Placement], StableDiffusionXLPipeline]
WARM_UP_STEPS = 2


class Engine:
    """Paints one picture at a time; not to be shared between threads.

    A run that failed or was stopped leaves it usable. After a shortage of memory it goes on by a
    smaller plan.
    """

    def __init__(
        self,
        *,
        profile: ModelProfile,
        pipe: StableDiffusionXLPipeline,
        placement: Placement,
        fault: Fault | None,
        read: Reader | None = None,
    ) -> None:
        """pipe: as it was read, for this placement. read: another one, for a smaller plan."""
        self.profile = profile
        self._fault = fault
        self._colours = read_colours(profile.folder)
        self._unet_digest = unet_digest(profile.folder)
        self._read = read or partial(load_pipeline, profile, is_checked=True)
        self._equip(pipe, placement)

    @classmethod
    def load(
        cls, profile: ModelProfile, *, plan_name: str = AUTOMATIC, kernels: Path | None = None
    ) -> "Engine":
        """Read the profile's weights, and the ordered fault from IMAGEN_FAULT, once.

        plan_name: one of plans.PLAN_NAMES. kernels: where compiled ones outlive this process.
        Raises ModelUnavailable, OutOfMemory, or ValueError for an unknown fault.
        """
        fault = parse_fault(os.environ.get(FAULT_VARIABLE, ""))
        placement = choose_placement(profile, plan_name)
        if kernels:
            keep_compiled(kernels)

        def load() -> "Engine":
            pipe = load_pipeline(profile, placement)
            return cls(profile=profile, pipe=pipe, placement=placement, fault=fault)

        return within_memory(load)

    @property
    def placement(self) -> Placement:
        """Where it paints now."""
        return self._placement

    def generate(
        self,
        request: GenerationRequest,
        listener: ProgressListener,
        reference: bytes | None = None,
    ) -> Picture:
        """Paint the request; the listener hears of every step, and ends the run by raising.

        reference: the file of the picture that request.reference names, where it names one.
        The same request gives the same bytes on the same machine, versions and thread count.
        Where memory runs out it is tried again with less: the picture says what was changed, and
        the steps begin anew unless only the decode failed.
        Raises PromptUnreadable, ReferenceUnreadable, NotFinite, DoesNotFit, OutOfMemory once
        nothing smaller is left, and unchanged what the listener raises.
        """
        return self._paint(request, with_faults(listener, self._fault), reference)

    def warm_up(self) -> None:
        """Paint a few steps of the model's own size, so that the first picture need not wait.

        On a device only: kernels are chosen and compiled there. No ordered fault strikes.
        Raises DoesNotFit and OutOfMemory as `generate` does.
        """
        if not self._placement.plan.is_on_card:
            return
        side = self.profile.default_side
        request = GenerationRequest(
            prompt="a warm-up",
            negative_prompt="",
            width=side,
            height=side,
            steps=WARM_UP_STEPS,
            guidance_scale=self.profile.guidance_scale(Limits()).default,
            seed=0,
            ip_strength=0.0,
            profile=self.profile.name,
        )
        self._paint(request, Nobody(), None)

    def _paint(
        self, request: GenerationRequest, listener: ProgressListener, reference: bytes | None
    ) -> Picture:
        self._require_room(request)
        account = _Account()
        try:
            latents = self._with_less(lambda: self._denoise(request, listener, reference), account)
            if self._placement.plan.unet == FP8:
                account.further["UNet weights"] = FP8
            return self._finish(request, latents, listener, account)
        finally:
            self._release()

    def _equip(self, pipe: StableDiffusionXLPipeline, placement: Placement) -> None:
        """Work with this pipeline from now on; in its place until it is dismantled."""
        self.pipe = pipe
        self._placement = placement
        lay_out(pipe, placement)
        self._guests = place(pipe, placement)
        compile_blocks(pipe, placement)
        self._prompts = PromptEncoder(pipe, placement.device)
        device = placement.device_of("image_encoder")
        has_adapter = self.profile.has_adapter
        self._references = ReferenceEncoder(pipe, device) if has_adapter else None
        self._is_whole = True

    def _require_room(self, request: GenerationRequest) -> None:
        plan, memory_gib = self._placement.plan, self._placement.memory_gib
        has_reference = request.ip_strength > 0
        width, height = request.width, request.height
        if memory_gib and not plan.fits(width, height, memory_gib, has_reference=has_reference):
            peak_gib = plan.peak_gib(width, height, has_reference=has_reference)
            side = plan.largest_side(memory_gib, self.profile.max_side, has_reference=has_reference)
            raise DoesNotFit(
                f"{width} x {height} is expected to take {peak_gib + RESERVED_GIB:.1f} GiB by the"
                f" plan {plan.name}, and the card had {memory_gib:.1f} GiB free. "
                + (f"{side} x {side} fits." if side else "Choose a smaller IMAGEN_MEMORY_PLAN.")
            )

    def _denoise(
        self, request: GenerationRequest, listener: ProgressListener, reference: bytes | None
    ) -> torch.Tensor:
        """The latents of a request, on the device."""
        pipe = self.pipe
        with torch.inference_mode(), interruptible(pipe, listener.check):
            conditioning = Conditioning(
                prompts=self._prompts.encode(request.prompt, request.negative_prompt),
                style=self._style(request, reference),
            )
            self._guests.send_home()  # the last encoder would stay beside the UNet
            return denoise(pipe, conditioning, request, listener, self._colours)

    def _style(self, request: GenerationRequest, reference: bytes | None) -> Style | None:
        if self._references is None:
            return None
        style = self._references.style_of(request, reference)
        embeds = style.image_embeds.to(self._placement.device, self._placement.dtype)
        return dataclasses.replace(style, image_embeds=embeds)

    def _finish(
        self,
        request: GenerationRequest,
        latents: torch.Tensor,
        listener: ProgressListener,
        account: "_Account",
    ) -> Picture:
        """Decode and write. Latents outlive a shortage: the steps are not done again."""
        is_tiled = self._placement.plan.tiles(request.width, request.height)
        decode = partial(self._decode, latents, listener)
        try:
            colours = within_memory(lambda: decode(is_tiled=is_tiled))
        except OutOfMemory as shortage:
            colours = None
            logger.warning("decoding found too little memory: %s", shortage)
        if colours is None:
            if not is_tiled:
                account.note(TILED_DECODE)
            is_tiled = True
            colours = self._with_less(lambda: decode(is_tiled=True), account)
        if is_tiled:
            account.further["Decoder"] = "in tiles"
        return self._write(request, colours, account)

    def _write(
        self, request: GenerationRequest, colours: torch.Tensor, account: "_Account"
    ) -> Picture:
        profile, file_format = self.profile, FORMATS[request.output_format]
        text = describe_request(
            request, profile.title, self._unet_digest, profile.sampler, account.further
        )
        height, width, _channels = colours.shape
        return Picture(
            file=encode_picture(colours, text, file_format),
            format=file_format,
            width=width,
            height=height,
            adjustments=tuple(account.changes),
        )

    def _decode(
        self, latents: torch.Tensor, listener: ProgressListener, *, is_tiled: bool
    ) -> torch.Tensor:
        with torch.inference_mode(), interruptible(self.pipe, listener.check):
            set_tiling(self.pipe, is_tiled=is_tiled)
            return decode_latents(self.pipe.vae, latents.to(self._placement.device))

    def _with_less(self, work: Callable[[], Result], account: "_Account") -> Result:
        """Do the work; where memory runs out, again by a smaller plan, until there is none left.

        Tried again behind the except block, where nothing of the failed run is alive any more.
        """
        while True:
            try:
                self._make_whole()
                return within_memory(work)
            except OutOfMemory as error:
                shortage = str(error)
            plan = smaller_plan(self._placement.plan)
            if plan is None:
                raise OutOfMemory(shortage)
            logger.warning("memory ran out, going on by the plan %s: %s", plan.name, shortage)
            account.note(SMALLER_PLAN)
            self._dismantle()
            self._placement = dataclasses.replace(self._placement, plan=plan)

    def _make_whole(self) -> None:
        """Read the model anew where it was dismantled. Raises what Engine.load raises."""
        if not self._is_whole:
            placement = self._placement
            within_memory(lambda: self._equip(self._read(placement), placement))

    def _dismantle(self) -> None:
        """Free all memory: parts stored or hooked by one plan cannot change over to another."""
        self._is_whole = False
        for part in ("pipe", "_prompts", "_references", "_guests"):
            self.__dict__.pop(part, None)  # the next plan may have found no memory half-way
        gc.collect()
        free_cache()

    def _release(self) -> None:
        """Let every visiting model off the device, whatever happened before."""
        if self._is_whole:
            self._guests.send_home()
        free_cache()


@dataclasses.dataclass(frozen=True, slots=True)
class _Account:
    """What became of a run beyond its request. changes: codes of spec.adjustments.

    further: what else made the pixels what they are, as the file tells it.
    """

    changes: list[str] = dataclasses.field(default_factory=list)
    further: dict[str, str] = dataclasses.field(default_factory=dict)

    def note(self, change: str) -> None:
        """Each once, in the order of their happening."""
        if change not in self.changes:
            self.changes.append(change)
