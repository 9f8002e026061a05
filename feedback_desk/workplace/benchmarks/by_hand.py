"""What the sweep does, as one statement written by hand for `company()` of `benchmarks.sweep` and nothing else.

It knows what the sweep has to find out: each step is the second, at 100 % of a calendar clock, and whom to tell. SQLite writes one table per statement.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import connection, transaction

TOLD = "CASE WHEN d.root_id %% 100 = 0 THEN %(chief)s ELSE %(deputy)s END"
"""The superior is away; in one matter of a hundred their deputy is named, and the superior's superior is told."""
CLAIM = f"""SELECT d.id, d.item_id, d.root_id, d.round, d.code, d.next_step, d.next_step_at, d.due_at, d.start_at,
    i.number, i.title, r.name, r.name_en, t.id AS told_id, t.name AS told
    FROM deadlines_deadline d JOIN records_item i ON i.id = d.item_id JOIN deadlines_rule r ON r.id = d.rule_id JOIN people_user t ON t.id = {TOLD}
    WHERE d.state = 'running' AND d.next_step_at <= %(at)s AND d.broken_at IS NULL"""
STEP_COLUMNS = "(deadline_id, step, round, receiver, act, at, taken_at, skipped)"
NOTICE_COLUMNS = """(key, cause, item_id, receiver_id, contact_point, channel, template, data, state,
    created_at, send_after, attempts, claimed_at, sent_at, read_at, last_error)"""
ENTRY_COLUMNS = "(item_id, root_id, at, by_id, actor, in_place_of_id, verb, source, target, data, words_digest)"
CHANNELS = "(SELECT 'page' AS channel UNION ALL SELECT 'email') c"
NOTICE = """'step:' || s.id || ':' || d.told_id || ':' || c.channel, 'step:' || s.id, d.item_id, d.told_id, NULL, c.channel, 'deadline_step', {data},
    CASE c.channel WHEN 'page' THEN 'sent' ELSE 'waiting' END, %(at)s, %(at)s, 0, NULL, CASE c.channel WHEN 'page' THEN {now} END, NULL, ''"""
DATA = """'number', d.number, 'title', d.title, 'code', d.code, 'name', d.name, 'name_en', d.name_en, 'due_at', {due}, 'step', d.next_step, 'percent', 100,
    'step_at', {step}, 'late', {late}, 'start_at', {start}, 'promised', {promised}"""
SAID = """'code', d.code, 'deadline', d.id, 'step', d.next_step, 'percent', 100, 'at', {step}, 'act', '', 'skipped', {no}, 'told', {told}"""
ENTRY = "d.item_id, d.root_id, %(at)s, NULL, 'system', NULL, 'limit_passed', '', '', {said}, ''"

ISO = """to_char({0} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"')"""
POSTGRES_DATA = f"jsonb_build_object({DATA})".format(
    start=ISO.format("d.start_at"), due=ISO.format("d.due_at"), step=ISO.format("d.next_step_at"),
    late="d.next_step_at >= d.due_at", promised="%(promised)s::jsonb",
)  # fmt: skip
POSTGRES_SAID = f"jsonb_build_object({SAID})".format(step=ISO.format("d.next_step_at"), no="false", told="jsonb_build_array(d.told)")
POSTGRES = f"""
WITH d AS ({CLAIM} FOR NO KEY UPDATE OF d SKIP LOCKED),
s AS (INSERT INTO deadlines_steptaken {STEP_COLUMNS}
    SELECT id, next_step, round, 'superior', '', next_step_at, %(at)s, false FROM d ON CONFLICT DO NOTHING RETURNING id, deadline_id),
n AS (INSERT INTO notices_notice {NOTICE_COLUMNS}
    SELECT {NOTICE.format(data=POSTGRES_DATA, now="%(at)s::timestamptz")} FROM d JOIN s ON s.deadline_id = d.id CROSS JOIN {CHANNELS}
    ON CONFLICT DO NOTHING),
h AS (INSERT INTO records_entry {ENTRY_COLUMNS} SELECT {ENTRY.format(said=POSTGRES_SAID)} FROM d)
UPDATE deadlines_deadline t SET next_step = 3, next_step_at = d.due_at + (d.due_at - d.start_at) / 2, broken_at = NULL, broken_why = '' FROM d WHERE d.id = t.id
"""

SQLITE_ISO = "strftime('%%Y-%%m-%%dT%%H:%%M:%%S+00:00', {0})"
SQLITE_LATE = "json(CASE WHEN d.next_step_at >= d.due_at THEN 'true' ELSE 'false' END)"
SQLITE_DATA = f"json_object({DATA})".format(
    start=SQLITE_ISO.format("d.start_at"), due=SQLITE_ISO.format("d.due_at"), step=SQLITE_ISO.format("d.next_step_at"),
    late=SQLITE_LATE, promised="json(%(promised)s)",
)  # fmt: skip
SQLITE_SAID = f"json_object({SAID})".format(step=SQLITE_ISO.format("d.next_step_at"), no="json('false')", told="json_array(d.told)")
SQLITE = (
    f"""INSERT INTO deadlines_steptaken {STEP_COLUMNS}
    SELECT d.id, d.next_step, d.round, 'superior', '', d.next_step_at, %(at)s, 0 FROM ({CLAIM}) d WHERE true ON CONFLICT DO NOTHING""",
    f"""INSERT OR IGNORE INTO notices_notice {NOTICE_COLUMNS} SELECT {NOTICE.format(data=SQLITE_DATA, now="%(at)s")}
    FROM ({CLAIM}) d JOIN deadlines_steptaken s ON s.deadline_id = d.id AND s.step = d.next_step AND s.round = d.round CROSS JOIN {CHANNELS}""",
    f"INSERT INTO records_entry {ENTRY_COLUMNS} SELECT {ENTRY.format(said=SQLITE_SAID)} FROM ({CLAIM}) d",
    """UPDATE deadlines_deadline SET next_step = 3, broken_at = NULL, broken_why = '',
    next_step_at = strftime('%%Y-%%m-%%d %%H:%%M:%%S', due_at, '+' || CAST((julianday(due_at) - julianday(start_at)) * 43200 AS INTEGER) || ' seconds')
    WHERE state = 'running' AND next_step_at <= %(at)s AND broken_at IS NULL""",
)


def by_hand(at: datetime, **known: Any) -> None:
    """`known`: the ids of deputy and chief, and as JSON text what was promised."""
    params = {"at": at if connection.vendor == "postgresql" else str(at.replace(tzinfo=None)), **known}
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in [POSTGRES] if connection.vendor == "postgresql" else SQLITE:
            cursor.execute(statement, params)
