"""The tables of policy versions and their clauses."""

import django.contrib.postgres.fields
import django.db.models.constraints
import django.db.models.deletion
import simple_history.models
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='HistoricalPolicyVersion',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('number', models.PositiveIntegerField(db_index=True)),
                ('title', models.CharField(default='Privacy Policy', max_length=120)),
                ('introduction', models.TextField(blank=True, help_text='Markdown, shown before the first clause')),
                ('state', models.CharField(choices=[('draft', 'Draft'), ('published', 'Published')], default='draft', max_length=12)),
                ('revised_on', models.DateField(blank=True, null=True, verbose_name='Revised On')),
                ('created_at', models.DateTimeField()),
                ('published_at', models.DateTimeField(blank=True, null=True)),
                ('published_by', models.CharField(blank=True, help_text='Required. Held to keep the law and to prove that it was kept.', max_length=60)),
                ('digest', models.BinaryField(help_text='SHA-256 of the canonical text, fixed at publication', max_length=32, null=True)),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'historical policy version',
                'verbose_name_plural': 'historical policy versions',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='PolicyVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField(unique=True)),
                ('title', models.CharField(default='Privacy Policy', max_length=120)),
                ('introduction', models.TextField(blank=True, help_text='Markdown, shown before the first clause')),
                ('state', models.CharField(choices=[('draft', 'Draft'), ('published', 'Published')], default='draft', max_length=12)),
                ('revised_on', models.DateField(blank=True, null=True, verbose_name='Revised On')),
                ('created_at', models.DateTimeField()),
                ('published_at', models.DateTimeField(blank=True, null=True)),
                ('published_by', models.CharField(blank=True, help_text='Required. Held to keep the law and to prove that it was kept.', max_length=60)),
                ('digest', models.BinaryField(help_text='SHA-256 of the canonical text, fixed at publication', max_length=32, null=True)),
            ],
            options={
                'verbose_name': 'policy version',
                'ordering': ['-number'],
                'permissions': [('publish_policyversion', 'Can approve and publish a version of the policy')],
                'constraints': [models.CheckConstraint(condition=models.Q(('state', 'draft'), models.Q(('digest__isnull', False), ('published_at__isnull', False), ('revised_on__isnull', False)), _connector='OR'), name='a_published_version_says_when_and_what'), models.UniqueConstraint(condition=models.Q(('state', 'draft')), fields=('state',), name='there_is_one_draft')],
            },
        ),
        migrations.CreateModel(
            name='Clause',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveSmallIntegerField()),
                ('code', models.SlugField(help_text='Stays the same from version to version, so that changes can be shown', max_length=40)),
                ('heading', models.CharField(max_length=120)),
                ('text', models.TextField(help_text='Markdown')),
                ('promises', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=3), blank=True, default=list, size=None)),
                ('version', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='clauses', to='policies.policyversion')),
            ],
            options={
                'ordering': ['version_id', 'position'],
                'constraints': [models.UniqueConstraint(fields=('version', 'code'), name='a_clause_has_one_code_per_version'), models.UniqueConstraint(deferrable=django.db.models.constraints.Deferrable['DEFERRED'], fields=('version', 'position'), name='a_clause_has_one_place_per_version')],
            },
        ),
    ]
