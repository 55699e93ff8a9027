# Issues of a newsletter.

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('journal', '0007_holdout'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Issue',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('title', models.CharField(max_length=200)),
                ('opening', models.TextField()),
                ('language', models.CharField(default='en', max_length=16)),
                ('items', models.JSONField(blank=True, default=list)),
                ('per_minute', models.PositiveIntegerField(default=60)),
                ('not_before', models.DateTimeField(blank=True, null=True)),
                ('state', models.CharField(choices=[('draft', 'being written'), ('queueing', 'being put into the outbox'), ('queued', 'in the outbox'), ('undone', 'taken back')], default='draft', max_length=12)),
                ('looked', models.JSONField(blank=True, default=dict)),
                ('looked_at', models.DateTimeField(blank=True, null=True)),
                ('queued', models.PositiveIntegerField(default=0)),
                ('made_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('changed_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('sent_at', models.DateTimeField(blank=True, null=True)),
                ('made_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('sent_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('signer', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['draft', 'queueing', 'queued', 'undone'])), name='issue_state_known')],
            },
        ),
    ]
