"""The tables of what left, what was refused, permits, connections, and exceptions for countries, with what the database refuses."""

import apps.gate.models
import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0004_a_scope_for_the_gate'),
    ]

    operations = [
        migrations.CreateModel(
            name='CountryException',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(default=apps.gate.models.exception_reference, editable=False, max_length=20, unique=True)),
                ('recipient_kind', models.CharField(choices=[('provider', 'a service provider'), ('client', 'the client'), ('person', 'the person')], max_length=10, verbose_name='kind of recipient')),
                ('recipient', models.CharField(help_text='By reference.', max_length=20)),
                ('country', models.CharField(help_text='ISO 3166 code of two letters, e.g. CA', max_length=2)),
                ('starts_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField(help_text='From then on it counts no more.')),
                ('reason', models.CharField(help_text='Why it has to leave the United States. Name people by their references.', max_length=500)),
                ('state', models.CharField(choices=[('asked', 'asked for'), ('approved', 'approved'), ('rejected', 'rejected'), ('withdrawn', 'withdrawn')], default='asked', max_length=10)),
                ('asked_by', models.CharField(help_text='By reference.', max_length=60)),
                ('asked_at', models.DateTimeField()),
                ('decided_by', models.CharField(blank=True, help_text='By reference.', max_length=60)),
                ('decided_at', models.DateTimeField(blank=True, null=True)),
                ('withdrawn_by', models.CharField(blank=True, help_text='By reference.', max_length=60)),
                ('withdrawn_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'verbose_name': 'exception for a country',
                'verbose_name_plural': 'exceptions for countries',
                'ordering': ['-id'],
                'permissions': [('approve_countryexception', 'Can approve or reject an exception for a country that somebody else asked for'), ('withdraw_countryexception', 'Can withdraw an exception for a country at once')],
                'indexes': [models.Index(fields=['recipient', 'country'], name='country_exception_recipient'), models.Index(fields=['asked_at', 'id'], name='country_exception_by_asking'), models.Index(fields=['ends_at', 'id'], name='country_exception_by_end')],
                'constraints': [models.CheckConstraint(condition=models.Q(('country__regex', '^[A-Z]{2}$'), models.Q(('country', 'US'), _negated=True)), name='an_exception_is_for_another_country'), models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='an_exception_says_why'), models.CheckConstraint(condition=models.Q(('ends_at__gt', models.F('starts_at'))), name='an_exception_ends_after_it_starts'), models.CheckConstraint(condition=models.Q(('decided_by', ''), models.Q(('decided_by', models.F('asked_by')), _negated=True), _connector='OR'), name='nobody_approves_the_exception_they_asked_for'), models.CheckConstraint(condition=models.Q(('state__in', ['asked', 'withdrawn']), models.Q(('decided_at__isnull', False), models.Q(('decided_by', ''), _negated=True)), _connector='OR'), name='a_decided_exception_says_who_and_when'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'withdrawn'), ('withdrawn_at__isnull', False), models.Q(('withdrawn_by', ''), _negated=True)), models.Q(models.Q(('state', 'withdrawn'), _negated=True), ('withdrawn_at__isnull', True), ('withdrawn_by', '')), _connector='OR'), name='a_withdrawn_exception_says_who_and_when')],
            },
        ),
        migrations.CreateModel(
            name='Disclosure',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(default=apps.gate.models.disclosure_reference, max_length=20, unique=True)),
                ('at', models.DateTimeField(verbose_name='decided at')),
                ('recipient_kind', models.CharField(choices=[('provider', 'a service provider'), ('client', 'the client'), ('person', 'the person')], max_length=10, verbose_name='kind of recipient')),
                ('recipient', models.CharField(help_text='By reference.', max_length=20)),
                ('about_kind', models.CharField(choices=[('person', 'one person'), ('people', 'a set of people'), ('organization', 'an organization')], max_length=12, verbose_name='about')),
                ('about_organization', models.CharField(blank=True, max_length=20, verbose_name='organization')),
                ('about_count', models.PositiveIntegerField(blank=True, help_text='How many people it is about, where that is known.', null=True, verbose_name='people')),
                ('categories', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=20), blank=True, default=list, size=None)),
                ('fields', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=60), blank=True, default=list, size=None)),
                ('purpose', models.CharField(choices=[('operation', 'to run the service'), ('delivery', 'to deliver messages and mail'), ('archiving', 'to keep or hand over an archive'), ('support', 'to help who asks for help'), ('security', 'to protect the service and the people who use it'), ('analytics', 'to understand how the service is used'), ('answering', 'to give a person what they asked for'), ('legal', 'to keep the law, and in matters of law')], max_length=20)),
                ('ground', models.CharField(choices=[('service_provider', "a service provider's grant"), ('client', 'the client whose data it is'), ('person', 'the person themself'), ('consent', 'consent'), ('law', 'a demand of law'), ('corporate_event', 'a corporate event'), ('aggregate', 'anonymous aggregate')], max_length=20)),
                ('grant', models.CharField(blank=True, help_text="The provider's grant that covers it.", max_length=20)),
                ('exceptions', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=20), blank=True, default=list, help_text='The exceptions by which it may go to another country.', size=None)),
                ('countries', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=2), blank=True, default=list, size=None)),
                ('patient_information', models.BooleanField()),
                ('what', models.CharField(help_text='What was handed over, by reference.', max_length=120, verbose_name='object')),
                ('digest', models.BinaryField(blank=True, max_length=32, null=True, verbose_name='SHA-256')),
                ('size', models.BigIntegerField(blank=True, null=True, verbose_name='bytes')),
                ('by', models.CharField(help_text='By reference.', max_length=60)),
            ],
            options={
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['recipient', 'id'], name='disclosure_by_recipient'), models.Index(fields=['at', 'id'], include=('recipient',), name='disclosure_by_time'), models.Index(fields=['purpose', 'id'], name='disclosure_by_purpose'), models.Index(fields=['ground', 'id'], name='disclosure_by_ground'), models.Index(condition=models.Q(('about_organization', ''), _negated=True), fields=['about_organization', 'id'], name='disclosure_by_organization')],
                'constraints': [models.CheckConstraint(condition=models.Q(('purpose__in', ['analytics', 'answering', 'archiving', 'delivery', 'legal', 'operation', 'security', 'support'])), name='a_disclosure_has_a_purpose_that_exists'), models.CheckConstraint(condition=models.Q(models.Q(('ground', 'service_provider'), ('recipient_kind', 'provider'), models.Q(('grant', ''), _negated=True)), models.Q(('grant', ''), ('ground', 'client'), ('recipient_kind', 'client')), models.Q(('grant', ''), ('ground', 'person'), ('recipient_kind', 'person')), _connector='OR'), name='a_disclosure_has_the_ground_of_its_recipient'), models.CheckConstraint(condition=models.Q(('categories__contained_by', ['communication', 'contact', 'credential', 'demographic', 'device', 'identity', 'message', 'network_address', 'technical', 'usage', 'work_record']), ('categories__len__gt', 0), models.Q(('what', ''), _negated=True), models.Q(('recipient', ''), _negated=True)), name='a_disclosure_says_what_it_holds'), models.CheckConstraint(condition=models.Q(models.Q(('recipient_kind', 'provider'), _negated=True), models.Q(('categories__overlap', ['device', 'network_address']), _negated=True), models.Q(('categories__overlap', ['communication', 'contact', 'credential', 'demographic', 'identity', 'message', 'technical', 'work_record']), _negated=True), _connector='OR'), name='no_provider_gets_personal_information_with_address_or_device'), models.CheckConstraint(condition=models.Q(models.Q(('purpose', 'analytics'), _negated=True), models.Q(('categories__contained_by', ['network_address', 'usage']), ('fields__contained_by', ['app_version', 'browser_family', 'device_kind', 'duration_seconds', 'event', 'ip_address', 'language', 'occurred_at', 'os_family', 'page', 'referring_page']), ('fields__len__gt', 0)), _connector='OR'), name='analytics_get_listed_fields_only'), models.CheckConstraint(condition=models.Q(('countries__len__gt', 0)), name='a_disclosure_names_its_countries'), models.CheckConstraint(condition=models.Q(('countries__contained_by', ['US']), ('exceptions__len__gt', 0), _connector='OR'), name='what_leaves_the_united_states_names_its_exceptions')],
            },
        ),
        migrations.CreateModel(
            name='GateRefusal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(default=apps.gate.models.refusal_reference, max_length=20, unique=True)),
                ('at', models.DateTimeField(verbose_name='refused at')),
                ('stage', models.CharField(choices=[('decision', 'when asked for'), ('spending', 'when used')], max_length=10, verbose_name='refused')),
                ('permit', models.CharField(blank=True, help_text='The permit that was shown, where it is known.', max_length=20)),
                ('recipient_kind', models.CharField(blank=True, choices=[('provider', 'a service provider'), ('client', 'the client'), ('person', 'the person')], max_length=10, verbose_name='kind of recipient')),
                ('recipient', models.CharField(blank=True, help_text='By reference.', max_length=20)),
                ('about_kind', models.CharField(blank=True, choices=[('person', 'one person'), ('people', 'a set of people'), ('organization', 'an organization')], max_length=12, verbose_name='about')),
                ('about_reference', models.CharField(blank=True, max_length=20, verbose_name='person or organization')),
                ('about_count', models.PositiveIntegerField(blank=True, null=True, verbose_name='people')),
                ('categories', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=40), blank=True, default=list, size=None)),
                ('fields', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=60), blank=True, default=list, size=None)),
                ('purpose', models.CharField(blank=True, max_length=40)),
                ('ground', models.CharField(blank=True, max_length=40)),
                ('countries', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=20), blank=True, default=list, size=None)),
                ('patient_information', models.BooleanField(blank=True, null=True)),
                ('what', models.CharField(blank=True, max_length=120, verbose_name='object')),
                ('reasons', models.JSONField(help_text='Code, sentence and mend of each.')),
                ('by', models.CharField(help_text='By reference.', max_length=60)),
            ],
            options={
                'verbose_name': 'refusal',
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['at', 'id'], name='gate_refusal_by_time'), models.Index(fields=['recipient', 'id'], name='gate_refusal_by_recipient'), models.Index(condition=models.Q(('about_reference', ''), _negated=True), fields=['about_reference', 'id'], name='gate_refusal_by_subject')],
                'constraints': [models.CheckConstraint(condition=models.Q(('reasons', []), _negated=True), name='a_refusal_says_why')],
            },
        ),
        migrations.CreateModel(
            name='Permit',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(default=apps.gate.models.permit_reference, max_length=20, unique=True)),
                ('token_hash', models.BinaryField(max_length=32, unique=True)),
                ('kind', models.CharField(choices=[('data', 'for data'), ('contact', 'for a connection without data of people')], max_length=10)),
                ('why', models.CharField(blank=True, choices=[('read_back', 'to read back what is there'), ('look', 'to see whether it is there'), ('removal', 'to remove or return what is there'), ('try_out', 'to try a place with a test object')], max_length=10, verbose_name='contact')),
                ('recipient_kind', models.CharField(choices=[('provider', 'a service provider'), ('client', 'the client'), ('person', 'the person')], max_length=10, verbose_name='kind of recipient')),
                ('recipient', models.CharField(help_text='By reference.', max_length=20)),
                ('fields', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=60), blank=True, default=list, size=None)),
                ('digest', models.BinaryField(blank=True, max_length=32, null=True, verbose_name='SHA-256')),
                ('given_at', models.DateTimeField()),
                ('lapses_at', models.DateTimeField()),
                ('spent_at', models.DateTimeField(blank=True, null=True)),
                ('by', models.CharField(help_text='By reference.', max_length=60)),
                ('disclosure', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='permit', to='gate.disclosure')),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Crossing',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('host', models.CharField(max_length=253)),
                ('address', models.CharField(help_text="Of the recipient's machine.", max_length=45, verbose_name='IP address')),
                ('port', models.PositiveIntegerField()),
                ('at', models.DateTimeField()),
                ('permit', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='crossings', to='gate.permit')),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='RememberedDecision',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key_digest', models.BinaryField(max_length=32)),
                ('body_digest', models.BinaryField(help_text='Required. Held to make the service work.', max_length=32)),
                ('sealed', models.BinaryField(max_length=200)),
                ('made_at', models.DateTimeField()),
                ('permit', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='gate.permit')),
                ('token', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.servicetoken')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='DisclosureSubject',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('person_reference', models.CharField(max_length=20, verbose_name='person')),
                ('disclosure', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='subjects', to='gate.disclosure')),
            ],
            options={
                'ordering': ['id'],
                'indexes': [models.Index(fields=['person_reference', 'disclosure'], name='disclosure_by_person')],
                'constraints': [models.UniqueConstraint(fields=('disclosure', 'person_reference'), name='a_disclosure_is_about_somebody_once')],
            },
        ),
        migrations.AddIndex(
            model_name='permit',
            index=models.Index(fields=['recipient', 'id'], name='permit_by_recipient'),
        ),
        migrations.AddIndex(
            model_name='permit',
            index=models.Index(fields=['given_at', 'id'], name='permit_by_time'),
        ),
        migrations.AddConstraint(
            model_name='permit',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('disclosure__isnull', False), ('kind', 'data'), ('why', '')), models.Q(('digest__isnull', True), ('disclosure__isnull', True), ('fields__len', 0), ('kind', 'contact'), models.Q(('why', ''), _negated=True)), _connector='OR'), name='a_permit_for_data_has_its_disclosure'),
        ),
        migrations.AddConstraint(
            model_name='permit',
            constraint=models.CheckConstraint(condition=models.Q(('lapses_at__gt', models.F('given_at'))), name='a_permit_lapses_after_it_is_given'),
        ),
        migrations.AddConstraint(
            model_name='permit',
            constraint=models.CheckConstraint(condition=models.Q(('spent_at__isnull', True), ('spent_at__lt', models.F('lapses_at')), _connector='OR'), name='a_permit_is_spent_before_it_lapses'),
        ),
        migrations.AddIndex(
            model_name='crossing',
            index=models.Index(fields=['at', 'id'], name='crossing_by_time'),
        ),
        migrations.AddIndex(
            model_name='remembereddecision',
            index=models.Index(fields=['made_at'], name='remembered_decision_age'),
        ),
        migrations.AddConstraint(
            model_name='remembereddecision',
            constraint=models.UniqueConstraint(fields=('token', 'key_digest'), name='a_key_asks_for_one_permit_per_token'),
        ),
    ]
