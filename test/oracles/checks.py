"""One line per check, counted by run.sh: `ok - …` or `not ok - …`."""
import sys


class Checks:
    """Prints checks as they are made and remembers whether all passed."""

    def __init__(self, label):
        self.label = label
        self.failed = 0

    def that(self, passed, claim, detail=""):
        """Records one check; `detail` carries the measured values."""
        self.failed += not passed
        print(f"{'ok' if passed else 'not ok'} - {self.label}: {claim}{f' ({detail})' if detail != '' else ''}", flush=True)
        return bool(passed)

    def note(self, text):
        """Prints a figure that is stated, not checked."""
        print(f"  # {self.label}: {text}", flush=True)

    def finish(self):
        """Ends the process with status 1 when a check failed."""
        sys.exit(1 if self.failed else 0)
