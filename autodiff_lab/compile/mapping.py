"""`Function.map`: one function over many batches, on the workers of any executor.

What is here: `map_batches`, and `run_batch`, which workers call.

Relies on functions being pickled as data (`compile.saving`).

The one idea: the caller numbers the batches and takes the results in that order, so a sum has the
same bits whoever computed its terms.  The function travels once to each worker: a task carries its
fingerprint, and a worker that does not hold it says so and is sent the whole.  A batch whose worker
died is computed by the caller.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor
from typing import Any

import numpy as np

from autodiff_lab.compile.call import Function
from autodiff_lab.errors import LabTypeError, LabValueError

MOST_HELD = 8
_held: dict[bytes, Function] = {}       # in a worker: fingerprint -> function


def run_batch(mark: bytes, payload: bytes | None, tier: str, batch: Any) -> tuple[str, Any]:
    """In a worker: ("value", result), ("error", exception), or ("missing", None)."""
    try:
        function = _held.get(mark)
        if function is None:
            if payload is None:
                return "missing", None
            function = _held[mark] = pickle.loads(payload).use(tier)
            for old in list(_held)[:-MOST_HELD]:
                _held.pop(old, None)
        return "value", _call(function, batch)
    except Exception as error:
        return "error", error


def _call(function: Function, batch: Any) -> Any:
    if callable(batch):
        batch = batch()
    if isinstance(batch, dict):
        return function(**{name: _aligned(value) for name, value in batch.items()})
    return function(*map(_aligned, batch if isinstance(batch, tuple) else (batch,)))


def _aligned(value: Any) -> Any:
    """An array as it was before it travelled: it may arrive anywhere in a message."""
    return np.require(value, requirements="A") if isinstance(value, np.ndarray) else value


def map_batches(
    function: Function, executor: Any, batches: Iterable[Any],
    reduce: str | Callable[[Any, Any], Any] | None = None, in_flight: int | None = None,
) -> Any:
    """`Function.map`, which has the documentation."""
    if function.updates_values:
        raise LabTypeError(
            "A function that updates values cannot be mapped.",
            why="every worker would update a copy of its own",
            remedy="map f.copy(delete_updates=True), and update with the reduced result",
        )
    if not hasattr(executor, "submit") or not isinstance(batches, Iterable):
        raise LabTypeError(
            "map takes an executor, then the batches; it was given "
            f"{str(executor)[:40]} and {str(batches)[:40]}.",
            remedy="with ThreadPoolExecutor() as pool: f.map(pool, batches)",
        )
    if reduce is not None and reduce != "sum" and not callable(reduce):
        raise LabValueError(
            f"map cannot reduce by {reduce!r:.40}.",
            remedy="None, 'sum', or a function of the total and the next result",
        )
    results = _Mapping(function, executor, in_flight).results(iter(batches))
    if reduce is None:
        return results
    combine = _add if reduce == "sum" else reduce
    assert callable(combine)
    total: Any = None
    for number, result in enumerate(results):
        total = result if number == 0 else combine(total, result)
    return total


class _Mapping:
    """The state of one map: what is under way, and whether the executor still works."""

    def __init__(self, function: Function, executor: Any, in_flight: int | None) -> None:
        self.executor = executor
        self.workers = getattr(executor, "_max_workers", None) or os.cpu_count() or 1
        self.most = 4 * self.workers if in_flight is None else max(1, in_flight)
        self.tier = function.ran
        self.payload = pickle.dumps(function, 5)
        self.mark = hashlib.sha256(self.payload + self.tier.encode()).digest()
        self.sent = 0               # how many tasks have carried the function
        self.done = 0
        self.warned = self.broken = False

    def results(self, batches: Iterator[Any]) -> Iterator[Any]:
        """The results in the order of the batches."""
        waiting: deque[tuple[Any, Any]] = deque()
        try:
            for batch in batches:
                waiting.append((batch, self._submit(batch, self.sent < self.workers)))
                if len(waiting) >= self.most:
                    yield self._result(*waiting.popleft())
            while waiting:
                yield self._result(*waiting.popleft())
        finally:
            for _, future in waiting:
                if future is not None:
                    future.cancel()

    def _submit(self, batch: Any, whole: bool) -> Any:
        """A task, or None where the executor takes none any more."""
        if self.broken:
            return None
        self.sent += whole
        payload = self.payload if whole else None
        try:
            return self.executor.submit(run_batch, self.mark, payload, self.tier, batch)
        except RuntimeError as error:
            self._lose(error)
            self.broken = True
            return None

    def _result(self, batch: Any, future: Any) -> Any:
        kind, value = self._answer(future)
        if kind == "missing":
            kind, value = self._answer(self._submit(batch, True))
        if kind == "lost":
            kind, value = run_batch(self.mark, self.payload, self.tier, batch)
        if kind == "error":
            value.add_note(f"in batch {self.done}")
            raise value
        self.done += 1
        return value

    def _answer(self, future: Any) -> tuple[str, Any]:
        try:
            return ("lost", None) if future is None else future.result()
        except Exception as error:          # errors of the function itself come as answers
            self._lose(error)
            self.broken = self.broken or isinstance(error, BrokenExecutor)
            return "lost", None

    def _lose(self, error: Exception) -> None:
        if not self.warned:
            self.warned = True
            warnings.warn(
                f"A worker was lost at batch {self.done} ({type(error).__name__}: {error}); what "
                "it was to compute is computed by the calling process.",
                RuntimeWarning, stacklevel=2,
            )


def _add(total: Any, result: Any) -> Any:
    if isinstance(total, dict):
        return {key: _add(value, result[key]) for key, value in total.items()}
    if isinstance(total, list):
        return [_add(one, other) for one, other in zip(total, result)]
    return np.asarray(total + result)
