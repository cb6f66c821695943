/** Exit codes of the command line: 1 also stands for a verification that failed, 130 for Ctrl-C. */
export const EXIT_CODE = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const;
