#!/usr/bin/env python3
"""Judges contenders in float64, from their files alone.

usage: correction_loss.py PROBLEM FACTORS... [--threads 1] [--plain]

For each directory of factors: tr((E - A B^T) H (E - A B^T)^T) / tokens, and with --plain the squared Frobenius norm of
E - A B^T instead. Prints a JSON object {"none": of no correction, "final": [one a directory]}.
"""
import argparse
import json
import os

import residual_problem

p = argparse.ArgumentParser()
p.add_argument("problem")
p.add_argument("factors", nargs="+")
p.add_argument("--threads", type=int, default=1)
p.add_argument("--plain", action="store_true")
arguments = p.parse_args()
residual_problem.limit_threads(arguments.threads)

import numpy as np  # noqa: E402

E, H, tokens = residual_problem.read(arguments.problem, with_statistic=not arguments.plain)
E = E.astype(np.float64)
H = None if H is None else H.astype(np.float64) / tokens


def loss(R):
    return float(np.sum(R * R) if H is None else np.sum((R @ H) * R))


def rest(directory):
    A = np.fromfile(os.path.join(directory, "A.f32"), np.float32).reshape(E.shape[0], -1)
    B = np.fromfile(os.path.join(directory, "B.f32"), np.float32).reshape(E.shape[1], -1)
    return E - A.astype(np.float64) @ B.astype(np.float64).T


print(json.dumps({"none": loss(E), "final": [loss(rest(directory)) for directory in arguments.factors]}))
