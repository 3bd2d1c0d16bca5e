#!/usr/bin/env python3
"""Writes tests/vectors/models/: small random checkpoints of each family and their references.

One folder a checkpoint, <family>_<shape>_<head>, as transformers saves it (config.json,
model.safetensors) with the reference.safetensors of make_reference.py (compact) beside it. Every
tensor is drawn so that it matters: LayerNorm weights around 1, biases and padding rows not zero.

    odd      widths and heads that are no multiples of 16, two layers
    one      rows of one token, alone and beside longer ones
    longest  rows as long as the position table allows
    shallow  one layer; another activation, epsilon, three labels, untied head

    python tools/make_model_vectors.py [--out tests/vectors/models] [--only bert_odd]
"""

import argparse
import pathlib
import shutil
import zlib

import make_reference as reference
import torch
import transformers

SHAPES = {
    "odd": dict(width=21, heads=3, inner=37, layers=2, words=101, positions=24, lengths=[5, 1, 17]),
    "one": dict(width=24, heads=2, inner=40, layers=1, words=61, positions=16,
                lengths=[1, 1, 4, 1, 2]),
    "longest": dict(width=16, heads=4, inner=24, layers=1, words=61, positions=64,
                    lengths=[64, 63]),
    "shallow": dict(width=20, heads=5, inner=36, layers=1, words=67, positions=20,
                    lengths=[3, 9, 2, 6]),
}
LABELS = {True: ["human", "ai"], False: ["human", "ai", "mixed"]}


def make_config(family, shape):
    s = SHAPES[shape]
    shallow = shape == "shallow"
    names = dict(enumerate(LABELS[not shallow]))
    common = dict(vocab_size=s["words"], id2label=names,
                  label2id={name: i for i, name in names.items()})
    if shallow:
        common["tie_word_embeddings"] = False
    if family == "gpt2":
        # "one" has no padding id: then only rows run one by one can be classified.
        return transformers.GPT2Config(
            n_embd=s["width"], n_head=s["heads"], n_inner=s["inner"], n_layer=s["layers"],
            n_positions=s["positions"], activation_function="gelu" if shallow else "gelu_new",
            layer_norm_epsilon=1e-6 if shallow else 1e-5, bos_token_id=s["words"] - 1,
            eos_token_id=s["words"] - 1, pad_token_id=None if shape == "one" else s["words"] - 1,
            **common)
    if family == "distilbert":
        return transformers.DistilBertConfig(
            dim=s["width"], n_heads=s["heads"], hidden_dim=s["inner"], n_layers=s["layers"],
            max_position_embeddings=s["positions"], activation="relu" if shallow else "gelu",
            **common)
    kind = transformers.BertConfig if family == "bert" else transformers.RobertaConfig
    act = {"bert": "relu", "roberta": "gelu_new"}[family] if shallow else "gelu"
    return kind(
        hidden_size=s["width"], num_attention_heads=s["heads"], intermediate_size=s["inner"],
        num_hidden_layers=s["layers"], hidden_act=act,
        layer_norm_eps=1e-4 if shallow else {"bert": 1e-12, "roberta": 1e-5}[family],
        max_position_embeddings=s["positions"] + (2 if family == "roberta" else 0),
        type_vocab_size=1 if family == "roberta" else 2, pad_token_id=int(family == "roberta"),
        **(dict(bos_token_id=0, eos_token_id=2) if family == "roberta" else {}), **common)


def randomize(model, seed):
    """Matrices wide enough for attention and activations to bend, every vector off its default."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            values = torch.randn(parameter.shape, generator=generator)
            norm = "LayerNorm" in name or "layer_norm" in name or ".ln_" in name
            if norm and name.endswith("weight"):
                parameter.copy_(1 + 0.2 * values)
            elif parameter.dim() == 1:
                parameter.copy_(0.2 * values)
            elif "embeddings" in name or ".wte." in name or ".wpe." in name:
                parameter.copy_(0.3 * values)
            else:
                parameter.copy_(1.5 * parameter.shape[-1] ** -0.5 * values)


def save(folder, family, shape, head, seed, dtype=torch.float32, shard=None):
    shutil.rmtree(folder, ignore_errors=True)
    config = make_config(family, shape)
    model = reference.TASKS[head].from_config(config, dtype=torch.float32)
    randomize(model, seed)
    model.to(dtype).save_pretrained(folder, **({"max_shard_size": shard} if shard else {}))
    (folder / "generation_config.json").unlink(missing_ok=True)


def make(out, family, shape, head, name=None, grad=True, hidden=None, **settings):
    name = name or f"{family}_{shape}_{head}"
    folder = out / name
    seed = zlib.crc32(name.encode()) & 0xFFFF
    save(folder, family, shape, head, seed, **settings)
    config = transformers.AutoConfig.from_pretrained(folder)
    rows = reference.random_rows(config, SHAPES[shape]["lengths"], seed)
    hidden = (head == "bare" or (shape, head) == ("odd", "classify")) if hidden is None else hidden
    reference.make_reference(folder, folder / "reference.safetensors", rows, head,
                             grad=grad and head != "bare", hidden=hidden, compact=True, seed=seed)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    root = pathlib.Path(__file__).resolve().parent.parent
    parser.add_argument("--out", type=pathlib.Path, default=root / "tests/vectors/models")
    parser.add_argument("--only", default="", help="folders whose name begins with this")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    jobs = []
    for family in ("bert", "distilbert", "roberta", "gpt2"):
        for shape in SHAPES:
            for head in ("bare", "classify", "lm" if family == "gpt2" else "mlm"):
                jobs.append((f"{family}_{shape}_{head}", family, shape, head, {}))
    plain = dict(grad=False, hidden=False)
    jobs += [
        ("bert_sharded", "bert", "odd", "classify", dict(shard="24KB", **plain)),
        ("bert_float16", "bert", "shallow", "classify", dict(dtype=torch.float16, **plain)),
        ("gpt2_bfloat16", "gpt2", "shallow", "classify", dict(dtype=torch.bfloat16, **plain)),
    ]
    for name, family, shape, head, settings in jobs:
        if name.startswith(options.only):
            make(options.out, family, shape, head, name, **settings)


if __name__ == "__main__":
    main()
