"""A person has one open request of a kind, clocks stand still on a statement and until a day, notes are counted."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('data_requests', '0004_mails_of_the_intake_are_counted'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='requestnote',
            options={'default_permissions': ('view',), 'ordering': ['request', 'number']},
        ),
        migrations.AddField(
            model_name='clock',
            name='pause_basis',
            field=models.CharField(blank=True, choices=[('written', 'a written statement'), ('oral', 'an oral statement: 30 days at most')], max_length=10),
        ),
        migrations.AddField(
            model_name='clock',
            name='paused_until',
            field=models.DateTimeField(help_text='Then it goes on by itself.', null=True),
        ),
        migrations.AddField(
            model_name='requestnote',
            name='number',
            field=models.PositiveIntegerField(default=1),
            preserve_default=False,
        ),
        migrations.AddConstraint(
            model_name='clock',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('pause_basis', ''), ('paused_at__isnull', True), ('paused_until__isnull', True)), models.Q(('paused_at__isnull', False), ('paused_until__gt', models.F('paused_at')), models.Q(('pause_basis', ''), _negated=True)), _connector='OR'), name='a_clock_stands_still_on_a_statement_and_until_a_day'),
        ),
        migrations.AddConstraint(
            model_name='clock',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('stopped_at__isnull', True), ('stopped_by_event', '')), models.Q(('paused_at__isnull', True), ('stopped_at__isnull', False), models.Q(('stopped_by_event', ''), _negated=True)), _connector='OR'), name='a_clock_that_stopped_says_by_what'),
        ),
        migrations.AddConstraint(
            model_name='datarequest',
            constraint=models.UniqueConstraint(condition=models.Q(models.Q(('person_reference', ''), _negated=True), models.Q(('state__in', frozenset(['answering', 'called_back', 'completed', 'denied', 'merged'])), _negated=True)), fields=('person_reference', 'kind'), name='a_person_has_one_open_request_of_a_kind'),
        ),
        migrations.AddConstraint(
            model_name='requestnote',
            constraint=models.UniqueConstraint(fields=('request', 'number'), name='notes_of_a_request_are_counted'),
        ),
    ]
