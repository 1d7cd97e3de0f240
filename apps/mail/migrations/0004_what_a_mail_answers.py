"""A mail says which mail it answers, so that mail programs show both as one conversation."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('mail', '0003_mail_to_many'),
    ]

    operations = [
        migrations.AddField(
            model_name='outgoingmail',
            name='in_reply_to',
            field=models.CharField(blank=True, help_text='The mail that this one answers, by its Message-ID.', max_length=255),
        ),
        migrations.AddConstraint(
            model_name='outgoingmail',
            constraint=models.CheckConstraint(condition=models.Q(('in_reply_to', ''), ('in_reply_to__regex', '^<[!-;=?-~]+>$'), _connector='OR'), name='what_a_mail_answers_stays_in_its_header'),
        ),
    ]
