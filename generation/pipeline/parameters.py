"""How a picture was made, in AUTOMATIC1111's words."""

import json
import re
from collections.abc import Mapping
from importlib import metadata

from generation.spec.request import GenerationRequest
from generation.spec.samplers import DPM_2M_KARRAS, Sampler

KEYWORD = "parameters"
"""Of the text in a PNG."""
SHOWN_DIGITS = 10
"""Of a digest, as A1111 has it."""

_NEEDS_QUOTES = re.compile(r"[,:\n]")


def describe_request(
    request: GenerationRequest,
    model_title: str,
    unet_digest: str = "",
    sampler: Sampler = DPM_2M_KARRAS,
    further: Mapping[str, str] | None = None,
) -> str:
    """The text that A1111 and its readers understand: prompt, negative prompt, one line of pairs.

    A blank negative prompt has no line. Steps come first, since some readers look for them. The
    profile and the UNet's digest are keys of ours: a "Model hash" would be of a whole checkpoint,
    by which readers look it up.
    further: pairs of ours, of what else decides the picture.
    Source: create_infotext and quote in stable-diffusion-webui.
    """
    lines = [request.prompt]
    if request.negative_prompt.strip():
        lines.append(f"Negative prompt: {request.negative_prompt}")
    pairs = _settings(request, model_title, unet_digest, sampler) | dict(further or {})
    version = _installed_version()
    if version is not None:
        pairs["Version"] = f"Imagen {version}"
    lines.append(", ".join(f"{key}: {_quote(value)}" for key, value in pairs.items()))
    return "\n".join(lines)


def _settings(
    request: GenerationRequest, model_title: str, unet_digest: str, sampler: Sampler
) -> dict[str, str]:
    pairs = {
        "Steps": str(request.steps),
        "Sampler": sampler.name,
        "Schedule type": sampler.schedule,
        "CFG scale": str(request.guidance_scale).removesuffix(".0"),
        "Seed": str(request.seed),
        "Size": f"{request.width}x{request.height}",
        "Model": model_title,
        "Profile": request.profile,
    }
    if unet_digest:
        pairs["UNet hash"] = unet_digest[:SHOWN_DIGITS]
    return pairs


def _quote(value: str) -> str:
    """The value as it is, or as JSON text when a reader would split it."""
    return json.dumps(value, ensure_ascii=False) if _NEEDS_QUOTES.search(value) else value


def _installed_version() -> str | None:
    """The version of this distribution; None when it runs from a checkout that is not installed."""
    try:
        return metadata.version("imagen")
    except metadata.PackageNotFoundError:
        return None
