"""From latents to colours."""

import torch
from diffusers import AutoencoderKL

from generation.spec.errors import NotFinite


def decode_latents(vae: AutoencoderKL, latents: torch.Tensor) -> torch.Tensor:
    """Turn one latent into colours, which are rounded only when the file's format is known.

    Returns [height, width, 3], 0 to 1, float32 on the CPU, number for number as the plain pipeline
    has them: reckoned in the VAE's precision, which at half is some 11 bits.

    latents: [1, 4, height / 8, width / 8] on the device that the VAE runs on, in any precision,
    not yet divided by scaling_factor. Call it under torch.inference_mode.
    Raises NotFinite for NaN or infinity before or after the VAE: the picture would be black.
    """
    _require_finite(latents, "The denoised latents")
    scaled = latents.to(vae.dtype) / vae.config.scaling_factor
    decoded = vae.decode(scaled, return_dict=False)[0]
    _require_finite(decoded, "The decoded colours")
    return (decoded[0] * 0.5 + 0.5).clamp(0, 1).permute(1, 2, 0).float().cpu()


def _require_finite(tensor: torch.Tensor, name: str) -> None:
    broken = int((~torch.isfinite(tensor)).sum())
    if broken:
        raise NotFinite(
            f"{name} hold {broken} of {tensor.numel()} values that are NaN or infinite. Lower the"
            " guidance scale, or load the VAE in float32."
        )
