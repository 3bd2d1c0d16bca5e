#!/usr/bin/env python3
"""1,000 random problems judged by scikit-learn -> tests/vectors/metrics/decisions.json

The problems are drawn by a generator that tests/test_decisions.c has too, so only expected values
are kept: all figures of the first 50, and of every problem one weighted sum of its figures, which
no wrong figure leaves as it is. Problems have ties, one row, a class that is missing, a class that
is never predicted, constant scores.
"""
import json
import os
import sys
import warnings

import numpy as np
from scipy import stats
from sklearn import metrics

warnings.filterwarnings("ignore")
PROBLEMS, FULL = 1000, 50


class Draw:
    def __init__(self, seed):
        self.state = seed

    def __call__(self, below):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % below


def problem(seed):
    draw = Draw(seed)
    classes = 2 + draw(4)
    kind = draw(10)
    rows = 1 if kind == 0 else 2 + draw(4) if kind == 1 else 6 + draw(60)
    levels = (1, 2, 3, 10, 1000)[draw(5)]
    present = classes - 1 if draw(4) == 0 and classes > 2 else classes
    first_said = 1 if draw(4) == 0 else 0
    y, said, score, sure = [], [], [], []
    for _ in range(rows):
        y.append(draw(present))
        said.append(y[-1] if draw(3) and y[-1] >= first_said
                    else first_said + draw(classes - first_said))
        score.append(float(draw(levels) + (y[-1] == 0) * draw(levels)))
        sure.append(float(draw(levels)))
    return classes, np.array(y), np.array(said), np.array(score), np.array(sure)


def risk_area(wrong, sure):
    order = np.argsort(-sure, kind="stable")
    wrong, sure, seen, errors, risks = wrong[order], sure[order], 0, 0.0, []
    while seen < len(wrong):
        tie = sure == sure[seen]
        count, share = tie.sum(), wrong[tie].mean()
        risks += [(errors + k * share) / (seen + k) for k in range(1, count + 1)]
        errors += wrong[tie].sum()
        seen += count
    return float(np.mean(risks))


def figures(seed):
    classes, y, said, score, sure = problem(seed)
    positive = y == 0
    out = [metrics.accuracy_score(y, said), metrics.balanced_accuracy_score(y, said),
           metrics.matthews_corrcoef(y, said)]
    for average in ("macro", "weighted"):
        out += metrics.precision_recall_fscore_support(y, said, average=average,
                                                       zero_division=0)[:3]
    for part in metrics.precision_recall_fscore_support(y, said, labels=range(classes),
                                                        zero_division=0):
        out.append(sum((c + 1) * v for c, v in enumerate(part)))
    both = 0 < positive.sum() < len(y)
    out.append(metrics.roc_auc_score(positive, score) if both else None)
    out.append(metrics.average_precision_score(positive, score) if positive.any() else None)
    for rate in (0.01, 0.05, 0.2):
        if not both:
            out.append(None)
            continue
        fpr, tpr, _ = metrics.roc_curve(positive, score, drop_intermediate=False)
        out.append(tpr[fpr <= rate + 1e-12].max())
    out.append(risk_area(y != said, sure))
    return [None if v is None else float(v) for v in out]


def combined(values):
    return float(sum((1 + k / 16) * (-7.0 if v is None else v) for k, v in enumerate(values)))


def intervals():
    shares = [(0, 10), (1, 10), (10, 10), (33, 667), (5, 1000), (999, 1000), (1, 1)]
    tests = [(0, 0), (0, 1), (3, 9), (12, 12), (250, 200), (1, 400)]
    return {
        "wilson": [[k, n, *map(float, stats.binomtest(k, n).proportion_ci(method="wilson"))]
                   for k, n in shares],
        "mcnemar": [[a, b, 1.0 if a + b == 0 else float(stats.binomtest(a, a + b).pvalue)]
                    for a, b in tests],
        "normal": [[p, float(stats.norm.ppf(p))] for p in (1e-6, 0.025, 0.3, 0.5, 0.975)],
        "student": [[p, f, float(stats.t.ppf(p, f))] for p in (1e-4, 0.025, 0.4, 0.975)
                    for f in (1, 2, 5, 29.5, 400, 1e5)],
    }


def main(folder):
    every = [figures(seed) for seed in range(PROBLEMS)]
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "decisions.json"), "w") as f:
        json.dump({"full": every[:FULL], "combined": [combined(v) for v in every], **intervals()},
                  f, separators=(",", ":"))
        f.write("\n")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "tests/vectors/metrics")
