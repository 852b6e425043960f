"""Makes a tiny LLaVA that says in JSON which coloured shape it sees; for a server that nobody here wrote.

Run by a Python that has torch and transformers: `python llava.py FOLDER`. About two minutes on one core; 155,000
weights. It knows one prompt, PROMPT; the answers hold to our schema.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from PIL import Image, ImageDraw

PROMPT = "Describe the picture as JSON."
COLOURS = {
    "red": (220, 30, 30),
    "green": (30, 160, 40),
    "blue": (30, 60, 220),
    "yellow": (240, 220, 40),
    "black": (20, 20, 20),
}
SHAPES = ("square", "circle", "triangle")
STEPS = 2500


def picture(colour: str, shape: str, size: int, chance: random.Random) -> Image.Image:
    image = Image.new("RGB", (size, size), "white")
    half = size * chance.uniform(0.28, 0.36)
    x, y = (size * chance.uniform(0.42, 0.58) for _ in range(2))
    paint = ImageDraw.Draw(image)
    box = (x - half, y - half, x + half, y + half)
    if shape == "square":
        paint.rectangle(box, fill=COLOURS[colour])
    elif shape == "circle":
        paint.ellipse(box, fill=COLOURS[colour])
    else:
        paint.polygon([(x, y - half), (x - half, y + half), (x + half, y + half)], fill=COLOURS[colour])
    return image


def answer(colour: str, shape: str) -> str:
    return (
        f'{{"kind": "drawing", "title": "{colour} {shape}", "caption": "a {colour} {shape} on white", '
        f'"keywords": ["{colour}", "{shape}"]}}'
    )


def tokenizer():
    import re

    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    pattern = r" ?[A-Za-z]+| ?[^A-Za-z ]|\s"
    texts = [f"USER: \n{PROMPT} ASSISTANT:", *(answer(c, s) for c in COLOURS for s in SHAPES)]
    pieces = sorted({piece for text in texts for piece in re.findall(pattern, text)})
    special = ["<unk>", "<pad>", "<s>", "</s>", "<image>"]
    made = Tokenizer(
        models.WordLevel({piece: n for n, piece in enumerate([*special, *pieces])}, unk_token="<unk>")
    )
    made.pre_tokenizer = pre_tokenizers.Split(Regex(pattern), behavior="isolated")
    made.decoder = decoders.Fuse()
    made.add_special_tokens(special)
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        unk_token="<unk>",
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        additional_special_tokens=["<image>"],
        clean_up_tokenization_spaces=False,
    )


TEMPLATE = (
    "{% for message in messages %}USER: "
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}<image>\n{% endif %}{% endfor %}"
    "{% for part in message['content'] %}{% if part['type'] == 'text' %}{{ part['text'] }}{% endif %}{% endfor %}"
    "{% endfor %}{% if add_generation_prompt %} ASSISTANT:{% endif %}"
)


def parts():
    from transformers import (
        CLIPImageProcessorPil,
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
    )

    words = tokenizer()
    sight = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    processor = LlavaProcessor(
        sight,
        words,
        patch_size=8,
        vision_feature_select_strategy="default",
        chat_template=TEMPLATE,
        num_additional_image_tokens=1,
    )
    vision = CLIPVisionConfig(
        hidden_size=48,
        intermediate_size=96,
        num_hidden_layers=3,
        num_attention_heads=4,
        image_size=32,
        patch_size=8,
    )
    text = LlamaConfig(
        vocab_size=len(words),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=1024,
        bos_token_id=words.bos_token_id,
        eos_token_id=words.eos_token_id,
        pad_token_id=words.pad_token_id,
    )
    config = LlavaConfig(
        vision_config=vision,
        text_config=text,
        image_token_index=words.convert_tokens_to_ids("<image>"),
        vision_feature_layer=-1,
        vision_feature_select_strategy="default",
        image_seq_length=16,
    )
    return LlavaForConditionalGeneration(config), processor


def train(folder: Path) -> None:
    import torch

    torch.manual_seed(1)
    torch.set_num_threads(1)
    chance = random.Random(1)
    model, processor = parts()
    rate = torch.optim.AdamW(model.parameters(), lr=2e-3)
    plan = torch.optim.lr_scheduler.OneCycleLR(rate, max_lr=2e-3, total_steps=STEPS)
    words = processor.tokenizer
    for step in range(STEPS):
        pairs = [(chance.choice([*COLOURS]), chance.choice(SHAPES)) for _ in range(32)]
        images = [picture(c, s, 64, chance) for c, s in pairs]
        asked = f"USER: <image>\n{PROMPT} ASSISTANT:"
        texts = [asked + answer(c, s) + "</s>" for c, s in pairs]
        batch = processor(images=images, text=texts, return_tensors="pt", padding=True)
        length = processor(images=images[:1], text=[asked], return_tensors="pt")["input_ids"].shape[1]
        labels = batch["input_ids"].clone()
        labels[:, :length] = -100
        labels[labels == words.pad_token_id] = -100
        loss = model(**batch, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        rate.step()
        plan.step()
        rate.zero_grad()
        if step % 100 == 0:
            print(step, round(loss.item(), 4), flush=True)
    model.generation_config.eos_token_id = words.eos_token_id
    model.generation_config.pad_token_id = words.pad_token_id
    model.save_pretrained(folder)
    processor.save_pretrained(folder)


if __name__ == "__main__":
    train(Path(sys.argv[1]))
