"""A way out of a long step: somebody is asked between the blocks of every model."""

import contextlib
from collections.abc import Callable, Iterator

from diffusers import StableDiffusionXLPipeline
from diffusers.models.attention import BasicTransformerBlock
from diffusers.models.resnet import ResnetBlock2D
from torch import nn
from transformers.models.clip.modeling_clip import CLIPEncoderLayer

BLOCKS = (BasicTransformerBlock, ResnetBlock2D, CLIPEncoderLayer)
"""SDXL: 44 in the text encoders, 87 in the UNet, 14 in the decoder."""


@contextlib.contextmanager
def interruptible(pipe: StableDiffusionXLPipeline, check: Callable[[], None]) -> Iterator[None]:
    """Call `check` before every block that runs inside; what it raises ends the run there.

    The models are as before afterwards. `check` must be quick: it is called some hundred times a
    step.
    """

    def ask(_block: nn.Module, _arguments: object) -> None:
        check()

    models = (part for part in pipe.components.values() if isinstance(part, nn.Module))
    hooks = [
        block.register_forward_pre_hook(ask)
        for model in models
        for block in model.modules()
        if isinstance(block, BLOCKS) and not _is_compiled(block)
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _is_compiled(block: nn.Module) -> bool:
    """Hooks of such a block would be compiled with it. The 17 of the UNet between them remain."""
    return getattr(block, "_compiled_call_impl", None) is not None
