"""The plan of a rescheduling over many messages is worked out by a worker, before anybody can propose it."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('retention', '0015_an_archive_fails_by_itself'),
    ]

    operations = [
        migrations.AlterField(
            model_name='rescheduling',
            name='state',
            field=models.CharField(
                choices=[
                    ('counting', 'its messages are being looked at'), ('counted', 'worked out: to be proposed'), ('proposed', 'waits for a second person'),
                    ('approved', 'approved, not done yet'), ('rejected', 'Rejected'), ('done', 'Done'),
                ],
                default='proposed', editable=False, max_length=10,
            ),
        ),
        migrations.AddConstraint(
            model_name='rescheduling',
            constraint=models.UniqueConstraint(
                condition=models.Q(('state__in', ['counting', 'counted'])), fields=('organization',), name='one_plan_is_worked_out_at_a_time'
            ),
        ),
    ]
