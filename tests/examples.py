"""How many examples a rule on real servers is tried with: few in CI, more by `EXAMPLES=10 pytest …`."""

import os


def examples(few: int) -> int:
    """Return `few`, times what the variable EXAMPLES says."""
    return max(1, int(few * float(os.environ.get("EXAMPLES", "1"))))
