"""Two more counts of an import: known people who left by it, and events of two people."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("subscribers", "0016_import_mapping")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="importrun",
            name="people_left",
            field=models.PositiveBigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="importrun",
            name="conflicts",
            field=models.PositiveBigIntegerField(db_default=0, default=0),
        ),
    ]
