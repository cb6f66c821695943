"""Reads the problem that a benchmark wrote for all contenders, and writes what a contender chose.

A problem is a directory with problem.json {"m", "n", "tokens"}, E.f32 [m, n] and H.f32 [n, n], row-major. A contender
writes A.f32 [m, rank] and B.f32 [n, rank] into a directory of its own.
"""
import json
import os
import resource

import numpy as np


def read(directory, with_statistic=True):
    """Returns E, H (None without the statistic) and the number of tokens."""
    with open(os.path.join(directory, "problem.json"), encoding="utf-8") as f:
        shape = json.load(f)
    m, n = shape["m"], shape["n"]
    E = np.fromfile(os.path.join(directory, "E.f32"), np.float32).reshape(m, n)
    if not with_statistic:
        return E, None, shape["tokens"]
    return E, np.fromfile(os.path.join(directory, "H.f32"), np.float32).reshape(n, n), shape["tokens"]


def write_factors(directory, A, B):
    np.ascontiguousarray(A, np.float32).tofile(os.path.join(directory, "A.f32"))
    np.ascontiguousarray(B, np.float32).tofile(os.path.join(directory, "B.f32"))


def limit_threads(threads):
    """Has to come before torch and scipy are imported: their BLAS reads the environment once."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(threads)


def peak_rss_bytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
