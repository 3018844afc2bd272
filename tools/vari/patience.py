"""How long tests wait before they call it a hang: a limit that no working machine reaches, so it grows with what
else the machine has to do. Nothing that passes takes longer for it.
"""
import os

_LONGEST = 8


def stretched(seconds):
    """`seconds` of a machine that has nothing else to do, as the load of this one makes them."""
    waiting = os.getloadavg()[0] / len(os.sched_getaffinity(0))
    return seconds * min(_LONGEST, max(1, waiting))
