from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('events', '0005_failing_since'),
    ]

    operations = [
        migrations.AddField(
            model_name='sequenceversion',
            name='mail_list',
            field=models.CharField(blank=True, db_default='', default='', max_length=40),
        ),
    ]
