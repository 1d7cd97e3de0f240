"""The tables of members of staff and their approvals."""

import apps.staff.models
import django.contrib.postgres.fields
import django.db.models.deletion
import django.utils.timezone
import simple_history.models
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='StaffMember',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(default=apps.staff.models.staff_reference, editable=False, help_text='Required. Held to protect the service.', max_length=20, unique=True)),
                ('username', models.CharField(help_text='Required. Held to protect the service.', max_length=60, unique=True, verbose_name='user name')),
                ('password', models.CharField(help_text='Required. Held to protect the service.', max_length=128)),
                ('full_name', models.CharField(help_text='Required. Held to protect the service.', max_length=120)),
                ('email', models.EmailField(help_text='Required. Held to protect the service.', max_length=254, unique=True, verbose_name='e-mail')),
                ('last_login', models.DateTimeField(blank=True, editable=False, help_text='Required. Held to protect the service.', null=True)),
                ('roles', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('compliance_officer', 'compliance officer'), ('records_manager', 'records manager'), ('privacy_analyst', 'privacy analyst'), ('counsel', 'counsel'), ('auditor', 'auditor'), ('administrator', 'administrator')], max_length=30), blank=True, default=list, size=None)),
                ('is_active', models.BooleanField(default=True, verbose_name='may sign in')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('left_at', models.DateTimeField(blank=True, editable=False, null=True)),
            ],
            options={
                'verbose_name': 'member of staff',
                'verbose_name_plural': 'members of staff',
                'ordering': ['id'],
                'constraints': [models.CheckConstraint(condition=models.Q(('left_at__isnull', True), ('is_active', False), _connector='OR'), name='who_left_can_not_sign_in')],
            },
        ),
        migrations.CreateModel(
            name='HistoricalStaffMember',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name='ID')),
                ('reference', models.CharField(db_index=True, default=apps.staff.models.staff_reference, editable=False, help_text='Required. Held to protect the service.', max_length=20)),
                ('username', models.CharField(db_index=True, help_text='Required. Held to protect the service.', max_length=60, verbose_name='user name')),
                ('full_name', models.CharField(help_text='Required. Held to protect the service.', max_length=120)),
                ('email', models.EmailField(db_index=True, help_text='Required. Held to protect the service.', max_length=254, verbose_name='e-mail')),
                ('roles', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('compliance_officer', 'compliance officer'), ('records_manager', 'records manager'), ('privacy_analyst', 'privacy analyst'), ('counsel', 'counsel'), ('auditor', 'auditor'), ('administrator', 'administrator')], max_length=30), blank=True, default=list, size=None)),
                ('is_active', models.BooleanField(default=True, verbose_name='may sign in')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('left_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField(db_index=True)),
                ('history_change_reason', models.CharField(max_length=100, null=True)),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('history_user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'historical member of staff',
                'verbose_name_plural': 'historical members of staff',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='Approval',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(default=apps.staff.models.approval_reference, editable=False, max_length=20, unique=True)),
                ('act', models.CharField(help_text='The permission that deciding it needs, e.g. policies.publish_policyversion', max_length=60)),
                ('subject', models.CharField(help_text='Reference of what is to be done, never a name', max_length=60)),
                ('digest', models.BinaryField(max_length=32)),
                ('asked_at', models.DateTimeField()),
                ('verdict', models.CharField(choices=[('open', 'waiting'), ('approved', 'Approved'), ('rejected', 'Rejected'), ('withdrawn', 'withdrawn by who asked'), ('void', 'void: what was asked changed, or who asked left')], default='open', max_length=10)),
                ('decided_at', models.DateTimeField(blank=True, null=True)),
                ('asked_by', models.ForeignKey(help_text='Required. Held to keep the law and to prove that it was kept.', on_delete=django.db.models.deletion.PROTECT, related_name='approvals_asked', to=settings.AUTH_USER_MODEL)),
                ('decided_by', models.ForeignKey(blank=True, help_text='Required. Held to keep the law and to prove that it was kept.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='approvals_decided', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-id'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('verdict', 'open')), fields=('act', 'subject'), name='one_open_approval_per_act_and_subject'), models.CheckConstraint(condition=models.Q(('decided_by__isnull', True), models.Q(('decided_by', models.F('asked_by')), _negated=True), ('verdict', 'withdrawn'), _connector='OR'), name='nobody_approves_what_they_asked_for'), models.CheckConstraint(condition=models.Q(models.Q(('decided_at__isnull', True), ('verdict', 'open')), models.Q(models.Q(('verdict', 'open'), _negated=True), ('decided_at__isnull', False)), _connector='OR'), name='a_decided_approval_says_when')],
            },
        ),
    ]
