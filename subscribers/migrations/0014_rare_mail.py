from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('subscribers', '0013_full_access'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='outgoingemail',
            index=models.Index(
                condition=models.Q(('kind', 'confirmation'), ('kind', 'transactional'), _connector='OR'),
                fields=['kind', '-id'],
                name='outgoing_email_by_kind',
            ),
        ),
    ]
