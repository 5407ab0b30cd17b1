"""Fit the colours of the miniature's previews: `python -m generation.miniature.colours`.

Paints a few pictures of every light and palette, compares each latent with the colours that it is
decoded to, and writes weights/preview.json. Takes half a minute on a CPU; needed once the VAE has
changed.
"""

import argparse
import json

import torch

from generation.pipeline.engine import Engine
from generation.pipeline.preview import COLOURS_FILE, LatentColours, fit_colours
from generation.pipeline.prompts import PromptEncoder
from generation.spec.profiles import MINIATURE

PROMPTS = tuple(
    f"{subject} {light}"
    for subject in ("a castle on a hill", "the sea", "mountains and a lake", "a forest", "a city")
    for light in ("at noon", "at night", "at sunset", "in teal tones", "in crimson tones")
)
STEPS = 12


def fit() -> LatentColours:
    """The factors that explain the decoded colours of PROMPTS best."""
    engine = Engine.load(MINIATURE)
    pairs = [_latent_and_picture(engine, prompt, seed) for seed, prompt in enumerate(PROMPTS)]
    latents, pictures = zip(*pairs, strict=True)
    return fit_colours(torch.cat(latents), torch.cat(pictures))


def write(colours: LatentColours) -> None:
    """Put the factors into the miniature's folder."""
    numbers = {
        "factors": [[round(value, 4) for value in row] for row in colours.factors.tolist()],
        "bias": [round(value, 4) for value in colours.bias.tolist()],
    }
    path = MINIATURE.folder / COLOURS_FILE
    path.write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")


@torch.inference_mode()
def _latent_and_picture(
    engine: Engine, prompt: str, seed: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """A clean latent [1, 4, 16, 16] and its decoded colours [1, 3, 128, 128], -1 to 1."""
    pipe = engine.pipe
    embeddings = PromptEncoder(pipe, "cpu").encode(prompt, "")
    pipe.set_ip_adapter_scale(0.0)
    latent = pipe(
        prompt_embeds=embeddings.prompt_embeds,
        pooled_prompt_embeds=embeddings.pooled_prompt_embeds,
        ip_adapter_image_embeds=[torch.zeros(2, 1, pipe.image_encoder.config.projection_dim)],
        num_inference_steps=STEPS,
        guidance_scale=5.0,
        generator=torch.Generator("cpu").manual_seed(seed),
        output_type="latent",
    ).images
    picture = pipe.vae.decode(latent / pipe.vae.config.scaling_factor, return_dict=False)[0]
    return latent, picture


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    write(fit())
