"""Who runs a store for us is named at its target, and what is delivered names its disclosure.

What was proven at its place before this names none (null), which counts only until the moment of this migration; what was on its way
is handed over anew, through the gate: the same bytes under the same name are once.
"""

import django.db.models.deletion
from django.db import migrations, models

BEFORE = """
UPDATE retention_archivepart SET disclosure = NULL WHERE state = 'verified';
UPDATE retention_archivepart SET state = 'written', receipt = '{}', delivered_at = NULL WHERE state = 'delivered';
UPDATE retention_archive SET manifest = manifest - 'receipt' WHERE state = 'open' AND manifest ? 'receipt';
UPDATE retention_archive SET manifest = manifest || '{"disclosure": null}' WHERE state <> 'open' AND manifest IS NOT NULL;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('gate', '0002_what_left_stays'),
        ('providers', '0002_what_was_decided_stays'),
        ('retention', '0017_leaves_of_the_past_are_dropped'),
    ]

    operations = [
        migrations.AddField(
            model_name='archivetarget',
            name='provider',
            field=models.ForeignKey(blank=True, help_text='Who runs it for us; of S3 only', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='providers.provider'),
        ),
        migrations.AddConstraint(
            model_name='archivetarget',
            constraint=models.CheckConstraint(condition=models.Q(('provider__isnull', True), ('place', 's3'), _connector='OR'), name='only_a_store_is_run_by_a_provider'),
        ),
        migrations.AddField(
            model_name='archivepart',
            name='disclosure',
            field=models.CharField(default='', help_text='Of the gate, by reference; empty in a folder of ours, none where it was proven before there was a gate', max_length=20, null=True),
        ),
        migrations.RunSQL(BEFORE, migrations.RunSQL.noop),
    ]
