"""Purposes with their texts, what people said, what stands, and what went when it ended."""

import apps.consents.models.ledger
import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0004_a_scope_for_the_gate'),
        ('policies', '0002_published_never_changes'),
    ]

    operations = [
        migrations.CreateModel(
            name='ConsentPurpose',
            fields=[
                ('code', models.SlugField(help_text='Stays for good, e.g. calendar', max_length=40, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('contacts', 'contacts'), ('calendar', 'calendar'), ('announcements', 'announcements'), ('disclosure', 'disclosure to somebody')], max_length=20)),
                ('channel', models.CharField(blank=True, choices=[('', 'none'), ('email', 'e-mail'), ('in_app', 'in the product'), ('sms', 'text message')], default='', max_length=10)),
                ('title', models.CharField(help_text='What people read above the text, in a few plain words.', max_length=80)),
                ('recipient', models.CharField(blank=True, help_text='The service provider that would get the data, by reference, e.g. PRV-7F3K2MP.', max_length=20, verbose_name='goes to')),
                ('disclosure_purpose', models.CharField(blank=True, choices=[('operation', 'to run the service'), ('delivery', 'to deliver messages and mail'), ('archiving', 'to keep or hand over an archive'), ('support', 'to help who asks for help'), ('security', 'to protect the service and the people who use it'), ('analytics', 'to understand how the service is used'), ('answering', 'to give a person what they asked for'), ('legal', 'to keep the law, and in matters of law')], max_length=20, verbose_name='what it is used for there')),
                ('is_open', models.BooleanField(default=False, editable=False, verbose_name='may be given')),
                ('proposed_by', models.CharField(editable=False, help_text='A member of staff, by reference.', max_length=60)),
                ('proposed_at', models.DateTimeField(editable=False)),
                ('opened_at', models.DateTimeField(editable=False, null=True)),
                ('closed_at', models.DateTimeField(editable=False, null=True)),
            ],
            options={
                'verbose_name': 'purpose',
                'ordering': ['code'],
                'permissions': [('close_consentpurpose', 'Can stop that anybody is asked for a purpose any more')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('kind', 'disclosure'), models.Q(('recipient', ''), _negated=True), models.Q(('disclosure_purpose', ''), _negated=True)), models.Q(models.Q(('kind', 'disclosure'), _negated=True), ('disclosure_purpose', ''), ('recipient', '')), _connector='OR'), name='only_a_disclosure_names_who_gets_it_and_what_for'), models.CheckConstraint(condition=models.Q(models.Q(('kind', 'announcements'), models.Q(('channel', ''), _negated=True)), models.Q(models.Q(('kind', 'announcements'), _negated=True), ('channel', '')), _connector='OR'), name='announcements_name_their_channel'), models.CheckConstraint(condition=models.Q(models.Q(('closed_at__isnull', True), ('is_open', True), ('opened_at__isnull', False)), ('is_open', False), _connector='OR'), name='an_open_purpose_was_opened_and_not_closed')],
            },
        ),
        migrations.CreateModel(
            name='PurposeText',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField(editable=False)),
                ('words', models.TextField(help_text='Plain language, a few sentences.', max_length=1000, verbose_name='what for')),
                ('collected', models.TextField(max_length=1000, verbose_name='what is collected')),
                ('lost_without', models.TextField(max_length=500, verbose_name='what is lost without it')),
                ('categories', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=30), help_text='Data categories that the text covers, and no others.', size=None)),
                ('months', models.PositiveSmallIntegerField(blank=True, help_text='After so many months a consent ends by itself. Empty: until it is withdrawn.', null=True, verbose_name='lasts months')),
                ('state', models.CharField(choices=[('draft', 'draft'), ('published', 'published')], default='draft', editable=False, max_length=10)),
                ('digest', models.BinaryField(help_text='SHA-256 of what the text says, fixed at publication', max_length=32, null=True)),
                ('drafted_by', models.CharField(editable=False, help_text='A member of staff, by reference.', max_length=60)),
                ('drafted_at', models.DateTimeField(editable=False)),
                ('published_by', models.CharField(blank=True, editable=False, help_text='A member of staff, by reference.', max_length=60)),
                ('published_at', models.DateTimeField(editable=False, null=True)),
                ('purpose', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='texts', to='consents.consentpurpose')),
            ],
            options={
                'verbose_name': 'text of a purpose',
                'verbose_name_plural': 'texts of purposes',
                'ordering': ['purpose_id', '-number'],
                'permissions': [('publish_purposetext', 'Can approve and publish a text that somebody else drafted')],
            },
        ),
        migrations.CreateModel(
            name='ConsentEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(default=apps.consents.models.ledger.consent_reference, editable=False, max_length=20, unique=True)),
                ('act', models.CharField(choices=[('given', 'given'), ('refused', 'refused'), ('withdrawn', 'withdrawn'), ('expired', 'expired')], max_length=10)),
                ('at', models.DateTimeField()),
                ('until', models.DateTimeField(help_text='Of a consent given: when it ends by itself.', null=True)),
                ('how', models.CharField(choices=[('preference_page', 'preference page'), ('api', 'the product'), ('staff', 'told to staff'), ('one_click', 'one click in a mail'), ('signal', 'a signal of the browser'), ('import', 'an import'), ('clock', 'its time was over')], max_length=20)),
                ('where', models.CharField(blank=True, help_text='A code or a reference: which page, which mail, which service.', max_length=40)),
                ('shown_digest', models.BinaryField(help_text='SHA-256 of the text that was shown', max_length=32, null=True)),
                ('shown_at', models.DateTimeField(null=True)),
                ('person', models.ForeignKey(db_constraint=False, help_text='Required. Held to keep the law and to prove that it was kept.', on_delete=django.db.models.deletion.DO_NOTHING, related_name='consent_events', to='accounts.person')),
                ('policy_version', models.ForeignKey(help_text='In force at that moment.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='policies.policyversion')),
                ('purpose', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='events', to='consents.consentpurpose')),
                ('text', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='events', to='consents.purposetext')),
            ],
            options={
                'verbose_name': 'consent',
                'ordering': ['-id'],
                'permissions': [('receipt_consentevent', 'Can download the receipt of a consent')],
            },
        ),
        migrations.CreateModel(
            name='Standing',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('stands', models.BooleanField()),
                ('since', models.DateTimeField()),
                ('until', models.DateTimeField(help_text='When it ends by itself. Empty: when it is withdrawn.', null=True)),
                ('asked_again_from', models.DateTimeField(help_text='After a no nobody asks before this.', null=True)),
                ('event', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='consents.consentevent')),
                ('person', models.ForeignKey(db_constraint=False, help_text='Required. Held to keep the law and to prove that it was kept.', on_delete=django.db.models.deletion.DO_NOTHING, related_name='consents', to='accounts.person')),
                ('purpose', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='standings', to='consents.consentpurpose')),
                ('text', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='consents.purposetext')),
            ],
            options={
                'db_table': 'consents_standing',
                'ordering': ['-id'],
                'permissions': [('withdraw_standing', 'Can withdraw a consent when its person tells staff to')],
            },
        ),
        migrations.CreateModel(
            name='ConsentErasure',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.SlugField(help_text='Which kind of rows', max_length=40)),
                ('erased', models.PositiveIntegerField()),
                ('kept_for_hold', models.PositiveIntegerField()),
                ('at', models.DateTimeField()),
                ('event', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='erasures', to='consents.consentevent')),
            ],
            options={
                'verbose_name': 'erasure after a consent',
                'ordering': ['id'],
                'constraints': [models.UniqueConstraint(fields=('event', 'kind'), name='each_kind_of_rows_goes_once_per_event')],
            },
        ),
        migrations.AddConstraint(
            model_name='purposetext',
            constraint=models.UniqueConstraint(fields=('purpose', 'number'), name='a_text_has_one_number_per_purpose'),
        ),
        migrations.AddConstraint(
            model_name='purposetext',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'draft')), fields=('purpose',), name='a_purpose_has_one_draft'),
        ),
        migrations.AddConstraint(
            model_name='purposetext',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('words', ''), _negated=True), models.Q(('collected', ''), _negated=True), models.Q(('lost_without', ''), _negated=True), ('categories__len__gt', 0)), name='a_text_says_what_for_what_and_what_without'),
        ),
        migrations.AddConstraint(
            model_name='purposetext',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('digest__isnull', True), ('published_at__isnull', True), ('published_by', ''), ('state', 'draft')), models.Q(('digest__isnull', False), ('published_at__isnull', False), ('state', 'published'), models.Q(('published_by', ''), _negated=True)), _connector='OR'), name='a_published_text_says_who_when_and_what'),
        ),
        migrations.AddConstraint(
            model_name='purposetext',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('published_by', models.F('drafted_by')), _negated=True), ('published_by', 'system:covenant'), _connector='OR'), name='nobody_publishes_the_text_they_drafted'),
        ),
        migrations.AddConstraint(
            model_name='purposetext',
            constraint=models.CheckConstraint(condition=models.Q(('months__isnull', True), ('months__gte', 1), _connector='OR'), name='a_consent_lasts_a_month_or_longer'),
        ),
        migrations.AddIndex(
            model_name='consentevent',
            index=models.Index(fields=['person', 'purpose', '-at', '-id'], name='consent_by_person'),
        ),
        migrations.AddIndex(
            model_name='consentevent',
            index=models.Index(fields=['at', 'id'], name='consent_by_time'),
        ),
        migrations.AddIndex(
            model_name='consentevent',
            index=models.Index(fields=['purpose', '-id'], name='consent_by_purpose'),
        ),
        migrations.AddConstraint(
            model_name='consentevent',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('shown_at__isnull', False), ('shown_at__lte', models.F('at')), ('shown_digest__isnull', False)), models.Q(('shown_at__isnull', True), ('shown_digest__isnull', True), models.Q(('act', 'given'), _negated=True), models.Q(models.Q(('act', 'refused'), _negated=True), ('how', 'signal'), _connector='OR')), _connector='OR'), name='who_decided_was_shown_the_text'),
        ),
        migrations.AddConstraint(
            model_name='consentevent',
            constraint=models.CheckConstraint(condition=models.Q(('until__isnull', True), models.Q(('act', 'given'), ('until__gt', models.F('at'))), _connector='OR'), name='only_a_consent_has_an_end'),
        ),
        migrations.AddConstraint(
            model_name='consentevent',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('act', 'given'), _negated=True), models.Q(('how__in', ['clock', 'one_click', 'signal']), _negated=True), _connector='OR'), name='nobody_consents_by_a_signal'),
        ),
        migrations.AddConstraint(
            model_name='consentevent',
            constraint=models.CheckConstraint(condition=models.Q(('where', ''), ('where__regex', '^[A-Za-z0-9_.:/-]{1,40}$'), _connector='OR'), name='where_is_a_code'),
        ),
        migrations.AddIndex(
            model_name='standing',
            index=models.Index(condition=models.Q(('stands', True)), fields=['purpose', 'person'], include=('until',), name='standing_audience'),
        ),
        migrations.AddIndex(
            model_name='standing',
            index=models.Index(condition=models.Q(('stands', True), ('until__isnull', False)), fields=['until'], name='standing_by_end'),
        ),
        migrations.AddIndex(
            model_name='standing',
            index=models.Index(fields=['since', 'id'], name='standing_by_time'),
        ),
        migrations.AddConstraint(
            model_name='standing',
            constraint=models.UniqueConstraint(fields=('person', 'purpose'), name='one_standing_per_person_and_purpose'),
        ),
        migrations.AddConstraint(
            model_name='standing',
            constraint=models.UniqueConstraint(fields=('person', 'purpose', 'stands'), name='what_is_collected_points_here'),
        ),
        migrations.AddConstraint(
            model_name='standing',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('asked_again_from__isnull', True), ('stands', True), models.Q(('until__isnull', True), ('until__gt', models.F('since')), _connector='OR')), models.Q(('stands', False), ('until__isnull', True)), _connector='OR'), name='what_stands_ends_after_it_began'),
        ),
    ]
