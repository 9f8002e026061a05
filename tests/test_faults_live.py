"""Half a minute of the fault machine (E1, E2, decisions 3, 4, 7); `script/chaos` runs it for ten."""

from __future__ import annotations

import pytest

from tests import faults, servers

pytestmark = [pytest.mark.postgres, pytest.mark.redis, pytest.mark.services, pytest.mark.slow, pytest.mark.xdist_group("machinery")]


@pytest.mark.skipif(servers.postgres_programs() is None, reason="needs the programs of PostgreSQL")
def test_E2_steps_once_whatever_dies_and_whatever_the_clock_says(capsys: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []
    verdict = faults.run(faults.SHORT, seed=7, say=said.append)
    with capsys.disabled():
        print(f"\n{verdict.told()}")
    assert not verdict.wrong, "\n".join([*verdict.wrong, *said])
    assert verdict.counts["faults"]["killed a worker"] >= 1
    assert verdict.counts["steps"] > faults.SHORT.deadlines
