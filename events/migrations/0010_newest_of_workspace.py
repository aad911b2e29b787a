from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('events', '0009_counts'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='enrollment',
            index=models.Index(fields=['workspace', '-id'], name='enrollment_newest'),
        ),
    ]
