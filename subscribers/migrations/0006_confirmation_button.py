"""Only the button confirms, in every workspace: the earlier default let a swipe or a key confirm, and
nothing tells a workspace that chose so from one that never looked at the setting.
"""

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def demand_the_button(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    workspaces = apps.get_model("subscribers", "Workspace")
    rows = workspaces.objects.using(editor.connection.alias)
    rows.filter(confirmation_needs_button=False).update(confirmation_needs_button=True)


class Migration(migrations.Migration):

    dependencies = [
        ('subscribers', '0005_deferred_since'),
    ]

    operations = [
        migrations.AlterField(
            model_name='workspace',
            name='confirmation_needs_button',
            field=models.BooleanField(default=True, help_text='Only the button confirms. Otherwise a tap or click on the page confirms too.'),
        ),
        migrations.RunPython(demand_the_button, migrations.RunPython.noop, elidable=True),
    ]
