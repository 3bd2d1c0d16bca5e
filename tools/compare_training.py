#!/usr/bin/env python3
"""Training speed and memory beside PyTorch's, alternating in one sitting.

    tools/compare_training.py --assay build/assay --peer PEER.py --data DATA --work DIR [WORK ...]

PEER.py prints one JSON line {"tokens_per_s", "peak_mb"} for each of minilm_train, distilbert_train and
gpt2_train; DATA holds text_detection/train.jsonl and tokenizers/{bert-base-uncased,gpt2}. assay trains
the same shapes on the same rows with `assay train` as a user would: reading, checkpoints and all.
"""
import argparse, json, os, shutil, statistics, subprocess, sys

WORKS = {
    "minilm_train": dict(kind="bert", batch=32, length=256, steps=10,
                         words=["task=classify", "optimizer.lr=2e-5"]),
    "distilbert_train": dict(kind="distilbert", batch=16, length=512, steps=10,
                             words=["task=classify", "optimizer.lr=2e-5"]),
    "gpt2_train": dict(kind="gpt2", batch=4, length=256, steps=6, words=["task=lm", "optimizer.lr=1e-4"]),
}
BARS = {"minilm_train": (1.5, .5), "distilbert_train": (1.5, .5), "gpt2_train": (1.5, .7)}


def rows(data, count):
    with open(os.path.join(data, "text_detection", "train.jsonl")) as f:
        return [json.loads(next(f)) for _ in range(count)]


def make_base(folder, kind, data):
    import torch
    import transformers as tf
    torch.manual_seed(0)
    if kind == "bert":
        model = tf.BertModel(tf.BertConfig(hidden_size=384, num_hidden_layers=6, num_attention_heads=12,
                                           intermediate_size=1536))
    elif kind == "distilbert":
        model = tf.DistilBertModel(tf.DistilBertConfig())
    else:
        model = tf.GPT2LMHeadModel(tf.GPT2Config())
    model.save_pretrained(folder)
    if kind == "gpt2":
        for name in ("vocab.json", "merges.txt"):
            shutil.copy(os.path.join(data, "tokenizers", "gpt2", name), folder)
        settings = {"tokenizer_class": "GPT2Tokenizer"}
    else:
        shutil.copy(os.path.join(data, "tokenizers", "bert-base-uncased", "vocab.txt"), folder)
        settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": True}
    with open(os.path.join(folder, "tokenizer_config.json"), "w") as f:
        json.dump(settings, f)


def make_data(path, name, work, data):
    count = work["batch"] * (work["steps"] + 2)
    with open(path, "w") as f:
        if name == "gpt2_train":  # full rows, as the peer has
            texts = [r["text"] for r in rows(data, count * 4)]
            for i in range(count):
                f.write(json.dumps({"text": " ".join(texts[4 * i:4 * i + 4])}) + "\n")
        else:
            for r in rows(data, count):
                f.write(json.dumps({"text": r["text"], "label": r["label"]}) + "\n")


def run_assay(args, name, work, threads):
    base, data = os.path.join(args.work, name, "base"), os.path.join(args.work, name, "train.jsonl")
    if not os.path.exists(data):
        os.makedirs(base, exist_ok=True)
        make_base(base, work["kind"], args.data)
        make_data(data, name, work, args.data)
    out = os.path.join(args.work, name, "out")
    shutil.rmtree(out, ignore_errors=True)
    words = [f"base={base}", f"data={data}", f"out={out}", f"batch.items={work['batch']}", "epochs=1",
             f"max_tokens={work['length']}", "shuffle=none", f"precision={args.precision}", *work["words"]]
    env = dict(os.environ, ASSAY_HOME=os.path.join(args.work, "home"))
    answer = subprocess.run([args.assay, "train", *words, "--json", "--quiet", "--threads", str(threads)],
                            check=True, capture_output=True, text=True, env=env).stdout
    result = json.loads(answer)
    return result["tokens_per_s"], result["peak_bytes"] / 2**20


def run_peer(args, name):
    line = subprocess.run([sys.executable, args.peer, name, "--data", args.data, "--threads",
                           str(args.threads)], check=True, capture_output=True, text=True).stdout
    result = json.loads(line.strip().splitlines()[-1])
    return result["tokens_per_s"], result["peak_mb"]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--assay", required=True)
    p.add_argument("--peer", required=True)
    p.add_argument("--data", required=True)
    p.add_argument("--work", required=True)
    p.add_argument("--threads", type=int, default=os.cpu_count())
    p.add_argument("--precision", default="highest")
    p.add_argument("--turns", type=int, default=3)
    p.add_argument("works", nargs="*", default=list(WORKS))
    args = p.parse_args()
    failed = 0
    for name in args.works:
        ours, theirs = [], []
        for _ in range(args.turns):
            ours.append(run_assay(args, name, WORKS[name], args.threads))
            theirs.append(run_peer(args, name))
            print(f"  {name}: assay {ours[-1][0]:.0f} tokens/s {ours[-1][1]:.0f} MB, "
                  f"peer {theirs[-1][0]:.0f} tokens/s {theirs[-1][1]:.0f} MB", flush=True)
        speed = statistics.median(a[0] / b[0] for a, b in zip(ours, theirs))
        memory = statistics.median(a[1] / b[1] for a, b in zip(ours, theirs))
        least, most = BARS[name]
        met = speed >= least and memory <= most
        failed += not met
        print(f"{name}: {speed:.2f}x the speed (bar {least}), {100 * memory:.0f} % of the memory "
              f"(bar {100 * most:.0f} %): {'met' if met else 'NOT met'}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
