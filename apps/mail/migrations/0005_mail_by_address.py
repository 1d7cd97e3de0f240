"""The mails to one address are found at once, among those that were not emptied yet: for what a person asks, and when they are erased."""

import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('mail', '0004_what_a_mail_answers'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='outgoingmail',
            index=models.Index(django.db.models.functions.text.Lower('to_address'), condition=models.Q(('to_address', ''), _negated=True), name='mail_by_address'),
        ),
    ]
