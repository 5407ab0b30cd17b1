"""The real miniature, loaded once for all tests of the pipeline."""

from collections.abc import Callable, Iterator

import pytest
import torch
from compel import CompelForSDXL
from diffusers import StableDiffusionXLPipeline

from generation.pipeline.engine import Engine
from generation.pipeline.loading import load_pipeline
from generation.pipeline.placement import CPU
from generation.pipeline.prompts import PromptEncoder
from generation.pipeline.reference import ReferenceEncoder, Style
from generation.spec.faults import FAULT_VARIABLE
from generation.spec.profiles import MINIATURE
from tests.pipeline.orders import QUICK


@pytest.fixture(autouse=True)
def no_ordered_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FAULT_VARIABLE, raising=False)


@pytest.fixture(scope="session")
def pipe() -> StableDiffusionXLPipeline:
    return load_pipeline(MINIATURE, CPU)


@pytest.fixture(scope="session")
def compel(pipe: StableDiffusionXLPipeline) -> CompelForSDXL:
    return CompelForSDXL(pipe, device="cpu")


@pytest.fixture(scope="session")
def engine(pipe: StableDiffusionXLPipeline) -> Engine:
    return Engine(profile=MINIATURE, pipe=pipe, placement=CPU, fault=None)


@pytest.fixture(scope="session")
def encoder(pipe: StableDiffusionXLPipeline) -> PromptEncoder:
    return PromptEncoder(pipe, "cpu")


@pytest.fixture(scope="session")
def unstyled(pipe: StableDiffusionXLPipeline) -> Style:
    """No reference at all, under guidance."""
    return ReferenceEncoder(pipe, "cpu").style_of(QUICK, None)


@pytest.fixture
def inference() -> Iterator[None]:
    """What the engine holds around its stages."""
    with torch.inference_mode():
        yield


@pytest.fixture(scope="session")
def token_count(pipe: StableDiffusionXLPipeline) -> Callable[[str], int]:
    """How many tokens the first encoder reads a text as."""
    return lambda text: len(pipe.tokenizer.tokenize(text))
