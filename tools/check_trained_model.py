#!/usr/bin/env python3
"""Checks that the folders which training leaves are models that transformers loads.

    python tools/check_trained_model.py build
    python tools/check_trained_model.py build --model MODEL_DIR

For the small checkpoints of tests/vectors/models (or one folder), build/tests/trainable_driver opens
each for every task that its family has and saves it untrained. Then, by the parts of
check_saved_model.py: transformers' Auto class loads it with no tensor missing, left over or of
another shape; what was not drawn came over byte for byte; drawn matrices have the spread of the
config; hidden states of the body are those of the original; the tokenizer agrees. Then assay's own
outputs of the folder: `assay parity` against transformers' logits and loss, and `assay detect` for
classifiers with a tokenizer. Exit 1 when any of it fails.
"""

import argparse
import contextlib
import io
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import check_saved_model as saved_model
import make_reference as reference
import numpy as np
import torch
import transformers

VECTORS = pathlib.Path(__file__).resolve().parent.parent / "tests" / "vectors" / "models"
TASKS = {  # the driver's words, make_reference's task, transformers' class
    "classify": (["classify", "human", "ai", "mixed \u00e4\""], "classify",
                 transformers.AutoModelForSequenceClassification),
    "regress": (["regress"], None, transformers.AutoModelForSequenceClassification),
    "masked_lm": (["masked_lm"], "mlm", transformers.AutoModelForMaskedLM),
    "causal_lm": (["causal_lm"], "lm", transformers.AutoModelForCausalLM),
}
LENGTHS = [5, 1, 12]
NOISE = 2e-6  # torch multiplies mapped tensors of another alignment in another order


def check_config(report, config, task, architecture):
    report.say(config.architectures == [architecture], f"architectures: {config.architectures}")
    labels = {"classify": TASKS["classify"][0][1:], "regress": ["LABEL_0"]}.get(task)
    if labels:
        report.say(config.id2label == dict(enumerate(labels)), f"id2label: {config.id2label}")
        report.say(config.label2id == {n: i for i, n in enumerate(labels)},
                   f"label2id: {config.label2id}")
        wanted = {"classify": "single_label_classification", "regress": "regression"}[task]
        report.say(config.problem_type == wanted, f"problem_type: {config.problem_type}")
    report.say(config.dtype == torch.float32, f"dtype: {config.dtype}")


def check_drawn(report, config, tensors, drawn):
    """Matrices normal with the config's spread, norms one, biases zero."""
    bad = []
    for name in drawn:
        kind, shape, raw = tensors[name]
        values = np.frombuffer(raw, "<f4").astype(np.float64)
        if len(shape) == 2:
            spread = config.initializer_range / np.sqrt(2 * values.size)
            good = abs(values.std() - config.initializer_range) < 6 * spread
            good &= abs(values.mean()) < 6 * config.initializer_range / np.sqrt(values.size)
        else:
            good = (values == float(name.endswith("weight"))).all()
        if not good or kind != "F32":
            bad.append(name)
    report.say(not bad, f"drawn: {', '.join(drawn) or 'none'}"
               + (f"; not as it should be: {', '.join(bad)}" if bad else ""))


def check_parity(report, assay, folder, task, config):
    rows = reference.random_rows(config, LENGTHS, 5)
    out = folder / "reference.safetensors"
    with contextlib.redirect_stdout(io.StringIO()):
        reference.make_reference(folder, out, rows, task, compact=True)
    done = subprocess.run([assay, "parity", folder, out], capture_output=True, text=True)
    lines = (done.stdout + done.stderr).strip().splitlines() or ["no output"]
    report.say(done.returncode == 0, f"assay parity: exit {done.returncode}: {lines[-1]}")
    out.unlink()


def check(report, build, model, task, folder):
    words, parity_task, kind = TASKS[task]
    done = subprocess.run([build / "tests" / "trainable_driver", model, folder, *words],
                          capture_output=True, text=True)
    if done.returncode != 0:
        report.say(False, f"driver: exit {done.returncode}: {done.stderr.strip()[-300:]}")
        return
    drawn = done.stdout.split()
    loaded, info = saved_model.load(kind, folder)
    for key in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        report.say(not info[key], f"{kind.__name__}: {key.replace('_', ' ')}: "
                   f"{', '.join(map(str, sorted(info[key])[:3])) or 'none'}")
    config = transformers.AutoConfig.from_pretrained(folder)
    check_config(report, config, task, type(loaded).__name__)
    tensors, original = saved_model.tensors_of(folder), saved_model.tensors_of(model)
    check_drawn(report, config, tensors, drawn)
    floats = all(kind == "F32" for kind, _, _ in original.values() if kind[0] in "BF")
    if floats:
        saved_model.compare_tensors(report, original, tensors, drawn,
                                    saved_model.DROPPED.split(",")
                                    + saved_model.CHANGED.split(","),
                                    loaded.base_model_prefix + ".")
    rows = reference.random_rows(config, LENGTHS, 3)
    saved_model.compare_outputs(report, "body, hidden states", transformers.AutoModel, model,
                                folder, rows, NOISE)
    saved_model.compare_tokenizers(report, model, folder)
    assay = build / "assay"
    if parity_task:
        check_parity(report, assay, folder, parity_task, config)
    has_tokenizer = any((folder / n).exists() for n in ("tokenizer.json", "vocab.txt"))
    if task in ("classify", "regress") and has_tokenizer:
        saved_model.compare_detect(
            report, lambda data: saved_model.DETECT.format(assay=assay, saved=folder,
                                                           data=data).split(),
            folder, loaded, folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--model", type=pathlib.Path, action="append",
                        help="this folder instead of the small checkpoints; may be repeated")
    parser.add_argument("--task", choices=TASKS, action="append", help="only this task")
    options = parser.parse_args()
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    torch.set_num_threads(1)
    report = saved_model.Report()
    models = options.model or sorted(p.parent for p in VECTORS.glob("*/config.json"))
    for model in models:
        causal = transformers.AutoConfig.from_pretrained(model).model_type == "gpt2"
        for task in options.task or TASKS:
            if (task == "masked_lm" and causal) or (task == "causal_lm" and not causal):
                continue
            print(f"--- {model.name} for {task}")
            with tempfile.TemporaryDirectory() as name:
                check(report, options.build, model, task, pathlib.Path(name))
    print(f"{report.failed} failed")
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
