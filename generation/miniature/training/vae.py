"""The picture's codec: an AutoencoderKL that shrinks eightfold to four channels, as SDXL's does."""

from pathlib import Path

import torch
from diffusers import AutoencoderKL
from diffusers.models.downsampling import Downsample2D
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.upsampling import Upsample2D
from numpy.random import Generator
from torch import Tensor, nn

from generation.miniature.scenes.scene import SHAPES
from generation.miniature.training import loop
from generation.miniature.training.pictures import Pictures

CHANNELS = (32, 64, 96, 128)
CROP, BATCH = 64, 16
NOISE = 0.12
"""Of the latents' spread: how wrong a latent may be that must still decode to a crisp picture."""
HELD_OUT = 1 / 64  # of the pictures, at the end, for the figures


def build() -> AutoencoderKL:
    """A codec that begins as a plain average and enlargement.

    From diffusers' own initial weights the first hundreds of steps are spent on finding that.
    """
    torch.manual_seed(0)
    vae = AutoencoderKL(
        block_out_channels=CHANNELS,
        down_block_types=("DownEncoderBlock2D",) * len(CHANNELS),
        up_block_types=("UpDecoderBlock2D",) * len(CHANNELS),
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=8,
        mid_block_add_attention=False,
        sample_size=SHAPES[0][0],
    )
    with torch.no_grad():
        _begin_as_average(vae)
    return vae


def _pass_through(weight: Tensor, noise: float) -> None:
    """Each output channel repeats its input channel; what else is there becomes small."""
    weight.mul_(noise)
    centre = weight.shape[2] // 2
    for channel in range(min(weight.shape[:2])):
        weight[channel] *= 0.25
        weight[channel, channel, centre, centre] += 1


def _begin_as_average(vae: AutoencoderKL) -> None:
    for module in vae.modules():
        if isinstance(module, ResnetBlock2D):
            module.conv2.weight.mul_(0.1)
            module.conv2.bias.zero_()
            if module.conv_shortcut is not None:
                _pass_through(module.conv_shortcut.weight, 0.7)
                module.conv_shortcut.bias.zero_()
        elif isinstance(module, Downsample2D):
            module.conv.weight.mul_(0.4)
            module.conv.bias.zero_()
            for channel in range(module.conv.weight.shape[0]):
                module.conv.weight[channel] *= 0.25
                module.conv.weight[channel, channel, :2, :2] += 0.25
        elif isinstance(module, Upsample2D):
            _pass_through(module.conv.weight, 0.2)
            module.conv.bias.zero_()
    _colours_first(vae.encoder, vae.decoder)
    for conv in (vae.quant_conv, vae.post_quant_conv):
        _pass_through(conv.weight, 0.0)
        conv.bias.zero_()


def _colours_first(encoder: nn.Module, decoder: nn.Module) -> None:
    """Red, green and blue go through the first three channels; SiLU is nearly linear at 2."""
    encoder.conv_in.weight[:3] = 0
    for channel in range(3):
        encoder.conv_in.weight[channel, channel, 1, 1] = 1
    encoder.conv_in.bias[:3] = 0
    encoder.conv_norm_out.bias[:4] = 2
    encoder.conv_out.weight[:4] *= 0.2
    encoder.conv_out.weight[4:] *= 0.05
    for channel in range(3):
        encoder.conv_out.weight[channel, channel, 1, 1] += 1
    encoder.conv_out.bias[:3] = -2
    encoder.conv_out.bias[3] = 0
    encoder.conv_out.bias[4:] = -5
    _pass_through(decoder.conv_in.weight, 0.7)
    decoder.conv_norm_out.bias[:3] = 2
    decoder.conv_out.weight.mul_(0.1)
    for channel in range(3):
        decoder.conv_out.weight[channel, channel, 1, 1] += 0.6
    decoder.conv_out.bias.fill_(-1.2)


def distance(painted: Tensor, wanted: Tensor) -> Tensor:
    """L1 and L2 of the colours, and L1 of their slopes, which is what keeps outlines sharp."""
    across = (painted.diff(dim=-1) - wanted.diff(dim=-1)).abs().mean()
    down = (painted.diff(dim=-2) - wanted.diff(dim=-2)).abs().mean()
    error = painted - wanted
    return error.abs().mean() + error.square().mean() + 0.6 * (across + down)


def train(pictures: Pictures, folder: Path, work: Path, steps: int) -> None:
    """Train the whole codec on crops, at two scales, and write folder/vae with its scale."""
    vae = build().to(loop.device())

    def step(rng: Generator) -> tuple[Tensor, dict[str, float]]:
        wanted = _crops(pictures, rng).to(loop.device())
        with loop.autocast():
            spread = vae.encode(wanted).latent_dist
            latent = spread.mean
            if rng.random() < 0.25:  # coarse latents mean coarse pictures: they diffuse better
                latent = nn.functional.avg_pool2d(latent, 2)
                wanted = nn.functional.avg_pool2d(wanted, 2)
            amount = NOISE * float(rng.random()) * latent.detach().std()
            painted = vae.decode(latent + amount * torch.randn_like(latent)).sample.float()
        size = spread.kl().float().mean() / spread.mean[0].numel()
        loss = distance(painted, wanted) + 1e-4 * size
        return loss, {"l1": (painted - wanted).abs().mean().item()}

    plan = loop.Plan(
        steps=steps,
        rate=1.5e-3,
        weight_decay=1e-4,
        warmup=60,
        ema=0.995,
        origin=pictures.origin,
    )
    loop.train("vae", vae, plan, step, work)
    vae.register_to_config(scaling_factor=round(1 / _spread(vae, pictures), 4))
    vae.half().save_pretrained(folder / "vae")


def _crops(pictures: Pictures, rng: Generator, side: int = CROP, count: int = BATCH) -> Tensor:
    """Squares of pictures that are not held out, [count, 3, side, side] from -1 to 1."""
    crops = []
    for _ in range(count):
        number = int(rng.integers(_shown(pictures)))
        width, height = SHAPES[number % len(SHAPES)]
        x, y = int(rng.integers(width - side + 1)), int(rng.integers(height - side + 1))
        crop = pictures.pixels(number)[y : y + side, x : x + side]
        crop = crop[:, :: -1 if rng.random() < 0.5 else 1]
        crops.append(torch.from_numpy(crop.copy()))
    return torch.stack(crops).permute(0, 3, 1, 2).float() / 127.5 - 1


def _shown(pictures: Pictures) -> int:
    """How many pictures, from the first, are trained on."""
    return len(pictures) - max(len(SHAPES), int(len(pictures) * HELD_OUT))


@torch.no_grad()
def _spread(vae: AutoencoderKL, pictures: Pictures) -> float:
    """The standard deviation of the latents of pictures that were held out; prints the PSNR."""
    unseen = range(_shown(pictures), len(pictures))
    squares = [number for number in unseen if number % len(SHAPES) == 0]
    wanted = pictures.batch(squares[:32]).to(loop.device())
    latents = vae.encode(wanted).latent_dist.mean
    error = (vae.decode(latents).sample.clamp(-1, 1) - wanted).square().mean(dim=(1, 2, 3))
    psnr = 10 * torch.log10(4 / error)
    print(f"vae: PSNR {psnr.median().item():.1f} dB (median), {psnr.min().item():.1f} (worst)")
    return float(latents.std())


def train_decoder(pictures: Pictures, folder: Path, work: Path, steps: int) -> None:
    """Sharpen the decoder alone: what the UNet learnt of the latents stays true.

    Larger crops than before, so that long outlines are seen whole.
    """
    vae = AutoencoderKL.from_pretrained(folder / "vae", torch_dtype=torch.float32)
    vae.to(loop.device()).encoder.requires_grad_(False)
    vae.quant_conv.requires_grad_(False)

    def step(rng: Generator) -> tuple[Tensor, dict[str, float]]:
        wanted = _crops(pictures, rng, side=2 * CROP, count=BATCH // 4).to(loop.device())
        with loop.autocast():
            with torch.no_grad():
                latent = vae.encode(wanted).latent_dist.mean
            amount = NOISE * float(rng.random()) * latent.std()
            painted = vae.decode(latent + amount * torch.randn_like(latent)).sample.float()
        loss = distance(painted, wanted)
        return loss, {"l1": (painted - wanted).abs().mean().item()}

    plan = loop.Plan(
        steps=steps,
        rate=8e-4,
        weight_decay=1e-4,
        decay=0.7,
        ema=0.995,
        origin=pictures.origin,
    )
    loop.train("decoder", vae, plan, step, work)
    _spread(vae, pictures)
    vae.half().save_pretrained(folder / "vae")
