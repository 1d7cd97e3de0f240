"""What leaves on consent names it, for each person; and what a recipient is to erase when one ends is a row of its own."""

import apps.gate.models
import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('gate', '0004_to_fetch_what_was_lent'),
    ]

    operations = [
        migrations.CreateModel(
            name='WithdrawalNotice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(default=apps.gate.models.notice_reference, editable=False, max_length=20, unique=True)),
                ('recipient', models.CharField(help_text='By reference.', max_length=20)),
                ('person_reference', models.CharField(max_length=20, verbose_name='person')),
                ('consent', models.CharField(help_text='What the person had consented to, by its code.', max_length=40)),
                ('event', models.CharField(help_text='By which it ended, in the ledger of consents.', max_length=20)),
                ('ended_at', models.DateTimeField()),
                ('disclosures', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=20), blank=True, default=list, help_text='What it got on that consent.', size=None)),
                ('state', models.CharField(choices=[('due', 'to be told'), ('told', 'told, not confirmed'), ('confirmed', 'erasure confirmed')], default='due', max_length=10)),
                ('made_at', models.DateTimeField()),
                ('due_at', models.DateTimeField(verbose_name='to be confirmed by')),
                ('permit', models.CharField(blank=True, help_text='By which it was contacted.', max_length=20)),
                ('told_at', models.DateTimeField(blank=True, null=True)),
                ('confirmed_by', models.CharField(blank=True, help_text='By reference.', max_length=60)),
                ('confirmed_at', models.DateTimeField(blank=True, null=True)),
                ('evidence', models.CharField(blank=True, help_text='What it confirmed, and where that lies. Name people by their references.', max_length=300)),
            ],
            options={
                'verbose_name': 'withdrawal notice',
                'ordering': ['-id'],
                'permissions': [('confirm_withdrawalnotice', 'Can record that a recipient erased what it got on a consent that ended')],
            },
        ),
        migrations.RemoveConstraint(
            model_name='disclosure',
            name='a_disclosure_has_the_ground_of_its_recipient',
        ),
        migrations.AddField(
            model_name='disclosure',
            name='consent',
            field=models.CharField(blank=True, default='', help_text='What people consented to, by its code.', max_length=40),
        ),
        migrations.AddField(
            model_name='disclosuresubject',
            name='consent',
            field=models.CharField(blank=True, default='', help_text='What they said, in the ledger of consents.', max_length=20),
        ),
        migrations.AddField(
            model_name='gaterefusal',
            name='consent',
            field=models.CharField(blank=True, default='', max_length=40),
        ),
        migrations.AddIndex(
            model_name='disclosure',
            index=models.Index(condition=models.Q(('consent', ''), _negated=True), fields=['consent', 'id'], name='disclosure_by_consent'),
        ),
        migrations.AddConstraint(
            model_name='disclosure',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('consent', ''), ('ground', 'service_provider'), ('recipient_kind', 'provider'), models.Q(('grant', ''), _negated=True)), models.Q(('consent', ''), ('grant', ''), ('ground', 'client'), ('recipient_kind', 'client')), models.Q(('consent', ''), ('grant', ''), ('ground', 'person'), ('recipient_kind', 'person')), models.Q(('grant', ''), ('ground', 'consent'), ('patient_information', False), ('recipient_kind', 'provider'), models.Q(('consent', ''), _negated=True), models.Q(('about_kind', 'organization'), _negated=True)), _connector='OR'), name='a_disclosure_has_the_ground_of_its_recipient'),
        ),
        migrations.AddIndex(
            model_name='withdrawalnotice',
            index=models.Index(fields=['due_at', 'id'], name='withdrawal_notice_by_due_day'),
        ),
        migrations.AddIndex(
            model_name='withdrawalnotice',
            index=models.Index(fields=['made_at', 'id'], name='withdrawal_notice_by_time'),
        ),
        migrations.AddIndex(
            model_name='withdrawalnotice',
            index=models.Index(fields=['person_reference', 'consent'], name='withdrawal_notice_by_person'),
        ),
        migrations.AddConstraint(
            model_name='withdrawalnotice',
            constraint=models.UniqueConstraint(fields=('event', 'recipient'), name='a_recipient_hears_once_of_the_end_of_a_consent'),
        ),
        migrations.AddConstraint(
            model_name='withdrawalnotice',
            constraint=models.CheckConstraint(condition=models.Q(('disclosures__len__gt', 0)), name='a_withdrawal_notice_says_what_is_to_be_erased'),
        ),
        migrations.AddConstraint(
            model_name='withdrawalnotice',
            constraint=models.CheckConstraint(condition=models.Q(('due_at__gt', models.F('made_at'))), name='a_withdrawal_is_due_after_it_is_noticed'),
        ),
        migrations.AddConstraint(
            model_name='withdrawalnotice',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'told'), _negated=True), ('told_at__isnull', False), _connector='OR'), name='a_withdrawal_that_was_told_says_when'),
        ),
        migrations.AddConstraint(
            model_name='withdrawalnotice',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('confirmed_at__isnull', False), ('state', 'confirmed'), models.Q(('confirmed_by', ''), _negated=True), models.Q(('evidence', ''), _negated=True)), models.Q(models.Q(('state', 'confirmed'), _negated=True), ('confirmed_at__isnull', True), ('confirmed_by', ''), ('evidence', '')), _connector='OR'), name='an_erasure_elsewhere_says_who_confirmed_it_and_how'),
        ),
    ]
