"""The tables of the ledger, the marks of the journal, heartbeats, and the installation."""

import uuid

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='Heartbeat',
            fields=[
                ('name', models.CharField(max_length=40, primary_key=True, serialize=False)),
                ('at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='LedgerSeal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.BigIntegerField(unique=True)),
                ('first_event', models.BigIntegerField()),
                ('last_event', models.BigIntegerField()),
                ('count', models.BigIntegerField()),
                ('root', models.BinaryField(max_length=32)),
                ('previous', models.BinaryField(max_length=32)),
                ('sealed_at', models.DateTimeField()),
                ('signature', models.BinaryField(max_length=64)),
                ('horizon', models.BigIntegerField(help_text='Transactions below it had ended when the seal was made')),
            ],
            options={
                'ordering': ['-number'],
            },
        ),
        migrations.CreateModel(
            name='Event',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('actor', models.CharField(help_text='Required. Held to keep the law and to prove that it was kept.', max_length=60)),
                ('verb', models.CharField(max_length=60)),
                ('object', models.CharField(help_text='Reference of what it was done to', max_length=80)),
                ('facts', models.JSONField(default=dict, help_text='Numbers, codes, dates, digests and references only')),
                ('commitment', models.BinaryField(help_text='Binds the erasable detail, where there is one', max_length=32, null=True)),
                ('transaction', models.BigIntegerField(help_text='The database transaction it was written in; seals wait for older ones')),
            ],
            options={
                'verbose_name': 'ledger entry',
                'verbose_name_plural': 'ledger',
                'ordering': ['-id'],
                'permissions': [('export_event', 'Can export the ledger')],
                'indexes': [models.Index(fields=['object', '-id'], name='event_by_object'), models.Index(fields=['actor', '-id'], name='event_by_actor'), models.Index(fields=['verb', '-id'], name='event_by_verb'), models.Index(fields=['at', 'id'], name='event_by_time')],
            },
        ),
        migrations.CreateModel(
            name='EventDetail',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('salt', models.BinaryField(max_length=32)),
                ('detail', models.JSONField(help_text='Required. Held to keep the law and to prove that it was kept.')),
                ('event', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='detail', to='audit.event')),
            ],
        ),
        migrations.CreateModel(
            name='Installation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('installation_id', models.UUIDField(default=uuid.uuid4, unique=True)),
                ('created_at', models.DateTimeField()),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('id', 1)), name='there_is_one_installation')],
            },
        ),
        migrations.CreateModel(
            name='JournalEntry',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ('kind', models.CharField(max_length=40)),
                ('about', models.CharField(max_length=80)),
                ('body', models.JSONField(default=dict)),
                ('created_at', models.DateTimeField()),
                ('sequence', models.BigIntegerField(null=True, unique=True)),
                ('digest', models.BinaryField(max_length=32, null=True)),
            ],
            options={
                'verbose_name_plural': 'journal entries',
                'ordering': ['-created_at', 'id'],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('digest__isnull', True), ('sequence__isnull', True)), models.Q(('digest__isnull', False), ('sequence__isnull', False)), _connector='OR'), name='a_journalled_entry_has_sequence_and_digest')],
            },
        ),
    ]
