#!/usr/bin/env python3
"""Fits the polynomials of exp, erf and tanh and writes src/cpu/polynomials.h.

Every kernel set evaluates the same polynomials with the same fused multiply-adds, so the
coefficients are made once, here, by a Remez exchange in 60 digits. Coefficients are rounded to
float32 one after the other, lowest degree first, and the rest fitted again after each rounding.
The recipes below are the specification: they are run on numpy float32 with the fused operation
emulated in double, measured against 60-digit or double values, and the figures stand in the header.

    python tools/fit_polynomials.py [--out src/cpu/polynomials.h] [--points 1000000]
"""

import argparse
import math
import pathlib
import shutil
import subprocess

import mpmath as mp
import numpy as np
from scipy import special

mp.mp.dps = 60
F = np.float32


def remez(target, weight, basis, low, high, grid=1200, rounds=60):
    """Minimax coefficients of target ~ sum c_k basis_k on [low, high], error times weight."""
    n = len(basis)
    points = [low + (high - low) * (1 - mp.cos(mp.pi * i / (grid - 1))) / 2 for i in range(grid)]
    f = [target(x) * weight(x) for x in points]
    b = [[g(x) * weight(x) for g in basis] for x in points]
    picked = [round(i * (grid - 1) / n) for i in range(n + 1)]
    coefficients = None
    for _ in range(rounds):
        matrix = mp.matrix(n + 1, n + 1)
        right = mp.matrix(n + 1, 1)
        for row, p in enumerate(picked):
            for k in range(n):
                matrix[row, k] = b[p][k]
            matrix[row, n] = (-1) ** row
            right[row] = f[p]
        solution = mp.lu_solve(matrix, right)
        coefficients = [solution[k] for k in range(n)]
        level = abs(solution[n])
        error = [f[i] - mp.fdot(coefficients, b[i]) for i in range(grid)]
        extrema = []  # the largest point of each run of one sign
        for i, e in enumerate(error):
            if extrema and (error[extrema[-1]] >= 0) == (e >= 0):
                if abs(e) > abs(error[extrema[-1]]):
                    extrema[-1] = i
            else:
                extrema.append(i)
        while len(extrema) > n + 1:
            if abs(error[extrema[0]]) < abs(error[extrema[-1]]):
                extrema.pop(0)
            else:
                extrema.pop()
        if len(extrema) < n + 1:
            break
        largest = max(abs(e) for e in error)
        if extrema == picked or largest <= level * mp.mpf("1.0005"):
            break
        picked = extrema
    return coefficients


def fit_rounded(target, weight, powers, low, high):
    """float32 coefficients of sum c_k x^powers[k], each rounded before the next are fitted."""
    fixed = []
    for k in range(len(powers)):
        def rest(x, fixed=tuple(fixed)):
            return target(x) - mp.fsum(c * x ** p for c, p in zip(fixed, powers))
        basis = [lambda x, p=p: x ** p for p in powers[k:]]
        fixed.append(mp.mpf(float(F(float(remez(rest, weight, basis, low, high)[0])))))
    return [F(float(c)) for c in fixed]


# ---- the recipes, in float32; fma() rounds once (a product of two float32 is exact in double)

def fma(a, b, c):
    # longdouble carries 64 bits, so rounding the sum twice is wrong only within 2^-40 of a tie
    return F(np.longdouble(a) * np.longdouble(b) + np.longdouble(c))


def horner(c, x):
    p = np.full_like(x, c[-1])
    for k in range(len(c) - 2, -1, -1):
        p = fma(p, x, np.full_like(x, c[k]))
    return p


LOG2E = F(math.log2(math.e))
LN2_HI = F(float.fromhex("0x1.62e4p-1"))  # few bits: n * LN2_HI is exact for |n| < 2^10
LN2_LO = F(math.log(2) - float(LN2_HI))
MAGIC = F(12582912.0)
EXP_LOWEST = F(float.fromhex("-0x1.5d589ep+6"))  # the last with a result of 2^-126 or more
EXP_HIGHEST = F(float.fromhex("0x1.62e42ep+6"))  # the last with a finite result
ERF_CLAMP = F(4.0)
TANH_CLAMP = F(10.0)


def exp32(c, x):
    biased = fma(x, np.full_like(x, LOG2E), np.full_like(x, MAGIC))
    n = biased - MAGIC
    r = fma(n, np.full_like(x, -LN2_HI), x)
    r = fma(n, np.full_like(x, -LN2_LO), r)
    r2 = r * r
    t = fma(horner(c, r), r2, r)
    whole = n.astype(np.int32)
    half = whole >> 1
    y = (t + F(1.0)) * np.ldexp(F(1.0), half) * np.ldexp(F(1.0), whole - half)
    return np.where(x < EXP_LOWEST, F(0.0), np.where(x > EXP_HIGHEST, F(np.inf), y))


def erf32(exp_c, near, far, split, x):
    a = np.abs(x)
    s = a * a
    small = fma(horner(near, s), a, a)
    t = np.minimum(a, ERF_CLAMP)
    q = fma(horner(far, t), t, t)
    large = F(1.0) - exp32(exp_c, -q)
    return np.copysign(np.where(a <= split, small, large), x)


def tanh32(exp_c, near, split, x):
    a = np.abs(x)
    s = a * a
    small = fma(horner(near, s) * s, a, a)
    t = np.minimum(a, TANH_CLAMP)
    e = exp32(exp_c, t + t)
    large = F(1.0) - F(2.0) / (e + F(1.0))
    return np.copysign(np.where(a <= split, small, large), x)


def ulps(got, exact):
    """Distance in units of the last place of the exact value (normal numbers only)."""
    _, exponent = np.frexp(exact)
    unit = np.ldexp(1.0, np.maximum(exponent - 24, -149))
    return np.abs(got.astype(np.float64) - exact) / unit


def sweep(low, high, points, rng):
    """Half evenly, half evenly in the logarithm from 2^-40, both signs where the interval has."""
    even = rng.uniform(low, high, points // 2)
    size = 2.0 ** rng.uniform(-40, math.log2(max(abs(low), abs(high))), points // 2)
    log = np.where(rng.random(points // 2) < 0.5, -size, size)
    x = np.concatenate([even, log[(log >= low) & (log <= high)]])
    return np.sort(x.astype(F))


def measure(name, function, exact, low, high, points, rng):
    def errors(x):
        with np.errstate(over="ignore", invalid="ignore"):
            return ulps(function(x), exact(x.astype(np.float64)))
    x = sweep(low, high, points, rng)
    error = errors(x)
    order = np.argsort(error)[::-1][:4]
    worst, at = float(error[order[0]]), float(x[order[0]])
    for i in order:  # every float32 around the worst of the sample
        bits = x[i:i + 1].view(np.int32)[0].astype(np.int64) + np.arange(-(1 << 18), 1 << 18)
        near = bits.astype(np.int32).view(F)
        near = near[(near >= F(low)) & (near <= F(high))]
        near_error = errors(near)
        if near_error.max() > worst:
            worst, at = float(near_error.max()), float(near[near_error.argmax()])
    print(f"{name}: max {worst:.3f} ulp at {at!r}, mean {error.mean():.3f}, "
          f"{len(x)} points in [{low:g}, {high:g}]")
    return worst


def hexfloat(value):
    text = float(value).hex()
    mantissa, exponent = text.split("p")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}p{exponent}f"


def table(name, count_name, coefficients):
    lines = [f"enum {{ {count_name} = {len(coefficients)} }};",
             f"static const float {name}[{count_name}] = {{"]
    for k, c in enumerate(coefficients):
        lines.append(f"    {hexfloat(c)}, /* [{k}] {float(c):.9g} */")
    return "\n".join(lines + ["};"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    root = pathlib.Path(__file__).resolve().parent.parent
    parser.add_argument("--out", default=str(root / "src/cpu/polynomials.h"))
    parser.add_argument("--points", type=int, default=1000000)
    options = parser.parse_args()
    rng = np.random.default_rng(1)

    half_ln2 = mp.log(2) / 2 * mp.mpf("1.0001")

    def exp_target(r):
        if abs(r) < mp.mpf("1e-12"):
            return mp.mpf(1) / 2 + r / 6
        return (mp.expm1(r) - r) / r ** 2
    exp_c = fit_rounded(exp_target, lambda r: r ** 2 / mp.exp(r), range(5), -half_ln2, half_ln2)

    short_c = fit_rounded(lambda x: mp.mpf(2) ** x, lambda x: mp.mpf(2) ** -x, range(5),
                          mp.mpf("-0.50001"), mp.mpf("0.50001"))

    erf_split = F(0.921875)

    def erf_near(s):
        if s == 0:
            return 2 / mp.sqrt(mp.pi) - 1
        return mp.erf(mp.sqrt(s)) / mp.sqrt(s) - 1

    def erf_near_weight(s):
        return mp.sqrt(s) / mp.erf(mp.sqrt(s)) if s > 0 else mp.mpf(1)
    near = fit_rounded(erf_near, erf_near_weight, range(6), mp.mpf(0),
                       mp.mpf(float(erf_split)) ** 2)

    far = fit_rounded(lambda t: -mp.log(mp.erfc(t)) / t - 1,
                      lambda t: t * mp.erfc(t) / mp.erf(t), range(7),
                      mp.mpf(float(erf_split)), mp.mpf("3.95"))

    tanh_split = F(0.625)

    def tanh_near(s):
        x = mp.sqrt(s)
        if s < mp.mpf("1e-20"):
            return -mp.mpf(1) / 3 + 2 * s / 15
        return (mp.tanh(x) / x - 1) / s

    def tanh_weight(s):
        return s * mp.sqrt(s) / mp.tanh(mp.sqrt(s)) if s > 0 else mp.mpf(0)
    tanh_c = fit_rounded(tanh_near, tanh_weight, range(5), mp.mpf("1e-12"),
                         mp.mpf(float(tanh_split)) ** 2)

    n = options.points
    limit = float(mp.log(2) / 2)
    e_poly = measure("exp, reduced", lambda x: exp32(exp_c, x), np.exp, -limit, limit, n, rng)
    e_full = measure("exp", lambda x: exp32(exp_c, x), np.exp, float(EXP_LOWEST), 88.7, n, rng)
    e_near = measure("erf, near", lambda x: erf32(exp_c, near, far, erf_split, x), special.erf,
                     -float(erf_split), float(erf_split), n, rng)
    e_erf = measure("erf", lambda x: erf32(exp_c, near, far, erf_split, x), special.erf,
                    -6.0, 6.0, n, rng)
    t_near = measure("tanh, near", lambda x: tanh32(exp_c, tanh_c, tanh_split, x), np.tanh,
                     -float(tanh_split), float(tanh_split), n, rng)
    t_full = measure("tanh", lambda x: tanh32(exp_c, tanh_c, tanh_split, x), np.tanh,
                     -12.0, 12.0, n, rng)
    places = np.linspace(-.5, .5, n).astype(F)
    exact = np.exp2(places.astype(np.float64))
    e_short = math.log2(np.max(np.abs(horner(short_c, places) - exact) / exact))
    print(f"exp2, short: relative error 2^{e_short:.1f}")
    special_values(exp_c, near, far, erf_split, tanh_c, tanh_split)

    text = f"""/*
 * The polynomials that every kernel set shares for exp, erf and tanh in float32, and one shorter.
 * Made by tools/fit_polynomials.py; change it there. Entry [k] multiplies the k-th power.
 * Bits are equal on every kernel set when the recipe above each table is followed exactly: fma() is
 * one rounding, horner(c, x) is p = c[last]; p = fma(p, x, c[k]) downwards to c[0], and no other
 * product and sum are fused. min(C, a) returns a when a is not a number (MINPS with C first).
 */
#ifndef ASSAY_CPU_POLYNOMIALS_H
#define ASSAY_CPU_POLYNOMIALS_H

/*
 * exp(x), max {e_full:.2f} ulp over the normal range, {e_poly:.2f} ulp on [-ln2/2, ln2/2]:
 *   m = fma(x, exp_log2e, exp_magic); n = m - exp_magic;      (the low bits of m are n as integer)
 *   r = fma(n, -exp_ln2_hi, x); r = fma(n, -exp_ln2_lo, r);
 *   t = fma(horner(exp_poly, r), r * r, r); y = (t + 1) * 2^n.
 * n reaches 128: scale by 2^(n >> 1), then by 2^(n - (n >> 1)).
 * x < exp_lowest gives 0 (no denormals), x > exp_highest gives infinity.
 */
static const float exp_log2e = {hexfloat(LOG2E)};
static const float exp_magic = {hexfloat(MAGIC)}; /* 1.5 * 2^23 */
static const float exp_ln2_hi = {hexfloat(LN2_HI)}; /* 15 bits: n * exp_ln2_hi is exact */
static const float exp_ln2_lo = {hexfloat(LN2_LO)};
static const float exp_lowest = {hexfloat(EXP_LOWEST)}; /* {float(EXP_LOWEST):.9g} */
static const float exp_highest = {hexfloat(EXP_HIGHEST)}; /* {float(EXP_HIGHEST):.9g} */
{table("exp_poly", "EXP_TERMS", exp_c)}

/*
 * 2^x on [-1/2, 1/2] to 2^{e_short:.0f}, relative: where results become bfloat16, on sets that have its
 * units. n = x rounded to the nearest whole number; y = horner(exp2_short, x - n) * 2^n.
 */
{table("exp2_short", "EXP2_SHORT_TERMS", short_c)}

/*
 * erf(x) = copysign(y, x), max {max(e_erf, e_near):.2f} ulp, a = |x|:
 *   a <= erf_split: y = fma(horner(erf_near, a * a), a, a)
 *   otherwise:      t = min(erf_clamp, a); q = fma(horner(erf_far, t), t, t);
 *                   y = 1 - exp(-q)                            (exp as above)
 */
static const float erf_split = {hexfloat(erf_split)}; /* {float(erf_split):.9g} */
static const float erf_clamp = {hexfloat(ERF_CLAMP)}; /* {float(ERF_CLAMP):.9g} */
{table("erf_near", "ERF_NEAR_TERMS", near)}
{table("erf_far", "ERF_FAR_TERMS", far)}

/*
 * tanh(x) = copysign(y, x), max {max(t_full, t_near):.2f} ulp, a = |x|:
 *   a <= tanh_split: s = a * a; y = fma(horner(tanh_near, s) * s, a, a)
 *   otherwise:       t = min(tanh_clamp, a); y = 1 - 2 / (exp(t + t) + 1)
 */
static const float tanh_split = {hexfloat(tanh_split)}; /* {float(tanh_split):.9g} */
static const float tanh_clamp = {hexfloat(TANH_CLAMP)}; /* {float(TANH_CLAMP):.9g} */
{table("tanh_near", "TANH_NEAR_TERMS", tanh_c)}

#endif
"""
    pathlib.Path(options.out).write_text(text)
    if shutil.which("clang-format"):
        subprocess.run(["clang-format", "-i", "--style=file", options.out], check=True)
    print(f"wrote {options.out}")


def special_values(exp_c, near, far, erf_split, tanh_c, tanh_split):
    """What the recipes say at the edges; a wrong one stops the run before the header is written."""
    zero = np.array([0.0, -0.0], F)
    large = np.array([10.0, 100.0, 3e38, np.inf], F)
    dense = np.linspace(-12, 12, 400001).astype(F)
    assert np.array_equal(exp32(exp_c, zero), np.ones(2, F))
    for function in (lambda x: erf32(exp_c, near, far, erf_split, x),
                     lambda x: tanh32(exp_c, tanh_c, tanh_split, x)):
        with np.errstate(over="ignore", invalid="ignore"):
            assert np.array_equal(np.signbit(function(zero)), np.signbit(zero))
            assert np.all(function(large) == 1.0) and np.all(function(-large) == -1.0)
            assert np.all(np.abs(function(dense)) <= 1.0)
    assert exp32(exp_c, np.array([-200.0], F))[0] == 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        beyond = np.nextafter(EXP_HIGHEST, F(np.inf))
        ends = exp32(exp_c, np.array([EXP_LOWEST, EXP_HIGHEST, beyond, np.inf, -np.inf], F))
    assert np.finfo(F).tiny <= ends[0] < 1.0001 * np.finfo(F).tiny
    assert mp.exp(mp.mpf(float(EXP_HIGHEST))) < np.finfo(F).max < mp.exp(mp.mpf(float(beyond)))
    assert np.isfinite(ends[1]) and np.isinf(ends[2]) and np.isinf(ends[3]) and ends[4] == 0.0


if __name__ == "__main__":
    main()
