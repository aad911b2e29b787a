"""How an import reads its columns."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("subscribers", "0015_stored_imports")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="importrun",
            name="mapping",
            field=models.JSONField(blank=True, null=True),
        ),
    ]
