# Who is left alone on purpose, so that we learn what a plan does.

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('journal', '0006_touches'),
        ('relationships', '0004_social_and_task_source'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Holdout',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('share', models.FloatField()),
                ('days', models.PositiveSmallIntegerField()),
                ('salt', models.CharField(max_length=32)),
                ('began_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('began_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('ended_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('playbook', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='holdouts', to='journal.playbook')),
            ],
        ),
        migrations.CreateModel(
            name='Assignment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('arm', models.CharField(choices=[('treated', 'the plan'), ('held_out', 'left alone')], max_length=8)),
                ('assigned_at', models.DateTimeField()),
                ('until', models.DateTimeField()),
                ('occurrence', models.CharField(max_length=40)),
                ('lifted_at', models.DateTimeField(blank=True, null=True)),
                ('lifted_why', models.CharField(blank=True, max_length=300)),
                ('lifted_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('party', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='assignments', to='relationships.party')),
                ('holdout', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='assignments', to='journal.holdout')),
            ],
        ),
        migrations.AddConstraint(
            model_name='holdout',
            constraint=models.UniqueConstraint(condition=models.Q(('ended_at', None)), fields=('playbook',), name='one_open_holdout_a_playbook'),
        ),
        migrations.AddConstraint(
            model_name='holdout',
            constraint=models.CheckConstraint(condition=models.Q(('share__gt', 0), ('share__lte', 0.5)), name='holdout_share_is_a_part'),
        ),
        migrations.AddIndex(
            model_name='assignment',
            index=models.Index(condition=models.Q(('arm', 'held_out'), ('lifted_at', None)), fields=['party', 'until'], name='left_alone_now'),
        ),
        migrations.AddConstraint(
            model_name='assignment',
            constraint=models.UniqueConstraint(fields=('holdout', 'party'), name='one_arm_a_person'),
        ),
    ]
