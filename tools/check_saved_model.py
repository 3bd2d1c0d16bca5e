#!/usr/bin/env python3
"""Checks that a folder assay saved is the model it came from, as transformers reads it.

    python tools/check_saved_model.py build/assay MODEL_DIR
    python tools/check_saved_model.py build/assay MODEL_DIR --saved DIR --changed ''

Without --saved, assay trains only the head of MODEL_DIR on a few made-up texts (--command), so that
all tensors of the base have to come back byte for byte. Then: transformers loads the folder with no
tensor missing or left over; the tokenizer gives the same ids; hidden states of the base, and logits
where no tensor may have changed, have the same bits as from the original folder; and the logits of
`assay detect` are those of transformers in float64. Exit 1 when any of it fails.
"""

import argparse
import fnmatch
import json
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import torch
import transformers
from make_reference import random_rows, row_inputs
from safetensors import safe_open

TRAIN = ("{assay} train base={model} data={data} valid={data} out={saved} method=head epochs=1"
         " seed=0 --quiet")
DETECT = "{assay} detect {saved} {data} --json --precision highest"
CHANGED = "classifier.*,pre_classifier.*,score.*"
DROPPED = "cls.*,lm_head.*,vocab_*,*position_ids,pooler.*,*.pooler.*,*.attn.bias,*.masked_bias"
TEXTS = ["The kettle was on before I had my coat off, and nobody asked.",
         "As a large language model, I can offer several considerations.", "yes",
         "Overall, it is important to note that outcomes may vary significantly.",
         "caf\u00e9 \u2014 na\u00efve \u4f60\u597d 12,5\u20ac", "we lost 3-1 and it rained",
         "In conclusion, a balanced approach is recommended.", "ring me after 6"]


class Report:
    def __init__(self):
        self.failed = 0

    def say(self, good, text):
        self.failed += not good
        print(("ok    " if good else "FAIL  ") + text)


def matches(name, patterns):
    return any(fnmatch.fnmatchcase(name, p) for p in patterns if p)


def tensors_of(folder):
    """Name to (dtype, shape, bytes) over all shards."""
    found = {}
    for path in sorted(pathlib.Path(folder).glob("*.safetensors")):
        if path.name == "reference.safetensors":
            continue
        raw = path.read_bytes()
        length = int.from_bytes(raw[:8], "little")
        header = json.loads(raw[8:8 + length])
        header.pop("__metadata__", None)
        with safe_open(path, "np"):  # the package's own validation of the file
            pass
        for name, entry in header.items():
            begin, end = entry["data_offsets"]
            found[name] = (entry["dtype"], tuple(entry["shape"]),
                           raw[8 + length + begin:8 + length + end])
    return found


def compare_tensors(report, original, saved, changed, dropped, prefix):
    """A base without its head's prefix (`bert.`) and one with it hold the same tensors."""
    same, differ, missing, seen = 0, [], [], set()
    for name, value in original.items():
        other = next((n for n in (name, prefix + name, name.removeprefix(prefix)) if n in saved),
                     None)
        seen.add(other)
        if other is None:
            if not matches(name, dropped):
                missing.append(name)
        elif saved[other] == value:
            same += 1
        elif not matches(other, changed):
            differ.append(f"{name} {value[0]}{value[1]} / {saved[other][0]}{saved[other][1]}")
    extra = [n for n in saved if n not in seen and not matches(n, changed + dropped)]
    report.say(not differ, f"tensors: {same} of {len(original)} byte for byte"
               + (f"; {len(differ)} differ, first {differ[0]}" if differ else ""))
    report.say(not missing, f"tensors missing: {', '.join(missing[:3]) or 'none'}")
    report.say(not extra, f"tensors nobody asked for: {', '.join(extra[:3]) or 'none'}")
    return same == len(original)


def load(kind, folder):
    model, info = kind.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager",
                                       local_files_only=True, output_loading_info=True)
    return model.eval(), info


def output_of(model, row):
    with torch.no_grad():
        result = model(**row_inputs(row))
    return result.logits if "logits" in result else result.last_hidden_state


def compare_outputs(report, what, kind, original, saved, rows, limit=0.0):
    one, two = load(kind, original)[0], load(kind, saved)[0]
    worst = max(float((output_of(one, r) - output_of(two, r)).abs().max()) for r in rows)
    report.say(worst <= limit, f"{what}: largest difference from the original folder {worst:.3g}")


def compare_tokenizers(report, original, saved):
    names = ("tokenizer.json", "vocab.txt", "vocab.json")
    if not any((original / name).exists() for name in names):
        print("skip  tokenizer: the original folder has none")
        return
    one = transformers.AutoTokenizer.from_pretrained(original)
    two = transformers.AutoTokenizer.from_pretrained(saved)
    bad = [t for t in TEXTS if one(t)["input_ids"] != two(t)["input_ids"]]
    report.say(not bad, f"tokenizer: {len(bad)} of {len(TEXTS)} texts give other ids")


def compare_detect(report, command, saved, model, folder):
    """assay's logits of its own folder, against a float64 run of transformers."""
    data = folder / "detect.jsonl"
    data.write_text("".join(json.dumps({"id": i, "text": t}) + "\n" for i, t in enumerate(TEXTS)))
    done = subprocess.run(command(data), capture_output=True, text=True)
    if done.returncode != 0:
        report.say(False, f"detect: exit {done.returncode}: {done.stderr.strip()[-300:]}")
        return
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.strip()]
    tokenizer = transformers.AutoTokenizer.from_pretrained(saved)
    double = model.double()
    worst, length = 0.0, 0
    for text, row in zip(TEXTS, rows):
        inputs = tokenizer(text, return_tensors="pt")
        with torch.no_grad():
            wanted = double(**inputs).logits[0].numpy()
        tokens = inputs["input_ids"].shape[1]
        length += int(row.get("tokens", tokens) != tokens)
        worst = max(worst, float(np.abs(np.array(row["logits"]) - wanted).max()))
    report.say(len(rows) == len(TEXTS), f"detect: {len(rows)} answers to {len(TEXTS)} texts")
    report.say(length == 0, f"detect: {length} texts with another number of tokens")
    report.say(worst < 2e-5, f"detect: largest difference from float64 logits {worst:.3g}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("assay")
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("--saved", type=pathlib.Path, help="check this folder; train nothing")
    parser.add_argument("--command", default=TRAIN, help="what saves it (%(default)s)")
    parser.add_argument("--detect", default=DETECT, help="'' for none (%(default)s)")
    parser.add_argument("--changed", default=CHANGED,
                        help="tensors that may be new or differ, globs (%(default)s)")
    parser.add_argument("--dropped", default=DROPPED,
                        help="tensors that may be absent, globs (%(default)s)")
    options = parser.parse_args()
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    torch.set_num_threads(1)
    report = Report()

    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        saved = options.saved or folder / "saved"

        def fill(template, data):
            values = {"assay": options.assay, "model": options.model, "saved": saved, "data": data}
            return [part.format(**values) for part in shlex.split(template)]

        if not options.saved:
            data = folder / "data.jsonl"
            data.write_text("".join(
                json.dumps({"text": f"{text} {copy}", "label": ["human", "ai"][i % 2]}) + "\n"
                for copy in range(4) for i, text in enumerate(TEXTS)))
            command = fill(options.command, data)
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode != 0:
                sys.exit(f"{shlex.join(command)}: exit {done.returncode}\n{done.stderr[-2000:]}")

        config = transformers.AutoConfig.from_pretrained(saved)
        architecture = (config.architectures or ["none"])[0]
        kind = getattr(transformers, architecture, None)
        if kind is None:
            sys.exit(f"{saved}/config.json: transformers does not know {architecture}")
        model, info = load(kind, saved)
        for key in ("missing_keys", "unexpected_keys", "mismatched_keys"):
            report.say(not info[key], f"{architecture}: {key.replace('_', ' ')}: "
                       f"{', '.join(map(str, sorted(info[key])[:3])) or 'none'}")
        changed, dropped = options.changed.split(","), options.dropped.split(",")
        whole = compare_tensors(report, tensors_of(options.model), tensors_of(saved), changed,
                                dropped, model.base_model_prefix + ".")
        rows = random_rows(config, [1, 7, 16], 3)
        compare_outputs(report, "base, hidden states", transformers.AutoModel, options.model, saved,
                        rows)
        before = transformers.AutoConfig.from_pretrained(options.model).architectures
        if whole and before == config.architectures:
            compare_outputs(report, "logits", kind, options.model, saved, rows)
        compare_tokenizers(report, options.model, saved)
        if options.detect and architecture.endswith("ForSequenceClassification"):
            compare_detect(report, lambda data: fill(options.detect, data), saved, model, folder)
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
