"""One loaded model, and the way from a request to a picture."""

import os

import torch
from diffusers import StableDiffusionXLPipeline

from generation.pipeline.decoding import decode_latents
from generation.pipeline.denoising import Conditioning, denoise
from generation.pipeline.digest import unet_digest
from generation.pipeline.faults import with_faults
from generation.pipeline.interruption import interruptible
from generation.pipeline.loading import load_pipeline
from generation.pipeline.memory import within_memory
from generation.pipeline.placement import Placement, choose_placement, release, set_tiling
from generation.pipeline.png import encode_png
from generation.pipeline.preview import read_colours
from generation.pipeline.prompts import PromptEncoder
from generation.pipeline.reference import ReferenceEncoder
from generation.spec.faults import FAULT_VARIABLE, Fault, parse_fault
from generation.spec.picture import Picture
from generation.spec.profiles import ModelProfile
from generation.spec.progress import ProgressListener
from generation.spec.request import GenerationRequest


class Engine:
    """Paints one picture at a time; not to be shared between threads.

    A run that failed or was stopped leaves it usable.
    """

    def __init__(
        self,
        *,
        profile: ModelProfile,
        pipe: StableDiffusionXLPipeline,
        placement: Placement,
        fault: Fault | None,
    ) -> None:
        self.profile = profile
        self.pipe = pipe
        self._placement = placement
        self._fault = fault
        self._colours = read_colours(profile.folder)
        self._unet_digest = unet_digest(profile.folder)
        self._prompts = PromptEncoder(pipe, placement.device)
        self._references = ReferenceEncoder(pipe, placement.device) if profile.has_adapter else None

    @classmethod
    def load(cls, profile: ModelProfile) -> "Engine":
        """Read the profile's weights, and the ordered fault from IMAGEN_FAULT, once.

        Raises ModelUnavailable, OutOfMemory, or ValueError for an unknown fault.
        """
        fault = parse_fault(os.environ.get(FAULT_VARIABLE, ""))
        placement = choose_placement(profile)
        pipe = within_memory(lambda: load_pipeline(profile, placement))
        return cls(profile=profile, pipe=pipe, placement=placement, fault=fault)

    def generate(
        self,
        request: GenerationRequest,
        listener: ProgressListener,
        reference: bytes | None = None,
    ) -> Picture:
        """Paint the request; the listener hears of every step, and ends the run by raising.

        reference: the file of the picture that request.reference names, where it names one.
        The same request gives the same bytes on the same machine, versions and thread count.
        Raises PromptUnreadable, ReferenceUnreadable, NotFinite, OutOfMemory, and unchanged what
        the listener raises.
        """
        return within_memory(lambda: self._run(request, listener, reference))

    def _run(
        self, request: GenerationRequest, listener: ProgressListener, reference: bytes | None
    ) -> Picture:
        try:
            with torch.inference_mode(), interruptible(self.pipe, listener.check):
                return self._paint(request, with_faults(listener, self._fault), reference)
        finally:
            release(self.pipe)

    def _paint(
        self, request: GenerationRequest, listener: ProgressListener, reference: bytes | None
    ) -> Picture:
        pipe = self.pipe
        conditioning = Conditioning(
            prompts=self._prompts.encode(request.prompt, request.negative_prompt),
            style=self._references.style_of(request, reference) if self._references else None,
        )
        # Offloading evicts one model for the next, but an encoder before the last would stay.
        pipe.maybe_free_model_hooks()
        latents = denoise(pipe, conditioning, request, listener, self._colours)
        set_tiling(
            pipe,
            self._placement,
            width=request.width,
            height=request.height,
            native_side=self.profile.default_side,
        )
        image = decode_latents(pipe.vae, latents)
        png = encode_png(
            image, request, self.profile.title, self._unet_digest, self.profile.sampler
        )
        return Picture(png=png, width=image.width, height=image.height)
