"""Where a product comes from, and writing it whole."""
import importlib.metadata
import json
import os
import platform
import resource
import time

import torch

BEGAN = time.time()
PACKAGES = ("torch", "transformers", "peft", "bitsandbytes", "accelerate")


def describe_run():
    """Returns versions, hardware, threads, seconds and peak memory of this process; the commit as the environment gives it."""
    device = torch.cuda.get_device_name(0) if torch.cuda.is_available() else f"{platform.machine()} CPU"
    return {
        "provenance": {
            "commit": os.environ.get("QUAILORA_COMMIT", "unknown"),
            "versions": {"python": platform.python_version(), **{p: importlib.metadata.version(p) for p in PACKAGES}},
            "device": device,
            "threads": torch.get_num_threads(),
            "seconds": time.time() - BEGAN,
            "peakRssBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }
    }


def write_whole(path, value):
    """Writes JSON beside its place and renames it, so that a file that is there is whole."""
    with open(f"{path}.partial", "w", encoding="utf-8") as f:
        json.dump(value, f, indent=1)
        f.write("\n")
        f.flush()
        os.fsync(f.fileno())
    os.replace(f"{path}.partial", path)
