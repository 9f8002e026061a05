from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("tickets", "0003_fill_routes")]
    operations = [migrations.RemoveField(model_name="category", name="department")]
