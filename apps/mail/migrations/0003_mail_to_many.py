"""Mail that goes to many waits for mail that goes to one, says where it is unsubscribed from, and can be taken back before it left."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('mail', '0002_retry_and_lists'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='outgoingmail',
            name='mail_due',
        ),
        migrations.AddField(
            model_name='outgoingmail',
            name='is_bulk',
            field=models.BooleanField(default=False, help_text='The same words go to many people; it waits for mail that goes to one', verbose_name='to many'),
        ),
        migrations.AddField(
            model_name='outgoingmail',
            name='unsubscribe_url',
            field=models.CharField(blank=True, help_text='Where one click ends such mail (RFC 8058); whoever has it can do that.', max_length=200),
        ),
        migrations.AlterField(
            model_name='outgoingmail',
            name='state',
            field=models.CharField(choices=[('queued', 'Queued'), ('sent', 'Sent'), ('parked', 'parked after five attempts'), ('taken_back', 'taken back before it left')], default='queued', max_length=10),
        ),
        migrations.AddIndex(
            model_name='outgoingmail',
            index=models.Index(condition=models.Q(('state', 'queued')), fields=['is_bulk', 'next_try_at', 'id'], name='mail_due'),
        ),
        migrations.AddConstraint(
            model_name='outgoingmail',
            constraint=models.CheckConstraint(condition=models.Q(('unsubscribe_url', ''), ('unsubscribe_url__regex', '^https?://[!-;=?-~]+$'), _connector='OR'), name='an_unsubscribe_address_stays_in_its_header'),
        ),
    ]
