"""From latents to a picture."""

import torch
from diffusers import AutoencoderKL
from PIL import Image

from generation.spec.errors import NotFinite


def decode_latents(vae: AutoencoderKL, latents: torch.Tensor) -> Image.Image:
    """Turn one latent into an 8-bit RGB picture, pixel for pixel as the plain pipeline does.

    latents: [1, 4, height / 8, width / 8] on the device that the VAE runs on, in any precision,
    not yet divided by scaling_factor. Call it under torch.inference_mode.
    Raises NotFinite for NaN or infinity before or after the VAE: the picture would be black.
    """
    _require_finite(latents, "The denoised latents")
    scaled = latents.to(vae.dtype) / vae.config.scaling_factor
    decoded = vae.decode(scaled, return_dict=False)[0]
    _require_finite(decoded, "The decoded colours")
    colours = (decoded[0] * 0.5 + 0.5).clamp(0, 1).permute(1, 2, 0).float().cpu()
    return Image.fromarray((colours * 255).round().to(torch.uint8).numpy())


def _require_finite(tensor: torch.Tensor, name: str) -> None:
    broken = int((~torch.isfinite(tensor)).sum())
    if broken:
        raise NotFinite(
            f"{name} hold {broken} of {tensor.numel()} values that are NaN or infinite. Lower the"
            " guidance scale, or load the VAE in float32."
        )
