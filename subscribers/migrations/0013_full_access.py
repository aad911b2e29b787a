from django.db import migrations, models


def full_access_is_null(apps, schema_editor):
    """An empty list meant everything; it means nothing from now on."""
    ApiKey = apps.get_model('subscribers', 'ApiKey')
    ApiKey.objects.filter(scopes=[]).update(scopes=None)


class Migration(migrations.Migration):

    dependencies = [
        ('subscribers', '0012_names_and_asking'),
    ]

    operations = [
        migrations.AlterField(
            model_name='apikey',
            name='scopes',
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.RunPython(full_access_is_null, migrations.RunPython.noop),
    ]
