"""Files that are uploaded in the admin: their parts, and what the worker does with them."""

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models

import subscribers.ids


class Migration(migrations.Migration):
    dependencies: ClassVar = [("subscribers", "0017_import_counts")]

    operations: ClassVar = [
        migrations.AddField(
            model_name="importrun",
            name="stage",
            field=models.CharField(
                blank=True,
                choices=[
                    ("look", "Looking through the file"),
                    ("dry_run", "Dry run"),
                    ("import", "Import"),
                ],
                db_default="",
                default="",
                max_length=7,
            ),
        ),
        migrations.AlterField(
            model_name="importrun",
            name="status",
            field=models.CharField(
                choices=[
                    ("uploading", "Being uploaded"),
                    ("ready", "Waiting for your answer"),
                    ("queued", "Waiting for the worker"),
                    ("running", "Running"),
                    ("interrupted", "Interrupted"),
                    ("failed", "Failed"),
                    ("finished", "Finished"),
                ],
                default="running",
                max_length=11,
            ),
        ),
        migrations.CreateModel(
            name="ImportPart",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=subscribers.ids.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("offset", models.PositiveBigIntegerField()),
                ("content", models.BinaryField()),
                (
                    "run",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="parts",
                        to="subscribers.importrun",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("run", "offset"), name="import_part_once")
                ],
            },
        ),
    ]
