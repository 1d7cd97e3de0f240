"""What clients say of messages of people who ask, marks of the erased, and readings of archives that outlive their person."""

import apps.retention.models.people
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0011_an_acceptance_stays'),
        ('retention', '0019_an_export_names_who_gets_it'),
    ]

    operations = [
        migrations.CreateModel(
            name='ErasedParticipant',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.BinaryField(help_text='Required. Held to keep the law and to prove that it was kept.', max_length=32)),
                ('alias', models.BinaryField(max_length=16)),
                ('answer', models.CharField(choices=[('ask', 'ask each time'), ('erase', 'delete their messages early'), ('pseudonymise', 'replace the person by a pseudonym'), ('keep', 'keep them until their day')], help_text='What the client said', max_length=16)),
                ('at', models.DateTimeField()),
                ('kept_until', models.DateTimeField()),
            ],
            options={
                'ordering': ['-id'],
                'default_permissions': (),
            },
        ),
        migrations.CreateModel(
            name='PersonRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(default=apps.retention.models.people.person_rule_reference, editable=False, max_length=20, unique=True)),
                ('erasure', models.CharField(choices=[('ask', 'ask each time'), ('erase', 'delete their messages early'), ('pseudonymise', 'replace the person by a pseudonym'), ('keep', 'keep them until their day')], default='ask', max_length=16, verbose_name='when a person is erased')),
                ('access', models.CharField(choices=[('ask', 'ask each time'), ('release', 'release to the person'), ('withhold', 'do not release')], default='ask', max_length=16, verbose_name='when a person asks for a copy')),
                ('evidence', models.CharField(help_text='How the client said so, and where that lies. Name people by their references.', max_length=300)),
                ('state', models.CharField(choices=[('proposed', 'waits for a second person'), ('approved', 'Approved'), ('rejected', 'Rejected')], default='proposed', editable=False, max_length=10)),
                ('proposed_by', models.CharField(editable=False, help_text='Required. Held to keep the law and to prove that it was kept.', max_length=60)),
                ('proposed_at', models.DateTimeField(editable=False)),
                ('decided_by', models.CharField(blank=True, editable=False, help_text='Required. Held to keep the law and to prove that it was kept.', max_length=60)),
                ('decided_at', models.DateTimeField(blank=True, editable=False, null=True)),
            ],
            options={
                'verbose_name': "client's rule for people",
                'verbose_name_plural': "clients' rules for people",
                'ordering': ['-id'],
                'permissions': [('approve_personrule', 'Can approve or reject what a client says of messages of people who ask')],
            },
        ),
        migrations.AddField(
            model_name='archivereading',
            name='of_erased_person',
            field=models.BooleanField(db_default=False, default=False, editable=False, help_text='It was of one person, who was erased since.'),
        ),
        migrations.AddConstraint(
            model_name='archivereading',
            constraint=models.CheckConstraint(condition=models.Q(('of_erased_person', False), models.Q(('person__isnull', True), ('state__in', ['rejected', 'done'])), _connector='OR'), name='a_reading_of_one_person_never_becomes_one_of_all'),
        ),
        migrations.AddField(
            model_name='erasedparticipant',
            name='organization',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.organization'),
        ),
        migrations.AddField(
            model_name='personrule',
            name='organization',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='person_rules', to='accounts.organization'),
        ),
        migrations.AddIndex(
            model_name='erasedparticipant',
            index=models.Index(fields=['kept_until', 'id'], name='erased_participant_by_end'),
        ),
        migrations.AddConstraint(
            model_name='erasedparticipant',
            constraint=models.UniqueConstraint(fields=('organization', 'digest'), name='an_erased_participant_is_marked_once'),
        ),
        migrations.AddIndex(
            model_name='personrule',
            index=models.Index(condition=models.Q(('state', 'approved')), fields=['organization', '-decided_at'], name='person_rule_in_force'),
        ),
        migrations.AddConstraint(
            model_name='personrule',
            constraint=models.CheckConstraint(condition=models.Q(('decided_by', ''), models.Q(('decided_by', models.F('proposed_by')), _negated=True), _connector='OR'), name='nobody_approves_the_person_rule_they_proposed'),
        ),
        migrations.AddConstraint(
            model_name='personrule',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('decided_at__isnull', True), ('state', 'proposed')), models.Q(models.Q(('state', 'proposed'), _negated=True), ('decided_at__isnull', False), models.Q(('decided_by', ''), _negated=True)), _connector='OR'), name='a_decided_person_rule_says_who_and_when'),
        ),
    ]
