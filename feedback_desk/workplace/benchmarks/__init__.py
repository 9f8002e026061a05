"""Benchmarks of the desk: one module per subject, each function registered under a name.

    @benchmark("list", "the list page against a bare page")
    def list_page() -> Iterator[Figure]:
        yield Figure("list page, 50 rows at 10,000 tickets", 1.6, "times", against="a bare page with one query of 50 rows", limit=2)

A benchmark runs in a database of its own, made for the run and removed after it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass


class CannotMeasure(Exception):
    """Here and now it would say nothing; the sentence is for whoever asked."""


@dataclass(frozen=True)
class Figure:
    """One line: what, how much, in which unit, and against what it was measured; `limit`: the most it may be."""

    name: str
    value: float
    unit: str
    against: str
    limit: float | None = None

    @property
    def said(self) -> str:
        return self.against if self.limit is None else f"{self.against}; at most {self.limit:.3g}"

    @property
    def exceeded(self) -> bool:
        return self.limit is not None and self.value > self.limit


Measure = Callable[[], Iterator[Figure]]


@dataclass(frozen=True)
class Benchmark:
    name: str
    about: str
    measure: Measure


registry: dict[str, Benchmark] = {}


def benchmark(name: str, about: str) -> Callable[[Measure], Measure]:
    """Register a function under `name`; `about` is what --help says."""

    def register(measure: Measure) -> Measure:
        registry[name] = Benchmark(name, about, measure)
        return measure

    return register


def discover() -> dict[str, Benchmark]:
    """All benchmarks, by name; imports every module of this package."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return dict(sorted(registry.items()))
