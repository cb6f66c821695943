#!/usr/bin/env python3
"""Compares the installed packages with the pinned ones and imports them. usage: check_environment.py REQUIREMENTS"""
import importlib
import importlib.metadata
import logging
import sys


def problems(requirements):
    with open(requirements, encoding="utf-8") as f:
        pins = [line.strip().split("==") for line in f if "==" in line and not line.startswith("#")]
    for name, wanted in pins:
        try:
            found = importlib.metadata.version(name).split("+")[0]
            importlib.import_module(name)
        except Exception as error:  # a broken package can fail with anything
            yield f"{name} can't be imported ({type(error).__name__}: {error})"
            continue
        if found != wanted:
            yield f"{name} is {found}, pinned is {wanted}"


def main():
    # bitsandbytes tells of optional kernels that it would have liked
    logging.disable(logging.ERROR)
    found = list(problems(sys.argv[1]))
    if found:
        ours = sys.prefix.endswith(".venv-reproduce")
        remedy = f"Remove it (rm -rf {sys.prefix})" if ours else f"Install them ({sys.executable} -m pip install -r {sys.argv[1]})"
        sys.exit(f"The Python environment {sys.prefix} is not the one that is pinned:\n  " + "\n  ".join(found)
                 + f"\n{remedy}{', ' if ours else ', or leave REPRODUCE_PYTHON out, '}and run make again.")


if __name__ == "__main__":
    main()
