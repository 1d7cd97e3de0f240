"""The tables of organizations, persons, how they are reached, their identities, and service tokens."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.functions.text
import simple_history.models
from django.conf import settings
from django.contrib.postgres.operations import TrigramExtension
from django.db import migrations, models

import apps.accounts.models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('policies', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        # the admin searches names by trigram; a trusted extension, so the database's owner may create it
        TrigramExtension(),
        migrations.CreateModel(
            name='HistoricalOrganization',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('reference', models.CharField(db_index=True, default=apps.accounts.models.organization_reference, editable=False, max_length=20)),
                ('name', models.CharField(max_length=120)),
                ('country', models.CharField(default='US', help_text='ISO 3166 code of two letters, e.g. US', max_length=2)),
                ('hipaa_covered', models.BooleanField(default=False, help_text='All its messages are then Patient Information unless their conversation class says otherwise.', verbose_name='HIPAA-covered')),
                ('archive_entitlement', models.CharField(choices=[('none', 'no archive'), ('hosted', 'archive hosted by us'), ('own_server', "archive on the client's own server"), ('both', "hosted and on the client's own server")], default='none', help_text='What is owed to an archive is never destroyed before the archive has it, verified.', max_length=12)),
                ('contact_name', models.CharField(help_text='Required. Held to answer and to notify.', max_length=120)),
                ('contact_email', models.EmailField(help_text='Required. Held to answer and to notify.', max_length=254, verbose_name='contact e-mail')),
                ('contact_phone', models.CharField(blank=True, help_text='Optional. Without it: urgent notices reach the client by e-mail only. Held to answer and to notify.', max_length=40)),
                ('standing', models.CharField(choices=[('active', 'Active'), ('departed', 'Departed')], default='active', max_length=10)),
                ('registered_at', models.DateTimeField(editable=False)),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('policy_version', models.ForeignKey(blank=True, db_constraint=False, editable=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='policies.policyversion')),
            ],
            options={
                'verbose_name': 'historical organization',
                'verbose_name_plural': 'historical organizations',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='Organization',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(default=apps.accounts.models.organization_reference, editable=False, max_length=20, unique=True)),
                ('name', models.CharField(max_length=120)),
                ('country', models.CharField(default='US', help_text='ISO 3166 code of two letters, e.g. US', max_length=2)),
                ('hipaa_covered', models.BooleanField(default=False, help_text='All its messages are then Patient Information unless their conversation class says otherwise.', verbose_name='HIPAA-covered')),
                ('archive_entitlement', models.CharField(choices=[('none', 'no archive'), ('hosted', 'archive hosted by us'), ('own_server', "archive on the client's own server"), ('both', "hosted and on the client's own server")], default='none', help_text='What is owed to an archive is never destroyed before the archive has it, verified.', max_length=12)),
                ('contact_name', models.CharField(help_text='Required. Held to answer and to notify.', max_length=120)),
                ('contact_email', models.EmailField(help_text='Required. Held to answer and to notify.', max_length=254, verbose_name='contact e-mail')),
                ('contact_phone', models.CharField(blank=True, help_text='Optional. Without it: urgent notices reach the client by e-mail only. Held to answer and to notify.', max_length=40)),
                ('standing', models.CharField(choices=[('active', 'Active'), ('departed', 'Departed')], default='active', max_length=10)),
                ('registered_at', models.DateTimeField(editable=False)),
                ('policy_version', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='policies.policyversion')),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='HistoricalPerson',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('reference', models.CharField(db_index=True, default=apps.accounts.models.person_reference, editable=False, help_text='Required. Held to make the service work.', max_length=20)),
                ('given_name', models.CharField(help_text='Required. Held to make the service work.', max_length=80)),
                ('family_name', models.CharField(blank=True, help_text="Optional. Without it: colleagues of the same first name can't be told apart. Held to make the service work.", max_length=80)),
                ('birth_date', models.DateField(blank=True, help_text='Optional. Without it: age is confirmed by the organization instead. Held to keep children out unless represented.', null=True)),
                ('street', models.CharField(blank=True, help_text="Optional. Without it: letters can't be sent by post. Held to answer and to notify.", max_length=200)),
                ('city', models.CharField(blank=True, help_text="Optional. Without it: letters can't be sent by post. Held to answer and to notify.", max_length=80)),
                ('postal_code', models.CharField(blank=True, help_text="Optional. Without it: letters can't be sent by post. Held to answer and to notify.", max_length=20)),
                ('state', models.CharField(blank=True, help_text="Optional. Without it: rights of residents of a state, such as California's, have to be shown in another way. Held to keep the law and to prove that it was kept.", max_length=2, verbose_name='U.S. state')),
                ('country', models.CharField(blank=True, help_text="Optional. Without it: letters can't be sent by post. Held to keep the law and to prove that it was kept.", max_length=2)),
                ('standing', models.CharField(choices=[('active', 'Active'), ('suspended', 'Suspended'), ('closed', 'Closed')], default='active', max_length=10)),
                ('registered_at', models.DateTimeField(editable=False)),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('policy_version', models.ForeignKey(blank=True, db_constraint=False, editable=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='policies.policyversion')),
                ('organization', models.ForeignKey(blank=True, db_constraint=False, help_text='The client they belong to; none for somebody who registered by themself.', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.organization')),
            ],
            options={
                'verbose_name': 'historical person',
                'verbose_name_plural': 'historical people',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='Person',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(default=apps.accounts.models.person_reference, editable=False, help_text='Required. Held to make the service work.', max_length=20, unique=True)),
                ('given_name', models.CharField(help_text='Required. Held to make the service work.', max_length=80)),
                ('family_name', models.CharField(blank=True, help_text="Optional. Without it: colleagues of the same first name can't be told apart. Held to make the service work.", max_length=80)),
                ('birth_date', models.DateField(blank=True, help_text='Optional. Without it: age is confirmed by the organization instead. Held to keep children out unless represented.', null=True)),
                ('street', models.CharField(blank=True, help_text="Optional. Without it: letters can't be sent by post. Held to answer and to notify.", max_length=200)),
                ('city', models.CharField(blank=True, help_text="Optional. Without it: letters can't be sent by post. Held to answer and to notify.", max_length=80)),
                ('postal_code', models.CharField(blank=True, help_text="Optional. Without it: letters can't be sent by post. Held to answer and to notify.", max_length=20)),
                ('state', models.CharField(blank=True, help_text="Optional. Without it: rights of residents of a state, such as California's, have to be shown in another way. Held to keep the law and to prove that it was kept.", max_length=2, verbose_name='U.S. state')),
                ('country', models.CharField(blank=True, help_text="Optional. Without it: letters can't be sent by post. Held to keep the law and to prove that it was kept.", max_length=2)),
                ('standing', models.CharField(choices=[('active', 'Active'), ('suspended', 'Suspended'), ('closed', 'Closed')], default='active', max_length=10)),
                ('registered_at', models.DateTimeField(editable=False)),
                ('organization', models.ForeignKey(blank=True, help_text='The client they belong to; none for somebody who registered by themself.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='people', to='accounts.organization')),
                ('policy_version', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='policies.policyversion')),
            ],
            options={
                'verbose_name_plural': 'people',
                'ordering': ['-id'],
                'permissions': [('reveal_person', "Can see a person's fields unmasked; each look is recorded")],
            },
        ),
        migrations.CreateModel(
            name='HistoricalPersonPhone',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('number', models.CharField(help_text="Optional. Without it: calls and text messages can't be offered. Held to make the service work.", max_length=20, verbose_name='phone')),
                ('added_at', models.DateTimeField(editable=False)),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('policy_version', models.ForeignKey(blank=True, db_constraint=False, editable=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='policies.policyversion')),
                ('person', models.ForeignKey(blank=True, db_constraint=False, help_text='Required. Held to make the service work.', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.person')),
            ],
            options={
                'verbose_name': 'historical phone of a person',
                'verbose_name_plural': 'historical phones of people',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='HistoricalPersonEmail',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('address', models.EmailField(help_text='Required. Held to make the service work.', max_length=254, verbose_name='e-mail')),
                ('normalised', models.CharField(editable=False, help_text='Required. Held to make the service work.', max_length=254)),
                ('added_at', models.DateTimeField(editable=False)),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('policy_version', models.ForeignKey(blank=True, db_constraint=False, editable=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='policies.policyversion')),
                ('organization', models.ForeignKey(blank=True, db_constraint=False, editable=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.organization')),
                ('person', models.ForeignKey(blank=True, db_constraint=False, help_text='Required. Held to make the service work.', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.person')),
            ],
            options={
                'verbose_name': 'historical e-mail of a person',
                'verbose_name_plural': 'historical e-mails of people',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='HistoricalExternalIdentity',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('source', models.SlugField(help_text='The system that gave the id, e.g. slack', max_length=40)),
                ('external_id', models.CharField(help_text='Required. Held to make the service work.', max_length=200)),
                ('added_at', models.DateTimeField(editable=False)),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('policy_version', models.ForeignKey(blank=True, db_constraint=False, editable=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='policies.policyversion')),
                ('organization', models.ForeignKey(blank=True, db_constraint=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.organization')),
                ('person', models.ForeignKey(blank=True, db_constraint=False, help_text='Required. Held to make the service work.', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.person')),
            ],
            options={
                'verbose_name': 'historical external identity',
                'verbose_name_plural': 'historical external identities',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='ExternalIdentity',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('source', models.SlugField(help_text='The system that gave the id, e.g. slack', max_length=40)),
                ('external_id', models.CharField(help_text='Required. Held to make the service work.', max_length=200)),
                ('added_at', models.DateTimeField(editable=False)),
                ('policy_version', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='policies.policyversion')),
                ('organization', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
                ('person', models.ForeignKey(help_text='Required. Held to make the service work.', on_delete=django.db.models.deletion.CASCADE, related_name='identities', to='accounts.person')),
            ],
            options={
                'verbose_name_plural': 'external identities',
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='PersonEmail',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('address', models.EmailField(help_text='Required. Held to make the service work.', max_length=254, verbose_name='e-mail')),
                ('normalised', models.CharField(editable=False, help_text='Required. Held to make the service work.', max_length=254)),
                ('added_at', models.DateTimeField(editable=False)),
                ('organization', models.ForeignKey(blank=True, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
                ('person', models.ForeignKey(help_text='Required. Held to make the service work.', on_delete=django.db.models.deletion.CASCADE, related_name='emails', to='accounts.person')),
                ('policy_version', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='policies.policyversion')),
            ],
            options={
                'verbose_name': 'e-mail of a person',
                'verbose_name_plural': 'e-mails of people',
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='PersonPhone',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.CharField(help_text="Optional. Without it: calls and text messages can't be offered. Held to make the service work.", max_length=20, verbose_name='phone')),
                ('added_at', models.DateTimeField(editable=False)),
                ('person', models.ForeignKey(help_text='Required. Held to make the service work.', on_delete=django.db.models.deletion.CASCADE, related_name='phones', to='accounts.person')),
                ('policy_version', models.ForeignKey(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='policies.policyversion')),
            ],
            options={
                'verbose_name': 'phone of a person',
                'verbose_name_plural': 'phones of people',
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='ServiceToken',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(default=apps.accounts.models.token_reference, editable=False, max_length=20, unique=True)),
                ('name', models.CharField(help_text='Which system uses it, e.g. messaging-us-1', max_length=80, verbose_name='service')),
                ('digest', models.BinaryField(max_length=32, unique=True)),
                ('scopes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('organizations', 'register organizations'), ('people', 'register people'), ('messages', 'hand over messages')], max_length=20), size=None)),
                ('created_at', models.DateTimeField(editable=False)),
                ('created_by', models.CharField(editable=False, help_text='Required. Held to protect the service.', max_length=60)),
                ('revoked_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('last_used_on', models.DateField(blank=True, editable=False, null=True)),
                ('organization', models.ForeignKey(blank=True, help_text='Limits the token to one organization; empty for all.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization')),
            ],
            options={
                'ordering': ['-id'],
                'permissions': [('revoke_servicetoken', "Can revoke a service's token")],
            },
        ),
        migrations.AddIndex(
            model_name='organization',
            index=django.contrib.postgres.indexes.GinIndex(django.contrib.postgres.indexes.OpClass(django.db.models.functions.text.Upper(models.F('name')), name='gin_trgm_ops'), name='organization_name_trigram'),
        ),
        migrations.AddConstraint(
            model_name='organization',
            constraint=models.CheckConstraint(condition=models.Q(('country__regex', '^[A-Z]{2}$')), name='a_country_is_two_capitals'),
        ),
        migrations.AddIndex(
            model_name='person',
            index=django.contrib.postgres.indexes.GinIndex(django.contrib.postgres.indexes.OpClass(django.db.models.functions.text.Upper(models.F('given_name')), name='gin_trgm_ops'), name='person_given_name_trigram'),
        ),
        migrations.AddIndex(
            model_name='person',
            index=django.contrib.postgres.indexes.GinIndex(django.contrib.postgres.indexes.OpClass(django.db.models.functions.text.Upper(models.F('family_name')), name='gin_trgm_ops'), name='person_family_name_trigram'),
        ),
        migrations.AddConstraint(
            model_name='externalidentity',
            constraint=models.UniqueConstraint(fields=('organization', 'source', 'external_id'), name='an_external_id_names_one_person_per_source'),
        ),
        migrations.AddIndex(
            model_name='personemail',
            index=models.Index(fields=['normalised'], name='person_email_normalised'),
        ),
        migrations.AddConstraint(
            model_name='personemail',
            constraint=models.UniqueConstraint(fields=('organization', 'normalised'), name='an_email_belongs_to_one_person_in_an_organization', nulls_distinct=False),
        ),
        migrations.AddIndex(
            model_name='personphone',
            index=models.Index(fields=['number'], name='person_phone_number'),
        ),
        migrations.AddConstraint(
            model_name='personphone',
            constraint=models.CheckConstraint(condition=models.Q(('number__regex', '^\\+[1-9][0-9]{6,14}$')), name='a_phone_is_e164'),
        ),
        migrations.AddConstraint(
            model_name='personphone',
            constraint=models.UniqueConstraint(fields=('person', 'number'), name='a_phone_stands_once_per_person'),
        ),
    ]
