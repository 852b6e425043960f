"""The Swin transformer as published checkpoints name its parts: a picture becomes a vector for each of its places.

Liu et al. 2021, "Swin Transformer: Hierarchical Vision Transformer using Shifted Windows"; only what it takes to
look, nothing of what it takes to learn.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

SHUT = -100.0
"""Added where two places of a shifted window are no neighbours in the picture."""


@dataclass(frozen=True, slots=True)
class Swin:
    """The sizes of one: an edge and a patch in pixels, a window in places, depth and heads of each stage."""

    size: int
    patch: int
    window: int
    width: int
    depths: tuple[int, ...]
    heads: tuple[int, ...]

    @property
    def out(self) -> int:
        """The length of the vectors at its end."""
        return self.width << (len(self.depths) - 1)


class Encoder(nn.Module):
    """Pictures (B x 3 x size x size) become B x (1 + places) x out: the mean of all places first."""

    def __init__(self, shape: Swin) -> None:
        super().__init__()
        self.patch_embed = Patches(shape)
        edge = shape.size // shape.patch
        self.layers = nn.ModuleList(
            Stage(shape, number, edge >> number, last=number == len(shape.depths) - 1)
            for number in range(len(shape.depths))
        )
        self.norm = nn.LayerNorm(shape.out)

    def forward(self, pictures: Tensor) -> Tensor:
        seen = self.patch_embed(pictures)
        for layer in self.layers:
            seen = layer(seen)
        seen = self.norm(seen)
        return torch.cat([seen.mean(1, keepdim=True), seen], 1)


class Patches(nn.Module):
    """A vector for each patch of the picture."""

    def __init__(self, shape: Swin) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, shape.width, shape.patch, shape.patch)
        self.norm = nn.LayerNorm(shape.width)

    def forward(self, pictures: Tensor) -> Tensor:
        return self.norm(self.proj(pictures).flatten(2).transpose(1, 2))


class Stage(nn.Module):
    """Blocks at one resolution (`edge` places a side); every second looks through windows shifted by a half."""

    def __init__(self, shape: Swin, number: int, edge: int, *, last: bool) -> None:
        super().__init__()
        width, heads = shape.width << number, shape.heads[number]
        window = min(shape.window, edge)
        shifts = [window // 2 if place % 2 and edge > window else 0 for place in range(shape.depths[number])]
        self.blocks = nn.ModuleList(Block(width, heads, edge, window, shift) for shift in shifts)
        self.downsample = nn.Identity() if last else Merging(width, edge)

    def forward(self, seen: Tensor) -> Tensor:
        for block in self.blocks:
            seen = block(seen)
        return self.downsample(seen)


class Merging(nn.Module):
    """Four neighbours become one."""

    def __init__(self, width: int, edge: int) -> None:
        super().__init__()
        self.edge = edge
        self.reduction = nn.Linear(4 * width, 2 * width, bias=False)
        self.norm = nn.LayerNorm(4 * width)

    def forward(self, seen: Tensor) -> Tensor:
        half, width = self.edge // 2, seen.shape[-1]
        # column before row: (0, 0), (1, 0), (0, 1), (1, 1)
        four = seen.reshape(-1, half, 2, half, 2, width).permute(0, 1, 3, 4, 2, 5)
        return self.reduction(self.norm(four.reshape(-1, half * half, 4 * width)))


class Block(nn.Module):
    """Attention within windows, then a small network for each place."""

    def __init__(self, width: int, heads: int, edge: int, window: int, shift: int) -> None:
        super().__init__()
        self.edge, self.window, self.shift = edge, window, shift
        self.norm1 = nn.LayerNorm(width)
        self.attn = Attention(width, heads, window)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = Mlp(width)
        self.register_buffer("mask", apart(edge, window, shift) if shift else None, persistent=False)

    def forward(self, seen: Tensor) -> Tensor:
        edge, shift, width = self.edge, self.shift, seen.shape[-1]
        square = self.norm1(seen).reshape(-1, edge, edge, width)
        if shift:
            square = torch.roll(square, (-shift, -shift), (1, 2))
        square = together(self.attn(windows(square, self.window), self.mask), edge, self.window)
        if shift:
            square = torch.roll(square, (shift, shift), (1, 2))
        seen = seen + square.reshape(-1, edge * edge, width)
        return seen + self.mlp(self.norm2(seen))


class Attention(nn.Module):
    """Places of one window look at each other; how much also depends on how they lie to each other."""

    def __init__(self, width: int, heads: int, window: int) -> None:
        super().__init__()
        self.heads, self.places = heads, window * window
        self.relative_position_bias_table = nn.Parameter(torch.zeros((2 * window - 1) ** 2, heads))
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.register_buffer("lie", relative(window), persistent=False)

    def forward(self, seen: Tensor, mask: Tensor | None) -> Tensor:
        places, width = self.places, seen.shape[-1]
        asked, keys, values = self.qkv(seen).reshape(-1, places, 3, self.heads, width // self.heads).unbind(2)
        asked = asked * (width // self.heads) ** -0.5
        near = asked.transpose(1, 2) @ keys.permute(0, 2, 3, 1)
        near = near + self.relative_position_bias_table[self.lie].permute(2, 0, 1)
        if mask is not None:
            near = near.reshape(-1, len(mask), self.heads, places, places) + mask[:, None]
            near = near.reshape(-1, self.heads, places, places)
        told = near.softmax(-1) @ values.transpose(1, 2)
        return self.proj(told.transpose(1, 2).reshape(-1, places, width))


class Mlp(nn.Module):
    """Two layers, four times as wide between them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, seen: Tensor) -> Tensor:
        return self.fc2(nn.functional.gelu(self.fc1(seen)))


def windows(square: Tensor, window: int) -> Tensor:
    """B x edge x edge x C becomes (B x windows) x places x C."""
    many, width = square.shape[1] // window, square.shape[-1]
    parts = square.reshape(-1, many, window, many, window, width).transpose(2, 3)
    return parts.reshape(-1, window * window, width)


def together(parts: Tensor, edge: int, window: int) -> Tensor:
    """The way back from `windows`."""
    many, width = edge // window, parts.shape[-1]
    square = parts.reshape(-1, many, many, window, window, width).transpose(2, 3)
    return square.reshape(-1, edge, edge, width)


def relative(window: int) -> Tensor:
    """For each two places of a window the row of the table that says how they lie to each other."""
    at = torch.cartesian_prod(torch.arange(window), torch.arange(window))
    apart_ = at[:, None] - at[None] + window - 1
    return apart_[..., 0] * (2 * window - 1) + apart_[..., 1]


def apart(edge: int, window: int, shift: int) -> Tensor:
    """For each window (first) `SHUT` where two of its places come from different edges of the picture, else 0."""
    at = torch.arange(edge)
    band = (at >= edge - window).long() + (at >= edge - shift).long()
    region = (band[:, None] * 3 + band[None])[None, :, :, None]
    cut = windows(region, window)[..., 0]
    return (cut[:, :, None] != cut[:, None]).float() * SHUT
