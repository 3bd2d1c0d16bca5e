#!/usr/bin/env python3
"""Writes tests/vectors/training/: what transformers and torch make of small trainings.

    python tools/make_training_vectors.py [--out tests/vectors/training] [--only bert]

train.jsonl and valid.jsonl are sentences made up here; tokenizers/ holds three tokenizers of a few
dozen pieces; bases are the checkpoints of tests/vectors/models, and regress/, which has one output.
cases/<name>.json has the words of a recipe and what has to come of them, from a run in float64:
loss, grad_norm, lr, tokens and epoch of each step, figures of evaluations, and of each tensor the
norm of its change and a few of its values. `float32` is how far torch's own float32 run is from it,
weights by the largest change of any: where rounding decides, nobody can be nearer. Key biases, whose
gradient is nothing but rounding, are left out.
"""

import argparse
import json
import pathlib
import random
import shutil

import make_model_vectors
import torch
import training_reference as reference
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from training_reference import Recipe
from transformers import DistilBertConfig, DistilBertForSequenceClassification
from transformers import PreTrainedTokenizerFast

SAMPLES = 3  # values kept of a tensor
HUMAN = ["my dog ate it", "no idea why", "rain again", "we lost", "ring me", "so tired", "she said no",
         "it is late"]
MACHINE = ["in conclusion", "it is clear", "overall", "notably", "we can see", "as noted"]
BOTH = ["the dog", "the rain", "late again", "and so", "no", "it", "is", "we said"]


def sentences(seed, rows):
    r = random.Random(seed)
    seen = set()
    for i in range(rows):
        text = None
        while text is None or text in seen:
            label = r.choice(["human", "ai"])
            words = HUMAN if label == "human" else MACHINE
            text = " ".join(r.choice(words if r.random() < 0.6 else BOTH)
                            for _ in range(r.choice([1, 1, 2, 3, 7])))
        seen.add(text)
        kind = "mixed" if r.random() < 0.3 else label
        yield {"id": f"row-{i + 1}", "text": text, "label": label, "kind": kind,
               "score": round(r.gauss(0.5 if label == "ai" else -0.5, 0.7), 3)}


def write_rows(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def pieces_of(texts):
    return sorted({word for text in texts for word in text.split()})


def save_tokenizers(folder, texts):
    """None has more than 61 pieces, the smallest vocabulary of the checkpoints."""
    folder.mkdir(parents=True)
    words = pieces_of(texts)
    letters = sorted(set("".join(words)))
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + words[::2]
    pieces += ["##" + letter for letter in letters] + [letter for letter in letters
                                                      if letter not in words[::2]]
    t = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(pieces[:61])},
                                   unk_token="[UNK]"))
    t.normalizer = normalizers.BertNormalizer(lowercase=True)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.decoder = decoders.WordPiece()
    t.add_special_tokens(pieces[:5])
    t.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1",
                                                     [("[CLS]", 2), ("[SEP]", 3)])
    t.save(str(folder / "bert.json"))
    for name, special in (("gpt2", []), ("roberta", ["<s>", "<pad>", "</s>", "<unk>"])):
        merges = [("\u0120", "n"), ("i", "t"), ("a", "i"), ("\u0120", "it"), ("\u0120n", "o"),
                  ("ai", "n"), ("s", "a"), ("sa", "i"), ("sai", "d"), ("e", "r"), ("\u0120", "w")]
        pieces = special + ["\u0120"] + letters
        pieces += [a + b for a, b in merges]
        t = Tokenizer(models.BPE({piece: i for i, piece in enumerate(pieces)}, merges))
        t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        t.decoder = decoders.ByteLevel()
        t.post_processor = processors.ByteLevel(trim_offsets=False)
        if special:
            t.add_special_tokens(special)
            t.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0),
                                                            add_prefix_space=False)
        if len(pieces) > 61:
            raise SystemExit(f"{name}: {len(pieces)} pieces")
        t.save(str(folder / f"{name}.json"))


def save_regress(folder):
    """One output, a layer of 12: no checkpoint of tests/vectors/models has that."""
    config = DistilBertConfig(vocab_size=61, dim=12, n_heads=2, hidden_dim=20, n_layers=1,
                              max_position_embeddings=24, num_labels=1, problem_type="regression")
    model = DistilBertForSequenceClassification(config)
    make_model_vectors.randomize(model, 41)
    model.save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)


# Rows: 18 to train on, so that five batches of four make an epoch and the last has two rows.
COMMON = dict(max_tokens=20, items=4, lr=1e-3)
CLASSES = dict(COMMON, labels=("human", "ai"))
CASES = {
    "bert_classify": ("bert_odd_classify", "bert", Recipe(steps=20, **CLASSES)),
    "distilbert_classify": ("distilbert_odd_classify", "bert", Recipe(
        steps=18, schedule="cosine", weight_decay=0.1, **CLASSES)),
    "roberta_classify": ("roberta_odd_classify", "roberta", Recipe(
        steps=20, schedule="constant", warmup=3, clip=0.0, **CLASSES)),
    "gpt2_classify": ("gpt2_odd_classify", "gpt2", Recipe(epochs=3.5, warmup=0.0, **CLASSES)),
    "gpt2_lm": ("gpt2_odd_lm", "gpt2", Recipe(task="lm", steps=20, **COMMON)),
    "gpt2_lm_tokens": ("gpt2_longest_lm", "gpt2", Recipe(
        task="lm", epochs=2, tokens=50, accumulate=2, max_tokens=40, lr=2e-3)),
    "regress": ("regress", "bert", Recipe(
        task="regress", steps=15, label_field="score", every=6, metric="loss", **COMMON)),
    # 2 micro-batches a step: the third step of an epoch has the short batch alone.
    "bert_weights_smoothing": ("bert_odd_classify", "bert", Recipe(
        steps=12, accumulate=2, class_weights={"human": 0.6, "ai": 2.5}, label_smoothing=0.15,
        **CLASSES)),
    "bert_three_labels": ("bert_shallow_classify", "bert", Recipe(
        steps=12, labels=("human", "ai", "mixed"), label_field="kind", label_smoothing=0.1,
        class_weights="balanced", **COMMON)),
    "bert_clip": ("bert_odd_classify", "bert", Recipe(steps=12, clip=0.05, eps=1e-4, **CLASSES)),
    "distilbert_betas": ("distilbert_odd_classify", "bert", Recipe(
        steps=12, betas=(0.5, 0.9), eps=1e-6, schedule="cosine", warmup=0.3, **CLASSES)),
    "bert_freeze": ("bert_odd_classify", "bert", Recipe(
        steps=12, freeze=("embeddings", "encoder.layer.0-0", "*.output.LayerNorm"), **CLASSES)),
    "gpt2_freeze_tied": ("gpt2_odd_lm", "gpt2", Recipe(
        task="lm", steps=12, freeze=("wte", "h.0.*.bias"), **COMMON)),
    "roberta_head": ("roberta_odd_classify", "roberta", Recipe(
        steps=12, method="head", **CLASSES)),
    "distilbert_head": ("distilbert_odd_classify", "bert", Recipe(
        steps=12, method="head", **CLASSES)),
    "distilbert_average": ("distilbert_odd_classify", "bert", Recipe(
        steps=15, ema=0.8, schedule="constant", warmup=0.0, **CLASSES)),
    # The weights of the best evaluation are those that are left.
    "gpt2_best": ("gpt2_odd_classify", "gpt2", Recipe(
        steps=24, metric="loss", **dict(CLASSES, lr=6e-3))),
    "bert_average_best": ("bert_odd_classify", "bert", Recipe(
        steps=28, every=4, ema=0.7, metric="auroc", **dict(CLASSES, lr=5e-3))),
    "roberta_early_stop": ("roberta_odd_classify", "roberta", Recipe(
        steps=60, every=5, metric="loss", patience=2, **dict(CLASSES, lr=6e-3))),
}
# The first update alone, at the full rate, for one case a family and task.
for name in ("bert_classify", "distilbert_classify", "roberta_classify", "gpt2_classify", "gpt2_lm",
             "regress"):
    base, tokenizer, recipe = CASES[name]
    CASES[name + "_first"] = (base, tokenizer, Recipe(**{
        **recipe.__dict__, "steps": 1, "epochs": None, "schedule": "constant", "warmup": 0.0,
        "every": None, "metric": None}))


def short(value):
    return float(f"{value:.10g}")


def relative(ours, theirs):
    return max(abs(a - b) / max(abs(b), 1e-12) for a, b in zip(ours, theirs))


def describe_weights(run, other):
    """Values where torch's float32 run is nearest to those of float64, from thirds of a tensor."""
    out = {}
    for name, value in run.after.items():
        after = reference.without_noise(name, value)
        if after is None:
            continue
        change = float((after - reference.without_noise(name, run.before[name])).norm())
        flat = value.reshape(-1)
        noise = (flat - other.after[name].double().reshape(-1)).abs()
        if name.endswith("attn.c_attn.bias"):  # the key third
            third = flat.numel() // 3
            noise[third:2 * third] = torch.inf
        edges = [flat.numel() * k // SAMPLES for k in range(SAMPLES + 1)]
        moved = (flat - run.before[name].reshape(-1)).abs()
        at = []
        for begin, end in zip(edges, edges[1:]):
            if begin == end or not bool(noise[begin:end].isfinite().any()):
                continue
            # What moved most, among what rounding does not decide.
            quiet = noise[begin:end] <= noise[begin:end].median()
            at.append(begin + int(torch.where(quiet, moved[begin:end], -1.0).argmax()))
        out[name] = {"change": short(change), "at": at, "values": [short(float(flat[i])) for i in at]}
    return out


def make_case(out, name, bases):
    base, file, recipe = CASES[name]
    folder = out / "regress" if base == "regress" else bases / base
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(out / "tokenizers" / f"{file}.json"))
    rows = reference.read_rows(out / "train.jsonl", tokenizer, recipe)
    judged = recipe.every or recipe.metric
    valid = reference.read_rows(out / "valid.jsonl", tokenizer, recipe) if judged else None
    if valid and len({tuple(row["ids"]) for row in valid}) < len(valid):
        raise SystemExit(f"{name}: two rows of valid.jsonl are one to the model: float64 breaks ties")
    run = reference.train(folder, rows, recipe, valid, torch.float64)
    other = reference.train(folder, rows, recipe, valid, torch.float32)
    worst, update, where, _ = reference.compare_weights(other.after, run.after, run.before)
    if recipe.clip and name == "bert_clip" and min(run.grad_norm) < recipe.clip:
        raise SystemExit(f"{name}: nothing is clipped")
    if recipe.patience and not run.stopped_early:
        raise SystemExit(f"{name}: does not stop early")
    if run.best_step == len(run.loss) and name.endswith("best"):
        raise SystemExit(f"{name}: the last weights are the best")
    if other.best_step != run.best_step or len(other.loss) != len(run.loss):
        raise SystemExit(f"{name}: rounding decides which weights are the best")
    words = recipe.words()
    unlike = {"loss": relative(other.loss, run.loss),
              "grad_norm": relative(other.grad_norm, run.grad_norm),
              "weights": worst / update if update else 0.0}
    case = {"base": base, "tokenizer": file, "words": words, "valid": bool(valid),
            "loss": [short(v) for v in run.loss], "grad_norm": [short(v) for v in run.grad_norm],
            "lr": [short(v) for v in run.lr], "epoch": [short(v) for v in run.epoch],
            "tokens": run.tokens,
            "figures": [{"step": v["step"], "epoch": short(v["epoch"]),
                         "valid": {k: short(x) for k, x in v["figures"].items()}}
                        for v in run.valid],
            "best_step": run.best_step, "stopped_early": run.stopped_early,
            "largest_change": short(update),
            "float32": {k: float(f"{v:.2g}") for k, v in unlike.items()},
            "weights": describe_weights(run, other)}
    path = out / "cases" / f"{name}.json"
    fields = ",\n".join(f" {json.dumps(k)}: {json.dumps(v, separators=(',', ':'))}"
                        for k, v in case.items())
    path.write_text("{\n" + fields + "\n}\n", encoding="utf-8")
    print(f"{name}: {len(run.loss)} steps, loss {run.loss[0]:.4f} to {run.loss[-1]:.4f}, best "
          f"{run.best_step}, {path.stat().st_size} bytes; float32 differs by loss "
          f"{unlike['loss']:.1e}, norm {unlike['grad_norm']:.1e}, weights {unlike['weights']:.1e} "
          f"at {where}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    root = pathlib.Path(__file__).resolve().parent.parent
    parser.add_argument("--out", type=pathlib.Path, default=root / "tests/vectors/training")
    parser.add_argument("--only", default="", help="cases whose name begins with this")
    options = parser.parse_args()
    torch.set_num_threads(1)
    out = options.out
    if not options.only:
        shutil.rmtree(out, ignore_errors=True)
        (out / "cases").mkdir(parents=True)
        train, valid = list(sentences(5, 18)), list(sentences(6, 13))
        write_rows(out / "train.jsonl", train)
        write_rows(out / "valid.jsonl", valid)
        save_tokenizers(out / "tokenizers", HUMAN + MACHINE + BOTH)
        save_regress(out / "regress")
    for name in CASES:
        if name.startswith(options.only):
            make_case(out, name, root / "tests/vectors/models")


if __name__ == "__main__":
    main()
