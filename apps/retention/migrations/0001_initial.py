"""The tables of rules, cohorts and their account, destructions and certificates; messages follow in 0002."""

import django.contrib.postgres.fields
import django.db.models.deletion
import simple_history.models
from django.conf import settings
from django.db import migrations, models

import apps.retention.models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0001_initial'),
        ('policies', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Message',
            fields=[
                ('id', models.BigIntegerField(primary_key=True, serialize=False)),
                ('expiry', models.DateField()),
                ('organization_id', models.BigIntegerField()),
                ('segment', models.SmallIntegerField()),
                ('policy_version_id', models.BigIntegerField()),
                ('source_tag', models.BinaryField(help_text='Required. Held to make the service work.')),
                ('tags', django.contrib.postgres.fields.ArrayField(base_field=models.BinaryField(), help_text='Required. Held to make the service work.', size=None)),
                ('proof', models.BinaryField()),
                ('ciphertext', models.BinaryField(help_text='Required. Held to make the service work.')),
            ],
            options={
                'db_table': 'message',
                'managed': False,
            },
        ),
        migrations.CreateModel(
            name='Destruction',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(default=apps.retention.models.destruction_reference, editable=False, max_length=20, unique=True)),
                ('day', models.DateField(unique=True)),
                ('state', models.CharField(choices=[('due', 'due'), ('intended', 'intent recorded'), ('journalled', 'intent in the journal'), ('shredded', 'key destroyed'), ('truncated', 'rows gone, certificates issued'), ('done', 'done: the journal says so')], default='due', max_length=12)),
                ('opened_at', models.DateTimeField()),
                ('intended_at', models.DateTimeField(null=True)),
                ('journalled_at', models.DateTimeField(null=True)),
                ('shredded_at', models.DateTimeField(null=True)),
                ('truncated_at', models.DateTimeField(null=True)),
                ('done_at', models.DateTimeField(null=True)),
                ('intent_entry', models.UUIDField(help_text="The journal's entry of the intent", null=True)),
                ('done_entry', models.UUIDField(help_text="The journal's entry of the end", null=True)),
                ('leased_until', models.DateTimeField(null=True)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('parked_at', models.DateTimeField(null=True)),
                ('last_error', models.CharField(blank=True, help_text='Kind of error; never data', max_length=200)),
                ('bytes_freed', models.BigIntegerField(null=True)),
            ],
            options={
                'ordering': ['-day'],
                'permissions': [('retry_destruction', 'Can take up a parked destruction again')],
            },
        ),
        migrations.CreateModel(
            name='Leaf',
            fields=[
                ('day', models.DateField(primary_key=True, serialize=False)),
                ('made_at', models.DateTimeField()),
                ('truncated_at', models.DateTimeField(null=True)),
            ],
            options={
                'verbose_name_plural': 'leaves',
                'ordering': ['day'],
            },
        ),
        migrations.CreateModel(
            name='Batch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(default=apps.retention.models.batch_reference, editable=False, max_length=20, unique=True)),
                ('source', models.SlugField(help_text='The system whose ids the messages carry', max_length=40)),
                ('key', models.CharField(help_text="The sender's name of the batch; for a file its SHA-256", max_length=100)),
                ('life_from', models.CharField(choices=[('sending', 'from when it was sent'), ('import', 'from the day of the import')], default='sending', max_length=10)),
                ('life_counts_from', models.DateTimeField(help_text='The moment, where life counts from an import', null=True)),
                ('handed_over_by', models.CharField(help_text='Required. Held to keep the law and to prove that it was kept.', max_length=60)),
                ('opened_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField(null=True)),
                ('committed_lines', models.BigIntegerField(default=0)),
                ('committed_digest', models.BinaryField(help_text='SHA-256 of the bytes up to there', max_length=32, null=True)),
                ('digest', models.BinaryField(help_text='SHA-256 of all bytes', max_length=32, null=True)),
                ('accepted', models.BigIntegerField(default=0)),
                ('duplicates', models.BigIntegerField(default=0)),
                ('replaced', models.BigIntegerField(default=0)),
                ('deleted', models.BigIntegerField(default=0)),
                ('refused', models.BigIntegerField(default=0)),
                ('kinds', models.JSONField(default=dict, help_text='Outcome by kind of line, as counts')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
                ('policy_version', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='policies.policyversion')),
            ],
            options={
                'verbose_name_plural': 'batches',
                'ordering': ['-id'],
                'permissions': [('import_messages', 'Can import messages')],
            },
        ),
        migrations.CreateModel(
            name='ClockDoubt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('against', models.CharField(help_text='heartbeat, database or journal', max_length=20)),
                ('clock_said', models.DateTimeField()),
                ('other_said', models.DateTimeField()),
                ('raised_at', models.DateTimeField()),
                ('confirmed_at', models.DateTimeField(null=True)),
                ('confirmed_by', models.CharField(blank=True, help_text='Required. Held to keep the law and to prove that it was kept.', max_length=60)),
            ],
            options={
                'ordering': ['-id'],
                'permissions': [('confirm_clock', 'Can confirm that the clock is right after a jump')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('confirmed_at__isnull', True)), fields=('against',), name='one_open_doubt_per_clock'), models.CheckConstraint(condition=models.Q(models.Q(('confirmed_at__isnull', True), ('confirmed_by', '')), models.Q(('confirmed_at__isnull', False), models.Q(('confirmed_by', ''), _negated=True)), _connector='OR'), name='a_confirmed_clock_says_by_whom')],
            },
        ),
        migrations.CreateModel(
            name='Cohort',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(default=apps.retention.models.cohort_reference, editable=False, max_length=20, unique=True)),
                ('expiry_on', models.DateField(help_text='UTC day from whose first moment nothing of it can be read', verbose_name='expires on')),
                ('state', models.CharField(choices=[('open', 'open: takes messages'), ('sealed', 'sealed: counted, expires within two days'), ('expired', 'expired: hidden'), ('intended', 'to be destroyed: intent recorded'), ('shredded', 'key destroyed'), ('destroyed', 'destroyed: certificate issued')], default='open', max_length=10)),
                ('archive_owed', models.BooleanField(default=False, help_text='Once owed stays owed: it does not end with the contract')),
                ('opened_at', models.DateTimeField()),
                ('sealed_at', models.DateTimeField(null=True)),
                ('expired_at', models.DateTimeField(null=True)),
                ('aside_at', models.DateTimeField(help_text="When its rows stepped aside, out of the day's leaf", null=True)),
                ('intended_at', models.DateTimeField(null=True)),
                ('shredded_at', models.DateTimeField(null=True)),
                ('destroyed_at', models.DateTimeField(null=True)),
                ('destroyed_messages', models.BigIntegerField(default=0)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='cohorts', to='accounts.organization')),
            ],
            options={
                'ordering': ['-expiry_on', '-id'],
                'permissions': [('sweep_now', 'Can ring the sweep that seals, expires and destroys what is due'), ('delete_early', 'Can delete single messages before their day')],
            },
        ),
        migrations.CreateModel(
            name='BatchShare',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('segment', models.PositiveSmallIntegerField()),
                ('conversation_class', models.CharField(blank=True, max_length=40)),
                ('messages', models.PositiveIntegerField()),
                ('bytes', models.BigIntegerField()),
                ('at', models.DateTimeField()),
                ('batch', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='shares', to='retention.batch')),
                ('cohort', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='shares', to='retention.cohort')),
            ],
        ),
        migrations.CreateModel(
            name='AsideMessage',
            fields=[
                ('id', models.BigIntegerField(primary_key=True, serialize=False)),
                ('ground', models.CharField(choices=[('archive', 'owed to an archive that does not have it yet')], max_length=10)),
                ('segment', models.SmallIntegerField()),
                ('policy_version_id', models.BigIntegerField()),
                ('tags', django.contrib.postgres.fields.ArrayField(base_field=models.BinaryField(), help_text='Required. Held to keep the law and to prove that it was kept.', size=None)),
                ('proof', models.BinaryField()),
                ('ciphertext', models.BinaryField(help_text='Required. Held to keep the law and to prove that it was kept.')),
                ('moved_at', models.DateTimeField()),
                ('cohort', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='aside', to='retention.cohort')),
            ],
        ),
        migrations.CreateModel(
            name='ConversationClass',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(default=apps.retention.models.class_reference, editable=False, max_length=20, unique=True)),
                ('code', models.SlugField(help_text='As the sending service names it in `class`', max_length=40)),
                ('name', models.CharField(max_length=80)),
                ('patient_information', models.BooleanField(blank=True, help_text='Unknown: Patient Information where the organization is HIPAA-covered, otherwise not.', null=True)),
                ('created_at', models.DateTimeField(editable=False)),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='conversation_classes', to='accounts.organization')),
            ],
            options={
                'verbose_name_plural': 'conversation classes',
                'ordering': ['organization_id', 'code'],
            },
        ),
        migrations.CreateModel(
            name='Certificate',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.CharField(default=apps.retention.models.certificate_number, editable=False, max_length=20, unique=True)),
                ('issued_at', models.DateTimeField()),
                ('messages', models.BigIntegerField()),
                ('document', models.JSONField()),
                ('cohort', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='certificate', to='retention.cohort')),
                ('destruction', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='certificates', to='retention.destruction')),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='EarlyDeletion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(default=apps.retention.models.deletion_reference, editable=False, max_length=20, unique=True)),
                ('segment', models.PositiveSmallIntegerField()),
                ('bytes', models.BigIntegerField()),
                ('proof', models.BinaryField(max_length=32)),
                ('source_tag', models.BinaryField(help_text='Required. Held to keep the law and to prove that it was kept.', max_length=16)),
                ('reason', models.CharField(max_length=40)),
                ('by', models.CharField(help_text='Required. Held to keep the law and to prove that it was kept.', max_length=60)),
                ('at', models.DateTimeField()),
                ('cohort', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='early_deletions', to='retention.cohort')),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='HistoricalConversationClass',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('reference', models.CharField(db_index=True, default=apps.retention.models.class_reference, editable=False, max_length=20)),
                ('code', models.SlugField(help_text='As the sending service names it in `class`', max_length=40)),
                ('name', models.CharField(max_length=80)),
                ('patient_information', models.BooleanField(blank=True, help_text='Unknown: Patient Information where the organization is HIPAA-covered, otherwise not.', null=True)),
                ('created_at', models.DateTimeField(editable=False)),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('organization', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.organization')),
            ],
            options={
                'verbose_name': 'historical conversation class',
                'verbose_name_plural': 'historical conversation classes',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='ImportedOnce',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('tag', models.BinaryField(max_length=16)),
                ('expiry_on', models.DateField()),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
            ],
        ),
        migrations.CreateModel(
            name='RefusedLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.BigIntegerField()),
                ('code', models.CharField(max_length=40)),
                ('why', models.CharField(max_length=300)),
                ('batch', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='refused_lines', to='retention.batch')),
            ],
            options={
                'ordering': ['batch_id', 'number'],
            },
        ),
        migrations.CreateModel(
            name='RetentionRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(default=apps.retention.models.rule_reference, editable=False, max_length=20, unique=True)),
                ('life_days', models.PositiveIntegerField(help_text='From sending; rounded up to the end of a UTC day, over 400 days to the end of a month.', verbose_name='life in days')),
                ('minimum_days', models.PositiveIntegerField(help_text='No rule of a class may be shorter.', verbose_name='shortest life in days')),
                ('maximum_days', models.PositiveIntegerField(help_text='No rule of a class may be longer.', verbose_name='longest life in days')),
                ('effective_from', models.DateTimeField(help_text='UTC. Only messages sent from then on fall under it; what is stored keeps its day.')),
                ('state', models.CharField(choices=[('proposed', 'waits for a second person'), ('approved', 'Approved'), ('rejected', 'Rejected')], default='proposed', editable=False, max_length=10)),
                ('proposed_by', models.CharField(editable=False, help_text='Required. Held to keep the law and to prove that it was kept.', max_length=60)),
                ('proposed_at', models.DateTimeField(editable=False)),
                ('decided_by', models.CharField(blank=True, editable=False, help_text='Required. Held to keep the law and to prove that it was kept.', max_length=60)),
                ('decided_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('conversation_class', models.ForeignKey(blank=True, help_text='Empty: for all conversations that have no rule of their own.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='rules', to='retention.conversationclass')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='rules', to='accounts.organization')),
            ],
            options={
                'ordering': ['-id'],
                'permissions': [('approve_retentionrule', 'Can approve or reject a rule of life')],
            },
        ),
        migrations.CreateModel(
            name='Segment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveSmallIntegerField()),
                ('opened_at', models.DateTimeField()),
                ('sealed_at', models.DateTimeField(null=True)),
                ('messages', models.BigIntegerField(null=True)),
                ('bytes', models.BigIntegerField(help_text='Of the encrypted messages', null=True)),
                ('merkle_root', models.BinaryField(max_length=32, null=True)),
                ('cohort', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='segments', to='retention.cohort')),
            ],
            options={
                'ordering': ['cohort_id', 'number'],
            },
        ),
        migrations.AddConstraint(
            model_name='batch',
            constraint=models.UniqueConstraint(fields=('organization', 'source', 'key'), name='a_batch_key_is_used_once'),
        ),
        migrations.AddConstraint(
            model_name='batch',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('life_counts_from__isnull', True), ('life_from', 'sending')), models.Q(('life_counts_from__isnull', False), ('life_from', 'import')), _connector='OR'), name='life_from_import_says_from_when'),
        ),
        migrations.AddIndex(
            model_name='cohort',
            index=models.Index(fields=['expiry_on', 'id'], name='cohort_by_day'),
        ),
        migrations.AddIndex(
            model_name='cohort',
            index=models.Index(fields=['state', 'expiry_on'], name='cohort_by_state'),
        ),
        migrations.AddConstraint(
            model_name='cohort',
            constraint=models.UniqueConstraint(fields=('organization', 'expiry_on'), name='one_cohort_per_organization_and_day'),
        ),
        migrations.AddConstraint(
            model_name='cohort',
            constraint=models.CheckConstraint(condition=models.Q(('archive_owed', False), ('state__in', ['open', 'sealed', 'expired']), _connector='OR'), name='what_is_owed_to_an_archive_is_not_destroyed_unarchived'),
        ),
        migrations.AddConstraint(
            model_name='cohort',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'destroyed'), _negated=True), models.Q(('destroyed_at__isnull', False), ('shredded_at__isnull', False)), _connector='OR'), name='a_destroyed_cohort_says_when'),
        ),
        migrations.AddConstraint(
            model_name='conversationclass',
            constraint=models.UniqueConstraint(fields=('organization', 'code'), name='a_class_has_one_code_per_organization'),
        ),
        migrations.AddConstraint(
            model_name='earlydeletion',
            constraint=models.UniqueConstraint(fields=('cohort', 'source_tag'), name='a_message_is_deleted_once'),
        ),
        migrations.AddConstraint(
            model_name='importedonce',
            constraint=models.UniqueConstraint(fields=('organization', 'tag'), name='a_message_is_imported_once'),
        ),
        migrations.AddConstraint(
            model_name='refusedline',
            constraint=models.UniqueConstraint(fields=('batch', 'number'), name='a_line_is_refused_once_per_batch'),
        ),
        migrations.AddConstraint(
            model_name='retentionrule',
            constraint=models.CheckConstraint(condition=models.Q(('minimum_days__gte', 1), ('life_days__gte', models.F('minimum_days')), ('life_days__lte', models.F('maximum_days')), ('maximum_days__lte', 36600)), name='a_life_lies_between_its_bounds'),
        ),
        migrations.AddConstraint(
            model_name='retentionrule',
            constraint=models.CheckConstraint(condition=models.Q(('decided_by', ''), models.Q(('decided_by', models.F('proposed_by')), _negated=True), _connector='OR'), name='nobody_approves_the_rule_they_proposed'),
        ),
        migrations.AddConstraint(
            model_name='retentionrule',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('decided_at__isnull', True), ('state', 'proposed')), models.Q(models.Q(('state', 'proposed'), _negated=True), ('decided_at__isnull', False), models.Q(('decided_by', ''), _negated=True)), _connector='OR'), name='a_decided_rule_says_who_and_when'),
        ),
        migrations.AddConstraint(
            model_name='retentionrule',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'approved')), fields=('organization', 'conversation_class', 'effective_from'), name='one_approved_rule_takes_effect_at_a_time', nulls_distinct=False),
        ),
        migrations.AddConstraint(
            model_name='segment',
            constraint=models.UniqueConstraint(fields=('cohort', 'number'), name='a_segment_has_one_number_per_cohort'),
        ),
        migrations.AddConstraint(
            model_name='segment',
            constraint=models.CheckConstraint(condition=models.Q(('sealed_at__isnull', True), models.Q(('bytes__isnull', False), ('merkle_root__isnull', False), ('messages__isnull', False)), _connector='OR'), name='a_sealed_segment_says_what_it_holds'),
        ),
    ]
