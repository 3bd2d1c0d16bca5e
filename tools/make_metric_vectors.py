#!/usr/bin/env python3
"""Figures of merit by scikit-learn and scipy -> tests/vectors/metrics/cases.json

Multi-class ranking is judged by log-odds, whose sums are exact (fsum), so that equal rows tie and
sure ones do not; where nothing saturates it must be roc_auc_score(multi_class="ovr") of softmax.
"""
import json
import math
import os
import sys
import warnings

import numpy as np
from scipy import stats
from sklearn import metrics

warnings.filterwarnings("ignore")


def softmax(logits):
    e = np.exp(logits.astype(np.float64) - logits.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def ece(p, y, bins=15):
    best, sure, total = p.argmax(1), p.max(1), 0.0
    edges = np.linspace(0, 1, bins + 1)
    for low, high in zip(edges[:-1], edges[1:]):
        inside = (sure > low) & (sure <= high)
        if inside.any():
            total += abs(math.fsum(sure[inside] - (best[inside] == y[inside])))
    return total / len(y)


def log_odds(logits):
    out = np.empty(logits.shape)
    for i, row in enumerate(logits.astype(np.float64)):
        for c, logit in enumerate(row):
            others = np.delete(row, c)
            most = others.max()
            out[i, c] = logit - most - math.log(math.fsum(math.exp(v - most) for v in others))
    return out


def over_classes(figure, scores, y, classes):
    values = [figure(y == c, scores[:, c]) for c in range(classes)
              if 0 < (y == c).sum() < len(y)]
    return float(np.mean(values)) if values else None


def short(values):
    """The fewest digits that read back as the same float32."""
    texts = [float(np.format_float_positional(v, unique=True, trim="-")) for v in values.ravel()]
    assert (np.asarray(texts, np.float32) == values.ravel()).all()
    return texts


def classify(name, logits, labels, classes, saturated=False):
    logits = np.asarray(logits, np.float32).reshape(-1, classes)
    y = np.asarray(labels)
    p = softmax(logits)
    said = logits.argmax(1)
    if classes == 2:
        score = logits[:, 1].astype(np.float64) - logits[:, 0].astype(np.float64)
        both = 0 < y.sum() < len(y)
        auroc = metrics.roc_auc_score(y, score) if both else None
        auprc = metrics.average_precision_score(y, score) if both else None
    else:
        odds = log_odds(logits)
        auroc = over_classes(metrics.roc_auc_score, odds, y, classes)
        auprc = over_classes(metrics.average_precision_score, odds, y, classes)
        if len(set(y)) == classes and not saturated:
            same = metrics.roc_auc_score(y, p, multi_class="ovr", average="macro")
            assert abs(auroc - same) < 1e-12, (name, auroc, same)
    brier = metrics.brier_score_loss(y, p if classes > 2 else p[:, 1], labels=range(classes))
    return {"name": name, "classes": classes, "logits": short(logits),
            "labels": y.tolist(), "auroc": auroc, "auprc": auprc, "brier": float(brier),
            "ece": float(ece(p, y)), "accuracy": metrics.accuracy_score(y, said),
            "balanced_accuracy": float(metrics.balanced_accuracy_score(y, said)),
            "macro_f1": metrics.f1_score(y, said, average="macro"),
            "mcc": metrics.matthews_corrcoef(y, said)}


def numbers(name, predicted, expected):
    a, b = np.asarray(predicted, np.float32), np.asarray(expected, np.float32)
    x, y = a.astype(np.float64), b.astype(np.float64)

    def finite(v):
        return float(v) if np.isfinite(v) else None

    varied = len(set(x)) > 1 and len(set(y)) > 1
    return {"name": name, "predicted": short(a), "expected": short(b),
            "rmse": float(np.sqrt(metrics.mean_squared_error(y, x))),
            "mae": metrics.mean_absolute_error(y, x),
            "pearson": finite(stats.pearsonr(x, y)[0]) if varied else None,
            "spearman": finite(stats.spearmanr(x, y)[0]) if varied else None}


def main(folder):
    rng = np.random.default_rng(0)
    n = 120
    y2 = rng.integers(0, 2, n)
    y4 = rng.integers(0, 4, n)
    y500 = rng.integers(0, 2, 500)
    rare = (np.arange(n) % 30 == 0).astype(int)

    def close(y, k, noise):
        return np.eye(k)[y] * 2 + rng.normal(0, noise, (len(y), k))

    cases = [
        classify("plain", close(y2, 2, 2.0).round(4), y2, 2),
        classify("ties", close(y2, 2, 2.0).round(0), y2, 2),
        classify("rare", close(rare, 2, 1.5).round(3), rare, 2),
        classify("saturated", (close(y2, 2, 2.0) * 60).round(2), y2, 2),
        classify("constant", np.zeros((n, 2)), y2, 2),
        classify("perfect", np.eye(2)[y2] * 5, y2, 2),
        classify("one class", close(np.ones(20, int), 2, 2.0).round(3), np.ones(20, int), 2),
        classify("one row", [[0.5, 0.25]], [0], 2),
        classify("four classes", close(y4, 4, 2.0).round(4), y4, 4),
        classify("a class nobody has", close(y4 % 3, 4, 2.0).round(4), y4 % 3, 4),
        classify("four classes, saturated", (close(y4, 4, 2.0) * 40).round(2), y4, 4, True),
        classify("four classes, ties", close(y4, 4, 1.0).round(0), y4, 4, True),
        classify("four classes, constant", np.zeros((n, 4)), y4, 4),
        classify("four classes, perfect", np.eye(4)[y4] * 9, y4, 4),
        classify("three classes, rare", close(rare * 2 + (y2 & ~rare), 3, 1.5).round(3),
                 rare * 2 + (y2 & ~rare), 3),
        classify("three classes, one there", close(np.full(9, 2), 3, 2.0).round(3),
                 np.full(9, 2), 3),
        classify("three classes, one row", [[0.5, 0.25, 1.0]], [1], 3),
        classify("differences that only tie in float32",
                 [[16777216, 0.5], [16777216, 0.25], [0, 3], [1, 4]], [0, 1, 1, 0], 2),
        classify("many", close(y500, 2, 2.5).round(4), y500, 2),
    ]
    x = rng.normal(0, 2, 90)
    figures = [
        numbers("plain", x.round(4), (x + rng.normal(0, 1, 90)).round(4)),
        numbers("ties", x.round(0), (x + rng.normal(0, 1, 90)).round(0)),
        numbers("exact", x.round(3), x.round(3)),
        numbers("constant", np.ones(10), x[:10].round(3)),
        numbers("constant, not a binary fraction", np.full(10, 0.1), x[:10].round(3)),
        numbers("far from zero", x.round(3) + 5000, (x + rng.normal(0, 1, 90)).round(3) - 5000),
        numbers("one row", [0.5], [0.25]),
    ]
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "cases.json"), "w") as f:
        json.dump({"classify": cases, "numbers": figures}, f, separators=(",", ":"))
        f.write("\n")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "tests/vectors/metrics")
