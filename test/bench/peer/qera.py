#!/usr/bin/env python3
"""QERA's exact solution (arXiv 2410.06040, theorem 1), written from the paper.

usage: qera.py PROBLEM OUTPUT --rank 64 --threads 1 --root sqrtm|eigh|eigh-f32

With R = (H / tokens)^(1/2), the root of the inputs' autocorrelation, and the SVD E R = U S V^T, the correction is
U_k S_k V_k^T R^-1. The paper takes the root with scipy.linalg.sqrtm in float64; `eigh` takes it, and its inverse, from a
float64 eigendecomposition, `eigh-f32` from a float32 one with eigenvalues raised to 1e-7 of the largest. The SVD is
float32's. Prints one JSON object; seconds are those of root, SVD and solve, without reading and writing.
"""
import argparse
import json
import time

import residual_problem

p = argparse.ArgumentParser()
p.add_argument("problem")
p.add_argument("output")
p.add_argument("--rank", type=int, default=64)
p.add_argument("--threads", type=int, default=1)
p.add_argument("--root", choices=("sqrtm", "eigh", "eigh-f32"), default="sqrtm")
arguments = p.parse_args()
residual_problem.limit_threads(arguments.threads)

import numpy as np  # noqa: E402
import scipy  # noqa: E402
import torch  # noqa: E402

torch.set_num_threads(arguments.threads)


def root_by_sqrtm(autocorrelation):
    """R and a function that multiplies by its inverse from the right."""
    root = torch.from_numpy(np.ascontiguousarray(np.real(scipy.linalg.sqrtm(autocorrelation.double().numpy()))))
    return root, lambda V: torch.linalg.solve(root.T, V.double().T).T


def root_by_eigh(autocorrelation):
    values, vectors = torch.linalg.eigh(autocorrelation)
    least = 1e-7 if autocorrelation.dtype == torch.float32 else 1e-14
    roots = values.clamp_min(least * values[-1]).sqrt()
    return (vectors * roots) @ vectors.T, lambda V: ((V.to(vectors.dtype) @ vectors) / roots) @ vectors.T


def solve(E, H, tokens, rank, kind):
    autocorrelation = torch.from_numpy(H) / tokens
    if kind == "sqrtm":
        root, times_inverse = root_by_sqrtm(autocorrelation)
    else:
        root, times_inverse = root_by_eigh(autocorrelation.double() if kind == "eigh" else autocorrelation)
    U, S, Vt = torch.linalg.svd(torch.from_numpy(E) @ root.float(), full_matrices=False)
    scale = S[:rank].sqrt()
    return U[:, :rank] * scale, times_inverse(Vt[:rank] * scale[:, None]).T


E, H, tokens = residual_problem.read(arguments.problem)
torch.linalg.svd(torch.eye(8))  # the first call initializes LAPACK
begin, begin_cpu = time.perf_counter(), time.process_time()
A, B = solve(E, H, tokens, arguments.rank, arguments.root)
seconds, cpu_seconds = time.perf_counter() - begin, time.process_time() - begin_cpu
residual_problem.write_factors(arguments.output, A.numpy(), B.numpy())
print(
    json.dumps(
        {
            "seconds": seconds,
            "cpuSeconds": cpu_seconds,
            "peakRssBytes": residual_problem.peak_rss_bytes(),
            "versions": {"torch": torch.__version__, "scipy": scipy.__version__, "numpy": np.__version__},
        }
    )
)
