"""The tag colours that typed clients know: `fuchsia` comes, and `slate`, which they do not know, goes.

The column stays as it is. A process of the release before reads every row that this leaves.
"""

from typing import Any, ClassVar

from django.db import migrations, models


def slate_is_gray(apps: Any, schema_editor: Any) -> None:  # noqa: ANN401 - Django's own
    apps.get_model("subscribers", "Tag").objects.filter(color="slate").update(color="gray")


class Migration(migrations.Migration):
    dependencies: ClassVar = [("subscribers", "0018_uploaded_files")]

    operations: ClassVar = [
        migrations.AlterField(
            model_name="tag",
            name="color",
            field=models.CharField(
                choices=[
                    ("gray", "Gray"),
                    ("red", "Red"),
                    ("orange", "Orange"),
                    ("amber", "Amber"),
                    ("yellow", "Yellow"),
                    ("lime", "Lime"),
                    ("green", "Green"),
                    ("emerald", "Emerald"),
                    ("teal", "Teal"),
                    ("cyan", "Cyan"),
                    ("sky", "Sky"),
                    ("blue", "Blue"),
                    ("indigo", "Indigo"),
                    ("violet", "Violet"),
                    ("purple", "Purple"),
                    ("fuchsia", "Fuchsia"),
                    ("pink", "Pink"),
                    ("rose", "Rose"),
                ],
                default="gray",
                max_length=10,
            ),
        ),
        migrations.RunPython(slate_is_gray, migrations.RunPython.noop),
    ]
