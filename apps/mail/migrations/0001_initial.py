"""The table of the outbox."""

from django.db import migrations, models

import apps.mail.models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='OutgoingMail',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(default=apps.mail.models.mail_reference, editable=False, max_length=20, unique=True)),
                ('to_address', models.EmailField(blank=True, help_text='Required. Held to answer and to notify.', max_length=254)),
                ('subject', models.CharField(blank=True, help_text='Required. Held to answer and to notify.', max_length=200)),
                ('body', models.TextField(blank=True, help_text='Required. Held to answer and to notify.')),
                ('template', models.CharField(max_length=80)),
                ('about', models.CharField(help_text='Reference of what it is about', max_length=80)),
                ('once_key', models.CharField(help_text='The same key is never queued twice', max_length=120, unique=True)),
                ('state', models.CharField(choices=[('queued', 'Queued'), ('sent', 'Sent'), ('parked', 'parked after five attempts')], default='queued', max_length=10)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('created_at', models.DateTimeField()),
                ('next_try_at', models.DateTimeField()),
                ('leased_until', models.DateTimeField(blank=True, null=True)),
                ('sent_at', models.DateTimeField(blank=True, null=True)),
                ('emptied_at', models.DateTimeField(blank=True, null=True)),
                ('last_error', models.CharField(blank=True, help_text='Kind of error only; texts of servers may name people', max_length=80)),
            ],
            options={
                'verbose_name': 'outgoing mail',
                'verbose_name_plural': 'outgoing mail',
                'ordering': ['-id'],
                'indexes': [models.Index(condition=models.Q(('state', 'queued')), fields=['next_try_at', 'id'], name='mail_due')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('sent_at__isnull', False), ('state', 'sent')), models.Q(models.Q(('state', 'sent'), _negated=True), ('sent_at__isnull', True)), _connector='OR'), name='sent_mail_says_when')],
            },
        ),
    ]
