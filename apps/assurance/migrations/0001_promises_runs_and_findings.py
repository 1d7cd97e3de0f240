"""The tables of the promise board: promises, runs of their checks, results, findings."""

import apps.assurance.models
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Promise',
            fields=[
                ('code', models.CharField(max_length=3, primary_key=True, serialize=False)),
                ('section', models.PositiveSmallIntegerField(help_text='Section of the policy that makes the promise')),
                ('title', models.CharField(max_length=200)),
                ('state', models.CharField(choices=[('kept', 'Kept'), ('broken', 'Broken'), ('unproven', 'Unproven'), ('nothing to check', 'Nothing To Check')], default='unproven', max_length=20)),
                ('checked_at', models.DateTimeField(null=True, verbose_name='last checked')),
            ],
            options={
                'ordering': ['code'],
                'permissions': [('run_promises', 'Can check the promises now')],
            },
        ),
        migrations.CreateModel(
            name='Run',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(default=apps.assurance.models.run_reference, editable=False, max_length=20, unique=True)),
                ('by', models.CharField(help_text='Required. Held to keep the law and to prove that it was kept.', max_length=60, verbose_name='asked by')),
                ('started_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField(help_text='Empty: it was stopped before its end', null=True)),
                ('promises', models.PositiveSmallIntegerField(verbose_name='promises checked')),
                ('broken', models.PositiveIntegerField(default=0, verbose_name='promises broken')),
                ('opened', models.PositiveIntegerField(default=0, verbose_name='new findings')),
                ('gone', models.PositiveIntegerField(default=0, verbose_name='findings gone')),
            ],
            options={
                'verbose_name': 'run of checks',
                'verbose_name_plural': 'runs of checks',
                'ordering': ['-id'],
                'constraints': [models.CheckConstraint(condition=models.Q(('finished_at__isnull', True), ('finished_at__gte', models.F('started_at')), _connector='OR'), name='a_run_ends_after_it_started')],
            },
        ),
        migrations.CreateModel(
            name='Finding',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(default=apps.assurance.models.finding_reference, editable=False, max_length=20, unique=True)),
                ('check_code', models.CharField(max_length=80, verbose_name='check')),
                ('object', models.CharField(help_text='Required. Held to keep the law and to prove that it was kept.', max_length=120)),
                ('why', models.CharField(max_length=300)),
                ('since', models.DateTimeField(help_text='When a run first found it')),
                ('last_seen_at', models.DateTimeField(verbose_name='last seen')),
                ('gone_at', models.DateTimeField(help_text='When a run no longer found it', null=True, verbose_name='gone')),
                ('promise', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='findings', to='assurance.promise')),
            ],
            options={
                'ordering': ['-id'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('gone_at__isnull', True)), fields=('promise', 'check_code', 'object', 'why'), name='an_open_finding_stands_once'), models.CheckConstraint(condition=models.Q(('last_seen_at__gte', models.F('since')), models.Q(('gone_at__isnull', True), ('gone_at__gte', models.F('last_seen_at')), _connector='OR')), name='a_finding_was_seen_between_its_ends')],
            },
        ),
        migrations.CreateModel(
            name='CheckResult',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('check_code', models.CharField(max_length=80, verbose_name='check')),
                ('state', models.CharField(choices=[('kept', 'Kept'), ('broken', 'Broken'), ('error', 'could not be checked'), ('unproven', 'Unproven'), ('nothing to check', 'Nothing To Check')], max_length=20)),
                ('rows', models.PositiveBigIntegerField(default=0, verbose_name='rows looked at')),
                ('duration_ms', models.PositiveIntegerField(default=0, verbose_name='took (ms)')),
                ('error', models.CharField(blank=True, help_text='Kind of error only; its text may hold data', max_length=80)),
                ('promise', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='results', to='assurance.promise')),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='results', to='assurance.run')),
            ],
            options={
                'ordering': ['-id'],
                'constraints': [models.UniqueConstraint(fields=('run', 'promise', 'check_code'), name='a_check_has_one_result_per_run')],
            },
        ),
    ]
