"""Train the IP-Adapter: the look of a reference picture, for words that leave the look open.

Everything else is frozen. The reference is another picture with the same light, palette and
style, so that nothing but the look can help; the caption does not name that look. Sometimes the
two share their style alone, and the caption names the rest: a style must come from the reference
whatever else is in it. Source: arXiv:2308.06721, in the layout of h94/IP-Adapter.
"""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDPMScheduler, StableDiffusionXLPipeline, UNet2DConditionModel
from numpy.random import Generator
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import mse_loss
from tqdm import trange
from transformers import CLIPVisionModelWithProjection

from generation.miniature.scenes.captions import caption
from generation.miniature.scenes.scene import SHAPES
from generation.miniature.training.latents import Latents
from generation.miniature.training.loop import Plan, Step, autocast, device
from generation.miniature.training.loop import train as run
from generation.miniature.training.pictures import Pictures
from generation.miniature.training.text import TextEncoder
from generation.miniature.training.unet import UNPOOLED, noised, size_ids
from generation.miniature.training.vision import normalise, squeeze
from generation.pipeline.digest import unet_digest
from generation.spec.profiles import ADAPTER_FILE, ADAPTER_FOLDER
from generation.spec.world import LIGHTS, PALETTES, STYLES

BATCH = 32
TOKENS = 4
LOOK = frozenset(LIGHTS + PALETTES + STYLES)
STYLED = 0.65  # of the targets have a style, more than of all pictures
STYLE_ONLY = 0.3  # of those share it alone with their reference
NO_WORDS = 0.08  # likewise, as of a blank negative prompt
GAIN = 1.25  # of the values in the end: a strength of 0.8 follows a reference as it was learnt
NO_REFERENCE = 0.08  # the half of a guided picture that has none


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Targets of one shape, their references, and what their captions may not name."""

    targets: Sequence[int]
    references: Sequence[int]
    leave_out: Sequence[frozenset[str]]


class Looks:
    """The pictures by their looks; blurred ones are nobody's reference."""

    def __init__(self, pictures: Pictures) -> None:
        self._look: list[tuple[str, str | None, str | None]] = []
        self._alike: dict[object, list[int]] = defaultdict(list)
        self._targets: dict[tuple[int, bool], list[int]] = defaultdict(list)
        for number in range(len(pictures)):
            scene = pictures.scene(number)
            look = (scene.light, scene.palette, scene.style)
            self._look.append(look)
            if not scene.is_blurred:
                self._alike[look].append(number)
                self._alike[scene.style].append(number)
                self._targets[number % len(SHAPES), scene.style is not None].append(number)

    def draw(self, rng: Generator) -> Batch:
        """A batch, drawn by lot."""
        residue = int(rng.integers(len(SHAPES)))
        targets, references, leave_out = [], [], []
        for _ in range(BATCH):
            is_styled = bool(rng.random() < STYLED)
            target = _pick(self._targets[residue, is_styled], rng)
            by_style = is_styled and rng.random() < STYLE_ONLY
            look = self._look[target]
            targets.append(target)
            references.append(self._other(target, look[2] if by_style else look, rng))
            leave_out.append(frozenset(STYLES) if by_style else LOOK)
        return Batch(targets=targets, references=references, leave_out=leave_out)

    def _other(self, target: int, alike: object, rng: Generator) -> int:
        """Another picture of that look; the target itself where it has none."""
        for _ in range(4):
            other = _pick(self._alike[alike], rng)
            if other != target:
                break
        return other


def train(pictures: Pictures, folder: Path, work: Path, steps: tuple[int, int]) -> None:
    """Train the adapter of FOLDER/unet and write FOLDER/ip_adapter/sdxl_models, in fp16.

    folder: holds the trained unet, vae, text encoders and image encoder.
    work: for checkpoints and latents; a run that was stopped goes on there.
    steps: on pictures of half their size, then on whole ones.
    """
    path = folder / ADAPTER_FOLDER / ADAPTER_FILE
    encoder = CLIPVisionModelWithProjection.from_pretrained(
        path.with_name("image_encoder"), dtype=torch.float32
    )
    vae = AutoencoderKL.from_pretrained(folder / "vae", torch_dtype=torch.float32).to(device())
    unet = UNet2DConditionModel.from_pretrained(folder / "unet", torch_dtype=torch.float32)
    lessons = Lessons(pictures, TextEncoder(folder), embed_references(pictures, encoder))
    weights = attach(unet, encoder)
    work.mkdir(parents=True, exist_ok=True)
    origin = unet_digest(folder) + lessons.origin
    for name, shrink, count, rate in (
        ("adapter-small", 2, steps[0], 1.5e-3),
        ("adapter-large", 1, steps[1], 7e-4),
    ):
        latents = Latents(pictures, vae.eval(), work, shrink)
        plan = Plan(steps=count, rate=rate, warmup=30, decay=0.6, ema=0.99, origin=origin)
        run(name, unet, plan, _step(unet, lessons, latents), work)
    for name, weight in weights.items():
        if name.endswith("to_v_ip.weight"):
            weight.detach().mul_(GAIN)
    save_file({name: weight.detach().half() for name, weight in weights.items()}, path)


class Lessons:
    """The pictures, their looks, and the encoders that read words and references."""

    def __init__(self, pictures: Pictures, texts: TextEncoder, embeds: Tensor) -> None:
        self.pictures, self.looks = pictures, Looks(pictures)
        self._texts, self._embeds = texts, embeds
        digest = hashlib.sha256(embeds.numpy(force=True).tobytes())
        self.origin = texts.origin + pictures.origin + digest.hexdigest()

    @torch.no_grad()
    def words(self, batch: Batch, rng: Generator) -> tuple[Tensor, Tensor]:
        """Embeddings [n, 77, 128] and pooled ones [n, 64] of captions that leave the look open."""
        captions = [
            caption(self.pictures.scene(number), rng, length=1, leave_out=left_out)
            for number, left_out in zip(batch.targets, batch.leave_out, strict=True)
        ]
        embeds, pooled = self._texts.encode(captions, 1)
        is_nothing = torch.from_numpy(rng.random(len(captions)) < NO_WORDS).to(embeds.device)
        embeds[is_nothing], pooled[is_nothing] = 0, 0
        return embeds, _drop(pooled, UNPOOLED, rng)

    def seen(self, batch: Batch, rng: Generator) -> Tensor:
        """The references' embeddings [n, 1, dim], some of them zeros."""
        return _drop(self._embeds[list(batch.references)], NO_REFERENCE, rng)[:, None]


def _step(unet: UNet2DConditionModel, lessons: Lessons, latents: Latents) -> Step:
    def step(rng: Generator) -> tuple[Tensor, Mapping[str, float]]:
        batch = lessons.looks.draw(rng)
        embeds, pooled = lessons.words(batch, rng)
        noisy, timesteps, velocity = noised(latents.batch(batch.targets))
        conditions = {
            "text_embeds": pooled,
            "time_ids": size_ids(lessons.pictures, batch.targets, latents.shrink),
            "image_embeds": [lessons.seen(batch, rng)],
        }
        with autocast():
            made = unet(noisy, timesteps, embeds, added_cond_kwargs=conditions).sample
        return mse_loss(made.float(), velocity), {}

    return step


def attach(
    unet: UNet2DConditionModel, encoder: CLIPVisionModelWithProjection
) -> dict[str, nn.Parameter]:
    """Add a fresh adapter to a UNet and freeze the rest; its weights by the names of h94's file.

    Keys and values begin as those of the words, the values at half their size.
    """
    torch.manual_seed(0)
    width, dim = unet.config.cross_attention_dim, encoder.config.projection_dim
    names = [name for name in unet.attn_processors if name.endswith("attn2.processor")]
    layers = {}
    for number, name in enumerate(names):
        attention = unet.get_submodule(name.removesuffix(".processor"))
        layers[f"{2 * number + 1}.to_k_ip.weight"] = attention.to_k.weight.detach().clone()
        layers[f"{2 * number + 1}.to_v_ip.weight"] = attention.to_v.weight.detach() * 0.5
    projection = {
        "proj.weight": torch.randn(TOKENS * width, dim) * dim**-0.5,
        "proj.bias": torch.randn(TOKENS * width) * 0.1,
        "norm.weight": torch.ones(width),
        "norm.bias": torch.zeros(width),
    }
    pipe = StableDiffusionXLPipeline(
        unet=unet,
        image_encoder=encoder,
        scheduler=DDPMScheduler(),
        **dict.fromkeys(("vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2")),
        add_watermarker=False,
    )
    pipe.load_ip_adapter({"image_proj": projection, "ip_adapter": layers}, "", "")
    unet.to(device()).requires_grad_(False)
    image_proj = unet.encoder_hid_proj.image_projection_layers[0]
    weights = {
        f"image_proj.{part}.{kind}": getattr(getattr(image_proj, name), kind)
        for part, name in (("proj", "image_embeds"), ("norm", "norm"))
        for kind in ("weight", "bias")
    }
    for number, name in enumerate(names):
        processor = unet.attn_processors[name]
        weights[f"ip_adapter.{2 * number + 1}.to_k_ip.weight"] = processor.to_k_ip[0].weight
        weights[f"ip_adapter.{2 * number + 1}.to_v_ip.weight"] = processor.to_v_ip[0].weight
    for weight in weights.values():
        weight.requires_grad_(True)
    return weights


@torch.no_grad()
def embed_references(pictures: Pictures, encoder: CLIPVisionModelWithProjection) -> Tensor:
    """What the adapter reads of every picture, [pictures, dim]."""
    encoder.to(device()).eval()
    parts = [
        encoder(
            normalise(
                [squeeze(pictures.pixels(i)) for i in range(start, min(start + 128, len(pictures)))]
            )
        ).image_embeds
        for start in trange(0, len(pictures), 128, desc="references")
    ]
    return torch.cat(parts).float()


def _drop(values: Tensor, share: float, rng: Generator) -> Tensor:
    """Rows of zeros for that share of [n, dim]."""
    kept = torch.from_numpy(rng.random((len(values), 1)) >= share)
    return values * kept.to(values)


def _pick(options: Sequence[int], rng: Generator) -> int:
    return options[rng.integers(len(options))]
