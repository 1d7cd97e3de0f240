"""Which versions of the policy people accepted, or used the service under."""

import apps.accounts.models.acceptance
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0009_minors_are_represented'),
        ('policies', '0002_published_never_changes'),
    ]

    operations = [
        migrations.CreateModel(
            name='PolicyAcceptance',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(default=apps.accounts.models.acceptance.acceptance_reference, editable=False, max_length=20, unique=True)),
                ('how', models.CharField(choices=[('accepted', 'accepted'), ('continued_use', 'used the service under it')], max_length=15)),
                ('at', models.DateTimeField(verbose_name='said at')),
                ('by', models.CharField(help_text='Who told us: the person, a service or staff, by reference.', max_length=60)),
                ('person', models.ForeignKey(db_constraint=False, help_text='Required. Held to keep the law and to prove that it was kept.', on_delete=django.db.models.deletion.DO_NOTHING, related_name='acceptances', to='accounts.person')),
                ('policy_version', models.ForeignKey(help_text='In force at that moment.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='policies.policyversion')),
            ],
            options={
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['at', 'id'], name='acceptance_by_time'), models.Index(fields=['policy_version', '-id'], name='acceptance_by_version')],
                'constraints': [models.UniqueConstraint(fields=('person', 'policy_version', 'how'), name='a_version_is_accepted_once_each_way')],
            },
        ),
    ]
