#!/usr/bin/env python3
"""Calibration by scipy and scikit-learn -> tests/vectors/calibration/cases.json

Temperature: the root of the derivative of the mean negative log-likelihood by 1 / T (brentq), whose
loss is scikit-learn's log_loss of the scaled probabilities. Thresholds: the largest false-positive
count that roc_curve reaches with at most k - 1 of n negatives, k = floor(a (n + 1)). Intervals:
binomtest's Wilson; beta-binomial quantiles of scipy.stats.
"""
import json
import math
import os

import numpy as np
from scipy import optimize, special, stats
from sklearn import metrics

RATES = (0.01, 0.05, 0.10)


def slope(beta, z, y):
    p = special.softmax(beta * z, axis=1)
    return float(((p * z).sum(1) - z[np.arange(len(y)), y]).mean())


def temperature(z, y):
    low, high = 1e-3, 1e3
    if slope(low, z, y) >= 0 or slope(high, z, y) <= 0:
        return None
    beta = optimize.brentq(slope, low, high, args=(z, y), xtol=1e-15, rtol=1e-15, maxiter=1000)
    loss = metrics.log_loss(y, special.softmax(beta * z, axis=1), labels=range(z.shape[1]))
    return {"temperature": 1 / beta, "loss": float(loss)}


def scores_of(z, positive, t):
    rest = np.delete(z, positive, axis=1) / t
    return (z[:, positive] / t - special.logsumexp(rest, axis=1)).astype(np.float32)


def points(s, y, positive):
    label = y == positive
    n, m = int((~label).sum()), int(label.sum())
    out = []
    for rate in RATES:
        if n < math.ceil(10 / rate - 1e-6):
            continue
        k = math.floor(rate * (n + 1) + 1e-9)
        fpr, tpr, _ = metrics.roc_curve(label, s, drop_intermediate=False)
        fp, tp = np.rint(fpr * n).astype(int), np.rint(tpr * m).astype(int)
        at = np.flatnonzero(fp <= k - 1)[-1]
        entry = {"fpr": rate, "false_positives": int(fp[at]), "true_positives": int(tp[at])}
        for name, hits, trials in (("interval", fp[at], n), ("tpr_interval", tp[at], m)):
            ci = stats.binomtest(int(hits), trials).proportion_ci(0.95, "wilson")
            entry[name] = [float(ci.low), float(ci.high)]
        out.append(entry)
    return out


def case(name, z, y, positive):
    z32 = np.round(np.asarray(z), 3).astype(np.float32)
    z, y = z32.astype(np.float64), np.asarray(y)
    fitted = temperature(z, y)
    out = {"name": name, "labels": z.shape[1], "positive": positive,
           "logits": [float(f"{v:.7g}") for v in z32.ravel()], "truth": [int(v) for v in y],
           "fitted": fitted, "points": []}
    if positive >= 0:
        s = scores_of(z, positive, fitted["temperature"] if fitted else 1.0)
        out["points"] = points(s, y, positive)
        negatives = s[y != positive]
        ask = np.concatenate([s[:20], [negatives.max(), negatives.min()]])
        out["p_values"] = [[float(v), float((1 + (negatives >= v).sum()) / (1 + len(negatives)))]
                           for v in ask]
    return out


def binary(rng, n, m, shift, scale):
    d = np.concatenate([rng.normal(-shift, 1, n), rng.normal(shift, 1, m)]) * scale
    y = np.concatenate([np.zeros(n, int), np.ones(m, int)])
    order = rng.permutation(n + m)
    return np.stack([-d / 2, d / 2], 1)[order], y[order]


def main():
    rng = np.random.default_rng(20240607)
    cases = [
        case("overconfident", *binary(rng, 260, 200, 0.8, 5), 1),
        case("underconfident", *binary(rng, 210, 90, 0.8, 0.2), 1),
        case("positive is the first", *binary(rng, 120, 205, 0.7, 2), 0),
        case("all three rates", *binary(rng, 1040, 60, 1.0, 1.5), 1),
        case("few negatives", *binary(rng, 99, 99, 0.8, 2), 1),
        case("no positive class", *binary(rng, 60, 60, 0.8, 3), -1),
        case("worse than chance", *binary(rng, 110, 60, -0.5, 1), 1),
        case("told apart", *binary(rng, 105, 40, 20, 1), 1),
    ]
    z, y = binary(rng, 230, 120, 0.6, 1)
    cases.append(case("many ties", np.round(z * 2) / 2, y, 1))
    y = rng.integers(0, 4, 500)
    z = rng.normal(0, 1, (500, 4)) + 1.5 * np.eye(4)[y]
    cases.append(case("four classes", z * 3, y, 2))
    expected = []
    for rank, rows, fresh in ((10, 200, 400), (1, 100, 100), (31, 312, 667), (50, 1000, 20), (5, 99, 1)):
        d = stats.betabinom(fresh, rank, rows + 1 - rank)
        expected.append([rank, rows, fresh, d.ppf(0.025) / fresh, d.ppf(0.975) / fresh])
    wilson = []
    for hits, trials in ((0, 10), (10, 10), (3, 50), (14, 312), (500, 1000)):
        ci = stats.binomtest(hits, trials).proportion_ci(0.95, "wilson")
        wilson.append([hits, trials, float(ci.low), float(ci.high)])
    folder = os.path.join(os.path.dirname(__file__), "..", "tests", "vectors", "calibration")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "cases.json"), "w") as file:
        json.dump({"cases": cases, "expected": expected, "wilson": wilson}, file,
                  separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
