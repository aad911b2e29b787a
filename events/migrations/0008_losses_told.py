from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('events', '0007_mail_list'),
    ]

    operations = [
        migrations.AddField(
            model_name='sequence',
            name='losses_told_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
    ]
