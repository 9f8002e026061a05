from django.db import migrations

FROM_ABOVE = ["group", "forum"]


def fill_channels(apps, schema_editor):
    """C11: the progress report (D25) has been owed on these channels only, whatever its rules said; what they say is so from now on."""
    for rule in apps.get_model("deadlines", "Rule").objects.filter(code="D25"):
        named = rule.when.get("channel") or FROM_ABOVE
        above = [channel for channel in named if channel in FROM_ABOVE]
        rule.when["channel"], rule.active = above or named, rule.active and bool(above)
        rule.save(update_fields=["when", "active"])


class Migration(migrations.Migration):
    dependencies = [("deadlines", "0010_rule_longer")]

    operations = [migrations.RunPython(fill_channels, migrations.RunPython.noop)]
