#!/usr/bin/env python3
"""Holds the forecast of `assay train --dry-run` against the run itself, over recipes of different shape.

    tools/check_forecast.py --assay build/assay --minilm FOLDER --data DATA --work DIR

--minilm is all-MiniLM-L6-v2; DATA holds text_detection/ and tokenizers/. DistilBERT and GPT-2 get drawn
weights. Bars: memory within 15 %, time within 25 %. The time is that of the process, reading left out
(the cache of tokens is there by then).
"""
import argparse, json, os, shutil, subprocess, sys, time

from compare_training import make_base

RECIPES = {
    "minilm, 128 tokens": ("minilm", 640, ["max_tokens=128", "batch.items=32", "epochs=1"]),
    "minilm, 256, by tokens, ema": ("minilm", 500, ["max_tokens=256", "batch.tokens=8192", "epochs=1",
                                                   "ema=0.99"]),
    "minilm, head only": ("minilm", 1500, ["max_tokens=128", "batch.items=32", "epochs=1",
                                           "method=head"]),
    "minilm, half frozen, eval": ("minilm", 500, ["max_tokens=128", "batch.items=16", "epochs=2",
                                                 "freeze=[embeddings, encoder.layer.0-2]", "VALID"]),
    "distilbert, 512 tokens": ("distilbert", 96, ["max_tokens=512", "batch.items=16", "epochs=1"]),
    "gpt2, language model": ("gpt2", 40, ["max_tokens=256", "batch.items=4", "epochs=1", "task=lm"]),
}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("assay", "minilm", "data", "work"):
        p.add_argument("--" + name, required=True)
    args = p.parse_args()
    os.makedirs(args.work, exist_ok=True)
    env = dict(os.environ, ASSAY_HOME=os.path.join(args.work, "home"))
    source = open(os.path.join(args.data, "text_detection", "train.jsonl")).read().splitlines()
    failed = 0
    for number, (name, (kind, rows, words)) in enumerate(RECIPES.items()):
        base = args.minilm if kind == "minilm" else os.path.join(args.work, kind)
        if not os.path.exists(base):
            os.makedirs(base)
            make_base(base, kind, args.data)
        data = os.path.join(args.work, f"train{number}.jsonl")
        with open(data, "w") as f:
            f.write("\n".join(source[:rows]) + "\n")
        valid = os.path.join(args.data, "text_detection", "valid.jsonl")
        words = [f"valid={valid}" if w == "VALID" else w for w in words]
        out = os.path.join(args.work, f"out{number}")
        shutil.rmtree(out, ignore_errors=True)
        call = [args.assay, "train", f"base={base}", f"data={data}", f"out={out}", *words, "--quiet", "--json"]
        plan = json.loads(subprocess.run(call + ["--dry-run"], check=True, capture_output=True,
                                         env=env).stdout)
        began = time.time()
        run = json.loads(subprocess.run(call, check=True, capture_output=True, env=env).stdout)
        seconds = time.time() - began
        memory, spent = plan["memory_bytes"] / run["peak_bytes"], plan["seconds"] / seconds
        good = abs(memory - 1) <= .15 and abs(spent - 1) <= .25
        failed += not good
        print(f"{name:30} memory {plan['memory_bytes'] / 1e6:6.0f} of {run['peak_bytes'] / 1e6:6.0f} MB "
              f"({memory - 1:+.0%})  time {plan['seconds']:5.0f} of {seconds:5.0f} s ({spent - 1:+.0%})  "
              f"{'met' if good else 'NOT met'}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
