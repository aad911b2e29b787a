import django.db.models.deletion
import django.utils.timezone
import subscribers.ids
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('events', '0011_backtest'),
        ('subscribers', '0010_segments'),
    ]

    operations = [
        migrations.CreateModel(
            name='AudienceEnrollment',
            fields=[
                ('id', models.UUIDField(default=subscribers.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('segment_name', models.CharField(max_length=200)),
                ('status', models.CharField(choices=[('queued', 'Queued'), ('running', 'Running'), ('completed', 'Completed'), ('cancelled', 'Cancelled'), ('failed', 'Failed')], default='queued', max_length=9)),
                ('scheduled_for', models.DateTimeField()),
                ('spread_minutes', models.PositiveIntegerField(default=0)),
                ('estimated_count', models.PositiveIntegerField(null=True)),
                ('is_counted', models.BooleanField(default=False)),
                ('enrolled_count', models.PositiveIntegerField(default=0)),
                ('skipped_count', models.PositiveIntegerField(default=0)),
                ('skipped_reasons', models.JSONField(default=dict)),
                ('position', models.UUIDField(null=True)),
                ('error', models.TextField(blank=True, default='')),
                ('actor', models.CharField(blank=True, default='', max_length=150, verbose_name='started by')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('started_at', models.DateTimeField(null=True)),
                ('completed_at', models.DateTimeField(null=True)),
                ('segment', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='subscribers.segment')),
                ('sequence', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='audience_enrollments', to='events.sequence')),
                ('workspace', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='subscribers.workspace')),
            ],
            options={
                'verbose_name': 'mass enrollment',
                'indexes': [models.Index(condition=models.Q(('status__in', ['queued', 'running'])), fields=['scheduled_for'], name='audience_enrollment_due')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('status__in', ['queued', 'running'])), fields=('sequence',), name='audience_enrollment_one_at_a_time_per_sequence')],
            },
        ),
    ]
