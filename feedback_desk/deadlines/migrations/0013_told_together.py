from django.db import migrations, models

TOLD_BY_PERCENT = [(75, "owner"), (100, "superior"), (150, "department_head"), (200, "cs_manager"), (300, "general_manager")]
ABOVE = [(150, "department_head"), (200, "cs_manager"), (300, "general_manager")]
SHIPPED = {
    "D09": {"when": {"grade": ["I"]}, "owner": "cs_manager", "amount": 1800},
    "D10": {"when": {"grade": ["II"]}, "owner": "supervisor", "amount": 900},
    "D16": {"when": {}, "owner": "office", "amount": 14400},
}
TOGETHER = {
    "D09": ("处理决定(I级)", "cs_manager", [(75, "owner"), (75, "+supervisor"), (100, "superior"), (100, "+supervisor"), *ABOVE]),
    "D10": ("处理决定(II级)", "supervisor", [(75, "owner"), (75, "+department_head"), (100, "superior"), (100, "+department_head"), *ABOVE]),
    "D16": ("总经理裁定", "general_manager", [(75, "owner"), (75, "+office"), (100, "owner"), (100, "+office")]),
}


def fill_told_together(apps, schema_editor):
    """G2, C5: the rules as shipped tell both who sign, and the general manager with the office; one that somebody changed stays as it is."""
    for code, (name, owner, steps) in TOGETHER.items():
        for rule in apps.get_model("deadlines", "Rule").objects.filter(code=code, **SHIPPED[code]).select_related("ladder"):
            if _as_shipped(rule):
                rule.ladder, rule.owner = _ladder(apps, name, steps), owner
                rule.save(update_fields=["ladder", "owner"])


def _as_shipped(rule):
    plain = rule.clock == "business" and rule.version == 1 and rule.active and not rule.urgent and rule.calendar_id is None and rule.valid_until is None
    steps = list(rule.ladder.steps.order_by("order").values_list("percent", "receiver", "times", "act"))
    return plain and rule.ladder.name == "逐级提醒" and steps == [(percent, receiver, 0, "") for percent, receiver in TOLD_BY_PERCENT]


def _ladder(apps, name, steps):
    ladder, fresh = apps.get_model("deadlines", "Ladder").objects.get_or_create(name=name)
    if fresh:
        step = apps.get_model("deadlines", "LadderStep")
        rows = [step(ladder=ladder, order=order, percent=percent, receiver=receiver) for order, (percent, receiver) in enumerate(steps, 1)]
        step.objects.bulk_create(rows)
    return ladder


class Migration(migrations.Migration):
    dependencies = [("deadlines", "0012_names")]

    operations = [
        migrations.AlterField(
            model_name="ladderstep",
            name="receiver",
            field=models.CharField(
                choices=[
                    ("owner", "Owner and backup"),
                    ("superior", "Owner's next superior"),
                    ("supervisor", "Customer-service supervisor"),
                    ("department_head", "Department head"),
                    ("cs_manager", "Customer-service manager"),
                    ("office", "Administration department"),
                    ("general_manager", "General manager"),
                    ("agent", "Agent, first line"),
                    ("second_line", "Agent, second line"),
                    ("return_visit", "Return-visit specialist"),
                    ("inspector", "Service inspector"),
                    ("business", "Business colleague"),
                    ("technician", "Technician or order clerk"),
                    ("quality", "Quality department"),
                    ("analyst", "Analyst"),
                    ("representative", "Management representative"),
                    ("administrator", "Administrator"),
                    ("+supervisor", "Customer-service supervisor, with the owner"),
                    ("+department_head", "Department head, with the owner"),
                    ("+cs_manager", "Customer-service manager, with the owner"),
                    ("+office", "Administration department, with the owner"),
                    ("+general_manager", "General manager, with the owner"),
                ],
                max_length=20,
                verbose_name="receiver",
            ),
        ),
        migrations.RunPython(fill_told_together, migrations.RunPython.noop),
    ]
