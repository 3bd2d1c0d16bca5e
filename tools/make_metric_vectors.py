#!/usr/bin/env python3
"""Figures of merit by scikit-learn and scipy -> tests/vectors/metrics/cases.json"""
import json
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
            total += abs(sure[inside].sum() - (best[inside] == y[inside]).sum())
    return total / len(y)


def over_classes(figure, p, y, classes):
    values = [figure(y == c, p[:, c]) for c in range(classes) if 0 < (y == c).sum() < len(y)]
    return float(np.mean(values)) if values else None


def classify(name, logits, labels, classes):
    logits = np.asarray(logits, np.float32).reshape(-1, classes)
    y = np.asarray(labels)
    p = softmax(logits)
    said = logits.argmax(1)
    if classes == 2:
        score = logits[:, 1] - logits[:, 0]
        both = 0 < y.sum() < len(y)
        auroc = metrics.roc_auc_score(y, score) if both else None
        auprc = metrics.average_precision_score(y, score) if both else None
        brier = metrics.brier_score_loss(y, p[:, 1]) if both else float(np.mean((p[:, 1] - y) ** 2))
    else:
        p32 = p.astype(np.float32)
        auroc = over_classes(metrics.roc_auc_score, p32, y, classes)
        auprc = over_classes(metrics.average_precision_score, p32, y, classes)
        if len(set(y)) == classes:
            whole = p32.astype(np.float64)
            assert abs(auroc - np.mean([metrics.roc_auc_score(y == c, whole[:, c])
                                        for c in range(classes)])) < 1e-12
        brier = float(np.mean(((p - np.eye(classes)[y]) ** 2).sum(1)))
    return {"name": name, "classes": classes, "logits": [float(v) for v in logits.ravel()],
            "labels": y.tolist(), "auroc": auroc, "auprc": auprc, "brier": float(brier),
            "ece": float(ece(p, y)), "accuracy": metrics.accuracy_score(y, said),
            "balanced_accuracy": float(metrics.recall_score(y, said, labels=sorted(set(y)),
                                                            average="macro")),
            "macro_f1": metrics.f1_score(y, said, average="macro"),
            "mcc": metrics.matthews_corrcoef(y, said)}


def numbers(name, predicted, expected):
    a, b = np.asarray(predicted, np.float32), np.asarray(expected, np.float32)
    x, y = a.astype(np.float64), b.astype(np.float64)
    def finite(v):
        return float(v) if np.isfinite(v) else None
    varied = len(set(x)) > 1 and len(set(y)) > 1
    return {"name": name, "predicted": x.tolist(), "expected": y.tolist(),
            "rmse": float(np.sqrt(metrics.mean_squared_error(y, x))),
            "mae": metrics.mean_absolute_error(y, x),
            "pearson": finite(stats.pearsonr(x, y)[0]) if varied else None,
            "spearman": finite(stats.spearmanr(x, y)[0]) if varied else None}


def main(folder):
    rng = np.random.default_rng(0)
    n = 120
    y2 = rng.integers(0, 2, n)
    y4 = rng.integers(0, 4, n)
    rare = (np.arange(n) % 30 == 0).astype(int)
    close = lambda y, k, noise: np.eye(k)[y] * 2 + rng.normal(0, noise, (len(y), k))
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
    ]
    x = rng.normal(0, 2, 90)
    figures = [
        numbers("plain", x.round(4), (x + rng.normal(0, 1, 90)).round(4)),
        numbers("ties", x.round(0), (x + rng.normal(0, 1, 90)).round(0)),
        numbers("exact", x.round(3), x.round(3)),
        numbers("constant", np.ones(10), x[:10].round(3)),
    ]
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "cases.json"), "w") as f:
        json.dump({"classify": cases, "numbers": figures}, f, separators=(",", ":"))
        f.write("\n")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "tests/vectors/metrics")
