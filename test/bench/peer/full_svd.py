#!/usr/bin/env python3
"""The best rank-limited approximation of a residual by a full SVD, as PEFT's LoftQ takes it (peft/utils/loftq_utils.py, `_low_rank_decomposition`).

usage: full_svd.py PROBLEM OUTPUT --rank 64 --threads 1

Prints one JSON object; seconds are those of torch.linalg.svd and the split, without reading and writing.
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
arguments = p.parse_args()
residual_problem.limit_threads(arguments.threads)

import torch  # noqa: E402

torch.set_num_threads(arguments.threads)
E, _, _ = residual_problem.read(arguments.problem, with_statistic=False)
torch.linalg.svd(torch.eye(8))  # the first call initializes LAPACK
begin, begin_cpu = time.perf_counter(), time.process_time()
U, S, Vt = torch.linalg.svd(torch.from_numpy(E), full_matrices=False)
scale = S[: arguments.rank].sqrt()
A, B = U[:, : arguments.rank] * scale, Vt[: arguments.rank].T * scale
seconds, cpu_seconds = time.perf_counter() - begin, time.process_time() - begin_cpu
residual_problem.write_factors(arguments.output, A.numpy(), B.numpy())
print(
    json.dumps(
        {
            "seconds": seconds,
            "cpuSeconds": cpu_seconds,
            "peakRssBytes": residual_problem.peak_rss_bytes(),
            "versions": {"torch": torch.__version__},
        }
    )
)
