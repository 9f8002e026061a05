from typing import Any

from django.db import migrations


def fill_routes(apps: Any, schema_editor: Any) -> None:
    """The departments of categories become rules of assignment (T6); their items go to the queue, as before."""
    Category, Route = apps.get_model("tickets", "Category"), apps.get_model("tickets", "Route")
    named = Category.objects.exclude(department=None).values_list("pk", "department_id")
    Route.objects.bulk_create([Route(category_id=pk, department_id=department_id) for pk, department_id in named])


def take_back(apps: Any, schema_editor: Any) -> None:
    Category, Route = apps.get_model("tickets", "Category"), apps.get_model("tickets", "Route")
    for category_id, department_id in Route.objects.filter(type="").exclude(category=None).values_list("category_id", "department_id"):
        Category.objects.filter(pk=category_id).update(department_id=department_id)
    Route.objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("tickets", "0002_routes_skills_seats")]
    operations = [migrations.RunPython(fill_routes, take_back)]
