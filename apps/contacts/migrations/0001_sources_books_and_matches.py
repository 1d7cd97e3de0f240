"""Sources with what was read from them, keyed hashes with their keys, and who is matched."""

import apps.contacts.models.sources
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0004_a_scope_for_the_gate'),
        ('consents', '0003_first_purposes'),
        ('policies', '0002_published_never_changes'),
    ]

    operations = [
        migrations.CreateModel(
            name='Rematch',
            fields=[
                ('person', models.OneToOneField(db_constraint=False, help_text='Required. Held to make the service work.', on_delete=django.db.models.deletion.DO_NOTHING, primary_key=True, related_name='+', serialize=False, to='accounts.person')),
                ('changes', models.PositiveIntegerField(db_default=1, default=1)),
                ('attempts', models.PositiveSmallIntegerField(db_default=0, default=0)),
                ('leased_until', models.DateTimeField(null=True)),
                ('since', models.DateTimeField()),
            ],
            options={
                'ordering': ['since', 'person_id'],
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='MatchingKey',
            fields=[
                ('number', models.PositiveIntegerField(primary_key=True, serialize=False)),
                ('state', models.CharField(choices=[('coming', 'announced'), ('current', 'current'), ('retiring', 'on its way out'), ('destroyed', 'destroyed')], max_length=10)),
                ('announced_at', models.DateTimeField()),
                ('announced_by', models.CharField(help_text='Required. Held to keep the law and to prove that it was kept.', max_length=60)),
                ('current_at', models.DateTimeField(null=True)),
                ('retiring_at', models.DateTimeField(null=True)),
                ('destroyed_at', models.DateTimeField(null=True)),
            ],
            options={
                'ordering': ['-number'],
                'permissions': [('rotate_matchingkey', 'Can announce a rotation of the matching key')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state', 'destroyed'), _negated=True), fields=('state',), name='one_key_comes_is_current_or_retires'), models.CheckConstraint(condition=models.Q(models.Q(('current_at__isnull', True), ('destroyed_at__isnull', True), ('retiring_at__isnull', True), ('state', 'coming')), models.Q(('current_at__isnull', False), ('destroyed_at__isnull', True), ('retiring_at__isnull', True), ('state', 'current')), models.Q(('current_at__isnull', False), ('destroyed_at__isnull', True), ('retiring_at__isnull', False), ('state', 'retiring')), models.Q(('destroyed_at__isnull', False), ('state', 'destroyed')), _connector='OR'), name='a_key_says_when_it_moved')],
            },
        ),
        migrations.CreateModel(
            name='Source',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(default=apps.contacts.models.sources.source_reference, editable=False, max_length=20, unique=True)),
                ('stands', models.BooleanField(db_default=True, default=True, editable=False)),
                ('how', models.CharField(choices=[('file', 'a file'), ('dav', 'an address')], max_length=4)),
                ('name_hash', models.BinaryField(help_text='Optional. Without it: a file that is uploaded again does not replace the one before. Held to make the service work.', max_length=16, null=True)),
                ('sealed', models.BinaryField(help_text='Optional. Without it: nothing is read anew by itself. Held to make the service work.', null=True, verbose_name='address and login')),
                ('sync_state', models.BinaryField(help_text='Optional. Without it: everything is read instead of what changed. Held to make the service work.', null=True)),
                ('state', models.CharField(choices=[('active', 'in use'), ('parked', 'parked')], default='active', max_length=10)),
                ('added_at', models.DateTimeField()),
                ('entries', models.PositiveIntegerField(default=0, help_text='Cards or appointments at the last reading')),
                ('last_success_at', models.DateTimeField(null=True, verbose_name='last read')),
                ('read_fully_at', models.DateTimeField(help_text='When all of it was read last, and not only what changed', null=True)),
                ('next_at', models.DateTimeField(null=True, verbose_name='next reading')),
                ('failures', models.PositiveSmallIntegerField(default=0, help_text='In a row; counted before the reading')),
                ('attempt', models.PositiveIntegerField(default=0, help_text='Which reading holds the lease: an older one may write nothing')),
                ('leased_until', models.DateTimeField(null=True)),
                ('last_error', models.CharField(blank=True, help_text='A code; never data', max_length=40, verbose_name='trouble')),
                ('person', models.ForeignKey(db_constraint=False, help_text='Required. Held to make the service work.', on_delete=django.db.models.deletion.DO_NOTHING, related_name='contact_sources', to='accounts.person')),
                ('policy_version', models.ForeignKey(help_text='In force when it was lent.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='policies.policyversion')),
                ('purpose', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='consents.consentpurpose')),
            ],
            options={
                'ordering': ['-id'],
                'permissions': [('retry_source', 'Can have a source read again now')],
            },
        ),
        migrations.CreateModel(
            name='ContactKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('stands', models.BooleanField(db_default=True, default=True, editable=False)),
                ('item', models.BinaryField(help_text='Required. Held to make the service work.', max_length=16)),
                ('value', models.BinaryField(help_text='Required. Held to make the service work.', max_length=32)),
                ('collected_at', models.DateTimeField()),
                ('person', models.ForeignKey(db_constraint=False, help_text='Required. Held to make the service work.', on_delete=django.db.models.deletion.DO_NOTHING, related_name='contact_keys', to='accounts.person')),
                ('policy_version', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='policies.policyversion')),
                ('purpose', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='consents.consentpurpose')),
                ('key', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='contacts.matchingkey')),
                ('source', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='contact_keys', to='contacts.source')),
            ],
            options={
                'ordering': ['id'],
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='BusyTime',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('stands', models.BooleanField(db_default=True, default=True, editable=False)),
                ('item', models.BinaryField(help_text='Required. Held to make the service work.', max_length=16)),
                ('starts_at', models.DateTimeField(help_text='Required. Held to make the service work.')),
                ('ends_at', models.DateTimeField(help_text='Required. Held to make the service work.')),
                ('collected_at', models.DateTimeField()),
                ('person', models.ForeignKey(db_constraint=False, help_text='Required. Held to make the service work.', on_delete=django.db.models.deletion.DO_NOTHING, related_name='busy_times', to='accounts.person')),
                ('policy_version', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='policies.policyversion')),
                ('purpose', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='consents.consentpurpose')),
                ('source', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='busy_times', to='contacts.source')),
            ],
            options={
                'ordering': ['id'],
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='KeptBook',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(default=apps.contacts.models.sources.kept_reference, editable=False, max_length=20, unique=True)),
                ('purpose', models.CharField(choices=[('contacts', 'contacts'), ('calendar', 'calendar')], max_length=40, verbose_name='kind')),
                ('source_reference', models.CharField(max_length=20, verbose_name='source')),
                ('event', models.CharField(help_text='The withdrawal, or the removal of the source, by reference.', max_length=20, verbose_name='end of the consent')),
                ('entries', models.PositiveIntegerField()),
                ('sealed', models.BinaryField(help_text='Required. Held to keep the law and to prove that it was kept.')),
                ('kept_at', models.DateTimeField()),
                ('person', models.ForeignKey(db_constraint=False, help_text='Required. Held to make the service work.', on_delete=django.db.models.deletion.DO_NOTHING, related_name='kept_books', to='accounts.person')),
            ],
            options={
                'verbose_name': 'kept address book or calendar',
                'verbose_name_plural': 'kept address books and calendars',
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['kept_at', 'id'], name='kept_book_by_time')],
            },
        ),
        migrations.CreateModel(
            name='Match',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('stands', models.BooleanField(db_default=True, default=True, editable=False)),
                ('one_has', models.BooleanField(help_text='The first has the second in their book')),
                ('other_has', models.BooleanField(help_text='The second has the first in their book')),
                ('since', models.DateTimeField()),
                ('one', models.ForeignKey(db_constraint=False, help_text='Required. Held to make the service work.', on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.person')),
                ('other', models.ForeignKey(db_constraint=False, help_text='Required. Held to make the service work.', on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.person')),
                ('purpose', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='consents.consentpurpose')),
            ],
            options={
                'verbose_name_plural': 'matches',
                'ordering': ['id'],
                'default_permissions': (),
                'constraints': [models.CheckConstraint(condition=models.Q(('stands', True)), name='a_match_stands_on_two_consents'), models.CheckConstraint(condition=models.Q(('one__lt', models.F('other'))), name='a_match_is_of_two_people_in_one_order'), models.CheckConstraint(condition=models.Q(('one_has', True), ('other_has', True), _connector='OR'), name='a_match_rests_on_a_book'), models.UniqueConstraint(fields=('one', 'other'), name='two_people_are_matched_once')],
            },
        ),
        migrations.CreateModel(
            name='PersonKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('stands', models.BooleanField(db_default=True, default=True, editable=False)),
                ('value', models.BinaryField(help_text='Required. Held to make the service work.', max_length=32)),
                ('email', models.ForeignKey(db_constraint=False, help_text='Optional. Without it: the key is of a phone number instead. Held to make the service work.', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.personemail')),
                ('key', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='contacts.matchingkey')),
                ('person', models.ForeignKey(db_constraint=False, help_text='Required. Held to make the service work.', on_delete=django.db.models.deletion.DO_NOTHING, related_name='person_keys', to='accounts.person')),
                ('phone', models.ForeignKey(db_constraint=False, help_text='Optional. Without it: the key is of an e-mail address instead. Held to make the service work.', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.personphone')),
                ('purpose', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='consents.consentpurpose')),
            ],
            options={
                'ordering': ['id'],
                'default_permissions': (),
                'indexes': [models.Index(fields=['key', 'value'], include=('person',), name='person_key_by_value')],
                'constraints': [models.CheckConstraint(condition=models.Q(('stands', True)), name='a_persons_key_stands_on_a_consent'), models.CheckConstraint(condition=models.Q(models.Q(('email__isnull', False), ('phone__isnull', True)), models.Q(('email__isnull', True), ('phone__isnull', False)), _connector='OR'), name='a_persons_key_is_of_one_address'), models.UniqueConstraint(fields=('email', 'key'), name='an_email_has_one_value_per_key'), models.UniqueConstraint(fields=('phone', 'key'), name='a_phone_has_one_value_per_key')],
            },
        ),
        migrations.CreateModel(
            name='RefusedFile',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(default=apps.contacts.models.sources.refused_reference, editable=False, max_length=20, unique=True)),
                ('purpose', models.CharField(choices=[('contacts', 'contacts'), ('calendar', 'calendar')], max_length=40, verbose_name='kind')),
                ('how', models.CharField(choices=[('file', 'a file'), ('dav', 'an address')], max_length=4)),
                ('source_reference', models.CharField(blank=True, max_length=20, verbose_name='source')),
                ('code', models.SlugField(max_length=40, verbose_name='why')),
                ('size', models.PositiveIntegerField(verbose_name='bytes')),
                ('at', models.DateTimeField(verbose_name='refused at')),
                ('state', models.CharField(choices=[('open', 'to be looked at'), ('done', 'looked at')], default='open', max_length=10)),
                ('done_by', models.CharField(blank=True, editable=False, help_text='Required. Held to keep the law and to prove that it was kept.', max_length=60)),
                ('done_at', models.DateTimeField(editable=False, null=True)),
                ('person', models.ForeignKey(db_constraint=False, help_text='Required. Held to make the service work.', on_delete=django.db.models.deletion.DO_NOTHING, related_name='refused_files', to='accounts.person')),
            ],
            options={
                'ordering': ['-id'],
                'permissions': [('finish_refusedfile', 'Can mark the note of a refused file as looked at')],
                'indexes': [models.Index(fields=['at', 'id'], name='refused_file_by_time')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('done_at__isnull', True), ('done_by', ''), ('state', 'open')), models.Q(('done_at__isnull', False), ('state', 'done'), models.Q(('done_by', ''), _negated=True)), _connector='OR'), name='a_refused_file_is_done_by_somebody')],
            },
        ),
        migrations.AddIndex(
            model_name='source',
            index=models.Index(condition=models.Q(('how', 'dav'), ('state', 'active')), fields=['next_at', 'id'], name='source_by_next'),
        ),
        migrations.AddIndex(
            model_name='source',
            index=models.Index(fields=['added_at', 'id'], name='source_by_adding'),
        ),
        migrations.AddConstraint(
            model_name='source',
            constraint=models.CheckConstraint(condition=models.Q(('purpose__in', ['contacts', 'calendar'])), name='a_source_is_of_contacts_or_a_calendar'),
        ),
        migrations.AddConstraint(
            model_name='source',
            constraint=models.CheckConstraint(condition=models.Q(('stands', True)), name='a_source_stands_on_a_consent'),
        ),
        migrations.AddConstraint(
            model_name='source',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('how', 'dav'), ('name_hash__isnull', True), ('sealed__isnull', False)), models.Q(('how', 'file'), ('name_hash__isnull', False), ('next_at__isnull', True), ('sealed__isnull', True), ('sync_state__isnull', True)), _connector='OR'), name='an_address_is_sealed_and_a_file_has_none'),
        ),
        migrations.AddConstraint(
            model_name='source',
            constraint=models.CheckConstraint(condition=models.Q(('how', 'dav'), ('next_at__isnull', True), ('state', 'active'), _negated=True), name='an_address_in_use_has_its_next_reading'),
        ),
        migrations.AddConstraint(
            model_name='source',
            constraint=models.CheckConstraint(condition=models.Q(('last_success_at__isnull', True), ('last_success_at__gte', models.F('added_at')), _connector='OR'), name='a_source_is_read_after_it_was_lent'),
        ),
        migrations.AddConstraint(
            model_name='source',
            constraint=models.UniqueConstraint(fields=('person', 'purpose', 'name_hash'), name='a_file_of_one_name_is_there_once'),
        ),
        migrations.AddConstraint(
            model_name='source',
            constraint=models.UniqueConstraint(fields=('id', 'person', 'purpose'), name='what_is_read_points_to_its_source'),
        ),
        migrations.AddIndex(
            model_name='contactkey',
            index=models.Index(fields=['key', 'value'], include=('person',), name='contact_key_by_value'),
        ),
        migrations.AddConstraint(
            model_name='contactkey',
            constraint=models.CheckConstraint(condition=models.Q(('stands', True)), name='a_contact_stands_on_a_consent'),
        ),
        migrations.AddConstraint(
            model_name='contactkey',
            constraint=models.UniqueConstraint(fields=('source', 'item', 'value'), name='an_item_has_an_address_once'),
        ),
        migrations.AddIndex(
            model_name='busytime',
            index=models.Index(fields=['person', 'starts_at'], name='busy_by_person'),
        ),
        migrations.AddIndex(
            model_name='busytime',
            index=models.Index(fields=['ends_at'], name='busy_by_end'),
        ),
        migrations.AddConstraint(
            model_name='busytime',
            constraint=models.CheckConstraint(condition=models.Q(('stands', True)), name='a_busy_time_stands_on_a_consent'),
        ),
        migrations.AddConstraint(
            model_name='busytime',
            constraint=models.CheckConstraint(condition=models.Q(('ends_at__gt', models.F('starts_at'))), name='a_busy_time_ends_after_it_begins'),
        ),
        migrations.AddConstraint(
            model_name='busytime',
            constraint=models.UniqueConstraint(fields=('source', 'item', 'starts_at', 'ends_at'), name='an_item_is_busy_once_at_a_time'),
        ),
    ]
