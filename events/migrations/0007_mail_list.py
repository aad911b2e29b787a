from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('events', '0006_runs_while_pending'),
    ]

    operations = [
        migrations.AddField(
            model_name='sequenceversion',
            name='mail_list',
            field=models.CharField(blank=True, db_default='', default='', max_length=40),
        ),
    ]
