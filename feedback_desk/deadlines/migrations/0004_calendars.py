"""Which years of a calendar are announced, whose holidays it follows, which departments run on it."""

import django.db.models.deletion
from django.db import migrations, models


def fill_announced(apps, schema_editor):
    """A calendar with special days follows China's holidays, in the years that have some; one without follows none."""
    for calendar in apps.get_model("deadlines", "Calendar").objects.all():
        years = {day.year for day in calendar.days.values_list("day", flat=True)}
        calendar.country = "CN" if years else ""
        calendar.announced = {str(year): "library" for year in sorted(years) if 2024 <= year <= 2026}
        calendar.save(update_fields=["country", "announced"])


class Migration(migrations.Migration):

    dependencies = [
        ('deadlines', '0003_ladder_repeats'),
        ('people', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='calendar',
            name='country',
            field=models.CharField(blank=True, default='CN', help_text='None: holidays do not count here.', max_length=2, verbose_name='public holidays of'),
        ),
        migrations.AddField(
            model_name='calendar',
            name='subdivision',
            field=models.CharField(blank=True, max_length=20, verbose_name='state or province'),
        ),
        migrations.AddField(
            model_name='calendar',
            name='announced',
            field=models.JSONField(blank=True, default=dict, verbose_name='years announced'),
        ),
        migrations.AddField(
            model_name='calendarday',
            name='by_hand',
            field=models.BooleanField(default=False, help_text='Loading a year again leaves it as it is.', verbose_name='entered by hand'),
        ),
        migrations.CreateModel(
            name='DepartmentCalendar',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('calendar', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='departments', to='deadlines.calendar', verbose_name='calendar')),
                ('department', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='calendar_used', to='people.department', verbose_name='department')),
            ],
            options={
                'verbose_name': 'department on this calendar',
                'verbose_name_plural': 'departments on this calendar',
            },
        ),
        migrations.RunPython(fill_announced, migrations.RunPython.noop),
    ]
