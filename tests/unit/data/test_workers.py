import os
import time

import pytest

from partimento.data.workers import OrderedWork, WorkerDied


def slow_square(n: int) -> int:
    time.sleep(0.02 * (3 - n % 4))
    if n == 5:
        raise ValueError("five")
    return n * n


def dies(n: int) -> int:
    if n == 3:
        os._exit(9)
    return n


@pytest.mark.parametrize("processes", [1, 2])
def test_results_come_in_order_and_errors_with_them(processes: int) -> None:
    results = list(OrderedWork[int, int](slow_square, processes, method="fork").run(iter(range(9))))
    assert [job for job, _ in results] == list(range(9))
    assert isinstance(results[5][1], ValueError)
    assert [r for _, r in results if isinstance(r, int)] == [n * n for n in range(9) if n != 5]


def test_a_worker_that_dies_costs_its_item_only() -> None:
    results = dict(OrderedWork[int, int](dies, 2, method="fork").run(iter(range(12))))
    assert isinstance(results.pop(3), WorkerDied)
    assert results == {n: n for n in range(12) if n != 3}


def test_jobs_are_taken_as_they_are_needed() -> None:
    taken = []

    def jobs():
        for n in range(1000):
            taken.append(n)
            yield n

    running = OrderedWork[int, int](slow_square, 2, method="fork").run(jobs())
    next(running)
    running.close()
    assert len(taken) < 20
