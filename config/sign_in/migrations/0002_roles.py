"""Four groups for the people of an installation: viewer, support, marketer, operator.

They are made once; what an operator changes in them later stays. A group of the same name that is
there already is left alone.
"""

from django.contrib.auth.management import create_permissions
from django.db import migrations

APPS = ("subscribers", "events", "sign_in")
# What each may do beside looking at everything: `add`, `change` and `delete`, by model.
SUPPORT = {
    "subscriber": "change", "suppression": "add change delete", "outgoingemail": "change",
    "enrollment": "change",
}  # fmt: skip
MARKETER = {
    "tag": "add change delete", "list": "add change delete", "segment": "add change delete",
    "sequence": "add change delete", "syncrule": "add change delete",
    "audienceenrollment": "add change", "enrollment": "change", "subscriber": "change",
    "eventdefinition": "change",
}  # fmt: skip


def make_roles(apps, schema_editor):
    # Django makes permissions after all migrations; these groups need them now.
    for label in APPS:
        app = apps.get_app_config(label)
        app.models_module = True
        create_permissions(app, apps=apps, verbosity=0, using=schema_editor.connection.alias)
        app.models_module = None
    every = list(
        apps.get_model("auth", "Permission").objects.filter(content_type__app_label__in=APPS)
    )
    looking = [each for each in every if each.codename.startswith("view_")]
    rights = {
        "viewer": looking,
        "support": looking + _of(every, SUPPORT),
        "marketer": looking + _of(every, MARKETER),
        "operator": every,
    }
    groups = apps.get_model("auth", "Group").objects
    for name, permissions in rights.items():
        group, is_new = groups.get_or_create(name=name)
        if is_new:
            group.permissions.set(permissions)


def _of(every, words_by_model):
    names = {
        f"{word}_{model}" for model, words in words_by_model.items() for word in words.split()
    }
    return [each for each in every if each.codename in names]


class Migration(migrations.Migration):

    dependencies = [
        ('sign_in', '0001_sign_ins'),
        ('auth', '0012_alter_user_first_name_max_length'),
        ('contenttypes', '0002_remove_content_type_name'),
        ('subscribers', '0010_segments'),
        ('events', '0012_mass_enrollments'),
    ]

    operations = [migrations.RunPython(make_roles, migrations.RunPython.noop)]
