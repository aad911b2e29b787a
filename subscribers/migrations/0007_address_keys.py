"""Give each workspace a key of its own for the hashes of addresses."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from subscribers.models.workspace import new_secret


def give_each_its_own(apps: Apps, _editor: BaseDatabaseSchemaEditor) -> None:
    """Make the keys differ: the column's default was evaluated once for all."""
    for workspace in apps.get_model("subscribers", "Workspace").objects.only("pk"):
        workspace.address_hash_key = new_secret()
        workspace.save(update_fields=["address_hash_key"])


class Migration(migrations.Migration):
    dependencies = [("subscribers", "0006_consent")]

    operations = [migrations.RunPython(give_each_its_own, migrations.RunPython.noop)]
