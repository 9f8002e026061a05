"""The question every page asks: is the machinery behind?"""

import statistics
import time
from collections.abc import Callable, Iterator

from feedback_desk.notices.models import ServiceState
from feedback_desk.workplace import health
from feedback_desk.workplace.benchmarks import Figure, benchmark

ROUNDS = 200


@benchmark("signs", "health.state() as a multiple of reading the same three rows")
def signs() -> Iterator[Figure]:
    for name in (health.BEAT, *health.WORKERS):
        health.sign(name)
    bare = median_of(lambda: list(ServiceState.objects.values_list("name", "at")))
    asked = median_of(health.state)
    yield Figure("signs of life", asked * 1000, "ms", "three rows of one table")
    yield Figure("signs of life, ratio", asked / bare, "times", "one query of the same rows")


def median_of(work: Callable[[], object]) -> float:
    """Median seconds of one call, over ROUNDS calls."""
    taken = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)
