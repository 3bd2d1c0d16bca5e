"""Training as transformers and torch do it, by the words of a recipe: the other side of
check_training.py and make_training_vectors.py.

Rows are taken in the file's order (shuffle=none), padded a batch at a time; dropout is off. The
loss of a step is the sum over all its items divided once: by rows, by the weights of their classes,
or by the tokens to be predicted. AdamW is torch's, schedules are those of transformers, figures of
an evaluation those of scikit-learn.
"""

import dataclasses
import json
import math
import os
import re
import warnings

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import torch
import torch.nn.functional as nnf
import transformers
from sklearn import metrics
from torch.optim.swa_utils import get_ema_multi_avg_fn

transformers.utils.logging.disable_progress_bar()
transformers.utils.logging.set_verbosity_error()

MODELS = {
    "classify": transformers.AutoModelForSequenceClassification,
    "regress": transformers.AutoModelForSequenceClassification,
    "lm": transformers.AutoModelForCausalLM,
}
SCHEDULES = {
    "linear": transformers.get_linear_schedule_with_warmup,
    "cosine": transformers.get_cosine_schedule_with_warmup,
    "constant": lambda o, warmup, _: transformers.get_constant_schedule_with_warmup(o, warmup),
}
LOWER_IS_BETTER = {"loss", "brier"}


@dataclasses.dataclass
class Recipe:
    """What the words say; words() says it to assay."""
    task: str = "classify"
    labels: tuple = ()
    class_weights: dict = None  # label -> weight, or "balanced"
    label_smoothing: float = 0.0
    freeze: tuple = ()
    method: str = "full"
    steps: int = None
    epochs: float = None
    items: int = None
    tokens: int = None
    accumulate: int = 1
    lr: float = 1e-4
    weight_decay: float = 0.01
    betas: tuple = (0.9, 0.999)
    eps: float = 1e-8
    clip: float = 1.0
    schedule: str = "linear"
    warmup: float = 0.1
    max_tokens: int = 128
    ema: float = 0.0
    every: int = None  # steps between evaluations; None: an epoch
    metric: str = None
    patience: int = 0
    seed: int = 0
    label_field: str = "label"

    def words(self):
        words = [f"task={self.task}", "shuffle=none", "dropout=0", "precision=highest",
                 f"seed={self.seed}", f"max_tokens={self.max_tokens}", f"optimizer.lr={self.lr}",
                 f"optimizer.weight_decay={self.weight_decay}", f"optimizer.clip={self.clip}",
                 f"optimizer.betas=[{self.betas[0]}, {self.betas[1]}]",
                 f"optimizer.eps={self.eps}", f"schedule.name={self.schedule}",
                 f"schedule.warmup={self.warmup}", f"batch.accumulate={self.accumulate}"]
        words.append(f"steps={self.steps}" if self.steps else f"epochs={self.epochs}")
        words.append(f"batch.items={self.items}" if self.items else f"batch.tokens={self.tokens}")
        if self.labels:
            words.append(f"labels=[{', '.join(self.labels)}]")
        if self.class_weights == "balanced":
            words.append("data.balance=weights")
        elif self.class_weights:
            pairs = ", ".join(f"{k}: {v}" for k, v in self.class_weights.items())
            words.append(f"class_weights={{{pairs}}}")
        if self.label_smoothing:
            words.append(f"label_smoothing={self.label_smoothing}")
        if self.freeze:
            words.append("freeze=[" + ", ".join(f'"{pattern}"' for pattern in self.freeze) + "]")
        if self.method != "full":
            words.append(f"method={self.method}")
        if self.ema:
            words.append(f"ema={self.ema}")
        if self.every:
            words.append(f"eval.every={self.every}")
        if self.metric:
            words.append(f"early_stop.metric={self.metric}")
        if self.patience:
            words.append(f"early_stop.patience={self.patience}")
        if self.label_field != "label":
            words.append(f"data.fields={{label: {self.label_field}}}")
        return words


def read_rows(path, tokenizer, recipe, pad=None, limit=None):
    rows = []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            if limit is not None and len(rows) == limit:
                break
            row = json.loads(line)
            ids = tokenizer(row["text"], truncation=True, max_length=recipe.max_tokens,
                            padding=False)["input_ids"]
            if not ids or pad in ids:
                raise SystemExit(f"{path}: row {len(rows) + 1} is empty or holds the padding token")
            rows.append({"ids": ids, "label": row.get(recipe.label_field)})
    return rows


def label_order(rows, recipe):
    return list(recipe.labels) or sorted({row["label"] for row in rows})


def cut_batches(rows, recipe):
    """One epoch, in the order of the rows."""
    batches, batch, tokens = [], [], 0
    for row in rows:
        full = (recipe.items and len(batch) == recipe.items) or (
            recipe.tokens and tokens + len(row["ids"]) > recipe.tokens)
        if batch and full:
            batches.append(batch)
            batch, tokens = [], 0
        batch.append(row)
        tokens += len(row["ids"])
    return batches + [batch]


def steps_of(batches, recipe):
    """Endless: (batches of the step, epoch done after it)."""
    epoch = 0
    while True:
        for first in range(0, len(batches), recipe.accumulate):
            last = min(first + recipe.accumulate, len(batches))
            yield batches[first:last], epoch + last / len(batches), last == len(batches)
        epoch += 1


def count_steps(batches, recipe):
    if recipe.steps:
        return recipe.steps
    each = math.ceil(len(batches) / recipe.accumulate)
    whole = math.floor(recipe.epochs)
    return whole * each + math.ceil((recipe.epochs - whole) * each)


def covers(pattern, name):
    """A pattern of freeze: the place, or a module around it, from its first or second name. A star
    goes over dots; a name "0-3" is a range of numbers."""
    parts = []
    for part in pattern.split("."):
        span = re.fullmatch(r"(\d+)-(\d+)", part)
        if span:
            parts.append("(" + "|".join(map(str, range(int(span[1]), int(span[2]) + 1))) + ")")
        else:
            parts.append(re.escape(part).replace(r"\*", ".*").replace(r"\?", "."))
    wanted = re.compile(r"\.".join(parts) + r"(\.|$)")
    return any(wanted.match(place) for place in (name, name.partition(".")[2]))


def trains(name, model, recipe):
    if recipe.method == "head" and name.startswith(model.base_model_prefix + "."):
        return False
    return not any(covers(pattern, name) for pattern in recipe.freeze)


def decays(name, parameter):
    return parameter.dim() > 1 and not name.endswith("bias")


def class_weights(rows, labels, recipe):
    if recipe.class_weights == "balanced":
        counts = [sum(row["label"] == label for row in rows) for label in labels]
        return [len(rows) / (len(labels) * count) for count in counts]
    if recipe.class_weights:
        return [recipe.class_weights.get(label, 1.0) for label in labels]
    return None


def model_inputs(batch, pad):
    width = max(len(row["ids"]) for row in batch)
    ids = torch.tensor([row["ids"] + [pad] * (width - len(row["ids"])) for row in batch])
    lengths = torch.tensor([len(row["ids"]) for row in batch])
    mask = (torch.arange(width)[None] < lengths[:, None]).long()
    return {"input_ids": ids, "attention_mask": mask}


def loss_sum(model, batch, labels, weights, recipe, pad):
    """Sum of the losses of a batch, and what it counts for."""
    inputs = model_inputs(batch, pad)
    logits = model(**inputs).logits
    if recipe.task == "lm":
        targets = inputs["input_ids"].masked_fill(inputs["attention_mask"] == 0, -100)[:, 1:]
        total = nnf.cross_entropy(logits[:, :-1].reshape(-1, logits.shape[-1]),
                                  targets.reshape(-1), ignore_index=-100, reduction="sum")
        return total, float((targets != -100).sum())
    if recipe.task == "regress":
        # A data file's number is a float32 in training.
        targets = torch.tensor([row["label"] for row in batch], dtype=torch.float32)
        return nnf.mse_loss(logits[:, 0], targets.to(logits.dtype), reduction="sum"), len(batch)
    targets = torch.tensor([labels.index(row["label"]) for row in batch])
    # Class weights are float32 numbers, too.
    weight = None if weights is None else torch.tensor(weights, dtype=torch.float32).to(logits.dtype)
    kind = dict(weight=weight, label_smoothing=recipe.label_smoothing)
    total = nnf.cross_entropy(logits, targets, reduction="sum", **kind)
    divisor = float(len(batch) if weight is None else weight[targets].sum())
    mean, ours = float(nnf.cross_entropy(logits.detach(), targets, **kind)), total.item() / divisor
    if abs(mean - ours) > 1e-5 * (1 + abs(mean)):
        raise SystemExit(f"the divisor is not torch's: {ours}, {mean}")
    return total, divisor


def predict(model, rows, pad, size=16):
    out = []
    with torch.no_grad():
        for first in range(0, len(rows), size):
            out.append(model(**model_inputs(rows[first:first + size], pad)).logits)
    return torch.cat(out)


def evaluate(model, rows, labels, recipe, pad):
    if recipe.task == "regress":
        predicted = predict(model, rows, pad)[:, 0].double().numpy()
        truth = np.array([row["label"] for row in rows], dtype=np.float32).astype(np.float64)
        return {"loss": metrics.mean_squared_error(truth, predicted),
                "rmse": metrics.root_mean_squared_error(truth, predicted),
                "mae": metrics.mean_absolute_error(truth, predicted),
                "pearson": np.corrcoef(truth, predicted)[0, 1]}
    if recipe.task == "lm":
        with torch.no_grad():
            sums = [loss_sum(model, [row], labels, None, recipe, pad) for row in rows]
        loss = float(sum(float(s) for s, _ in sums) / sum(n for _, n in sums))
        return {"loss": loss, "perplexity": math.exp(loss)}
    logits = predict(model, rows, pad).double()
    truth = np.array([labels.index(row["label"]) for row in rows])
    chances = logits.softmax(-1).numpy()
    best = chances.argmax(-1)
    found = {"loss": metrics.log_loss(truth, chances, labels=range(len(labels))),
             "accuracy": metrics.accuracy_score(truth, best),
             "balanced_accuracy": metrics.balanced_accuracy_score(truth, best),
             "macro_f1": metrics.f1_score(truth, best, average="macro"),
             "mcc": metrics.matthews_corrcoef(truth, best)}
    if len(labels) == 2:
        positive = labels.index("ai")
        score, yes = (logits[:, positive] - logits[:, 1 - positive]).numpy(), truth == positive
        found.update(auroc=metrics.roc_auc_score(yes, score),
                     auprc=metrics.average_precision_score(yes, score),
                     brier=metrics.brier_score_loss(yes, chances[:, positive]))
    return {name: float(value) for name, value in found.items()}


@dataclasses.dataclass
class Run:
    loss: list = dataclasses.field(default_factory=list)
    grad_norm: list = dataclasses.field(default_factory=list)
    lr: list = dataclasses.field(default_factory=list)
    epoch: list = dataclasses.field(default_factory=list)
    tokens: list = dataclasses.field(default_factory=list)
    valid: list = dataclasses.field(default_factory=list)
    best_step: int = -1
    stopped_early: bool = False
    before: dict = None  # weights
    gradient: dict = None  # of the first step, clipped
    after: dict = None   # of the best step, or the last; averaged where the recipe says so
    model: object = None


def copy_weights(parameters):
    return {name: p.detach().clone() for name, p in parameters.items()}


def load(folder, recipe, dtype=torch.float32):
    # float32 first: that is what stands in the file; only then to double.
    model, info = MODELS[recipe.task].from_pretrained(
        folder, dtype=torch.float32, local_files_only=True, attn_implementation="eager",
        output_loading_info=True)
    missing = sorted(info["missing_keys"])
    if missing:
        raise SystemExit(f"{folder} lacks {missing[0]}: both sides have to start from one file")
    return model.to(dtype).eval()  # eval: no dropout


def train(folder, rows, recipe, valid=None, dtype=torch.float32, progress=None):
    model = load(folder, recipe, dtype)
    pad = model.config.pad_token_id if model.config.pad_token_id is not None else 0
    labels = label_order(rows, recipe) if recipe.task == "classify" else []
    weights = class_weights(rows, labels, recipe)
    parameters = dict(model.named_parameters())
    for name, parameter in parameters.items():
        parameter.requires_grad_(trains(name, model, recipe))
    chosen = {n: p for n, p in parameters.items() if p.requires_grad}
    groups = [{"params": [p for n, p in chosen.items() if decays(n, p) == yes],
               "weight_decay": recipe.weight_decay if yes else 0.0} for yes in (True, False)]
    optimizer = torch.optim.AdamW([g for g in groups if g["params"]], lr=recipe.lr,
                                  betas=recipe.betas, eps=recipe.eps, foreach=False)
    batches = cut_batches(rows, recipe)
    steps = count_steps(batches, recipe)
    # As TrainingArguments.get_warmup_steps rounds.
    warmup = int(recipe.warmup) if recipe.warmup >= 1 else math.ceil(steps * recipe.warmup)
    schedule = SCHEDULES[recipe.schedule](optimizer, warmup, steps)
    run = Run(before=copy_weights(parameters), model=model)
    average = [p.detach().clone() for p in chosen.values()]
    follow = get_ema_multi_avg_fn(recipe.ema)
    waited, best, kept = 0, None, None

    def exchange():
        if recipe.ema:
            for value, p in zip(average, chosen.values()):
                now = p.detach().clone()
                p.data.copy_(value)
                value.copy_(now)

    for step, (parts, epoch, ends) in enumerate(steps_of(batches, recipe), 1):
        optimizer.zero_grad()
        with torch.no_grad():
            divisor = sum(divisor_of(part, labels, weights, recipe) for part in parts)
        loss = 0.0
        for part in parts:
            total, _ = loss_sum(model, part, labels, weights, recipe, pad)
            (total / divisor).backward()
            loss += total.item()
        norm = torch.nn.utils.clip_grad_norm_(chosen.values(), recipe.clip or math.inf,
                                              foreach=False)
        run.loss.append(loss / divisor)
        run.grad_norm.append(float(norm))
        run.lr.append(schedule.get_last_lr()[0])
        run.epoch.append(epoch)
        run.tokens.append(sum(len(row["ids"]) for part in parts for row in part))
        if step == 1:
            run.gradient = {n: p.grad.detach().clone() for n, p in chosen.items()}
        optimizer.step()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            schedule.step()
        if recipe.ema:
            # The average begins as the weights of the beginning: never the copying first call.
            follow(average, [p.detach() for p in chosen.values()], step)
        if progress:
            progress(step, steps, run.loss[-1])
        due = step == steps or (step % recipe.every == 0 if recipe.every else ends)
        if valid and due:
            exchange()
            found = evaluate(model, valid, labels, recipe, pad)
            value = found[recipe.metric or "loss"]
            better = best is None or (value < best if (recipe.metric or "loss") in LOWER_IS_BETTER
                                      else value > best)
            waited = 0 if better else waited + 1
            if better:
                best, run.best_step, kept = value, step, copy_weights(parameters)
            exchange()
            run.valid.append({"step": step, "epoch": epoch, "figures": found})
        run.stopped_early = bool(recipe.patience and waited >= recipe.patience and step < steps)
        if step == steps or run.stopped_early:
            break
    exchange()
    run.after = kept or copy_weights(parameters)
    return run


def divisor_of(batch, labels, weights, recipe):
    if recipe.task == "lm":
        return sum(len(row["ids"]) - 1 for row in batch)
    if recipe.task == "classify" and weights is not None:
        exact = np.array(weights, dtype=np.float32).astype(np.float64)
        return float(sum(exact[labels.index(row["label"])] for row in batch))
    return len(batch)


def has_no_gradient(name):
    """Key biases: softmax does not see them; their gradients are rounding, which Adam blows up to
    a whole learning rate. GPT-2's are the middle third of c_attn.bias."""
    return re.search(r"(attention\.self\.key|attention\.k_lin)\.bias$", name) is not None


def without_noise(name, values):
    if name.endswith("attn.c_attn.bias"):
        third = values.numel() // 3
        return torch.cat([values[:third], values[2 * third:]])
    return None if has_no_gradient(name) else values


def compare_weights(ours, theirs, before):
    """(largest difference, largest update, its name, largest weight) without the key biases."""
    worst, update, where, largest = 0.0, 0.0, "", 0.0
    for name, expected in theirs.items():
        want = without_noise(name, expected.double())
        if want is None:
            continue
        have = without_noise(name, ours[name].double())
        start = without_noise(name, before[name].double())
        difference = float((have - want).abs().max())
        if difference > worst:
            worst, where = difference, name
        update = max(update, float((want - start).abs().max()))
        largest = max(largest, float(want.abs().max()))
    return worst, update, where, largest
