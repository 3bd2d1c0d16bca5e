#!/usr/bin/env python3
"""Writes tests/vectors/ops/*.safetensors: one file an op (or a case of it), made with torch.

Inputs are float32 (ids, offsets and targets int64). Outputs and gradients are float64, computed by
torch in float64 from exactly those inputs. `dy` is the upstream gradient (float32), `d<input>` the
gradient of sum(dy * y). Settings are one-element tensors named `param.<name>` (float64 or int64).
Text is packed: (total tokens, width), rows by offsets.

    python tools/make_op_vectors.py [--out tests/vectors/ops]
"""

import argparse
import math
import pathlib

import numpy as np
import torch
import torch.nn.functional as nnf
import vector_file

torch.set_num_threads(1)


class Vectors:
    """Collects the tensors of one file; each file draws its inputs from its own seed."""

    def __init__(self, name, seed):
        self.name = name
        self.rng = np.random.default_rng(seed)
        self.tensors = {}

    def input(self, name, *shape, scale=1.0, shift=0.0):
        return self.given(name, self.rng.standard_normal(shape) * scale + shift)

    def given(self, name, values):
        """A float32 input; the float64 leaf that torch differentiates holds the same values."""
        value = np.ascontiguousarray(values, dtype=np.float32)
        self.tensors[name] = value
        return torch.from_numpy(value.astype(np.float64)).requires_grad_(True)

    def whole(self, name, values):
        value = np.ascontiguousarray(values, dtype=np.int64)
        self.tensors[name] = value
        return torch.from_numpy(value)

    def param(self, **settings):
        for key, value in settings.items():
            kind = np.int64 if isinstance(value, int) else np.float64
            self.tensors["param." + key] = np.array([value], dtype=kind)

    def output(self, name, value):
        kind = np.int64 if not value.dtype.is_floating_point else np.float64
        self.tensors[name] = np.ascontiguousarray(value.detach().numpy().astype(kind))

    def upstream(self, value, name="dy"):
        return self.input(name, *value.shape).detach()

    def gradients(self, scalar, **leaves):
        values = torch.autograd.grad(scalar, list(leaves.values()), retain_graph=True)
        for key, value in zip(leaves, values):
            self.output(key, value)

    def finish(self, y, **leaves):
        """The usual end: y, a random dy, and the gradient of every leaf."""
        self.output("y", y)
        self.gradients((self.upstream(y) * y).sum(), **leaves)

    def save(self, folder, note):
        for key, value in self.tensors.items():
            assert np.all(np.isfinite(value)), (self.name, key)
        path = folder / (self.name + ".safetensors")
        vector_file.write(path, self.tensors, {"op": self.name, "note": note,
                                               "made_by": "tools/make_op_vectors.py",
                                               "torch": torch.__version__.split("+")[0]})
        print(f"{path.name}: {path.stat().st_size} bytes, {' '.join(sorted(self.tensors))}")


def linear(folder):
    cases = [("linear", 13, 19, 29), ("linear_deep", 5, 301, 37), ("linear_single", 1, 7, 1)]
    for seed, (name, tokens, inner, outer) in enumerate(cases, 100):
        v = Vectors(name, seed)
        x, b = v.input("x", tokens, inner), v.input("b", outer)
        w = v.input("w", outer, inner, scale=inner ** -0.5)
        v.finish(nnf.linear(x, w, b), dx=x, dw=w, db=b)
        v.save(folder, "y = x w^T + b; x (tokens, in), w (out, in)")
    for seed, (name, tokens, inner, outer) in enumerate(cases, 110):
        v = Vectors(name.replace("linear", "linear_conv1d"), seed)
        x, b = v.input("x", tokens, inner), v.input("b", outer)
        w = v.input("w", inner, outer, scale=inner ** -0.5)
        v.finish(x @ w + b, dx=x, dw=w, db=b)
        v.save(folder, "y = x w + b; x (tokens, in), w (in, out)")


def embedding(folder):
    v = Vectors("embedding", 120)
    table = v.input("table", 23, 19)
    ids = v.rng.integers(0, 23, 13)
    ids[:4] = [22, 0, 7, 7]  # repeated rows must add up
    v.finish(nnf.embedding(v.whole("ids", ids), table), dtable=table)
    v.save(folder, "y[t] = table[ids[t]]")


def norms(folder):
    for seed, (name, width, eps) in enumerate([("layer_norm", 37, 1e-12),
                                               ("layer_norm_eps", 17, 1e-5)], 130):
        v = Vectors(name, seed)
        values = v.rng.standard_normal((13, width))
        values[3] = values[3] * 20 + 30
        values[5] *= 0.01
        x = v.given("x", values)
        w, b = v.input("w", width, scale=0.2, shift=1.0), v.input("b", width, scale=0.2)
        v.param(eps=eps)
        v.finish(nnf.layer_norm(x, (width,), w, b, eps), dx=x, dw=w, db=b)
        v.save(folder, "y = (x - mean) / sqrt(biased variance + eps) * w + b")
    v = Vectors("rms_norm", 135)
    values = v.rng.standard_normal((13, 37))
    values[3] *= 50
    values[5] *= 0.01
    x, w = v.given("x", values), v.input("w", 37, scale=0.2, shift=1.0)
    v.param(eps=1e-6)
    v.finish(x * torch.rsqrt((x * x).mean(-1, keepdim=True) + 1e-6) * w, dx=x, dw=w)
    v.save(folder, "y = x / sqrt(mean(x^2) + eps) * w")


def sweep(rng):
    """About 2,000 arguments: edges, tiny, large, the bends, and a dense middle. No denormals."""
    edges = [0.0, -0.0]
    for size in (1e-30, 1e-12, 1e-6, 1e-4, 0.5546875, 0.625, 0.921875, 1.0, 3.0, 4.0, 5.0, 5.7, 8.0,
                 9.0, 10.0, 13.0, 20.0, 50.0, 80.0, 100.0, 1e4, 1e10):
        edges += [size, -size]
    return np.concatenate([edges, np.linspace(-12, 12, 801), rng.uniform(-2, 2, 600),
                           rng.uniform(-10, 10, 400), rng.standard_normal(200) * 1e-2])


def activations(folder):
    """Written without cancellation, so that the float64 values are good to the last few bits."""
    root = math.sqrt(2.0 / math.pi)
    forms = {
        "gelu_erf": (lambda x: 0.5 * x * torch.special.erfc(-x / math.sqrt(2.0)), nnf.gelu),
        "gelu_tanh": (lambda x: x * torch.sigmoid(2 * root * (x + 0.044715 * x ** 3)),
                      lambda x: nnf.gelu(x, approximate="tanh")),
        "tanh": (torch.tanh, torch.tanh),
        "relu": (torch.relu, nnf.relu),
        "silu": (lambda x: x * torch.sigmoid(x), nnf.silu),
    }
    for seed, (name, (form, usual)) in enumerate(forms.items(), 140):
        v = Vectors(name, seed)
        x = v.given("x", sweep(v.rng))
        y = form(x)
        assert torch.allclose(y, usual(x), rtol=1e-9, atol=1e-14), name
        v.finish(y, dx=x)
        v.save(folder, "y = op(x), element by element; x (points,)")


def t5_bucket(relative, bidirectional, buckets, distance):
    """T5's bucket of a relative position (key - query), as its paper's code defines it."""
    result = 0
    if bidirectional:
        buckets //= 2
        result = buckets if relative > 0 else 0
        relative = abs(relative)
    else:
        relative = max(-relative, 0)
    exact = buckets // 2
    if relative < exact:
        return result + relative
    far = exact + int(math.log(relative / exact) / math.log(distance / exact) * (buckets - exact))
    return result + min(far, buckets - 1)


def attention_case(folder, name, seed, q_lengths, k_lengths, heads, dim, causal, scale=None,
                   spread=1.0, table=None):
    v = Vectors(name, seed)
    q_offsets = np.concatenate([[0], np.cumsum(q_lengths)])
    k_offsets = np.concatenate([[0], np.cumsum(k_lengths)])
    width = heads * dim
    q = v.input("q", int(q_offsets[-1]), width, scale=spread)
    k, val = v.input("k", int(k_offsets[-1]), width), v.input("v", int(k_offsets[-1]), width)
    v.whole("q_offsets", q_offsets)
    v.whole("k_offsets", k_offsets)
    scale = float(np.float32(dim ** -0.5)) if scale is None else scale
    v.param(heads=heads, causal=int(causal), scale=scale)
    leaves = {"dq": q, "dk": k, "dv": val}
    bias = None
    if table is not None:
        buckets, distance, bidirectional = table
        bias = v.input("bias_table", buckets, heads)
        reach = max(max(q_lengths), max(k_lengths))
        v.whole("bias_buckets", [t5_bucket(r, bidirectional, buckets, distance)
                                 for r in range(-reach, reach + 1)])
        v.param(bias_reach=reach, bias_distance=distance, bias_bidirectional=int(bidirectional))
        leaves["dbias_table"] = bias
    outs, lses, largest = [], [], 0.0
    for r, (queries, keys) in enumerate(zip(q_lengths, k_lengths)):
        qs = q[q_offsets[r]:q_offsets[r + 1]].view(queries, heads, dim).transpose(0, 1)
        ks = k[k_offsets[r]:k_offsets[r + 1]].view(keys, heads, dim).transpose(0, 1)
        vs = val[k_offsets[r]:k_offsets[r + 1]].view(keys, heads, dim).transpose(0, 1)
        scores = qs @ ks.transpose(1, 2) * scale
        position = torch.arange(queries)[:, None] + (keys - queries)  # bottom-right
        relative = torch.arange(keys)[None, :] - position
        if bias is not None:
            index = torch.tensor([[t5_bucket(int(e), table[2], table[0], table[1]) for e in row]
                                  for row in relative])
            scores = scores + bias[index].permute(2, 0, 1)
        largest = max(largest, float(scores.detach().abs().max()))
        if causal:
            scores = scores.masked_fill(relative > 0, -torch.inf)
        out = (torch.softmax(scores, -1) @ vs).transpose(0, 1).reshape(queries, width)
        if not causal and bias is None:
            usual = nnf.scaled_dot_product_attention(qs, ks, vs, scale=scale)
            assert torch.allclose(out, usual.transpose(0, 1).reshape(queries, width), atol=1e-12)
        outs.append(out)
        lses.append(torch.logsumexp(scores, -1).transpose(0, 1))
    v.param(largest_score=largest)
    v.output("lse", torch.cat(lses))
    v.finish(torch.cat(outs), **leaves)
    v.save(folder, "rows of queries and keys packed apart; score = scale q.k + bias, softmax, times"
                   " v; causal: key <= query + (keys - queries); lse (queries, heads);"
                   " bias_table[bias_buckets[key - query - (keys - queries) + bias_reach]]")


def attention(folder):
    lengths = [1, 7, 17, 3]
    attention_case(folder, "attention_full", 150, lengths, lengths, 3, 10, False)
    attention_case(folder, "attention_causal", 151, lengths, lengths, 3, 10, True)
    attention_case(folder, "attention_causal_cache", 152, [1, 3, 5, 2], [4, 3, 17, 9], 3, 10, True)
    attention_case(folder, "attention_cross", 153, [4, 1, 9, 2], [3, 11, 1, 20], 2, 7, False)
    attention_case(folder, "attention_large", 154, [5, 19], [5, 19], 2, 12, False, spread=17.0)
    attention_case(folder, "attention_bias", 155, [1, 7, 21], [1, 7, 21], 3, 6, False, scale=1.0,
                   spread=0.4, table=(8, 20, True))
    attention_case(folder, "attention_bias_causal", 156, [1, 7, 2], [1, 7, 21], 3, 6, True,
                   scale=1.0, spread=0.4, table=(8, 20, False))


def pooling(folder):
    offsets = [0, 1, 8, 10, 13]
    rows = {"first": lambda x: x[0], "last": lambda x: x[-1], "mean": lambda x: x.mean(0)}
    for seed, (kind, form) in enumerate(rows.items(), 160):
        v = Vectors("pooling_" + kind, seed)
        x = v.input("x", 13, 19)
        v.whole("offsets", offsets)
        v.finish(torch.stack([form(x[a:b]) for a, b in zip(offsets, offsets[1:])]), dx=x)
        v.save(folder, "x (tokens, width), offsets (rows + 1), y (rows, width)")
    v = Vectors("l2_normalize", 165)
    x = v.input("x", 5, 19, scale=3.0)
    v.finish(x / x.norm(dim=-1, keepdim=True), dx=x)
    v.save(folder, "y = x / |x|, row by row")


def cross_entropy(folder):
    v = Vectors("cross_entropy", 170)
    rows, classes, smoothing = 13, 7, 0.1
    values = v.rng.standard_normal((rows, classes)) * 2
    values[4] *= 20
    logits = v.given("logits", values)
    weights = v.given("class_weights", v.rng.uniform(0.3, 3.0, classes)).detach()
    labels = v.rng.integers(0, classes, rows)
    labels[[2, 9]] = -100
    targets = v.whole("targets", labels)
    v.param(smoothing=smoothing, ignore=-100)
    dy = v.input("dy", rows).detach()
    valid = targets != -100
    for suffix, weight, amount in (("", None, 0.0), ("_weighted", weights, 0.0),
                                   ("_smooth", None, smoothing),
                                   ("_weighted_smooth", weights, smoothing)):
        def loss(reduction):
            return nnf.cross_entropy(logits, targets, weight, label_smoothing=amount,
                                     ignore_index=-100, reduction=reduction)
        each = loss("none")
        share = valid.double() if weight is None else weights[targets.clamp(min=0)] * valid
        assert torch.allclose(loss("mean"), each.sum() / share.sum())
        v.output("loss" + suffix, each)
        v.output("mean" + suffix, loss("mean").reshape(1))
        v.gradients((dy * each).sum(), **{"dlogits" + suffix: logits})
    v.save(folder, "loss (rows,), 0 where the target is `ignore`; weighted: times the target's"
                   " weight (smoothing: (1 - s) w[t] nll + s / classes sum_c w[c] nll_c);"
                   " mean: sum of loss over the sum of the targets' weights (1 without)")


def vocabulary(folder):
    for seed, with_bias in ((180, False), (181, True)):
        v = Vectors("vocabulary_bias" if with_bias else "vocabulary", seed)
        tokens, width, q_width, words = 13, 17, 11, 211
        hidden = v.input("hidden", tokens, width)
        rows = v.rng.standard_normal((words, width)) * 0.5
        rows[9] = rows[5]  # an exact tie: a rank counts strictly greater logits only
        head = v.given("head", rows)
        q_hidden = v.input("q_hidden", tokens, q_width).detach()
        q_head = v.input("q_head", words, q_width, scale=0.5).detach()
        labels = v.rng.integers(0, words, tokens)
        labels[:3] = [5, 9, words - 1]
        logits, q_logits = hidden @ head.T, q_hidden @ q_head.T
        bias = None
        if with_bias:
            offsets = v.rng.standard_normal(words) * 0.5
            offsets[9] = offsets[5]
            bias = v.given("bias", offsets)
            logits = logits + bias
        top = logits.detach().argmax(-1)
        labels[3] = int(top[3])
        targets = v.whole("targets", labels)
        log_p, log_q = torch.log_softmax(logits, -1), torch.log_softmax(q_logits, -1)
        p, q = log_p.exp(), log_q.exp()
        chosen = logits.gather(1, targets[:, None])
        gap = (logits - chosen).detach().abs()
        assert gap[gap > 1e-9].min() > 2e-5, "a near tie would make the rank ambiguous"
        ce = nnf.cross_entropy(logits, targets, reduction="none")
        v.output("ce", ce)
        v.output("logprob", -ce)
        v.output("rank", 1 + (logits > chosen + 1e-9).sum(1))
        v.output("argmax", top)
        v.output("entropy", -(p * log_p).sum(-1))
        for suffix, weight in (("_p", p), ("_q", q)):
            mean = (weight * log_p).sum(-1)
            v.output("mu" + suffix, mean)
            v.output("var" + suffix, (weight * (log_p - mean[:, None]) ** 2).sum(-1))
        kl = (q * (log_q - log_p)).sum(-1)
        v.output("kl", kl)
        dy = v.input("dy", tokens).detach()
        leaves = {"dhidden": hidden, "dhead": head}
        if with_bias:
            leaves["dbias"] = bias
        v.gradients((dy * ce).sum(), **{key + "_ce": leaf for key, leaf in leaves.items()})
        v.gradients((dy * kl).sum(), **{key + "_kl": leaf for key, leaf in leaves.items()})
        v.save(folder, "logits = hidden head^T (+ bias) of p; q from q_hidden, q_head, no bias;"
                       " rank = 1 + number of strictly larger logits; mu, var: of log p by p, q;"
                       " kl = KL(q || p); gradients of sum(dy ce) and sum(dy kl) with q held")


def mse(folder):
    v = Vectors("mse", 190)
    x, target = v.input("x", 13, 5, scale=3.0), v.input("target", 13, 5).detach()
    y = ((x - target) ** 2).mean(-1)
    assert torch.allclose(y.mean(), nnf.mse_loss(x, target))
    v.finish(y, dx=x)
    v.save(folder, "y (rows,) = mean over the columns of (x - target)^2")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    root = pathlib.Path(__file__).resolve().parent.parent
    parser.add_argument("--out", type=pathlib.Path, default=root / "tests/vectors/ops")
    folder = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    for family in (linear, embedding, norms, activations, attention, pooling, cross_entropy,
                   vocabulary, mse):
        family(folder)


if __name__ == "__main__":
    main()
