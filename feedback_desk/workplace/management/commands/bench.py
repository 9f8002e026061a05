"""``script/bench``: one line per figure, measured in a database made for the run. Ends with 1 when a figure is beyond its limit, and says which."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from feedback_desk.workplace.benchmarks import Benchmark, CannotMeasure, Figure, discover


class Command(BaseCommand):
    help = "Measure. Without a NAME: everything."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("names", nargs="*", metavar="NAME", help="; ".join(f"{b.name}: {b.about}" for b in discover().values()))
        parser.add_argument("--json", action="store_true", help="one JSON object per line")

    def handle(self, *args: Any, **options: Any) -> None:
        known = discover()
        if unknown := [name for name in options["names"] if name not in known]:
            raise CommandError(f"No benchmark is called {', '.join(unknown)}; there are: {', '.join(known)}.")
        beyond = [figure for name in options["names"] or known for figure in self.measured(known[name], as_json=options["json"]) if figure.exceeded]
        if beyond:
            raise CommandError("Beyond its limit: " + "; ".join(f"{f.name} {f.value:.3f} {f.unit}, at most {f.limit:.3g}" for f in beyond) + ".")

    def measured(self, benchmark: Benchmark, *, as_json: bool) -> Iterator[Figure]:
        """Each figure is printed as soon as it is there."""
        try:
            with own_database():
                for figure in benchmark.measure():
                    self.stdout.write(line(figure, as_json=as_json))
                    self.stdout.flush()
                    yield figure
        except CannotMeasure as error:
            raise CommandError(str(error)) from error


@contextmanager
def own_database() -> Iterator[None]:
    """A fresh, migrated database beside the desk's, gone afterwards: a measurement never touches what people work on."""
    before = settings.DATABASES["default"]["NAME"]
    connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        yield
    finally:
        connection.creation.destroy_test_db(before, verbosity=0)


def line(figure: Figure, *, as_json: bool) -> str:
    if as_json:
        return json.dumps(asdict(figure), ensure_ascii=False)
    return f"{figure.name:<48} {figure.value:>12,.3f} {figure.unit:<8} against {figure.said}"
