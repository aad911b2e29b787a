from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('events', '0008_losses_told'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='event',
            index=models.Index(fields=['workspace', '-id'], name='event_by_workspace'),
        ),
    ]
