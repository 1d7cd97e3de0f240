"""The tables of matters and holds, with what the database refuses by constraint."""

import apps.holds.models
import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0003_optional_ways_to_reach'),
    ]

    operations = [
        migrations.CreateModel(
            name='Matter',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(default=apps.holds.models.matter_reference, editable=False, max_length=20, unique=True)),
                ('title', models.CharField(help_text='What colleagues call it, e.g. a docket number. Name people by their references.', max_length=120)),
                ('reason', models.CharField(help_text='Why the law asks us to keep something. Name people by their references.', max_length=500)),
                ('state', models.CharField(choices=[('open', 'open'), ('closed', 'closed')], default='open', editable=False, max_length=10)),
                ('opened_by', models.CharField(editable=False, help_text='A member of staff, by reference.', max_length=60)),
                ('opened_at', models.DateTimeField(editable=False)),
                ('closed_by', models.CharField(blank=True, editable=False, help_text='A member of staff, by reference.', max_length=60)),
                ('closed_at', models.DateTimeField(blank=True, editable=False, null=True)),
            ],
            options={
                'ordering': ['-id'],
                'permissions': [('close_matter', 'Can close a matter that has no hold in force')],
                'indexes': [django.contrib.postgres.indexes.GinIndex(django.contrib.postgres.indexes.OpClass(django.db.models.functions.text.Upper(models.F('title')), name='gin_trgm_ops'), name='matter_title_trigram'), models.Index(fields=['opened_at', 'id'], name='matter_by_opening')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('title', ''), _negated=True), models.Q(('reason', ''), _negated=True)), name='a_matter_says_what_and_why'), models.CheckConstraint(condition=models.Q(models.Q(('closed_at__isnull', True), ('closed_by', ''), ('state', 'open')), models.Q(('closed_at__isnull', False), ('state', 'closed'), models.Q(('closed_by', ''), _negated=True)), _connector='OR'), name='a_closed_matter_says_who_and_when')],
            },
        ),
        migrations.CreateModel(
            name='Hold',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(default=apps.holds.models.hold_reference, editable=False, max_length=20, unique=True)),
                ('person_reference', models.CharField(blank=True, db_index=True, max_length=20, verbose_name='person')),
                ('conversation_source', models.CharField(blank=True, help_text='The system the conversation is in, e.g. slack', max_length=40)),
                ('conversation_id', models.CharField(blank=True, help_text='Empty: all conversations.', max_length=200, verbose_name='conversation')),
                ('sent_from', models.DateField(blank=True, help_text='The first day of sending that is kept, UTC. Empty: from the beginning.', null=True)),
                ('sent_until', models.DateField(blank=True, help_text='The day after the last that is kept, UTC. Empty: without end.', null=True, verbose_name='sent before')),
                ('reason', models.CharField(help_text='Why it is kept, in the words of who placed it.', max_length=500)),
                ('salt', models.BinaryField(default=apps.holds.models.fresh_salt, max_length=32)),
                ('state', models.CharField(choices=[('active', 'in force'), ('released', 'released')], default='active', max_length=10)),
                ('placed_by', models.CharField(help_text='A member of staff, by reference.', max_length=60)),
                ('placed_at', models.DateTimeField()),
                ('release_asked_by', models.CharField(blank=True, help_text='A member of staff, by reference.', max_length=60)),
                ('release_asked_at', models.DateTimeField(blank=True, null=True)),
                ('release_reason', models.CharField(blank=True, help_text='Why it may end, in the words of who asked.', max_length=500)),
                ('released_by', models.CharField(blank=True, help_text='A member of staff, by reference.', max_length=60)),
                ('released_at', models.DateTimeField(blank=True, null=True)),
                ('kept_until', models.DateTimeField(blank=True, help_text='Until then nothing that it kept falls due.', null=True)),
                ('organization', models.ForeignKey(blank=True, help_text='Empty: of every organization.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='holds', to='accounts.organization')),
                ('person', models.ForeignKey(blank=True, help_text='Empty: of everybody.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='holds', to='accounts.person')),
                ('matter', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='holds', to='holds.matter')),
            ],
            options={
                'ordering': ['-id'],
                'permissions': [('ask_release', 'Can ask for the release of a hold'), ('release_hold', 'Can release a hold that somebody else asked to release'), ('reveal_hold', 'Can see which conversation a hold names; each look is recorded')],
                'indexes': [models.Index(fields=['placed_at', 'id'], name='hold_by_placing')],
                'constraints': [models.CheckConstraint(condition=models.Q(('organization__isnull', False), models.Q(('person_reference', ''), _negated=True), models.Q(('conversation_id', ''), _negated=True), ('sent_from__isnull', False), ('sent_until__isnull', False), _connector='OR'), name='a_hold_names_what_it_keeps'), models.CheckConstraint(condition=models.Q(models.Q(('conversation_id', ''), ('conversation_source', '')), models.Q(models.Q(('conversation_source', ''), _negated=True), models.Q(('conversation_id', ''), _negated=True), ('organization__isnull', False)), _connector='OR'), name='a_conversation_is_one_of_an_organization'), models.CheckConstraint(condition=models.Q(('person__isnull', True), models.Q(('person_reference', ''), _negated=True), _connector='OR'), name='a_hold_on_a_person_keeps_their_reference'), models.CheckConstraint(condition=models.Q(('sent_from__isnull', True), ('sent_until__isnull', True), ('sent_from__lt', models.F('sent_until')), _connector='OR'), name='a_hold_ends_after_it_begins'), models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='a_hold_says_why'), models.CheckConstraint(condition=models.Q(models.Q(('release_asked_at__isnull', True), ('release_asked_by', ''), ('release_reason', '')), models.Q(models.Q(('release_asked_by', ''), _negated=True), ('release_asked_at__isnull', False), models.Q(('release_reason', ''), _negated=True)), _connector='OR'), name='who_asks_for_a_release_says_why'), models.CheckConstraint(condition=models.Q(models.Q(('kept_until__isnull', True), ('released_at__isnull', True), ('released_by', ''), ('state', 'active')), models.Q(('kept_until__isnull', False), ('released_at__isnull', False), ('state', 'released'), models.Q(('released_by', ''), _negated=True), models.Q(('release_asked_by', ''), _negated=True)), _connector='OR'), name='a_released_hold_says_who_when_and_why'), models.CheckConstraint(condition=models.Q(('released_by', ''), models.Q(('released_by', models.F('release_asked_by')), _negated=True), _connector='OR'), name='nobody_releases_the_hold_they_asked_to_release'), models.CheckConstraint(condition=models.Q(('kept_until__isnull', True), ('kept_until__gt', models.F('released_at')), _connector='OR'), name='a_released_hold_keeps_its_grace'), models.UniqueConstraint(condition=models.Q(('state', 'active')), fields=('matter', 'organization', 'person_reference', 'conversation_source', 'conversation_id', 'sent_from', 'sent_until'), name='a_matter_keeps_the_same_once', nulls_distinct=False)],
            },
        ),
    ]
