"""Give each workspace a secret of its own: the column's default was evaluated once for all."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from subscribers.models.workspace import new_secret


def give_each_its_own(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    """Make the secrets differ."""
    for workspace in apps.get_model("subscribers", "Workspace").objects.only("pk"):
        workspace.webhook_secret = new_secret()
        workspace.save(update_fields=["webhook_secret"])


class Migration(migrations.Migration):
    dependencies = [("subscribers", "0004_sending")]

    operations = [migrations.RunPython(give_each_its_own, migrations.RunPython.noop)]
