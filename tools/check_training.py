#!/usr/bin/env python3
"""Checks that `assay train` computes what transformers with torch's AdamW computes.

    python tools/check_training.py --assay build/assay --model MINILM_DIR --data DATA --work DIR
    python tools/check_training.py --reference-only --model MINILM_DIR --data DATA --work DIR

--model is all-MiniLM-L6-v2 (real weights; its head is drawn once, and both sides start from that
file). DATA holds text_detection/train.jsonl and tokenizers/gpt2/{vocab.json,merges.txt}. DistilBERT,
RoBERTa and GPT-2 have drawn weights of 6 layers of 384 (--full: the published sizes). Dropout is
off, rows come in the file's order. What torch computed is kept in DIR and used again.

For each family, and GPT-2 as a language model:
  losses   of --steps steps, the largest difference; at most 1e-3. Where torch's float32 run is further
           than that from ours, torch runs again in float64, and what decides is the distance from
           that; all three distances are printed. (torch sums the squares of a large float32 gradient
           in float32: with GPT-2's vocabulary of 19 million weights its norm, and so its clipping, is
           .003 % short in the first steps, .2 % later, and 8 % in a step with one large row.)
  first    weights after one update at the full rate, difference over the largest update. Where a
           gradient is near Adam's epsilon, or a weight large beside the update, float32 itself
           decides more than 1e-5 of an update, and torch's float32 run is that far from its float64
           run; so the bar is 1e-5 where the gradient is above 1e-5 and after one unit in the weight's
           last place, and for all weights 1e-5 of the largest weight. Key biases are left out: their
           true gradient is zero, and what both sides have is rounding that Adam scales up.
  parts    4 micro-batches of 8 rows against 32 at once, both ours; at most 1e-6 of the largest update
  saved    transformers loads the folder with no key missing or left over, the tokenizer gives the
           same ids, and `assay parity` finds logits, loss and gradients as transformers has them
Masked language modelling draws its masks at random and is not compared. Exit 1 if a check fails.
"""

import argparse
import dataclasses
import json
import pathlib
import shutil
import subprocess
import sys
import time

import make_reference
import torch
import training_reference as reference
import transformers
from safetensors.torch import load_file, save_file
from training_reference import Recipe

FAMILIES = ("minilm", "distilbert", "roberta", "gpt2", "gpt2-lm")
LOSS_BAR, UPDATE_BAR, WEIGHT_BAR, PARTS_BAR = 1e-3, 1e-5, 1e-5, 1e-6
DECIDED = 1e-5  # a gradient that epsilon and rounding do not decide: 1000 times Adam's epsilon
PARTS_STEPS, SAVED_ROWS = 3, 6


class Report:
    def __init__(self):
        self.rows, self.failed = [], 0

    def say(self, family, check, good, text):
        self.failed += not good
        self.rows.append((family, check, "ok" if good else "FAIL", text))
        print(f"{family:<11}{check:<8}{self.rows[-1][2]:<6}{text}", flush=True)


def gpt2_tokenizer(data, special):
    """GPT-2's pieces; for RoBERTa behind its own special tokens, as its real vocabulary has them."""
    pieces = json.loads((data / "tokenizers/gpt2/vocab.json").read_text(encoding="utf-8"))
    lines = (data / "tokenizers/gpt2/merges.txt").read_text(encoding="utf-8").splitlines()
    merges = [tuple(line.split(" ")) for line in lines if line and not line.startswith("#version")]
    if not special:
        return transformers.GPT2Tokenizer(vocab=pieces, merges=merges)
    vocabulary = {token: i for i, token in enumerate(special)}
    vocabulary.update({piece: i + len(special) for piece, i in pieces.items()})
    vocabulary["<mask>"] = len(vocabulary)
    return transformers.RobertaTokenizer(vocab=vocabulary, merges=merges)


def make_model(family, options, tokenizer):
    torch.manual_seed(20)
    width = {} if options.full else dict(layers=6, width=384, heads=12)
    words = len(tokenizer)
    if family == "minilm":
        return transformers.AutoModelForSequenceClassification.from_pretrained(
            options.model, num_labels=2, dtype=torch.float32, local_files_only=True)
    if family == "distilbert":
        sizes = dict(n_layers=6, dim=384, n_heads=12, hidden_dim=1536) if width else {}
        return transformers.DistilBertForSequenceClassification(
            transformers.DistilBertConfig(vocab_size=words, **sizes))
    if family == "roberta":
        sizes = dict(num_hidden_layers=6, hidden_size=384, num_attention_heads=12,
                     intermediate_size=1536) if width else {}
        return transformers.RobertaForSequenceClassification(transformers.RobertaConfig(
            vocab_size=words, max_position_embeddings=514, type_vocab_size=1, layer_norm_eps=1e-5,
            bos_token_id=0, pad_token_id=1, eos_token_id=2, **sizes))
    sizes = dict(n_layer=6, n_embd=384, n_head=12) if width else {}
    config = transformers.GPT2Config(vocab_size=words, pad_token_id=tokenizer.eos_token_id, **sizes)
    kind = (transformers.GPT2LMHeadModel if family == "gpt2-lm"
            else transformers.GPT2ForSequenceClassification)
    return kind(config)


def make_base(family, options):
    folder = options.work / f"base-{family}{'-full' if options.full else ''}"
    if not (folder / "done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        if family in ("minilm", "distilbert"):
            tokenizer = transformers.AutoTokenizer.from_pretrained(options.model)
        else:
            special = ["<s>", "<pad>", "</s>", "<unk>"] if family == "roberta" else []
            tokenizer = gpt2_tokenizer(options.data, special)
        model = make_model(family, options, tokenizer)
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        (folder / "done").touch()
    return folder


def make_recipe(family, options):
    return Recipe(task="lm" if family == "gpt2-lm" else "classify", steps=options.steps,
                  items=options.items, max_tokens=options.max_tokens, lr=1e-4)


def first_recipe(recipe):
    return dataclasses.replace(recipe, steps=1, schedule="constant", warmup=0.0)


def plain(weights):
    """Names to values of their own memory, as safetensors wants them."""
    return {name: value.detach().clone().contiguous() for name, value in weights.items()}


def kept(path, make):
    """A run of the reference: its figures as JSON and tensors beside it, made once."""
    figures, tensors = path.with_suffix(".json"), path.with_suffix(".safetensors")
    if not figures.exists():
        values, weights = make()
        save_file(weights, tensors)
        figures.write_text(json.dumps(values), encoding="utf-8")
    return json.loads(figures.read_text(encoding="utf-8")), load_file(tensors)


def say_progress(family):
    began = time.time()

    def progress(step, steps, loss):
        if step % 10 == 0 or step == steps:
            print(f"  {family}: torch, step {step} of {steps}, loss {loss:.4f}, "
                  f"{time.time() - began:.0f} s", file=sys.stderr, flush=True)
    return progress


def reference_runs(family, base, options):
    """(figures of all steps), (weights after the first update: before, float32, float64, gradient)"""
    recipe = make_recipe(family, options)
    tokenizer = transformers.AutoTokenizer.from_pretrained(base, local_files_only=True)
    config = transformers.AutoConfig.from_pretrained(base)
    data = options.data / "text_detection/train.jsonl"
    rows = reference.read_rows(data, tokenizer, recipe, config.pad_token_id,
                               recipe.steps * recipe.items)
    tag = (f"{family}{'-full' if options.full else ''}-{recipe.steps}x{recipe.items}"
           f"-{recipe.max_tokens}")

    def all_steps(dtype=torch.float32):
        run = reference.train(base, rows, recipe, dtype=dtype, progress=say_progress(family))
        return ({"loss": run.loss, "lr": run.lr, "grad_norm": run.grad_norm, "tokens": run.tokens},
                {"none": torch.zeros(1)})

    def one_step():
        few, short = rows[:recipe.items], first_recipe(recipe)
        single = reference.train(base, few, short)
        double = reference.train(base, few, short, dtype=torch.float64)
        tensors = {"before." + n: v for n, v in plain(single.before).items()}
        tensors.update({"single." + n: v for n, v in plain(single.after).items()})
        tensors.update({"double." + n: v for n, v in plain(double.after).items()})
        tensors.update({"gradient." + n: v for n, v in plain(double.gradient).items()})
        return {"loss": double.loss}, tensors

    figures, _ = kept(options.work / f"reference-{tag}", all_steps)
    _, tensors = kept(options.work / f"reference-{tag}-first", one_step)

    def exact():
        return kept(options.work / f"reference-{tag}-double", lambda: all_steps(torch.float64))[0]
    return recipe, data, figures, exact, tensors


def part_of(tensors, which):
    return {n.removeprefix(which + "."): v for n, v in tensors.items() if n.startswith(which + ".")}


def run_assay(options, base, data, recipe, out):
    """Trains into out; its log and weights."""
    shutil.rmtree(out, ignore_errors=True)
    command = [options.assay, "train", f"base={base}", f"data={data}", f"out={out}",
               "checkpoint.every=1000000", "checkpoint.keep=1", "log.tensorboard=false",
               *recipe.words(), "--quiet", "--threads", str(options.threads)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr[-2000:]}")
    with open(out / "log.jsonl", encoding="utf-8") as lines:
        log = [entry for entry in map(json.loads, lines) if "loss" in entry]
    shutil.rmtree(out / "checkpoints", ignore_errors=True)
    return log, load_file(out / "model.safetensors")


def farthest(ours, theirs):
    """(largest difference, its step counted from 1)"""
    return max((abs(a - b), i + 1) for i, (a, b) in enumerate(zip(ours, theirs)))


def check_losses(report, family, figures, exact, log):
    if len(log) != len(figures["loss"]):
        report.say(family, "losses", False, f"{len(log)} steps, not {len(figures['loss'])}")
        return
    losses = [e["loss"] for e in log]
    worst = farthest(losses, figures["loss"])
    norm = max(abs(e["grad_norm"] - n) / n for e, n in zip(log, figures["grad_norm"]))
    rate = max(abs(e["lr"] - r) for e, r in zip(log, figures["lr"]))
    tokens = all(e["tokens"] == t for e, t in zip(log, figures["tokens"]))
    text = (f"{len(log)} steps, {losses[0]:.4f} to {losses[-1]:.4f}; largest "
            f"difference {worst[0]:.2e} at step {worst[1]}; gradient norms {norm:.1e} relative; "
            f"rates {rate:.0e}; tokens {'equal' if tokens else 'DIFFER'}")
    if worst[0] > LOSS_BAR:
        double = exact()["loss"]
        worst, theirs = farthest(losses, double), farthest(figures["loss"], double)
        text += (f"; from torch's float64 ours {worst[0]:.2e} at step {worst[1]}, torch's float32 "
                 f"{theirs[0]:.2e} at step {theirs[1]}")
    report.say(family, "losses", worst[0] <= LOSS_BAR and tokens and rate < 1e-12, text)


def decided_error(ours, exact, before, gradient):
    """Largest difference over the largest update where the gradient decides it, less one unit in
    the weight's last place; and the share of the moving weights that this covers."""
    worst, update, covered, moving = 0.0, 0.0, 0, 0
    for name, wanted in exact.items():
        if reference.without_noise(name, wanted) is None or name not in gradient:
            continue
        parts = [reference.without_noise(name, t[name].double())
                 for t in (ours, exact, before, gradient)]
        have, want, start, slope = parts
        place = torch.nextafter(start.float().abs(), torch.tensor(torch.inf)).double() - start.abs()
        decided = slope.abs() >= DECIDED
        error = ((have - want).abs() - place)[decided]
        worst = max(worst, float(error.max()) if error.numel() else 0.0)
        update = max(update, float((want - start).abs().max()))
        covered += int(decided.sum())
        moving += int((slope != 0).sum())
    return worst / update, covered / moving


def check_first(report, family, tensors, ours):
    before, single, double = (part_of(tensors, w) for w in ("before", "single", "double"))
    missing = sorted(set(single) - set(ours))
    if missing:
        report.say(family, "first", False, f"{missing[0]} is not in the saved file")
        return
    worst, update, where, largest = reference.compare_weights(ours, single, before)
    mine = reference.compare_weights(ours, double, before)[0] / update
    torch_own = reference.compare_weights(single, double, before)[0] / update
    decided, share = decided_error(ours, double, before, part_of(tensors, "gradient"))
    report.say(family, "first", decided <= UPDATE_BAR and worst / largest <= WEIGHT_BAR,
               f"decided weights ({share:.0%} of those that move) {max(decided, 0):.1e} of the largest"
               f" update; all: {worst / largest:.1e} of the largest weight, {worst / update:.1e} of "
               f"the update from torch at {where}; from float64 ours {mine:.1e}, torch's float32 "
               f"{torch_own:.1e}; without key biases")


def check_parts(report, family, options, base, data, recipe):
    runs = []
    for items, parts in ((32, 1), (8, 4)):
        small = dataclasses.replace(recipe, steps=PARTS_STEPS, items=items, accumulate=parts,
                                    schedule="constant", warmup=0.0)
        runs.append(run_assay(options, base, data, small, options.work / f"out-{family}-parts"))
    (log, whole), (other_log, parts) = runs
    start = load_file(base / "model.safetensors")
    update = max(float((whole[n] - start[n]).abs().max()) for n in whole)
    worst = max(float((whole[n] - parts[n]).abs().max()) for n in whole) / update
    loss = max(abs(a["loss"] - b["loss"]) for a, b in zip(log, other_log))
    report.say(family, "parts", worst <= PARTS_BAR and loss <= PARTS_BAR,
               f"{PARTS_STEPS} steps; weights {worst:.1e} of the largest update, losses {loss:.1e}")


def check_saved(report, family, options, base, data, recipe, out):
    model, info = reference.MODELS[recipe.task].from_pretrained(
        out, dtype=torch.float32, local_files_only=True, output_loading_info=True)
    wrong = [f"{kind}: {sorted(info[kind])[0]}" for kind in
             ("missing_keys", "unexpected_keys", "mismatched_keys") if info[kind]]
    report.say(family, "saved", not wrong,
               f"{type(model).__name__}: {'; '.join(wrong) or 'no key missing or left over'}")
    tokenizers = [transformers.AutoTokenizer.from_pretrained(f) for f in (base, out)]
    rows = [reference.read_rows(data, t, dataclasses.replace(recipe, max_tokens=48),
                                limit=SAVED_ROWS) for t in tokenizers]
    report.say(family, "saved", rows[0] == rows[1], "the tokenizer's ids, as before")
    label = {name: i for i, name in enumerate(["ai", "human"])}
    rows = [{"ids": row["ids"], "label": label[row["label"]]} for row in rows[1]]
    for row in rows:
        if make_reference.has_types(model.config):
            row["token_type_ids"] = [0] * len(row["ids"])
    if recipe.task == "classify":
        names = {int(i): n for i, n in model.config.id2label.items()}
        report.say(family, "saved", names == {0: "ai", 1: "human"}, f"labels {names}")
    file = options.work / f"saved-{family}.safetensors"
    make_reference.make_reference(out, file, rows, recipe.task, grad=True, compact=True)
    done = subprocess.run([options.assay, "parity", str(out), str(file), "--threads",
                           str(options.threads)], capture_output=True, text=True)
    file.unlink()
    said = (done.stdout.strip() or done.stderr.strip() or "no output").splitlines()
    report.say(family, "saved", done.returncode == 0,
               f"parity of logits, loss and gradients: exit {done.returncode}; worst "
               + " ".join(said[min(1, len(said) - 1)].split()))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--assay", default="build/assay")
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--only", default=",".join(FAMILIES), help="families (%(default)s)")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--items", type=int, default=8)
    parser.add_argument("--max-tokens", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2, help="of both sides (%(default)s)")
    parser.add_argument("--full", action="store_true", help="the published sizes")
    parser.add_argument("--reference-only", action="store_true", help="make what torch computes")
    options = parser.parse_args()
    if set(options.only.split(",")) - set(FAMILIES):
        parser.error(f"--only: of {', '.join(FAMILIES)}")
    options.model, options.data, options.work = (
        path.resolve() for path in (options.model, options.data, options.work))
    if not options.reference_only:
        options.assay = str(pathlib.Path(options.assay).resolve())
    options.work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(options.threads)
    report = Report()
    for family in options.only.split(","):
        base = make_base(family, options)
        recipe, data, figures, exact, tensors = reference_runs(family, base, options)
        if options.reference_only:
            before, single, double = (part_of(tensors, w) for w in ("before", "single", "double"))
            _, update, _, largest = reference.compare_weights(single, double, before)
            worst, _, where, _ = reference.compare_weights(single, double, before)
            decided, share = decided_error(single, double, before, part_of(tensors, "gradient"))
            print(f"{family}: {len(figures['loss'])} steps, loss {figures['loss'][0]:.4f} to "
                  f"{figures['loss'][-1]:.4f}; torch's float32 from float64 after one update: "
                  f"{worst / update:.1e} of the largest update at {where}, {worst / largest:.1e} of "
                  f"the largest weight; where decided ({share:.0%}) {max(decided, 0):.1e}",
                  flush=True)
            continue
        out = options.work / f"out-{family}"
        log, _ = run_assay(options, base, data, recipe, out)
        check_losses(report, family, figures, exact, log)
        check_saved(report, family, options, base, data, recipe, out)
        first = first_recipe(recipe)
        _, ours = run_assay(options, base, data, first, options.work / f"out-{family}-first")
        check_first(report, family, tensors, ours)
        check_parts(report, family, options, base, data, recipe)
    if not options.reference_only:
        print(f"{len(report.rows)} checks, {report.failed} failed")
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
