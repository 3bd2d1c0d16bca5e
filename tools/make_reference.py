#!/usr/bin/env python3
"""Writes the REFERENCE.safetensors of `assay parity` for a model folder, made with transformers.

    python tools/make_reference.py MODEL_DIR OUT.safetensors --task classify --grad --hidden

Holds input_ids (rows, longest) int64, lengths (rows,) int64, token_type_ids for models that have
more than one type, labels, and what is expected: `logits`, `loss`, `embedding`, `hidden.<place>`,
`grad.<tensor>`, each from a float32 run and, as `<name>.f64`, from a float64 run of the same
weights. Every row is run alone, without padding; that a padded batch gives the same is checked in
float64. Padded positions hold zeros (labels -100). The metadata holds, for each expected name,
`error.<name>`: norm of (float32 - float64) over norm of float64, for gradients over at least
`grad_floor`. --compact leaves out the float32 twins of hidden states and gradients.
"""

import argparse
import copy
import json
import os
import pathlib
import re

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import torch
import torch.nn.functional as nnf
import transformers
import vector_file

transformers.utils.logging.disable_progress_bar()
transformers.utils.logging.set_verbosity_error()

TASKS = {
    "bare": transformers.AutoModel,
    "classify": transformers.AutoModelForSequenceClassification,
    "mlm": transformers.AutoModelForMaskedLM,
    "lm": transformers.AutoModelForCausalLM,
}
# A place is a sublayer whose output is (rows, longest, width), named as in the loaded model.
PLACES = re.compile(
    r"^(.*\.)?("
    r"embeddings|drop"                                      # the sum of the embeddings
    r"|encoder\.layer\.\d+(\.attention|\.attention\.self|\.attention\.output\.dense"
    r"|\.output\.dense)?"                                   # BERT, RoBERTa
    r"|transformer\.layer\.\d+(\.attention|\.sa_layer_norm|\.ffn)?"  # DistilBERT
    r"|h\.\d+(\.attn|\.mlp)?|ln_f"                          # GPT-2
    r"|pooler)$")


def load(folder, task, save_model=None):
    """A tensor that the folder lacks would be random here and unknown to whoever is compared."""
    model, info = TASKS[task].from_pretrained(folder, dtype=torch.float32, local_files_only=True,
                                              attn_implementation="eager", output_loading_info=True)
    missing = sorted(info["missing_keys"])
    if missing and not save_model:
        raise SystemExit(f"{folder} lacks {len(missing)} tensors of {type(model).__name__}, first "
                         f"{missing[0]}; --save-model DIR draws them and writes the whole model")
    if save_model:
        model.save_pretrained(save_model)
    return model.eval()


def has_types(config):
    return getattr(config, "type_vocab_size", 0) > 1


def forbidden(config):
    """Ids that change the meaning of a position (padding) and so never stand inside a row."""
    return {config.pad_token_id} if config.pad_token_id is not None else set()


def longest_row(config):
    limit = getattr(config, "max_position_embeddings", None) or config.n_positions
    return limit - config.pad_token_id - 1 if config.model_type == "roberta" else limit


def random_rows(config, lengths, seed):
    rng = np.random.default_rng(seed)
    allowed = np.array([i for i in range(config.vocab_size) if i not in forbidden(config)])
    rows = []
    for length in lengths:
        row = {"ids": rng.choice(allowed, length).tolist()}
        if has_types(config):
            types = rng.integers(0, config.type_vocab_size, length)
            row["token_type_ids"] = np.sort(types).tolist()
        rows.append(row)
    return rows


def read_rows(path, folder, config):
    """One object a line: ids, or text for the folder's tokenizer; label or labels; token types."""
    rows, tokenizer = [], None
    for number, line in enumerate(pathlib.Path(path).read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        row = json.loads(line)
        if "ids" not in row:
            if tokenizer is None:
                tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
            row["ids"] = tokenizer(row["text"], truncation=True,
                                   max_length=longest_row(config))["input_ids"]
        if not 1 <= len(row["ids"]) <= longest_row(config):
            raise SystemExit(f"{path}:{number}: {len(row['ids'])} ids; 1 to {longest_row(config)}")
        if forbidden(config) & set(row["ids"]):
            raise SystemExit(f"{path}:{number}: holds the padding id")
        if has_types(config):
            row.setdefault("token_type_ids", [0] * len(row["ids"]))
        rows.append(row)
    return rows


def add_labels(rows, config, task, seed):
    """Labels that the rows do not bring: random classes, masked words, or the row itself."""
    rng = np.random.default_rng(seed + 1)
    for row in rows:
        if task == "classify" and isinstance(row.get("label"), str):
            words = sorted({r["label"] for r in rows if isinstance(r.get("label"), str)})
            row["label"] = config.label2id.get(row["label"], words.index(row["label"]))
        if task == "classify" and "label" not in row:
            row["label"] = (float(np.float32(rng.standard_normal())) if config.num_labels == 1
                            else int(rng.integers(config.num_labels)))
        elif task == "mlm" and "labels" not in row:
            hidden = rng.random(len(row["ids"])) < 0.2
            hidden[rng.integers(len(row["ids"]))] = True
            row["labels"] = [i if h else -100 for i, h in zip(row["ids"], hidden)]
            other = [i for i in range(config.vocab_size) if i not in forbidden(config)]
            row["ids"] = [int(rng.choice(other)) if h else i for i, h in zip(row["ids"], hidden)]
        elif task == "lm":
            row["labels"] = list(row["ids"])


def padded(rows, key, fill):
    width = max(len(row["ids"]) for row in rows)
    return torch.tensor([row[key] + [fill] * (width - len(row[key])) for row in rows])


def row_inputs(row):
    inputs = {"input_ids": torch.tensor([row["ids"]])}
    if "token_type_ids" in row:
        inputs["token_type_ids"] = torch.tensor([row["token_type_ids"]])
    return inputs


def loss_sum(logits, row, config, task):
    """Sum of the losses of a row's valid items, and their number."""
    if task == "classify" and config.num_labels == 1:
        target = torch.tensor([row["label"]], dtype=torch.float32).to(logits.dtype)
        return nnf.mse_loss(logits[:, 0], target, reduction="sum"), 1
    if task == "classify":
        return nnf.cross_entropy(logits, torch.tensor([row["label"]]), reduction="sum"), 1
    targets, scores = torch.tensor(row["labels"]), logits[0]
    if task == "lm":
        targets, scores = targets[1:], scores[:-1]
    return (nnf.cross_entropy(scores, targets, reduction="sum", ignore_index=-100),
            int((targets != -100).sum()))


def check_loss(model, row, task):
    """The library's own loss of one row has to be ours; its causal loss is float32 at best."""
    tolerance = 1e-6 if task == "lm" else 1e-9
    labels = (torch.tensor([row["label"]]) if task == "classify" else torch.tensor([row["labels"]]))
    dtype = next(model.parameters()).dtype
    labels = labels.to(dtype) if labels.is_floating_point() else labels
    with torch.no_grad():
        output = model(**row_inputs(row), labels=labels)
        total, count = loss_sum(output.logits, row, model.config, task)
    mean = float(total) / max(count, 1)
    if count and abs(float(output.loss) - mean) > tolerance * (1 + abs(mean)):
        raise SystemExit(f"loss {mean!r}, transformers says {float(output.loss)!r}")


def keep_hidden(model, kept):
    def hook(name):
        def record(_module, _inputs, output):
            value = output[0] if isinstance(output, tuple) else output
            kept.setdefault(name, []).append(value.detach())
        return record
    return [module.register_forward_hook(hook(name)) for name, module in model.named_modules()
            if PLACES.match(name)]


def stack(values, longest):
    """Row outputs (1, length, ...) or (1, ...) to (rows, longest, ...) or (rows, ...)."""
    if values[0].dim() < 3:
        return torch.cat(values)
    return torch.cat([nnf.pad(v, (0, 0, 0, longest - v.shape[1])) for v in values])


def run(model, rows, task, grad, hidden, embedding):
    """Everything of one precision, rows one by one; gradients are of the mean over valid items."""
    longest = max(len(row["ids"]) for row in rows)
    kept, found, logits, last = {}, {}, [], []
    hooks = keep_hidden(model, kept) if hidden else []
    model.zero_grad(set_to_none=True)
    total, losses = 0, []
    with torch.set_grad_enabled(grad):
        for row in rows:
            output = model(**row_inputs(row))
            if task == "bare":
                last.append(output.last_hidden_state.detach())
                continue
            logits.append(output.logits.detach())
            value, count = loss_sum(output.logits, row, model.config, task)
            losses.append(value)
            total += count
        if task != "bare":
            if total == 0:
                raise SystemExit("no valid item: every row is too short for a loss")
            loss = sum(losses) / total
            found["logits"] = stack(logits, longest)
            found["loss"] = loss.detach().reshape(1)
            if grad:
                loss.backward()
    for handle in hooks:
        handle.remove()
    if task == "bare":
        found["hidden.last"] = stack(last, longest)
        if embedding:
            means = torch.cat([v.mean(1) for v in last])
            found["embedding"] = means / means.norm(dim=-1, keepdim=True)
    for name, values in kept.items():
        found["hidden." + name] = stack(values, longest)
    if grad:
        for name, parameter in model.named_parameters():
            if parameter.grad is not None:
                found["grad." + name] = parameter.grad.detach().clone()
    return found


def check_batch(model, rows, task, found):
    """A right-padded batch with a mask has to give what the rows gave alone."""
    config = model.config
    if config.pad_token_id is None and task == "classify":
        return "not run: the model has no padding id"
    inputs = {"input_ids": padded(rows, "ids", config.pad_token_id or 0)}
    if has_types(config):
        inputs["token_type_ids"] = padded(rows, "token_type_ids", 0)
    mask = torch.tensor([[int(i < len(row["ids"])) for i in range(inputs["input_ids"].shape[1])]
                         for row in rows])
    with torch.no_grad():
        output = model(**inputs, attention_mask=mask)
    got = output.last_hidden_state if task == "bare" else output.logits
    if got.dim() == 3:
        got = got * mask[:, :, None]
    wanted = found["hidden.last" if task == "bare" else "logits"]
    difference = float((got - wanted).norm() / wanted.norm())
    if difference > 1e-12:
        raise SystemExit(f"a padded batch differs from its rows by {difference:.3g}")
    return f"{difference:.2g}"


def pools_by_mean(folder):
    config = pathlib.Path(folder) / "1_Pooling/config.json"
    if not (pathlib.Path(folder) / "modules.json").exists() or not config.exists():
        return False
    pooling = json.loads(config.read_text())
    return bool(pooling.get("pooling_mode_mean_tokens") or pooling.get("pooling_mode") == "mean")


def check_embedding(folder, rows, found):
    """sentence-transformers on the same ids, when it is installed."""
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError:
        return "not run: sentence-transformers is not installed"
    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True).eval()
    worst = 0.0
    for row, wanted in zip(rows, found["embedding"]):
        inputs = row_inputs(row)
        inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
        with torch.no_grad():
            got = model(inputs)["sentence_embedding"][0]
        worst = max(worst, float((got - wanted).norm()))
    if worst > 1e-5:
        raise SystemExit(f"sentence-transformers differs by {worst:.3g}")
    return f"{worst:.2g}"


def make_reference(folder, out, rows, task, grad=False, hidden=False, compact=False, seed=0,
                   save_model=None):
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    model = load(folder, task, save_model)
    double = copy.deepcopy(model).double()
    add_labels(rows, model.config, task, seed)
    embedding = task == "bare" and pools_by_mean(folder)
    single = run(model, rows, task, grad, hidden, embedding)
    exact = run(double, rows, task, grad, hidden, embedding)
    checks = {"check.padded_batch": check_batch(double, rows, task, exact)}
    if embedding:
        checks["check.sentence_transformers"] = check_embedding(folder, rows, single)
    if task != "bare":
        for row in rows:
            check_loss(double, row, task)

    tensors = {"input_ids": padded(rows, "ids", model.config.pad_token_id or 0),
               "lengths": torch.tensor([len(row["ids"]) for row in rows])}
    if has_types(model.config):
        tensors["token_type_ids"] = padded(rows, "token_type_ids", 0)
    if task == "classify":
        tensors["labels"] = torch.tensor([row["label"] for row in rows])
    elif task != "bare":
        tensors["labels"] = padded(rows, "labels", -100)

    norms = [float(v.norm()) for k, v in exact.items() if k.startswith("grad.")]
    floor = 1e-3 * float(np.sqrt(np.mean(np.square(norms)))) if norms else 0.0
    metadata = {
        "made_by": "tools/make_reference.py", "task": task, "seed": str(seed),
        "model": pathlib.Path(folder).resolve().name, "architecture": type(model).__name__,
        "model_type": model.config.model_type,
        "torch": torch.__version__.split("+")[0], "transformers": transformers.__version__,
        "threads": "1", "attention": "eager", "dropout": "0", "padding": "each row run alone",
        "loss": "mean over all valid items of the file; lm: targets are labels[1:]",
        "hidden": "output of the module of that name; zeros where padded",
        "grad": "gradient of loss with respect to the tensor of that name",
        "embedding": "mean over the tokens of hidden.last, then L2",
        "error": "error.<name>: norm(float32 - float64) / norm(float64) of transformers itself;"
                 " for gradients the divisor is at least grad_floor, 1e-3 of the root mean square"
                 " over the tensors of their gradients' norms",
        "grad_floor": f"{floor:.6e}", "compact": str(int(compact)), **checks,
    }
    for name, value in exact.items():
        if value.dtype != torch.float64 or single[name].dtype != torch.float32:
            raise SystemExit(f"{name}: {single[name].dtype} and {value.dtype}")
        if not bool(torch.isfinite(value).all()):
            raise SystemExit(f"{name}: not finite")
        least = floor if name.startswith("grad.") else 0.0
        scale = max(float(value.norm()), least)
        difference = float((single[name].double() - value).norm())
        metadata["error." + name] = f"{difference / scale if scale else difference:.3e}"
        tensors[name + ".f64"] = value.contiguous()
        if not compact or name in ("logits", "loss", "embedding"):
            tensors[name] = single[name].contiguous()
    vector_file.write(out, {name: value.numpy() for name, value in tensors.items()}, metadata)
    worst = max((float(metadata["error." + n]), n) for n in exact)
    print(f"{pathlib.Path(out).parent.name}/{pathlib.Path(out).name}: {os.path.getsize(out)} bytes,"
          f" {len(exact)} expected, float32's own worst error "
          f"{worst[0]:.2e} at {worst[1]}; padded batch: {checks['check.padded_batch']}")
    return metadata


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model")
    parser.add_argument("out")
    parser.add_argument("--rows", help="a .jsonl file of rows: ids or text, label or labels")
    parser.add_argument("--lengths", default="5,1,17", help="lengths of random rows (%(default)s)")
    parser.add_argument("--task", choices=TASKS, default="bare")
    parser.add_argument("--grad", action="store_true", help="gradients of the loss")
    parser.add_argument("--hidden", action="store_true", help="outputs of the sublayers")
    parser.add_argument("--compact", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save-model", metavar="DIR",
                        help="write the model here, with what MODEL_DIR lacks drawn by --seed")
    options = parser.parse_args()
    if options.task == "bare" and options.grad:
        parser.error("a bare model has no loss: --grad needs another --task")
    config = transformers.AutoConfig.from_pretrained(options.model)
    if options.rows:
        rows = read_rows(options.rows, options.model, config)
    else:
        lengths = [int(part) for part in options.lengths.split(",")]
        if min(lengths) < 1 or max(lengths) > longest_row(config):
            parser.error(f"--lengths: 1 to {longest_row(config)}")
        rows = random_rows(config, lengths, options.seed)
    make_reference(options.model, options.out, rows, options.task, options.grad, options.hidden,
                   options.compact, options.seed, options.save_model)


if __name__ == "__main__":
    main()
