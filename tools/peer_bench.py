"""The reference's side of `assay bench --peer`: PyTorch and transformers at the same work on the same ids.

    python peer_bench.py WORK ROWS THREADS VOCABULARY BATCH [OPTION=VALUE ...]

`assay bench` starts it, with a copy that it carries inside; it may also be run by hand. Standard input first
brings ROWS lines {"ids": [...], "label": N}, in batches of BATCH; then each line "SECONDS BATCHES" asks for a
measurement: so many batches, or, where BATCHES is 0, as many as SECONDS need. Every answer is one line of JSON:
{"ready": true, "versions": ...} once, {"batches", "tokens", "seconds", "peak_bytes"} a measurement, or
{"error": ..., "missing": true where a package is} and the end. Only real tokens are counted, never padding.
Weights are drawn, and dropout is on in training, as in the works of assay.

Options: dtype=f32 or bf16 (autocast; the weights themselves for embeddings); compile=1: torch.compile;
group=1: rows sorted by length before they are cut into batches (always so for scores).
"""
import contextlib
import json
import os
import resource
import sys
import time

BERT = {"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12, "intermediate_size": 1536}
OPTIONS = {"dtype": ("f32", "bf16"), "compile": ("0", "1"), "group": ("0", "1")}
WORKS = ("minilm-embed", "distilbert-classify", "minilm-train", "distilbert-train", "gpt2-train")
LEAST = 2  # batches a measurement

# What libraries print goes to stderr; the answers have the only way out.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


def say(**answer):
    print(json.dumps(answer), file=answers, flush=True)


def fail(text, **more):
    say(error=text, **more)
    sys.exit(1)


def read_options(words):
    options = {"dtype": "f32", "compile": "0", "group": "0"}
    for word in words:
        key, _, value = word.partition("=")
        if key not in OPTIONS or value not in OPTIONS[key]:
            known = "; ".join(k + "=" + "|".join(v) for k, v in OPTIONS.items())
            fail('the reference does not know "%s" (%s)' % (word, known), wrong=True)
        options[key] = value
    return options


def import_packages():
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        import torch
        import transformers
    except ImportError as problem:
        fail("%s lacks what the reference needs, torch and transformers: %s" % (sys.executable, problem),
             missing=True)
    return torch, transformers


def stride_for(batches):
    """The order in which assay takes its batches: skipping about, so that the first few are like all."""
    a = 5
    while True:
        x, y = a, batches
        while y:
            x, y = y, x % y
        if x == 1:
            return a
        a += 1


def make_batches(rows, size, grouped):
    if grouped:
        rows = sorted(rows, key=lambda row: len(row["ids"]))
    cut = [rows[i:i + size] for i in range(0, len(rows) - size + 1, size)]
    stride = stride_for(len(cut))
    return [cut[i * stride % len(cut)] for i in range(len(cut))]


class Work:
    def __init__(self, torch, transformers, name, vocabulary, options):
        self.torch, self.name = torch, name
        self.train = name.endswith("-train")
        self.bf16 = options["dtype"] == "bf16"
        torch.manual_seed(0)
        if name == "gpt2-train":
            model = transformers.GPT2LMHeadModel(transformers.GPT2Config(vocab_size=vocabulary))
            model.config.use_cache = False
        elif name == "minilm-train":
            model = transformers.BertForSequenceClassification(
                transformers.BertConfig(vocab_size=vocabulary, num_labels=2, **BERT))
        elif name == "minilm-embed":
            model = transformers.BertModel(transformers.BertConfig(vocab_size=vocabulary, **BERT),
                                           add_pooling_layer=False)
            if self.bf16:
                model = model.to(torch.bfloat16)
        else:
            model = transformers.DistilBertForSequenceClassification(
                transformers.DistilBertConfig(vocab_size=vocabulary, num_labels=2))
        model.train(self.train)
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True) if self.train else None
        dynamic = name != "gpt2-train"
        self.model = torch.compile(model, dynamic=dynamic) if options["compile"] == "1" else model

    def autocast(self):
        if self.bf16 and self.name != "minilm-embed":
            return self.torch.autocast("cpu", self.torch.bfloat16)
        return contextlib.nullcontext()

    def padded(self, batch):
        torch = self.torch
        width = max(len(row["ids"]) for row in batch)
        ids = torch.zeros(len(batch), width, dtype=torch.long)
        mask = torch.zeros(len(batch), width, dtype=torch.long)
        for i, row in enumerate(batch):
            ids[i, :len(row["ids"])] = torch.tensor(row["ids"])
            mask[i, :len(row["ids"])] = 1
        return ids, mask

    def learn(self, batch):
        ids, mask = self.padded(batch)
        with self.autocast():
            if self.name == "gpt2-train":
                loss = self.model(input_ids=ids, labels=ids).loss
            else:
                labels = self.torch.tensor([row["label"] for row in batch])
                loss = self.model(input_ids=ids, attention_mask=mask, labels=labels).loss
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)

    def score(self, batch):
        ids, mask = self.padded(batch)
        with self.torch.inference_mode(), self.autocast():
            out = self.model(input_ids=ids, attention_mask=mask)
            if self.name == "minilm-embed":
                weights = mask.unsqueeze(-1).to(out.last_hidden_state.dtype)
                mean = (out.last_hidden_state * weights).sum(1) / weights.sum(1)
                self.torch.nn.functional.normalize(mean, dim=1)

    def step(self, batch):
        self.learn(batch) if self.train else self.score(batch)
        return sum(len(row["ids"]) for row in batch)


def measure(work, batches, seconds, count):
    tokens = done = 0
    began = time.perf_counter()
    while done < count if count else done < min(LEAST, len(batches)) or (
            time.perf_counter() - began < seconds and done < len(batches)):
        tokens += work.step(batches[done % len(batches)])
        done += 1
    took = time.perf_counter() - began
    say(batches=done, tokens=tokens, seconds=took,
        peak_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def main():
    if len(sys.argv) < 6 or sys.argv[1] not in WORKS:
        sys.exit(__doc__)
    name = sys.argv[1]
    count, threads, vocabulary, size = map(int, sys.argv[2:6])
    rows = [json.loads(sys.stdin.readline()) for _ in range(count)]
    options = read_options(sys.argv[6:])
    torch, transformers = import_packages()
    torch.set_num_threads(threads)
    grouped = options["group"] == "1" or not name.endswith("-train")
    batches = make_batches(rows, size, grouped)
    work = Work(torch, transformers, name, vocabulary, options)
    # Compiled code comes with the first batches, some of it with the second other length.
    for batch in batches[:3 if options["compile"] == "1" else 2]:
        work.step(batch)
    say(ready=True, versions="torch %s, transformers %s" % (torch.__version__, transformers.__version__))
    for line in sys.stdin:
        seconds, count = line.split()
        measure(work, batches, float(seconds), int(count))


try:
    main()
except Exception as problem:  # the caller reads answers only
    fail("%s: %s" % (type(problem).__name__, str(problem).split("\n")[0]))
