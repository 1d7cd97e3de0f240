"""An archive per segment, what a manifest says of each part, and the number of a message deleted early."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('retention', '0009_rescheduling_and_alarms'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='archive',
            name='a_cohort_has_one_archive_per_target',
        ),
        migrations.AddField(
            model_name='archive',
            name='segment',
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='archivepart',
            name='facts',
            field=models.JSONField(default=dict, help_text='What the manifest says of it'),
        ),
        migrations.AddField(
            model_name='archivepart',
            name='numbers',
            field=models.BinaryField(default=b'', help_text='Which messages it brought for the first time, packed'),
        ),
        migrations.AddField(
            model_name='archivetarget',
            name='options',
            field=models.JSONField(blank=True, default=dict, editable=False, help_text='What else its kind of place takes: region, prefix, authority…'),
        ),
        migrations.AddField(
            model_name='archivetarget',
            name='wrong_answers',
            field=models.PositiveSmallIntegerField(db_default=0, default=0, editable=False, help_text='To this challenge'),
        ),
        migrations.AddField(
            model_name='earlydeletion',
            name='counted',
            field=models.BooleanField(db_default=False, default=False, help_text='Whether a seal had counted it before'),
        ),
        migrations.AddField(
            model_name='earlydeletion',
            name='message',
            field=models.BigIntegerField(help_text="Its number: an archive's manifest names it", null=True),
        ),
        migrations.AddConstraint(
            model_name='archive',
            constraint=models.UniqueConstraint(fields=('cohort', 'segment', 'target'), name='a_segment_has_one_archive_per_target'),
        ),
    ]
