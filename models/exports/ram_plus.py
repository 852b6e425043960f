"""RAM++ out of its published checkpoint (`ram_plus_swin_large_14m.pth`): an ONNX file, its manifest, its lists."""

from __future__ import annotations

import os
import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from metadata.errors import UserError
from models import labels, manifest, runtime, shelf
from models.exports import Tell
from models.exports._ram import PARTS, RamPlus, Shape, shape

NAME = "ram_plus"
OPSET = 17
FAR = 2e-3
"""The most that a logit may differ between torch and the ONNX file: a two-thousandth of a probability."""
REBUILT = ("relative_position_index", "attn_mask")
UNUSED = ("tagging_head.embeddings.", ".attention.")
"""Of a language model that the head was cut out of."""


def export(checkpoint: Path, home: Path, tell: Tell) -> list[Path]:
    """Write the model and its manifest into `home`, where its lists lie already; the files that are new.

    `tell` is given a line before each long step. Raises UserError where the checkpoint is none of RAM++, its lists
    belong to another, or the ONNX file says something else than the checkpoint does.
    """
    about = manifest.find(NAME, None)
    assert about is not None
    table = labels.read(about, home, {})
    tell(f"reading {checkpoint}")
    kept = load(checkpoint)
    made = _told(kept, checkpoint)
    if made.labels != len(table.labels):
        raise UserError(
            f"{checkpoint} has {made.labels} labels, and {home / about.labels.file} {len(table.labels)}"
        )
    torch.set_num_threads(len(os.sched_getaffinity(0)))  # a person waits for it, and nothing else is done
    network = filled(made, kept, checkpoint, tell)
    target, part = home / about.model, home / f"{about.model}.part"
    try:
        tell(f"writing {target}")
        write(network, made.swin.size, part)
        tell("comparing both on random pictures")
        compare(network, made.swin.size, part)
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
    paper = home / manifest.OWN
    paper.write_text(_manifest(made, checkpoint, home, about), encoding="utf-8")
    lists = [name for name in about.needed() if name != about.model]
    sums = {name: shelf.digest(home / name) for name in (about.model, *lists)}
    shelf.write_sums(home, shelf.read_sums(home) | sums)
    return [target, paper]


def load(checkpoint: Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint by their names; nothing in it is run. Raises UserError for another file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about files of other kinds, before they fail
            held = _read(checkpoint)
    except OSError as error:
        raise UserError(f"{checkpoint}: {error.strerror or error}") from error
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        reason = str(error).strip().splitlines()
        raise UserError(
            f"{checkpoint} is no checkpoint that is only numbers: {reason[-1] if reason else error!r}"
        ) from error
    model = held.get("model", held) if isinstance(held, Mapping) else None
    if not isinstance(model, Mapping) or not all(isinstance(each, Tensor) for each in model.values()):
        raise UserError(f"{checkpoint} holds no tensors by name")
    return {name.replace("vision_multi", "tagging_head"): each for name, each in model.items()}


def _read(checkpoint: Path) -> Any:
    try:
        return torch.load(checkpoint, map_location="cpu", weights_only=True, mmap=True)
    except RuntimeError:  # an old file, which is no archive, is read whole
        return torch.load(checkpoint, map_location="cpu", weights_only=True)


def _told(kept: Mapping[str, Tensor], checkpoint: Path) -> Shape:
    try:
        return shape(kept)
    except (KeyError, IndexError) as error:
        raise UserError(f"{checkpoint} is none of RAM++: it has no {error.args[0]}") from error


def filled(made: Shape, kept: Mapping[str, Tensor], checkpoint: Path, tell: Tell) -> RamPlus:
    """The network with a checkpoint's numbers.

    Raises UserError that names what is missing, what is too much, and what is of another size.
    """
    network = RamPlus(made).eval()
    wanted = network.state_dict()
    used = {name: each.float() for name, each in kept.items() if _used(name)}
    if "label_embed" in used and used["label_embed"].numel() == wanted["label_embed"].numel():
        used["label_embed"] = used["label_embed"].reshape(wanted["label_embed"].shape)
    faults = {
        "it lacks": sorted(wanted.keys() - used.keys()),
        "it has besides": sorted(used.keys() - wanted.keys()),
        "of another size are": sorted(
            name for name in wanted.keys() & used.keys() if wanted[name].shape != used[name].shape
        ),
    }
    if any(faults.values()):
        told = "; ".join(f"{what} {_few(names)}" for what, names in faults.items() if names)
        raise UserError(f"{checkpoint} is none of RAM++ that we know: {told}")
    if others := sorted({name.partition(".")[0] for name in kept} - PARTS):
        tell(f"left out, as they say nothing about a picture: {_few(others)}")
    network.load_state_dict(used, assign=True)
    network.requires_grad_(requires_grad=False)
    return network


def _used(name: str) -> bool:
    """Whether a tensor is one of those that say the labels of a picture."""
    part = name.partition(".")[0]
    rebuilt = name.endswith(REBUILT) and part == "visual_encoder"
    unused = part == "tagging_head" and any(each in name for each in UNUSED)
    return part in PARTS and not rebuilt and not unused


def _few(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def write(network: RamPlus, size: int, target: Path) -> None:
    """The network as ONNX: `pictures` (any number x 3 x size x size) to `logits`."""
    many = {"pictures": {0: "many"}, "logits": {0: "many"}}
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # that this exporter is old, and sizes are fixed: the next step compares
        torch.onnx.export(
            *(network, (torch.zeros(2, 3, size, size),), str(target)),
            input_names=["pictures"], output_names=["logits"], dynamic_axes=many,
            opset_version=OPSET, dynamo=False,  # the newer one wants one library more
        )  # fmt: skip


def compare(network: RamPlus, size: int, target: Path) -> None:
    """Raises UserError where the file's logits for random pictures are not the network's, alone or together."""
    session = runtime.session(target, threads=torch.get_num_threads())
    chance = np.random.default_rng(1)
    for many in (1, 3):
        pictures = chance.standard_normal((many, 3, size, size)).astype(np.float32)
        with torch.inference_mode():
            ours = network(torch.from_numpy(pictures)).numpy()
        (theirs,) = session.run(["logits"], {"pictures": pictures})
        if theirs.shape != ours.shape or not np.abs(theirs - ours).max() <= FAR:
            raise UserError("the ONNX file says something else than the checkpoint; please report it")


def _manifest(made: Shape, checkpoint: Path, home: Path, about: manifest.Manifest) -> str:
    """A manifest that says what was made of what: with other numbers or thresholds it is another version."""
    files = "".join(f'"{name}" = "{shelf.digest(home / name)}"\n' for name in about.files)
    mean, std = list(about.input.mean), list(about.input.std)
    return f"""# Made by `tagwright models export {NAME}` of {checkpoint.name}
# {shelf.digest(checkpoint)}
title = "RAM++: photographs, {made.labels:,} labels"
licence = "{about.licence}"
model = "{about.model}"
source = "{about.source}"
checkpoint = "{about.checkpoint}"

[files]
{files}
[input]
size = {made.swin.size}
top = {about.input.top:g}
mean = {mean}
std = {std}
fit = "{about.input.fit}"
resample = "{about.input.resample}"

[output]
kind = "logits"
name = "logits"
threshold = {about.threshold}

[labels]
file = "{about.labels.file}"
form = "{about.labels.form}"
thresholds = "{about.labels.thresholds}"
underscores = false
"""
