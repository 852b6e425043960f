"""RAM++ as its published checkpoints name its parts: pictures become a logit for each label.

Huang et al. 2023, "Open-Set Image Tagging with Multi-Grained Text Supervision": each label has 51 descriptions as
vectors, which the picture as a whole weighs anew; what comes out asks the picture's places through two layers of
attention.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isqrt

import torch
from torch import Tensor, nn

from models.exports._swin import Encoder, Swin

DESCRIPTIONS = 51
"""Vectors a label: its name, and fifty sentences about it."""
HEADS = 4
"""Of each layer that asks the picture; nothing in a checkpoint tells it."""
SIZE = 384
"""Pixels of an edge, where a checkpoint does not tell."""


PARTS = frozenset(
    ("visual_encoder", "image_proj", "label_embed", "reweight_scale", "wordvec_proj", "tagging_head", "fc")
)
"""The parts of a checkpoint that say the labels of a picture; others belong to its training."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of one model, which its checkpoint tells."""

    swin: Swin
    labels: int
    vector: int
    hidden: int
    layers: int


def shape(kept: Mapping[str, Tensor]) -> Shape:
    """The sizes by a checkpoint's tensors. Raises KeyError for a tensor without which they cannot be told."""
    patch = kept["visual_encoder.patch_embed.proj.weight"].shape
    first = kept["visual_encoder.layers.0.blocks.0.attn.relative_position_bias_table"].shape
    window = (isqrt(first[0]) + 1) // 2
    depths: list[int] = []
    while f"visual_encoder.layers.{len(depths)}.blocks.0.norm1.weight" in kept:
        depths.append(_count(kept, f"visual_encoder.layers.{len(depths)}.blocks.{{}}.norm1.weight"))
    table = "visual_encoder.layers.{}.blocks.0.attn.relative_position_bias_table"
    heads = tuple(kept[table.format(number)].shape[1] for number in range(len(depths)))
    mask = kept.get("visual_encoder.layers.0.blocks.1.attn_mask")
    size = isqrt(mask.shape[0]) * window * patch[2] if mask is not None else SIZE
    vectors = kept["label_embed"].shape
    return Shape(
        Swin(size, patch[2], window, patch[0], tuple(depths), heads),
        labels=vectors[0] // DESCRIPTIONS,
        vector=vectors[1],
        hidden=kept["fc.weight"].shape[1],
        layers=_count(kept, "tagging_head.encoder.layer.{}.output.dense.weight"),
    )


def _count(kept: Mapping[str, Tensor], name: str) -> int:
    number = 0
    while name.format(number) in kept:
        number += 1
    return number


class RamPlus(nn.Module):
    """The whole: pictures (B x 3 x size x size, as ImageNet's) become logits (B x labels)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.visual_encoder = Encoder(shape.swin)
        self.image_proj = nn.Linear(shape.swin.out, shape.vector)
        self.label_embed = nn.Parameter(torch.zeros(shape.labels, DESCRIPTIONS, shape.vector))
        self.reweight_scale = nn.Parameter(torch.zeros(()))
        self.wordvec_proj = nn.Linear(shape.vector, shape.hidden)
        self.tagging_head = Head(shape)
        self.fc = nn.Linear(shape.hidden, 1)

    def forward(self, pictures: Tensor) -> Tensor:
        seen = self.image_proj(self.visual_encoder(pictures))
        whole = seen[:, 0]
        whole = whole / whole.norm(dim=-1, keepdim=True)
        # labels first, so that the vectors of all descriptions stand in the file once and as they are
        weights = (self.label_embed @ (self.reweight_scale.exp() * whole).t()).softmax(1)
        labels = (weights.transpose(1, 2) @ self.label_embed).transpose(0, 1)
        return self.fc(self.tagging_head(self.wordvec_proj(labels).relu(), seen)).squeeze(-1)


class Head(nn.Module):
    """Labels (B x labels x hidden) ask the picture's places (B x places x vector), layer by layer."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        layers = nn.ModuleList(Layer(shape.hidden, shape.vector) for _ in range(shape.layers))
        self.encoder = nn.ModuleDict({"layer": layers})

    def forward(self, labels: Tensor, seen: Tensor) -> Tensor:
        for layer in self.encoder["layer"]:
            labels = layer(labels, seen)
        return labels


class Layer(nn.Module):
    """Attention to the picture and a small network, each added to what was there and brought to one measure."""

    def __init__(self, hidden: int, vector: int) -> None:
        super().__init__()
        asking = {"query": hidden, "key": vector, "value": vector}
        self.crossattention = nn.ModuleDict(
            {
                "self": nn.ModuleDict({name: nn.Linear(wide, hidden) for name, wide in asking.items()}),
                "output": Added(hidden, hidden),
            }
        )
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(hidden, 4 * hidden)})
        self.output = Added(4 * hidden, hidden)

    def forward(self, labels: Tensor, seen: Tensor) -> Tensor:
        told = self.crossattention["output"](self._told(labels, seen), labels)
        return self.output(nn.functional.gelu(self.intermediate["dense"](told)), told)

    def _told(self, labels: Tensor, seen: Tensor) -> Tensor:
        asking = self.crossattention["self"]
        asked, keys, values = (
            asking[name](given).unflatten(-1, (HEADS, -1)).transpose(1, 2)
            for name, given in (("query", labels), ("key", seen), ("value", seen))
        )
        near = asked @ keys.transpose(2, 3) * asked.shape[-1] ** -0.5
        return (near.softmax(-1) @ values).transpose(1, 2).flatten(2)


class Added(nn.Module):
    """A linear layer whose answer is added to what was there."""

    def __init__(self, wide: int, hidden: int) -> None:
        super().__init__()
        self.dense = nn.Linear(wide, hidden)
        self.LayerNorm = nn.LayerNorm(hidden, eps=1e-12)

    def forward(self, new: Tensor, before: Tensor) -> Tensor:
        return self.LayerNorm(self.dense(new) + before)
