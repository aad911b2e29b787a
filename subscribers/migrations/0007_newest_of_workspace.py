from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('subscribers', '0006_confirmation_button'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='consentrecord',
            index=models.Index(fields=['workspace', '-id'], name='consent_newest'),
        ),
        migrations.AddIndex(
            model_name='outgoingemail',
            index=models.Index(fields=['workspace', '-id'], name='outgoing_email_newest'),
        ),
    ]
