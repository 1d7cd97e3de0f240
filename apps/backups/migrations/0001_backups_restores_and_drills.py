"""The tables of backups, of restores that were found, and of drills."""

import apps.backups.models
import datetime
import django.db.models.functions.comparison
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Backup',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(default=apps.backups.models.backup_reference, editable=False, max_length=20, unique=True)),
                ('holds_database', models.BooleanField(default=True, verbose_name='holds the database')),
                ('holds_files', models.BooleanField(default=False, help_text='For example mails written to a folder, or static files.', verbose_name='holds files')),
                ('holds_keystore', models.BooleanField(default=False, help_text='It must not: with the keys of its day a backup brings back what was destroyed since. Shown as a finding until it is destroyed.', verbose_name='holds the keystore')),
                ('made_at', models.DateTimeField(help_text='UTC')),
                ('place', models.CharField(help_text='Where it lies, without spaces, for example s3://backups.example/nightly', max_length=80)),
                ('country', models.CharField(default='US', help_text='Two letters, ISO 3166. Another one than US needs its reason.', max_length=2)),
                ('country_reason', models.CharField(blank=True, help_text='Why it may lie outside the United States. No names of persons.', max_length=200, verbose_name='reason for another country')),
                ('kept_until', models.DateField(help_text='On this day at the latest it is destroyed')),
                ('method', models.CharField(choices=[('lifecycle', 'removed by a rule of the store, with all its versions'), ('removed', 'removed by the job that made it'), ('overwritten', 'overwritten by a later backup'), ('key_destroyed', 'encrypted, and its key destroyed'), ('medium_destroyed', 'the medium destroyed')], max_length=20, verbose_name='method of destruction')),
                ('sha256', models.BinaryField(blank=True, help_text='Of the dump file, where it is one file', max_length=32, null=True, verbose_name='SHA-256')),
                ('registered_at', models.DateTimeField(editable=False)),
                ('registered_by', models.CharField(editable=False, help_text='Required. Held to keep the law and to prove that it was kept.', max_length=60)),
                ('destroyed_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('destroyed_by', models.CharField(blank=True, editable=False, help_text='Required. Held to keep the law and to prove that it was kept.', max_length=60)),
            ],
            options={
                'ordering': ['-made_at', '-id'],
                'permissions': [('mark_destroyed', 'Can say that a backup was destroyed')],
                'indexes': [models.Index(condition=models.Q(('destroyed_at__isnull', True)), fields=['kept_until', 'id'], name='backup_kept'), models.Index(fields=['-made_at', '-id'], name='backup_by_age')],
                'constraints': [models.CheckConstraint(condition=models.Q(('holds_database', True), ('holds_files', True), ('holds_keystore', True), _connector='OR'), name='a_backup_holds_something'), models.CheckConstraint(condition=models.Q(('country__regex', '^[A-Z]{2}$')), name='a_backups_country_is_two_capitals'), models.CheckConstraint(condition=models.Q(('country', 'US'), models.Q(('country_reason', ''), _negated=True), _connector='OR'), name='a_backup_in_another_country_has_its_reason'), models.CheckConstraint(condition=models.Q(models.Q(('destroyed_at__isnull', True), ('destroyed_by', '')), models.Q(('destroyed_at__isnull', False), models.Q(('destroyed_by', ''), _negated=True)), _connector='OR'), name='a_destroyed_backup_says_when_and_by_whom'), models.UniqueConstraint(condition=models.Q(('sha256__isnull', False)), fields=('sha256', 'place'), name='a_dump_is_registered_once_where_it_lies')],
            },
        ),
        migrations.CreateModel(
            name='Drill',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(default=apps.backups.models.drill_reference, editable=False, max_length=20, unique=True)),
                ('started_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('by', models.CharField(help_text='Required. Held to keep the law and to prove that it was kept.', max_length=60)),
                ('outcome', models.CharField(choices=[('running', 'running'), ('well', 'ended well'), ('found', 'found something'), ('failed', 'could not be ended'), ('killed', 'killed, cleaned up later')], default='running', max_length=10)),
                ('dump_sha256', models.BinaryField(help_text='Of the given dump; none where a fresh one was taken', max_length=32, null=True)),
                ('scratch', models.CharField(blank=True, help_text='Name of the database it was restored into', max_length=63)),
                ('entries', models.BigIntegerField(help_text='How many entries of the journal the copy did not know', null=True)),
                ('report', models.JSONField(default=dict, help_text='Counts, codes and references')),
            ],
            options={
                'ordering': ['-id'],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', True), ('outcome', 'running')), models.Q(models.Q(('outcome', 'running'), _negated=True), ('ended_at__isnull', False)), _connector='OR'), name='a_drill_that_is_over_says_when')],
            },
        ),
        migrations.CreateModel(
            name='Restore',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(default=apps.backups.models.restore_reference, editable=False, max_length=20, unique=True)),
                ('found_at', models.DateTimeField()),
                ('first_missing', models.BigIntegerField(help_text='The first entry of the journal that the database did not know')),
                ('entries', models.BigIntegerField(help_text='How many it did not know')),
                ('since', models.DateTimeField(help_text='When the first of them was written: the backup is older')),
                ('found', models.JSONField(default=dict, help_text='How many of each kind it did not know')),
                ('replayed_at', models.DateTimeField(null=True)),
                ('replayed', models.JSONField(default=dict, help_text='How many of each kind were repeated')),
            ],
            options={
                'ordering': ['-id'],
                'constraints': [models.UniqueConstraint(django.db.models.functions.comparison.Coalesce('replayed_at', models.Value(datetime.datetime(1, 1, 1, 0, 0, tzinfo=datetime.timezone.utc))), name='one_restore_is_open_at_a_time'), models.CheckConstraint(condition=models.Q(('entries__gt', 0), ('first_missing__gt', 0)), name='a_restore_lacks_something')],
            },
        ),
    ]
