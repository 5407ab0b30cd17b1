"""The miniature's two text encoders: trained on captions alone, and read as Compel reads them."""

import hashlib
import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.random import Generator, default_rng
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from generation.miniature.scenes.captions import Piece, caption
from generation.miniature.scenes.scene import draw_scene
from generation.miniature.training.loop import Plan, device
from generation.miniature.training.loop import train as run
from generation.spec.weighting import split_chunks
from generation.spec.world import CONCEPTS

LENGTH, WIDTH = 77, 64
KNOWN_TEXTS = 50_000
ROWS = 64
"""Chunks in a training batch."""
SCENES = 1 << 31
"""Training draws its scenes from those below, the report from those above."""
NONE, UNLABELLED = len(CONCEPTS), -100
LEAST_WEIGHT = 1e-5  # of Compel, below which tan() would be infinite
NUMBERS = {concept: number for number, concept in enumerate(CONCEPTS)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lowered:
    """A passage of a weight below 1: what stays visible without it, and how much that counts."""

    seen: NDArray[np.bool_]  # [chunks, 77]
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A caption in tokens, in chunks as Compel makes them.

    ids, weights, labels: [chunks, 77]; labels: the concept's number, NONE for other words,
    UNLABELLED for start, end and padding. head: [77] what the pooled embedding sees, head_labels
    likewise.
    """

    ids: NDArray[np.int64]
    weights: NDArray[np.float32]
    labels: NDArray[np.int64]
    head: NDArray[np.int64]
    head_labels: NDArray[np.int64]
    lowered: tuple[Lowered, ...]


class Reader:
    """From pieces to tokens; what was tokenised lately is known again."""

    def __init__(self, folder: Path) -> None:
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer" / "tokenizer.json"))
        self.start, self.end = map(
            self._tokenizer.token_to_id, ("<|startoftext|>", "<|endoftext|>")
        )
        self.size = self._tokenizer.get_vocab_size()
        words = self._tokenizer.to_str() + repr(CONCEPTS)
        self.origin = hashlib.sha256(words.encode()).hexdigest()
        self._known: dict[str, tuple[list[int], list[str]]] = {}

    def read(self, pieces: Iterable[Piece], chunks: int) -> Reading:
        """What does not fit into so many chunks is left out."""
        ids: list[int] = []
        tokens: list[str] = []
        labels: list[int] = []
        weights: list[float] = []
        for piece in pieces:
            numbers, words = self._tokens_of(piece.text)
            ids += numbers
            tokens += words
            labels += [NUMBERS.get(piece.concept or "", NONE)] * len(numbers)
            weights += [piece.weight] * len(numbers)
        lengths = split_chunks(tokens)[:chunks]
        places = _places(lengths)
        reading = Reading(
            ids=np.full((len(lengths), LENGTH), self.end),
            weights=np.ones((len(lengths), LENGTH), np.float32),
            labels=np.full((len(lengths), LENGTH), UNLABELLED),
            head=np.full(LENGTH, self.end),
            head_labels=np.asarray(labels[: LENGTH - 2], np.int64),
            lowered=_find_lowered(weights[: len(places)], places, len(lengths)),
        )
        reading.ids[:, 0] = reading.head[0] = self.start
        reading.head[1 : len(reading.head_labels) + 1] = ids[: LENGTH - 2]
        for field, values in ((reading.ids, ids), (reading.labels, labels)):
            field.flat[places] = values[: len(places)]
        reading.weights.flat[places] = weights[: len(places)]
        return reading

    def _tokens_of(self, text: str) -> tuple[list[int], list[str]]:
        if text not in self._known:
            if len(self._known) >= KNOWN_TEXTS:
                self._known.clear()
            encoding = self._tokenizer.encode(text, add_special_tokens=False)
            self._known[text] = (encoding.ids, encoding.tokens)
        return self._known[text]


def _places(lengths: Sequence[int]) -> list[int]:
    """Where in the chunks, laid end to end, the tokens stand."""
    return [
        chunk * LENGTH + place
        for chunk, length in enumerate(lengths)
        for place in range(1, length + 1)
    ]


def _find_lowered(
    weights: Sequence[float], places: Sequence[int], chunks: int
) -> tuple[Lowered, ...]:
    """Neighbours of one weight are one passage, as in the parsed prompt."""
    found = []
    for weight, run_of in itertools.groupby(
        zip(places, weights, strict=True), lambda pair: pair[1]
    ):
        passage = [place for place, _ in run_of]
        if weight < 1:
            seen = np.ones(chunks * LENGTH, bool)
            seen[passage[0] : passage[-1] + 1] = False
            seen[0::LENGTH] = seen[LENGTH - 1 :: LENGTH] = True
            share = math.tan((1 - max(weight, LEAST_WEIGHT)) * math.pi / 2)
            found.append(Lowered(seen=seen.reshape(chunks, LENGTH), share=share))
    return tuple(found)


class Encoders(nn.Module):
    """Both encoders, as SDXL uses them: the last layer of the first never runs."""

    def __init__(self, first: CLIPTextModel, second: CLIPTextModelWithProjection) -> None:
        super().__init__()
        self.first, self.second = first, second
        self.idle = first.encoder.layers.pop(-1)
        self.depth = len(first.encoder.layers)

    def save(self, folder: Path) -> None:
        """In half precision, under the names that diffusers looks for."""
        self.first.encoder.layers.append(self.idle)
        self.first.half().save_pretrained(folder / "text_encoder")
        self.second.half().save_pretrained(folder / "text_encoder_2")
        self.first.encoder.layers.pop(-1)
        self.float()

    def forward(self, readings: Sequence[Reading], chunks: int) -> tuple[Tensor, Tensor]:
        """Embeddings [n, 77 * chunks, 128] and pooled ones [n, 64], weighted as Compel does it.

        Prompts of fewer chunks are filled up with the empty text.
        """
        rows = np.concatenate([reading.ids for reading in readings])
        long = [number for number, reading in enumerate(readings) if len(reading.ids) > 1]
        starts = np.cumsum([0] + [len(reading.ids) for reading in readings])[:-1]
        empty = np.full((1, LENGTH), rows[0, -1])
        empty[0, 0] = rows[0, 0]
        heads = [readings[number].head[None] for number in long]
        states, pooled = self._encode(np.concatenate([empty, rows, *heads]), len(rows) + 1)
        weights = self._send(np.concatenate([reading.weights for reading in readings]))
        states, empty_state = _weigh(states[1:], states[:1], weights), states[:1]
        states = self._soften(states, empty_state, readings, rows)
        at = starts + 1
        at[long] = len(rows) + 1 + np.arange(len(long))
        return self._lay_out(states, empty_state, readings, chunks), pooled[self._send(at)]

    def _encode(
        self, ids: NDArray[np.int64], rows: int, seen: NDArray[np.bool_] | None = None
    ) -> tuple[Tensor, Tensor]:
        """States [rows, 77, 128] of the first rows, pooled embeddings [n, 64] of all."""
        numbers = self._send(ids)
        mask = None if seen is None else self._send(seen.astype(np.int64))
        wanted = {"attention_mask": mask, "output_hidden_states": True}
        first = self.first(numbers[:rows], **wanted)
        second = self.second(numbers, **wanted)
        states = (first.hidden_states[self.depth], second.hidden_states[self.depth][:rows])
        return torch.cat(states, dim=-1), second.text_embeds

    def _soften(
        self, states: Tensor, empty: Tensor, readings: Sequence[Reading], ids: NDArray[np.int64]
    ) -> Tensor:
        """Mix in what stands around the lowered passages when these are hidden."""
        own = np.ones(len(ids), np.float32)
        rows: list[int] = []
        shares: list[float] = []
        seen: list[NDArray[np.bool_]] = []
        start = 0
        for reading in readings:
            for lowered in reading.lowered:
                for row, sight in enumerate(lowered.seen, start):
                    if sight.all():
                        own[row] += lowered.share
                    else:
                        rows, shares, seen = [*rows, row], [*shares, lowered.share], [*seen, sight]
            start += len(reading.ids)
        if not rows:
            return states
        weights = np.concatenate([reading.weights for reading in readings])
        hidden, _pooled = self._encode(ids[rows], len(rows), np.stack(seen))
        hidden = _weigh(hidden, empty, self._send(weights[rows]))
        share, keep = self._send(np.asarray(shares, np.float32)), self._send(own)
        index = self._send(np.asarray(rows))
        total = keep.index_add(0, index, share)
        mixed = (states * keep[:, None, None]).index_add(0, index, hidden * share[:, None, None])
        return mixed / total[:, None, None]

    def _lay_out(
        self, states: Tensor, empty: Tensor, readings: Sequence[Reading], chunks: int
    ) -> Tensor:
        """[n, 77 * chunks, 128]: each prompt's chunks, and empty ones behind them."""
        order, row = [], 0
        for reading in readings:
            count = len(reading.ids)
            order += [*range(row, row + count), *[len(states)] * (chunks - count)]
            row += count
        laid = torch.cat([states, empty])[self._send(np.asarray(order))]
        return laid.reshape(len(readings), chunks * LENGTH, -1)

    def _send(self, values: NDArray) -> Tensor:
        return torch.from_numpy(values).to(self.second.device)


def _weigh(states: Tensor, empty: Tensor, weights: Tensor) -> Tensor:
    """Further away from the empty text, or nearer to it; a weight of 1 changes no bit."""
    by = weights[..., None]
    return torch.where(by == 1, states, empty + (states - empty) * by)


class TextEncoder:
    """The trained encoders, for the trainers of other parts: exactly what the service will see."""

    def __init__(self, folder: Path) -> None:
        self.reader = Reader(folder)
        wanted = {"dtype": torch.float32, "local_files_only": True}
        self._encoders = Encoders(
            CLIPTextModel.from_pretrained(folder / "text_encoder", **wanted),
            CLIPTextModelWithProjection.from_pretrained(folder / "text_encoder_2", **wanted),
        )
        self._encoders.to(device()).eval().requires_grad_(False)
        digest = hashlib.sha256(self.reader.origin.encode())
        for weight in self._encoders.parameters():
            digest.update(weight.half().cpu().numpy().tobytes())
        self.origin = digest.hexdigest()
        self._empty, self._empty_pooled = self.encode([[]], 1)

    @torch.no_grad()
    def encode(self, captions: Sequence[Sequence[Piece]], chunks: int) -> tuple[Tensor, Tensor]:
        """Embeddings [n, 77 * chunks, 128] and pooled ones [n, 64], float32 on the device.

        What does not fit into so many chunks is left out.
        """
        return self._encoders([self.reader.read(pieces, chunks) for pieces in captions], chunks)

    def empty(self, chunks: int) -> tuple[Tensor, Tensor]:
        """Those of the empty text: [1, 77 * chunks, 128] and [1, 64]."""
        return self._empty.repeat(1, chunks, 1), self._empty_pooled


class _Pupil(nn.Module):
    """The encoders and what questions them: which concepts, how much of each, in which word."""

    def __init__(self, encoders: Encoders) -> None:
        super().__init__()
        count, both = len(CONCEPTS), 2 * WIDTH
        self.encoders = encoders
        self.queries = nn.Parameter(torch.randn(count, both) * 0.1)
        self.keys, self.values = (nn.Linear(both, both, bias=False) for _ in range(2))
        self.answers = nn.Parameter(torch.randn(count, 2, both) * 0.1)
        self.bias = nn.Parameter(torch.zeros(count, 2))
        self.by_token = nn.Linear(both, count + 1)
        self.by_pooled = nn.Linear(WIDTH, count)

    def ask(self, embeds: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of presence and weights, both [n, concepts], of embeddings [n, tokens, 128]."""
        match = torch.einsum("kd,btd->bkt", self.queries, self.keys(embeds))
        attention = (match * 2 / self.queries.shape[1] ** 0.5).softmax(dim=-1)
        found = torch.einsum("bkt,btd->bkd", attention, self.values(embeds))
        return (torch.einsum("bkd,kcd->bkc", found, self.answers) + self.bias).unbind(-1)


def train(folder: Path, work: Path, steps: int) -> None:
    """Train both encoders for the tokenizer in the folder, and save them beside it.

    work: for the checkpoint; a run that was stopped goes on there.
    """
    torch.manual_seed(0)
    reader = Reader(folder)
    pupil = _Pupil(_make_encoders(reader)).to(device())

    def step(rng: Generator) -> tuple[Tensor, Mapping[str, float]]:
        chunks = int(rng.choice((1, 2, 3, 4), p=(0.45, 0.27, 0.16, 0.12)))
        losses = _losses(pupil, _draw(reader, rng, chunks, ROWS // chunks), chunks)
        whole = 3 * losses["presence"] + losses["weight"] + 0.5 * losses["token"]
        whole = whole + losses["pooled"] + 0.05 * losses["scale"]
        return whole, {name: loss.item() for name, loss in losses.items()}

    plan = Plan(
        steps=steps,
        rate=2e-3,
        weight_decay=1e-3,
        warmup=50,
        decay=0.6,
        origin=reader.origin,
    )
    run("text", pupil, plan, step, work)
    pupil.encoders.save(folder)
    for name, figure in examine(pupil, reader).items():
        print(f"{name}: {figure:.4f}")


@torch.no_grad()
def examine(pupil: _Pupil, reader: Reader) -> dict[str, float]:
    """How well the words of captions that were never shown are understood."""
    figures: dict[str, list[float]] = {}
    for chunks in (1, 2, 3, 4):
        readings = _draw(reader, default_rng((chunks, 99)), chunks, 256, first=SCENES)
        for name, loss in _losses(pupil, readings, chunks).items():
            figures.setdefault(name, []).append(loss.item())
        embeds, _pooled = pupil.encoders(readings, chunks)
        logits, wanted = pupil.ask(embeds)[0], _targets(readings) > 0
        right = (logits.cpu() > 0) == wanted
        figures.setdefault("accuracy", []).append(right.float().mean().item())
        figures.setdefault("captions without a mistake", []).append(
            right.all(dim=1).float().mean().item()
        )
        figures.setdefault("AUC", []).append(_auc(logits.cpu(), wanted))
    return {
        f"{name}, {chunks} chunks": figure
        for name, many in figures.items()
        for chunks, figure in enumerate(many, start=1)
    }


def _auc(logits: Tensor, wanted: Tensor) -> float:
    """How often a named concept scores above one that is not."""
    ranks = logits.flatten().argsort().argsort().double() + 1
    named = wanted.flatten()
    yes, no = int(named.sum()), int((~named).sum())
    return float((ranks[named].sum() - yes * (yes + 1) / 2) / (yes * no))


def _make_encoders(reader: Reader) -> Encoders:
    """Untrained. CLIP's own beginning, a spread of 0.02, is too faint for so narrow a model."""
    settings = {
        "vocab_size": reader.size,
        "hidden_size": WIDTH,
        "intermediate_size": 4 * WIDTH,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "projection_dim": WIDTH,
        "max_position_embeddings": LENGTH,
        "bos_token_id": reader.start,
        "eos_token_id": reader.end,
        "pad_token_id": reader.end,
    }
    first = CLIPTextModel(CLIPTextConfig(**settings, hidden_act="quick_gelu"))
    second = CLIPTextModelWithProjection(CLIPTextConfig(**settings, hidden_act="gelu"))
    for name, weights in itertools.chain(first.named_parameters(), second.named_parameters()):
        if "embedding" in name:
            nn.init.normal_(weights, std=0.5 if "token" in name else 0.1)
        elif weights.dim() == 2:
            nn.init.normal_(weights, std=0.7 * weights.shape[1] ** -0.5)
    return Encoders(first, second)


def _draw(reader: Reader, rng: Generator, chunks: int, count: int, first: int = 0) -> list[Reading]:
    """Captions of fresh scenes; some are shorter than the others, and one in fifty says nothing."""
    readings = []
    for number in rng.integers(SCENES, size=count):
        length = chunks if rng.random() < 0.85 else int(rng.integers(1, chunks + 1))
        pieces = caption(draw_scene(first + int(number)), rng, length=length)
        readings.append(reader.read(pieces if rng.random() < 0.98 else [], chunks))
    return readings


def _losses(pupil: _Pupil, readings: Sequence[Reading], chunks: int) -> dict[str, Tensor]:
    embeds, pooled = pupil.encoders(readings, chunks)
    logits, amounts = pupil.ask(embeds)
    targets = _targets(readings).to(embeds.device)
    named = (targets > 0).float()
    labels = np.full((len(readings), chunks, LENGTH), UNLABELLED)
    for number, reading in enumerate(readings):
        labels[number, : len(reading.labels)] = reading.labels
    by_token = pupil.by_token(embeds).flatten(0, 1)
    in_head = torch.zeros_like(named)
    for number, reading in enumerate(readings):
        in_head[number, [label for label in set(reading.head_labels.tolist()) if label < NONE]] = 1
    return {
        "presence": functional.binary_cross_entropy_with_logits(logits, named),
        "weight": ((amounts - targets).square() * named).sum() / named.sum().clamp(min=1),
        "token": functional.cross_entropy(
            by_token, torch.from_numpy(labels).flatten().to(embeds.device)
        ),
        "pooled": functional.binary_cross_entropy_with_logits(pupil.by_pooled(pooled), in_head),
        "scale": (embeds.square().mean() - 1).abs(),
    }


def _targets(readings: Sequence[Reading]) -> Tensor:
    """Each concept's weight [n, concepts], 0 where it is not named."""
    targets = torch.zeros(len(readings), NONE)
    for number, reading in enumerate(readings):
        for label, weight in zip(reading.labels.flat, reading.weights.flat, strict=True):
            if 0 <= label < NONE:
                targets[number, label] = float(weight)
    return targets
