"""Style from a reference picture, by IP-Adapter.

The adapter stays loaded, since unloading would drop its image encoder (3.7 GB for SDXL). At
strength 0 its attention branch is skipped and the picture is bit-equal to one painted without it.
Source: IP-Adapter, arXiv:2308.06721; weights in the layout of h94/IP-Adapter.
"""

import hashlib
import io
import warnings
from dataclasses import dataclass

import torch
from diffusers import StableDiffusionXLPipeline
from diffusers.models.embeddings import ImageProjection
from PIL import Image

from generation.pipeline.cache import TensorCache
from generation.spec.errors import ModelUnavailable, ReferenceUnreadable
from generation.spec.request import GenerationRequest

CACHE_BYTES = 4 << 20
FORMATS = ("PNG", "JPEG", "WEBP")


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """What the UNet reads of a reference.

    strength: the weight of its attention, 0 for none.
    image_embeds: [2, 1, dim] under guidance, zeros first (SDXL: 1280), [1, 1, dim] without.
    """

    strength: float
    image_embeds: torch.Tensor


class ReferenceEncoder:
    """The image encoder of one pipeline, and the pictures it has seen."""

    def __init__(self, pipe: StableDiffusionXLPipeline, device: str) -> None:
        _require_plain_adapter(pipe)
        self._pipe = pipe
        self._device = device
        self._cache = TensorCache(CACHE_BYTES)

    def style_of(self, request: GenerationRequest, reference: bytes | None) -> Style:
        """The request's style; its reference picture is encoded once and known by its contents.

        reference: the file of the picture whose SHA-256 is request.reference, at strength > 0.
        Raises ReferenceUnreadable when it is missing, another one, or no picture.
        """
        if request.ip_strength > 0:
            pair = self._embed(_require_file(request, reference))
        else:
            pair = torch.zeros(
                2, 1, self._pipe.image_encoder.config.projection_dim,
                dtype=self._pipe.image_encoder.dtype, device=self._device,
            )  # fmt: skip
        # A pair where no guidance is, or one half where it is, would paint another picture.
        embeds = pair if request.guidance_scale > 1 else pair[1:]
        return Style(strength=request.ip_strength, image_embeds=embeds)

    def _embed(self, file: bytes) -> torch.Tensor:
        """[2, 1, dim]: zeros for the unguided half, then the picture."""

        def make() -> tuple[torch.Tensor]:
            (pair,) = self._pipe.prepare_ip_adapter_image_embeds(
                open_reference(file), None, self._device, 1, do_classifier_free_guidance=True
            )
            return (pair,)

        return self._cache.get_or_make(hashlib.sha256(file).digest(), make)[0]


def open_reference(file: bytes) -> Image.Image:
    """Decode a PNG, JPEG or WebP to RGB. Raises ReferenceUnreadable for anything else."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(file), formats=FORMATS) as image:
                return image.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombWarning) as error:
        raise ReferenceUnreadable(
            f"The reference picture is no readable {', '.join(FORMATS)}: {error}"
        ) from error


def _require_file(request: GenerationRequest, reference: bytes | None) -> bytes:
    if reference is None:
        raise ReferenceUnreadable(
            f"ip_strength is {request.ip_strength}, but no reference picture came with the job"
        )
    if (found := hashlib.sha256(reference).hexdigest()) != request.reference:
        raise ReferenceUnreadable(
            f"the reference picture has the SHA-256 {found}, the job asks for {request.reference}"
        )
    return reference


def _require_plain_adapter(pipe: StableDiffusionXLPipeline) -> None:
    """Other adapters (plus, faceid) read other embeddings than the one vector made here."""
    layers = pipe.unet.encoder_hid_proj.image_projection_layers
    if len(layers) != 1 or not isinstance(layers[0], ImageProjection):
        raise ModelUnavailable(
            f"The IP-Adapter is a {type(layers[0]).__name__} adapter; only the plain one of"
            " h94/IP-Adapter, sdxl_models/ip-adapter_sdxl.safetensors, is read."
        )
