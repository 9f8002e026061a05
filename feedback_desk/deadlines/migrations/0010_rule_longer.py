from django.db import migrations, models


def fill_longer(apps, schema_editor):
    """C3: determination has had 48 hours where the customer could not be reached, whatever its rule said."""
    rules = apps.get_model("deadlines", "Rule").objects.filter(code="D14", clock__in=("calendar", "business"), amount__lt=172800)
    rules.update(longer=172800)


class Migration(migrations.Migration):
    dependencies = [("deadlines", "0009_receivers_by_role")]

    operations = [
        migrations.AddField(
            model_name="rule",
            name="longer",
            field=models.PositiveIntegerField(
                blank=True, help_text="C3: in the unit of the amount.", null=True, verbose_name="amount if the customer is not reached"
            ),
        ),
        migrations.RunPython(fill_longer, migrations.RunPython.noop),
    ]
