import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('relationships', '0004_social_and_task_source'),
    ]

    operations = [
        migrations.CreateModel(
            name='ThreeQuestions',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('script_version', models.CharField(max_length=12)),
                ('answers', models.JSONField(blank=True, default=dict)),
                ('parted', models.CharField(blank=True, max_length=24)),
                ('begun_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('last_answer_at', models.DateTimeField(blank=True, null=True)),
                ('breakup', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='three_questions', to='relationships.breakup')),
                ('feedback', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='three_questions', to='relationships.feedback')),
            ],
            options={
                'verbose_name_plural': 'three questions',
            },
        ),
    ]
