"""V6: a backup, and a restore that has been tried."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.machinery import scratch_database
from tests.running import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("backup")]
Manage = Callable[..., subprocess.CompletedProcess[str]]
MAKE = "from feedback_desk.people.models import User; User.objects.create(username='first', name='甲')"
COUNT = "from feedback_desk.people.models import User; print('people:', User.objects.count())"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A desk of its own: on the services run a PostgreSQL database made for it."""
    folder = tmp_path_factory.mktemp("backup")
    variables = {"PATH": os.environ["PATH"], "HOME": str(folder), "DATA_DIR": str(folder / "data")}
    if not os.environ.get("DATABASE_URL"):
        yield variables
        return
    with scratch_database() as address:
        yield {**variables, "DATABASE_URL": address}


@pytest.fixture(scope="module")
def manage(place: dict[str, str]) -> Manage:
    def run(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-W", "ignore", "manage.py", *words], cwd=ROOT, env={**place, **more}, capture_output=True, text=True, timeout=120
        )

    run("migrate", "--verbosity", "0")
    return run


@pytest.fixture(scope="module")
def archive(place: dict[str, str], manage: Manage) -> Path:
    uploads = Path(place["DATA_DIR"]) / "uploads" / "2026"
    uploads.mkdir(parents=True)
    (uploads / "photo.jpg").write_bytes(b"a photo")
    manage("shell", "-c", MAKE)
    answer = manage("backup", str(Path(place["HOME"]) / "backup.tar.gz"))
    assert answer.returncode == 0, answer.stderr
    assert "The keys are not in it" in answer.stdout
    return Path(place["HOME"]) / "backup.tar.gz"


def test_V6_the_archive_holds_database_and_uploads_but_no_keys(archive: Path) -> None:
    with tarfile.open(archive) as held:
        names = held.getnames()
    assert {"manifest.json", "database", "uploads/2026/photo.jpg"} <= set(names)
    assert not [name for name in names if "key" in name]
    assert archive.stat().st_mode & 0o077 == 0


def test_V6_restore_refuses_a_database_with_people_and_replaces_it_with_force(archive: Path, place: dict[str, str], manage: Manage) -> None:
    manage("shell", "-c", MAKE.replace("first", "second"))
    uploads = Path(place["DATA_DIR"]) / "uploads"
    (uploads / "later.txt").write_text("made after the backup")
    assert "--force" in manage("restore", str(archive)).stderr
    assert "people: 2" in manage("shell", "-c", COUNT).stdout
    answer = manage("restore", str(archive), "--force")
    assert answer.returncode == 0, answer.stderr
    assert "people: 1" in manage("shell", "-c", COUNT).stdout
    assert (uploads / "2026" / "photo.jpg").read_bytes() == b"a photo"
    assert not (uploads / "later.txt").exists()


@pytest.mark.skipif(bool(os.environ.get("DATABASE_URL")), reason="needs SQLite")
def test_V6_an_empty_desk_with_other_keys_is_filled_and_told_about_the_keys(archive: Path, tmp_path: Path, manage: Manage) -> None:
    answer = manage("restore", str(archive), DATA_DIR=str(tmp_path / "new"))
    assert answer.returncode == 0, answer.stderr
    assert "are not those of the backup" in answer.stdout
    assert "people: 1" in manage("shell", "-c", COUNT, DATA_DIR=str(tmp_path / "new")).stdout


def rewritten(archive: Path, target: Path, **changes: object) -> Path:
    """The same archive with another manifest."""
    with tarfile.open(archive) as source, tarfile.open(target, "w:gz") as copy:
        manifest = json.dumps({**json.load(source.extractfile("manifest.json") or io.BytesIO()), **changes}).encode()
        about = tarfile.TarInfo("manifest.json")
        about.size = len(manifest)
        copy.addfile(about, io.BytesIO(manifest))
    return target


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"engine": "oracle"}, "holds a database of oracle"),
        ({"migrations": ["people.9999_from_the_future"]}, "made by a newer desk"),
        ({}, "holds no database"),
    ],
)
def test_V6_what_does_not_fit_is_refused_and_nothing_is_touched(
    archive: Path, tmp_path: Path, manage: Manage, changes: dict[str, object], sentence: str
) -> None:
    answer = manage("restore", "--force", str(rewritten(archive, tmp_path / "other.tar.gz", **changes)))
    assert answer.returncode == 1
    assert sentence in answer.stderr
    assert "Traceback" not in answer.stderr
    assert "people: 1" in manage("shell", "-c", COUNT).stdout


def test_V6_a_damaged_archive_is_refused(archive: Path, tmp_path: Path, manage: Manage) -> None:
    damaged = tmp_path / "damaged.tar.gz"
    damaged.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])
    answer = manage("restore", "--force", str(damaged))
    assert answer.returncode == 1
    assert "damaged" in answer.stderr
    assert "people: 1" in manage("shell", "-c", COUNT).stdout
