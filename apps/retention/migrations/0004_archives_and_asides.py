"""Tables of archives, bundles of rows aside, reviews and reschedulings; columns that 0005 fills and 0006 makes required."""

import apps.retention.models.archives
import apps.retention.models.endings
import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0003_optional_ways_to_reach'),
        ('holds', '0002_what_is_held_stays_held'),
        ('retention', '0003_leaves_and_destruction'),
    ]

    operations = [
        migrations.CreateModel(
            name='Amendment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('message', models.BigIntegerField()),
                ('at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='Archive',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(default=apps.retention.models.archives.archive_reference, editable=False, max_length=20, unique=True)),
                ('state', models.CharField(choices=[('open', 'takes parts'), ('closed', 'complete, verified at its place'), ('destroyed', 'destroyed: certificate issued')], default='open', max_length=10)),
                ('opened_at', models.DateTimeField()),
                ('closed_at', models.DateTimeField(help_text='When its manifest was proven at its place', null=True)),
                ('keep_until', models.DateField(help_text='Hosted: the day on which it is destroyed', null=True)),
                ('destroyed_at', models.DateTimeField(null=True)),
                ('through_id', models.BigIntegerField(default=0, help_text='Rows up to this number are in parts')),
                ('through_amendment', models.BigIntegerField(default=0, help_text='Edits up to this number are in parts')),
                ('messages', models.BigIntegerField(default=0)),
                ('bytes', models.BigIntegerField(default=0)),
                ('manifest', models.JSONField(null=True)),
                ('last_part_at', models.DateTimeField(null=True)),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='ArchivePart',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('name', models.CharField(max_length=200)),
                ('state', models.CharField(choices=[('written', 'written, not delivered yet'), ('delivered', 'delivered, not proven yet'), ('verified', 'proven at its place')], default='written', max_length=10)),
                ('through_id', models.BigIntegerField()),
                ('through_amendment', models.BigIntegerField()),
                ('lines', models.BigIntegerField()),
                ('bytes', models.BigIntegerField()),
                ('sha256', models.BinaryField(max_length=32)),
                ('receipt', models.JSONField(default=dict, help_text='What the place answered: version, retention, signature')),
                ('tags', django.contrib.postgres.fields.ArrayField(base_field=models.BinaryField(), default=list, help_text='Required. Held to keep the law and to prove that it was kept.', size=None)),
                ('made_at', models.DateTimeField()),
                ('delivered_at', models.DateTimeField(null=True)),
                ('verified_at', models.DateTimeField(null=True)),
            ],
            options={
                'ordering': ['archive_id', 'number'],
            },
        ),
        migrations.CreateModel(
            name='ArchiveReading',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(default=apps.retention.models.archives.reading_reference, editable=False, max_length=20, unique=True)),
                ('reason', models.CharField(help_text='Required. Held to keep the law and to prove that it was kept.', max_length=300)),
                ('state', models.CharField(choices=[('proposed', 'waits for a second person'), ('approved', 'approved, not done yet'), ('rejected', 'Rejected'), ('done', 'Done')], default='proposed', editable=False, max_length=10)),
                ('asked_by', models.CharField(editable=False, help_text='Required. Held to keep the law and to prove that it was kept.', max_length=60)),
                ('asked_at', models.DateTimeField(editable=False)),
                ('decided_by', models.CharField(blank=True, editable=False, help_text='Required. Held to keep the law and to prove that it was kept.', max_length=60)),
                ('decided_at', models.DateTimeField(editable=False, null=True)),
                ('read_at', models.DateTimeField(editable=False, null=True)),
                ('lines', models.BigIntegerField(editable=False, null=True)),
            ],
            options={
                'ordering': ['-id'],
                'permissions': [('approve_archivereading', 'Can approve or reject that an archive is read back')],
            },
        ),
        migrations.CreateModel(
            name='ArchiveTarget',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(default=apps.retention.models.archives.target_reference, editable=False, max_length=20, unique=True)),
                ('kind', models.CharField(choices=[('hosted', 'archive hosted by us'), ('own_server', "the client's own server")], max_length=10)),
                ('place', models.CharField(choices=[('local', 'folder of this installation'), ('s3', 'S3 with Object Lock'), ('sftp', 'SFTP'), ('https', 'HTTPS receiver')], max_length=6)),
                ('address', models.CharField(blank=True, help_text='https://… or sftp://…; for S3 endpoint and bucket; none for a folder of ours', max_length=300)),
                ('pinned_address', models.CharField(blank=True, editable=False, help_text='What its name resolved to when it was approved', max_length=45)),
                ('country', models.CharField(help_text='Where it stores, two capitals', max_length=2)),
                ('country_reason', models.CharField(blank=True, help_text='Needed for any country but US; the second person approves it with the target.', max_length=200, verbose_name='why outside the United States')),
                ('recipient', models.CharField(blank=True, help_text="age1…, of the client's own server. We keep no key for it.", max_length=120, verbose_name="client's public key")),
                ('peer_key', models.CharField(blank=True, help_text='SFTP: its host key; HTTPS: the Ed25519 key of its receipts, in hex', max_length=800, verbose_name='key of the server')),
                ('login', models.CharField(blank=True, max_length=80)),
                ('credentials', models.BinaryField(help_text='Encrypted under a secret of the keystore', null=True)),
                ('keep_days', models.PositiveIntegerField(blank=True, help_text='Hosted archives only; six years unless agreed otherwise.', null=True, verbose_name='life of an archive in days')),
                ('state', models.CharField(choices=[('proposed', 'waits for a second person'), ('active', 'in use'), ('suspended', 'Suspended'), ('rejected', 'Rejected'), ('ended', 'Ended')], default='proposed', editable=False, max_length=10)),
                ('challenge', models.BinaryField(help_text='SHA-256 of what the client must send back', max_length=32, null=True)),
                ('proven_at', models.DateTimeField(editable=False, null=True)),
                ('tried_at', models.DateTimeField(editable=False, null=True)),
                ('proposed_by', models.CharField(editable=False, help_text='Required. Held to keep the law and to prove that it was kept.', max_length=60)),
                ('proposed_at', models.DateTimeField(editable=False)),
                ('decided_by', models.CharField(blank=True, editable=False, help_text='Required. Held to keep the law and to prove that it was kept.', max_length=60)),
                ('decided_at', models.DateTimeField(editable=False, null=True)),
                ('last_success_at', models.DateTimeField(editable=False, null=True)),
                ('failures', models.PositiveIntegerField(default=0, editable=False, help_text='In a row')),
                ('next_try_at', models.DateTimeField(editable=False, null=True)),
                ('last_error', models.CharField(blank=True, editable=False, help_text='Kind of error; never data', max_length=200)),
            ],
            options={
                'ordering': ['-id'],
                'permissions': [('approve_archivetarget', 'Can approve, reject, suspend and end a place for archives')],
            },
        ),
        migrations.CreateModel(
            name='AsideBundle',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('ground', models.CharField(choices=[('hold', 'kept by a legal hold'), ('archive', 'owed to an archive that does not have it yet'), ('review', 'waits for its review')], max_length=10)),
                ('holds', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), default=list, help_text='Holds in force that were looked at', size=None)),
                ('secret', models.CharField(help_text='Name of its secret in the keystore', max_length=100, unique=True)),
                ('opened_at', models.DateTimeField()),
                ('destroyed_at', models.DateTimeField(null=True)),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='Move',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('messages', models.PositiveIntegerField()),
                ('bytes', models.BigIntegerField()),
                ('at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='Rescheduling',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(default=apps.retention.models.endings.rescheduling_reference, editable=False, max_length=20, unique=True)),
                ('state', models.CharField(choices=[('proposed', 'waits for a second person'), ('approved', 'approved, not done yet'), ('rejected', 'Rejected'), ('done', 'Done')], default='proposed', editable=False, max_length=10)),
                ('plan', models.JSONField(default=list, editable=False, help_text='By cohort: day now, days then, messages')),
                ('plan_digest', models.BinaryField(max_length=32)),
                ('proposed_by', models.CharField(editable=False, help_text='Required. Held to keep the law and to prove that it was kept.', max_length=60)),
                ('proposed_at', models.DateTimeField(editable=False)),
                ('decided_by', models.CharField(blank=True, editable=False, help_text='Required. Held to keep the law and to prove that it was kept.', max_length=60)),
                ('decided_at', models.DateTimeField(editable=False, null=True)),
                ('leased_until', models.DateTimeField(editable=False, null=True)),
                ('attempts', models.PositiveSmallIntegerField(default=0, editable=False)),
                ('parked_at', models.DateTimeField(editable=False, null=True)),
                ('last_error', models.CharField(blank=True, editable=False, max_length=200)),
                ('moved', models.BigIntegerField(default=0, editable=False)),
                ('stayed', models.BigIntegerField(default=0, editable=False, help_text='Held, sealed or in an archive already')),
                ('done_at', models.DateTimeField(editable=False, null=True)),
            ],
            options={
                'ordering': ['-id'],
                'permissions': [('approve_rescheduling', 'Can approve or reject that stored messages get another day')],
            },
        ),
        migrations.CreateModel(
            name='Review',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('waiting', 'waits for its review'), ('approved', 'may be destroyed on its day'), ('rejected', 'kept aside, with a reason')], default='waiting', max_length=10)),
                ('opened_at', models.DateTimeField()),
                ('reminded_at', models.DateTimeField(null=True)),
                ('decided_at', models.DateTimeField(null=True)),
                ('decided_by', models.CharField(blank=True, help_text='Required. Held to keep the law and to prove that it was kept.', max_length=60)),
                ('reason', models.CharField(blank=True, help_text='Required. Held to keep the law and to prove that it was kept.', max_length=300)),
            ],
            options={
                'ordering': ['-id'],
                'permissions': [('decide_review', 'Can approve or reject the destruction of a reviewed cohort')],
            },
        ),
        migrations.CreateModel(
            name='ReviewAsked',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('since', models.DateTimeField(editable=False)),
                ('asked_by', models.CharField(editable=False, help_text='Required. Held to keep the law and to prove that it was kept.', max_length=60)),
                ('ended_at', models.DateTimeField(editable=False, null=True)),
                ('ended_by', models.CharField(blank=True, editable=False, help_text='Required. Held to keep the law and to prove that it was kept.', max_length=60)),
            ],
            options={
                'verbose_name': 'organization that asks for reviews',
                'verbose_name_plural': 'organizations that ask for reviews',
                'ordering': ['-id'],
                'permissions': [('end_reviewasked', "Can end that an organization's cohorts are reviewed")],
            },
        ),
        migrations.RemoveConstraint(
            model_name='cohort',
            name='what_is_owed_to_an_archive_is_not_destroyed_unarchived',
        ),
        migrations.AddField(
            model_name='cohort',
            name='archived_at',
            field=models.DateTimeField(help_text='When all of it was last seen in every archive it is owed to', null=True),
        ),
        migrations.AddField(
            model_name='cohort',
            name='canary',
            field=models.BinaryField(help_text="A known text under the cohort's key: who can't open it sees that the key is gone", null=True),
        ),
        migrations.AddField(
            model_name='cohort',
            name='holds_seen',
            field=models.BigIntegerField(db_default=0, default=0, help_text='The newest hold that was looked at when rows stepped aside'),
        ),
        migrations.AddField(
            model_name='destruction',
            name='cohort',
            field=models.ForeignKey(help_text='Where it ends less than a day', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='retention.cohort'),
        ),
        migrations.AddField(
            model_name='destruction',
            name='newest_hold',
            field=models.BigIntegerField(help_text='The newest hold there was when the key went; later ones come too late', null=True),
        ),
        migrations.AddField(
            model_name='destruction',
            name='scope',
            field=models.CharField(choices=[('day', 'the messages of a day'), ('aside', 'messages that had stepped aside'), ('archive', 'a hosted archive')], db_default='day', default='day', max_length=8),
        ),
        migrations.AddField(
            model_name='destruction',
            name='secret',
            field=models.CharField(help_text='The secret that dies, by its name in the keystore', max_length=100, null=True, unique=True),
        ),
        migrations.AddField(
            model_name='earlydeletion',
            name='kept_for_hold',
            field=models.BooleanField(db_default=False, default=False, help_text='Gone from the service, kept apart for a hold'),
        ),
        migrations.AddField(
            model_name='segment',
            name='archived_at',
            field=models.DateTimeField(help_text='When every archive that it is owed to had it, verified', null=True),
        ),
        migrations.AlterField(
            model_name='asidemessage',
            name='cohort',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='aside', to='retention.cohort'),
        ),
        migrations.AlterField(
            model_name='asidemessage',
            name='ground',
            field=models.CharField(choices=[('hold', 'kept by a legal hold'), ('archive', 'owed to an archive that does not have it yet'), ('review', 'waits for its review')], max_length=10),
        ),
        migrations.AlterField(
            model_name='certificate',
            name='cohort',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='certificates', to='retention.cohort'),
        ),
        migrations.AlterField(
            model_name='cohort',
            name='aside_at',
            field=models.DateTimeField(help_text="When rows of it stepped aside, out of the day's leaf", null=True),
        ),
        migrations.AlterField(
            model_name='cohort',
            name='state',
            field=models.CharField(choices=[('open', 'open: takes messages'), ('sealed', 'sealed: counted, expires within two days'), ('archived', 'archived: the archive has it, verified'), ('expired', 'expired: hidden'), ('intended', 'to be destroyed: intent recorded'), ('shredded', 'key destroyed'), ('destroyed', 'destroyed: certificate issued')], default='open', max_length=10),
        ),
        migrations.AlterField(
            model_name='destruction',
            name='day',
            field=models.DateField(help_text='The day from which it is due'),
        ),
        migrations.AddConstraint(
            model_name='certificate',
            constraint=models.UniqueConstraint(fields=('destruction', 'cohort'), name='a_destruction_certifies_a_cohort_once'),
        ),
        migrations.AddField(
            model_name='amendment',
            name='cohort',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='amendments', to='retention.cohort'),
        ),
        migrations.AddField(
            model_name='archive',
            name='cohort',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='archives', to='retention.cohort'),
        ),
        migrations.AddField(
            model_name='destruction',
            name='archive',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='retention.archive'),
        ),
        migrations.AddConstraint(
            model_name='destruction',
            constraint=models.UniqueConstraint(condition=models.Q(('scope', 'day')), fields=('day',), name='a_day_is_destroyed_once'),
        ),
        migrations.AddConstraint(
            model_name='destruction',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('archive__isnull', True), ('cohort__isnull', True), ('scope', 'day')), models.Q(('archive__isnull', True), ('cohort__isnull', False), ('scope', 'aside')), models.Q(('archive__isnull', False), ('cohort__isnull', False), ('scope', 'archive')), _connector='OR'), name='a_destruction_names_what_it_ends'),
        ),
        migrations.AddField(
            model_name='archivepart',
            name='archive',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='parts', to='retention.archive'),
        ),
        migrations.AddField(
            model_name='archivereading',
            name='archive',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='readings', to='retention.archive'),
        ),
        migrations.AddField(
            model_name='archivereading',
            name='person',
            field=models.ForeignKey(blank=True, help_text='Only what this person wrote or received; empty: all of it.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.person'),
        ),
        migrations.AddField(
            model_name='archivetarget',
            name='organization',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='archive_targets', to='accounts.organization'),
        ),
        migrations.AddField(
            model_name='archive',
            name='target',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='archives', to='retention.archivetarget'),
        ),
        migrations.AddField(
            model_name='asidebundle',
            name='cohort',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='bundles', to='retention.cohort'),
        ),
        migrations.AddField(
            model_name='asidebundle',
            name='matter',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='holds.matter'),
        ),
        migrations.AddField(
            model_name='asidemessage',
            name='bundle',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='rows', to='retention.asidebundle'),
        ),
        migrations.AddIndex(
            model_name='asidemessage',
            index=models.Index(fields=['cohort', 'ground', 'id'], name='aside_by_cohort'),
        ),
        migrations.AddField(
            model_name='move',
            name='destination',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='moves_in', to='retention.cohort'),
        ),
        migrations.AddField(
            model_name='move',
            name='origin',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='moves_out', to='retention.cohort'),
        ),
        migrations.AddField(
            model_name='rescheduling',
            name='organization',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization'),
        ),
        migrations.AddField(
            model_name='move',
            name='rescheduling',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='moves', to='retention.rescheduling'),
        ),
        migrations.AddField(
            model_name='review',
            name='cohort',
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='review', to='retention.cohort'),
        ),
        migrations.AddField(
            model_name='reviewasked',
            name='organization',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization'),
        ),
        migrations.AddIndex(
            model_name='archivepart',
            index=django.contrib.postgres.indexes.GinIndex(fields=['tags'], name='part_by_tag'),
        ),
        migrations.AddConstraint(
            model_name='archivepart',
            constraint=models.UniqueConstraint(fields=('archive', 'number'), name='a_part_has_one_number_per_archive'),
        ),
        migrations.AddConstraint(
            model_name='archivepart',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'verified'), _negated=True), ('verified_at__isnull', False), _connector='OR'), name='a_verified_part_says_when'),
        ),
        migrations.AddConstraint(
            model_name='archivereading',
            constraint=models.CheckConstraint(condition=models.Q(('decided_by', ''), models.Q(('decided_by', models.F('asked_by')), _negated=True), _connector='OR'), name='nobody_approves_the_reading_they_asked_for'),
        ),
        migrations.AddConstraint(
            model_name='archivetarget',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ['active', 'suspended'])), fields=('organization', 'kind'), name='one_place_in_use_per_organization_and_kind'),
        ),
        migrations.AddConstraint(
            model_name='archivetarget',
            constraint=models.CheckConstraint(condition=models.Q(('country', 'US'), models.Q(('country_reason', ''), _negated=True), _connector='OR'), name='another_country_has_its_reason'),
        ),
        migrations.AddConstraint(
            model_name='archivetarget',
            constraint=models.CheckConstraint(condition=models.Q(('decided_by', ''), models.Q(('decided_by', models.F('proposed_by')), _negated=True), _connector='OR'), name='nobody_approves_the_place_they_proposed'),
        ),
        migrations.AddConstraint(
            model_name='archivetarget',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'own_server'), _negated=True), models.Q(models.Q(('recipient', ''), _negated=True), models.Q(('state__in', ['proposed', 'rejected']), ('proven_at__isnull', False), _connector='OR')), _connector='OR'), name='a_clients_own_server_has_the_clients_key_proven_before_use'),
        ),
        migrations.AddConstraint(
            model_name='archivetarget',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['proposed', 'rejected']), ('tried_at__isnull', False), _connector='OR'), name='a_place_is_tried_before_use'),
        ),
        migrations.AddIndex(
            model_name='archive',
            index=models.Index(condition=models.Q(('state', 'closed')), fields=['keep_until'], name='archive_by_end'),
        ),
        migrations.AddConstraint(
            model_name='archive',
            constraint=models.UniqueConstraint(fields=('cohort', 'target'), name='a_cohort_has_one_archive_per_target'),
        ),
        migrations.AddConstraint(
            model_name='archive',
            constraint=models.CheckConstraint(condition=models.Q(('state', 'open'), models.Q(('closed_at__isnull', False), ('manifest__isnull', False)), _connector='OR'), name='a_closed_archive_has_its_manifest'),
        ),
        migrations.AddIndex(
            model_name='asidebundle',
            index=models.Index(condition=models.Q(('destroyed_at__isnull', True)), fields=['cohort', 'ground'], name='bundle_standing'),
        ),
        migrations.AddConstraint(
            model_name='asidebundle',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('ground', 'hold'), ('matter__isnull', False)), models.Q(models.Q(('ground', 'hold'), _negated=True), ('matter__isnull', True)), _connector='OR'), name='what_a_hold_keeps_names_its_matter'),
        ),
        migrations.AddConstraint(
            model_name='rescheduling',
            constraint=models.CheckConstraint(condition=models.Q(('decided_by', ''), models.Q(('decided_by', models.F('proposed_by')), _negated=True), _connector='OR'), name='nobody_approves_the_rescheduling_they_proposed'),
        ),
        migrations.AddConstraint(
            model_name='rescheduling',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ['proposed', 'approved'])), fields=('organization',), name='one_rescheduling_at_a_time'),
        ),
        migrations.AddConstraint(
            model_name='review',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'rejected'), _negated=True), models.Q(('reason', ''), _negated=True), _connector='OR'), name='a_rejected_review_has_its_reason'),
        ),
        migrations.AddConstraint(
            model_name='review',
            constraint=models.CheckConstraint(condition=models.Q(('state', 'waiting'), models.Q(('decided_at__isnull', False), models.Q(('decided_by', ''), _negated=True)), _connector='OR'), name='a_decided_review_says_who_and_when'),
        ),
        migrations.AddConstraint(
            model_name='reviewasked',
            constraint=models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True)), fields=('organization',), name='reviews_are_asked_once_at_a_time'),
        ),
    ]
