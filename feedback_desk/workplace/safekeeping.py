"""Backup and restore (V6): one archive with the database and the uploads, never the keys.

The database is copied before the uploads: every file that a copied row names is then there. The keys that open personal data stay out,
so that a lost archive discloses no telephone number; the archive keeps only their fingerprint, to say when they are not the same.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import zlib
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from django.conf import settings
from django.db import connection, connections
from django.db.backends.postgresql.client import DatabaseClient
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from feedback_desk.people.models import User

MANIFEST, DATABASE, UPLOADS = "manifest.json", "database", "uploads"


class CannotKeep(Exception):
    """Why a backup or a restore does not happen, in one sentence."""


def key_fingerprint() -> str:
    return hashlib.sha256("\n".join([settings.INDEX_KEY, *settings.FIELD_KEYS]).encode()).hexdigest()[:16]


# --- backup -----------------------------------------------------------------------------------------------------------------------


def back_up(target: Path, at: datetime) -> None:
    """Write the archive; it appears under its name when it is complete."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            unfinished = Path(folder) / "archive"
            write_archive(unfinished, dump(Path(folder) / DATABASE), at)
            unfinished.chmod(0o600)
            unfinished.replace(target)
    except OSError as error:
        raise CannotKeep(f"{target} cannot be written ({error.strerror}).") from error


def write_archive(path: Path, database: Path, at: datetime) -> None:
    applied = sorted(f"{app}.{name}" for app, name in MigrationRecorder(connection).applied_migrations())
    manifest = json.dumps({"engine": connection.vendor, "at": at.isoformat(), "keys": key_fingerprint(), "migrations": applied}).encode()
    with tarfile.open(path, "w:gz", compresslevel=6) as archive:
        about = tarfile.TarInfo(MANIFEST)
        about.size, about.mtime = len(manifest), int(at.timestamp())
        archive.addfile(about, io.BytesIO(manifest))
        archive.add(database, DATABASE)
        if Path(settings.MEDIA_ROOT).is_dir():
            archive.add(settings.MEDIA_ROOT, UPLOADS)


def dump(path: Path) -> Path:
    """A copy of the database as of one instant, while the desk works on."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM INTO %s", [str(path)])
    else:
        postgres_program("pg_dump", "--format=custom", "--no-owner", f"--file={path}")
    return path


def postgres_program(name: str, *words: str) -> None:
    """One of PostgreSQL's own programs on the desk's database; the password goes by the environment."""
    arguments, environment = DatabaseClient.settings_to_cmd_args_env(connection.settings_dict, [])
    *where, database = arguments[1:]
    try:
        subprocess.run([name, *words, *where, f"--dbname={database}"], env={**os.environ, **(environment or {})}, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise CannotKeep(f"{name} is missing (apt install postgresql-client).") from error
    except subprocess.CalledProcessError as error:
        raise CannotKeep(f"{name} failed: {error.stderr.strip().splitlines()[-1:] or error.returncode}") from error


# --- restore ----------------------------------------------------------------------------------------------------------------------


def read_manifest(source: Path) -> dict[str, Any]:
    """What the archive is, refused when it is not one of ours, of another engine or of a newer desk."""
    try:
        with tarfile.open(source, "r:gz") as archive:
            member = archive.extractfile(MANIFEST)
            manifest: dict[str, Any] = json.load(member) if member else {}
        engine, migrations = manifest["engine"], manifest["migrations"]
    except FileNotFoundError as error:
        raise CannotKeep(f"There is no file {source}.") from error
    except (OSError, EOFError, zlib.error, tarfile.TarError, KeyError, ValueError) as error:
        raise CannotKeep(f"{source} is not a backup of this desk, or it is damaged.") from error
    if engine != connection.vendor:
        raise CannotKeep(f"The backup holds a database of {engine}; this desk runs on {connection.vendor}.")
    known = {f"{app}.{name}" for app, name in MigrationLoader(None, ignore_no_migrations=True).disk_migrations}
    if newer := sorted(set(migrations) - known):
        raise CannotKeep(f"The backup was made by a newer desk than this one (it knows {newer[0]}).")
    return manifest


def database_is_empty() -> bool:
    return User._meta.db_table not in connection.introspection.table_names() or not User.objects.exists()


def restore(source: Path) -> None:
    """Put database and uploads of the archive in place of what is here. Nothing is changed before the archive was read to its end."""
    data = Path(settings.DATA_DIR)
    with tempfile.TemporaryDirectory(dir=data) as folder:
        try:
            with tarfile.open(source, "r:gz") as archive:
                for member in archive:
                    unpack(archive, member, Path(folder))
        except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
            raise CannotKeep(f"{source} is damaged: {error}.") from error
        load(Path(folder) / DATABASE)
        put_uploads(Path(folder) / UPLOADS, Path(settings.MEDIA_ROOT))


def unpack(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    """Plain files at the places a backup has, nothing else."""
    place = PurePosixPath(member.name)
    content = archive.extractfile(member) if member.isreg() else None
    if content is None or ".." in place.parts or place.parts[:1] not in ((DATABASE,), (UPLOADS,)):
        return
    target = folder / place
    target.parent.mkdir(parents=True, exist_ok=True)
    with content, target.open("wb") as file:
        shutil.copyfileobj(content, file)


def load(database: Path) -> None:
    if not database.is_file():
        raise CannotKeep("The backup holds no database.")
    if connection.vendor == "sqlite":
        replace_sqlite(database, Path(connection.settings_dict["NAME"]))
    else:
        postgres_program("pg_restore", "--clean", "--if-exists", "--no-owner", "--single-transaction", "--exit-on-error", str(database))
    connections.close_all()


def replace_sqlite(database: Path, place: Path) -> None:
    connections.close_all()
    for suffix in ("-wal", "-shm"):
        place.with_name(place.name + suffix).unlink(missing_ok=True)
    shutil.move(database, place)


def put_uploads(fresh: Path, place: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)
    if fresh.is_dir():
        shutil.move(fresh, place)
    place.mkdir(parents=True, exist_ok=True)
